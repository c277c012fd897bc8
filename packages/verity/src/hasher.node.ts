import type { BlockHasher, TreeHashers } from './hasher.ts';
import { VerityError } from './error.ts';
import {
  isVerityAlgorithm,
  maxBlockSizeBytes,
  maxSaltSizeBytes,
  type VerityAlgorithm,
  type VerityParameters,
} from './parameters.ts';
import { nativeState } from './native-addon.node.ts';
import { NativeHasher } from './native-hasher.node.ts';
import { PureHasher } from './pure-hasher.node.ts';

export interface BlockHasherOptions {
  readonly algorithm: VerityAlgorithm;
  /** 0 to 256 bytes; copied. */
  readonly salt: Uint8Array;
  /** A multiple of 64, at most 524,288. */
  readonly blockSizeBytes: number;
  /** `never` keeps to node:crypto; `auto`, the default, takes the native addon where it is built and proven. */
  readonly native?: 'auto' | 'never';
}

/**
 * The fastest hasher of this machine for the parameters.
 * @throws VerityError PARAMETER_INVALID or UNSUPPORTED
 */
export function createBlockHasher(options: BlockHasherOptions): BlockHasher {
  requireOptions(options);
  if (options.algorithm === 'sha256' && options.native !== 'never') {
    const state = nativeState();
    if (state.addon !== undefined) return new NativeHasher({ ...options, ...state });
  }
  return new PureHasher(options);
}

/** Which hasher `createBlockHasher` takes for SHA-256 here, and why. */
export interface HasherReport {
  /** "native sha-ni", "node:crypto", … */
  readonly implementation: string;
  readonly native: boolean;
  readonly reason: string;
}

/** For messages, benchmarks and bug reports. */
export function hasherReport(): HasherReport {
  const state = nativeState();
  return {
    implementation: state.addon === undefined ? 'node:crypto' : `native ${state.kernel}`,
    native: state.addon !== undefined,
    reason: state.reason,
  };
}

/** Hashers for a tree's data and hash blocks. */
export function createTreeHashers(
  parameters: VerityParameters,
  options: { readonly native?: 'auto' | 'never' } = {},
): TreeHashers {
  const { algorithm, salt, dataBlockSizeBytes, hashBlockSizeBytes } = parameters;
  const data = createBlockHasher({ algorithm, salt, blockSizeBytes: dataBlockSizeBytes, ...options });
  if (hashBlockSizeBytes === dataBlockSizeBytes) return { data, tree: data };
  return {
    data,
    tree: createBlockHasher({ algorithm, salt, blockSizeBytes: hashBlockSizeBytes, ...options }),
  };
}

function requireOptions({ algorithm, salt, blockSizeBytes }: BlockHasherOptions): void {
  if (!isVerityAlgorithm(algorithm)) {
    throw new VerityError('UNSUPPORTED', `Hash algorithm "${String(algorithm)}" is not sha256 or sha512.`);
  }
  if (salt.length > maxSaltSizeBytes) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `The salt must have 0 to ${maxSaltSizeBytes} bytes, found ${salt.length}.`,
    );
  }
  if (!(blockSizeBytes > 0 && blockSizeBytes <= maxBlockSizeBytes && blockSizeBytes % 64 === 0)) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `The block size must be a multiple of 64 up to ${maxBlockSizeBytes} bytes, found ${blockSizeBytes}.`,
    );
  }
}
