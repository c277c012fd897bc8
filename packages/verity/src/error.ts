/** What can go wrong with a dm-verity device. Codes are stable. */
export type VerityErrorCode =
  /** The bytes end before the structure does, or the image is shorter than its superblock says. */
  | 'TRUNCATED'
  /** No dm-verity superblock where one must be. */
  | 'NOT_VERITY'
  /** The superblock on disk is valid, but not the one that the caller's parameters make. */
  | 'SUPERBLOCK_MISMATCH'
  /** A superblock field is out of range or not zero where it must be; the message names it. */
  | 'SUPERBLOCK_INVALID'
  /** Valid dm-verity, but a parameter that this implementation does not have (algorithm, version, …). */
  | 'UNSUPPORTED'
  /** Parameters of the caller that cannot be: block size, salt length, offset, … */
  | 'PARAMETER_INVALID'
  /** The tree's top block does not hash to the root hash that is expected. */
  | 'ROOT_MISMATCH'
  /** A block of the tree does not hash to what its parent says. */
  | 'HASH_BLOCK_MISMATCH'
  /** A data block does not hash to what the tree says. */
  | 'DATA_BLOCK_MISMATCH'
  /** A block of the tree is what its parent says, but holds something behind the last digest: the block count is not the one that the tree was made for. */
  | 'PADDING_NOT_ZERO'
  /** A tree cannot be finished: a data block's digest was never given. */
  | 'LEAF_MISSING'
  /** A data block's digest was given a second time. */
  | 'LEAF_TWICE'
  /** The caller's signal stopped the work. */
  | 'ABORTED'
  /** A file could not be opened, read or written; `cause` is the system's error. */
  | 'IO'
  /** A worker thread ended without an answer. */
  | 'WORKER_FAILED';

/** The level of data blocks, below level 0 of the tree. */
export const dataLevel = -1;

/** Where, and how, a device is not the one that its root hash stands for. */
export interface Corruption {
  readonly code: 'ROOT_MISMATCH' | 'HASH_BLOCK_MISMATCH' | 'DATA_BLOCK_MISMATCH' | 'PADDING_NOT_ZERO';
  /** `dataLevel` (-1) for a data block; else the tree's level, 0 directly above the data. */
  readonly level: number;
  /** The bad block's index in its level. */
  readonly blockIndex: number;
  /** Where the bad block is in its file: the data file for a data block, else the hash file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** What its parent (or the root hash) says. */
  readonly expectedDigest: Uint8Array;
  /** What it hashes to. The same as expected for PADDING_NOT_ZERO. */
  readonly foundDigest: Uint8Array;
  /** The data that can not be trusted therefore: from this byte of the data file ... */
  readonly dataOffsetBytes: number;
  /** ... this many bytes. */
  readonly dataSizeBytes: number;
}

export class VerityError extends Error {
  override readonly name = 'VerityError';
  readonly code: VerityErrorCode;
  /** With the four codes of a corruption only. */
  readonly corruption: Corruption | undefined;

  constructor(
    code: VerityErrorCode,
    message: string,
    options?: ErrorOptions & { readonly corruption?: Corruption },
  ) {
    super(message, options);
    this.code = code;
    this.corruption = options?.corruption;
  }
}
