/** Checks an image as a whole: what no single structure can tell, such as link counts and shared bytes. */
import { ErofsError, type ErofsErrorCode } from './error.ts';
import {
  BLOCK_SIZE_BYTES,
  decodeSuperblock,
  type InodeKind,
  SUPERBLOCK_OFFSET_BYTES,
  SUPERBLOCK_SIZE_BYTES,
} from './format.ts';
import type { ErofsImage } from './reader.ts';
import { childPath, type ImageEntry } from './reader-entry.ts';
import type { ByteRange } from './reader-inode.ts';
import { traverse, type WalkProblem } from './walk.ts';

export interface CheckOptions {
  /** How many problems are kept; the others are counted. Default 1000. */
  readonly maxProblems?: number;
}

export interface ImageProblem {
  readonly code: ErofsErrorCode;
  /** As {@link ImageEntry.path}; '' for the root and for what belongs to the whole image. */
  readonly path: string;
  readonly message: string;
}

export interface ImageCheck {
  /** Empty for a sound image. */
  readonly problems: readonly ImageProblem[];
  /** How many there were: more than `problems` holds if `maxProblems` was reached. */
  readonly problemCount: number;
  /** How many inodes of each kind the tree reaches. */
  readonly inodes: Readonly<Record<InodeKind, number>>;
  /** The sizes of all regular files together, hard links once. */
  readonly fileBytes: number;
}

/**
 * Reads all structures of an image (not the files' data), and notes everything that is wrong:
 * what {@link ErofsImage.walk} and {@link ErofsImage.readLink} would throw; link counts that differ from the names (a
 * directory's: from 2 and its subdirectories, or 1, which EROFS writes when there are too many); an inode count that
 * differs from the superblock's; and bytes that two things claim.
 * @throws whatever the source rejects with: an image that cannot be read is not an image with a problem
 */
export async function checkImage(image: ErofsImage, options: CheckOptions = {}): Promise<ImageCheck> {
  const problems = new Problems(options.maxProblems ?? 1000);
  const inodes = new InodeTable();
  await checkSuperblock(image, problems);
  const onProblem = (problem: WalkProblem): void => problems.addError(problemPath(problem), problem.error);
  for await (const entry of traverse(image, onProblem)) {
    const isNew = inodes.add(entry);
    if (isNew && entry.inode.kind === 'symlink') await checkSymlink(image, entry, problems);
  }
  // Counts of a tree that was not walked to its end accuse it of nothing.
  if (!problems.isLimitExceeded) {
    checkInodeCount(image, inodes, problems);
    checkLinkCounts(inodes, problems);
  }
  checkOverlaps(inodes, problems);
  return {
    problems: problems.kept,
    problemCount: problems.count,
    inodes: inodes.countByKind(),
    fileBytes: inodes.fileBytes,
  };
}

async function checkSuperblock(image: ErofsImage, problems: Problems): Promise<void> {
  const firstBlock = await image.bytes.read(0, BLOCK_SIZE_BYTES);
  try {
    decodeSuperblock(firstBlock);
  } catch (error) {
    problems.addError('', error);
  }
}

async function checkSymlink(image: ErofsImage, entry: ImageEntry, problems: Problems): Promise<void> {
  try {
    await image.readLink(entry);
  } catch (error) {
    problems.addError(entry.path, error);
  }
}

function checkInodeCount(image: ErofsImage, inodes: InodeTable, problems: Problems): void {
  const expected = image.superblock.inodeCount;
  const found = inodes.byNid.size;
  if (found === expected) return;
  problems.add('CORRUPT', '', `The superblock says ${expected} inodes, the tree reaches ${found}.`);
}

function checkLinkCounts(inodes: InodeTable, problems: Problems): void {
  for (const { path, kind, linkCount, references, subdirectories } of inodes.byNid.values()) {
    const expected = kind === 'directory' ? 2 + subdirectories : references;
    if (linkCount === expected || (kind === 'directory' && linkCount === 1)) continue;
    problems.add('CORRUPT', path, `"${path}" must have ${expected} links, its inode says ${linkCount}.`);
  }
}

