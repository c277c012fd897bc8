export {
  type Appraisal,
  type Check,
  type CheckOutcome,
  appraisalOf,
  decided,
  failed,
  notChecked,
  passed,
} from '@vitrine/appraisal';
export { EvidenceError } from './error.ts';
export { type EvidenceKind, identifyEvidence, unwrapped } from './kind.ts';
export * from './snp/index.ts';
export * from './tdx/index.ts';
export * from './nvidia/index.ts';
