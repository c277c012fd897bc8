/** Timestamp responses (RFC 3161, RFC 5816) in CMS (RFC 5652): the strict part of both that authorities use. */
import {
  type Der,
  type DerFields,
  type DigestName,
  BytesError,
  concatBytes,
  contextTag,
  derTag,
  latin1,
  parseDer,
  toHex,
} from '@vitrine/bytes';
import {
  type Certificate,
  type SignatureAlgorithm,
  parseCertificate,
  parseSignatureAlgorithm,
} from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { sigstoreError } from './error.ts';

export type TimestampHash = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** Parsed, nothing verified. */
export interface Timestamp {
  readonly genTime: Date;
  readonly messageImprint: { readonly hash: TimestampHash; readonly digest: Uint8Array };
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** The TSTInfo, which the signed attributes have the digest of. */
  readonly content: Uint8Array;
  /** Certificates that came along. */
  readonly certificates: readonly Certificate[];
  readonly signer: TimestampSigner;
}

export interface TimestampSigner {
  /** DER of the issuer's name and the serial number in hexadecimal: which certificate it is. */
  readonly issuer: Uint8Array;
  readonly serialNumber: string;
  readonly digestAlgorithm: TimestampHash;
  readonly messageDigest: Uint8Array;
  /** Digests of the signing certificate (ESSCertID and ESSCertIDv2); at least one. */
  readonly certificateDigests: readonly { readonly hash: DigestName; readonly digest: Uint8Array }[];
  /** What is signed: the attributes as a SET OF (RFC 5652 section 5.4). */
  readonly signedAttributes: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

const oid = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  rsaEncryption: '1.2.840.113549.1.1.1',
} as const;
const hashes: Readonly<Record<string, TimestampHash>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
};
const hashSizes = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 } as const;
const MAX_TIMESTAMP_BYTES = 64 * 1024;
const what = 'timestamp';

/**
 * @param der TimeStampResp
 * @throws ProvenanceError TIMESTAMP_INVALID
 */
export function parseTimestamp(der: Uint8Array): Timestamp {
  return refuseAs('TIMESTAMP_INVALID', () => {
    if (der.length > MAX_TIMESTAMP_BYTES)
      throw new BytesError('TOO_LARGE', `${what}: more than ${MAX_TIMESTAMP_BYTES} bytes.`);
    const response = parseDer(der, what).fields(derTag.sequence);
    const status = response.next().fields(derTag.sequence).next().smallInteger();
    // "Granted with modifications" (RFC 3161 section 2.4.2) would be for a request that asked for more than a time.
    if (status !== 0) throw invalid(`its status is ${status}, not granted`);
    const signedData = explicit(response.next(), oid.signedData);
    response.end();
    return parseSignedData(signedData.fields(derTag.sequence));
  });
}

/** ContentInfo: a type and, under [0], what is of it. */
function explicit(contentInfo: Der, type: string): Der {
  const fields = contentInfo.fields(derTag.sequence);
  requireOid(fields.next(), type);
  const content = fields.next().only(contextTag(0));
  fields.end();
  return content;
}

/** SignedData (RFC 5652 section 5.1), version 3 since its content is no plain data, with one signer. */
function parseSignedData(fields: DerFields): Timestamp {
  if (fields.next().smallInteger() !== 3) throw invalid('its SignedData is not of version 3');
  const digestAlgorithms = fields.next().children(derTag.set).map(parseHash);
  const encapsulated = fields.next().fields(derTag.sequence);
  requireOid(encapsulated.next(), oid.tstInfo);
  const content = encapsulated.next(contextTag(0)).only().octetString();
  encapsulated.end();
  const certificates = fields.optional(contextTag(0))?.children() ?? [];
  fields.optional(contextTag(1));
  const signers = fields.next().children(derTag.set);
  fields.end();
  if (signers.length !== 1) throw invalid(`expected one signer, found ${signers.length}`);
  const signer = parseSigner(signers[0]!.fields(derTag.sequence));
  if (!digestAlgorithms.includes(signer.digestAlgorithm))
    throw invalid('it does not announce the digest algorithm of its signer');
  return {
    ...parseTstInfo(parseDer(content, what).fields(derTag.sequence)),
    content,
    certificates: certificates.map(({ bytes }) => parseCertificate(bytes, `${what}, certificate`)),
    signer,
  };
}

/** TSTInfo (RFC 3161 section 2.4.2). */
function parseTstInfo(fields: DerFields): Pick<Timestamp, 'genTime' | 'messageImprint' | 'serialNumber'> {
  if (fields.next().smallInteger() !== 1) throw invalid('its TSTInfo is not of version 1');
  fields.next().oid();
  const imprint = fields.next().fields(derTag.sequence);
  const hash = parseHash(imprint.next());
  const digest = imprint.next().octetString();
  imprint.end();
  if (digest.length !== hashSizes[hash]) throw invalid('its imprint is not as long as its hash');
  const serialNumber = toHex(fields.next().integerBytes());
  const genTime = parseGenTime(fields.next(derTag.generalizedTime));
  fields.optional(derTag.sequence);
  fields.optional(derTag.boolean)?.boolean();
  fields.optional(derTag.integer)?.integerBytes();
  fields.optional(contextTag(0));
  requireNoCritical(fields.optional(contextTag(1)));
  fields.end();
  return { genTime, messageImprint: { hash, digest }, serialNumber };
}

