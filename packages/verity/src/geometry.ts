import { VerityError } from './error.ts';
import {
  checkParameters,
  digestSizeBytesOf,
  digestStrideBytesOf,
  type VerityParameters,
} from './parameters.ts';
import { superblockSizeBytes } from './superblock.ts';

/** The hash area lies on sectors: cryptsetup refuses other offsets. */
const sectorSizeBytes = 512;

/** One level of the tree: a run of hash blocks on disk. */
export interface TreeLevel {
  /** 0: these blocks hold the data blocks' digests. n: they hold the digests of level n - 1's blocks. */
  readonly level: number;
  /** Where the level's first block is, in bytes from the beginning of the hash file. */
  readonly offsetBytes: number;
  readonly blockCount: number;
  /** How many digests the level holds; behind the last one its last block is zeros. */
  readonly digestCount: number;
}

/** Where everything is. */
export interface TreeGeometry {
  readonly digestSizeBytes: number;
  /** From one digest to the next in a hash block. */
  readonly digestStrideBytes: number;
  readonly digestsPerBlock: number;
  readonly dataSizeBytes: number;
  /** Where the hash area begins: with the superblock if there is one, else with the tree. */
  readonly hashOffsetBytes: number;
  readonly hasSuperblock: boolean;
  /** Where the top level's block is; the levels follow each other downwards, level 0 last. */
  readonly treeOffsetBytes: number;
  readonly treeSizeBytes: number;
  /** All levels' blocks together. */
  readonly hashBlockCount: number;
  /** From `hashOffsetBytes` to the end of the tree. */
  readonly hashAreaSizeBytes: number;
  /** The first byte behind the tree. */
  readonly endOffsetBytes: number;
  /**
   * By level: `levels[0]` holds the data blocks' digests, the last one is a single block, whose digest is the root hash.
   * Empty for a single data block: its own digest is the root hash.
   */
  readonly levels: readonly TreeLevel[];
}

/** Where the hash area begins in the hash file, and with what. */
export interface HashPlacement {
  /** A multiple of 512; without a superblock, of the hash block size. */
  readonly hashOffsetBytes: number;
  readonly superblock: boolean;
}

/**
 * Where dm-verity's levels are. With a superblock the tree begins at the first hash block boundary behind it.
 * @throws VerityError PARAMETER_INVALID or UNSUPPORTED
 */
export function treeGeometry(parameters: VerityParameters, placement: HashPlacement): TreeGeometry {
  checkParameters(parameters);
  const { hashBlockSizeBytes, dataBlockCount } = parameters;
  const { hashOffsetBytes, superblock } = placement;
  const treeOffsetBytes = treeOffset(hashOffsetBytes, superblock, hashBlockSizeBytes);
  const digestStrideBytes = digestStrideBytesOf(parameters.algorithm);
  const digestsPerBlock = hashBlockSizeBytes / digestStrideBytes;

  const levels = placeLevels(dataBlockCount, digestsPerBlock, treeOffsetBytes, hashBlockSizeBytes);
  const hashBlockCount = levels.reduce((sum, level) => sum + level.blockCount, 0);
  const treeSizeBytes = hashBlockCount * hashBlockSizeBytes;
  const endOffsetBytes = treeOffsetBytes + treeSizeBytes;
  if (!Number.isSafeInteger(endOffsetBytes)) {
    throw new VerityError(
      'PARAMETER_INVALID',
      'The hash tree would end beyond 2^53 - 1 bytes: no file is that large.',
    );
  }
  return {
    digestSizeBytes: digestSizeBytesOf(parameters.algorithm),
    digestStrideBytes,
    digestsPerBlock,
    dataSizeBytes: dataBlockCount * parameters.dataBlockSizeBytes,
    hashOffsetBytes,
    hasSuperblock: superblock,
    treeOffsetBytes,
    treeSizeBytes,
    hashBlockCount,
    hashAreaSizeBytes: endOffsetBytes - hashOffsetBytes,
    endOffsetBytes,
    levels,
  };
}

function treeOffset(hashOffsetBytes: number, superblock: boolean, hashBlockSizeBytes: number): number {
  const unitBytes = superblock ? sectorSizeBytes : hashBlockSizeBytes;
  const maximum = Number.MAX_SAFE_INTEGER - superblockSizeBytes - hashBlockSizeBytes;
  if (!Number.isSafeInteger(hashOffsetBytes) || hashOffsetBytes < 0 || hashOffsetBytes > maximum) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `The hash offset ${hashOffsetBytes} is not a byte offset in a file.`,
    );
  }
  if (hashOffsetBytes % unitBytes !== 0) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `The hash offset ${hashOffsetBytes} must be a multiple of ${unitBytes} bytes (${superblock ? 'a sector' : 'a hash block, as there is no superblock'}).`,
    );
  }
  if (!superblock) return hashOffsetBytes;
  return Math.ceil((hashOffsetBytes + superblockSizeBytes) / hashBlockSizeBytes) * hashBlockSizeBytes;
}

/** From the data upwards, levels shrink to one block; on disk they lie from the top downwards. */
function placeLevels(
  dataBlockCount: number,
  digestsPerBlock: number,
  treeOffsetBytes: number,
  hashBlockSizeBytes: number,
): TreeLevel[] {
  const counts: { digestCount: number; blockCount: number }[] = [];
  for (let below = dataBlockCount; below > 1;) {
    const blockCount = Math.ceil(below / digestsPerBlock);
    counts.push({ digestCount: below, blockCount });
    below = blockCount;
  }
  const levels: TreeLevel[] = [];
  let offsetBytes = treeOffsetBytes;
  for (let level = counts.length - 1; level >= 0; level -= 1) {
    const count = counts[level]!;
    levels[level] = { level, offsetBytes, ...count };
    offsetBytes += count.blockCount * hashBlockSizeBytes;
  }
  return levels;
}
