export { intelRootCa, intelRootCaSha256, isIntelRootCa } from './anchors.ts';
export { appraiseTdx } from './appraise.ts';
export {
  type TdAttributes,
  decodeTdAttributes,
  decodeXfam,
  littleEndian64,
  reservedTdAttributes,
  xfamFixed0,
  xfamFixed1,
} from './attributes.ts';
export { type AuthenticTdxQuote, type TdxEvidence, authenticateTdx } from './authenticate.ts';
export {
  type ParsedCollateral,
  type TdxCollateral,
  parseTdxCollateral,
  parseTdxCollateralJson,
  tdxCollateralFromFiles,
} from './collateral.ts';
export {
  type Described,
  describeQeIdentity,
  describeTcbInfo,
  describeTdxCollateral,
  describeTdxEventLog,
  describeTdxQuote,
} from './describe.ts';
export type { TdxErrorCode } from './error.ts';
export {
  type Rtmrs,
  type TdxEvent,
  type TdxEventLog,
  appraiseEventLog,
  parseCcel,
  parseDstackEventLog,
  replayEvents,
} from './event-log.ts';
export {
  type PckChain,
  type SgxConfiguration,
  type SgxExtension,
  parsePck,
  parsePckChain,
  parseSgxExtension,
  sgxExtensionOid,
} from './pck.ts';
export type { AcceptableTcbStatus, TdxPolicy, TdxPolicyCode } from './policy.ts';
export { type QeIdentity, parseQeIdentity } from './qe-identity.ts';
export type { QeReport } from './qe-report.ts';
export {
  type TdReport,
  type TdxQuote,
  type TdxQuoteHeader,
  type TdxQuoteOptions,
  intelQeVendorId,
  parseTdxQuote,
} from './quote.ts';
export { type SignedJson, isSignedJson, readSignedJson } from './signed-json.ts';
export { type ComponentTcb, type TdxTcb, type TdxTcbStatus, converge, withRelaunch } from './tcb.ts';
export {
  type IsvTcbLevel,
  type PlatformTcbLevel,
  type TcbInfo,
  type TcbLevelStatus,
  type TdxModule,
  type TdxModuleIdentity,
  parseTcbInfo,
} from './tcb-info.ts';
