/** GPUs and switches: as many as declared, each genuine, measured as NVIDIA published, over the right nonce. */
import { type Check, decided, notChecked } from '@vitrine/appraisal';
import { equalBytes, sha256, toHex } from '@vitrine/bytes';
import {
  type AuthenticGpuReport,
  type AuthenticRim,
  type GpuPolicy,
  type Repeated,
  appraiseDevices,
  appraiseGpu,
  appraiseGpuRevocation,
  authenticateGpu,
  authenticateRim,
  createRepeated,
  nvidiaTrustAnchors,
  rimIds,
} from '@vitrine/evidence';
import { type Certificate, sameCertificate } from '@vitrine/x509';
import { type Context, askFor } from '../context.ts';
import type { PresentedDevice } from '../presented.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type Refusal, refusalOf } from '../refusal.ts';
import type { ResultCheck } from '../result.ts';
import { parseRimAnswer } from '../sources/endorsements/answers.ts';
import { nvidiaOcspRequest, nvidiaRimRequest } from '../sources/endorsements/requests.ts';

export interface AuthenticDevice {
  readonly id: string;
  /** "GH100" */
  readonly architecture: string;
  readonly driver: string | null;
  readonly firmware: string | null;
  readonly isProduction: boolean;
  readonly report: AuthenticGpuReport;
  readonly kind: 'gpu' | 'switch';
}

export interface DevicesOutcome {
  readonly devices: readonly AuthenticDevice[];
  readonly checks: readonly ResultCheck[];
}

const NVIDIA = 'NVIDIA attestation documents';

/** @param declaredGpus how many the measured configuration declares, where one was read */
export async function checkDevices(
  context: Context,
  declaredGpus: Promise<number | undefined>,
): Promise<DevicesOutcome> {
  const { presented, policy } = context;
  const { devices } = presented.devices;
  const machine: Machine = { manifests: new Map(), repeated: createRepeated() };
  const [declared, ...outcomes] = await Promise.all([
    declaredGpus,
    ...devices.map((device) => checkDevice(device, machine, context)),
  ]);
  const expected = policy.devices.gpus ?? declared ?? presented.devices.declaredCount;
  if (devices.length === 0 && (expected ?? 0) === 0)
    return { devices: [], checks: policy.devices.gpus === 0 || expected === 0 ? [] : [noDevices(context)] };
  if (devices.length === 0 && formsWithoutDevices.includes(`${presented.dialect} ${presented.form}`))
    return { devices: [], checks: [devicesNotShown(context, expected ?? 0)] };
  const authentic = outcomes.flatMap((outcome) => (outcome.device ? [outcome.device] : []));
  return {
    devices: authentic,
    checks: [countCheck(context, authentic, expected), ...outcomes.flatMap(({ checks }) => checks)],
  };
}

/** Their documents have no place for device evidence. */
const formsWithoutDevices: readonly string[] = ['tinfoil v2', 'tinfoil bundle'];

/** The document says nothing either way: its GPUs are not missing, they cannot be seen. */
function devicesNotShown({ presented, policy }: Context, expected: number): ResultCheck {
  return unchecked(
    {
      rule: 'runtime.devices',
      title: 'GPUs are as many as the measured configuration declares',
      evidence: 'document',
      expected: `${expected} GPUs`,
      source: policy.devices.gpus === null ? 'deployment configuration, gpus' : 'policy, devices.gpus',
    },
    `${expected} GPUs are declared, and the ${presented.dialect} document (${presented.form}) has no place to show them`,
  );
}

/** Nothing shown, nothing declared: it is said, not passed over. */
function noDevices({ presented }: Context): ResultCheck {
  return unchecked(
    {
      rule: 'runtime.devices',
      title: 'GPUs are as many as the measured configuration declares',
      required: false,
      evidence: 'document',
      expected: 'a declaration of how many',
      source: 'policy, devices.gpus',
    },
    `the ${presented.dialect} document (${presented.form}) shows no device, and no configuration was read that declares some`,
  );
}

