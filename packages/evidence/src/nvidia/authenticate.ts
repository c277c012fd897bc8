/** From a device's bytes to a report that its own key signed, up to NVIDIA's root. */
import { equalBytes, toHex } from '@vitrine/bytes';
import { type Certificate, inOrder, verifyEcdsa } from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { nvidiaTrustAnchors } from './anchors.ts';
import {
  type DeviceArchitecture,
  architectureOf,
  leafFwid,
  parseDeviceChain,
  verifyDeviceChain,
} from './chain.ts';
import { nvidiaError } from './error.ts';
import { type Repeated, createRepeated } from './repeated.ts';
import { type GpuReport, parseGpuReport } from './report.ts';
import { revocationChecks } from './revocation.ts';

declare const authentic: unique symbol;

export interface GpuEvidence {
  /** Request followed by response. */
  readonly report: Uint8Array;
  /** PEM or DERs, the leaf first, the root last. */
  readonly chain: string | readonly Uint8Array[];
  /** Device roots to trust; NVIDIA's without. */
  readonly anchors?: readonly Certificate[];
  readonly now: Date;
  /** DER of OCSP responses for the chain's certificates. */
  readonly ocspResponses?: readonly Uint8Array[];
  /** Shared with other devices and manifests of the same machine, so that what they have in common is verified once. */
  readonly repeated?: Repeated;
}

export interface AuthenticGpuReport extends GpuReport {
  readonly [authentic]: true;
  readonly architecture: DeviceArchitecture;
  /** Verified, the leaf first. */
  readonly chain: readonly Certificate[];
  readonly checks: readonly Check[];
}

/**
 * @throws EvidenceError GPU_REPORT_MALFORMED, GPU_SIGNATURE_INVALID, GPU_CHAIN_INVALID, GPU_ROOT_UNTRUSTED,
 * GPU_FWID_MISMATCH, or one of the revocation codes
 */
export async function authenticateGpu(evidence: GpuEvidence): Promise<AuthenticGpuReport> {
  const report = parseGpuReport(evidence.report);
  const { repeated = createRepeated() } = evidence;
  const chain = parseDeviceChain(evidence.chain).map(repeated.certificate);
  const anchors = evidence.anchors ?? nvidiaTrustAnchors().device;
  // Side by side, since each takes milliseconds; fails as one after the other would.
  await inOrder([requireSigned(report, chain[0]!), verifyDeviceChain(chain, anchors, evidence.now)]);
  const architecture = architectureOf(chain[0]!);
  const fwid = fwidCheck(report, chain[0]!);
  const revocation = await revocationChecks(chain, 'GPU', 'nvidia.gpu.revocation', {
    now: evidence.now,
    responses: evidence.ocspResponses,
    repeated,
  });
  const checks = [...provenChecks(chain), fwid, ...revocation];
  return { ...report, architecture, chain, checks } as unknown as AuthenticGpuReport;
}

/**
 * What OCSP responses say of the chain of a report that is authentic, where they come later than it.
 * @returns one check for each certificate under the root
 * @throws EvidenceError one of the revocation codes
 */
export function appraiseGpuRevocation(
  { chain }: AuthenticGpuReport,
  ocspResponses: readonly Uint8Array[],
  now: Date,
  repeated?: Repeated,
): Promise<readonly Check[]> {
  return revocationChecks(chain, 'GPU', 'nvidia.gpu.revocation', { now, responses: ocspResponses, repeated });
}

async function requireSigned(report: GpuReport, leaf: Certificate): Promise<void> {
  const { publicKey } = leaf;
  const isSigned =
    publicKey.kind === 'ec' &&
    publicKey.curve === 'P-384' &&
    (await verifyEcdsa(
      { curve: publicKey.curve, point: publicKey.point },
      'SHA-384',
      report.signature,
      report.signed,
    ));
  if (!isSigned)
    throw nvidiaError(
      'GPU_SIGNATURE_INVALID',
      'GPU report: it is not signed by the first certificate of the chain.',
    );
}

function provenChecks(chain: readonly Certificate[]): Check[] {
  return [
    passed({
      rule: 'nvidia.gpu.signature',
      expected: 'ECDSA P-384 over request and response',
      found: 'good',
      source: 'DMTF DSP0274, MEASUREMENTS response',
    }),
    passed({
      rule: 'nvidia.gpu.chain',
      expected: 'chain to a trusted device root',
      found: `${chain.length} certificates`,
      source: 'RFC 5280 section 6',
    }),
  ];
}

function fwidCheck(report: GpuReport, leaf: Certificate): Check {
  const rule = 'nvidia.gpu.fwid';
  const source = 'TCG DICE Attestation Architecture section 6.1.1';
  const found = report.opaque.fwid;
  if (!found)
    return notChecked(
      { rule, expected: 'firmware identity of the leaf', source },
      'the report has no FWID field',
    );
  const expected = leafFwid(leaf);
  if (!expected || !equalBytes(expected, found))
    throw nvidiaError(
      'GPU_FWID_MISMATCH',
      `GPU report: firmware identity ${toHex(found)}, the leaf has ${expected ? toHex(expected) : 'none'}.`,
    );
  return passed({ rule, expected: toHex(expected), found: toHex(found), source });
}
