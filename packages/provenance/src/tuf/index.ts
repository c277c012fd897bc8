export type { TufErrorCode } from './error.ts';
export { canonicalJson } from './canonical-json.ts';
export type { TufKey, TufRole, TufSignature } from './keys.ts';
export {
  type TufMetadata,
  type TufRoot,
  type TufTarget,
  maximumTufFileBytes,
  parseTufRoot,
  parseTufTargets,
  parseTufNaming,
} from './metadata.ts';
export { type TufFile, type TufInput, fetchTufTarget } from './refresh.ts';
