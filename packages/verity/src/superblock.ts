/**
 * The dm-verity superblock, version 1, as cryptsetup writes it in front of the hash tree (512 bytes, little endian):
 *
 *   0   8  "verity\0\0"           64   4  data block size, bytes
 *   8   4  version, 1             68   4  hash block size, bytes
 *  12   4  hash type, 1           72   8  number of data blocks
 *  16  16  UUID                   80   2  salt size, bytes
 *  32  32  algorithm, NUL padded  82   6  zeros
 *                                 88 256  salt, zero padded
 *                                344 168  zeros
 *
 * No hash covers it. What a changed superblock can do is therefore limited by strict decoding: of two superblocks that
 * decode to the same parameters, at most the UUID differs; and other parameters give another root hash (or, with
 * another block count, PADDING_NOT_ZERO or DATA_BLOCK_MISMATCH where the count's blocks are checked).
 */
import { VerityError } from './error.ts';
import {
  checkParameters,
  isBlockSize,
  isVerityAlgorithm,
  maxBlockSizeBytes,
  maxSaltSizeBytes,
  minBlockSizeBytes,
  uuidSizeBytes,
  type VerityParameters,
} from './parameters.ts';

export const superblockSizeBytes = 512;
const magic = 'verity\0\0';
const superblockVersion = 1;

const offsets = {
  version: 8,
  hashType: 12,
  uuid: 16,
  algorithm: 32,
  dataBlockSize: 64,
  hashBlockSize: 68,
  dataBlocks: 72,
  saltSize: 80,
  pad1: 82,
  salt: 88,
  pad2: 344,
} as const;

/**
 * The 512 bytes of the superblock.
 * @throws VerityError PARAMETER_INVALID or UNSUPPORTED
 */
export function encodeSuperblock(parameters: VerityParameters): Uint8Array {
  checkParameters(parameters);
  const bytes = new Uint8Array(superblockSizeBytes);
  const view = new DataView(bytes.buffer);
  const text = new TextEncoder();
  bytes.set(text.encode(magic), 0);
  view.setUint32(offsets.version, superblockVersion, true);
  view.setUint32(offsets.hashType, parameters.hashType, true);
  if (parameters.uuid !== undefined) bytes.set(parameters.uuid, offsets.uuid);
  bytes.set(text.encode(parameters.algorithm), offsets.algorithm);
  view.setUint32(offsets.dataBlockSize, parameters.dataBlockSizeBytes, true);
  view.setUint32(offsets.hashBlockSize, parameters.hashBlockSizeBytes, true);
  view.setBigUint64(offsets.dataBlocks, BigInt(parameters.dataBlockCount), true);
  view.setUint16(offsets.saltSize, parameters.salt.length, true);
  bytes.set(parameters.salt, offsets.salt);
  return bytes;
}

/**
 * Reads a superblock strictly: exactly the bytes that `encodeSuperblock` writes for the answered parameters.
 * @param bytes exactly 512 bytes
 * @throws VerityError TRUNCATED, NOT_VERITY (magic), UNSUPPORTED (version, hash type, algorithm, too many blocks),
 *   SUPERBLOCK_INVALID (a field out of range, or bytes that must be zero and are not)
 */
export function decodeSuperblock(bytes: Uint8Array): VerityParameters & { readonly uuid: Uint8Array } {
  if (bytes.length !== superblockSizeBytes) {
    throw new VerityError(
      bytes.length < superblockSizeBytes ? 'TRUNCATED' : 'SUPERBLOCK_INVALID',
      `Reading a dm-verity superblock: ${superblockSizeBytes} bytes expected, found ${bytes.length}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (latin1(bytes.subarray(0, offsets.version)) !== magic) {
    throw new VerityError(
      'NOT_VERITY',
      'Reading a dm-verity superblock: the bytes do not begin with "verity". Is the hash offset right, and was the device formatted with a superblock?',
    );
  }
  requireValue('version', view.getUint32(offsets.version, true), superblockVersion);
  requireValue('hash type', view.getUint32(offsets.hashType, true), 1);
  const algorithm = readAlgorithm(bytes.subarray(offsets.algorithm, offsets.dataBlockSize));
  const dataBlockSizeBytes = readBlockSize('data block size', view.getUint32(offsets.dataBlockSize, true));
  const hashBlockSizeBytes = readBlockSize('hash block size', view.getUint32(offsets.hashBlockSize, true));
  const dataBlockCount = readDataBlockCount(view.getBigUint64(offsets.dataBlocks, true), dataBlockSizeBytes);
  const saltSizeBytes = view.getUint16(offsets.saltSize, true);
  if (saltSizeBytes > maxSaltSizeBytes) {
    throw invalid(`salt size ${saltSizeBytes} is over ${maxSaltSizeBytes} bytes`);
  }
  requireZeros('padding before the salt', bytes.subarray(offsets.pad1, offsets.salt));
  requireZeros('padding behind the salt', bytes.subarray(offsets.salt + saltSizeBytes, offsets.pad2));
  requireZeros('padding at the end', bytes.subarray(offsets.pad2));
  return {
    hashType: 1,
    algorithm,
    dataBlockSizeBytes,
    hashBlockSizeBytes,
    dataBlockCount,
    salt: bytes.slice(offsets.salt, offsets.salt + saltSizeBytes),
    uuid: bytes.slice(offsets.uuid, offsets.uuid + uuidSizeBytes),
  };
}

function readAlgorithm(field: Uint8Array): 'sha256' | 'sha512' {
  const end = field.indexOf(0);
  if (end < 1) throw invalid('the algorithm is empty or not ended by a NUL');
  requireZeros('padding behind the algorithm', field.subarray(end));
  const name = latin1(field.subarray(0, end));
  if (!isVerityAlgorithm(name)) {
    throw new VerityError(
      'UNSUPPORTED',
      `Reading a dm-verity superblock: algorithm ${JSON.stringify(name)} is not sha256 or sha512.`,
    );
  }
  return name;
}

function readBlockSize(field: string, sizeBytes: number): number {
  if (isBlockSize(sizeBytes)) return sizeBytes;
  throw invalid(
    `${field} ${sizeBytes} is not a power of two from ${minBlockSizeBytes} to ${maxBlockSizeBytes} bytes`,
  );
}

function readDataBlockCount(count: bigint, dataBlockSizeBytes: number): number {
  if (count === 0n) throw invalid('the number of data blocks is 0');
  if (count * BigInt(dataBlockSizeBytes) > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new VerityError(
      'UNSUPPORTED',
      `Reading a dm-verity superblock: ${count} data blocks of ${dataBlockSizeBytes} bytes are more than 2^53 - 1 bytes.`,
    );
  }
  return Number(count);
}

function requireValue(field: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new VerityError(
    'UNSUPPORTED',
    `Reading a dm-verity superblock: ${field} ${found} is not implemented, only ${expected}.`,
  );
}

function requireZeros(what: string, bytes: Uint8Array): void {
  if (bytes.every((byte) => byte === 0)) return;
  throw invalid(`the ${what} is not zero`);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function invalid(what: string): VerityError {
  return new VerityError('SUPERBLOCK_INVALID', `Reading a dm-verity superblock: ${what}.`);
}
