/** One file on its way into the image: each block is hashed for the tree and for the file, and written, in one pass. */
import { writeSync } from 'node:fs';
import type { BlockHasher, StreamDigest } from '@vitrine/verity';
import { PackError } from './error.ts';
// Not from hub/index.ts: a worker would load the whole client.
import { type GitBlobDigest, gitBlobDigest } from './hub/git-blob.ts';

export const BLOCK_BYTES = 4096;

/** Where a file's bytes go. Offsets count from the pack's start. */
export interface FilePlacement {
  readonly sizeBytes: number;
  /** The first of the file's own blocks; meaningless when `blockBytes` is 0. */
  readonly dataOffsetBytes: number;
  /** How many of the file's bytes lie in its own blocks, the last of which is filled up with zeros. */
  readonly blockBytes: number;
  /** Where the rest lies, behind the inode; meaningless when there is none. */
  readonly tailOffsetBytes: number;
}

export interface FileDigests {
  readonly sha256: string;
  readonly gitBlobSha1?: string;
}

/** An image under construction, as a thread sees it. */
export interface ImageTarget {
  readonly descriptor: number;
  readonly hasher: BlockHasher;
  /** Where the digest of image block 0 is kept, from the pack's start; undefined for an image of a single block. */
  readonly leavesOffsetBytes: number | undefined;
}

/** Hashed and written at once: what was hashed is still in the processor's cache when it is written. */
const RUN_BLOCKS = 256;
/**
 * Digests are written this many at a time. Writers of one file wait for each other in the kernel: a small write after
 * each large one would let every worker wait twice.
 */
const DIGESTS_AT_ONCE = 8 * RUN_BLOCKS;

export class FileSink {
  readonly #target: ImageTarget;
  readonly #placement: FilePlacement;
  readonly #stream: StreamDigest;
  readonly #gitBlob: GitBlobDigest | undefined;
  /** Digests that are not written yet: `#digestCount` of them, the first of image block `#firstDigestBlock`. */
  readonly #digests: Uint8Array;
  #firstDigestBlock: number;
  #digestCount = 0;
  #at = 0;

  constructor(target: ImageTarget, placement: FilePlacement, options: { gitBlob: boolean }) {
    this.#target = target;
    this.#placement = placement;
    this.#stream = target.hasher.newStream();
    this.#gitBlob = options.gitBlob ? gitBlobDigest(placement.sizeBytes) : undefined;
    const blockCount = Math.ceil(placement.blockBytes / BLOCK_BYTES);
    this.#digests = new Uint8Array(Math.min(blockCount, DIGESTS_AT_ONCE) * target.hasher.digestStrideBytes);
    this.#firstDigestBlock = placement.dataOffsetBytes / BLOCK_BYTES;
  }

  /** The file's next bytes. Every piece but the last is a whole number of blocks. */
  write(bytes: Uint8Array): void {
    const { blockBytes, sizeBytes } = this.#placement;
    if (this.#at % BLOCK_BYTES !== 0 || this.#at + bytes.length > sizeBytes) {
      throw new RangeError(
        `A piece of ${bytes.length} bytes at byte ${this.#at} of ${sizeBytes} does not fit.`,
      );
    }
    this.#gitBlob?.update(bytes);
    const inBlocks = Math.min(bytes.length, Math.max(0, blockBytes - this.#at));
    const whole = inBlocks - (inBlocks % BLOCK_BYTES);
    this.#writeBlocks(bytes.subarray(0, whole));
    if (inBlocks > whole) this.#writePadded(bytes.subarray(whole, inBlocks));
    if (bytes.length > inBlocks) this.#writeTail(bytes.subarray(inBlocks));
    this.#at += bytes.length;
  }

  /** @throws RangeError when bytes are missing */
  finish(): FileDigests {
    if (this.#at !== this.#placement.sizeBytes) {
      throw new RangeError(`A file of ${this.#placement.sizeBytes} bytes was given ${this.#at}.`);
    }
    this.#writeDigests();
    const sha256 = Buffer.from(this.#stream.digest()).toString('hex');
    return this.#gitBlob ? { sha256, gitBlobSha1: this.#gitBlob.digestHex() } : { sha256 };
  }

  #writeBlocks(blocks: Uint8Array): void {
    const { hasher, descriptor } = this.#target;
    for (let start = 0; start < blocks.length; start += RUN_BLOCKS * BLOCK_BYTES) {
      const run = blocks.subarray(start, start + RUN_BLOCKS * BLOCK_BYTES);
      hasher.hashBlocksAndStream(run, this.#roomFor(run.length / BLOCK_BYTES), this.#stream);
      writeAt(descriptor, run, this.#placement.dataOffsetBytes + this.#at + start);
    }
  }

  #writePadded(end: Uint8Array): void {
    this.#stream.update(end);
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(end);
    this.#target.hasher.hashBlocks(block, this.#roomFor(1));
    const { dataOffsetBytes, blockBytes } = this.#placement;
    writeAt(this.#target.descriptor, block, dataOffsetBytes + blockBytes - (blockBytes % BLOCK_BYTES));
  }

  #writeTail(tail: Uint8Array): void {
    this.#stream.update(tail);
    writeAt(this.#target.descriptor, tail, this.#placement.tailOffsetBytes);
  }

  /** Where the next digests go. */
  #roomFor(count: number): Uint8Array {
    const { digestStrideBytes } = this.#target.hasher;
    if ((this.#digestCount + count) * digestStrideBytes > this.#digests.length) this.#writeDigests();
    const start = this.#digestCount * digestStrideBytes;
    this.#digestCount += count;
    return this.#digests.subarray(start, start + count * digestStrideBytes);
  }

  #writeDigests(): void {
    if (this.#digestCount === 0) return;
    const { leavesOffsetBytes, hasher, descriptor } = this.#target;
    if (leavesOffsetBytes === undefined)
      throw new RangeError('An image of one block holds no file data of its own.');
    writeAt(
      descriptor,
      this.#digests.subarray(0, this.#digestCount * hasher.digestStrideBytes),
      leavesOffsetBytes + this.#firstDigestBlock * hasher.digestStrideBytes,
    );
    this.#firstDigestBlock += this.#digestCount;
    this.#digestCount = 0;
  }
}

/** @throws PackError DISK_FULL or OUTPUT_UNWRITABLE */
export function writeAt(descriptor: number, bytes: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    } catch (cause) {
      throw writeFailure(cause);
    }
  }
}

export function writeFailure(cause: unknown): PackError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new PackError(
      'DISK_FULL',
      'No room is left on the disk that is written to. Free some, or write elsewhere.',
      { cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PackError('OUTPUT_UNWRITABLE', `Could not write: ${reason}.`, { cause });
}
