/** Signatures, by the platform's WebCrypto. */
import { BytesError, concatBytes, derTag, digestSizeBytes, parseDer } from '@vitrine/bytes';
import {
  type CurveName,
  type HashName,
  type PublicKey,
  type SignatureAlgorithm,
  coordinateBytes,
} from './algorithm.ts';
import { X509Error } from './error.ts';
import type { Signed } from './signed.ts';

/** A key to verify with. */
export interface VerificationKey {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: PublicKey;
}

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/**
 * Whether the key's owner signed it.
 * @throws X509Error ALGORITHM_UNSUPPORTED for an algorithm, a key or a pair of both that does not go together,
 * PLATFORM_LACKS_ALGORITHM
 */
export async function isSignedBy(signed: Signed, key: VerificationKey): Promise<boolean> {
  const { signatureAlgorithm: algorithm, tbs } = signed;
  const { publicKey } = key;
  if (algorithm.name === 'ECDSA' && publicKey.kind === 'ec') {
    const signature = ecdsaFromDer(signed.signature, coordinateBytes[publicKey.curve]);
    if (!signature) return false;
    return verifyEcdsa({ curve: publicKey.curve, point: publicKey.point }, algorithm.hash, signature, tbs);
  }
  if (algorithm.name === 'RSA-PSS' && publicKey.kind === 'rsa') {
    requireRsaSize(publicKey.modulusBits);
    // EMSA-PSS-VERIFY, steps 3 and 4 (RFC 8017 section 9.1.2); WebCrypto throws an error of its own there.
    const encodedBytes = Math.ceil((publicKey.modulusBits - 1) / 8);
    if (encodedBytes < digestSizeBytes[algorithm.hash] + algorithm.saltLengthBytes + 2) return false;
    const imported = await importKey(key, { name: 'RSA-PSS', hash: algorithm.hash });
    const parameters = { name: 'RSA-PSS', saltLength: algorithm.saltLengthBytes };
    return crypto.subtle.verify(parameters, imported, signed.signature, tbs);
  }
  if (algorithm.name === 'RSASSA-PKCS1-v1_5' && publicKey.kind === 'rsa') {
    requireRsaSize(publicKey.modulusBits);
    const imported = await importKey(key, { name: algorithm.name, hash: algorithm.hash });
    return crypto.subtle.verify(algorithm.name, imported, signed.signature, tbs);
  }
  if (algorithm.name === 'Ed25519' && publicKey.kind === 'ed25519') {
    const imported = await importKey(key, { name: 'Ed25519' });
    return crypto.subtle.verify('Ed25519', imported, signed.signature, tbs);
  }
  throw new X509Error(
    'ALGORITHM_UNSUPPORTED',
    `A signature of algorithm ${describeAlgorithm(algorithm)} by a key of kind ${describeKey(publicKey)} is not supported.`,
  );
}

/**
 * By the very objects: of roots that are kept, authority by authority, each signature is verified once and for all; of
 * what several chains share, once for all of them where it is one object.
 */
const verified = new WeakMap<Signed, WeakMap<VerificationKey, Promise<boolean>>>();

/** `isSignedBy`, verified once for each pair of objects. @throws X509Error as `isSignedBy` */
export async function isSignedByOnce(signed: Signed, key: VerificationKey): Promise<boolean> {
  const byKey = verified.get(signed) ?? new WeakMap<VerificationKey, Promise<boolean>>();
  verified.set(signed, byKey);
  let pending = byKey.get(key);
  if (!pending) {
    pending = isSignedBy(signed, key);
    byKey.set(key, pending);
  }
  return pending;
}

/**
 * A signature that is r ‖ s, each big-endian and as long as a coordinate (IEEE P1363), by a key that is a bare point.
 * A point that is not on the curve verifies nothing.
 * @param key.point 04 ‖ x ‖ y
 * @throws X509Error PLATFORM_LACKS_ALGORITHM
 */
