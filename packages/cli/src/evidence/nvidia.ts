/** Reports of GPUs and switches on the command line: a bare one, or the JSON of several. */
import { decodeUtf8 } from '@vitrine/bytes';
import {
  type AuthenticGpuReport,
  type AuthenticRim,
  type Check,
  type Device,
  appraiseDevices,
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
  nvidiaTrustAnchors,
  parseDeviceChain,
  parseGpuEvidenceJson,
  parseRim,
} from '@vitrine/evidence';
import { type Certificate, parseOcspResponse, sameCertificate } from '@vitrine/x509';
import { bytesOfKind } from './files.ts';
import { type EvidenceVerdict, MissingEndorsement, type VerifyInputs } from './verdict.ts';

/** The chain is the first PEM with more than one certificate, or the only one, among the endorsements. */
export async function verifyGpu(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const [chain] = inputs.files.filter(({ kind }) => kind === 'certificates');
  if (!chain)
    throw new MissingEndorsement('The device certificate chain (PEM) is not among the endorsements.');
  const report = await authenticate(bytes, decodeUtf8(chain.bytes, chain.path), inputs);
  const rims = await readRims(inputs);
  const chosen = rimsFor(report, rims);
  const policy = { ...(inputs.nonce ? { nonce: inputs.nonce } : {}), ...chosen };
  const { checks } = appraiseGpu(report, policy);
  return {
    what: `NVIDIA ${report.architecture.chip} report, driver ${report.opaque.driverVersion ?? 'unknown'}, VBIOS ${report.opaque.vbiosVersion ?? 'unknown'}`,
    checks: [...report.checks, ...rimChecks([{ report, ...chosen }]), ...checks],
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
    checks: [...devices.flatMap(({ report }) => report.checks), ...rimChecks(devices), ...checks],
    isProduction: devices.every(({ report }) => isProduction(report)),
  };
}

function authenticate(report: Uint8Array, chain: string, inputs: VerifyInputs): Promise<AuthenticGpuReport> {
  const ocspResponses = responsesFor(parseDeviceChain(chain), inputs);
  return authenticateGpu({
    report,
    chain,
    ...(inputs.anchors ? { anchors: inputs.anchors } : {}),
    ocspResponses,
    now: inputs.now,
  });
}

async function readRims(inputs: VerifyInputs): Promise<AuthenticRim[]> {
  const { files, anchors, now } = inputs;
  const rims: AuthenticRim[] = [];
  for (const xml of bytesOfKind(files, 'nvidia-rim'))
    rims.push(
      await authenticateRim({
        xml,
        ...(anchors ? { anchors } : {}),
        ocspResponses: responsesFor(parseRim(xml).signature.certificates, inputs),
        now,
      }),
    );
  return rims;
}

/** Of all responses in the folder those that speak of this chain's certificates: each chain takes no others. */
function responsesFor(chain: readonly Certificate[], { files }: VerifyInputs): Uint8Array[] {
  const serialNumbers = chain.slice(0, -1).map(({ serialNumber }) => serialNumber);
  return bytesOfKind(files, 'ocsp-response').filter((der) =>
    parseOcspResponse(der).responses.some(({ serialNumber }) => serialNumbers.includes(serialNumber)),
  );
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

/** What was proven of the manifests that were compared with, each once however many devices share it. */
function rimChecks(devices: readonly Device[]): Check[] {
  const used = new Set(devices.flatMap(({ driverRim, vbiosRim }) => [driverRim, vbiosRim]));
  return [...used].flatMap((rim) => rim?.checks ?? []);
}

function isProduction({ chain }: AuthenticGpuReport): boolean {
  const root = chain.at(-1);
  return root !== undefined && nvidiaTrustAnchors().device.some((anchor) => sameCertificate(anchor, root));
}
