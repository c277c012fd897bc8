/** Signed certificate timestamps (RFC 6962 section 3): a log's promise to include a certificate. */
import { ByteReader, concatBytes, contextTag, derTag, parseDer, sha256 } from '@vitrine/bytes';
import { derElement } from '@vitrine/bytes/der-writer';
import {
  type Certificate,
  type SignatureAlgorithm,
  type VerificationKey,
  X509Error,
  isSignedBy,
} from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { ctError } from './error.ts';

/** A digitally-signed value of TLS 1.2 (RFC 5246 section 4.7), without what it signs. */
export interface DigitallySigned {
  /** HashAlgorithm of RFC 5246 section 7.4.1.4.1: 4 is SHA-256, the only one that verifies. */
  readonly hash: number;
  /** SignatureAlgorithm of the same section: 1 is RSA, 3 is ECDSA. */
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

/** Parsed, not verified. */
export interface Sct extends DigitallySigned {
  /** 0 is v1, the only one. */
  readonly version: 0;
  /** 32 bytes: SHA-256 of the log's SubjectPublicKeyInfo. */
  readonly logId: Uint8Array;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** CtExtensions: empty, or of a static-ct log its leaf index. */
  readonly extensions: Uint8Array;
}

export const ctOid = {
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  poison: '1.3.6.1.4.1.11129.2.4.3',
} as const;

const MAX_SCTS = 64;
/** The last time that a Date can hold. */
const MAX_TIME_MS = 8_640_000_000_000_000n;
const X509_ENTRY = 0;
const PRECERT_ENTRY = 1;
const CERTIFICATE_TIMESTAMP = 0;
const TIMESTAMPED_ENTRY = 0;

/**
 * A SignedCertificateTimestampList as TLS encodes it (RFC 6962 section 3.3).
 * @throws ProvenanceError SCT_LIST_MALFORMED, SCT_VERSION_UNSUPPORTED
 */
export function parseSctList(bytes: Uint8Array): Sct[] {
  return refuseAs('SCT_LIST_MALFORMED', () => {
    const reader = new ByteReader(bytes, 'SCT list');
    const list = new ByteReader(reader.take(reader.u16be('length'), 'list'), 'SCT list');
    reader.end();
    const scts: Sct[] = [];
    // SerializedSCT sct_list <1..2^16-1>: there is at least one.
    do {
      if (scts.length === MAX_SCTS) throw malformed(`more than ${MAX_SCTS} timestamps`);
      scts.push(parseSct(list.take(list.u16be('length of a timestamp'), 'timestamp')));
    } while (list.remaining > 0);
    return scts;
  });
}

/**
 * One SignedCertificateTimestamp (RFC 6962 section 3.2).
 * @throws ProvenanceError SCT_LIST_MALFORMED, SCT_VERSION_UNSUPPORTED
 */
export function parseSct(bytes: Uint8Array): Sct {
  return refuseAs('SCT_LIST_MALFORMED', () => {
    const reader = new ByteReader(bytes, 'SCT');
    const version = reader.u8('version');
    if (version !== 0)
      throw ctError('SCT_VERSION_UNSUPPORTED', `SCT: expected version 0 (v1), found ${version}.`);
    const logId = reader.take(32, 'log id');
    const timestamp = reader.u64be('timestamp');
    if (timestamp > MAX_TIME_MS) throw malformed('a timestamp is beyond every date');
    const extensions = reader.take(reader.u16be('length of the extensions'), 'extensions');
    const signature = readDigitallySigned(reader);
    reader.end();
    return { version, logId, timestampMs: Number(timestamp), extensions, ...signature };
  });
}

/** @throws BytesError */
export function readDigitallySigned(reader: ByteReader): DigitallySigned {
  return {
    hash: reader.u8('hash algorithm'),
    signatureAlgorithm: reader.u8('signature algorithm'),
    signature: reader.take(reader.u16be('length of the signature'), 'signature'),
  };
}

/**
 * The timestamps inside a certificate; none where the extension is absent.
 * @throws ProvenanceError SCT_LIST_MALFORMED, SCT_VERSION_UNSUPPORTED
 */
export function embeddedScts(certificate: Certificate): Sct[] {
  const extension = certificate.extensions.get(ctOid.sctList);
  if (!extension) return [];
  return parseSctList(
    refuseAs('SCT_LIST_MALFORMED', () => parseDer(extension.value, 'SCT extension').octetString()),
  );
}

/**
 * The bytes that a log signs for a precertificate (RFC 6962 section 3.2, digitally-signed struct with precert_entry).
 * @param leaf the final certificate with its timestamps embedded, or the precertificate
 * @param issuerSpki DER of the SubjectPublicKeyInfo of the certificate that issued the leaf
 * @throws ProvenanceError CERTIFICATE_NOT_LOGGABLE
 */
export async function precertSignedData(
  sct: Sct,
  leaf: Certificate,
  issuerSpki: Uint8Array,
): Promise<Uint8Array> {
  return signedDataOf(sct, await precertEntry(leaf, issuerSpki));
}

/** The same for a certificate whose timestamps come beside it, in a TLS extension or an OCSP response (x509_entry). */
export function x509SignedData(sct: Sct, leaf: Certificate): Uint8Array {
  return signedDataOf(sct, x509Entry(leaf));
}

/** entry_type and signed_entry of a TimestampedEntry (RFC 6962 section 3.4). */
export async function precertEntry(leaf: Certificate, issuerSpki: Uint8Array): Promise<Uint8Array> {
  const issuerKeyHash = await sha256(issuerSpki);
  return concatBytes(bigEndianBytes(PRECERT_ENTRY, 2), issuerKeyHash, withLength(precertTbs(leaf), 3));
}

export function x509Entry(leaf: Certificate): Uint8Array {
  return concatBytes(bigEndianBytes(X509_ENTRY, 2), withLength(leaf.der, 3));
}

/** The digitally-signed struct over an entry of `precertEntry` or `x509Entry`. */
export function signedDataOf(sct: Sct, entry: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(sct.version, CERTIFICATE_TIMESTAMP), timestampedEntry(sct, entry));
}

