export type { Anchors, SigstoreRepository } from './anchors.ts';
export { type Dialect, dialects, isDialect } from './dialect.ts';
export { type BrowserEdge, browserEdge } from './edge.ts';
export { type FetchErrorCode, VerifierError, type VerifierErrorCode } from './error.ts';
export type * from './policy.ts';
export type * from './presented.ts';
export * from './policy-file/index.ts';
export type { Proof, ProofConnection, ReleaseMemory, RememberedRelease } from './proof.ts';
export * from './proof-file/index.ts';
export {
  type AttestationResult,
  type GroupId,
  type ResultCheck,
  type ResultGroup,
  type Verdict,
  exitStatusOf,
  groupIds,
  resultFormat,
} from './result.ts';
export {
  type Answer,
  type RecordedAnswer,
  type ResourceKind,
  type ResourceRequest,
  type Source,
  RecordingSource,
  ReplayingSource,
} from './source.ts';
export * from './sources/index.ts';
export { type ReplayOptions, replay, verifyProof } from './verify-proof.ts';
export {
  type EndpointConnection,
  type MemoryStore,
  type ProgressEvent,
  type Verified,
  type VerifyOptions,
  verifyUrl,
} from './verify-url.ts';
export { type VerifyInputs, verify } from './verify.ts';
