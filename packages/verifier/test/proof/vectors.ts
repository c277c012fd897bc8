/** The vectors of docs/vectors/proof-file, for tests in Node. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DamageKind } from './proofs.ts';

export const docsFolder = new URL('../../../../docs/', import.meta.url).pathname;
export const vectorsFolder = join(docsFolder, 'vectors/proof-file');

export interface VectorList {
  readonly good: Readonly<Record<string, { readonly why: string; readonly isCanonical: boolean }>>;
  readonly bad: Readonly<Record<string, { readonly why: string; readonly kind: DamageKind }>>;
}

export function readVectorList(): VectorList {
  return JSON.parse(readFileSync(join(vectorsFolder, 'vectors.json'), 'utf8')) as VectorList;
}

export function readVector(part: 'good' | 'bad', name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(vectorsFolder, part, name)));
}

export function vectorNames(part: 'good' | 'bad'): string[] {
  return readdirSync(join(vectorsFolder, part)).sort();
}
