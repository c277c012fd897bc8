/** The vectors of docs/pack-format.md: small trees in JSON, and what becomes of them. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface VectorEntry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  /** Octal; of the link's target for a hard link. */
  readonly mode?: string;
  /** A file of this many bytes: byte i is `i mod 251`. */
  readonly sizeBytes?: number;
  /** Or of this text. */
  readonly text?: string;
  readonly target?: string;
}

/** A tree, its name, and the pack that it must become. */
export interface PackVector {
  readonly vector: string;
  readonly why: string;
  readonly name: string;
  readonly tree: readonly VectorEntry[];
  readonly info: string;
  readonly packSizeBytes: number;
  readonly packSha256: string;
}

/** What is done to the pack of another vector, and the check that must fail because of it. */
export interface DamageVector {
  readonly vector: string;
  readonly why: string;
  readonly of: string;
  readonly damage:
    | { readonly kind: 'flip'; readonly offsetBytes: number; readonly bit: number }
    | { readonly kind: 'truncate'; readonly sizeBytes: number }
    | { readonly kind: 'append'; readonly text: string };
  readonly check: string;
  readonly code: string;
}

export const vectorFolder = new URL('../../../docs/vectors/pack/', import.meta.url).pathname;

export function readVectors<T>(prefix: 'pack_' | 'damage_'): T[] {
  return readdirSync(vectorFolder)
    .filter((file) => file.startsWith(prefix))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(vectorFolder, file), 'utf8')) as T);
}

/** Makes the tree in an empty folder. */
export function plantTree(folder: string, tree: readonly VectorEntry[]): void {
  chmodSync(folder, 0o755);
  for (const { path, kind, mode, sizeBytes = 0, text, target = '' } of tree) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    if (kind === 'directory') mkdirSync(place, { recursive: true });
    else if (kind === 'symlink') symlinkSync(target, place);
    else if (kind === 'hardlink') linkSync(join(folder, target), place);
    else writeFileSync(place, text ?? Uint8Array.from({ length: sizeBytes }, (_, index) => index % 251));
    if (kind === 'file' || kind === 'directory')
      chmodSync(place, parseInt(mode ?? (kind === 'file' ? '644' : '755'), 8));
  }
}

export function damaged(pack: Uint8Array, damage: DamageVector['damage']): Uint8Array {
  if (damage.kind === 'truncate') return pack.slice(0, damage.sizeBytes);
  if (damage.kind === 'append') return Buffer.concat([pack, Buffer.from(damage.text)]);
  const bytes = pack.slice();
  bytes[damage.offsetBytes]! ^= 1 << damage.bit;
  return bytes;
}
