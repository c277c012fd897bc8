import { corruptionAt, corruptionError } from './corruption.ts';
import { dataLevel, VerityError, type Corruption } from './error.ts';
import type { TreeGeometry } from './geometry.ts';
import type { TreeHashers } from './hasher.ts';
import type { VerityParameters } from './parameters.ts';
import { requireHasher, type ByteSource } from './tree.ts';

/** How much data is read and hashed at once, in bytes (at least one block): it should stay in a core's cache. */
const pieceSizeBytes = 256 * 1024;

/** Everything that a device is checked with. */
export interface DeviceUnderTest {
  readonly parameters: VerityParameters;
  readonly geometry: TreeGeometry;
  readonly hashers: TreeHashers;
  /** `geometry.digestSizeBytes` bytes, from somewhere that is trusted. */
  readonly rootHash: Uint8Array;
  /** The data; offset 0 is data block 0. */
  readonly data: ByteSource;
  /** The hash file: offsets are those of `geometry`. */
  readonly tree: ByteSource;
}

/** A hash block that the root hash vouches for. */
interface TrustedBlock {
  index: number;
  readonly bytes: Uint8Array;
}

/**
 * Checks data against a root hash, from the root downwards: no digest is believed before the block that holds it was
 * checked. Keeps one checked block for each level, so ascending ranges read every hash block once.
 */
export class RangeVerifier {
  readonly #device: DeviceUnderTest;
  readonly #trusted: TrustedBlock[];
  readonly #digests: Uint8Array;
  readonly #pieceBlocks: number;

  /** @throws VerityError PARAMETER_INVALID when root hash or hashers are not for these parameters */
  constructor(device: DeviceUnderTest) {
    const { parameters, geometry, hashers, rootHash } = device;
    requireHasher(hashers.data, parameters.dataBlockSizeBytes, geometry, 'data');
    requireHasher(hashers.tree, parameters.hashBlockSizeBytes, geometry, 'hash');
    requireRootHash(rootHash, geometry);
    this.#device = { ...device, rootHash: rootHash.slice() };
    this.#pieceBlocks = Math.max(1, Math.floor(pieceSizeBytes / parameters.dataBlockSizeBytes));
    this.#digests = new Uint8Array(this.#pieceBlocks * geometry.digestStrideBytes);
    this.#trusted = geometry.levels.map(() => ({
      index: -1,
      bytes: new Uint8Array(parameters.hashBlockSizeBytes),
    }));
  }

  /**
   * Checks whole data blocks.
   * @returns the first thing that is wrong, in the order of the data and then from the root downwards
   * @throws VerityError PARAMETER_INVALID when there are no such blocks; what the sources throw
   */
  checkBlocks(firstBlockIndex: number, blockCount: number): Corruption | undefined {
    const { parameters, geometry } = this.#device;
    requireRange('blocks', firstBlockIndex, blockCount, parameters.dataBlockCount);
    const end = firstBlockIndex + blockCount;
    for (let first = firstBlockIndex; first < end;) {
      const leaves = Math.floor(first / geometry.digestsPerBlock);
      const stop = Math.min(end, (leaves + 1) * geometry.digestsPerBlock, first + this.#pieceBlocks);
      const expected = this.#expectedDigests(dataLevel, first, stop - first);
      if (!(expected instanceof Uint8Array)) return expected;
      const corruption = this.#checkPiece(first, stop - first, expected);
      if (corruption !== undefined) return corruption;
      first = stop;
    }
    return undefined;
  }

  #checkPiece(first: number, count: number, expected: Uint8Array): Corruption | undefined {
    const { parameters, geometry, hashers, data } = this.#device;
    const { dataBlockSizeBytes } = parameters;
    const { digestStrideBytes, digestSizeBytes } = geometry;
    const blocks = data.read(first * dataBlockSizeBytes, count * dataBlockSizeBytes);
    const found = this.#digests.subarray(0, count * digestStrideBytes);
    hashers.data.hashBlocks(blocks, found);
    const different = firstDifference(expected, found);
    if (different < 0) return undefined;
    const slot = Math.floor(different / digestStrideBytes);
    const at = slot * digestStrideBytes;
    return corruptionAt(parameters, geometry, {
      code: 'DATA_BLOCK_MISMATCH',
      level: dataLevel,
      blockIndex: first + slot,
      expectedDigest: expected.subarray(at, at + digestSizeBytes),
      foundDigest: found.subarray(at, at + digestSizeBytes),
    });
  }

  /** The digests of blocks of a level, out of a checked block above (they do not cross it), or the root hash. */
  #expectedDigests(level: number, first: number, count: number): Uint8Array | Corruption {
    const { geometry, rootHash } = this.#device;
    const above = level + 1;
    if (above === geometry.levels.length) return rootHash;
    const { digestsPerBlock, digestStrideBytes } = geometry;
    const corruption = this.#trust(above, Math.floor(first / digestsPerBlock));
    if (corruption !== undefined) return corruption;
    const start = (first % digestsPerBlock) * digestStrideBytes;
    return this.#trusted[above]!.bytes.subarray(start, start + count * digestStrideBytes);
  }

  /** Brings a block of the tree into `#trusted`, after all that lie between it and the root hash. */
  #trust(level: number, index: number): Corruption | undefined {
    const { parameters, geometry, hashers, tree } = this.#device;
    const kept = this.#trusted[level]!;
    if (kept.index === index) return undefined;
    const expectedDigest = this.#expectedDigests(level, index, 1);
    if (!(expectedDigest instanceof Uint8Array)) return expectedDigest;

    kept.index = -1;
    const { offsetBytes } = geometry.levels[level]!;
    const { hashBlockSizeBytes } = parameters;
    kept.bytes.set(tree.read(offsetBytes + index * hashBlockSizeBytes, hashBlockSizeBytes));
    const foundDigest = this.#digests.subarray(0, geometry.digestSizeBytes);
    hashers.tree.hashBlocks(kept.bytes, this.#digests);
    const isTop = level + 1 === geometry.levels.length;
    const at = { level, blockIndex: index, expectedDigest, foundDigest };
    if (firstDifference(expectedDigest, foundDigest) >= 0) {
      const code = isTop ? 'ROOT_MISMATCH' : 'HASH_BLOCK_MISMATCH';
      return corruptionAt(parameters, geometry, { ...at, code });
    }
    if (this.#hasBytesBehindLastDigest(level, index, kept.bytes)) {
      return corruptionAt(parameters, geometry, { ...at, code: 'PADDING_NOT_ZERO' });
    }
    kept.index = index;
    return undefined;
  }

  #hasBytesBehindLastDigest(level: number, index: number, bytes: Uint8Array): boolean {
    const { levels, digestsPerBlock, digestStrideBytes } = this.#device.geometry;
    const { digestCount } = levels[level]!;
    const used = Math.min(digestsPerBlock, digestCount - index * digestsPerBlock);
    for (let at = used * digestStrideBytes; at < bytes.length; at += 1) if (bytes[at] !== 0) return true;
    return false;
  }
}

