/** An image as a sequence of extents in order of addresses: file data that someone has to bring, and metadata made here. */
import {
  BLOCK_SIZE_BYTES,
  DIRENT_SIZE_BYTES,
  FILE_TYPE,
  SUPERBLOCK_OFFSET_BYTES,
  encodeDirent,
  encodeInode,
  encodeSuperblock,
} from './format.ts';
import { type ImageLayout, type PlannedInode, nidOf } from './layout.ts';

/** Blocks that belong to one file alone. The last one is filled with zeros behind the file's end. */
export interface DataExtent<S> {
  readonly kind: 'data';
  readonly inode: PlannedInode<S>;
  readonly firstBlock: number;
  readonly blockCount: number;
  /** The file's bytes in these blocks, from the file's start. */
  readonly lengthBytes: number;
}

/** Blocks with inodes, directories, symlinks, and the ends of files (`tails`), which someone has to bring. */
export interface MetadataExtent<S> {
  readonly kind: 'metadata';
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly tails: readonly FileTail<S>[];
  /** All bytes but those of the tails, which are zero. */
  render(): Uint8Array;
}

export interface FileTail<S> {
  readonly inode: PlannedInode<S>;
  /** From the extent's start. */
  readonly offsetBytes: number;
  /** The tail's place in its file. */
  readonly fileOffsetBytes: number;
  readonly lengthBytes: number;
}

export type Extent<S> = DataExtent<S> | MetadataExtent<S>;

/** No metadata extent is longer, so that one is rendered in bounded memory. */
const METADATA_EXTENT_LIMIT_BLOCKS = 256;

/** A run of bytes in the metadata, with its place in the image. */
interface Piece<S> {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly inode: PlannedInode<S> | undefined;
  readonly part: 'superblock' | 'inode' | 'content' | 'tail';
}

/** Every block of the image once, in order. */
export function* imageExtents<S>(layout: ImageLayout<S>): Generator<Extent<S>> {
  const data = dataExtents(layout);
  const pieces = metadataPieces(layout);
  let nextData = 0;
  let nextPiece = 0;
  for (let block = 0; block < layout.blockCount;) {
    const extent = data[nextData];
    if (extent?.firstBlock === block) {
      nextData++;
      block += extent.blockCount;
      yield extent;
      continue;
    }
    const end = Math.min(extent?.firstBlock ?? layout.blockCount, block + METADATA_EXTENT_LIMIT_BLOCKS);
    const first = nextPiece;
    while ((pieces[nextPiece]?.offsetBytes ?? Infinity) < end * BLOCK_SIZE_BYTES) nextPiece++;
    yield metadataExtent(layout, block, end - block, pieces.slice(first, nextPiece));
    block = end;
  }
}

function dataExtents<S>(layout: ImageLayout<S>): DataExtent<S>[] {
  const extents = layout.inodes.map(dataExtentOf).filter((extent) => extent !== undefined);
  return extents.sort((a, b) => a.firstBlock - b.firstBlock);
}

/** The blocks that a file has for itself, if it has any; what it has besides is its tail, behind its inode. */
export function dataExtentOf<S>(inode: PlannedInode<S>): DataExtent<S> | undefined {
  if (inode.node.kind !== 'file') return undefined;
  const ownTailBlock = inode.dataLayout === 'flatPlain' && inode.tailSizeBytes > 0;
  const blockCount = inode.fullBlockCount + (ownTailBlock ? 1 : 0);
  if (blockCount === 0) return undefined;
  const lengthBytes = inode.fullBlockCount * BLOCK_SIZE_BYTES + (ownTailBlock ? inode.tailSizeBytes : 0);
  return { kind: 'data', inode, firstBlock: inode.blockAddress, blockCount, lengthBytes };
}

function metadataPieces<S>(layout: ImageLayout<S>): Piece<S>[] {
  const pieces: Piece<S>[] = [
    { offsetBytes: SUPERBLOCK_OFFSET_BYTES, lengthBytes: 0, inode: undefined, part: 'superblock' },
  ];
  for (const inode of layout.inodes) {
    pieces.push({ offsetBytes: inode.inodeOffsetBytes, lengthBytes: 0, inode, part: 'inode' });
    if (inode.node.kind !== 'file') {
      // A directory's blocks: one piece each, because an extent may end between them.
      for (let block = 0; block < inode.fullBlockCount; block++) {
        const offsetBytes = (inode.blockAddress + block) * BLOCK_SIZE_BYTES;
        pieces.push({ offsetBytes, lengthBytes: BLOCK_SIZE_BYTES, inode, part: 'content' });
      }
    }
    if (inode.tailOffsetBytes === undefined) continue;
    const part = inode.node.kind === 'file' ? 'tail' : 'content';
    if (part === 'tail' && inode.dataLayout === 'flatPlain') continue; // In the file's own data extent.
    pieces.push({ offsetBytes: inode.tailOffsetBytes, lengthBytes: inode.tailSizeBytes, inode, part });
  }
  return pieces.sort((a, b) => a.offsetBytes - b.offsetBytes);
}

