/** Writes an image block by block, in order: the plain way, for callers that want bytes rather than speed. */
import { ErofsError } from './error.ts';
import { type DataExtent, type MetadataExtent, imageExtents } from './extents.ts';
import { BLOCK_SIZE_BYTES, sealSuperblock } from './format.ts';
import type { ImageLayout } from './layout.ts';
import type { FileNode } from './tree.ts';

/** Answers exactly the bytes asked for; fewer mean that the file is shorter than it was said to be. */
export type ReadFile<S> = (
  source: S,
  offsetBytes: number,
  lengthBytes: number,
) => Promise<Uint8Array> | Uint8Array;

const PIECE_BYTES = 1024 * 1024;

/**
 * The image's bytes in order, in pieces of at most 1 MiB, each a whole number of blocks.
 * @throws ErofsError TREE_INVALID when a file has fewer bytes than its node says
 */
export async function* writeImage<S>(layout: ImageLayout<S>, read: ReadFile<S>): AsyncGenerator<Uint8Array> {
  for (const extent of imageExtents(layout)) {
    if (extent.kind === 'metadata') yield await metadataBytes(extent, read);
    else yield* dataBytes(extent, read);
  }
}

async function metadataBytes<S>(extent: MetadataExtent<S>, read: ReadFile<S>): Promise<Uint8Array> {
  const bytes = extent.render();
  for (const { inode, offsetBytes, fileOffsetBytes, lengthBytes } of extent.tails) {
    bytes.set(await readExactly(read, inode.node as FileNode<S>, fileOffsetBytes, lengthBytes), offsetBytes);
  }
  if (extent.firstBlock === 0) sealSuperblock(bytes.subarray(0, BLOCK_SIZE_BYTES));
  return bytes;
}

async function* dataBytes<S>(extent: DataExtent<S>, read: ReadFile<S>): AsyncGenerator<Uint8Array> {
  const file = extent.inode.node as FileNode<S>;
  for (let offset = 0; offset < extent.lengthBytes; offset += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, extent.lengthBytes - offset);
    const bytes = await readExactly(read, file, offset, length);
    const padding = (BLOCK_SIZE_BYTES - (length % BLOCK_SIZE_BYTES)) % BLOCK_SIZE_BYTES;
    if (padding === 0) {
      yield bytes;
      continue;
    }
    const padded = new Uint8Array(length + padding);
    padded.set(bytes);
    yield padded;
  }
}

async function readExactly<S>(
  read: ReadFile<S>,
  file: FileNode<S>,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  const bytes = await read(file.source, offsetBytes, lengthBytes);
  if (bytes.length === lengthBytes) return bytes;
  throw new ErofsError(
    'TREE_INVALID',
    `A file was said to have ${file.sizeBytes} bytes; at byte ${offsetBytes} expected ${lengthBytes} more, found ${bytes.length}.`,
  );
}
