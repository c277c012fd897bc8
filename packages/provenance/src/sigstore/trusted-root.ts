/** The trusted root: whose certificates, logs and timestamps count, and from when to when. */
import { BytesError, type JsonNode, concatBytes, parseDer, parseJson } from '@vitrine/bytes';
import { derBitString, derNull, derOid, derSequence } from '@vitrine/bytes/der-writer';
import {
  type Certificate,
  type SignatureAlgorithm,
  type VerificationKey,
  parseAs,
  parseCertificate,
  parsePublicKey,
} from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { sigstoreError } from './error.ts';
import { bytesOf, listOf, member } from './protobuf-json.ts';

/** A span of time, both ends inclusive. */
export interface Validity {
  readonly start: Date;
  /** Undefined: until further notice. */
  readonly end: Date | undefined;
}

/** A log, of signatures (Rekor) or of certificates (CT). */
export interface TrustedLog {
  readonly baseUrl: string;
  /** 32 bytes; what entries and certificate timestamps name it by. */
  readonly logId: Uint8Array;
  readonly validFor: Validity;
  /** Undefined for an algorithm that this implementation does not have: nothing of the log verifies. */
  readonly key: LogKey | undefined;
}

export interface LogKey extends VerificationKey {
  readonly algorithm: SignatureAlgorithm;
}

/** Fulcio, or a timestamp authority. */
export interface TrustedAuthority {
  readonly uri: string;
  /** The issuing certificate (of a timestamp authority its signing one) first, the root last. */
  readonly chain: readonly Certificate[];
  readonly validFor: Validity;
}

export interface TrustedRoot {
  readonly certificateAuthorities: readonly TrustedAuthority[];
  readonly timestampAuthorities: readonly TrustedAuthority[];
  /** Rekor. */
  readonly tlogs: readonly TrustedLog[];
  /** Certificate transparency. */
  readonly ctlogs: readonly TrustedLog[];
  /** It is the built-in root of the public-good instance: false for any that the caller brought. */
  readonly isPublicGood: boolean;
}

const mediaTypes = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot+json;version=0.2',
  'application/vnd.dev.sigstore.trustedroot.v0.1+json',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
] as const;
const MAX_AUTHORITIES = 64;
const MAX_CHAIN = 8;
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

/** PublicKeyDetails of protobuf-specs; a name missing here is a key that nothing is verified with. */
const keyDetails: Readonly<Record<string, SignatureAlgorithm>> = {
  PKIX_ECDSA_P256_SHA_256: { name: 'ECDSA', hash: 'SHA-256' },
  PKIX_ECDSA_P384_SHA_384: { name: 'ECDSA', hash: 'SHA-384' },
  PKIX_ECDSA_P521_SHA_512: { name: 'ECDSA', hash: 'SHA-512' },
  PKIX_ED25519: { name: 'Ed25519' },
  PKIX_RSA_PKCS1V15_2048_SHA256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PKIX_RSA_PKCS1V15_3072_SHA256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PKIX_RSA_PKCS1V15_4096_SHA256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PKIX_RSA_PKCS1V5: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PKCS1_RSA_PKCS1V5: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
};
const curveOf: Readonly<Record<string, string>> = {
  PKIX_ECDSA_P256_SHA_256: 'P-256',
  PKIX_ECDSA_P384_SHA_384: 'P-384',
  PKIX_ECDSA_P521_SHA_512: 'P-521',
};

/**
 * `trusted_root.json`, versions 0.1 and 0.2. Lists may be empty: GitHub's own root has no logs.
 * @throws ProvenanceError TRUST_ROOT_INVALID
 */
export function parseTrustedRoot(input: Uint8Array | string): TrustedRoot {
  return refuseAs('TRUST_ROOT_INVALID', () => {
    const document = parseJson(input, 'trusted root');
    document.get('mediaType').word(...mediaTypes);
    const list = (name: string) => listOf(document, name, MAX_AUTHORITIES);
    return {
      certificateAuthorities: list('certificateAuthorities').map(parseAuthority),
      timestampAuthorities: list('timestampAuthorities').map(parseAuthority),
      tlogs: list('tlogs').map(parseLog),
      ctlogs: list('ctlogs').map(parseLog),
      isPublicGood: false,
    };
  });
}

export function isValidAt({ start, end }: Validity, time: Date): boolean {
  return start <= time && (end === undefined || time <= end);
}

function parseAuthority(node: JsonNode): TrustedAuthority {
  const certificates = listOf(node.get('certChain'), 'certificates', MAX_CHAIN);
  if (certificates.length === 0) throw invalid(node, 'it has no certificate');
  return {
    uri: member(node, 'uri')?.string() ?? '',
    chain: certificates.map((one) => parseCertificate(bytesOf(one, 'rawBytes'), one.path)),
    validFor: parseValidity(node),
  };
}

function parseLog(node: JsonNode): TrustedLog {
  const publicKey = node.get('publicKey');
  node.get('hashAlgorithm').word('SHA2_256');
  const logId = bytesOf(node.get('logId'), 'keyId');
  if (logId.length !== 32) throw invalid(node, `expected a log ID of 32 bytes, found ${logId.length}`);
  return {
    baseUrl: member(node, 'baseUrl')?.string() ?? '',
    logId,
    validFor: parseValidity(publicKey),
    key: parseKey(publicKey),
  };
}

/** Without a start nothing says since when the key was trusted, and whoever held it before could have signed. */
function parseValidity(node: JsonNode): Validity {
  const validFor = node.get('validFor');
  const start = validFor.get('start').time();
  const end = member(validFor, 'end')?.time();
  if (end && end < start) throw invalid(node, 'its validity ends before it starts');
  return { start, end };
}

function parseKey(node: JsonNode): LogKey | undefined {
  const details = node.get('keyDetails').string();
  const bytes = bytesOf(node, 'rawBytes');
  const algorithm = Object.hasOwn(keyDetails, details) ? keyDetails[details] : undefined;
  if (!algorithm) return undefined;
  const key = keyOf(details === 'PKCS1_RSA_PKCS1V5' ? wrapRsa(bytes) : bytes);
  const { publicKey } = key;
  const isAsSaid =
    publicKey.kind === 'ec'
      ? publicKey.curve === curveOf[details]
      : publicKey.kind === (algorithm.name === 'Ed25519' ? 'ed25519' : 'rsa') && algorithm.name !== 'ECDSA';
  if (!isAsSaid) throw invalid(node, `the key is not ${details.slice(0, 60)}`);
  return { ...key, algorithm };
}

/** A bare RSAPublicKey (RFC 8017 appendix A.1.1) as a SubjectPublicKeyInfo. */
function wrapRsa(rsaPublicKey: Uint8Array): Uint8Array {
  return derSequence(derSequence(derOid(RSA_ENCRYPTION), derNull()), derBitString(rsaPublicKey));
}

/** @throws BytesError or X509Error */
export function keyOf(subjectPublicKeyInfo: Uint8Array): VerificationKey {
  const own = concatBytes(subjectPublicKeyInfo);
  const publicKey = parseAs('CERTIFICATE_MALFORMED', 'public key', () =>
    parsePublicKey(parseDer(own, 'public key')),
  );
  return { subjectPublicKeyInfo: own, publicKey };
}

function invalid(node: JsonNode, why: string): Error {
  return sigstoreError('TRUST_ROOT_INVALID', `${node.path}: ${why}.`, {
    cause: new BytesError('JSON_SHAPE', why),
  });
}
