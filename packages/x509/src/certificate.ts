/** X.509 certificates (RFC 5280 section 4), and AMD's, which leave out what that demands. */
import {
  contextTag,
  derTag,
  equalBytes,
  formatPem,
  parsePemBlocks,
  primitiveContextTag,
  toHex,
} from '@vitrine/bytes';
import { type PublicKey, parsePublicKey } from './algorithm.ts';
import { type Extensions, parseExtensions } from './extensions.ts';
import { type Name, parseName } from './name.ts';
import { type Signed, parseAs, parseSigned, requireSameAlgorithm } from './signed.ts';

/** Parsed, not verified. */
export interface Certificate extends Signed {
  readonly der: Uint8Array;
  /** 1, 2 or 3. */
  readonly version: number;
  /** Contents octets of the INTEGER, hexadecimal. AMD's VCEKs have "00". */
  readonly serialNumber: string;
  readonly issuer: Name;
  readonly subject: Name;
  /** Valid from then, inclusive ... */
  readonly notBefore: Date;
  /** ... to then, inclusive. */
  readonly notAfter: Date;
  /** DER of the SubjectPublicKeyInfo. */
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly publicKey: PublicKey;
  readonly extensions: Extensions;
}

const MAX_CERTIFICATE_BYTES = 64 * 1024;

/**
 * @param what names it in errors: "VCEK"
 * @throws X509Error CERTIFICATE_MALFORMED
 */
export function parseCertificate(der: Uint8Array, what = 'certificate'): Certificate {
  return parseAs('CERTIFICATE_MALFORMED', what, () => {
    if (der.length > MAX_CERTIFICATE_BYTES)
      throw new RangeError(`expected at most ${MAX_CERTIFICATE_BYTES} bytes, found ${der.length}`);
    const { signed, algorithm, tbs, signatureAlgorithm, signature } = parseSigned(der, what);
    const fields = signed.fields(derTag.sequence);
    const versionField = fields.optional(contextTag(0))?.only().smallInteger();
    // DER leaves out a default (X.690 section 11.5), which version 1 is.
    if (versionField === 0) throw new RangeError('version 1 is written out');
    const version = (versionField ?? 0) + 1;
    if (version > 3) throw new RangeError(`expected version 1 to 3, found ${version}`);
    const serialNumber = toHex(fields.next().integerBytes());
    requireSameAlgorithm(algorithm, fields.next());
    const issuer = parseName(fields.next());
    const validity = fields.next().fields(derTag.sequence);
    const notBefore = validity.next().time();
    const notAfter = validity.next().time();
    validity.end();
    const subject = parseName(fields.next());
    const keyInfo = fields.next();
    const issuerUniqueId = fields.optional(primitiveContextTag(1))?.bitString(primitiveContextTag(1));
    const subjectUniqueId = fields.optional(primitiveContextTag(2))?.bitString(primitiveContextTag(2));
    const extensionsField = fields.optional(contextTag(3));
    fields.end();
    // RFC 5280 sections 4.1.2.8 and 4.1.2.9.
    if ((issuerUniqueId || subjectUniqueId) && version === 1)
      throw new RangeError('a certificate of version 1 has unique identifiers');
    if (extensionsField && version !== 3)
      throw new RangeError(`a certificate of version ${version} has extensions`);
    return {
      der,
      tbs,
      signatureAlgorithm,
      signature,
      version,
      serialNumber,
      issuer,
      subject,
      notBefore,
      notAfter,
      subjectPublicKeyInfo: keyInfo.bytes,
      publicKey: parsePublicKey(keyInfo),
      extensions: extensionsField ? parseExtensions(extensionsField.only()) : new Map(),
    };
  });
}

/**
 * The certificates of a PEM text, in its order; at least one.
 * @throws X509Error CERTIFICATE_MALFORMED
 */
export function parsePemCertificates(pem: string, what = 'certificate chain'): Certificate[] {
  const blocks = parseAs('CERTIFICATE_MALFORMED', what, () => parsePemBlocks(pem, 'CERTIFICATE', what));
  return blocks.map((der, index) => parseCertificate(der, `${what}, certificate ${index + 1}`));
}

export function formatPemCertificates(certificates: readonly Certificate[]): string {
  return certificates.map(({ der }) => formatPem('CERTIFICATE', der)).join('');
}

/** The very same certificate, byte for byte. */
export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return equalBytes(a.der, b.der);
}
