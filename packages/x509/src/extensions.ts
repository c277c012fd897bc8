/** Extensions of certificates, lists and responses, and the standard ones that a chain depends on. */
import { type Der, derTag, parseDer, toHex } from '@vitrine/bytes';

export interface Extension {
  readonly critical: boolean;
  /** The contents of extnValue. Usually DER; AMD's HWID is bare bytes. */
  readonly value: Uint8Array;
}

export type Extensions = ReadonlyMap<string, Extension>;

export const extensionOid = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** @throws BytesError, or RangeError for a list that is empty or has an extension twice */
export function parseExtensions(sequence: Der): Map<string, Extension> {
  const extensions = new Map<string, Extension>();
  for (const element of sequence.children(derTag.sequence)) {
    const fields = element.fields(derTag.sequence);
    const oid = fields.next().oid();
    const critical = isTrue(fields.optional(derTag.boolean));
    const value = fields.next().octetString();
    fields.end();
    if (extensions.has(oid)) throw new RangeError(`extension ${oid} occurs twice`);
    extensions.set(oid, { critical, value });
  }
  // Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension.
  if (extensions.size === 0) throw new RangeError('a list of extensions is empty');
  return extensions;
}

/** A BOOLEAN DEFAULT FALSE: DER leaves out a default (X.690 section 11.5). */
function isTrue(element: Der | undefined): boolean {
  if (element?.boolean() === false) throw new RangeError('a FALSE that is the default is written out');
  return element !== undefined;
}

/** RFC 5280 section 4.2.1.9. */
export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
}

export function basicConstraints(extensions: Extensions): BasicConstraints | undefined {
  const extension = extensions.get(extensionOid.basicConstraints);
  if (!extension) return undefined;
  const fields = parseDer(extension.value, 'basic constraints').fields(derTag.sequence);
  const isCa = isTrue(fields.optional(derTag.boolean));
  const pathLength = fields.optional(derTag.integer)?.smallInteger();
  fields.end();
  return { isCa, pathLength };
}

/** RFC 5280 section 4.2.1.3, by bit. */
export const keyUsageBit = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;

/** Whether the usage is asserted; undefined where the extension is absent, and nothing is said. */
export function hasKeyUsage(extensions: Extensions, usage: keyof typeof keyUsageBit): boolean | undefined {
  const extension = extensions.get(extensionOid.keyUsage);
  if (!extension) return undefined;
  const { bytes } = parseDer(extension.value, 'key usage').bitString();
  const bit = keyUsageBit[usage];
  return (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
}

/** Object identifiers of the extended key usage, or undefined where it is absent. */
export function extendedKeyUsage(extensions: Extensions): string[] | undefined {
  const extension = extensions.get(extensionOid.extendedKeyUsage);
  if (!extension) return undefined;
  return parseDer(extension.value, 'extended key usage')
    .children(derTag.sequence)
    .map((element) => element.oid());
}

/** Hexadecimal, or undefined where it is absent. */
export function subjectKeyIdentifier(extensions: Extensions): string | undefined {
  const extension = extensions.get(extensionOid.subjectKeyIdentifier);
  return extension && toHex(parseDer(extension.value, 'subject key identifier').octetString());
}
