/** Digests by the platform's WebCrypto, which Node, browsers and workers share; of little in Node without its threads. */
import { hashNow } from '#hash-now';

export type DigestName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

export const digestSizeBytes = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 } as const;

/** More than that is worth a thread of its own. */
const MAX_BYTES_AT_ONCE = 16 * 1024;

export async function digest(name: DigestName, bytes: Uint8Array): Promise<Uint8Array> {
  if (hashNow && bytes.length <= MAX_BYTES_AT_ONCE) return hashNow(name, bytes);
  return new Uint8Array(await crypto.subtle.digest(name, bytes));
}

export const sha256 = (bytes: Uint8Array): Promise<Uint8Array> => digest('SHA-256', bytes);
export const sha384 = (bytes: Uint8Array): Promise<Uint8Array> => digest('SHA-384', bytes);
export const sha512 = (bytes: Uint8Array): Promise<Uint8Array> => digest('SHA-512', bytes);
