export {
  type CtLogRequest,
  type SctDefects,
  SimulatedCtLog,
  createCtLog,
  ctLogListJson,
  encodeSct,
  encodeSctList,
} from './log.ts';
export {
  type TlsAuthority,
  type TlsAuthorityRequest,
  type TlsCertificateRequest,
  type TlsIdentity,
  type TlsServerCertificate,
  createTlsAuthority,
  issueTlsCertificate,
  nameConstraints,
  sctExtension,
  usageExtension,
} from './tls.ts';
export { MerkleTree } from './tree.ts';
