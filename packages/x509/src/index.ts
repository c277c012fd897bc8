export {
  type CurveName,
  type HashName,
  type PublicKey,
  type SignatureAlgorithm,
  coordinateBytes,
  parsePublicKey,
  parseSignatureAlgorithm,
} from './algorithm.ts';
export {
  type Certificate,
  formatPemCertificates,
  parseCertificate,
  parsePemCertificates,
  sameCertificate,
} from './certificate.ts';
export { type ChainOptions, requireIssued, requireValidAt, verifyChain } from './chain.ts';
export { type Crl, type VerifiedCrl, parseCrl, requireNotRevoked, verifyCrl } from './crl.ts';
export { begun, inOrder } from './in-order.ts';
export { X509Error, type X509ErrorCode } from './error.ts';
export {
  type BasicConstraints,
  type Extension,
  type Extensions,
  basicConstraints,
  extendedKeyUsage,
  extensionOid,
  hasKeyUsage,
  subjectKeyIdentifier,
} from './extensions.ts';
export { type Name, type NameAttribute, attributeValues, commonName, formatName, sameName } from './name.ts';
export {
  type OcspResponse,
  type OcspSingleResponse,
  type OcspStatus,
  type OcspVerification,
  parseOcspResponse,
  verifyOcspResponse,
} from './ocsp.ts';
export { type OcspRequestOptions, createOcspRequest } from './ocsp-request.ts';
export {
  type VerificationKey,
  describeAlgorithm,
  describeKey,
  ecdsaFromDer,
  isSignedBy,
  verifyEcdsa,
} from './signature.ts';
export { refusalsOf } from './refusals.ts';
export { type Signed, parseAs } from './signed.ts';
