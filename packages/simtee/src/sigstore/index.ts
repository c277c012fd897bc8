export type { SigstoreDefect } from './defect.ts';
export type { Fulcio } from './fulcio.ts';
export {
  type Person,
  type PipelineRun,
  type SigningIdentity,
  type WorkflowRun,
  githubIssuer,
  gitlabIssuer,
} from './identity.ts';
export type { Rekor, RekorEntry } from './rekor.ts';
export {
  type DsseRequest,
  type MessageRequest,
  type SigningRequest,
  type SigstoreOptions,
  type SimulatedSigstore,
  createSigstore,
} from './sigstore.ts';
export type { TimestampAuthority } from './timestamp-authority.ts';