/** timestamp, entry, extensions: what the signature and the log's leaf have in common. */
function timestampedEntry(sct: Sct, entry: Uint8Array): Uint8Array {
  return concatBytes(bigEndianBytes(sct.timestampMs, 8), entry, withLength(sct.extensions, 2));
}

/** What the log's tree has as its leaf (RFC 6962 section 3.4): version v1, timestamped_entry. */
export function merkleTreeLeaf(sct: Sct, entry: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, TIMESTAMPED_ENTRY), timestampedEntry(sct, entry));
}

/**
 * The TBSCertificate that went to the log: without the list of timestamps, or the poison, and with the lengths around it
 * written anew; every other byte stays. A list of extensions that is empty then is left out.
 */
function precertTbs(leaf: Certificate): Uint8Array {
  const { extensions } = leaf;
  if (extensions.has(ctOid.sctList) && extensions.has(ctOid.poison))
    throw ctError('CERTIFICATE_NOT_LOGGABLE', 'A certificate has both timestamps and the poison extension.');
  const fields = refuseAs('CERTIFICATE_NOT_LOGGABLE', () =>
    parseDer(leaf.tbs, 'certificate').children(derTag.sequence),
  );
  return derElement(
    derTag.sequence,
    ...fields.map((field) => (field.tag === contextTag(3) ? withoutCtExtensions(field.only()) : field.bytes)),
  );
}

/** @param list of parsed certificates, hence well-formed */
function withoutCtExtensions(list: ReturnType<typeof parseDer>): Uint8Array {
  const others = list.children(derTag.sequence).filter((extension) => {
    const oid = extension.fields(derTag.sequence).next().oid();
    return oid !== ctOid.sctList && oid !== ctOid.poison;
  });
  if (others.length === 0) return new Uint8Array(0);
  return derElement(contextTag(3), derElement(derTag.sequence, ...others.map(({ bytes }) => bytes)));
}

/**
 * Whether the log with that key signed the data: ECDSA on P-256 or RSA PKCS #1 v1.5 of 2048 bits and more, each with
 * SHA-256 (RFC 6962 section 2.1.4). Another algorithm, or a key that it does not go with, verifies nothing.
 * @param signedData of `precertSignedData` or `x509SignedData`
 */
export async function verifySct(sct: Sct, signedData: Uint8Array, key: VerificationKey): Promise<boolean> {
  return verifyLogSignature(sct, signedData, key);
}

/** A digitally-signed struct of a log: SCTs and tree heads alike. */
export async function verifyLogSignature(
  { hash, signatureAlgorithm, signature }: DigitallySigned,
  tbs: Uint8Array,
  key: VerificationKey,
): Promise<boolean> {
  const algorithm = hash === 4 ? algorithms[signatureAlgorithm] : undefined;
  if (!algorithm) return false;
  if (key.publicKey.kind === 'ec' && key.publicKey.curve !== 'P-256') return false;
  try {
    return await isSignedBy({ tbs, signatureAlgorithm: algorithm, signature }, key);
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

/** By SignatureAlgorithm of RFC 5246 section 7.4.1.4.1. */
const algorithms: Readonly<Partial<Record<number, SignatureAlgorithm>>> = {
  1: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  3: { name: 'ECDSA', hash: 'SHA-256' },
};

function withLength(bytes: Uint8Array, lengthBytes: number): Uint8Array {
  if (bytes.length >= 256 ** lengthBytes)
    throw ctError('CERTIFICATE_NOT_LOGGABLE', `${bytes.length} bytes are too many for a log's entry.`);
  return concatBytes(bigEndianBytes(bytes.length, lengthBytes), bytes);
}

/** An integer from 0 to 2^53-1. */
export function bigEndianBytes(value: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let left = value;
  for (let at = sizeBytes - 1; at >= 0; at--) {
    bytes[at] = left % 256;
    left = Math.floor(left / 256);
  }
  return bytes;
}

function malformed(why: string) {
  return ctError('SCT_LIST_MALFORMED', `SCT list: ${why}.`);
}
