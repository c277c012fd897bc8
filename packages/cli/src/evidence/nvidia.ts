/** Reports of GPUs and switches on the command line: a bare one, or the JSON of several. */
import { decodeUtf8 } from '@vitrine/bytes';
import {
  type AuthenticGpuReport,
  type AuthenticRim,
  type Device,
  appraiseDevices,
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
  nvidiaTrustAnchors,
  parseGpuEvidenceJson,
} from '@vitrine/evidence';
import { sameCertificate } from '@vitrine/x509';
import { bytesOfKind } from './files.ts';
import { type EvidenceVerdict, MissingEndorsement, type VerifyInputs } from './verdict.ts';

/** The chain is the first PEM with more than one certificate, or the only one, among the endorsements. */
export async function verifyGpu(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const [chain] = inputs.files.filter(({ kind }) => kind === 'certificates');
  if (!chain)
    throw new MissingEndorsement('The device certificate chain (PEM) is not among the endorsements.');
  const report = await authenticate(bytes, decodeUtf8(chain.bytes, chain.path), inputs);
  const rims = await readRims(inputs);
  const policy = { ...(inputs.nonce ? { nonce: inputs.nonce } : {}), ...rimsFor(report, rims) };
  const { checks } = appraiseGpu(report, policy);
  return {
    what: `NVIDIA ${report.architecture.chip} report, driver ${report.opaque.driverVersion ?? 'unknown'}, VBIOS ${report.opaque.vbiosVersion ?? 'unknown'}`,
    checks: [...report.checks, ...checks],
    isProduction: isProduction(report),
  };
}

/** Each device by itself, then all of them together: as many as the document has, each another one. */
export async function verifyGpuEvidence(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const published = parseGpuEvidenceJson(bytes);
  const rims = await readRims(inputs);
  const devices: Device[] = [];
  for (const { report, chain } of published) {
    const authentic = await authenticate(report, chain, inputs);
    devices.push({ report: authentic, ...rimsFor(authentic, rims) });
  }
  const ofKind = (kind: string): Device[] =>
    devices.filter(({ report }) => report.architecture.kind === kind);
  const [gpus, switches] = [ofKind('gpu'), ofKind('switch')];
  const { checks } = appraiseDevices(
    { gpus, switches },
    {
      nonce: inputs.nonce ?? published[0]!.nonce,
      expectedGpuCount: gpus.length,
      expectedSwitchCount: switches.length,
    },
  );
  return {
    what: `NVIDIA evidence of ${devices.length} devices`,
    checks: [...devices.flatMap(({ report }) => report.checks), ...checks],
    isProduction: devices.every(({ report }) => isProduction(report)),
  };
}

function authenticate(report: Uint8Array, chain: string, inputs: VerifyInputs): Promise<AuthenticGpuReport> {
  const ocspResponses = bytesOfKind(inputs.files, 'ocsp-response');
  return authenticateGpu({
    report,
    chain,
    ...(inputs.anchors ? { anchors: inputs.anchors } : {}),
    ...(ocspResponses.length > 0 ? { ocspResponses } : {}),
    now: inputs.now,
  });
}

async function readRims({ files, anchors, now }: VerifyInputs): Promise<AuthenticRim[]> {
  const rims: AuthenticRim[] = [];
  for (const xml of bytesOfKind(files, 'nvidia-rim'))
    rims.push(await authenticateRim({ xml, ...(anchors ? { anchors } : {}), now }));
  return rims;
}

/** Of several the one with the report's version; a single one of another version is shown as what it is. */
function rimsFor(
  report: AuthenticGpuReport,
  rims: readonly AuthenticRim[],
): { driverRim?: AuthenticRim; vbiosRim?: AuthenticRim } {
  const choose = (kind: string, version: string | undefined): AuthenticRim | undefined => {
    const ofKind = rims.filter((rim) => rim.kind === kind);
    return ofKind.find((rim) => rim.version.toUpperCase() === version?.toUpperCase()) ?? ofKind[0];
  };
  const driverRim = choose('driver', report.opaque.driverVersion);
  const vbiosRim = choose('vbios', report.opaque.vbiosVersion);
  return { ...(driverRim ? { driverRim } : {}), ...(vbiosRim ? { vbiosRim } : {}) };
}

function isProduction({ chain }: AuthenticGpuReport): boolean {
  const root = chain.at(-1);
  return root !== undefined && nvidiaTrustAnchors().device.some((anchor) => sameCertificate(anchor, root));
}