/**
 * Checks any range of data bytes against the root hash; the blocks that it touches are checked whole.
 * @throws VerityError PARAMETER_INVALID (no such range, or root hash or hashers for other parameters), and with its
 *   `corruption`: ROOT_MISMATCH, HASH_BLOCK_MISMATCH, DATA_BLOCK_MISMATCH, PADDING_NOT_ZERO; what the sources throw
 */
export function verifyRange(
  device: DeviceUnderTest & { readonly offsetBytes: number; readonly lengthBytes: number },
): void {
  const { offsetBytes, lengthBytes, parameters, geometry } = device;
  requireRange('bytes', offsetBytes, lengthBytes, geometry.dataSizeBytes);
  const verifier = new RangeVerifier(device);
  if (lengthBytes === 0) return;
  const first = Math.floor(offsetBytes / parameters.dataBlockSizeBytes);
  const last = Math.floor((offsetBytes + lengthBytes - 1) / parameters.dataBlockSizeBytes);
  const corruption = verifier.checkBlocks(first, last - first + 1);
  if (corruption !== undefined) throw corruptionError(corruption);
}

/** @throws VerityError PARAMETER_INVALID when the root hash has another length than the algorithm's digests */
export function requireRootHash(rootHash: Uint8Array, geometry: TreeGeometry): void {
  if (rootHash.length === geometry.digestSizeBytes) return;
  throw new VerityError(
    'PARAMETER_INVALID',
    `Checking a dm-verity device: the root hash must have ${geometry.digestSizeBytes} bytes, found ${rootHash.length}.`,
  );
}

function requireRange(what: string, first: number, count: number, size: number): void {
  const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(count) && first >= 0 && count >= 0;
  if (isRange && first + count <= size) return;
  throw new VerityError(
    'PARAMETER_INVALID',
    `Checking a dm-verity device: ${count} ${what} from ${first} on are not all among its ${size}.`,
  );
}

/**
 * The offset of the first 32-bit word in which digests differ, or -1. The arrays have one length, and begin at words:
 * they are parts of this file's own buffers, cut at digests.
 */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const left = new Uint32Array(a.buffer, a.byteOffset, a.length / 4);
  const right = new Uint32Array(b.buffer, b.byteOffset, b.length / 4);
  for (let word = 0; word < left.length; word += 1) if (left[word] !== right[word]) return word * 4;
  return -1;
}
