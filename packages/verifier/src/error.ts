/** Why a verification could not begin, or a document could not be read. `code` is stable. */
import { BytesError } from '@vitrine/bytes';
import { X509Error } from '@vitrine/x509';

export type VerifierErrorCode =
  /** Not what the dialect's specification says, to the byte. */
  | 'DOCUMENT_MALFORMED'
  /** The endpoint answers in none of the known dialects. */
  | 'DIALECT_UNKNOWN'
  /** Evidence of a platform, or a format of one, that this verifier does not read. */
  | 'EVIDENCE_UNSUPPORTED'
  /** What an endorsement service wraps around its answer is not what its specification says. */
  | 'ENDORSEMENT_MALFORMED'
  /** The policy file is not what its schema says. */
  | 'POLICY_MALFORMED'
  /** The proof file is not what its specification says. */
  | 'PROOF_MALFORMED'
  /** An argument of the caller's: URL, repository name, file of anchors. */
  | 'ARGUMENT_INVALID'
  /** The state folder (cache, rollback memory) cannot be used. */
  | 'STATE_UNUSABLE'
  /** The caller's signal. */
  | 'ABORTED'
  /** See `FetchErrorCode`: the endpoint itself could not be asked. */
  | FetchErrorCode;

/** Why a resource is not there. The same for an endpoint and for endorsements. */
export type FetchErrorCode =
  /** Offline, and neither the document, the proof nor the cache has it. */
  | 'OFFLINE'
  | 'NAME_NOT_RESOLVED'
  | 'CONNECTION_REFUSED'
  | 'CONNECTION_RESET'
  /** The proxy that was named refuses, fails, or is none. */
  | 'PROXY_FAILED'
  | 'TLS_FAILED'
  | 'TIMEOUT'
  /** Any status but 200, after the retries that 429 and 5xx allow. */
  | 'HTTP_STATUS'
  | 'REDIRECT_REFUSED'
  | 'CONTENT_TYPE_UNEXPECTED'
  /** The body is longer than the kind of resource may be, compressed or not. */
  | 'BODY_TOO_LARGE'
  /** Fewer bytes than announced, or a compression that ends early. */
  | 'BODY_TRUNCATED'
  | 'PROTOCOL_ERROR';

export class VerifierError extends Error {
  override readonly name = 'VerifierError';
  readonly code: VerifierErrorCode;

  constructor(code: VerifierErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Runs a step; what the parsers below throw becomes a VerifierError. */
export function readAs<T>(code: VerifierErrorCode, what: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof X509Error || cause instanceof RangeError))
      throw cause;
    throw new VerifierError(code, `${what}: ${cause.message}`, { cause });
  }
}
