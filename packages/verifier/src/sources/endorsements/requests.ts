/** Which address has which endorsement: pure functions, nothing is fetched. */
import { toHex } from '@vitrine/bytes';
import {
  type SnpProduct,
  type SnpReport,
  type VekKind,
  certificateChainUrl,
  crlUrl,
  decodeTcb,
  vcekUrl,
  vlekUrl,
} from '@vitrine/evidence';
import { type Certificate, createOcspRequest } from '@vitrine/x509';
import { VerifierError } from '../../error.ts';
import type { ResourceRequest } from '../../source.ts';

/** The certificate of the key that signed the report (AMD 57230, section 4), VCEK or VLEK as the report says. */
export function amdVekRequest(
  product: SnpProduct,
  report: Pick<SnpReport, 'chipId' | 'reportedTcb' | 'signerInfo'>,
): ResourceRequest {
  const tcb = decodeTcb(product, report.reportedTcb);
  const isVlek = report.signerInfo.signingKey === 'VLEK';
  return { kind: 'amd-vcek', url: isVlek ? vlekUrl(product, tcb) : vcekUrl(product, report.chipId, tcb) };
}

/** PEM: ASK or ASVK, then ARK. */
export function amdCertificateChainRequest(product: SnpProduct, kind: VekKind): ResourceRequest {
  return { kind: 'amd-cert-chain', url: certificateChainUrl(product, kind) };
}

/** DER of the ARK's list. */
export function amdCrlRequest(product: SnpProduct, kind: VekKind): ResourceRequest {
  return { kind: 'amd-crl', url: crlUrl(product, kind) };
}

const PCS = 'https://api.trustedservices.intel.com';

/** Intel PCS API v4, "Get TDX TCB Info". @param fmspc 6 bytes */
export function intelTcbInfoRequest(fmspc: Uint8Array): ResourceRequest {
  if (fmspc.length !== 6) throw invalid(`An FMSPC has 6 bytes, found ${fmspc.length}.`);
  return {
    kind: 'intel-tcb-info',
    url: `${PCS}/tdx/certification/v4/tcb?fmspc=${toHex(fmspc)}`,
  };
}

/** Intel PCS API v4, "Get TDX QE Identity". */
export function intelQeIdentityRequest(): ResourceRequest {
  return { kind: 'intel-qe-identity', url: `${PCS}/tdx/certification/v4/qe/identity` };
}

/** Intel PCS API v4, "Get Revocation List", DER. */
export function intelPckCrlRequest(ca: 'processor' | 'platform'): ResourceRequest {
  return { kind: 'intel-pck-crl', url: `${PCS}/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der` };
}

/** The root's own distribution point, DER. */
export function intelRootCrlRequest(): ResourceRequest {
  return {
    kind: 'intel-root-crl',
    url: 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
  };
}

/** NVIDIA RIM service. @param id "NV_GPU_DRIVER_GH100_550.90.07" @throws VerifierError ARGUMENT_INVALID */
export function nvidiaRimRequest(id: string): ResourceRequest {
  if (!/^[A-Za-z0-9_.-]{1,128}$/.test(id) || /^\.+$/.test(id))
    throw invalid(`${show(id)} is no name of a reference manifest.`);
  return { kind: 'nvidia-rim', url: `https://rim.attestation.nvidia.com/v1/rim/${id}` };
}

/** RFC 6960 appendix A.1: a POST. Without a nonce, so that the answer can be kept until its nextUpdate. */
export async function nvidiaOcspRequest(
  certificate: Certificate,
  issuer: Certificate,
): Promise<ResourceRequest> {
  return {
    kind: 'nvidia-ocsp',
    url: 'http://ocsp.ndis.nvidia.com/',
    body: await createOcspRequest(certificate, issuer, { hash: 'SHA-384' }),
  };
}

/**
 * Sigstore bundles for a subject (GitHub REST API, "List attestations").
 * @param repository "owner/name"
 * @param digest SHA-256 of the subject, hexadecimal
 * @throws VerifierError ARGUMENT_INVALID
 */
export function githubAttestationsRequest(repository: string, digest: string): ResourceRequest {
  return {
    kind: 'sigstore-bundle',
    url: `https://api.github.com/repos/${repositoryPath(repository)}/attestations/sha256:${sha256Digits(digest)}`,
  };
}

/**
 * A file of a release on GitHub.
 * @param tag null: of the release that is marked as the latest
 * @param name "tinfoil.hash", "tinfoil-deployment.json"
 * @throws VerifierError ARGUMENT_INVALID
 */
export function releaseAssetRequest(repository: string, tag: string | null, name: string): ResourceRequest {
  const release = tag === null ? 'latest/download' : `download/${segment(tag, 'a tag')}`;
  return {
    kind: 'release-asset',
    url: `https://github.com/${repositoryPath(repository)}/releases/${release}/${segment(name, 'a file name')}`,
  };
}

/** Google's list in its third format, the logs that Chrome knows. */
export function ctLogListRequest(): ResourceRequest {
  return { kind: 'ct-log-list', url: 'https://www.gstatic.com/ct/log_list/v3/log_list.json' };
}

/** Firmware, kernel or initrd by its SHA-256. @throws VerifierError ARGUMENT_INVALID */
export function bootPartRequest(digest: string): ResourceRequest {
  return { kind: 'boot-part', url: `sha256:${sha256Digits(digest)}` };
}

/** GitHub: letters, digits, hyphens for owners; dots and underscores too for repositories. */
function repositoryPath(repository: string): string {
  if (
    !/^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/[A-Za-z0-9_.-]{1,100}$/.test(repository) ||
    /\/\.{1,2}$/.test(repository)
  )
    throw invalid(`${show(repository)} is no repository: "owner/name" is expected.`);
  return repository;
}

function sha256Digits(digest: string): string {
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw invalid(`${show(digest)} is no SHA-256: 64 lower-case hexadecimal digits.`);
  return digest;
}

/** One segment of a path: a tag like "../../other" must not lead elsewhere. */
function segment(text: string, what: string): string {
  if (
    text === '' ||
    text.length > 255 ||
    /^\.{1,2}$/.test(text) ||
    !text.isWellFormed() ||
    /\p{Cc}/u.test(text)
  )
    throw invalid(`${show(text)} is not ${what}.`);
  return encodeURIComponent(text);
}

function invalid(message: string): VerifierError {
  return new VerifierError('ARGUMENT_INVALID', message);
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 160));
}
