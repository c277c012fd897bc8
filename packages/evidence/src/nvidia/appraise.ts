/** A policy over authentic devices: nonce, manifests, golden measurements, modes; then several devices together. */
import { equalBytes, toHex } from '@vitrine/bytes';
import {
  type Appraisal,
  type Check,
  appraisalOf,
  decided,
  failed,
  notChecked,
  passed,
} from '@vitrine/appraisal';
import type { AuthenticGpuReport } from './authenticate.ts';
import type { NvidiaPolicyCode } from './error.ts';
import type { FeatureFlag } from './opaque.ts';
import type { AuthenticRim, RimMeasurement } from './rim.ts';

export interface GpuPolicy {
  /** The verifier's, 32 bytes. */
  readonly nonce?: Uint8Array;
  readonly driverRim?: AuthenticRim;
  /** Of a GPU's VBIOS, or of a switch's BIOS. */
  readonly vbiosRim?: AuthenticRim;
  /** A missing manifest fails. */
  readonly requireRims?: boolean;
  /** A certificate without an OCSP response fails. */
  readonly requireRevocation?: boolean;
  readonly featureFlags?: readonly FeatureFlag[];
  readonly protectedPcie?: 'enabled' | 'disabled';
  /** "550.90.07": the report's must be the same or later. */
  readonly minimumDriverVersion?: string;
  /** "GH100", … */
  readonly architectures?: readonly string[];
}

export interface GpuAppraisal extends Appraisal {
  readonly rim: 'match' | 'mismatch' | 'not_checked';
  /** RIM indexes, from 0, ascending. */
  readonly mismatchedIndexes: readonly number[];
}

const NVIDIA = 'NVIDIA attestation documents';
/** Of a video decoder that is off: the measurement then says nothing. */
const NVDEC0_INDEX = 35;

/**
 * Manifests, golden measurements and revocation are always spoken of: what was not given is not checked. The other rules
 * are there where the policy asks for them.
 */
export function appraiseGpu(report: AuthenticGpuReport, policy: GpuPolicy): GpuAppraisal {
  const golden = goldenChecks(report, policy);
  const { checks } = appraisalOf([
    ...nonceChecks(report, policy),
    ...architectureChecks(report, policy),
    ...rimChecks(report, policy),
    ...golden.checks,
    ...modeChecks(report, policy),
    ...driverVersionChecks(report, policy),
    revocationCheck(report, policy),
  ]);
  return { ...appraisalOf(checks), rim: golden.rim, mismatchedIndexes: golden.mismatchedIndexes };
}

function nonceChecks(report: AuthenticGpuReport, { nonce }: GpuPolicy): Check[] {
  if (!nonce) return [];
  const found = report.request.nonce;
  const check = {
    rule: 'nvidia.gpu.nonce',
    expected: toHex(nonce),
    found: toHex(found),
    source: 'DMTF DSP0274, GET_MEASUREMENTS request',
  };
  return [decided(equalBytes(nonce, found), check, 'GPU_NONCE_MISMATCH' satisfies NvidiaPolicyCode)];
}

function architectureChecks(report: AuthenticGpuReport, { architectures }: GpuPolicy): Check[] {
  if (!architectures) return [];
  const found = report.architecture.chip;
  return [
    decided(
      architectures.includes(found),
      { rule: 'nvidia.gpu.architecture', expected: architectures.join(' or '), found, source: NVIDIA },
      'GPU_ARCHITECTURE_MISMATCH' satisfies NvidiaPolicyCode,
    ),
  ];
}

/** Each manifest is of this product, kind and version. */
function rimChecks(report: AuthenticGpuReport, policy: GpuPolicy): Check[] {
  const { driverVersion, vbiosVersion } = report.opaque;
  const isSwitch = report.architecture.kind === 'switch';
  const vbios = rimCheck(report, policy, 'vbios', policy.vbiosRim, vbiosVersion);
  if (isSwitch && !policy.driverRim) return vbios;
  return [...rimCheck(report, policy, 'driver', policy.driverRim, driverVersion), ...vbios];
}

