/** SHA-256, without salt, of bytes that arrive in pieces of any size. */
export interface StreamDigest {
  update(bytes: Uint8Array): void;
  /** The 32 bytes of the digest. The stream can not be used afterwards. */
  digest(): Uint8Array;
}

/** Salted digests of blocks of one size: dm-verity's hash type 1, digest = H(salt ‖ block). */
export interface BlockHasher {
  /** What does the work, for reports: "node:crypto", "native sha-ni", … */
  readonly implementation: string;
  readonly blockSizeBytes: number;
  readonly digestSizeBytes: number;
  /** From one digest to the next in `out`: the digest's size rounded up to a power of two. */
  readonly digestStrideBytes: number;
  /**
   * @param data n whole blocks
   * @param out at least n × `digestStrideBytes`; the digests, in order, as in a hash block
   * @throws VerityError PARAMETER_INVALID when the lengths do not fit
   */
  hashBlocks(data: Uint8Array, out: Uint8Array): void;
  /** A stream that `hashBlocksAndStream` of this hasher takes. Always SHA-256, whatever the blocks' algorithm. */
  newStream(): StreamDigest;
  /** `hashBlocks(data, out)` and `stream.update(data)`, in one pass over the memory. */
  hashBlocksAndStream(data: Uint8Array, out: Uint8Array, stream: StreamDigest): void;
}

/** The two hashers of a tree; the same one twice when data and hash blocks have one size. */
export interface TreeHashers {
  /** For data blocks. */
  readonly data: BlockHasher;
  /** For hash blocks. */
  readonly tree: BlockHasher;
}
