/** Where an image's bytes come from, and the bounded access to them that every other part of the reader uses. */
import { ErofsError } from './error.ts';
import { BLOCK_SIZE_BYTES } from './format.ts';

export interface BlockSource {
  /** How many bytes of the source belong to the EROFS image: more than its blocks have is fine, less is not. */
  readonly sizeBytes: number;
  /**
   * Exactly `lengthBytes` bytes from `offsetBytes` on. The caller of the reader sees its rejections unchanged; the bytes
   * that it gave may not change afterwards (they are cached and handed on without a copy).
   */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> | Uint8Array;
}

/** Reads of an image: never outside of it, never shorter than asked, with the latest blocks kept. */
export class ImageBytes {
  readonly sizeBytes: number;
  readonly #source: BlockSource;
  readonly #cacheBlocks: number;
  /** In the order of their last use: a Map keeps the order of insertion. */
  readonly #cache = new Map<number, Uint8Array>();

  /** @param sizeBytes the image's blocks: not more than the source has */
  constructor(source: BlockSource, sizeBytes: number, cacheBlocks: number) {
    this.#source = source;
    this.sizeBytes = sizeBytes;
    this.#cacheBlocks = cacheBlocks;
  }

  /** Straight from the source: for data, which is read once. */
  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    this.requireInside(offsetBytes, lengthBytes);
    return readExactly(this.#source, offsetBytes, lengthBytes);
  }

  /** A few bytes through the block cache: for inodes and what lies beside them. */
  async readSmall(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    this.requireInside(offsetBytes, lengthBytes);
    const blockIndex = Math.floor(offsetBytes / BLOCK_SIZE_BYTES);
    const startBytes = offsetBytes % BLOCK_SIZE_BYTES;
    const first = (await this.#block(blockIndex)).subarray(startBytes, startBytes + lengthBytes);
    if (first.length === lengthBytes) return first;
    const joined = new Uint8Array(lengthBytes);
    joined.set(first);
    joined.set(await this.readSmall(offsetBytes + first.length, lengthBytes - first.length), first.length);
    return joined;
  }

  /** @throws ErofsError TRUNCATED */
  requireInside(offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= this.sizeBytes) return;
    throw new ErofsError(
      'TRUNCATED',
      `Bytes ${offsetBytes} to ${offsetBytes + lengthBytes} are wanted, but the image ends at byte ${this.sizeBytes}.`,
    );
  }

  async #block(blockIndex: number): Promise<Uint8Array> {
    const kept = this.#cache.get(blockIndex);
    this.#cache.delete(blockIndex);
    const block = kept ?? (await readExactly(this.#source, blockIndex * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES));
    this.#cache.set(blockIndex, block);
    if (this.#cache.size > this.#cacheBlocks) {
      const oldest = this.#cache.keys().next().value;
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    return block;
  }
}

/** @throws ErofsError TRUNCATED when the source gives another number of bytes than it was asked for */
export async function readExactly(
  source: BlockSource,
  offsetBytes: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  const bytes = await source.read(offsetBytes, lengthBytes);
  if (bytes.length === lengthBytes) return bytes;
  throw new ErofsError(
    'TRUNCATED',
    `Reading the image: ${lengthBytes} bytes were wanted at byte ${offsetBytes}, the source gave ${bytes.length}.`,
  );
}