function countCheck(
  { policy }: Context,
  devices: readonly AuthenticDevice[],
  expected: number | undefined,
): ResultCheck {
  const what: Promised = {
    rule: 'runtime.devices',
    title: 'GPUs are as many as the measured configuration declares, each a device of its own',
    evidence: 'document',
    expected: expected === undefined ? 'a declaration of how many' : `${expected} GPUs`,
    source: policy.devices.gpus === null ? 'deployment configuration, gpus' : 'policy, devices.gpus',
  };
  const gpus = devices.filter(({ kind }) => kind === 'gpu').map(({ report }) => ({ report }));
  const switches = devices.filter(({ kind }) => kind === 'switch').map(({ report }) => ({ report }));
  if (expected === undefined)
    return unchecked(
      { ...what, required: false },
      `${gpus.length} GPUs are shown; nothing says how many there must be`,
    );
  const { checks } = appraiseDevices(
    { gpus, switches },
    { expectedGpuCount: expected, expectedSwitchCount: switches.length },
  );
  return promised(
    what,
    checks.filter(({ rule }) => rule.startsWith('nvidia.devices.')),
    `${gpus.length} GPUs`,
  );
}

interface DeviceOutcome {
  readonly device?: AuthenticDevice;
  readonly checks: readonly ResultCheck[];
}

async function checkDevice(
  device: PresentedDevice,
  machine: Machine,
  context: Context,
): Promise<DeviceOutcome> {
  const { id } = device;
  const genuine: Promised = {
    rule: `runtime.device.${id}.evidence`,
    title: `${id}: a genuine NVIDIA ${device.kind === 'gpu' ? 'GPU' : 'switch'} signed the report`,
    evidence: 'document',
    expected: "a report signed by a device that NVIDIA's root vouches for",
    source: `${NVIDIA}, DMTF DSP0274`,
  };
  const measured: Promised = {
    rule: `runtime.device.${id}.firmware`,
    title: `${id}: driver and firmware measure to what NVIDIA published`,
    required: context.policy.devices.requireRims,
    evidence: 'NVIDIA reference integrity manifests',
    expected: 'every golden measurement matches',
    source: `${NVIDIA}, RIM`,
  };
  const revocation: Promised = {
    rule: `runtime.device.${id}.revocation`,
    title: `${id}: NVIDIA has not revoked it`,
    required: context.policy.devices.requireRevocation,
    evidence: 'NVIDIA OCSP responder',
    expected: 'an answer for each certificate that says good',
    source: 'RFC 6960',
  };
  const outcome = await authenticateDevice(device, machine, context);
  if ('error' in outcome)
    return {
      checks: [
        refused(genuine, outcome.error),
        ...[measured, revocation].map((each) => unchecked(each, 'the device report is not authentic')),
      ],
    };
  const { report } = outcome;
  const root = report.chain.at(-1)!;
  const authentic: AuthenticDevice = {
    id,
    kind: device.kind,
    architecture: report.architecture.chip,
    driver: report.opaque.driverVersion ?? null,
    firmware: report.opaque.vbiosVersion ?? null,
    isProduction: nvidiaTrustAnchors().device.some((anchor) => sameCertificate(anchor, root)),
    report,
  };
  // Side by side: each asks for documents of its own, and verifies what comes.
  const [appraised, revocationCheck] = await Promise.all([
    appraise(device, report, measured, machine, context),
    checkRevocation(device, report, revocation, machine, context),
  ]);
  return {
    device: authentic,
    checks: [
      promised(
        genuine,
        report.checks.filter(({ rule }) => rule !== 'nvidia.gpu.revocation'),
        `${authentic.architecture}, driver ${authentic.driver ?? 'unknown'}`,
      ),
      ...appraised,
      revocationCheck,
    ],
  };
}

async function authenticateDevice(
  device: PresentedDevice,
  { repeated }: Machine,
  { anchors, now }: Context,
): Promise<{ readonly report: AuthenticGpuReport } | { readonly error: Refusal }> {
  try {
    const report = await authenticateGpu({
      report: device.report,
      chain: device.chain,
      now,
      repeated,
      ...(anchors.nvidia ? { anchors: anchors.nvidia.device } : {}),
    });
    return { report };
  } catch (error) {
    return { error: refusalOf(error) };
  }
}

