/** Reads an uncompressed EROFS image: by path, by directory, as a whole. Every byte of it may be hostile. */
import { bytesToPath, pathToBytes } from './display-path.ts';
import { ErofsError } from './error.ts';
import { BLOCK_SIZE_BYTES, decodeSuperblock, type InodeKind, type Superblock } from './format.ts';
import { directoryRecords, type DirectoryRecord } from './reader-directory.ts';
import {
  DEFAULT_READER_LIMITS,
  type ImageEntry,
  type OpenedImage,
  readEntry,
  type ReaderLimits,
  rootEntry,
} from './reader-entry.ts';
import { type BlockSource, ImageBytes, readExactly } from './reader-source.ts';
import { compareNames } from './tree.ts';
import { throwIt, walk } from './walk.ts';

export interface OpenImageOptions {
  readonly limits?: Partial<ReaderLimits>;
  /**
   * Opens an image although its superblock's checksum is wrong, to find out what a damaged block belongs to. Nothing read
   * from it may be relied on. Default false.
   */
  readonly diagnose?: boolean;
}

export interface FileRange {
  /** First byte of the file that is wanted. Default 0. */
  readonly start?: number;
  /** First byte that is not wanted any more. Default: the file's size. */
  readonly end?: number;
}

/** The longest target that Linux follows: PATH_MAX without the NUL. */
const SYMLINK_TARGET_MAX_BYTES = 4095;
const SLASH = 0x2f;

/**
 * Opens an image: reads its superblock and its root inode.
 * @throws ErofsError TRUNCATED, NOT_EROFS, CHECKSUM_MISMATCH, UNSUPPORTED or CORRUPT; RangeError for limits that cannot be
 */
export async function openImage(source: BlockSource, options: OpenImageOptions = {}): Promise<ErofsImage> {
  const limits = checkedLimits(options.limits);
  if (source.sizeBytes < BLOCK_SIZE_BYTES) {
    throw new ErofsError(
      'TRUNCATED',
      `Opening an EROFS image: it has ${BLOCK_SIZE_BYTES} bytes at least, found ${source.sizeBytes}.`,
    );
  }
  const firstBlock = await readExactly(source, 0, BLOCK_SIZE_BYTES);
  const superblock = decodeSuperblock(firstBlock, { ignoreChecksum: options.diagnose === true });
  const imageSizeBytes = superblock.blockCount * BLOCK_SIZE_BYTES;
  if (imageSizeBytes === 0)
    throw new ErofsError('CORRUPT', 'The superblock says that the image has no block.');
  if (imageSizeBytes > source.sizeBytes) {
    throw new ErofsError(
      'TRUNCATED',
      `The superblock says ${superblock.blockCount} blocks (${imageSizeBytes} bytes), the source has ${source.sizeBytes} bytes: was it copied whole?`,
    );
  }
  const bytes = new ImageBytes(source, imageSizeBytes, limits.cacheBlocks);
  return new ErofsImage(bytes, superblock, await rootEntry(bytes, superblock), limits);
}

export class ErofsImage implements OpenedImage {
  readonly superblock: Superblock;
  readonly root: ImageEntry;
  readonly limits: ReaderLimits;
  readonly bytes: ImageBytes;

  /** Use {@link openImage}. */
  constructor(bytes: ImageBytes, superblock: Superblock, root: ImageEntry, limits: ReaderLimits) {
    this.bytes = bytes;
    this.superblock = superblock;
    this.root = root;
    this.limits = limits;
  }

  /**
   * The entry at a path. Symbolic links are not followed; `.` and `..` are no names here.
   * @param path relative to the root, with or without a slash in front; text as {@link ImageEntry.path}, or exact bytes
   * @throws ErofsError NOT_FOUND, WRONG_KIND (a name before the last is no directory), or what reading finds wrong
   */
  async stat(path: string | Uint8Array): Promise<ImageEntry> {
    const pathBytes = typeof path === 'string' ? pathToBytes(path) : path;
    let entry = this.root;
    for (const nameBytes of splitPath(pathBytes)) {
      const next = await this.lookup(entry, nameBytes);
      if (next === undefined) {
        throw new ErofsError(
          'NOT_FOUND',
          `The image has no "${bytesToPath(pathBytes)}": "${bytesToPath(nameBytes)}" is not in directory "${entry.path}".`,
        );
      }
      entry = next;
    }
    return entry;
  }

  /**
   * A directory's entry of that name, or undefined. Reads the whole directory, so that its order is known to be right.
   * @throws ErofsError WRONG_KIND, or what reading finds wrong
   */
  async lookup(directory: ImageEntry, name: string | Uint8Array): Promise<ImageEntry | undefined> {
    const nameBytes = typeof name === 'string' ? pathToBytes(name) : name;
    let found: DirectoryRecord | undefined;
    for await (const record of this.#records(directory)) {
      if (compareNames(record.nameBytes, nameBytes) === 0) found = record;
    }
    return found === undefined ? undefined : readEntry(this, directory, found, throwIt);
  }

