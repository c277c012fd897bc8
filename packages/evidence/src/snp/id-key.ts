/** Digests of the keys that sign an ID block, as ID_KEY_DIGEST and AUTHOR_KEY_DIGEST have them. */
import { reversed, sha384 } from '@vitrine/bytes';

/** ECDSA public key (SEV-SNP ABI 56860, chapter 10): curve, then x and y, little-endian, 72 bytes each; 0x404 in all. */
export const amdPublicKeyBytes = 0x404;
const CURVE_P384 = 2;
const COORDINATE_BYTES = 48;
const FIELD_BYTES = 72;

/**
 * @param point 04 ‖ x ‖ y of a P-384 key
 * @throws RangeError for another size or form
 */
export function encodeAmdPublicKey(point: Uint8Array): Uint8Array {
  if (point.length !== 1 + 2 * COORDINATE_BYTES || point[0] !== 4)
    throw new RangeError(`Expected an uncompressed P-384 point of 97 bytes, found ${point.length} bytes.`);
  const encoded = new Uint8Array(amdPublicKeyBytes);
  encoded[0] = CURVE_P384;
  encoded.set(reversed(point.subarray(1, 1 + COORDINATE_BYTES)), 4);
  encoded.set(reversed(point.subarray(1 + COORDINATE_BYTES)), 4 + FIELD_BYTES);
  return encoded;
}

/** SHA-384 of the encoded key, 48 bytes. */
export async function idKeyDigest(point: Uint8Array): Promise<Uint8Array> {
  return sha384(encodeAmdPublicKey(point));
}
