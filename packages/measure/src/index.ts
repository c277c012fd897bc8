export { MeasureError, type MeasureErrorCode } from './error.ts';
export * from './predicate.ts';
export * from './snp/index.ts';
export * from './tdx/index.ts';
export { type Difference, diffCmdlines, diffMeasurements } from './diff.ts';
export {
  type MeasuredFile,
  type MeasurementManifest,
  type SnpManifest,
  type SnpManifestInputs,
  type TdxManifest,
  type TdxManifestInputs,
  type VirtualHardware,
  manifestOfSnp,
  manifestOfTdx,
  parseMeasurementManifest,
} from './manifest.ts';
