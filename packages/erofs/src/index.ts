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
  sealSuperblock,
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
export {
  type DataExtent,
  type Extent,
  type FileTail,
  type MetadataExtent,
  dataExtentOf,
  imageExtents,
} from './extents.ts';
export { type ReadFile, writeImage } from './image.ts';
export type { BlockSource } from './reader-source.ts';
export type { ImageEntry, ReaderLimits } from './reader-entry.ts';
export { ErofsImage, type FileRange, type OpenImageOptions, openImage } from './reader.ts';
export { type CheckOptions, type ImageCheck, type ImageProblem, checkImage } from './fsck.ts';
export {
  type BlockOwner,
  type BlockOwners,
  type OwnedPart,
  ownersOfBlock,
  ownersOfBlocks,
} from './block-owners.ts';
export { bytesToPath, pathToBytes } from './display-path.ts';
