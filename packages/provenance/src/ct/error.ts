/** Why something of Certificate Transparency, or of a TLS certificate, is refused. Codes are stable. */
import { ProvenanceError } from '../error.ts';

/** What is thrown: the thing itself is not what it should be, whatever a policy asks. */
export type CtErrorCode =
  /** A list of signed certificate timestamps, or the extension that holds it, is not of the form of RFC 6962 section 3.3. */
  | 'SCT_LIST_MALFORMED'
  /** A timestamp is of another version than v1. */
  | 'SCT_VERSION_UNSUPPORTED'
  /** A certificate is both a precertificate and a final one, or is too long for a log. */
  | 'CERTIFICATE_NOT_LOGGABLE'
  /** There is no certificate. */
  | 'CERTIFICATE_ABSENT'
  /** The certificate that was given as the issuer is not the one that the leaf names. */
  | 'ISSUER_MISMATCH'
  /** Not a log list of version 3; what is wrong with a single log makes that log be skipped instead. */
  | 'LOG_LIST_MALFORMED'
  /** A tree head or a checkpoint is not of the form that its log serves. */
  | 'TREE_HEAD_MALFORMED'
  /** The log did not sign the tree head. */
  | 'TREE_HEAD_SIGNATURE_INVALID'
  /** An answer to get-proof-by-hash is not of the form of RFC 6962 section 4.5. */
  | 'PROOF_MALFORMED'
  /** A tile is not as long as the tree's size demands. */
  | 'TILE_MALFORMED'
  /** A timestamp of a static-ct log does not say, once and well-formed, where its entry is. */
  | 'LEAF_INDEX_INVALID'
  /** The entry is not under the tree head, within the delay that the log may take. */
  | 'INCLUSION_NOT_YET_DUE'
  /** The entry is not under the tree head although the log's maximum merge delay is over. */
  | 'INCLUSION_OVERDUE'
  /** An answer that the proof needs was not given. */
  | 'ANSWER_MISSING'
  /** The names of a dcode sequence contradict each other, leave gaps, or are no base32. */
  | 'DCODE_MALFORMED';

/** Codes of failed rules of `appraiseCt` and `appraiseInclusion`. */
export type CtPolicyCode =
  /** The certificate has no timestamp at all. */
  | 'SCT_ABSENT'
  /** A log of the list did not sign the timestamp that names it: someone made it up, or altered the certificate. */
  | 'SCT_SIGNATURE_INVALID'
  /** A timestamp is later than the time given. */
  | 'SCT_IN_FUTURE'
  /** Too few timestamps are of logs that the list has. */
  | 'SCT_LOG_UNKNOWN'
  /** Too few are of logs that take certificates that end when this one does. */
  | 'SCT_OUTSIDE_INTERVAL'
  /** Too few are of logs in a state that counts. */
  | 'SCT_LOG_STATE_UNACCEPTABLE'
  /** Too few count, whatever the reason. */
  | 'SCT_INSUFFICIENT'
  /** Those that count are of fewer operators than demanded. */
  | 'SCT_OPERATORS_NOT_DISTINCT'
  /** All that count are of logs that are retired by now. */
  | 'SCT_LOG_NOT_CURRENT'
  /** The list is older than the policy takes. */
  | 'LOG_LIST_TOO_OLD';

/** Codes of failed rules of `appraiseTlsCertificate`. */
export type TlsCode =
  | 'TLS_CERT_EXPIRED'
  | 'TLS_CERT_NOT_YET_VALID'
  /** A certificate of the chain is expired, not an authority, not signed by the next, ... */
  | 'TLS_CHAIN_INVALID'
  /** No sequence of the certificates leads to a trust anchor. */
  | 'TLS_ROOT_UNTRUSTED'
  /** The certificate is for other names than the one that was connected to. */
  | 'TLS_NAME_MISMATCH'
  /** An authority of the chain may not issue for a name of a certificate below it. */
  | 'TLS_NAME_CONSTRAINT_VIOLATED'
  /** An authority is constrained in a manner that is not implemented, and that could matter here. */
  | 'TLS_NAME_CONSTRAINT_UNSUPPORTED'
  /** The certificate, or an authority above it, is not for TLS servers. */
  | 'TLS_USAGE_INVALID'
  /** The key is of a kind or a size that nobody should rely on. */
  | 'TLS_KEY_UNSUPPORTED';

export function ctError(
  code: CtErrorCode,
  message: string,
  options?: ErrorOptions,
): ProvenanceError<CtErrorCode> {
  return new ProvenanceError(code, message, options);
}
