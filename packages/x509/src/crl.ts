/** Certificate revocation lists (RFC 5280 section 5): complete lists, for all certificates of one issuer. */
import { type Der, contextTag, derTag, toHex } from '@vitrine/bytes';
import { type Certificate } from './certificate.ts';
import { describeTime } from './chain.ts';
import { X509Error } from './error.ts';
import { type Extensions, extensionOid, hasKeyUsage, parseExtensions } from './extensions.ts';
import { type Name, formatName, parseName, sameName } from './name.ts';
import { isSignedBy } from './signature.ts';
import { type Signed, parseAs, parseSigned, requireSameAlgorithm } from './signed.ts';

/** Parsed, not verified. */
export interface Crl extends Signed {
  readonly der: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** By serial number (contents octets, hexadecimal), the time of revocation. */
  readonly revoked: ReadonlyMap<string, Date>;
  readonly extensions: Extensions;
}

declare const verified: unique symbol;
/** A list that its issuer signed and that is in force: what `requireNotRevoked` takes. */
export type VerifiedCrl = Crl & { readonly [verified]: true };

const MAX_CRL_BYTES = 16 * 1024 * 1024;

/**
 * @param what names it in errors: "PCK CRL"
 * @throws X509Error CRL_MALFORMED
 */
export function parseCrl(der: Uint8Array, what = 'CRL'): Crl {
  return parseAs('CRL_MALFORMED', what, () => {
    if (der.length > MAX_CRL_BYTES)
      throw new RangeError(`expected at most ${MAX_CRL_BYTES} bytes, found ${der.length}`);
    const { signed, algorithm, tbs, signatureAlgorithm, signature } = parseSigned(der, what);
    const fields = signed.fields(derTag.sequence);
    // "If present, MUST be v2" (RFC 5280 section 5.1.2.1), and what is new in it needs it.
    const versionField = fields.optional(derTag.integer)?.smallInteger();
    if (versionField !== undefined && versionField !== 1)
      throw new RangeError(`expected version 1 or 2, found ${versionField + 1}`);
    const parseListExtensions = (sequence: Der): Extensions => {
      if (versionField === undefined) throw new RangeError('a list of version 1 has extensions');
      return parseExtensions(sequence);
    };
    requireSameAlgorithm(algorithm, fields.next());
    const issuer = parseName(fields.next());
    const thisUpdate = fields.next().time();
    const nextUpdate = fields.optional(derTag.utcTime, derTag.generalizedTime)?.time();
    const revoked = new Map<string, Date>();
    for (const entry of fields.optional(derTag.sequence)?.elements() ?? []) {
      const entryFields = entry.fields(derTag.sequence);
      const serialNumber = toHex(entryFields.next().integerBytes());
      revoked.set(serialNumber, entryFields.next().time());
      const extensions = entryFields.optional(derTag.sequence);
      entryFields.end();
      if (extensions) requireKnown(parseListExtensions(extensions), [extensionOid.crlReason]);
    }
    const extensionsField = fields.optional(contextTag(0));
    fields.end();
    const extensions = extensionsField ? parseListExtensions(extensionsField.only()) : new Map();
    // A delta list or one of a partition would be taken for a complete one.
    requireKnown(extensions, [extensionOid.crlNumber, extensionOid.authorityKeyIdentifier]);
    return {
      der,
      tbs,
      signatureAlgorithm,
      signature,
      issuer,
      thisUpdate,
      nextUpdate,
      revoked,
      extensions,
    };
  });
}

/** What makes another list of it, or an entry of another issuer: always critical (RFC 5280 section 5), but who knows. */
const refusedExtensions: readonly string[] = [
  extensionOid.deltaCrlIndicator,
  extensionOid.issuingDistributionPoint,
  extensionOid.certificateIssuer,
];

function requireKnown(extensions: Extensions, known: readonly string[]): void {
  for (const [oid, { critical }] of extensions) {
    if (refusedExtensions.includes(oid)) throw new RangeError(`extension ${oid} is not supported`);
    if (critical && !known.includes(oid)) throw new RangeError(`critical extension ${oid} is not known`);
  }
}

/**
 * The list is signed by the issuer's key and in force at `now`. The issuer itself must have been verified before.
 * @throws X509Error ISSUER_MISMATCH, KEY_USAGE_INVALID, ALGORITHM_UNSUPPORTED, SIGNATURE_INVALID, CRL_NOT_YET_VALID or
 * CRL_EXPIRED; CERTIFICATE_MALFORMED for the issuer's key usage
 */
export async function verifyCrl(
  crl: Crl,
  issuer: Certificate,
  now: Date,
  what = 'CRL',
): Promise<VerifiedCrl> {
  if (!sameName(crl.issuer, issuer.subject)) {
    throw new X509Error(
      'ISSUER_MISMATCH',
      `${what}: expected the list of ${formatName(issuer.subject)}, found that of ${formatName(crl.issuer)}.`,
    );
  }
  const maySign = parseAs('CERTIFICATE_MALFORMED', what, () => hasKeyUsage(issuer.extensions, 'cRLSign'));
  if (maySign === false)
    throw new X509Error(
      'KEY_USAGE_INVALID',
      `${what}: the key of ${formatName(issuer.subject)} may not sign revocation lists.`,
    );
  if (!(await isSignedBy(crl, issuer)))
    throw new X509Error(
      'SIGNATURE_INVALID',
      `${what}: it is not signed by the key of ${formatName(issuer.subject)}.`,
    );
  requireInForce(crl, now, what);
  return crl as VerifiedCrl;
}

function requireInForce({ thisUpdate, nextUpdate }: Crl, now: Date, what: string): void {
  if (now < thisUpdate)
    throw new X509Error(
      'CRL_NOT_YET_VALID',
      `${what}: it was issued at ${thisUpdate.toISOString()}, after the time given, ${now.toISOString()}.`,
    );
  // Without an end it would be valid for ever.
  if (!nextUpdate || !(now <= nextUpdate))
    throw new X509Error(
      'CRL_EXPIRED',
      `${what}: a newer one was due at ${nextUpdate?.toISOString() ?? 'a time that it does not name'}, the time given is ${describeTime(now)}.`,
    );
}

/**
 * @throws X509Error REVOKED, or ISSUER_MISMATCH where the list is of another issuer than the certificate
 */
export function requireNotRevoked(certificate: Certificate, crl: VerifiedCrl, what = 'CRL'): void {
  if (!sameName(certificate.issuer, crl.issuer)) {
    throw new X509Error(
      'ISSUER_MISMATCH',
      `${what}: it is of ${formatName(crl.issuer)}, the certificate of ${formatName(certificate.issuer)}.`,
    );
  }
  const revokedAt = crl.revoked.get(certificate.serialNumber);
  if (!revokedAt) return;
  throw new X509Error(
    'REVOKED',
    `${what}: ${formatName(certificate.subject)}, serial number ${certificate.serialNumber}, was revoked at ${revokedAt.toISOString()}.`,
  );
}
