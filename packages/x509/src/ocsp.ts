/** OCSP responses (RFC 6960), as NVIDIA's responder gives them: checked when handed in, never fetched. */
import {
  type Der,
  contextTag,
  derTag,
  digest,
  equalBytes,
  parseDer,
  primitiveContextTag,
  toHex,
} from '@vitrine/bytes';
import { type Certificate, parseCertificate } from './certificate.ts';
import { describeTime, requireIssued, requireKnownExtensions, requireValidAt } from './chain.ts';
import { X509Error } from './error.ts';
import { extendedKeyUsage, hasKeyUsage, parseExtensions } from './extensions.ts';
import { type Name, formatName, parseName, sameName } from './name.ts';
import { isSignedByOnce } from './signature.ts';
import { type Signed, nextSigned, parseAs } from './signed.ts';

export type OcspStatus =
  | { readonly kind: 'good' }
  | {
      readonly kind: 'revoked';
      readonly at: Date;
      /** CRLReason (RFC 5280 section 5.3.1); 6 is certificateHold. */ readonly reason: number | undefined;
    }
  | { readonly kind: 'unknown' };

export interface OcspSingleResponse {
  readonly hash: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512' | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly serialNumber: string;
  readonly status: OcspStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
}

/** Parsed, not verified. */
export interface OcspResponse extends Signed {
  readonly responder: { readonly name: Name } | { readonly keyHash: Uint8Array };
  readonly producedAt: Date;
  readonly responses: readonly OcspSingleResponse[];
  readonly certificates: readonly Certificate[];
  /** id-pkix-ocsp-nonce, its contents, or undefined. */
  readonly nonce: Uint8Array | undefined;
}

const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';
const NONCE = '1.3.6.1.5.5.7.48.1.2';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const MAX_OCSP_BYTES = 256 * 1024;
const statusWords = [
  'successful',
  'malformedRequest',
  'internalError',
  'tryLater',
  '',
  'sigRequired',
  'unauthorized',
];
const hashes = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
} as const;

/**
 * @throws X509Error OCSP_MALFORMED, CERTIFICATE_MALFORMED for a certificate that goes along, or OCSP_UNUSABLE where the
 * responder only says that it has no answer
 */
export function parseOcspResponse(der: Uint8Array, what = 'OCSP response'): OcspResponse {
  return parseAs('OCSP_MALFORMED', what, () => {
    if (der.length > MAX_OCSP_BYTES)
      throw new RangeError(`expected at most ${MAX_OCSP_BYTES} bytes, found ${der.length}`);
    const outer = parseDer(der, what).fields(derTag.sequence);
    const status = outer.next().smallInteger(derTag.enumerated);
    const bytesField = outer.optional(contextTag(0));
    outer.end();
    if (status !== 0)
      throw new X509Error('OCSP_UNUSABLE', `${what}: the responder says ${statusWords[status] || status}.`);
    if (!bytesField) throw new RangeError('a successful response without response bytes');
    const responseBytes = bytesField.only().fields(derTag.sequence);
    const type = responseBytes.next().oid();
    if (type !== BASIC_RESPONSE) throw new RangeError(`response type ${type} is not supported`);
    const basic = responseBytes.next().octetString();
    responseBytes.end();
    return parseBasicResponse(basic, what);
  });
}

function parseBasicResponse(der: Uint8Array, what: string): OcspResponse {
  const outer = parseDer(der, what).fields(derTag.sequence);
  const { signed, tbs, signatureAlgorithm, signature } = nextSigned(outer);
  const certificatesField = outer.optional(contextTag(0));
  outer.end();
  const certificates = (certificatesField?.only().children(derTag.sequence) ?? []).map((element) =>
    parseCertificate(element.bytes, `${what}, responder certificate`),
  );
  const fields = signed.fields(derTag.sequence);
  // There is version 1 only, which is the default and therefore not written (X.690 section 11.5).
  if (fields.optional(contextTag(0))) throw new RangeError('expected version 1, which is not written out');
  const responder = parseResponder(fields.next());
  const producedAt = fields.next(derTag.generalizedTime).time();
  const responses = fields.next().children(derTag.sequence).map(parseSingleResponse);
  const extensionsField = fields.optional(contextTag(1));
  fields.end();
  const nonce = extensionsField && parseNonce(extensionsField.only(), what);
  return {
    tbs,
    signatureAlgorithm,
    signature,
    responder,
    producedAt,
    responses,
    certificates,
    nonce,
  };
}

