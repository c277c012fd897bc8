import { dataLevel, VerityError, type Corruption } from './error.ts';
import type { TreeGeometry } from './geometry.ts';
import { toHex } from './hex.ts';
import type { VerityParameters } from './parameters.ts';

/** The corruption of one block, with its place in the file and the data that hangs from it. */
export function corruptionAt(
  parameters: VerityParameters,
  geometry: TreeGeometry,
  found: Pick<Corruption, 'code' | 'level' | 'blockIndex' | 'expectedDigest' | 'foundDigest'>,
): Corruption {
  const { dataBlockSizeBytes, hashBlockSizeBytes, dataBlockCount } = parameters;
  const { level, blockIndex } = found;
  const isData = level === dataLevel;
  const sizeBytes = isData ? dataBlockSizeBytes : hashBlockSizeBytes;
  const levelOffsetBytes = isData ? 0 : geometry.levels[level]!.offsetBytes;
  // Data blocks below one block of the level. Inexact only where it is far beyond the number of all of them.
  const span = Math.min(geometry.digestsPerBlock ** (level + 1), dataBlockCount);
  const firstData = blockIndex * span;
  return {
    ...found,
    expectedDigest: found.expectedDigest.slice(),
    foundDigest: found.foundDigest.slice(),
    offsetBytes: levelOffsetBytes + blockIndex * sizeBytes,
    sizeBytes,
    dataOffsetBytes: firstData * dataBlockSizeBytes,
    dataSizeBytes: Math.min(span, dataBlockCount - firstData) * dataBlockSizeBytes,
  };
}

/** One sentence: which block, where, expected, found, and what it spoils. */
export function describeCorruption(corruption: Corruption): string {
  const { code, level, blockIndex, offsetBytes, dataOffsetBytes, dataSizeBytes } = corruption;
  const block =
    level === dataLevel
      ? `Data block ${blockIndex}`
      : `Block ${blockIndex} of level ${level} of the hash tree`;
  const what =
    code === 'PADDING_NOT_ZERO'
      ? 'is not zero behind its last digest: the tree was made for another number of data blocks'
      : `hashes to ${toHex(corruption.foundDigest)}, but ${code === 'ROOT_MISMATCH' ? 'the root hash' : 'what was expected'} is ${toHex(corruption.expectedDigest)}`;
  return `${block} (at byte ${offsetBytes}) ${what}. The data from byte ${dataOffsetBytes} to ${dataOffsetBytes + dataSizeBytes - 1} can not be trusted.`;
}

export function corruptionError(corruption: Corruption): VerityError {
  return new VerityError(corruption.code, `Checking a dm-verity device: ${describeCorruption(corruption)}`, {
    corruption,
  });
}