  /**
   * A directory's entries in bytewise order of their names, without `.` and `..`. One block is held at a time; an error
   * can come after entries were given.
   * @throws ErofsError WRONG_KIND, or what reading finds wrong
   */
  async *readDirectory(directory: ImageEntry): AsyncGenerator<ImageEntry, void, undefined> {
    for await (const record of this.#records(directory)) {
      yield await readEntry(this, directory, record, throwIt);
    }
  }

  /**
   * A regular file's bytes, in pieces of `limits.pieceBytes` at most.
   * @throws ErofsError WRONG_KIND or TRUNCATED; RangeError when the range is not within the file
   */
  async *readFile(file: ImageEntry, range: FileRange = {}): AsyncGenerator<Uint8Array, void, undefined> {
    requireKind(file, 'file');
    const { start = 0, end = file.inode.sizeBytes } = range;
    if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(end) || end < start) {
      throw new RangeError(`Reading "${file.path}": bytes ${start} to ${end} are no range.`);
    }
    if (end > file.inode.sizeBytes) {
      throw new RangeError(
        `Reading "${file.path}": bytes ${start} to ${end} are wanted, but it has ${file.inode.sizeBytes} bytes.`,
      );
    }
    yield* this.#data(file, start, end);
  }

  /**
   * A symbolic link's target: 1 to 4095 bytes.
   * @throws ErofsError WRONG_KIND, CORRUPT (empty, too long, with a NUL byte) or TRUNCATED
   */
  async readLink(link: ImageEntry): Promise<Uint8Array> {
    requireKind(link, 'symlink');
    const sizeBytes = link.inode.sizeBytes;
    if (sizeBytes === 0 || sizeBytes > SYMLINK_TARGET_MAX_BYTES) {
      throw new ErofsError(
        'CORRUPT',
        `Reading symbolic link "${link.path}": a target has 1 to ${SYMLINK_TARGET_MAX_BYTES} bytes, found ${sizeBytes}.`,
      );
    }
    const target = new Uint8Array(sizeBytes);
    let filledBytes = 0;
    for await (const piece of this.#data(link, 0, sizeBytes)) {
      target.set(piece, filledBytes);
      filledBytes += piece.length;
    }
    if (target.includes(0)) {
      throw new ErofsError('CORRUPT', `Reading symbolic link "${link.path}": its target holds a NUL byte.`);
    }
    return target;
  }

  /**
   * Every entry, the root first, each directory before what is in it, names in bytewise order.
   * @throws ErofsError at the first thing wrong: a directory met twice is CORRUPT, more than `limits` allow LIMIT_EXCEEDED
   */
  walk(): AsyncGenerator<ImageEntry, void, undefined> {
    return walk(this);
  }

  #records(directory: ImageEntry): AsyncGenerator<DirectoryRecord, void, undefined> {
    requireKind(directory, 'directory');
    return directoryRecords(this.bytes, directory, throwIt);
  }

  async *#data(entry: ImageEntry, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { blocks, inlineTail } = entry.place;
    const inBlocksBytes = blocks.endBytes - blocks.startBytes;
    let at = start;
    while (at < Math.min(end, inBlocksBytes)) {
      const pieceEnd = Math.floor(at / this.limits.pieceBytes + 1) * this.limits.pieceBytes;
      const stop = Math.min(end, inBlocksBytes, pieceEnd);
      yield await this.bytes.read(blocks.startBytes + at, stop - at);
      at = stop;
    }
    while (at < end) {
      const stop = Math.min(end, at + this.limits.pieceBytes);
      yield await this.bytes.readSmall(inlineTail.startBytes + at - inBlocksBytes, stop - at);
      at = stop;
    }
  }
}

function requireKind(entry: ImageEntry, kind: InodeKind): void {
  if (entry.inode.kind === kind) return;
  throw new ErofsError('WRONG_KIND', `"${entry.path}" must be a ${kind}, found a ${entry.inode.kind}.`);
}

function splitPath(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (let start = 0; start < path.length;) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) names.push(path.subarray(start, end));
    start = end + 1;
  }
  return names;
}

function checkedLimits(wanted: Partial<ReaderLimits> = {}): ReaderLimits {
  const limits = { ...DEFAULT_READER_LIMITS, ...wanted };
  for (const [name, value] of Object.entries<number>({ ...limits })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new RangeError(
      `Opening an EROFS image: limit ${name} must be a positive whole number, found ${value}.`,
    );
  }
  return limits;
}