function parseResponder(element: Der): OcspResponse['responder'] {
  if (element.tag === contextTag(1)) return { name: parseName(element.only()) };
  return { keyHash: element.only(contextTag(2)).octetString() };
}

function parseNonce(extensionsElement: Der, what: string): Uint8Array | undefined {
  const extensions = parseExtensions(extensionsElement);
  for (const [oid, { critical }] of extensions)
    if (critical && oid !== NONCE) throw new RangeError(`critical extension ${oid} is not known`);
  const nonce = extensions.get(NONCE);
  return nonce && parseDer(nonce.value, `${what}, nonce`).octetString();
}

function parseSingleResponse(element: Der): OcspSingleResponse {
  const fields = element.fields(derTag.sequence);
  const certId = fields.next().fields(derTag.sequence);
  const algorithm = certId.next().fields(derTag.sequence);
  const hashOid = algorithm.next().oid();
  algorithm.optional(derTag.null)?.null();
  algorithm.end();
  const issuerNameHash = certId.next().octetString();
  const issuerKeyHash = certId.next().octetString();
  const serialNumber = toHex(certId.next().integerBytes());
  certId.end();
  const status = parseStatus(fields.next());
  const thisUpdate = fields.next(derTag.generalizedTime).time();
  const nextUpdate = fields.optional(contextTag(0))?.only().expect(derTag.generalizedTime).time();
  const extensions = fields.optional(contextTag(1));
  fields.end();
  for (const [oid, { critical }] of extensions ? parseExtensions(extensions.only()) : [])
    if (critical) throw new RangeError(`critical extension ${oid} is not known`);
  const hash = Object.hasOwn(hashes, hashOid) ? hashes[hashOid as keyof typeof hashes] : undefined;
  return { hash, issuerNameHash, issuerKeyHash, serialNumber, status, thisUpdate, nextUpdate };
}

/** CertStatus: good [0] NULL, revoked [1] RevokedInfo, unknown [2] NULL, all implicit. */
function parseStatus(element: Der): OcspStatus {
  switch (element.tag) {
    case primitiveContextTag(0):
      requireNull(element);
      return { kind: 'good' };
    case contextTag(1): {
      const fields = element.fields(contextTag(1));
      const at = fields.next(derTag.generalizedTime).time();
      const reason = fields.optional(contextTag(0))?.only().smallInteger(derTag.enumerated);
      fields.end();
      return { kind: 'revoked', at, reason };
    }
    case primitiveContextTag(2):
      requireNull(element);
      return { kind: 'unknown' };
    default:
      throw new RangeError('a certificate status is none of good, revoked and unknown');
  }
}

/** NULL under an implicit tag. */
function requireNull(element: Der): void {
  if (element.contents.length !== 0) throw new RangeError('a NULL is not empty');
}

export interface OcspVerification {
  /** The certificate in question ... */
  readonly certificate: Certificate;
  /** ... and its issuer, verified before. */
  readonly issuer: Certificate;
  readonly now: Date;
  /** When given, the response must repeat it. */
  readonly nonce?: Uint8Array | undefined;
  /** Certificates whose keys the caller trusts to answer for this issuer, besides the issuer itself and those it delegated. */
  readonly responders?: readonly Certificate[];
}

/**
 * The answer for one certificate, signed by its issuer or a responder that it delegated (RFC 6960 section 4.2.2.2).
 * Whether a delegated responder's own certificate is revoked is not asked, as with id-pkix-ocsp-nocheck.
 * @returns the status: revoked and unknown are answers, not errors; of several answers for the certificate, the worst
 * @throws X509Error OCSP_UNUSABLE, ISSUER_MISMATCH, SIGNATURE_INVALID, ALGORITHM_UNSUPPORTED, OCSP_EXPIRED,
 * OCSP_NOT_YET_VALID; for a delegated responder's certificate also NOT_YET_VALID, EXPIRED, KEY_USAGE_INVALID,
 * CRITICAL_EXTENSION_UNKNOWN, CERTIFICATE_MALFORMED
 */
