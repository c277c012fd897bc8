/** A name in an image together with its inode: what directories give and every reading starts from. */
import { bytesToPath } from './display-path.ts';
import { ErofsError } from './error.ts';
import { FILE_TYPE, type Inode, type Superblock } from './format.ts';
import type { DirectoryRecord, Report } from './reader-directory.ts';
import { type InodePlace, type PlacedInode, readInode } from './reader-inode.ts';
import type { ImageBytes } from './reader-source.ts';

/** What a reading may use at most. */
export interface ReaderLimits {
  /** Longest path, in bytes; bounds the depth too. Default 4096, which is PATH_MAX of Linux. */
  readonly maxPathBytes: number;
  /** Most names that one walk or check visits. Default 1 048 576. */
  readonly maxEntries: number;
  /** Largest piece that {@link ErofsImage.readFile} gives. Default 1 MiB. */
  readonly pieceBytes: number;
  /** How many blocks of inodes are kept. Default 256 (1 MiB). */
  readonly cacheBlocks: number;
}

export const DEFAULT_READER_LIMITS: ReaderLimits = {
  maxPathBytes: 4096,
  maxEntries: 2 ** 20,
  pieceBytes: 2 ** 20,
  cacheBlocks: 256,
};

/** An image whose superblock was read and found right. */
export interface OpenedImage {
  readonly superblock: Superblock;
  /** The bytes of the image's blocks. */
  readonly bytes: ImageBytes;
  readonly limits: ReaderLimits;
}

/** A name in an image with the inode that it stands for. Hard links are several entries with one nid. */
export interface ImageEntry {
  /**
   * Relative to the root, with `/` between names; '' is the root. Bytes that are no UTF-8, control characters and
   * backslashes are written `\xNN` (see {@link bytesToPath}): unambiguous, and {@link ErofsImage.stat} takes it back.
   */
  readonly path: string;
  readonly pathBytes: Uint8Array;
  /** The path's last name; empty for the root. */
  readonly nameBytes: Uint8Array;
  readonly nid: bigint;
  /** The nid of the directory that holds this entry; the root's is its own. */
  readonly parentNid: bigint;
  readonly inode: Inode;
  readonly place: InodePlace;
  /** The inode's own time, or the image's build time for a compact inode, which has none. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

const SLASH = 0x2f;

/**
 * Reads the inode that a directory's record names. A file type that contradicts it is reported, the rest thrown.
 * @throws ErofsError with the path: LIMIT_EXCEEDED, TRUNCATED, UNSUPPORTED or CORRUPT
 */
export async function readEntry(
  image: OpenedImage,
  directory: ImageEntry,
  record: DirectoryRecord,
  report: Report,
): Promise<ImageEntry> {
  const { nid, fileType } = record;
  // A copy, so that an entry that is kept does not keep its block.
  const nameBytes = record.nameBytes.slice();
  const { path, pathBytes } = childPath(directory, nameBytes);
  if (pathBytes.length > image.limits.maxPathBytes) {
    throw new ErofsError(
      'LIMIT_EXCEEDED',
      `A path below "${directory.path}" has ${pathBytes.length} bytes; the limit is ${image.limits.maxPathBytes}.`,
    );
  }
  const placed = await withPath(path, nid, () => readInode(image.bytes, image.superblock, nid));
  const expectedType = FILE_TYPE[placed.inode.kind];
  if (fileType !== expectedType) {
    report(
      new ErofsError(
        'CORRUPT',
        `Reading "${path}": its directory entry must have file type ${expectedType} (its inode is a ${placed.inode.kind}), found ${fileType}.`,
      ),
    );
  }
  return entryOf(image.superblock, placed, { path, pathBytes, nameBytes, nid, parentNid: directory.nid });
}

/**
 * The root, which must be a directory.
 * @throws ErofsError TRUNCATED, UNSUPPORTED or CORRUPT
 */
export async function rootEntry(bytes: ImageBytes, superblock: Superblock): Promise<ImageEntry> {
  const nid = BigInt(superblock.rootNid);
  const placed = await withPath('', nid, () => readInode(bytes, superblock, nid));
  if (placed.inode.kind !== 'directory') {
    throw new ErofsError(
      'CORRUPT',
      `The root (inode ${superblock.rootNid}) must be a directory, found a ${placed.inode.kind}.`,
    );
  }
  const none = new Uint8Array();
  return entryOf(superblock, placed, { path: '', pathBytes: none, nameBytes: none, nid, parentNid: nid });
}

type EntryName = Pick<ImageEntry, 'path' | 'pathBytes' | 'nameBytes' | 'nid' | 'parentNid'>;

function entryOf(superblock: Superblock, { inode, place }: PlacedInode, name: EntryName): ImageEntry {
  const hasTime = inode.form === 'extended';
  return {
    ...name,
    inode,
    place,
    mtimeSeconds: hasTime ? inode.mtimeSeconds : superblock.buildTimeSeconds,
    mtimeNanoseconds: hasTime ? inode.mtimeNanoseconds : superblock.buildTimeNanoseconds,
  };
}

/** What the format's decoders find wrong gets the path and the inode that it was found in. */
async function withPath<T>(path: string, nid: bigint, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ErofsError)) throw error;
    const message = `Reading the inode of "${path}" (inode ${nid.toString()}): ${error.message}`;
    throw new ErofsError(error.code, message, { cause: error });
  }
}

/** The path of a name in a directory. */
export function childPath(
  directory: Pick<ImageEntry, 'path' | 'pathBytes'>,
  nameBytes: Uint8Array,
): Pick<ImageEntry, 'path' | 'pathBytes'> {
  const name = bytesToPath(nameBytes);
  if (directory.path === '') return { path: name, pathBytes: nameBytes };
  const pathBytes = new Uint8Array(directory.pathBytes.length + 1 + nameBytes.length);
  pathBytes.set(directory.pathBytes);
  pathBytes[directory.pathBytes.length] = SLASH;
  pathBytes.set(nameBytes, directory.pathBytes.length + 1);
  return { path: `${directory.path}/${name}`, pathBytes };
}
