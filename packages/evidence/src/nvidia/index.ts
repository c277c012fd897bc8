export { type NvidiaTrustAnchors, nvidiaCertificates, nvidiaTrustAnchors } from './anchors.ts';
export {
  type Device,
  type DevicesAppraisal,
  type DevicesPolicy,
  type GpuAppraisal,
  type GpuPolicy,
  appraiseDevices,
  appraiseGpu,
} from './appraise.ts';
export { type EatPolicy, appraiseEat, nrasIssuer } from './appraise-eat.ts';
export {
  type AuthenticGpuReport,
  type GpuEvidence,
  appraiseGpuRevocation,
  authenticateGpu,
} from './authenticate.ts';
export { canonicalXml } from './canonical-xml.ts';
export { type DeviceArchitecture, architectureOf, leafFwid, parseDeviceChain } from './chain.ts';
export { describeEat, describeGpuReport, describeRim } from './describe.ts';
export {
  type AuthenticEat,
  type Eat,
  type EatEvidence,
  type EatToken,
  authenticateEat,
  parseEat,
} from './eat.ts';
export type { NvidiaErrorCode, NvidiaPolicyCode } from './error.ts';
export { type PublishedGpuEvidence, parseGpuEvidenceJson } from './evidence-json.ts';
export type { Jwt } from './jwt.ts';
export { type FeatureFlag, type GpuOpaqueData, opaqueType, parseOpaque } from './opaque.ts';
export { type Repeated, createRepeated } from './repeated.ts';
export { type GpuReport, type RimIds, parseGpuReport, rimIds } from './report.ts';
export {
  type AuthenticRim,
  type Rim,
  type RimEvidence,
  type RimMeasurement,
  authenticateRim,
  parseRim,
} from './rim.ts';
export type { SpdmMeasurement, SpdmRequest, SpdmResponse } from './spdm.ts';
export { type XmlElement, parseXml } from './xml.ts';
