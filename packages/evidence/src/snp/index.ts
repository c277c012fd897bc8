export {
  type AmdCertificates,
  type EmbeddedCertificate,
  type SnpHierarchy,
  type SnpTrustAnchors,
  amdCertificates,
  amdTrustAnchors,
} from './anchors.ts';
export { type AuthenticSnpReport, type SnpEvidence, type SnpTcbs, authenticateSnp } from './authenticate.ts';
export type { SnpChain, SnpChainInputs } from './chain.ts';
export type { SnpErrorCode } from './error.ts';
export { type CpuIdentity, type SnpProduct, productOfCpu, snpProducts } from './product.ts';
export {
  type FirmwareVersion,
  type GuestPolicy,
  type PlatformInfo,
  type SignerInfo,
  type SigningKeyKind,
  type SnpReport,
  decodeGuestPolicy,
  decodePlatformInfo,
  parseSnpReport,
  snpReportBytes,
  snpSignedBytes,
} from './report.ts';
export { type SnpTcb, decodeTcb, encodeTcb, formatTcb, isAtLeast } from './tcb.ts';
export { type Vek, type VekKind, kdsOid, parseVek } from './vek.ts';
export { appraiseSnp } from './appraise.ts';
export {
  type SnpCertificateEntry,
  type SnpCertificateRule,
  type SnpCertificateTable,
  type TableEndorsements,
  certificateGuid,
  encodeCertificateTable,
  endorsementsOf,
  parseCertificateTable,
} from './certificate-table.ts';
export { type Description, describeSnpReport, describeVek, descriptionLines } from './describe.ts';
export { amdPublicKeyBytes, encodeAmdPublicKey, idKeyDigest } from './id-key.ts';
export { certificateChainUrl, crlUrl, vcekUrl, vlekUrl } from './kds.ts';
export type {
  BitRule,
  GuestPolicyBit,
  OneOf,
  PlatformInfoBit,
  SnpPolicy,
  SnpPolicyCode,
  TcbFloors,
} from './policy.ts';
export {
  type AuthenticAzureReport,
  type AuthenticAzureVtpm,
  type AzureEvidence,
  type AzureVtpmEvidence,
  type AzureVtpmPolicy,
  type AzureVtpmPolicyCode,
  appraiseAzureVtpm,
  authenticateAzureReport,
  authenticateAzureVtpm,
} from './azure.ts';
export { type HclReport, type HclRuntimeClaims, parseHclReport, parseRuntimeData } from './hcl-report.ts';
export { type PcrSelection, type TpmQuote, parseTpmQuote } from './tpm-quote.ts';
