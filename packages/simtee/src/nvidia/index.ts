export {
  type GpuArchitecture,
  type GpuAuthority,
  type GpuCertificateDefects,
  type GpuOcspRequest,
  type Holder,
  createGpuAuthority,
  issueGpuOcsp,
} from './authority.ts';
export { type GpuDevice, type GpuDeviceRequest, createGpuDevice } from './device.ts';
export { type EatRequest, type EatService, createEatService, issueEat } from './eat.ts';
export {
  type GpuReportDefects,
  type GpuReportRequest,
  defaultMeasurements,
  issueGpuReport,
} from './report.ts';
export { type RimMeasurementRequest, type RimRequest, issueRim } from './rim.ts';
