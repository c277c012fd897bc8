/**
 * The EROFS on-disk structures, each with its encoder and decoder.
 * Source: the Linux kernel's Documentation/filesystems/erofs.rst and the structures it names; all integers little-endian.
 */
import { crc32c } from './crc32c.ts';
import { ErofsError } from './error.ts';

export const BLOCK_SIZE_BYTES = 4096;
export const SUPERBLOCK_OFFSET_BYTES = 1024;
export const SUPERBLOCK_SIZE_BYTES = 128;
export const MAGIC = 0xe0f5e1e2;

/** An inode's address is counted in slots of this size from the metadata area's first block. */
export const INODE_SLOT_SIZE_BYTES = 32;
export const COMPACT_INODE_SIZE_BYTES = 32;
export const EXTENDED_INODE_SIZE_BYTES = 64;
export const DIRENT_SIZE_BYTES = 12;
export const NAME_MAX_BYTES = 255;

/** `i_blkaddr` of an inode that has no data block. */
export const NULL_BLOCK_ADDRESS = 0xffffffff;

export const COMPAT_SUPERBLOCK_CHECKSUM = 0x1;
export const COMPAT_MTIME = 0x2;

/** `feature_incompat` bits by the names that erofs-utils gives them: none of them is readable here. */
const INCOMPATIBLE_FEATURES: readonly (readonly [number, string])[] = [
  [0x1, 'LZ4_0PADDING (compression)'],
  [0x2, 'COMPR_CFGS or BIG_PCLUSTER (compression)'],
  [0x4, 'CHUNKED_FILE'],
  [0x8, 'DEVICE_TABLE'],
  [0x10, 'ZTAILPACKING (compression)'],
  [0x20, 'FRAGMENTS or DEDUPE (compression)'],
  [0x40, 'XATTR_PREFIXES'],
  [0x80, '48BIT'],
];

/** File type bits of `i_mode` (POSIX). */
export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const S_IFLNK = 0o120000;

export type InodeKind = 'file' | 'directory' | 'symlink';

/** `file_type` of a directory entry, by kind (EROFS_FT_*). */
export const FILE_TYPE: Readonly<Record<InodeKind, number>> = { file: 1, directory: 2, symlink: 7 };
export const MODE_TYPE: Readonly<Record<InodeKind, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
};

/** `i_format` bits 1–3: where an inode's data lies. */
export const DATA_LAYOUT = { flatPlain: 0, flatInline: 2 } as const;
export type DataLayout = keyof typeof DATA_LAYOUT;
const OTHER_DATA_LAYOUTS: Readonly<Record<number, string>> = {
  1: 'compressed (full indexes)',
  3: 'compressed (compact indexes)',
  4: 'chunk-based',
};

export interface Superblock {
  readonly featureCompat: number;
  readonly rootNid: number;
  /** How many inodes the image has. */
  readonly inodeCount: number;
  /** Seconds since 1970, and nanoseconds: the time of every compact inode. */
  readonly buildTimeSeconds: number;
  readonly buildTimeNanoseconds: number;
  readonly blockCount: number;
  /** First block of the metadata area: nid 0 lies at its start. */
  readonly metaBlockAddress: number;
  readonly xattrBlockAddress: number;
  readonly uuid: Uint8Array;
  readonly volumeName: Uint8Array;
}

/** The first image block's bytes from 1024 on get the superblock; the checksum is set last, by {@link sealSuperblock}. */
export function encodeSuperblock(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, superblock.featureCompat, true);
  view.setUint8(12, Math.log2(BLOCK_SIZE_BYTES));
  view.setUint16(14, superblock.rootNid, true);
  view.setBigUint64(16, BigInt(superblock.inodeCount), true);
  view.setBigUint64(24, BigInt(superblock.buildTimeSeconds), true);
  view.setUint32(32, superblock.buildTimeNanoseconds, true);
  view.setUint32(36, superblock.blockCount, true);
  view.setUint32(40, superblock.metaBlockAddress, true);
  view.setUint32(44, superblock.xattrBlockAddress, true);
  bytes.set(superblock.uuid, 48);
  bytes.set(superblock.volumeName, 64);
  return bytes;
}

/** CRC-32C from the superblock to the end of the first block, with the checksum field itself taken as zero. */
export function superblockChecksum(firstBlock: Uint8Array): number {
  const covered = firstBlock.slice(SUPERBLOCK_OFFSET_BYTES, BLOCK_SIZE_BYTES);
  covered.fill(0, 4, 8);
  return crc32c(0xffffffff, covered);
}

/** Writes the checksum into a complete first block: it covers everything that lies behind the superblock too. */
export function sealSuperblock(firstBlock: Uint8Array): void {
  const view = new DataView(firstBlock.buffer, firstBlock.byteOffset, firstBlock.byteLength);
  view.setUint32(SUPERBLOCK_OFFSET_BYTES + 4, superblockChecksum(firstBlock), true);
}

/**
 * Reads the superblock out of an image's first 4096 bytes.
 * @param options.ignoreChecksum reads on when the CRC-32C is wrong: for a diagnosis only, nothing may rely on it
 * @throws ErofsError TRUNCATED, NOT_EROFS, UNSUPPORTED, CHECKSUM_MISMATCH or CORRUPT
 */
