import { VerityError } from './error.ts';

/** The hash functions of this implementation, by the names that superblocks and veritysetup use. */
export type VerityAlgorithm = 'sha256' | 'sha512';

/** What a hash tree is made with: cryptsetup's "verity parameters", without places in files. */
export interface VerityParameters {
  /** 1: the salt is hashed before the block. (0, of Chrome OS, appends it and is not implemented.) */
  readonly hashType: 1;
  readonly algorithm: VerityAlgorithm;
  /** A power of two from 512 to 524,288. The kernel activates at most its page size. */
  readonly dataBlockSizeBytes: number;
  /** A power of two from 512 to 524,288. */
  readonly hashBlockSizeBytes: number;
  /** At least 1. */
  readonly dataBlockCount: number;
  /** 0 to 256 bytes. */
  readonly salt: Uint8Array;
  /** 16 bytes; a name in the superblock that no hash covers. Zeros where it is left out. */
  readonly uuid?: Uint8Array;
}

/** The limits of cryptsetup 2.6.1 (`veritysetup format` refuses what is outside). */
export const minBlockSizeBytes = 512;
export const maxBlockSizeBytes = 512 * 1024;
export const maxSaltSizeBytes = 256;
export const uuidSizeBytes = 16;

const digestSizesBytes: Readonly<Record<VerityAlgorithm, number>> = { sha256: 32, sha512: 64 };

export function isVerityAlgorithm(name: string): name is VerityAlgorithm {
  return Object.hasOwn(digestSizesBytes, name);
}

/** The length of one digest, in bytes. */
export function digestSizeBytesOf(algorithm: VerityAlgorithm): number {
  return digestSizesBytes[algorithm];
}

/**
 * The distance from one digest to the next in a hash block, in bytes: the digest's size rounded up to a power of two
 * (hash type 1).
 */
export function digestStrideBytesOf(algorithm: VerityAlgorithm): number {
  return 2 ** Math.ceil(Math.log2(digestSizeBytesOf(algorithm)));
}

export function isBlockSize(sizeBytes: number): boolean {
  return (
    Number.isInteger(sizeBytes) &&
    sizeBytes >= minBlockSizeBytes &&
    sizeBytes <= maxBlockSizeBytes &&
    (sizeBytes & (sizeBytes - 1)) === 0
  );
}

/**
 * Holds a caller's parameters against the limits of the format.
 * @throws VerityError PARAMETER_INVALID (the message names the parameter) or UNSUPPORTED (hash type, algorithm)
 */
export function checkParameters(parameters: VerityParameters): void {
  const { algorithm, dataBlockSizeBytes, hashBlockSizeBytes, dataBlockCount, salt, uuid } = parameters;
  const hashType: number = parameters.hashType;
  if (hashType !== 1) {
    throw new VerityError(
      'UNSUPPORTED',
      `Hash type ${hashType} is not implemented, only 1 (the salt comes first).`,
    );
  }
  if (!isVerityAlgorithm(algorithm)) {
    throw new VerityError('UNSUPPORTED', `Hash algorithm "${String(algorithm)}" is not sha256 or sha512.`);
  }
  checkBlockSize('data block', dataBlockSizeBytes);
  checkBlockSize('hash block', hashBlockSizeBytes);
  if (!Number.isSafeInteger(dataBlockCount) || dataBlockCount < 1) {
    throw invalid(`The number of data blocks must be an integer of at least 1, found ${dataBlockCount}.`);
  }
  if (!Number.isSafeInteger(dataBlockCount * dataBlockSizeBytes)) {
    throw invalid(
      `${dataBlockCount} data blocks of ${dataBlockSizeBytes} bytes are more than 2^53 - 1 bytes: no file is that large.`,
    );
  }
  if (salt.length > maxSaltSizeBytes) {
    throw invalid(`The salt must have 0 to ${maxSaltSizeBytes} bytes, found ${salt.length}.`);
  }
  if (uuid !== undefined && uuid.length !== uuidSizeBytes) {
    throw invalid(`The UUID must have ${uuidSizeBytes} bytes, found ${uuid.length}.`);
  }
}

function checkBlockSize(what: string, sizeBytes: number): void {
  if (isBlockSize(sizeBytes)) return;
  throw invalid(
    `The ${what} size must be a power of two from ${minBlockSizeBytes} to ${maxBlockSizeBytes} bytes, found ${sizeBytes}.`,
  );
}

function invalid(message: string): VerityError {
  return new VerityError('PARAMETER_INVALID', message);
}
