export {
  type AuthenticBundle,
  type AuthenticSigner,
  type BundleEvidence,
  authenticateBundle,
} from './authenticate.ts';
export {
  type BundleContent,
  type BundleSigner,
  type BundleVersion,
  type MessageDigest,
  type SigstoreBundle,
  parseSigstoreBundle,
} from './bundle.ts';
export type { SigstoreErrorCode } from './error.ts';
export { type Identity, fulcioArc, identityOf } from './identity.ts';
export { type WorkflowUri, parseWorkflowUri } from './workflow-uri.ts';
export type { LogEntry } from './log-entry.ts';
export type { ObservedTime } from './observed-times.ts';
export { matchesPattern } from './pattern.ts';
export { type SigstoreRequirements, githubRequirements, publicGoodRequirements } from './requirements.ts';
export { type ArtifactInput, parseVerificationKey, preAuthEncoding } from './signature.ts';
export type { VerifiedSct } from './signing-certificate.ts';
export {
  type Statement,
  type Subject,
  type SubjectExpectation,
  inTotoPayloadType,
  parseStatement,
  requireSubject,
} from './statement.ts';
export { type Timestamp, type TimestampSigner, parseTimestamp } from './timestamp.ts';
export type { VerifiedLogEntry } from './transparency-log.ts';
export {
  type LogKey,
  type TrustedAuthority,
  type TrustedLog,
  type TrustedRoot,
  type Validity,
  parseTrustedRoot,
} from './trusted-root.ts';
export {
  type IdentityPolicy,
  type PipelinePolicy,
  type RefPolicy,
  type SubjectPolicy,
  type WorkflowPolicy,
  appraiseIdentity,
  appraiseSigner,
} from './identity-policy.ts';
export { type StatementExpectation, appraiseStatement } from './statement-policy.ts';