export function decodeSuperblock(
  firstBlock: Uint8Array,
  options?: { readonly ignoreChecksum?: boolean },
): Superblock {
  if (firstBlock.length < BLOCK_SIZE_BYTES) {
    throw new ErofsError(
      'TRUNCATED',
      `Reading the superblock: the image must have at least ${BLOCK_SIZE_BYTES} bytes, found ${firstBlock.length}.`,
    );
  }
  const bytes = firstBlock.subarray(SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_SIZE_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0, true);
  if (magic !== MAGIC) {
    throw new ErofsError(
      'NOT_EROFS',
      `Reading the superblock: expected magic 0x${MAGIC.toString(16)} at byte 1024, found 0x${magic.toString(16).padStart(8, '0')}. Is this an EROFS image?`,
    );
  }
  const blockSizeBits = view.getUint8(12);
  if (blockSizeBits !== Math.log2(BLOCK_SIZE_BYTES)) {
    throw new ErofsError('UNSUPPORTED', `This reader has block size 4096; the image has 2^${blockSizeBits}.`);
  }
  refuseIncompatibleFeatures(view.getUint32(80, true));
  const featureCompat = view.getUint32(8, true);
  if (options?.ignoreChecksum !== true) requireChecksum(firstBlock, featureCompat, view.getUint32(4, true));
  if (view.getUint8(13) !== 0) throw new ErofsError('UNSUPPORTED', 'The superblock has extension slots.');
  if (view.getUint16(86, true) !== 0) throw new ErofsError('UNSUPPORTED', 'The image uses extra devices.');
  const directoryBlockBits = view.getUint8(90);
  if (directoryBlockBits !== 0) {
    throw new ErofsError(
      'UNSUPPORTED',
      `The image's directory blocks are 2^${directoryBlockBits} blocks large; this reader has directory blocks of 4096 bytes.`,
    );
  }
  return {
    featureCompat,
    rootNid: view.getUint16(14, true),
    inodeCount: safeNumber(view.getBigUint64(16, true), 'inos'),
    buildTimeSeconds: safeTime(view.getBigInt64(24, true), 'build_time'),
    buildTimeNanoseconds: view.getUint32(32, true),
    blockCount: view.getUint32(36, true),
    metaBlockAddress: view.getUint32(40, true),
    xattrBlockAddress: view.getUint32(44, true),
    uuid: bytes.slice(48, 64),
    volumeName: bytes.slice(64, 80),
  };
}

function requireChecksum(firstBlock: Uint8Array, featureCompat: number, found: number): void {
  if ((featureCompat & COMPAT_SUPERBLOCK_CHECKSUM) === 0) {
    // Without the feature the field is zero; a value there means that the feature bit was lost.
    if (found === 0) return;
    throw new ErofsError(
      'CORRUPT',
      `The superblock says that it has no checksum, but holds CRC-32C 0x${found.toString(16)}: its feature bits were changed.`,
    );
  }
  const expected = superblockChecksum(firstBlock);
  if (found === expected) return;
  throw new ErofsError(
    'CHECKSUM_MISMATCH',
    `The superblock says CRC-32C 0x${found.toString(16)}, its block gives 0x${expected.toString(16)}: the first block was changed.`,
  );
}

function refuseIncompatibleFeatures(flags: number): void {
  if (flags === 0) return;
  const named = INCOMPATIBLE_FEATURES.filter(([bit]) => flags & bit).map(([, name]) => name);
  const unknown = INCOMPATIBLE_FEATURES.reduce((left, [bit]) => left & ~bit, flags) >>> 0;
  if (unknown !== 0) named.push(`unknown bits 0x${unknown.toString(16)}`);
  throw new ErofsError(
    'UNSUPPORTED',
    `The image needs features that this reader does not have: ${named.join(', ')}.`,
  );
}

export interface Inode {
  readonly form: 'compact' | 'extended';
  readonly dataLayout: DataLayout;
  readonly kind: InodeKind;
  /** Permission bits with set-uid, set-gid and sticky: 0 to 0o7777. */
  readonly permissions: number;
  readonly linkCount: number;
  readonly sizeBytes: number;
  /** First data block, or {@link NULL_BLOCK_ADDRESS}. */
  readonly blockAddress: number;
  /** `i_ino`: a serial number for 32-bit stat. */
  readonly serial: number;
  readonly uid: number;
  readonly gid: number;
  /** Only an extended inode has a time of its own. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Bytes of inline extended attributes behind the inode, before its inline data. */
  readonly xattrSizeBytes: number;
}

