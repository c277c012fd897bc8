import { createHash } from 'node:crypto';
import { HubError } from './error.ts';

export interface GitBlobDigest {
  update(bytes: Uint8Array): void;
  /**
   * The blob's object id, 40 lower-case hex digits. Ends the digest.
   * @throws {HubError} SIZE_MISMATCH if not exactly `sizeBytes` bytes were given
   */
  digestHex(): string;
}

/**
 * The object id git gives a file: SHA-1 of `blob <size in decimal>\0` and then the content (Pro Git §10.2). It is what
 * the Hub lists for files that are not in LFS. The size comes first, so it must be known beforehand.
 * @throws {HubError} PARAMETER_INVALID if the size is not a safe integer
 */
export function gitBlobDigest(sizeBytes: number): GitBlobDigest {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new HubError('PARAMETER_INVALID', `A git blob of ${sizeBytes} bytes cannot be.`);
  }
  const hash = createHash('sha1').update(`blob ${sizeBytes}\0`);
  let seenBytes = 0;
  return {
    update(bytes) {
      seenBytes += bytes.length;
      hash.update(bytes);
    },
    digestHex() {
      if (seenBytes !== sizeBytes) {
        throw new HubError('SIZE_MISMATCH', `A git blob of ${sizeBytes} bytes was given ${seenBytes} bytes.`);
      }
      return hash.digest('hex');
    },
  };
}
