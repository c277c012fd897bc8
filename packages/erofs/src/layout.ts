/**
 * Plans an image of layout `modelwrap` from names, modes and sizes alone: every inode's and every byte's address,
 * as `mkfs.erofs --all-root -T0` of erofs-utils 1.5 chooses them. No file is opened.
 */
import { Allocator, type Placement } from './allocator.ts';
import { ErofsError } from './error.ts';
import {
  BLOCK_SIZE_BYTES,
  COMPACT_INODE_SIZE_BYTES,
  COMPAT_MTIME,
  COMPAT_SUPERBLOCK_CHECKSUM,
  type DataLayout,
  DIRENT_SIZE_BYTES,
  EXTENDED_INODE_SIZE_BYTES,
  INODE_SLOT_SIZE_BYTES,
  NULL_BLOCK_ADDRESS,
  SUPERBLOCK_OFFSET_BYTES,
  SUPERBLOCK_SIZE_BYTES,
  type Superblock,
} from './format.ts';
import {
  type DirectoryEntry,
  type DirectoryNode,
  type SourceNode,
  compareNames,
  sortedEntries,
} from './tree.ts';

/** An entry of a planned directory, `.` and `..` among them, in order of names. */
export interface PlannedEntry<S> {
  readonly name: Uint8Array;
  readonly inode: PlannedInode<S>;
}

export interface PlannedInode<S> {
  readonly node: SourceNode<S>;
  /** `i_ino`, counted from 0 in the order of the walk. */
  readonly serial: number;
  readonly form: 'compact' | 'extended';
  readonly dataLayout: DataLayout;
  readonly linkCount: number;
  readonly sizeBytes: number;
  /** Where the inode lies, from the image's start. */
  readonly inodeOffsetBytes: number;
  /** As the inode says it: 0 for an empty file, {@link NULL_BLOCK_ADDRESS} where all data are inline. */
  readonly blockAddress: number;
  /** Whole blocks of data from `blockAddress` on. */
  readonly fullBlockCount: number;
  /** What is left of the data after the whole blocks: less than a block. */
  readonly tailSizeBytes: number;
  /** Where the tail lies, from the image's start: behind the inode, or in a block of its own; undefined without tail. */
  readonly tailOffsetBytes: number | undefined;
  /** Only a directory has them. */
  readonly entries: readonly PlannedEntry<S>[];
}

export interface ImageLayout<S> {
  readonly superblock: Superblock;
  /** The image's length. */
  readonly blockCount: number;
  /** In order of their serial numbers; the root is the first. */
  readonly inodes: readonly PlannedInode<S>[];
}

/** While it is planned, an inode's addresses are placements that may not be mapped yet. */
interface InodeInPlanning<S> {
  node: SourceNode<S>;
  parent: InodeInPlanning<S> | undefined;
  serial: number;
  extended: boolean;
  inline: boolean;
  linkCount: number;
  sizeBytes: number;
  place: Placement | undefined;
  data: Placement | undefined;
  entries: { name: Uint8Array; inode: InodeInPlanning<S> }[];
}

const COMPACT_SIZE_LIMIT = 0xffffffff;
const COMPACT_LINK_LIMIT = 0xffff;
const BLOCK_ADDRESS_LIMIT = 0xffffffff;
/** A superblock's root nid has 16 bits. */
const ROOT_NID_LIMIT_BYTES = 0xffff * INODE_SLOT_SIZE_BYTES;
const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

/**
 * @param root the tree; a node object that occurs under several names is a hard link
 * @param uuid 16 bytes
 * @throws ErofsError TREE_INVALID when the tree cannot be an image; the message says what and why
 */
export function planImage<S>(root: DirectoryNode<S>, uuid: Uint8Array): ImageLayout<S> {
  if (uuid.length !== 16) throw new ErofsError('TREE_INVALID', `A UUID has 16 bytes, found ${uuid.length}.`);
  const planner = new Planner<S>();
  const rootInode = planner.planRoot(root);
  const blockCount = planner.allocator.mapAll();
  if (blockCount > BLOCK_ADDRESS_LIMIT) {
    throw new ErofsError(
      'TREE_INVALID',
      `The image would have ${blockCount} blocks; EROFS has 2^32 - 1 at most.`,
    );
  }
  const inodes = finish(planner.inodes);
  const metaOffsetBytes = metadataOffset(rootInode.place!.imageOffsetBytes);
  return {
    blockCount,
    inodes,
    superblock: {
      featureCompat: COMPAT_SUPERBLOCK_CHECKSUM | COMPAT_MTIME,
      rootNid: (rootInode.place!.imageOffsetBytes - metaOffsetBytes) / INODE_SLOT_SIZE_BYTES,
      inodeCount: inodes.length,
      buildTimeSeconds: 0,
      buildTimeNanoseconds: 0,
      blockCount,
      metaBlockAddress: metaOffsetBytes / BLOCK_SIZE_BYTES,
      xattrBlockAddress: 0,
      uuid: uuid.slice(),
      volumeName: new Uint8Array(16),
    },
  };
}