/** As with processors: a bad or missing OCSP answer does not hide whose report it is. */
async function checkRevocation(
  device: PresentedDevice,
  report: AuthenticGpuReport,
  what: Promised,
  { repeated }: Machine,
  context: Context,
): Promise<ResultCheck> {
  try {
    const ocsp = device.ocspResponses
      ? { responses: device.ocspResponses, missing: undefined }
      : await fetchOcsp(report.chain, context);
    const checks = await appraiseGpuRevocation(report, ocsp.responses, context.now, repeated);
    const check = promised(what, checks, 'good');
    const isMissing = check.outcome === 'not-checked' && ocsp.missing !== undefined;
    return isMissing ? { ...check, reason: ocsp.missing } : check;
  } catch (error) {
    return refused({ ...what, required: true }, refusalOf(error));
  }
}

async function fetchOcsp(
  chain: readonly Certificate[],
  { source }: Context,
): Promise<{ readonly responses: readonly Uint8Array[]; readonly missing: string | undefined }> {
  const requests = await Promise.all(
    chain.slice(0, -1).map((certificate, at) => nvidiaOcspRequest(certificate, chain[at + 1]!)),
  );
  const answers = await Promise.all(requests.map((request) => source.get(request)));
  const missing = answers.flatMap((answer) => (answer.ok ? [] : [answer.message]));
  return {
    responses: answers.flatMap((answer) => (answer.ok ? [answer.bytes] : [])),
    missing: missing[0] === undefined ? undefined : `no OCSP answer: ${missing[0]}`,
  };
}

/** Nonce, manifests, mode: what the policy asks of an authentic device. */
async function appraise(
  device: PresentedDevice,
  report: AuthenticGpuReport,
  measured: Promised,
  machine: Machine,
  context: Context,
): Promise<readonly ResultCheck[]> {
  const { devices } = context.policy;
  const rims = await gatherRims(device, report, machine, context);
  if ('error' in rims)
    return [refused(measured, rims.error), ...modeChecks(device, report, undefined, context)];
  const appraisal = appraiseGpu(report, {
    ...(rims.driver ? { driverRim: rims.driver } : {}),
    ...(rims.vbios ? { vbiosRim: rims.vbios } : {}),
  });
  const about = appraisal.checks.filter(
    ({ rule }) => rule.startsWith('nvidia.rim.') || rule === 'nvidia.gpu.measurements',
  );
  const proven = [rims.driver, rims.vbios].flatMap((rim) =>
    (rim?.checks ?? []).filter(({ rule }) => !rule.endsWith('revocation')),
  );
  const check = promised(measured, [...proven, ...about], 'all match');
  const firmware =
    check.outcome === 'not-checked' && rims.missing.length > 0
      ? { ...check, reason: rims.missing.join('; ') }
      : check;
  return [firmware, ...modeChecks(device, report, devices.minimumDriverVersion ?? undefined, context)];
}

/** Bound to this conversation, in confidential mode, of a kind that the policy takes. */
function modeChecks(
  device: PresentedDevice,
  report: AuthenticGpuReport,
  minimumDriverVersion: string | undefined,
  { policy, presented, nonce }: Context,
): readonly ResultCheck[] {
  const { devices } = policy;
  const bound: Promised = {
    rule: `runtime.device.${device.id}.binding`,
    title: `${device.id}: its report was made for this very attestation`,
    required: devices.requireBinding,
    evidence: 'document',
    expected: 'the nonce that the processor signed for',
    source: `${presented.binding.source}; DMTF DSP0274, GET_MEASUREMENTS request`,
  };
  const mode: Promised = {
    rule: `runtime.device.${device.id}.mode`,
    title: `${device.id}: it runs in confidential mode, as the policy demands`,
    evidence: 'document',
    expected: 'confidential computing on',
    source: `${NVIDIA}, opaque data`,
  };
  const asked: GpuPolicy = {
    ...(devices.architectures ? { architectures: devices.architectures } : {}),
    ...(minimumDriverVersion === undefined ? {} : { minimumDriverVersion }),
  };
  const wanted = [
    ...(devices.architectures ? ['nvidia.gpu.architecture'] : []),
    ...(minimumDriverVersion === undefined ? [] : ['nvidia.gpu.driver-version']),
  ];
  return [
    promised(bound, [bindingCheck(device, report, presented.binding.coversDevices, nonce)]),
    promised(
      mode,
      [
        confidentialMode(report),
        ...appraiseGpu(report, asked).checks.filter(({ rule }) => wanted.includes(rule)),
      ],
      'confidential computing on',
    ),
  ];
}

