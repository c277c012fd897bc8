/** From a nid to an inode, and from an inode to the bytes that are its own. */
import { ErofsError } from './error.ts';
import {
  BLOCK_SIZE_BYTES,
  COMPACT_INODE_SIZE_BYTES,
  decodeInode,
  EXTENDED_INODE_SIZE_BYTES,
  INODE_SLOT_SIZE_BYTES,
  type Inode,
  inodeSizeBytes,
  type Superblock,
} from './format.ts';
import type { ImageBytes } from './reader-source.ts';

/** A run of bytes of the image: `startBytes` belongs to it, `endBytes` does not. */
export interface ByteRange {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Where an inode and its data lie: all of it inside the image. */
export interface InodePlace {
  readonly inode: ByteRange;
  /** Inline extended attributes, right behind the inode; empty if it has none. */
  readonly xattrs: ByteRange;
  /** The data's whole blocks (of the last one only the bytes that are used); empty if it has none. */
  readonly blocks: ByteRange;
  /** The data's last bytes, behind the extended attributes; empty if it has none. */
  readonly inlineTail: ByteRange;
}

export interface PlacedInode {
  readonly inode: Inode;
  readonly place: InodePlace;
}

const ADDRESS_BITS = 64;
/** A nid has this many bits: of a larger one the address keeps nothing, and one inode would have several nids. */
const NID_BITS = ADDRESS_BITS - Math.log2(INODE_SLOT_SIZE_BYTES);

/**
 * An inode's byte address: modulo 2^64, because mkfs.erofs writes the nid of an inode that lies before the metadata
 * area's first block as a negative number, and the kernel's addition wraps.
 * @throws ErofsError CORRUPT for a nid of more than 59 bits, TRUNCATED when it lies outside of the image
 */
export function inodeAddressBytes(superblock: Superblock, nid: bigint, imageSizeBytes: number): number {
  if (BigInt.asUintN(NID_BITS, nid) !== nid) {
    throw new ErofsError('CORRUPT', `Inode number ${nid.toString()} has more than ${NID_BITS} bits.`);
  }
  const metaOffsetBytes = BigInt(superblock.metaBlockAddress) * BigInt(BLOCK_SIZE_BYTES);
  const address = BigInt.asUintN(ADDRESS_BITS, metaOffsetBytes + nid * BigInt(INODE_SLOT_SIZE_BYTES));
  if (address + BigInt(COMPACT_INODE_SIZE_BYTES) > BigInt(imageSizeBytes)) {
    throw new ErofsError(
      'TRUNCATED',
      `Inode ${nid.toString()} would lie at byte ${address.toString()}, but the image ends at byte ${imageSizeBytes}.`,
    );
  }
  return Number(address);
}

/**
 * Reads an inode and works out where its data is.
 * @throws ErofsError TRUNCATED, UNSUPPORTED or CORRUPT
 */
export async function readInode(
  bytes: ImageBytes,
  superblock: Superblock,
  nid: bigint,
): Promise<PlacedInode> {
  const addressBytes = inodeAddressBytes(superblock, nid, bytes.sizeBytes);
  const availableBytes = Math.min(EXTENDED_INODE_SIZE_BYTES, bytes.sizeBytes - addressBytes);
  const compact = await bytes.readSmall(addressBytes, COMPACT_INODE_SIZE_BYTES);
  const sizeBytes = inodeSizeBytes(compact[0]! | (compact[1]! << 8));
  const encoded =
    sizeBytes === COMPACT_INODE_SIZE_BYTES ? compact : await bytes.readSmall(addressBytes, availableBytes);
  const inode = decodeInode(encoded);
  return { inode, place: placeOf(bytes, inode, addressBytes, sizeBytes) };
}

function placeOf(bytes: ImageBytes, inode: Inode, addressBytes: number, inodeBytes: number): InodePlace {
  const own = byteRange(addressBytes, inodeBytes);
  const xattrs = byteRange(own.endBytes, inode.xattrSizeBytes);
  bytes.requireInside(xattrs.startBytes, inode.xattrSizeBytes);
  const tailBytes = inlineTailBytes(inode);
  const wholeBytes = inode.sizeBytes - tailBytes;
  return {
    inode: own,
    xattrs,
    blocks: wholeBytes === 0 ? byteRange(0, 0) : dataBlocks(bytes, inode, wholeBytes),
    inlineTail: tailBytes === 0 ? byteRange(0, 0) : inlineTail(bytes, xattrs.endBytes, tailBytes),
  };
}

/** With inline data, the last block (which may be a full one) lies behind the inode; the others lie in blocks. */
function inlineTailBytes(inode: Inode): number {
  if (inode.dataLayout !== 'flatInline' || inode.sizeBytes === 0) return 0;
  return ((inode.sizeBytes - 1) % BLOCK_SIZE_BYTES) + 1;
}

function dataBlocks(bytes: ImageBytes, inode: Inode, lengthBytes: number): ByteRange {
  const imageBlocks = bytes.sizeBytes / BLOCK_SIZE_BYTES;
  const blocks = Math.ceil(lengthBytes / BLOCK_SIZE_BYTES);
  if (inode.blockAddress + blocks > imageBlocks) {
    throw new ErofsError(
      'TRUNCATED',
      `The data would lie in ${blocks} blocks from block ${inode.blockAddress} on, but the image has ${imageBlocks}.`,
    );
  }
  if (inode.blockAddress === 0) {
    throw new ErofsError('CORRUPT', 'The data would lie in block 0, which holds the superblock.');
  }
  return byteRange(inode.blockAddress * BLOCK_SIZE_BYTES, lengthBytes);
}

/** The kernel reads inline data out of one block (erofs.rst, inline data), so it must not reach into the next. */
function inlineTail(bytes: ImageBytes, startBytes: number, lengthBytes: number): ByteRange {
  if ((startBytes % BLOCK_SIZE_BYTES) + lengthBytes > BLOCK_SIZE_BYTES) {
    throw new ErofsError(
      'CORRUPT',
      `The inline data at byte ${startBytes} has ${lengthBytes} bytes and crosses the end of its block.`,
    );
  }
  bytes.requireInside(startBytes, lengthBytes);
  return byteRange(startBytes, lengthBytes);
}

function byteRange(startBytes: number, lengthBytes: number): ByteRange {
  return { startBytes, endBytes: startBytes + lengthBytes };
}