/**
 * The nid of an inode: its distance from the metadata area in slots, modulo 2^64. An inode that lies before the
 * area gets the wrapped number that mkfs.erofs writes and that the kernel's own arithmetic undoes.
 */
export function nidOf(inodeOffsetBytes: number, metaBlockAddress: number): bigint {
  const distance = BigInt(inodeOffsetBytes) - BigInt(metaBlockAddress) * BigInt(BLOCK_SIZE_BYTES);
  return BigInt.asUintN(64, distance) / BigInt(INODE_SLOT_SIZE_BYTES);
}

class Planner<S> {
  readonly allocator = new Allocator(SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_SIZE_BYTES);
  readonly inodes: InodeInPlanning<S>[] = [];
  readonly #hardLinks = new Map<SourceNode<S>, InodeInPlanning<S>>();

  planRoot(root: DirectoryNode<S>): InodeInPlanning<S> {
    const inode = this.#newInode(root, undefined);
    this.#placeDirectory(inode, root);
    this.allocator.map(inode.place!);
    this.#planChildren(inode);
    return inode;
  }

  /**
   * Depth first in order of names, `.` and `..` in their places: each entry is planned whole, then mapped.
   * A stack of its own, so that depth is bounded by memory and not by the engine's call stack.
   */
  #planChildren(root: InodeInPlanning<S>): void {
    const open = [{ directory: root, next: 0 }];
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const { directory } = top;
      const entry = directory.entries[top.next];
      if (entry === undefined) {
        if (directory.data) this.allocator.releaseData(directory.data);
        open.pop();
        const above = open.at(-1);
        if (above) this.allocator.map(directory.place!);
        continue;
      }
      top.next++;
      const child = entry.inode;
      if (child.place !== undefined) {
        // `.`, `..`, or one more name of an inode that has its place.
        this.allocator.map(child.place);
      } else if (child.node.kind === 'directory') {
        this.#placeDirectory(child, child.node);
        open.push({ directory: child, next: 0 });
      } else {
        this.#placeFile(child);
        this.allocator.map(child.place!);
      }
    }
  }

  #newInode(node: SourceNode<S>, parent: InodeInPlanning<S> | undefined): InodeInPlanning<S> {
    requirePermissions(node.permissions);
    return {
      node,
      parent,
      serial: -1,
      extended: node.kind === 'file' && node.sizeBytes > COMPACT_SIZE_LIMIT,
      inline: false,
      linkCount: 1,
      sizeBytes: 0,
      place: undefined,
      data: undefined,
      entries: [],
    };
  }

  #number(inode: InodeInPlanning<S>): void {
    inode.serial = this.inodes.length;
    this.inodes.push(inode);
  }

  #placeDirectory(inode: InodeInPlanning<S>, node: DirectoryNode<S>): void {
    this.#number(inode);
    const children = sortedEntries(node).map((entry) => ({
      name: entry.name,
      inode: this.#childOf(inode, entry),
    }));
    const dots = [
      { name: DOT, inode },
      { name: DOT_DOT, inode: inode.parent ?? inode },
    ];
    // Not always first: `-x` sorts before `.`, and `.-` between the two.
    inode.entries = [...dots, ...children].sort((a, b) => compareNames(a.name, b.name));
    inode.sizeBytes = directorySizeBytes(inode.entries.map(({ name }) => name.length));
    const directories = inode.entries.filter((entry) => entry.inode.node.kind === 'directory').length;
    inode.linkCount = directories > COMPACT_LINK_LIMIT ? 1 : directories;
    this.#placeData(inode);
  }

  #placeFile(inode: InodeInPlanning<S>): void {
    this.#number(inode);
    inode.sizeBytes = contentSizeBytes(inode.node);
    this.#placeData(inode);
    if (inode.data) this.allocator.releaseData(inode.data);
  }

  /** Whole blocks first, then the inode with its tail; a tail that no inode's block can hold gets a block of its own. */
  #placeData(inode: InodeInPlanning<S>): void {
    const fullBlocks = Math.floor(inode.sizeBytes / BLOCK_SIZE_BYTES);
    const tailBytes = inode.sizeBytes % BLOCK_SIZE_BYTES;
    const inodeBytes = inode.extended ? EXTENDED_INODE_SIZE_BYTES : COMPACT_INODE_SIZE_BYTES;
    if (fullBlocks > 0) {
      inode.data = this.allocator.allocateData(fullBlocks);
      this.allocator.map(inode.data);
    }
    inode.place = this.allocator.allocateInode(inodeBytes, tailBytes);
    inode.inline = inode.place !== undefined && tailBytes > 0;
    if (inode.place !== undefined) return;
    if (inode.data) {
      this.allocator.extendData(inode.data);
    } else {
      inode.data = this.allocator.allocateData(1);
      this.allocator.map(inode.data);
    }
    inode.place = this.allocator.allocateInode(inodeBytes, 0);
  }

  #childOf(parent: InodeInPlanning<S>, { node }: DirectoryEntry<S>): InodeInPlanning<S> {
    if (node.kind === 'directory') return this.#newInode(node, parent);
    const known = this.#hardLinks.get(node);
    if (known) {
      known.linkCount++;
      return known;
    }
    const inode = this.#newInode(node, parent);
    this.#hardLinks.set(node, inode);
    return inode;
  }
}

