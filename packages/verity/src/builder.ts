import { VerityError } from './error.ts';
import type { TreeGeometry } from './geometry.ts';
import type { TreeHashers } from './hasher.ts';
import { LeafSet } from './leaf-set.ts';
import type { VerityParameters } from './parameters.ts';
import { finishTree, requireHasher, type HashStore } from './tree.ts';

/** Digests made at once by `addBlocks`. */
const pieceBlocks = 1024;

/**
 * Builds a hash tree from data blocks, or from digests made elsewhere, that arrive in any order. Leaf digests go
 * straight to the store, so memory stays flat however large the image is.
 */
export class HashTreeBuilder {
  readonly #parameters: VerityParameters;
  readonly #geometry: TreeGeometry;
  readonly #hashers: TreeHashers;
  readonly #store: HashStore;
  readonly #leaves: LeafSet;
  readonly #digests: Uint8Array;
  #onlyDigest: Uint8Array | undefined;

  /** @throws VerityError PARAMETER_INVALID when the hashers are not for these parameters */
  constructor(options: {
    readonly parameters: VerityParameters;
    readonly geometry: TreeGeometry;
    readonly hashers: TreeHashers;
    readonly store: HashStore;
  }) {
    const { parameters, geometry, hashers } = options;
    requireHasher(hashers.data, parameters.dataBlockSizeBytes, geometry, 'data');
    requireHasher(hashers.tree, parameters.hashBlockSizeBytes, geometry, 'hash');
    this.#parameters = parameters;
    this.#geometry = geometry;
    this.#hashers = hashers;
    this.#store = options.store;
    this.#leaves = new LeafSet(parameters.dataBlockCount);
    this.#digests = new Uint8Array(pieceBlocks * geometry.digestStrideBytes);
  }

  /** How many leaves have not arrived yet. */
  get missingCount(): number {
    return this.#leaves.missingCount;
  }

  /**
   * Hashes whole data blocks and stores their digests.
   * @throws VerityError PARAMETER_INVALID (no whole blocks, or beyond the image), LEAF_TWICE
   */
  addBlocks(firstBlockIndex: number, data: Uint8Array): void {
    const { dataBlockSizeBytes } = this.#parameters;
    this.#requireNew(firstBlockIndex, wholeCount('data blocks', data, dataBlockSizeBytes));
    const pieceSizeBytes = pieceBlocks * dataBlockSizeBytes;
    for (let start = 0; start < data.length; start += pieceSizeBytes) {
      const piece = data.subarray(start, start + pieceSizeBytes);
      const count = piece.length / dataBlockSizeBytes;
      const digests = this.#digests.subarray(0, count * this.#geometry.digestStrideBytes);
      this.#hashers.data.hashBlocks(piece, digests);
      this.#keep(firstBlockIndex + start / dataBlockSizeBytes, digests);
    }
  }

  /**
   * Stores digests of data blocks, packed at the digest stride.
   * @throws VerityError PARAMETER_INVALID (no whole digests, or beyond the image), LEAF_TWICE
   */
  addDigests(firstBlockIndex: number, digests: Uint8Array): void {
    this.#requireNew(firstBlockIndex, wholeCount('digests', digests, this.#geometry.digestStrideBytes));
    this.#keep(firstBlockIndex, digests);
  }

  /**
   * Builds the levels above the leaves.
   * @returns the root hash
   * @throws VerityError LEAF_MISSING
   */
  finish(): Uint8Array {
    if (!this.#leaves.isComplete) {
      throw new VerityError(
        'LEAF_MISSING',
        `Finishing a hash tree: ${this.#leaves.missingCount} of ${this.#parameters.dataBlockCount} data blocks have no digest yet, the first is block ${this.#leaves.firstMissing()}.`,
      );
    }
    return finishTree({
      parameters: this.#parameters,
      geometry: this.#geometry,
      treeHasher: this.#hashers.tree,
      store: this.#store,
      leafDigest: this.#onlyDigest,
    });
  }

  #requireNew(first: number, count: number): void {
    const { dataBlockCount } = this.#parameters;
    if (!Number.isSafeInteger(first) || first < 0 || first + count > dataBlockCount) {
      throw new VerityError(
        'PARAMETER_INVALID',
        `Adding to a hash tree: blocks ${first} to ${first + count - 1} are not all among its ${dataBlockCount} data blocks.`,
      );
    }
    const present = this.#leaves.firstPresent(first, count);
    if (present >= 0) {
      throw new VerityError(
        'LEAF_TWICE',
        `Adding to a hash tree: data block ${present} already has a digest.`,
      );
    }
  }

  #keep(first: number, digests: Uint8Array): void {
    const { levels, digestStrideBytes, digestSizeBytes } = this.#geometry;
    const leaves = levels[0];
    if (leaves === undefined) {
      if (digests.length > 0) this.#onlyDigest = digests.slice(0, digestSizeBytes);
    } else {
      this.#store.write(leaves.offsetBytes + first * digestStrideBytes, digests);
    }
    this.#leaves.add(first, digests.length / digestStrideBytes);
  }
}

function wholeCount(what: string, bytes: Uint8Array, sizeBytes: number): number {
  if (bytes.length % sizeBytes === 0) return bytes.length / sizeBytes;
  throw new VerityError(
    'PARAMETER_INVALID',
    `Adding to a hash tree: whole ${what} of ${sizeBytes} bytes expected, found ${bytes.length} bytes.`,
  );
}