function rimCheck(
  report: AuthenticGpuReport,
  { requireRims = false }: GpuPolicy,
  kind: 'driver' | 'vbios',
  rim: AuthenticRim | undefined,
  version: string | undefined,
): Check[] {
  const rule = `nvidia.rim.${kind}`;
  if (!rim) {
    const expected = `RIM of ${kind} ${version ?? ''}`;
    if (!requireRims) return [notChecked({ rule, expected, source: NVIDIA }, 'no RIM was given')];
    return [
      failed({ rule, expected, found: 'nothing', source: NVIDIA }, 'RIM_MISSING' satisfies NvidiaPolicyCode),
    ];
  }
  const product = `${kind} of ${report.architecture.chip}`;
  const found = `${rim.kind} of ${rim.product}`;
  return [
    decided(
      product === found,
      { rule: `${rule}.product`, expected: product, found, source: NVIDIA },
      'RIM_PRODUCT_MISMATCH' satisfies NvidiaPolicyCode,
    ),
    decided(
      version !== undefined && rim.version.toUpperCase() === version.toUpperCase(),
      { rule: `${rule}.version`, expected: version ?? 'nothing', found: rim.version, source: NVIDIA },
      'RIM_VERSION_MISMATCH' satisfies NvidiaPolicyCode,
    ),
  ];
}

interface Golden {
  readonly checks: readonly Check[];
  readonly rim: GpuAppraisal['rim'];
  readonly mismatchedIndexes: readonly number[];
}

function goldenChecks(report: AuthenticGpuReport, { driverRim, vbiosRim }: GpuPolicy): Golden {
  const rule = 'nvidia.gpu.measurements';
  const source = NVIDIA;
  const rims = [driverRim, vbiosRim].filter((rim) => rim !== undefined);
  if (rims.length === 0) {
    const check = notChecked({ rule, expected: 'golden measurements', source }, 'no RIM was given');
    return { checks: [check], rim: 'not_checked', mismatchedIndexes: [] };
  }
  const active = rims.flatMap(({ measurements }) => measurements.filter((each) => each.active));
  const conflicts = repeated(active.map(({ index }) => index));
  const mismatchedIndexes = [
    ...new Set(active.filter((each) => !matches(report, each)).map(({ index }) => index)),
  ];
  mismatchedIndexes.sort((a, b) => a - b);
  const conflict = decided(
    conflicts.length === 0,
    {
      rule: 'nvidia.rim.indexes',
      expected: 'no index in both',
      found: conflicts.join(', ') || 'none',
      source,
    },
    'RIM_INDEX_CONFLICT' satisfies NvidiaPolicyCode,
  );
  const isMatch = active.length > 0 && mismatchedIndexes.length === 0;
  const measurements = decided(
    isMatch,
    {
      rule,
      expected: `${active.length} active measurements match`,
      found: isMatch ? 'all match' : `indexes ${mismatchedIndexes.join(', ') || 'none active'} differ`,
      source,
    },
    'GPU_MEASUREMENT_MISMATCH' satisfies NvidiaPolicyCode,
  );
  return {
    checks: [conflict, measurements],
    rim: isMatch && conflicts.length === 0 ? 'match' : 'mismatch',
    mismatchedIndexes,
  };
}

function matches(report: AuthenticGpuReport, { index, values }: RimMeasurement): boolean {
  if (index === NVDEC0_INDEX && report.opaque.nvdec0 === 'disabled') return true;
  const block = report.measurements[index];
  return block !== undefined && values.some((value) => equalBytes(value, block.value));
}

function repeated<T>(values: readonly T[]): T[] {
  return [...new Set(values.filter((value, at) => values.indexOf(value) !== at))];
}

function modeChecks(report: AuthenticGpuReport, policy: GpuPolicy): Check[] {
  const { featureFlag, protectedPcie } = report.opaque;
  const checks: Check[] = [];
  if (policy.featureFlags)
    checks.push(
      decided(
        featureFlag !== undefined && policy.featureFlags.includes(featureFlag),
        {
          rule: 'nvidia.gpu.feature',
          expected: policy.featureFlags.join(' or '),
          found: featureFlag ?? 'nothing',
          source: NVIDIA,
        },
        'GPU_FEATURE_MISMATCH' satisfies NvidiaPolicyCode,
      ),
    );
  if (policy.protectedPcie)
    checks.push(
      decided(
        protectedPcie === policy.protectedPcie,
        {
          rule: 'nvidia.gpu.protected-pcie',
          expected: policy.protectedPcie,
          found: protectedPcie ?? 'nothing',
          source: NVIDIA,
        },
        'GPU_PROTECTED_PCIE_MISMATCH' satisfies NvidiaPolicyCode,
      ),
    );
  return checks;
}

