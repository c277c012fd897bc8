/** A model becomes a model pack: from a folder or from a Hub, checked, read and described. */
export { PackError, type PackErrorCode } from './error.ts';
export { type PackInfo, formatInfo, parseInfo } from './info.ts';
export {
  type Manifest,
  type ManifestFile,
  type ManifestSymlink,
  type PackSource,
  formatManifest,
  parseManifest,
} from './manifest.ts';
export { type PackName, formatPackName, formatUuid, packSalt, packUuid, parsePackName } from './name.ts';
export { type PackPaths, packPaths } from './output.ts';
export { type PackOptions, type PackResult } from './pack.ts';
export { packFolder } from './pack-folder.ts';
export { type HubPackOptions, packFromHub } from './pack-hub.ts';
export { type PackPlan, planPack } from './plan.ts';
export type { OnPackEvent, PackEvent } from './progress.ts';
export { HubError, type HubErrorCode, defaultEndpoint } from './hub/index.ts';
export {
  type CheckLine,
  type CheckPackOptions,
  type DamagedFile,
  type PackCheck,
  type Verdict,
  checkPack,
} from './check.ts';
export { type Expectation, expectationBeside, expectationOf, expectationOfManifest } from './expectation.ts';
export { type OpenPack, openPack } from './open-pack.ts';
export { type Extracted, extractPack } from './extract.ts';
