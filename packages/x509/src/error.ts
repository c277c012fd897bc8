/** Why a certificate, a list or a chain is refused. Codes are stable. */
export type X509ErrorCode =
  | 'CERTIFICATE_MALFORMED'
  | 'CRL_MALFORMED'
  | 'OCSP_MALFORMED'
  /** An algorithm or a key that this implementation does not have. */
  | 'ALGORITHM_UNSUPPORTED'
  /** An algorithm that this implementation has, and the WebCrypto that it runs on has not: nothing is known of the signature. */
  | 'PLATFORM_LACKS_ALGORITHM'
  /** The issuer's key did not sign this. */
  | 'SIGNATURE_INVALID'
  /** There is no certificate, or too many. */
  | 'CHAIN_LENGTH'
  /** The issuer's name is not the subject of the next certificate. */
  | 'NAME_MISMATCH'
  | 'NOT_YET_VALID'
  | 'EXPIRED'
  /** A certificate that issued another one is not allowed to. */
  | 'NOT_A_CA'
  | 'KEY_USAGE_INVALID'
  | 'PATH_TOO_LONG'
  /** A critical extension that this implementation does not know. */
  | 'CRITICAL_EXTENSION_UNKNOWN'
  /** The chain ends in a certificate that is none of the trust anchors. */
  | 'ROOT_UNTRUSTED'
  /** A list of revoked certificates (or an OCSP response) is not of the issuer in question. */
  | 'ISSUER_MISMATCH'
  | 'REVOKED'
  | 'CRL_EXPIRED'
  | 'CRL_NOT_YET_VALID'
  | 'OCSP_EXPIRED'
  | 'OCSP_NOT_YET_VALID'
  /** The responder has no good answer, or none for this certificate. */
  | 'OCSP_UNUSABLE';

export class X509Error extends Error {
  override readonly name = 'X509Error';
  readonly code: X509ErrorCode;
  /** Which certificate of a chain, 0 for the leaf; undefined where the error is not about one. */
  readonly chainIndex: number | undefined;

  constructor(
    code: X509ErrorCode,
    message: string,
    options?: ErrorOptions & { readonly chainIndex?: number | undefined },
  ) {
    super(message, options);
    this.code = code;
    this.chainIndex = options?.chainIndex;
  }
}
