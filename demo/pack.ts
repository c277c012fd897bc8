/** A pack as the packer left it, read independently of the packer's code. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Pack {
  /** Relative to the repository. */
  readonly path: string;
  readonly rootHash: string;
  /** Where the verity superblock starts. */
  readonly hashOffsetBytes: number;
  readonly uuid: string;
  /** Path to size and SHA-256 in hex, from the manifest. */
  readonly files: ReadonlyMap<string, { readonly size: number; readonly sha256: string }>;
}

/** @throws Error when a file is absent or says something else than it should */
export function readPack(repository: string, outputFolder: string, name: string): Pack {
  const [model, revision] = name.split('@') as [string, string];
  const stem = join(outputFolder, model, revision);
  const info = readFileSync(join(repository, `${stem}.info`), 'utf8');
  const parts = /^([0-9a-f]{64})_([0-9]+)_([0-9a-f-]{36})$/.exec(info);
  if (!parts)
    throw new Error(`${stem}.info must hold ROOT_OFFSET_UUID, found ${JSON.stringify(info.slice(0, 200))}`);
  const [, rootHash, offset, uuid] = parts as unknown as [string, string, string, string];
  const manifest = JSON.parse(readFileSync(join(repository, `${stem}.json`), 'utf8')) as {
    files: { path: string; size: number; sha256: string }[];
  };
  const files = new Map(manifest.files.map(({ path, size, sha256 }) => [path, { size, sha256 }]));
  return { path: `${stem}.mpk`, rootHash, hashOffsetBytes: Number(offset), uuid, files };
}

/** modelwrap's rule: the salt is the SHA-256 of the pack's name. */
export function saltOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

/** modelwrap's rule: UUID version 5 (RFC 9562 §5.5) in the URL namespace of the pack's name with `-inner` behind it. */
export function uuidOf(name: string): string {
  const namespaceUrl = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');
  const uuid = createHash('sha1').update(namespaceUrl).update(`${name}-inner`).digest().subarray(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