export async function verifyOcspResponse(
  response: OcspResponse,
  options: OcspVerification,
): Promise<OcspStatus> {
  const what = 'OCSP response';
  requireOwn(options, what);
  const responder = await findResponder(response, options, what);
  if (!(await isSignedByOnce(response, responder)))
    throw new X509Error(
      'SIGNATURE_INVALID',
      `${what}: it is not signed by the key of ${formatName(responder.subject)}.`,
    );
  if (options.nonce && !(response.nonce && equalBytes(response.nonce, options.nonce)))
    throw new X509Error('OCSP_UNUSABLE', `${what}: it does not repeat the nonce that was asked with.`);
  const single = await findAnswer(response, options);
  if (!single)
    throw new X509Error(
      'OCSP_UNUSABLE',
      `${what}: it says nothing of ${formatName(options.certificate.subject)}.`,
    );
  requireCurrent(single, options.now, what);
  return single.status;
}

/** The hashes in the response name the issuer, but not the certificate's: its own word for it must agree. */
function requireOwn({ certificate, issuer }: OcspVerification, what: string): void {
  if (sameName(certificate.issuer, issuer.subject)) return;
  throw new X509Error(
    'ISSUER_MISMATCH',
    `${what}: ${formatName(certificate.subject)} is not of ${formatName(issuer.subject)}.`,
  );
}

async function findResponder(
  response: OcspResponse,
  { issuer, now, responders = [] }: OcspVerification,
  what: string,
): Promise<Certificate> {
  for (const candidate of [issuer, ...responders, ...response.certificates]) {
    if (!(await isNamed(candidate, response.responder))) continue;
    if (candidate === issuer || responders.includes(candidate)) return candidate;
    await requireIssued(candidate, issuer, `${what}, responder`);
    requireValidAt(candidate, now, `${what}, responder`);
    requireKnownExtensions(candidate, `${what}, responder`);
    requireDelegated(candidate, what);
    return candidate;
  }
  throw new X509Error(
    'ISSUER_MISMATCH',
    `${what}: neither ${formatName(issuer.subject)} nor one that it delegated answered.`,
  );
}

/** RFC 6960 section 4.2.2.2: the usage must be spelled out, "any" does not do. */
function requireDelegated(responder: Certificate, what: string): void {
  const { usages, maySign } = parseAs('CERTIFICATE_MALFORMED', what, () => ({
    usages: extendedKeyUsage(responder.extensions),
    maySign: hasKeyUsage(responder.extensions, 'digitalSignature'),
  }));
  if (usages?.includes(OCSP_SIGNING) && maySign !== false) return;
  throw new X509Error(
    'KEY_USAGE_INVALID',
    `${what}: ${formatName(responder.subject)} may not sign for its issuer.`,
  );
}

async function isNamed(candidate: Certificate, responder: OcspResponse['responder']): Promise<boolean> {
  if ('name' in responder) return sameName(candidate.subject, responder.name);
  return equalBytes(await digest('SHA-1', keyBits(candidate)), responder.keyHash);
}

async function findAnswer(
  response: OcspResponse,
  { certificate, issuer }: OcspVerification,
): Promise<OcspSingleResponse | undefined> {
  const answers: OcspSingleResponse[] = [];
  for (const single of response.responses) {
    if (single.serialNumber !== certificate.serialNumber || !single.hash) continue;
    const nameHash = await digest(single.hash, issuer.subject.der);
    const keyHash = await digest(single.hash, keyBits(issuer));
    if (equalBytes(nameHash, single.issuerNameHash) && equalBytes(keyHash, single.issuerKeyHash))
      answers.push(single);
  }
  const ofKind = (kind: OcspStatus['kind']) => answers.find(({ status }) => status.kind === kind);
  return ofKind('revoked') ?? ofKind('unknown') ?? ofKind('good');
}

/** The key without its algorithm: what OCSP hashes. */
function keyBits(certificate: Certificate): Uint8Array {
  const fields = parseDer(certificate.subjectPublicKeyInfo, 'public key').fields(derTag.sequence);
  fields.next();
  return fields.next().bitStringBytes();
}

function requireCurrent({ thisUpdate, nextUpdate }: OcspSingleResponse, now: Date, what: string): void {
  if (now < thisUpdate)
    throw new X509Error(
      'OCSP_NOT_YET_VALID',
      `${what}: it is of ${thisUpdate.toISOString()}, after the time given, ${now.toISOString()}.`,
    );
  // Without an end it would be an answer for ever.
  if (!nextUpdate || !(now <= nextUpdate))
    throw new X509Error(
      'OCSP_EXPIRED',
      `${what}: it was good until ${nextUpdate?.toISOString() ?? 'a time that it does not name'}, the time given is ${describeTime(now)}.`,
    );
}
