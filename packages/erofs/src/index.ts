/** Writes and reads uncompressed EROFS images. */
export { ErofsError, type ErofsErrorCode } from './error.ts';
export {
  BLOCK_SIZE_BYTES,
  COMPACT_INODE_SIZE_BYTES,
  EXTENDED_INODE_SIZE_BYTES,
  NAME_MAX_BYTES,
  type Inode,
  type InodeKind,
  type Superblock,
  decodeSuperblock,
} from './format.ts';
export {
  type DirectoryEntry,
  type DirectoryNode,
  type FileNode,
  type SourceNode,
  type SymlinkNode,
  compareNames,
  isLeftOutByMkfs,
} from './tree.ts';
export { type ImageLayout, type PlannedEntry, type PlannedInode, planImage } from './layout.ts';
export { type DataExtent, type Extent, type FileTail, type MetadataExtent, completeFirstBlock, dataExtentOf, imageExtents } from './extents.ts';
export { type ReadFile, writeImage } from './image.ts';
