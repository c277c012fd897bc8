/** Signature algorithms and public keys, as AlgorithmIdentifier and SubjectPublicKeyInfo name them. */
import { type Der, type DerFields, contextTag, derTag, parseDer } from '@vitrine/bytes';

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';

export type SignatureAlgorithm =
  | { readonly name: 'ECDSA'; readonly hash: HashName }
  | { readonly name: 'RSA-PSS'; readonly hash: HashName; readonly saltLengthBytes: number }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: HashName }
  | { readonly name: 'Ed25519' }
  /** Parsed, but nothing that is signed with it verifies. */
  | { readonly name: 'unsupported'; readonly oid: string };

export type CurveName = 'P-256' | 'P-384' | 'P-521';

export type PublicKey =
  | { readonly kind: 'ec'; readonly curve: CurveName; /** 04 ‖ x ‖ y */ readonly point: Uint8Array }
  | { readonly kind: 'rsa'; readonly modulusBits: number }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'unsupported'; readonly oid: string };

/** Signatures whose parameters must be absent (RFC 5758 section 3.2, RFC 8410 section 3). */
const withoutParameters: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.10045.4.3.2': { name: 'ECDSA', hash: 'SHA-256' },
  '1.2.840.10045.4.3.3': { name: 'ECDSA', hash: 'SHA-384' },
  '1.2.840.10045.4.3.4': { name: 'ECDSA', hash: 'SHA-512' },
  '1.3.101.112': { name: 'Ed25519' },
};
/** Signatures whose parameters must be NULL (RFC 4055 section 5). */
const withNull: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.11': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  '1.2.840.113549.1.1.12': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  '1.2.840.113549.1.1.13': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
};
const RSA_PSS = '1.2.840.113549.1.1.10';
const MAX_SALT_BYTES = 512;
const MGF1 = '1.2.840.113549.1.1.8';
const hashes: Readonly<Record<string, HashName>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
};
const curves: Readonly<Record<string, CurveName>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
};
export const coordinateBytes = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const;

/** @throws BytesError DER_INVALID */
export function parseSignatureAlgorithm(element: Der): SignatureAlgorithm {
  const fields = element.fields(derTag.sequence);
  const oid = fields.next().oid();
  const unsupported: SignatureAlgorithm = { name: 'unsupported', oid };
  if (Object.hasOwn(withoutParameters, oid)) {
    return fields.remaining === 0 ? withoutParameters[oid]! : unsupported;
  }
  if (Object.hasOwn(withNull, oid)) {
    fields.next().null();
    fields.end();
    return withNull[oid]!;
  }
  if (oid === RSA_PSS) return (fields.remaining === 1 && parsePss(fields.next())) || unsupported;
  return unsupported;
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), where MGF1 has the same hash; undefined for others. */
function parsePss(element: Der): SignatureAlgorithm | undefined {
  const fields = element.fields(derTag.sequence);
  const hashField = fields.optional(contextTag(0))?.only();
  const maskField = fields.optional(contextTag(1))?.only();
  const saltField = fields.optional(contextTag(2))?.only();
  const trailer = fields.optional(contextTag(3))?.only().smallInteger();
  fields.end();
  // The defaults are SHA-1, which is not supported.
  if (!hashField || !maskField || !saltField || (trailer !== undefined && trailer !== 1)) return undefined;
  const hash = parseHash(hashField);
  const mask = maskField.fields(derTag.sequence);
  if (mask.next().oid() !== MGF1) return undefined;
  const maskHash = parseHash(mask.next());
  mask.end();
  if (hash === undefined || hash !== maskHash) return undefined;
  const saltLengthBytes = saltField.smallInteger();
  // No RSA key has room for a longer one, and an implementation might take 2^32 - 2 for "any".
  if (saltLengthBytes > MAX_SALT_BYTES) return undefined;
  return { name: 'RSA-PSS', hash, saltLengthBytes };
}

/** The parameters may be NULL or absent (RFC 4055 section 2.1). */
function parseHash(element: Der): HashName | undefined {
  const fields = element.fields(derTag.sequence);
  const oid = fields.next().oid();
  fields.optional(derTag.null)?.null();
  fields.end();
  return Object.hasOwn(hashes, oid) ? hashes[oid] : undefined;
}

/** @throws BytesError DER_INVALID */
export function parsePublicKey(subjectPublicKeyInfo: Der): PublicKey {
  const fields = subjectPublicKeyInfo.fields(derTag.sequence);
  const algorithm = fields.next().fields(derTag.sequence);
  const key = fields.next().bitStringBytes();
  fields.end();
  const oid = algorithm.next().oid();
  switch (oid) {
    case '1.2.840.10045.2.1':
      return parseEcKey(oid, algorithm, key);
    case '1.2.840.113549.1.1.1':
      algorithm.next().null();
      algorithm.end();
      return parseRsaKey(oid, key);
    case '1.3.101.112':
      algorithm.end();
      return key.length === 32 ? { kind: 'ed25519' } : { kind: 'unsupported', oid };
    default:
      return { kind: 'unsupported', oid };
  }
}

function parseEcKey(oid: string, algorithm: DerFields, key: Uint8Array): PublicKey {
  const parameters = algorithm.next();
  algorithm.end();
  // Explicit curve parameters are how a forged curve comes in (CVE-2020-0601).
  const curveOid = parameters.tag === derTag.oid ? parameters.oid() : '';
  const curve = Object.hasOwn(curves, curveOid) ? curves[curveOid] : undefined;
  if (!curve || key[0] !== 4 || key.length !== 1 + 2 * coordinateBytes[curve])
    return { kind: 'unsupported', oid };
  return { kind: 'ec', curve, point: key };
}

function parseRsaKey(oid: string, key: Uint8Array): PublicKey {
  // RSAPublicKey (RFC 8017, appendix A.1.1): SEQUENCE { modulus, publicExponent }.
  const fields = parseDer(key, 'RSA public key').fields(derTag.sequence);
  const modulus = fields.next().integerBytes();
  const exponent = fields.next().integerBytes();
  fields.end();
  // What is "signed" with an exponent of 1 anyone can make. An even one, or an even modulus, is no key.
  if (!isPositiveOdd(modulus) || !isPositiveOdd(exponent) || (exponent.length === 1 && exponent[0] === 1))
    return { kind: 'unsupported', oid };
  // The first byte may be a zero that holds the sign.
  const digits = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  return { kind: 'rsa', modulusBits: digits.length * 8 - (Math.clz32(digits[0]!) - 24) };
}

/** Of two's complement. */
function isPositiveOdd(integer: Uint8Array): boolean {
  return integer[0]! < 0x80 && (integer.at(-1)! & 1) === 1;
}
