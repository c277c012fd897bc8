/** The policy vectors of docs/vectors/policy, for tests in Node. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const docsFolder = new URL('../../../../docs/', import.meta.url).pathname;
const folder = join(docsFolder, 'vectors/policy');

export interface BadVector {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly line: number;
  readonly path: string;
  /** yaml: not even YAML as a policy may use it; shape: the JSON Schema refuses it too; meaning: rules that contradict each other, or order. */
  readonly kind: 'yaml' | 'shape' | 'meaning';
}

export function readVector(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, name)));
}

export const goodNames = names('good');
export const badNames = names('bad');

function names(part: 'good' | 'bad'): string[] {
  return readdirSync(join(folder, part)).filter((name) => name.endsWith('.yml'));
}

export function badVectors(): BadVector[] {
  const expectations = JSON.parse(readFileSync(join(folder, 'bad.json'), 'utf8')) as Record<
    string,
    Pick<BadVector, 'line' | 'path' | 'kind'>
  >;
  return Object.entries(expectations).map(([file, expected]) => ({
    file,
    bytes: readVector(`bad/${file}`),
    ...expected,
  }));
}
