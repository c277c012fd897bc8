/** Reads a whole image, and sorts how that ends. */
import assert from 'node:assert/strict';
import { ErofsError } from '../src/error.ts';
import { DIRENT_SIZE_BYTES } from '../src/format.ts';
import type { ErofsImage } from '../src/reader.ts';

/** Reads everything as the strict interface gives it. */
export async function readAll(image: ErofsImage): Promise<void> {
  const sizeBytes = image.bytes.sizeBytes;
  const mostEntries = sizeBytes / (DIRENT_SIZE_BYTES + 1) + 1;
  let entries = 0;
  for await (const entry of image.walk()) {
    assert.ok(++entries <= mostEntries, 'the walk gives more entries than the image can hold');
    if (entry.inode.kind === 'symlink') await image.readLink(entry);
    if (entry.inode.kind !== 'file') continue;
    let fileBytes = 0;
    for await (const piece of image.readFile(entry)) fileBytes += piece.length;
    assert.equal(fileBytes, entry.inode.sizeBytes);
    assert.ok(fileBytes <= sizeBytes);
  }
}

/** The typed error's code, or 'read'; anything else goes on its way. */
export async function outcomeOf(read: () => Promise<unknown>): Promise<string> {
  try {
    await read();
    return 'read';
  } catch (error) {
    if (error instanceof ErofsError) return error.code;
    throw error;
  }
}
