export {
  type TdxAuthority,
  type TdxAuthorityRequest,
  type TdxIdentity,
  type TdxPlatform,
  type TdxPlatformRequest,
  createTdxAuthority,
  createTdxPlatform,
  simulatedSerialNumbers,
} from './authority.ts';
export {
  type IsvLevelRequest,
  type ModuleRequest,
  type PlatformLevelRequest,
  type TdxCollateralRequest,
  issueTdxCollateral,
  simulatedIntermediates,
} from './collateral.ts';
export { type TdxEventRequest, writeCcel } from './event-log.ts';
export {
  type QeRequest,
  type TdReportRequest,
  type TdxQuoteRequest,
  issueTdxQuote,
  simulatedQe,
  simulatedTeeTcbSvn,
} from './quote.ts';
