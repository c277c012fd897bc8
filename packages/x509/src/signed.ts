/** What certificates, revocation lists and OCSP responses share: signed bytes, an algorithm, a signature. */
import { BytesError, type Der, type DerFields, derTag, equalBytes, parseDer } from '@vitrine/bytes';
import { type SignatureAlgorithm, parseSignatureAlgorithm } from './algorithm.ts';
import { X509Error, type X509ErrorCode } from './error.ts';

/** Something an issuer signed. */
export interface Signed {
  /** The bytes that the signature covers. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** As X.509 has it: a DER SEQUENCE of two INTEGERs for ECDSA. */
  readonly signature: Uint8Array;
}

/** SIGNED{} of X.509: the element that is signed, the algorithm beside it, the signature. */
export function parseSigned(
  der: Uint8Array,
  what: string,
): Signed & { readonly signed: Der; readonly algorithm: Der } {
  const fields = parseDer(der, what).fields(derTag.sequence);
  const parts = nextSigned(fields);
  fields.end();
  return parts;
}

/** The three elements, where others may follow. */
export function nextSigned(fields: DerFields): Signed & { readonly signed: Der; readonly algorithm: Der } {
  const signed = fields.next(derTag.sequence);
  const algorithm = fields.next(derTag.sequence);
  const signature = fields.next().bitStringBytes();
  return {
    signed,
    algorithm,
    tbs: signed.bytes,
    signatureAlgorithm: parseSignatureAlgorithm(algorithm),
    signature,
  };
}

/** The algorithm is named twice, and only the inner one is signed (RFC 5280 section 4.1.1.2). */
export function requireSameAlgorithm(outer: Der, inner: Der): void {
  if (!equalBytes(outer.bytes, inner.bytes)) throw new RangeError('the two signature algorithms differ');
}

/** Runs a parser; what it throws becomes an X509Error of that code. */
export function parseAs<T>(code: X509ErrorCode, what: string, parse: () => T, chainIndex?: number): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof RangeError)) throw cause;
    const reason = cause instanceof BytesError ? cause.message : `${what}: ${cause.message}.`;
    throw new X509Error(code, reason, { cause, chainIndex });
  }
}