export function encodeInode(inode: Inode): Uint8Array {
  const extended = inode.form === 'extended';
  const bytes = new Uint8Array(extended ? EXTENDED_INODE_SIZE_BYTES : COMPACT_INODE_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, (extended ? 1 : 0) | (DATA_LAYOUT[inode.dataLayout] << 1), true);
  view.setUint16(4, MODE_TYPE[inode.kind] | inode.permissions, true);
  view.setUint32(16, inode.blockAddress, true);
  view.setUint32(20, inode.serial, true);
  if (extended) {
    view.setBigUint64(8, BigInt(inode.sizeBytes), true);
    view.setUint32(24, inode.uid, true);
    view.setUint32(28, inode.gid, true);
    view.setBigUint64(32, BigInt(inode.mtimeSeconds), true);
    view.setUint32(40, inode.mtimeNanoseconds, true);
    view.setUint32(44, inode.linkCount, true);
  } else {
    view.setUint16(6, inode.linkCount, true);
    view.setUint32(8, inode.sizeBytes, true);
    view.setUint16(24, inode.uid, true);
    view.setUint16(26, inode.gid, true);
  }
  return bytes;
}

/** Reads `i_format`, so that the caller knows how many bytes {@link decodeInode} wants. */
export function inodeSizeBytes(format: number): number {
  return format & 1 ? EXTENDED_INODE_SIZE_BYTES : COMPACT_INODE_SIZE_BYTES;
}

/**
 * Reads an inode.
 * @param bytes from the inode's first byte on, at least as many as {@link inodeSizeBytes} says
 * @throws ErofsError TRUNCATED, UNSUPPORTED (another layout or kind) or CORRUPT
 */
export function decodeInode(bytes: Uint8Array): Inode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < COMPACT_INODE_SIZE_BYTES)
    throw new ErofsError('TRUNCATED', 'An inode ends before its 32 bytes.');
  const format = view.getUint16(0, true);
  const extended = (format & 1) !== 0;
  if (bytes.length < inodeSizeBytes(format)) {
    throw new ErofsError('TRUNCATED', 'An extended inode ends before its 64 bytes.');
  }
  if (format & ~0xf)
    throw new ErofsError('UNSUPPORTED', `An inode has unknown format bits 0x${format.toString(16)}.`);
  const dataLayout = dataLayoutOf((format >> 1) & 7);
  const mode = view.getUint16(4, true);
  const xattrCount = view.getUint16(2, true);
  return {
    form: extended ? 'extended' : 'compact',
    dataLayout,
    kind: kindOf(mode),
    permissions: mode & 0o7777,
    linkCount: extended ? view.getUint32(44, true) : view.getUint16(6, true),
    sizeBytes: extended ? safeNumber(view.getBigUint64(8, true), 'i_size') : view.getUint32(8, true),
    blockAddress: view.getUint32(16, true),
    serial: view.getUint32(20, true),
    uid: extended ? view.getUint32(24, true) : view.getUint16(24, true),
    gid: extended ? view.getUint32(28, true) : view.getUint16(26, true),
    mtimeSeconds: extended ? safeTime(view.getBigInt64(32, true), 'i_mtime') : 0,
    mtimeNanoseconds: extended ? view.getUint32(40, true) : 0,
    // A 12-byte header and 4 bytes for each unit after the first (erofs.rst, inline xattrs).
    xattrSizeBytes: xattrCount === 0 ? 0 : 12 + 4 * (xattrCount - 1),
  };
}

function dataLayoutOf(code: number): DataLayout {
  if (code === DATA_LAYOUT.flatPlain) return 'flatPlain';
  if (code === DATA_LAYOUT.flatInline) return 'flatInline';
  throw new ErofsError(
    'UNSUPPORTED',
    `An inode's data is ${OTHER_DATA_LAYOUTS[code] ?? `in unknown layout ${code}`}; this reader has flat data only.`,
  );
}

function kindOf(mode: number): InodeKind {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'file';
    case S_IFDIR:
      return 'directory';
    case S_IFLNK:
      return 'symlink';
    default:
      throw new ErofsError(
        'UNSUPPORTED',
        `An inode has mode 0${mode.toString(8)}: only regular files, directories and symbolic links are read.`,
      );
  }
}

export interface Dirent {
  readonly nid: bigint;
  /** Where the name starts in its directory block. */
  readonly nameOffsetBytes: number;
  readonly fileType: number;
}

export function encodeDirent(target: DataView, offsetBytes: number, dirent: Dirent): void {
  target.setBigUint64(offsetBytes, dirent.nid, true);
  target.setUint16(offsetBytes + 8, dirent.nameOffsetBytes, true);
  target.setUint8(offsetBytes + 10, dirent.fileType);
  target.setUint8(offsetBytes + 11, 0);
}

export function decodeDirent(source: DataView, offsetBytes: number): Dirent {
  return {
    nid: source.getBigUint64(offsetBytes, true),
    nameOffsetBytes: source.getUint16(offsetBytes + 8, true),
    fileType: source.getUint8(offsetBytes + 10),
  };
}

function safeNumber(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ErofsError(
      'CORRUPT',
      `The field ${field} holds ${value.toString()}, which no image can reach.`,
    );
  }
  return Number(value);
}

/** A time may lie before 1970, and is then negative. */
function safeTime(value: bigint, field: string): number {
  const seconds = Number(value);
  if (!Number.isSafeInteger(seconds)) {
    throw new ErofsError(
      'CORRUPT',
      `The field ${field} holds ${value.toString()} seconds, which is no time.`,
    );
  }
  return seconds;
}
