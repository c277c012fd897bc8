/** Why SEV-SNP evidence is refused. Codes are stable; the names are the conformance contract's where it has one. */
import { EvidenceError } from '../error.ts';

export type SnpErrorCode =
  /** Fewer bytes than a report has. */
  | 'REPORT_TRUNCATED'
  /** More bytes than a report has, or a signature algorithm that is not ECDSA P-384 with SHA-384. */
  | 'REPORT_FORMAT_UNSUPPORTED'
  | 'WRONG_REPORT_VERSION'
  /** A field that must be zero is not. */
  | 'REPORT_RESERVED_NOT_ZERO'
  /** Reserved bits of the guest policy: bit 17 clear, or one above those that are defined set. */
  | 'GUEST_POLICY_RESERVED_BIT_SET'
  /** Reserved bits of the key information, a key that is not known, or not the kind of key that signed. */
  | 'SIGNER_INFO_INVALID'
  | 'REPORT_SIGNATURE_INVALID'
  /** The endorsement key's certificate is malformed, or not signed by the ASK or ASVK. */
  | 'VCEK_CHAIN_INVALID'
  | 'VCEK_EXPIRED'
  | 'VCEK_NOT_YET_VALID'
  /** The certificate has no HWID, or another one than the report's CHIP_ID. */
  | 'VCEK_HWID_MISMATCH'
  /** The certificate is for another TCB than REPORTED_TCB. */
  | 'VCEK_TCB_MISMATCH'
  /** TCB versions contradict each other: reported, committed or launch above current. */
  | 'TCB_INCONSISTENT'
  /** The certificate's product is not known, or not the processor that the report names. */
  | 'PRODUCT_MISMATCH'
  /** The chain does not end in one of the trust anchors. */
  | 'ARK_UNTRUSTED'
  /** The ASK or ASVK is malformed, out of date, or not signed by the ARK. */
  | 'ASK_INVALID'
  /** The list of the ARK names the ASK or ASVK. */
  | 'ASK_REVOKED'
  /** The list of the ARK names the ARK itself. */
  | 'ARK_REVOKED'
  | 'CRL_MALFORMED'
  | 'CRL_SIGNATURE_INVALID'
  | 'CRL_EXPIRED'
  | 'CRL_NOT_YET_VALID'
  | 'CERTIFICATE_TABLE_MALFORMED'
  | 'HCL_REPORT_MALFORMED'
  /** REPORT_DATA is not the digest of the runtime data that came with the report. */
  | 'RUNTIME_DATA_MISMATCH'
  | 'VTPM_QUOTE_MALFORMED'
  | 'VTPM_QUOTE_SIGNATURE_INVALID'
  /** The PCR values given are not those that the quote is over. */
  | 'VTPM_PCRS_MISMATCH';

export function snpError(code: SnpErrorCode, message: string, cause?: unknown): EvidenceError<SnpErrorCode> {
  return new EvidenceError(code, message, cause === undefined ? undefined : { cause });
}
