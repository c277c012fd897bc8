/** Writes a planned pack into a file: files by workers, then what lies between them, then the hash tree. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs';
import {
  type Extent,
  type MetadataExtent,
  type PlannedInode,
  dataExtentOf,
  imageExtents,
  sealSuperblock,
} from '@vitrine/erofs';
import type { FolderFile } from '@vitrine/erofs/node';
import { VerityError, encodeSuperblock, finishTree } from '@vitrine/verity';
import { FileStore, createBlockHasher } from '@vitrine/verity/node';
import { PackError } from './error.ts';
import { BLOCK_BYTES, type FileDigests, type FilePlacement, writeAt, writeFailure } from './file-sink.ts';
import type { PackPlan } from './plan.ts';
import type { LocalFile, WorkerSetUp } from './protocol.ts';
import { ImageWorker } from './workers.ts';

export interface ImageWriterOptions {
  readonly packPath: string;
  /** Worker threads. */
  readonly jobs: number;
  /** Keeps what an earlier run wrote into the same file of the same plan. */
  readonly keepContents: boolean;
  readonly native?: 'auto' | 'never';
  readonly onBytes?: (count: number, file: string) => void;
}

/** A file node of the plan with its place in the pack. */
export interface PlannedFile<S> {
  readonly inode: PlannedInode<S>;
  readonly source: S;
  readonly placement: FilePlacement;
}

/** The plan's files, each once however many names it has, in the order of the image. */
export function plannedFiles<S>(plan: PackPlan<S>): PlannedFile<S>[] {
  return plan.layout.inodes.flatMap((inode) => {
    if (inode.node.kind !== 'file') return [];
    const extent = dataExtentOf(inode);
    const placement: FilePlacement = {
      sizeBytes: inode.sizeBytes,
      dataOffsetBytes: (extent?.firstBlock ?? 0) * BLOCK_BYTES,
      blockBytes: extent?.lengthBytes ?? 0,
      tailOffsetBytes: inode.dataLayout === 'flatInline' ? (inode.tailOffsetBytes ?? 0) : 0,
    };
    return [{ inode, source: inode.node.source, placement }];
  });
}

export class ImageWriter<S> {
  readonly #plan: PackPlan<S>;
  readonly #descriptor: number;
  readonly #options: ImageWriterOptions;
  readonly #workers: ImageWorker[];

