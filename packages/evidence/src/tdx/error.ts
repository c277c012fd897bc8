/** Why TDX evidence is refused. Codes are stable; the names are the conformance contract's where it has one. */
import { EvidenceError } from '../error.ts';

export type TdxErrorCode =
  /** The bytes end before the quote does. */
  | 'QUOTE_TRUNCATED'
  /** Lengths inside the quote contradict each other, or bytes are left within its signature data. */
  | 'QUOTE_MALFORMED'
  /** A version, a body type or a kind of certification data that is not supported. */
  | 'QUOTE_FORMAT_UNSUPPORTED'
  /** The quote is not of a TD. */
  | 'WRONG_TEE_TYPE'
  /** The attestation key is not ECDSA P-256. */
  | 'ATTESTATION_KEY_TYPE_UNSUPPORTED'
  /** The quoting enclave is not of Intel. */
  | 'QE_VENDOR_UNKNOWN'
  /** A certificate of the PCK chain is malformed, out of its role, or not signed by the next. */
  | 'PCK_CHAIN_INVALID'
  /** The chain does not hold leaf, intermediate authority and root. */
  | 'PCK_CHAIN_INCOMPLETE'
  | 'PCK_EXPIRED'
  | 'PCK_NOT_YET_VALID'
  /** The PCK certificate has no SGX extension, or one that is malformed. */
  | 'PCK_EXTENSION_INVALID'
  /** The chain does not end in a trust anchor. */
  | 'ROOT_CA_UNTRUSTED'
  | 'PCK_REVOKED'
  | 'INTERMEDIATE_REVOKED'
  | 'PCK_CRL_MALFORMED'
  /** Not signed by the authority that issued the PCK certificate, or of another one. */
  | 'PCK_CRL_INVALID'
  | 'PCK_CRL_EXPIRED'
  | 'PCK_CRL_NOT_YET_VALID'
  | 'ROOT_CRL_MALFORMED'
  | 'ROOT_CRL_INVALID'
  | 'ROOT_CRL_EXPIRED'
  | 'ROOT_CRL_NOT_YET_VALID'
  /** The quoting enclave's report is not signed by the PCK. */
  | 'QE_REPORT_SIGNATURE_INVALID'
  /** The quoting enclave's report does not name the attestation key. */
  | 'AK_BINDING_INVALID'
  | 'QUOTE_SIGNATURE_INVALID'
  | 'TCB_INFO_MALFORMED'
  /** TCB info of another technology than TDX. */
  | 'TCB_INFO_ID_INVALID'
  | 'TCB_INFO_VERSION_INVALID'
  | 'TCB_INFO_EXPIRED'
  | 'TCB_INFO_NOT_YET_VALID'
  | 'TCB_INFO_CHAIN_INVALID'
  | 'TCB_INFO_SIGNATURE_INVALID'
  | 'QE_IDENTITY_MALFORMED'
  /** Identity of another enclave than the TD quoting enclave. */
  | 'QE_IDENTITY_ID_INVALID'
  | 'QE_IDENTITY_VERSION_INVALID'
  | 'QE_IDENTITY_EXPIRED'
  | 'QE_IDENTITY_NOT_YET_VALID'
  | 'QE_IDENTITY_CHAIN_INVALID'
  | 'QE_IDENTITY_SIGNATURE_INVALID'
  /** The root's list names the certificate that signs TCB info or QE identity. */
  | 'TCB_SIGNING_REVOKED'
  /** TCB info is for another platform than the PCK certificate names. */
  | 'PCK_FMSPC_MISMATCH'
  | 'PCK_PCEID_MISMATCH'
  /** TCB info does not know the TDX module's version, signer or attributes. */
  | 'TDX_MODULE_MISMATCH'
  | 'QE_IDENTITY_MRSIGNER_MISMATCH'
  /** ISVPRODID, MISCSELECT or ATTRIBUTES of the quoting enclave are not those of its identity. */
  | 'QE_IDENTITY_FIELD_MISMATCH'
  /** A set of collateral that is not of a known layout, or ambiguous. */
  | 'COLLATERAL_MALFORMED'
  | 'EVENT_LOG_MALFORMED'
  /** An event's digest is not that of what it holds. */
  | 'EVENT_DIGEST_MISMATCH';

export function tdxError(code: TdxErrorCode, message: string, cause?: unknown): EvidenceError<TdxErrorCode> {
  return new EvidenceError(code, message, cause === undefined ? undefined : { cause });
}
