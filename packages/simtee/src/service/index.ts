export { type BlyssGpu, type BlyssRequest, writeBlyss } from './blyss.ts';
export type {
  Attest,
  DocumentDefects,
  JsonObject,
  ServiceCpu,
  ServiceDevice,
  ServiceKeys,
  ServiceRelease,
  ServiceSnp,
  ServiceTdx,
} from './evidence.ts';
export {
  type TinfoilBundleRequest,
  type TinfoilV2Defects,
  type TinfoilV2Request,
  gzip,
  writeTinfoilBundle,
  writeTinfoilV2,
} from './tinfoil.ts';
export { type TinfoilV3Defects, type TinfoilV3Request, writeTinfoilV3 } from './tinfoil-v3.ts';
export { type VitrineDefects, type VitrineDocumentRequest, writeVitrineDocument } from './vitrine.ts';
