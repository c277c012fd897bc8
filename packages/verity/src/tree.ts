import { VerityError } from './error.ts';
import type { TreeGeometry } from './geometry.ts';
import type { BlockHasher } from './hasher.ts';
import type { VerityParameters } from './parameters.ts';

/** Bytes to check, or to build on: a file, or memory. Offsets count from the file's beginning. */
export interface ByteSource {
  /** Exactly `lengthBytes` bytes; valid until the next call. Throws when there are fewer. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array;
}

/** Where a tree's bytes are kept while it is built. */
export interface HashStore extends ByteSource {
  /** Writes all bytes at the offset. The array is the caller's again afterwards. */
  write(offsetBytes: number, bytes: Uint8Array): void;
}

/** How much of a level is read back at once, in bytes (at least one hash block). */
const pieceSizeBytes = 256 * 1024;

/**
 * Builds the levels over leaf digests that are in the store already (the zeros behind the last one need not be), and
 * answers the root hash. Memory: two pieces, whatever the size of the tree.
 * @param leafDigest for a tree without levels only (a single data block): that block's digest
 * @throws VerityError PARAMETER_INVALID
 */
export function finishTree(options: {
  readonly parameters: VerityParameters;
  readonly geometry: TreeGeometry;
  /** For blocks of `parameters.hashBlockSizeBytes`. */
  readonly treeHasher: BlockHasher;
  readonly store: HashStore;
  readonly leafDigest?: Uint8Array | undefined;
}): Uint8Array {
  const { parameters, geometry, treeHasher, store, leafDigest } = options;
  const { hashBlockSizeBytes } = parameters;
  const { levels, digestStrideBytes, digestSizeBytes } = geometry;
  requireHasher(treeHasher, hashBlockSizeBytes, geometry, 'hash');
  if (levels.length === 0) {
    if (leafDigest?.length !== digestSizeBytes) {
      throw new VerityError(
        'PARAMETER_INVALID',
        `Finishing the tree of a single data block: its digest of ${digestSizeBytes} bytes is needed, found ${leafDigest?.length ?? 'none'}.`,
      );
    }
    return leafDigest.slice();
  }

  const pieceBlocks = Math.max(1, Math.floor(pieceSizeBytes / hashBlockSizeBytes));
  const digests = new Uint8Array(pieceBlocks * digestStrideBytes);
  for (const level of levels) {
    const above = levels[level.level + 1];
    writePadding(store, level.offsetBytes + level.digestCount * digestStrideBytes, level, hashBlockSizeBytes);
    for (let first = 0; first < level.blockCount; first += pieceBlocks) {
      const count = Math.min(pieceBlocks, level.blockCount - first);
      const blocks = store.read(level.offsetBytes + first * hashBlockSizeBytes, count * hashBlockSizeBytes);
      const found = digests.subarray(0, count * digestStrideBytes);
      treeHasher.hashBlocks(blocks, found);
      if (above !== undefined) store.write(above.offsetBytes + first * digestStrideBytes, found);
    }
  }
  return digests.slice(0, digestSizeBytes); // The top level has one block, so its digest came first and last.
}

/** Zeros from the last digest of a level to the end of its last block. */
function writePadding(
  store: HashStore,
  offsetBytes: number,
  level: { readonly offsetBytes: number; readonly blockCount: number },
  hashBlockSizeBytes: number,
): void {
  const endBytes = level.offsetBytes + level.blockCount * hashBlockSizeBytes;
  if (endBytes > offsetBytes) store.write(offsetBytes, new Uint8Array(endBytes - offsetBytes));
}

/** @throws VerityError PARAMETER_INVALID when a hasher is not one for the tree's blocks */
export function requireHasher(
  hasher: BlockHasher,
  blockSizeBytes: number,
  geometry: TreeGeometry,
  what: 'data' | 'hash',
): void {
  if (
    hasher.blockSizeBytes === blockSizeBytes &&
    hasher.digestSizeBytes === geometry.digestSizeBytes &&
    hasher.digestStrideBytes === geometry.digestStrideBytes
  ) {
    return;
  }
  throw new VerityError(
    'PARAMETER_INVALID',
    `The hasher for ${what} blocks must take blocks of ${blockSizeBytes} bytes and give digests of ${geometry.digestSizeBytes}, found ${hasher.blockSizeBytes} and ${hasher.digestSizeBytes}.`,
  );
}
