/** Blocks hashed with node:crypto alone: runs everywhere Node does. */
import { createHash, hash, type Hash } from 'node:crypto';
import { VerityError } from './error.ts';
import type { BlockHasher, StreamDigest } from './hasher.ts';
import { digestSizeBytesOf, digestStrideBytesOf, type VerityAlgorithm } from './parameters.ts';

export class CryptoStream implements StreamDigest {
  readonly #hash: Hash = createHash('sha256');

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Uint8Array {
    return new Uint8Array(this.#hash.digest());
  }
}

export class PureHasher implements BlockHasher {
  readonly implementation = 'node:crypto';
  readonly blockSizeBytes: number;
  readonly digestSizeBytes: number;
  readonly digestStrideBytes: number;
  readonly #algorithm: VerityAlgorithm;
  readonly #saltSizeBytes: number;
  /** salt ‖ block, the one message that is hashed again and again. */
  readonly #message: Buffer;

  constructor(options: {
    readonly algorithm: VerityAlgorithm;
    readonly salt: Uint8Array;
    readonly blockSizeBytes: number;
  }) {
    this.#algorithm = options.algorithm;
    this.blockSizeBytes = options.blockSizeBytes;
    this.digestSizeBytes = digestSizeBytesOf(options.algorithm);
    this.digestStrideBytes = digestStrideBytesOf(options.algorithm);
    this.#saltSizeBytes = options.salt.length;
    this.#message = Buffer.alloc(options.salt.length + options.blockSizeBytes);
    this.#message.set(options.salt);
  }

  hashBlocks(data: Uint8Array, out: Uint8Array): void {
    const count = requireLengths(this, data, out);
    const { blockSizeBytes, digestStrideBytes } = this;
    const from = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const to = Buffer.from(out.buffer, out.byteOffset, out.byteLength);
    for (let index = 0; index < count; index += 1) {
      from.copy(this.#message, this.#saltSizeBytes, index * blockSizeBytes, (index + 1) * blockSizeBytes);
      // A digest as a latin1 string costs half of what a Buffer of its own does.
      to.write(hash(this.#algorithm, this.#message, 'binary'), index * digestStrideBytes, 'latin1');
    }
  }

  newStream(): StreamDigest {
    return new CryptoStream();
  }

  hashBlocksAndStream(data: Uint8Array, out: Uint8Array, stream: StreamDigest): void {
    this.hashBlocks(data, out);
    stream.update(data);
  }
}

/**
 * The number of blocks in `data`.
 * @throws VerityError PARAMETER_INVALID when there is part of a block, or no room for the digests
 */
export function requireLengths(hasher: BlockHasher, data: Uint8Array, out: Uint8Array): number {
  const count = data.length / hasher.blockSizeBytes;
  if (!Number.isInteger(count)) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `Hashing blocks: whole blocks of ${hasher.blockSizeBytes} bytes expected, found ${data.length} bytes.`,
    );
  }
  if (out.length < count * hasher.digestStrideBytes) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `Hashing blocks: ${count} digests need ${count * hasher.digestStrideBytes} bytes of room, found ${out.length}.`,
    );
  }
  return count;
}
