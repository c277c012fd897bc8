export {
  type SnpFirmwareMetadata,
  type SnpSection,
  firmwareGuid,
  readFirmwareTable,
  readSnpMetadata,
  sectionType,
} from './firmware.ts';
export { type DirectBoot, type Hashed } from './kernel-hashes.ts';
export { type MeasuredPage, type PageKind, pageType } from './launch-digest.ts';
export {
  type SevMeasurementInputs,
  type SnpFirmware,
  type SnpMeasurement,
  type SnpMeasurementInputs,
  firmwareDigest,
  measureSev,
  measureSnp,
} from './measure.ts';
export { type Vmm, cpuSignature, signatureOfType } from './vmsa.ts';
export {
  type AuthenticIdBlock,
  type IdBlock,
  type IdBlockKeys,
  type SignedIdBlock,
  type SigningKeys,
  createIdBlock,
  digestOfIdKey,
  parseIdBlock,
  verifyIdBlock,
} from './id-block.ts';