function driverVersionChecks(report: AuthenticGpuReport, { minimumDriverVersion }: GpuPolicy): Check[] {
  if (minimumDriverVersion === undefined) return [];
  const found = report.opaque.driverVersion;
  return [
    decided(
      found !== undefined && isVersionAtLeast(found, minimumDriverVersion),
      {
        rule: 'nvidia.gpu.driver-version',
        expected: `at least ${minimumDriverVersion}`,
        found: found ?? 'nothing',
        source: NVIDIA,
      },
      'GPU_DRIVER_TOO_OLD' satisfies NvidiaPolicyCode,
    ),
  ];
}

/** Decimal numbers between dots; anything else is not at least anything. */
function isVersionAtLeast(version: string, floor: string): boolean {
  const isVersion = (text: string) => /^[0-9]{1,9}(\.[0-9]{1,9}){0,7}$/.test(text);
  if (!isVersion(version) || !isVersion(floor)) return false;
  const parts = version.split('.').map(Number);
  const floors = floor.split('.').map(Number);
  for (let at = 0; at < Math.max(parts.length, floors.length); at++) {
    const difference = (parts[at] ?? 0) - (floors[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function revocationCheck(report: AuthenticGpuReport, { requireRevocation = false }: GpuPolicy): Check {
  const rule = 'nvidia.gpu.revocation-known';
  const source = 'RFC 6960 section 3.2';
  const expected = 'an OCSP response for each certificate';
  const unknown = report.checks.filter(
    (check) => check.rule === 'nvidia.gpu.revocation' && check.outcome !== 'pass',
  ).length;
  const found = unknown === 0 ? 'all' : `${unknown} missing`;
  if (unknown === 0) return passed({ rule, expected, found, source });
  if (!requireRevocation) return notChecked({ rule, expected, source }, `OCSP responses: ${found}`);
  return failed({ rule, expected, found, source }, 'GPU_REVOCATION_UNKNOWN' satisfies NvidiaPolicyCode);
}

export interface Device {
  readonly report: AuthenticGpuReport;
  readonly driverRim?: AuthenticRim;
  readonly vbiosRim?: AuthenticRim;
}

export interface DevicesPolicy extends Omit<GpuPolicy, 'driverRim' | 'vbiosRim'> {
  readonly expectedGpuCount: number;
  readonly expectedSwitchCount?: number;
}

export interface DevicesAppraisal extends Appraisal {
  readonly gpus: readonly GpuAppraisal[];
  readonly switches: readonly GpuAppraisal[];
}

/** All devices of a machine: each by the policy, as many as expected, no device twice. */
export function appraiseDevices(
  devices: { readonly gpus: readonly Device[]; readonly switches?: readonly Device[] },
  policy: DevicesPolicy,
): DevicesAppraisal {
  const { gpus, switches = [] } = devices;
  const appraise = ({ report, driverRim, vbiosRim }: Device): GpuAppraisal =>
    appraiseGpu(report, { ...policy, ...(driverRim && { driverRim }), ...(vbiosRim && { vbiosRim }) });
  const each = { gpus: gpus.map(appraise), switches: switches.map(appraise) };
  const checks = [
    countCheck('gpu', gpus, policy.expectedGpuCount),
    countCheck('switch', switches, policy.expectedSwitchCount ?? 0),
    distinctCheck([...gpus, ...switches]),
    ...each.gpus.flatMap((appraisal) => appraisal.checks),
    ...each.switches.flatMap((appraisal) => appraisal.checks),
  ];
  return { ...appraisalOf(checks), ...each };
}

function countCheck(kind: 'gpu' | 'switch', devices: readonly Device[], expected: number): Check {
  const ofKind = devices.filter(({ report }) => report.architecture.kind === kind).length;
  return decided(
    devices.length === expected && ofKind === expected,
    {
      rule: `nvidia.devices.${kind}-count`,
      expected: String(expected),
      found: ofKind === devices.length ? String(ofKind) : `${ofKind} of ${devices.length}`,
      source: NVIDIA,
    },
    'GPU_COUNT_MISMATCH' satisfies NvidiaPolicyCode,
  );
}

/** A device is its GSP BROM key, which it has for life; the leaf's changes with the firmware. */
function distinctCheck(devices: readonly Device[]): Check {
  const keys = devices.map(({ report }) => toHex(report.chain[1]!.subjectPublicKeyInfo));
  const count = new Set(keys).size;
  return decided(
    count === keys.length,
    {
      rule: 'nvidia.devices.distinct',
      expected: `${keys.length} distinct devices`,
      found: String(count),
      source: NVIDIA,
    },
    'GPU_DEVICE_REPEATED' satisfies NvidiaPolicyCode,
  );
}
