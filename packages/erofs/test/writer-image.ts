/** An image of a folder on disk, made by the writer. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { type FolderFile, readFolder } from '../src/folder.node.ts';
import { writeImage } from '../src/image.ts';
import { type ImageLayout, planImage } from '../src/layout.ts';

export const UUID = '5d1a1c5e-8d3b-4a2f-9f6e-0c1d2e3f4a5b';
export const UUID_BYTES = new Uint8Array(Buffer.from(UUID.replaceAll('-', ''), 'hex'));

export async function imageOf(folder: string): Promise<Buffer> {
  return bytesOf(planImage(readFolder(folder).root, UUID_BYTES));
}

export async function bytesOf(layout: ImageLayout<FolderFile>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeImage(layout, readPiece)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function readPiece(file: FolderFile, offsetBytes: number, lengthBytes: number): Uint8Array {
  const descriptor = openSync(file.path, 'r');
  try {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, lengthBytes, offsetBytes));
  } finally {
    closeSync(descriptor);
  }
}

/** Says where the images part, rather than all of their bytes. */
export function assertSameImage(ours: Buffer, oracle: Buffer): void {
  if (ours.equals(oracle)) return;
  const at = ours.findIndex((byte, index) => byte !== oracle[index]);
  const where =
    at === -1 ? 'one is the beginning of the other' : `they differ from byte ${at} (block ${at >> 12}) on`;
  assert.fail(`The writer's image has ${ours.length} bytes, mkfs.erofs' has ${oracle.length}; ${where}.`);
}