/** In the order of their first bytes, a claim may not begin before the ones before it have ended. */
function checkOverlaps(inodes: InodeTable, problems: Problems): void {
  const claims = inodes.claims.sort((a, b) => a.startBytes - b.startBytes || a.endBytes - b.endBytes);
  let furthest: Claim | undefined;
  for (const claim of claims) {
    if (furthest !== undefined && claim.startBytes < furthest.endBytes) {
      problems.add(
        'CORRUPT',
        claim.path,
        `Byte ${claim.startBytes} of the image belongs to ${describe(furthest)} and to ${describe(claim)}.`,
      );
    }
    if (furthest === undefined || claim.endBytes > furthest.endBytes) furthest = claim;
  }
}

/** Bytes of the image that only one thing may have. */
interface Claim extends ByteRange {
  readonly path: string;
  readonly part: 'superblock' | 'inode' | 'data';
}

function describe({ part, path }: Claim): string {
  return part === 'superblock' ? 'the superblock' : `the ${part} of "${path}"`;
}

/** The entry that a problem of the walk is about. */
function problemPath({ directory, record }: WalkProblem): string {
  return record === undefined ? directory.path : childPath(directory, record.nameBytes).path;
}

interface InodeUse {
  /** The first of its names. */
  readonly path: string;
  readonly kind: InodeKind;
  readonly linkCount: number;
  references: number;
  subdirectories: number;
}

/** Every inode that the tree reaches, with who refers to it and which bytes it claims. */
class InodeTable {
  readonly byNid = new Map<bigint, InodeUse>();
  readonly claims: Claim[] = [
    {
      part: 'superblock',
      path: '',
      startBytes: SUPERBLOCK_OFFSET_BYTES,
      endBytes: SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_SIZE_BYTES,
    },
  ];
  fileBytes = 0;

  /** @returns whether the inode was not met before, under another name */
  add({ nid, path, inode, place, parentNid }: ImageEntry): boolean {
    const { kind, linkCount } = inode;
    if (kind === 'directory' && parentNid !== nid) {
      const parent = this.byNid.get(parentNid);
      if (parent !== undefined) parent.subdirectories++;
    }
    const known = this.byNid.get(nid);
    if (known !== undefined) {
      known.references++;
      return false;
    }
    this.byNid.set(nid, { path, kind, linkCount, references: 1, subdirectories: 0 });
    if (kind === 'file') this.fileBytes += inode.sizeBytes;
    this.#claim('inode', path, place.inode.startBytes, place.xattrs.endBytes);
    this.#claim('data', path, place.inlineTail.startBytes, place.inlineTail.endBytes);
    // The rest of a file's last block is no one else's.
    const endBytes = Math.ceil(place.blocks.endBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    this.#claim('data', path, place.blocks.startBytes, endBytes);
    return true;
  }

  countByKind(): Record<InodeKind, number> {
    const counts: Record<InodeKind, number> = { file: 0, directory: 0, symlink: 0 };
    for (const { kind } of this.byNid.values()) counts[kind]++;
    return counts;
  }

  #claim(part: Claim['part'], path: string, startBytes: number, endBytes: number): void {
    if (endBytes > startBytes) this.claims.push({ part, path, startBytes, endBytes });
  }
}

class Problems {
  readonly kept: ImageProblem[] = [];
  count = 0;
  isLimitExceeded = false;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(code: ErofsErrorCode, path: string, message: string): void {
    this.count++;
    if (code === 'LIMIT_EXCEEDED') this.isLimitExceeded = true;
    if (this.kept.length < this.#max) this.kept.push({ code, path, message });
  }

  /** What is no finding about the image goes on its way. */
  addError(path: string, error: unknown): void {
    if (!(error instanceof ErofsError)) throw error;
    this.add(error.code, path, error.message);
  }
}
