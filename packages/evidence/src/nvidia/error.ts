/** Why NVIDIA evidence or an endorsement of it is refused. */
import { EvidenceError } from '../error.ts';

export type NvidiaErrorCode =
  /** The request, the response or the opaque data is not laid out as documented, or bytes are left over. */
  | 'GPU_REPORT_MALFORMED'
  /** The published JSON form of evidence is not as expected. */
  | 'GPU_EVIDENCE_MALFORMED'
  /** The report is not signed by the chain's first certificate. */
  | 'GPU_SIGNATURE_INVALID'
  /** A certificate is missing, malformed, out of date, or not issued by the next one. */
  | 'GPU_CHAIN_INVALID'
  /** The chain is sound but ends in no trust anchor. */
  | 'GPU_ROOT_UNTRUSTED'
  /** The firmware identity in the leaf is not the report's. */
  | 'GPU_FWID_MISMATCH'
  /** The responder says that a certificate of the device's chain is revoked. */
  | 'GPU_CERTIFICATE_REVOKED'
  /** The responder says that a certificate of the device's chain is on hold. */
  | 'GPU_CERTIFICATE_ON_HOLD'
  /** An OCSP response for the device's chain is malformed, stale, of another certificate, or not signed by the issuer. */
  | 'GPU_OCSP_INVALID'
  /** The responder does not know a certificate of the device's chain. */
  | 'GPU_OCSP_UNKNOWN'
  /** Not the subset of XML that is read here. */
  | 'RIM_XML_MALFORMED'
  /** A DOCTYPE, which could define entities. */
  | 'RIM_XML_DOCTYPE'
  /** An entity other than the five of XML. */
  | 'RIM_XML_ENTITY'
  /** A comment, a CDATA section or a processing instruction. */
  | 'RIM_XML_COMMENT'
  /** The XML is no reference integrity manifest as NVIDIA lays it out. */
  | 'RIM_MALFORMED'
  /** No Signature, several, or one in another place. */
  | 'RIM_SIGNATURE_MISPLACED'
  /** The Reference is not to the whole document. */
  | 'RIM_REFERENCE_INVALID'
  /** An algorithm or transform other than the one set in use. */
  | 'RIM_ALGORITHM_UNSUPPORTED'
  /** The content's digest or the signature over SignedInfo is wrong. */
  | 'RIM_SIGNATURE_INVALID'
  /** The signer's chain is broken or ends in no trust anchor. */
  | 'RIM_CHAIN_INVALID'
  /** A certificate of the signer's chain is not valid at the time given. */
  | 'RIM_EXPIRED'
  /** The responder says that a certificate of the signer's chain is revoked. */
  | 'RIM_CERTIFICATE_REVOKED'
  /** The responder says that a certificate of the signer's chain is on hold. */
  | 'RIM_CERTIFICATE_ON_HOLD'
  /** An OCSP response for the signer's chain is malformed, stale, of another certificate, or not signed by the issuer. */
  | 'RIM_OCSP_INVALID'
  /** The responder does not know a certificate of the signer's chain. */
  | 'RIM_OCSP_UNKNOWN'
  /** The attestation service's answer is not laid out as documented: JSON, base64url, claims. */
  | 'EAT_MALFORMED'
  /** A token is signed with anything but ES384. */
  | 'EAT_ALGORITHM_UNSUPPORTED'
  /** The JWK set is no JWK set, or two of its keys have one name. */
  | 'EAT_KEYS_MALFORMED'
  /** No key is given for the name that a token states. */
  | 'EAT_KEY_UNKNOWN'
  /** A token's own certificates are malformed, out of date or lead to no given root. */
  | 'EAT_CHAIN_INVALID'
  /** A token is not signed by its key. */
  | 'EAT_SIGNATURE_INVALID'
  | 'EAT_EXPIRED'
  | 'EAT_NOT_YET_VALID'
  /** The detached tokens are not those that the overall token names. */
  | 'EAT_DIGEST_MISMATCH'
  /** A device token has another issuer or nonce than the overall token. */
  | 'EAT_TOKENS_DISAGREE';

/** What a policy over authentic devices can find. */
export type NvidiaPolicyCode =
  | 'GPU_NONCE_MISMATCH'
  | 'RIM_VERSION_MISMATCH'
  /** A RIM of another product or kind. */
  | 'RIM_PRODUCT_MISMATCH'
  /** Both RIMs have an active measurement of one index. */
  | 'RIM_INDEX_CONFLICT'
  | 'RIM_MISSING'
  | 'GPU_MEASUREMENT_MISMATCH'
  | 'GPU_REVOCATION_UNKNOWN'
  | 'GPU_FEATURE_MISMATCH'
  | 'GPU_PROTECTED_PCIE_MISMATCH'
  | 'GPU_DRIVER_TOO_OLD'
  | 'GPU_ARCHITECTURE_MISMATCH'
  | 'GPU_COUNT_MISMATCH'
  | 'GPU_DEVICE_REPEATED'
  /** Issued by another service: a staging one, say. */
  | 'EAT_ISSUER_MISMATCH'
  | 'EAT_NONCE_MISMATCH'
  /** The service itself says that attestation failed. */
  | 'EAT_RESULT_FAILED'
  /** The service says of one device that it measured wrong, did not boot securely, or is open to debugging. */
  | 'EAT_DEVICE_FAILED';

export function nvidiaError(code: NvidiaErrorCode, message: string): EvidenceError<NvidiaErrorCode> {
  return new EvidenceError(code, message);
}