/** An entry and its name never cross a block; what is left of a block stays empty. */
export function directorySizeBytes(nameLengths: readonly number[]): number {
  let sizeBytes = 0;
  for (const nameBytes of nameLengths) {
    const entryBytes = nameBytes + DIRENT_SIZE_BYTES;
    if ((sizeBytes % BLOCK_SIZE_BYTES) + entryBytes > BLOCK_SIZE_BYTES) {
      sizeBytes = Math.ceil(sizeBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    }
    sizeBytes += entryBytes;
  }
  return sizeBytes;
}

function contentSizeBytes<S>(node: SourceNode<S>): number {
  if (node.kind === 'symlink') {
    if (node.target.length === 0)
      throw new ErofsError('TREE_INVALID', 'A symbolic link has an empty target.');
    return node.target.length;
  }
  if (node.kind === 'directory') throw new TypeError('A directory has no content of its own.');
  if (!Number.isSafeInteger(node.sizeBytes) || node.sizeBytes < 0) {
    throw new ErofsError('TREE_INVALID', `A file has size ${node.sizeBytes}: not a count of bytes.`);
  }
  return node.sizeBytes;
}

function requirePermissions(permissions: number): void {
  if (!Number.isInteger(permissions) || permissions < 0 || permissions > 0o7777) {
    throw new ErofsError('TREE_INVALID', `Permissions are 0 to 07777, found ${permissions}.`);
  }
}

function metadataOffset(rootOffsetBytes: number): number {
  if (rootOffsetBytes <= ROOT_NID_LIMIT_BYTES) return 0;
  return Math.ceil((rootOffsetBytes - ROOT_NID_LIMIT_BYTES) / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
}

/** All is mapped: placements become addresses. */
function finish<S>(planned: readonly InodeInPlanning<S>[]): PlannedInode<S>[] {
  const entryLists = planned.map((): PlannedEntry<S>[] => []);
  const finished = planned.map((inode, serial) => finishInode(inode, entryLists[serial]!));
  for (const { serial, entries } of planned) {
    for (const { name, inode } of entries) entryLists[serial]!.push({ name, inode: finished[inode.serial]! });
  }
  return finished;
}

function finishInode<S>(inode: InodeInPlanning<S>, entries: readonly PlannedEntry<S>[]): PlannedInode<S> {
  const fullBlockCount = Math.floor(inode.sizeBytes / BLOCK_SIZE_BYTES);
  const tailSizeBytes = inode.sizeBytes % BLOCK_SIZE_BYTES;
  const inodeOffsetBytes = inode.place!.imageOffsetBytes;
  const inodeBytes = inode.extended ? EXTENDED_INODE_SIZE_BYTES : COMPACT_INODE_SIZE_BYTES;
  return {
    node: inode.node,
    serial: inode.serial,
    form: inode.extended ? 'extended' : 'compact',
    dataLayout: inode.inline ? 'flatInline' : 'flatPlain',
    linkCount: inode.linkCount,
    sizeBytes: inode.sizeBytes,
    inodeOffsetBytes,
    blockAddress: blockAddressOf(inode),
    fullBlockCount,
    tailSizeBytes,
    tailOffsetBytes: tailOffset(),
    entries,
  };

  function tailOffset(): number | undefined {
    if (tailSizeBytes === 0) return undefined;
    if (inode.inline) return inodeOffsetBytes + inodeBytes;
    return inode.data!.imageOffsetBytes + fullBlockCount * BLOCK_SIZE_BYTES;
  }
}

function blockAddressOf<S>(inode: InodeInPlanning<S>): number {
  if (inode.data) return inode.data.imageOffsetBytes / BLOCK_SIZE_BYTES;
  return inode.sizeBytes === 0 ? 0 : NULL_BLOCK_ADDRESS;
}