  /** @throws PackError OUTPUT_UNWRITABLE or DISK_FULL */
  constructor(plan: PackPlan<S>, options: ImageWriterOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#descriptor = openPack(options.packPath, plan.packSizeBytes, options.keepContents);
    const setUp: WorkerSetUp = {
      packPath: options.packPath,
      salt: plan.verity.salt,
      leavesOffsetBytes: plan.geometry.levels[0]?.offsetBytes,
      native: options.native ?? 'auto',
    };
    this.#workers = Array.from(
      { length: options.jobs },
      () => new ImageWorker(setUp, (count, file) => options.onBytes?.(count, file)),
    );
  }

  /** The worker with the least to do; a file that arrives in pieces stays with it. */
  leastLoaded(): ImageWorker {
    return this.#workers.reduce((least, worker) => (worker.load < least.load ? worker : least));
  }

  /**
   * Copies a folder's files, the large ones first, the small ones in batches.
   * @returns the digests, in the order of `files`
   * @throws PackError of the first file that fails
   */
  async copyFiles(files: readonly PlannedFile<FolderFile>[]): Promise<FileDigests[]> {
    const digests = new Array<FileDigests>(files.length);
    const batches = batchesOf(files);
    const work = async (worker: ImageWorker): Promise<void> => {
      for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
        const jobs = batch.map((index): LocalFile => ({
          source: files[index]!.source,
          placement: files[index]!.placement,
        }));
        const answers = await worker.ask({ kind: 'copy', files: jobs });
        for (const [at, index] of batch.entries()) digests[index] = answers[at]!;
      }
    };
    await Promise.all(this.#workers.map(work));
    return digests;
  }

  /**
   * What is not a file's own: inodes, directories, links, the ends of files (already in place), and the tree above all.
   * @returns the root hash
   * @throws PackError OUTPUT_UNWRITABLE or DISK_FULL
   */
  finish(): Uint8Array {
    try {
      return this.#writeMetadataAndTree();
    } catch (error) {
      if (error instanceof VerityError && error.code === 'IO') throw writeFailure(error.cause);
      throw error;
    }
  }

  #writeMetadataAndTree(): Uint8Array {
    const { verity, geometry, packSizeBytes } = this.#plan;
    const hasher = createBlockHasher({
      algorithm: verity.algorithm,
      salt: verity.salt,
      blockSizeBytes: verity.dataBlockSizeBytes,
      native: this.#options.native ?? 'auto',
    });
    let onlyDigest: Uint8Array | undefined;
    for (const extent of imageExtents(this.#plan.layout)) {
      if (!isMetadata(extent)) continue;
      const bytes = this.#complete(extent);
      const digests = new Uint8Array(extent.blockCount * hasher.digestStrideBytes);
      hasher.hashBlocks(bytes, digests);
      writeAt(this.#descriptor, bytes, extent.firstBlock * BLOCK_BYTES);
      const leaves = geometry.levels[0];
      if (leaves)
        writeAt(this.#descriptor, digests, leaves.offsetBytes + extent.firstBlock * hasher.digestStrideBytes);
      else onlyDigest = digests.subarray(0, hasher.digestSizeBytes);
    }
    const store = new FileStore(this.#descriptor, this.#options.packPath);
    const rootHash = finishTree({
      parameters: verity,
      geometry,
      treeHasher: hasher,
      store,
      leafDigest: onlyDigest,
    });
    const superblock = new Uint8Array(geometry.treeOffsetBytes - geometry.hashOffsetBytes);
    superblock.set(encodeSuperblock(verity));
    writeAt(this.#descriptor, superblock, geometry.hashOffsetBytes);
    this.#settle(packSizeBytes);
    return rootHash;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    closeSync(this.#descriptor);
  }

  /** The extent with the tails that the workers wrote. */
  #complete(extent: MetadataExtent<S>): Uint8Array {
    const bytes = extent.render();
    if (extent.tails.length > 0) {
      const written = new Uint8Array(bytes.length);
      readFully(this.#descriptor, written, extent.firstBlock * BLOCK_BYTES);
      for (const { offsetBytes, lengthBytes } of extent.tails) {
        bytes.set(written.subarray(offsetBytes, offsetBytes + lengthBytes), offsetBytes);
      }
    }
    if (extent.firstBlock === 0) sealSuperblock(bytes.subarray(0, BLOCK_BYTES));
    return bytes;
  }

  #settle(packSizeBytes: number): void {
    try {
      ftruncateSync(this.#descriptor, packSizeBytes);
      fsyncSync(this.#descriptor);
    } catch (cause) {
      throw writeFailure(cause);
    }
  }
}

function openPack(path: string, sizeBytes: number, keepContents: boolean): number {
  try {
    const descriptor = openSync(path, keepContents ? 'r+' : 'w+', 0o644);
    ftruncateSync(descriptor, sizeBytes);
    return descriptor;
  } catch (cause) {
    throw writeFailure(cause);
  }
}

function isMetadata<S>(extent: Extent<S>): extent is MetadataExtent<S> {
  return extent.kind === 'metadata';
}

const BATCH_LIMIT_BYTES = 4 * 1024 * 1024;
const BATCH_LIMIT_FILES = 256;

/** Indexes of files, to be taken from the end: the largest there, so that no worker is left with it at last. */
function batchesOf(files: readonly PlannedFile<unknown>[]): number[][] {
  const order = files.map((_, index) => index);
  order.sort((a, b) => files[a]!.placement.sizeBytes - files[b]!.placement.sizeBytes);
  const batches: number[][] = [];
  let batch: number[] = [];
  let bytes = 0;
  for (const index of order) {
    batch.push(index);
    bytes += files[index]!.placement.sizeBytes;
    if (bytes < BATCH_LIMIT_BYTES && batch.length < BATCH_LIMIT_FILES) continue;
    batches.push(batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function readFully(descriptor: number, into: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < into.length;) {
    const count = readSync(descriptor, into, done, into.length - done, offsetBytes + done);
    if (count === 0)
      throw new PackError(
        'OUTPUT_UNWRITABLE',
        'The pack under construction became shorter. Is anything else writing to it?',
      );
    done += count;
  }
}
