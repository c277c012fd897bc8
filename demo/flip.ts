/** Copies a pack with its companions and changes one byte in the middle of its largest file. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pack } from './pack.ts';

const BLOCK_BYTES = 4096;

export interface Flipped {
  readonly packPath: string;
  /** The file whose byte was changed, as the manifest names it. */
  readonly file: string;
  /** Where in the pack. */
  readonly offsetBytes: number;
}

/** @param folder takes the copy, relative to the repository like the pack's own path */
export function flipOneByte(repository: string, pack: Pack, modelFolder: string, folder: string): Flipped {
  const [file] = [...pack.files].reduce((a, b) => (b[1].size > a[1].size ? b : a));
  const bytes = readFileSync(join(repository, modelFolder, file));
  if (bytes.length < BLOCK_BYTES)
    throw new Error(`${file} is shorter than a block, no byte of it can be found in the pack`);
  const start = Math.floor(bytes.length / 2 / BLOCK_BYTES) * BLOCK_BYTES;
  const block = bytes.subarray(start, start + BLOCK_BYTES);
  const image = readFileSync(join(repository, pack.path));
  const found = image.indexOf(block);
  if (found === -1) throw new Error(`The pack does not hold block ${start / BLOCK_BYTES} of ${file}`);
  cpSync(join(repository, dirname(pack.path)), join(repository, folder), { recursive: true });
  const packPath = join(folder, pack.path.slice(dirname(pack.path).length + 1));
  const offsetBytes = found + BLOCK_BYTES / 2;
  image[offsetBytes]! ^= 1;
  writeFileSync(join(repository, packPath), image);
  return { packPath, file, offsetBytes };
}
