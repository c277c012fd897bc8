export { type SnpReportRequest } from './report.ts';
export {
  type CertificateDefects,
  type IssuedVek,
  type SnpAuthority,
  type SnpAuthorityKeys,
  type SnpAuthorityRequest,
  type SnpCrlRequest,
  type VcekRequest,
  type VlekRequest,
  createSnpAuthority,
  generateSnpAuthorityKeys,
} from './snp-authority.ts';