function metadataExtent<S>(
  layout: ImageLayout<S>,
  firstBlock: number,
  blockCount: number,
  pieces: readonly Piece<S>[],
): MetadataExtent<S> {
  const startBytes = firstBlock * BLOCK_SIZE_BYTES;
  const tails = pieces.flatMap(({ part, inode, offsetBytes, lengthBytes }): FileTail<S>[] =>
    part === 'tail' && inode
      ? [
          {
            inode,
            offsetBytes: offsetBytes - startBytes,
            fileOffsetBytes: inode.fullBlockCount * BLOCK_SIZE_BYTES,
            lengthBytes,
          },
        ]
      : [],
  );
  return { kind: 'metadata', firstBlock, blockCount, tails, render };

  function render(): Uint8Array {
    const bytes = new Uint8Array(blockCount * BLOCK_SIZE_BYTES);
    let directory: { inode: PlannedInode<S>; content: Uint8Array } | undefined;
    for (const { part, inode, offsetBytes, lengthBytes } of pieces) {
      const at = offsetBytes - startBytes;
      if (part === 'superblock') {
        bytes.set(encodeSuperblock(layout.superblock), at);
      } else if (part === 'inode') {
        bytes.set(renderInode(inode!), at);
      } else if (part === 'content') {
        // A large directory has a piece for each block: it is rendered once.
        if (directory?.inode !== inode) directory = { inode: inode!, content: renderContent(layout, inode!) };
        const from = contentOffset(inode!, offsetBytes);
        bytes.set(directory!.content.subarray(from, from + lengthBytes), at);
      }
    }
    return bytes;
  }
}

/** What byte of a directory's or link's content lies at a place of the image. */
function contentOffset<S>(inode: PlannedInode<S>, offsetBytes: number): number {
  if (inode.tailOffsetBytes === offsetBytes) return inode.fullBlockCount * BLOCK_SIZE_BYTES;
  return offsetBytes - inode.blockAddress * BLOCK_SIZE_BYTES;
}

function renderInode<S>(inode: PlannedInode<S>): Uint8Array {
  return encodeInode({
    form: inode.form,
    dataLayout: inode.dataLayout,
    kind: inode.node.kind,
    permissions: inode.node.permissions,
    linkCount: inode.linkCount,
    sizeBytes: inode.sizeBytes,
    blockAddress: inode.blockAddress,
    serial: inode.serial,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    xattrSizeBytes: 0,
  });
}

function renderContent<S>(layout: ImageLayout<S>, inode: PlannedInode<S>): Uint8Array {
  return inode.node.kind === 'symlink' ? inode.node.target : renderDirectory(layout, inode);
}

/** Blocks of entries followed by their names; each block is filled as far as whole entries go (erofs.rst, directories). */
function renderDirectory<S>(layout: ImageLayout<S>, directory: PlannedInode<S>): Uint8Array {
  const bytes = new Uint8Array(directory.sizeBytes);
  const { entries } = directory;
  let blockStart = 0;
  for (let first = 0; first < entries.length; blockStart += BLOCK_SIZE_BYTES) {
    let end = first;
    let used = 0;
    while (end < entries.length && used + DIRENT_SIZE_BYTES + entries[end]!.name.length <= BLOCK_SIZE_BYTES) {
      used += DIRENT_SIZE_BYTES + entries[end]!.name.length;
      end++;
    }
    const view = new DataView(bytes.buffer, blockStart);
    let nameOffsetBytes = (end - first) * DIRENT_SIZE_BYTES;
    for (let index = first; index < end; index++) {
      const { name, inode } = entries[index]!;
      const nid = nidOf(inode.inodeOffsetBytes, layout.superblock.metaBlockAddress);
      const fileType = FILE_TYPE[inode.node.kind];
      encodeDirent(view, (index - first) * DIRENT_SIZE_BYTES, { nid, nameOffsetBytes, fileType });
      bytes.set(name, blockStart + nameOffsetBytes);
      nameOffsetBytes += name.length;
    }
    first = end;
  }
  return bytes;
}
