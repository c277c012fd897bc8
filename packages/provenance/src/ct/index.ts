export { type CtPolicy, appraiseCt } from './appraise.ts';
export {
  type AuthenticScts,
  type CtEvidence,
  type JudgedSct,
  type SctVerdict,
  authenticateScts,
} from './authenticate.ts';
export { decodeDcode } from './dcode.ts';
export type { CtErrorCode, CtPolicyCode, TlsCode } from './error.ts';
export {
  type Inclusion,
  type InclusionAnswers,
  type InclusionOutcome,
  type InclusionRequest,
  type InclusionTarget,
  appraiseInclusion,
  inclusionRequests,
  inclusionTargets,
  leafIndexOf,
  proveInclusion,
  verifyInclusion,
} from './inclusion.ts';
export {
  type CtLog,
  type LogKind,
  type LogList,
  type LogState,
  type LogStateName,
  type SkippedLog,
  findLog,
  operatorAt,
  parseLogList,
} from './log-list.ts';
export {
  type DigitallySigned,
  type Sct,
  ctOid,
  embeddedScts,
  merkleTreeLeaf,
  parseSct,
  parseSctList,
  precertEntry,
  precertSignedData,
  signedDataOf,
  verifySct,
  x509Entry,
  x509SignedData,
} from './sct.ts';
export { type Host, type SubjectNames, isForHost, parseHost, subjectNames } from './subject-names.ts';
export { type Tile, inclusionProofFromTiles, tilePath, tilesOfProof } from './tiles.ts';
export { type TlsAppraisal, type TlsCertificateEvidence, appraiseTlsCertificate } from './tls-certificate.ts';
export {
  type SignedTreeHead,
  authenticateTreeHead,
  noteKeyHint,
  originOf,
  treeHeadSignedData,
} from './tree-head.ts';
