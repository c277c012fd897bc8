/** TDX: MRTD, and the RTMRs of a direct boot. */
export { authenticodeSha384, patchKernel } from './kernel.ts';
export { type TdxMeasurement, type TdxMeasurementInputs, measureTdx } from './measure.ts';
export { type MrtdOrdering, type MrtdSection, measureMrtd } from './mrtd.ts';
export {
  type RtmrEvent,
  type TdxBoot,
  bootServiceDigests,
  cmdlineDigest,
  extendAll,
  measureBoot,
} from './rtmr.ts';
export { type TdvfSection, parseTdvf } from './tdvf.ts';
export { type Rtmr0Inputs, type Sha384Hashed, measureRtmr0, tdHobDigest } from './rtmr0.ts';
