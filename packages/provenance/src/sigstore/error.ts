/** Why a bundle is refused. Codes are stable; those of the conformance contract have its names. */
import { ProvenanceError } from '../error.ts';

export type SigstoreErrorCode =
  /** Not a bundle: JSON, shape, base64, certificate, or something that its version must not have. */
  | 'BUNDLE_MALFORMED'
  /** A media type that is none of versions 0.1 to 0.3. */
  | 'BUNDLE_VERSION_UNSUPPORTED'
  /** Not a trusted root, or one with a key or certificate that is none, or without the start of a validity. */
  | 'TRUST_ROOT_INVALID'
  /** A public key that was given is none. */
  | 'KEY_MALFORMED'
  /** The bundle is signed with a bare key, and none was given to verify with. */
  | 'KEY_REQUIRED'
  /** A key was given, and the bundle carries a certificate. */
  | 'KEY_UNEXPECTED'
  /** A signature over an artifact cannot be verified without its bytes. */
  | 'ARTIFACT_REQUIRED'
  /** The artifact is not the one that the bundle or its log entry names. */
  | 'ARTIFACT_DIGEST_MISMATCH'
  /** A timestamp is no RFC 3161 response, is over another signature, or is not signed. */
  | 'TIMESTAMP_INVALID'
  /** No timestamp authority of the trusted root, at that time, made it. */
  | 'TIMESTAMP_AUTHORITY_UNTRUSTED'
  /** Fewer trustworthy times than required. */
  | 'OBSERVER_TIMESTAMP_INSUFFICIENT'
  /** A time that lies after the time given. */
  | 'TIME_IN_FUTURE'
  /** The certificate does not lead to a certification authority of the trusted root. */
  | 'FULCIO_CHAIN_INVALID'
  /** The certificate was no longer valid at an observed time. */
  | 'CERT_EXPIRED'
  /** The certificate was not valid yet at an observed time. */
  | 'CERT_NOT_YET_VALID'
  /** The certificate is not for signing code, or is an authority's. */
  | 'CERT_USAGE_INVALID'
  /** A field of Fulcio's in the certificate is malformed. */
  | 'CERT_IDENTITY_MALFORMED'
  /** Fewer certificate timestamps by logs of the trusted root than required. */
  | 'SCT_INSUFFICIENT'
  /** A certificate timestamp of a trusted log does not verify, or the list is malformed. */
  | 'SCT_INVALID'
  | 'SCT_DUPLICATE_LOG'
  | 'DSSE_SIGNATURE_INVALID'
  | 'MESSAGE_SIGNATURE_INVALID'
  /** Fewer log entries than required, or more. */
  | 'TLOG_COUNT_OUT_OF_RANGE'
  /** The same entry of the same log twice. */
  | 'LOG_ENTRY_DUPLICATE'
  /** No log of the trusted root, at that time, has this identity. */
  | 'REKOR_KEY_NOT_TRUSTED'
  /** A kind or version of entry that is not known, or a body that is not of its kind. */
  | 'LOG_ENTRY_MALFORMED'
  /** The entry is about another signature, artifact, certificate or key. */
  | 'LOG_ENTRY_MISMATCH'
  /** The signed entry timestamp is not by the log. */
  | 'SET_INVALID'
  /** The inclusion proof does not lead to its root hash. */
  | 'REKOR_INCLUSION_INVALID'
  /** The checkpoint is malformed or not signed by the log. */
  | 'CHECKPOINT_INVALID'
  /** The checkpoint is of another tree than the inclusion proof. */
  | 'CHECKPOINT_ROOT_MISMATCH'
  /** The payload is no in-toto statement. */
  | 'STATEMENT_MALFORMED'
  /** The payload is not of the type that is expected. */
  | 'PAYLOAD_TYPE_MISMATCH'
  /** No subject, or one without a digest of that kind. */
  | 'SUBJECT_MISSING'
  | 'SUBJECT_DIGEST_MISMATCH';

export function sigstoreError(
  code: SigstoreErrorCode,
  message: string,
  options?: ErrorOptions,
): ProvenanceError<SigstoreErrorCode> {
  return new ProvenanceError(code, message, options);
}
