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
import {
  type CopiedFile,
  type FileCopy,
  FileStore,
  canCopyFiles,
  createBlockHasher,
  startFileCopy,
} from '@vitrine/verity/node';
import { copyError } from './copy-file.ts';
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
  /** Started when there is something for them to do. */
  #workers: ImageWorker[] = [];
  #copy: FileCopy | undefined;

  /** @throws PackError OUTPUT_UNWRITABLE or DISK_FULL */
  constructor(plan: PackPlan<S>, options: ImageWriterOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#descriptor = openPack(options.packPath, plan.packSizeBytes, options.keepContents);
  }

  /** The worker with the least to do; a file that arrives in pieces stays with it. */
  leastLoaded(): ImageWorker {
    return this.#startWorkers().reduce((least, worker) => (worker.load < least.load ? worker : least));
  }

  /**
   * Copies a folder's files, the large ones first, the small ones in batches.
   * @returns the digests, in the order of `files`
   * @throws PackError of the first file that fails
   */
  async copyFiles(files: readonly PlannedFile<FolderFile>[]): Promise<FileDigests[]> {
    const order = largestFirst(files);
    const isNative = (this.#options.native ?? 'auto') === 'auto' && canCopyFiles();
    return isNative ? this.#copyNatively(files, order) : this.#copyByWorkers(files, order);
  }

  async #copyNatively(
    files: readonly PlannedFile<FolderFile>[],
    order: readonly number[],
  ): Promise<FileDigests[]> {
    const { verity, geometry } = this.#plan;
    const copied = order.map((index): CopiedFile => {
      const { source, placement } = files[index]!;
      return { ...placement, ...source };
    });
    const copy = startFileCopy(copied, {
      salt: verity.salt,
      blockSizeBytes: BLOCK_BYTES,
      descriptor: this.#descriptor,
      // An image of a single block has no leaves, and no file with a block of its own.
      leavesOffsetBytes: geometry.levels[0]?.offsetBytes ?? 0,
      threads: this.#options.jobs,
    });
    this.#copy = copy;
    const tellProgress = this.#progressOf(copy, (at) => files[order[at]!]?.source.displayPath ?? '');
    const timer = setInterval(tellProgress, PROGRESS_INTERVAL_MS);
    try {
      const result = await copy.result;
      tellProgress();
      if ('failure' in result) {
        const sources = order.map((index) => ({
          source: files[index]!.source,
          sizeBytes: files[index]!.placement.sizeBytes,
        }));
        throw copyError(result.failure, sources);
      }
      const digests = new Array<FileDigests>(files.length);
      for (const [at, index] of order.entries())
        digests[index] = { sha256: Buffer.from(result.digests[at]!).toString('hex') };
      return digests;
    } finally {
      clearInterval(timer);
    }
  }

  /** Tells how many bytes were copied since it was last called. */
  #progressOf(copy: FileCopy, nameOf: (at: number) => string): () => void {
    let toldBytes = 0;
    return () => {
      const { doneBytes, index } = copy.progress();
      if (doneBytes > toldBytes) this.#options.onBytes?.(doneBytes - toldBytes, nameOf(index));
      toldBytes = doneBytes;
    };
  }

  async #copyByWorkers(
    files: readonly PlannedFile<FolderFile>[],
    order: readonly number[],
  ): Promise<FileDigests[]> {
    const digests = new Array<FileDigests>(files.length);
    const batches = batchesOf(files, order.toReversed());
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
    await Promise.all(this.#startWorkers().map(work));
    return digests;
  }

  #startWorkers(): readonly ImageWorker[] {
    if (this.#workers.length > 0) return this.#workers;
    const { packPath, jobs, native = 'auto', onBytes } = this.#options;
    const setUp: WorkerSetUp = {
      packPath,
      salt: this.#plan.verity.salt,
      leavesOffsetBytes: this.#plan.geometry.levels[0]?.offsetBytes,
      native,
    };
    this.#workers = Array.from(
      { length: jobs },
      () => new ImageWorker(setUp, (count, file) => onBytes?.(count, file)),
    );
    return this.#workers;
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
    this.#copy?.stop();
    await this.#copy?.result;
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

const PROGRESS_INTERVAL_MS = 50;
const BATCH_LIMIT_BYTES = 4 * 1024 * 1024;
const BATCH_LIMIT_FILES = 256;

function largestFirst(files: readonly PlannedFile<unknown>[]): number[] {
  const order = files.map((_, index) => index);
  return order.sort((a, b) => files[b]!.placement.sizeBytes - files[a]!.placement.sizeBytes);
}

/** In that order, to be taken from the end: the largest there, so that no worker is left with it at last. */
function batchesOf(files: readonly PlannedFile<unknown>[], smallestFirst: readonly number[]): number[][] {
  const batches: number[][] = [];
  let batch: number[] = [];
  let bytes = 0;
  for (const index of smallestFirst) {
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
