/** Which files, directories and structures have bytes in a given block: names the victims of a damaged block. */
import { ErofsError } from './error.ts';
import {
  BLOCK_SIZE_BYTES,
  INODE_SLOT_SIZE_BYTES,
  type InodeKind,
  SUPERBLOCK_OFFSET_BYTES,
  SUPERBLOCK_SIZE_BYTES,
} from './format.ts';
import type { ErofsImage } from './reader.ts';
import { childPath, type ImageEntry } from './reader-entry.ts';
import { type ByteRange, inodeAddressBytes } from './reader-inode.ts';
import { traverse, type WalkProblem } from './walk.ts';

export type OwnedPart = 'superblock' | 'inode' | 'extended attributes' | 'data';

/** Bytes of one block that belong to one thing. */
export interface BlockOwner {
  readonly part: OwnedPart;
  /** As {@link ImageEntry.path}; '' for the root directory and for the superblock. */
  readonly path: string;
  readonly pathBytes: Uint8Array;
  /** Absent for the superblock, and for an inode that cannot be read. */
  readonly kind?: InodeKind;
  /** Which bytes of the image, within the block. */
  readonly startBytes: number;
  readonly endBytes: number;
  /** For data: which byte of the file (directory, target) lies at `startBytes`. */
  readonly fileOffsetBytes?: number;
}

export interface BlockOwners {
  /** An entry for each block that was asked for; an empty list for padding, and for blocks behind the image. */
  readonly owners: ReadonlyMap<number, readonly BlockOwner[]>;
  /** What could not be read on the way (1000 at most): with it, the lists may be incomplete. */
  readonly problems: readonly ErofsError[];
}

const MAX_PROBLEMS = 1000;
const SUPERBLOCK_RANGE: ByteRange = {
  startBytes: SUPERBLOCK_OFFSET_BYTES,
  endBytes: SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_SIZE_BYTES,
};

/** As {@link ownersOfBlocks}, for one block. */
export async function ownersOfBlock(image: ErofsImage, blockIndex: number): Promise<readonly BlockOwner[]> {
  const { owners } = await ownersOfBlocks(image, [blockIndex]);
  return owners.get(blockIndex) ?? [];
}

/**
 * Finds what lies in the given blocks of 4096 bytes, in one walk. Of an image with damaged structures it tells what can
 * still be reached; open it with `diagnose` if its first block is damaged. A hard-linked file is named with all its names.
 * @throws whatever the source rejects with
 */
export async function ownersOfBlocks(
  image: ErofsImage,
  blockIndexes: Iterable<number>,
): Promise<BlockOwners> {
  const finder = new OwnerFinder(blockIndexes);
  const problems: ErofsError[] = [];
  finder.add('superblock', { path: '', pathBytes: new Uint8Array() }, SUPERBLOCK_RANGE);
  const onProblem = (problem: WalkProblem): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem.error);
    if (problem.isInodeUnreadable) addUnreadableInode(image, finder, problem);
  };
  for await (const entry of traverse(image, onProblem)) addEntry(finder, entry);
  return { owners: finder.owners, problems };
}

function addEntry(finder: OwnerFinder, entry: ImageEntry): void {
  const { path, pathBytes, place } = entry;
  const thing = { path, pathBytes, kind: entry.inode.kind };
  finder.add('inode', thing, place.inode);
  finder.add('extended attributes', thing, place.xattrs);
  finder.add('data', thing, place.blocks, 0);
  finder.add('data', thing, place.inlineTail, place.blocks.endBytes - place.blocks.startBytes);
}

/** A damaged inode is still where its directory says: whatever it was, the damage is there. */
function addUnreadableInode(
  image: ErofsImage,
  finder: OwnerFinder,
  { directory, record }: WalkProblem,
): void {
  if (record === undefined) return;
  try {
    const startBytes = inodeAddressBytes(image.superblock, record.nid, image.bytes.sizeBytes);
    const thing = childPath(directory, record.nameBytes.slice());
    finder.add('inode', thing, { startBytes, endBytes: startBytes + INODE_SLOT_SIZE_BYTES });
  } catch (error) {
    // An inode number that leads out of the image is no one's bytes.
    if (!(error instanceof ErofsError)) throw error;
  }
}

type OwnedThing = Pick<BlockOwner, 'path' | 'pathBytes' | 'kind'>;

class OwnerFinder {
  readonly owners = new Map<number, BlockOwner[]>();
  readonly #sorted: readonly number[];

  constructor(blockIndexes: Iterable<number>) {
    this.#sorted = [...new Set(blockIndexes)].sort((a, b) => a - b);
    for (const blockIndex of this.#sorted) this.owners.set(blockIndex, []);
  }

  add(
    part: OwnedPart,
    thing: OwnedThing,
    { startBytes, endBytes }: ByteRange,
    fileStartBytes?: number,
  ): void {
    const firstBlock = Math.floor(startBytes / BLOCK_SIZE_BYTES);
    for (let i = this.#firstAtOrAfter(firstBlock); i < this.#sorted.length; i++) {
      const blockIndex = this.#sorted[i]!;
      const blockStartBytes = blockIndex * BLOCK_SIZE_BYTES;
      if (blockStartBytes >= endBytes || startBytes === endBytes) return;
      const start = Math.max(startBytes, blockStartBytes);
      const end = Math.min(endBytes, blockStartBytes + BLOCK_SIZE_BYTES);
      const inFile =
        fileStartBytes === undefined ? {} : { fileOffsetBytes: fileStartBytes + start - startBytes };
      this.owners.get(blockIndex)?.push({ part, ...thing, startBytes: start, endBytes: end, ...inFile });
    }
  }

  #firstAtOrAfter(blockIndex: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]! < blockIndex) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