export async function verifyEcdsa(
  key: { readonly curve: CurveName; readonly point: Uint8Array },
  hash: HashName,
  signature: Uint8Array,
  data: Uint8Array,
): Promise<boolean> {
  const sizeBytes = coordinateBytes[key.curve];
  // Some implementations import a compressed point as well.
  if (key.point.length !== 1 + 2 * sizeBytes || key.point[0] !== 4) return false;
  if (signature.length !== 2 * sizeBytes) return false;
  let pending = importedPoints.get(key.point);
  if (!pending) {
    pending = importPoint(key.curve, key.point);
    importedPoints.set(key.point, pending);
  }
  const imported = await pending;
  return imported !== undefined && crypto.subtle.verify({ name: 'ECDSA', hash }, imported, signature, data);
}

/**
 * By the very array that a key was parsed to: an authority's key, which verifies several things, is imported once, and a
 * built-in root's once and for all.
 */
const importedPoints = new WeakMap<Uint8Array, Promise<Key | undefined>>();

/** Undefined for a point that is not on the curve. */
async function importPoint(curve: CurveName, point: Uint8Array): Promise<Key | undefined> {
  try {
    return await crypto.subtle.importKey('raw', point, { name: 'ECDSA', namedCurve: curve }, false, [
      'verify',
    ]);
  } catch (cause) {
    requirePlatformHas(`ECDSA ${curve}`, cause);
    return undefined;
  }
}

/** NotSupportedError is of the algorithm, before any key is looked at (Web Cryptography API section 18.4.4). */
function requirePlatformHas(algorithm: string, cause: unknown): void {
  if (!(cause instanceof DOMException && cause.name === 'NotSupportedError')) return;
  throw new X509Error(
    'PLATFORM_LACKS_ALGORITHM',
    `The WebCrypto of this platform does not have ${algorithm}: use a newer browser or runtime.`,
    { cause },
  );
}

/** Ecdsa-Sig-Value (RFC 3279 section 2.2.3) as r ‖ s; undefined for what is no such value. */
export function ecdsaFromDer(signature: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  try {
    const fields = parseDer(signature, 'ECDSA signature').fields(derTag.sequence);
    const r = fixedSize(fields.next().integerBytes(), sizeBytes);
    const s = fixedSize(fields.next().integerBytes(), sizeBytes);
    fields.end();
    return r && s && concatBytes(r, s);
  } catch (error) {
    if (error instanceof BytesError) return undefined;
    throw error;
  }
}

/** A positive INTEGER without its sign byte, filled up with zeros in front. */
function fixedSize(integer: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  if (integer[0]! >= 0x80) return undefined;
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (digits.length > sizeBytes) return undefined;
  const fixed = new Uint8Array(sizeBytes);
  fixed.set(digits, sizeBytes - digits.length);
  return fixed;
}

/** The same for keys that carry their hash: by SubjectPublicKeyInfo, then by algorithm. */
const importedKeys = new WeakMap<Uint8Array, Map<string, Promise<Key>>>();

async function importKey(
  { subjectPublicKeyInfo }: VerificationKey,
  algorithm: { readonly name: string; readonly hash?: HashName },
): Promise<Key> {
  const known = importedKeys.get(subjectPublicKeyInfo) ?? new Map<string, Promise<Key>>();
  importedKeys.set(subjectPublicKeyInfo, known);
  const name = `${algorithm.name} ${algorithm.hash ?? ''}`;
  let pending = known.get(name);
  if (!pending) {
    pending = crypto.subtle.importKey('spki', subjectPublicKeyInfo, algorithm, false, ['verify']);
    known.set(name, pending);
  }
  try {
    return await pending;
  } catch (cause) {
    requirePlatformHas(algorithm.name, cause);
    throw new X509Error('ALGORITHM_UNSUPPORTED', 'A public key is not one that can be used.', { cause });
  }
}

function requireRsaSize(bits: number): void {
  if (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) return;
  throw new X509Error(
    'ALGORITHM_UNSUPPORTED',
    `Expected an RSA key of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits, found ${bits}.`,
  );
}

export function describeAlgorithm(algorithm: SignatureAlgorithm): string {
  switch (algorithm.name) {
    case 'unsupported':
      return algorithm.oid;
    case 'Ed25519':
      return algorithm.name;
    default:
      return `${algorithm.name} with ${algorithm.hash}`;
  }
}

export function describeKey(key: PublicKey): string {
  switch (key.kind) {
    case 'ec':
      return `EC ${key.curve}`;
    case 'rsa':
      return `RSA ${key.modulusBits}`;
    case 'ed25519':
      return 'Ed25519';
    case 'unsupported':
      return key.oid;
  }
}