/** Of extensions none is known (RFC 3161 section 2.4.2: one that is critical must be). */
function requireNoCritical(extensions: Der | undefined): void {
  for (const extension of extensions?.children() ?? []) {
    const fields = extension.fields(derTag.sequence);
    const name = fields.next().oid();
    if (fields.optional(derTag.boolean)?.boolean())
      throw invalid(`the critical extension ${name} is not known`);
    fields.next().octetString();
    fields.end();
  }
}

/** GeneralizedTime in UTC, with a fraction of a second where there is one that is not zero (RFC 3161 section 2.4.2). */
function parseGenTime(element: Der): Date {
  const text = latin1(element.contents.subarray(0, 40));
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{0,8}[1-9])?Z$/.exec(text);
  if (!match) throw invalid('its time is not of the form that RFC 3161 demands');
  const [, year, month, day, hour, minute, second, fraction = ''] = match;
  const iso = `${year!}-${month!}-${day!}T${hour!}:${minute!}:${second!}`;
  const seconds = new Date(`${iso}Z`);
  // A 30th of February would have become a 2nd of March.
  if (Number.isNaN(seconds.getTime()) || seconds.toISOString().slice(0, 19) !== iso)
    throw invalid('its time does not exist');
  return new Date(seconds.getTime() + Math.floor(Number(`0${fraction}`) * 1000));
}

/** SignerInfo (RFC 5652 section 5.3), by issuer and serial number. */
function parseSigner(fields: DerFields): TimestampSigner {
  if (fields.next().smallInteger() !== 1)
    throw invalid('its signer is not named by issuer and serial number');
  const sid = fields.next().fields(derTag.sequence);
  const issuer = sid.next(derTag.sequence).bytes;
  const serialNumber = toHex(sid.next().integerBytes());
  sid.end();
  const digestAlgorithm = parseHash(fields.next());
  const attributesElement = fields.next(contextTag(0));
  const attributes = parseAttributes(attributesElement);
  const signatureAlgorithm = parseAlgorithm(fields.next(derTag.sequence), digestAlgorithm);
  const signature = fields.next().octetString();
  fields.optional(contextTag(1));
  fields.end();
  requireOid(attributeOf(attributes, oid.contentType), oid.tstInfo);
  const digest = attributeOf(attributes, oid.messageDigest).octetString();
  const { bytes } = attributesElement;
  return {
    issuer,
    serialNumber,
    digestAlgorithm,
    messageDigest: digest,
    certificateDigests: parseCertificateDigests(attributes),
    signedAttributes: concatBytes(Uint8Array.of(derTag.set), bytes.subarray(1)),
    signatureAlgorithm,
    signature,
  };
}

/** Each attribute once, with one value. */
function parseAttributes(element: Der): Map<string, Der> {
  const attributes = new Map<string, Der>();
  for (const attribute of element.children()) {
    const fields = attribute.fields(derTag.sequence);
    const name = fields.next().oid();
    const value = fields.next(derTag.set).only();
    fields.end();
    if (attributes.has(name)) throw invalid(`the signed attribute ${name} occurs twice`);
    attributes.set(name, value);
  }
  return attributes;
}

function attributeOf(attributes: ReadonlyMap<string, Der>, name: string): Der {
  const value = attributes.get(name);
  if (!value) throw invalid(`the signed attribute ${name} is missing`);
  return value;
}

/** The certificate is part of what is signed (RFC 3161 section 2.4.1, RFC 5816 section 2.2.1). */
function parseCertificateDigests(attributes: ReadonlyMap<string, Der>) {
  const first = (name: string) =>
    attributes.get(name)?.fields(derTag.sequence).next().children(derTag.sequence)[0];
  const v1 = first(oid.signingCertificate);
  const v2 = first(oid.signingCertificateV2);
  if (!v1 && !v2) throw invalid('the signed attribute signingCertificate is missing');
  return [
    ...(v1 ? [{ hash: 'SHA-1' as const, digest: v1.fields(derTag.sequence).next().octetString() }] : []),
    ...(v2 ? [parseCertIdV2(v2.fields(derTag.sequence))] : []),
  ];
}

/** ESSCertIDv2: the hash is SHA-256 where it is left out. */
function parseCertIdV2(fields: DerFields): { hash: DigestName; digest: Uint8Array } {
  const algorithm = fields.optional(derTag.sequence);
  return { hash: algorithm ? parseHash(algorithm) : 'SHA-256', digest: fields.next().octetString() };
}

/** Of RSA the hash may stand beside the algorithm instead of in it (RFC 3370 section 3.2). */
function parseAlgorithm(element: Der, digestAlgorithm: TimestampHash): SignatureAlgorithm {
  const algorithm = parseSignatureAlgorithm(element);
  if (algorithm.name === 'unsupported' && algorithm.oid === oid.rsaEncryption)
    return { name: 'RSASSA-PKCS1-v1_5', hash: digestAlgorithm };
  return algorithm;
}

function parseHash(element: Der): TimestampHash {
  const fields = element.fields(derTag.sequence);
  const name = fields.next().oid();
  fields.optional(derTag.null)?.null();
  fields.end();
  const hash = Object.hasOwn(hashes, name) ? hashes[name] : undefined;
  if (!hash) throw invalid(`the hash ${name} is not supported`);
  return hash;
}

function requireOid(element: Der, expected: string): void {
  const found = element.oid();
  if (found !== expected) throw invalid(`expected ${expected}, found ${found}`);
}

function invalid(why: string) {
  return sigstoreError('TIMESTAMP_INVALID', `Timestamp: ${why}.`);
}
