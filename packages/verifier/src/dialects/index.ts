export { parseBlyss } from './blyss/attestation.ts';
export { type BlyssCmdline, type BlyssContainer, parseBlyssCmdline } from './blyss/cmdline.ts';
export { type BlyssProtocol, blyssProtocols, parseBlyssProtocol } from './blyss/protocol.ts';
export {
  type Deployment,
  type SnpInputs,
  type VmShape,
  parseDeployment,
  readDeployment,
} from './deployment.ts';
export { type DocumentOptions, parseDocument } from './document.ts';
export { type EndpointAnswer, type EndpointOptions, readEndpoint } from './endpoint.ts';
export {
  type MeasuredConfig,
  type MeasuredContainer,
  type MeasuredModel,
  type MeasuredShim,
  readMeasuredConfig,
} from './measured-config.ts';
export { parseTinfoilBundle } from './tinfoil/bundle.ts';
export { parseTinfoilV2 } from './tinfoil/v2.ts';
export { parseTinfoilV3, tinfoilReportData } from './tinfoil/v3.ts';
export { parseVitrine, vitrineFormat, vitrineReportData } from './vitrine.ts';
