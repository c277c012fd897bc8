/** Blocks hashed by the native addon; SHA-256 only. */
import { VerityError } from './error.ts';
import type { BlockHasher, StreamDigest } from './hasher.ts';
import { streamKernel, type NativeAddon } from './native-addon.node.ts';
import { CryptoStream, requireLengths } from './pure-hasher.node.ts';

class NativeStream implements StreamDigest {
  readonly #addon: Required<NativeAddon>;
  #state: Uint8Array | undefined;

  constructor(addon: Required<NativeAddon>) {
    this.#addon = addon;
    this.#state = new Uint8Array(addon.streamStateSizeBytes);
    addon.streamStart(this.#state);
  }

  /** What the addon reads and writes. */
  get state(): Uint8Array {
    if (this.#state !== undefined) return this.#state;
    throw new VerityError('PARAMETER_INVALID', 'Hashing a stream: its digest was already taken.');
  }

  update(bytes: Uint8Array): void {
    this.#addon.streamUpdate(this.state, bytes);
  }

  digest(): Uint8Array {
    const out = new Uint8Array(32);
    this.#addon.streamFinish(this.state, out);
    this.#state = undefined;
    return out;
  }
}

export class NativeHasher implements BlockHasher {
  readonly implementation: string;
  readonly blockSizeBytes: number;
  readonly digestSizeBytes = 32;
  readonly digestStrideBytes = 32;
  readonly #addon: NativeAddon;
  readonly #withStream: Required<NativeAddon> | undefined;
  readonly #kernel: string;
  readonly #salt: Uint8Array;

  constructor(options: {
    readonly addon: NativeAddon;
    readonly kernel: string;
    readonly salt: Uint8Array;
    readonly blockSizeBytes: number;
  }) {
    this.implementation = `native ${options.kernel}`;
    this.blockSizeBytes = options.blockSizeBytes;
    this.#addon = options.addon;
    this.#withStream = hasStream(options.addon) ? options.addon : undefined;
    this.#kernel = options.kernel;
    this.#salt = options.salt.slice();
  }

  hashBlocks(data: Uint8Array, out: Uint8Array): void {
    requireLengths(this, data, out);
    this.#addon.hashBlocks(this.#kernel, this.#salt, this.blockSizeBytes, data, out);
  }

  newStream(): StreamDigest {
    return this.#withStream === undefined ? new CryptoStream() : new NativeStream(this.#withStream);
  }

  /** The leaf and the stream are two messages in flight, which together take little longer than one. */
  hashBlocksAndStream(data: Uint8Array, out: Uint8Array, stream: StreamDigest): void {
    if (this.#withStream !== undefined && stream instanceof NativeStream) {
      requireLengths(this, data, out);
      this.#withStream.hashBlocksAndStream(
        streamKernel,
        this.#salt,
        this.blockSizeBytes,
        data,
        out,
        stream.state,
      );
      return;
    }
    this.hashBlocks(data, out);
    stream.update(data);
  }
}

function hasStream(addon: NativeAddon): addon is Required<NativeAddon> {
  return addon.kernels.includes(streamKernel);
}