function bindingCheck(
  device: PresentedDevice,
  report: AuthenticGpuReport,
  coversDevices: boolean,
  clientNonce: Uint8Array | null,
): Check {
  const found = report.request.nonce;
  const expected = device.nonce ?? clientNonce;
  const rule = { rule: 'nvidia.gpu.nonce', source: 'DMTF DSP0274, GET_MEASUREMENTS request' };
  if (!expected)
    return notChecked(
      { ...rule, expected: 'a nonce of the document' },
      'the dialect does not say over which nonce the device reports',
    );
  if (!equalBytes(expected, found))
    return decided(
      false,
      { ...rule, expected: toHex(expected), found: toHex(found) },
      'GPU_NONCE_MISMATCH',
      'the device report was made for another attestation',
    );
  if (!coversDevices)
    return notChecked(
      { ...rule, expected: "device evidence under the processor's signature" },
      'the dialect does not bind device evidence to the processor: the GPU could be in another machine',
    );
  return decided(true, { ...rule, expected: toHex(expected), found: toHex(found) }, 'GPU_NONCE_MISMATCH');
}

/**
 * A device answers GET_MEASUREMENTS with a signature by a key under its provisioned identity only in CC or protected-PCIe
 * mode; older reports carry no flag, newer ones say which of the two.
 */
function confidentialMode({ opaque: { featureFlag } }: AuthenticGpuReport): Check {
  const flag = featureFlag ?? 'not stated';
  return decided(
    featureFlag === undefined || ['SPT', 'MPT', 'PPCIE'].includes(featureFlag),
    {
      rule: 'nvidia.gpu.mode',
      expected: 'SPT, MPT, PPCIE, or not stated',
      found: flag,
      source: `${NVIDIA}, opaque data`,
    },
    'GPU_NOT_CONFIDENTIAL',
  );
}

interface Rims {
  readonly driver?: AuthenticRim;
  readonly vbios?: AuthenticRim;
  readonly missing: readonly string[];
}

/** What devices of one machine share, and is verified once. */
interface Machine {
  /** By their SHA-256. */
  readonly manifests: Map<string, Promise<AuthenticRim>>;
  readonly repeated: Repeated;
}

async function gatherRims(
  device: PresentedDevice,
  report: AuthenticGpuReport,
  { manifests, repeated }: Machine,
  context: Context,
): Promise<Rims | { readonly error: Refusal }> {
  const { anchors, now } = context;
  const ids = rimIds(report, report.architecture.chip);
  const missing: string[] = [];
  const gather = async (
    given: Uint8Array | undefined,
    id: string | undefined,
  ): Promise<AuthenticRim | undefined> => {
    let xml = given;
    if (!xml && id) {
      const answer = await askFor(context, nvidiaRimRequest(id), (bytes) => parseRimAnswer(bytes, id));
      if ('value' in answer) xml = answer.value;
      else missing.push(`manifest ${id} is missing: ${answer.reason}`);
    }
    if (!xml) return undefined;
    const digest = toHex(await sha256(xml));
    const known = manifests.get(digest);
    if (known) return known;
    const rim = authenticateRim({
      xml,
      now,
      repeated,
      ...(anchors.nvidia ? { anchors: anchors.nvidia.rim } : {}),
    });
    manifests.set(digest, rim);
    return rim;
  };
  try {
    const [driver, vbios] = await Promise.all([
      gather(device.driverRim, ids.driver),
      gather(device.vbiosRim, ids.vbios),
    ]);
    return { missing: missing.sort(), ...(driver ? { driver } : {}), ...(vbios ? { vbios } : {}) };
  } catch (error) {
    return { error: refusalOf(error) };
  }
}
