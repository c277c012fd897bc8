/** Each rule of a policy over real reports: what passes, what fails by its code, what is not checked. */
import { decodeUtf8 } from '@vitrine/bytes';
import {
  type AuthenticGpuReport,
  type GpuPolicy,
  appraiseDevices,
  appraiseGpu,
  authenticateGpu,
  parseGpuEvidenceJson,
} from '../../src/nvidia/index.ts';
import { type Case, type Suite, type SuiteContext, expectEqual, expectRefused } from '../suite.ts';

const now = new Date('2026-01-01');

/** Driver 590.12, PPCIE, protected PCIe on. */
async function ppcie({ fixture }: SuiteContext): Promise<AuthenticGpuReport> {
  const [device] = parseGpuEvidenceJson(await fixture('nvidia/hopper/evidence/single.json'));
  return authenticateGpu({ ...device!, now });
}

/** Driver 550.90.07, no feature flag, protected PCIe off. */
async function older({ fixture }: SuiteContext): Promise<AuthenticGpuReport> {
  const report = await fixture('nvidia/hopper/550.90.07/report.bin');
  return authenticateGpu({
    report,
    chain: decodeUtf8(await fixture('nvidia/hopper/550.90.07/chain.pem')),
    now,
  });
}

async function ls10({ fixture }: SuiteContext): Promise<AuthenticGpuReport> {
  const [device] = parseGpuEvidenceJson(await fixture('nvidia/switch/evidence/single.json'));
  return authenticateGpu({ ...device!, now });
}

function codes({ checks }: { readonly checks: readonly { outcome: string; code?: string }[] }) {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
}

type Read = (context: SuiteContext) => Promise<AuthenticGpuReport>;

const rules: readonly (readonly [string, Read, GpuPolicy, readonly string[]])[] = [
  ['a feature flag that is asked for', ppcie, { featureFlags: ['MPT', 'PPCIE'] }, []],
  ['another feature flag', ppcie, { featureFlags: ['MPT', 'SPT'] }, ['GPU_FEATURE_MISMATCH']],
  ['no feature flag where none is allowed', ppcie, { featureFlags: [] }, ['GPU_FEATURE_MISMATCH']],
  ['a report without feature flag', older, { featureFlags: ['MPT'] }, ['GPU_FEATURE_MISMATCH']],
  ['protected PCIe that is on', ppcie, { protectedPcie: 'enabled' }, []],
  [
    'protected PCIe that should be off',
    ppcie,
    { protectedPcie: 'disabled' },
    ['GPU_PROTECTED_PCIE_MISMATCH'],
  ],
  ['protected PCIe that should be on', older, { protectedPcie: 'enabled' }, ['GPU_PROTECTED_PCIE_MISMATCH']],
  ['the driver itself as minimum', older, { minimumDriverVersion: '550.90.07' }, []],
  ['a driver one later', older, { minimumDriverVersion: '550.90.08' }, ['GPU_DRIVER_TOO_OLD']],
  ['a driver that is later as a number, not as text', older, { minimumDriverVersion: '99.100' }, []],
  ['a longer version of the driver', older, { minimumDriverVersion: '550.90.07.1' }, ['GPU_DRIVER_TOO_OLD']],
  ['a minimum that is no version', older, { minimumDriverVersion: '' }, ['GPU_DRIVER_TOO_OLD']],
  ['a minimum with letters', older, { minimumDriverVersion: '1.x' }, ['GPU_DRIVER_TOO_OLD']],
  ['a switch, which states no driver', ls10, { minimumDriverVersion: '1' }, ['GPU_DRIVER_TOO_OLD']],
  ['its architecture', older, { architectures: ['GB100', 'GH100'] }, []],
  ['another architecture', older, { architectures: ['GB100'] }, ['GPU_ARCHITECTURE_MISMATCH']],
  ['a switch where a GPU is asked for', ls10, { architectures: ['GH100'] }, ['GPU_ARCHITECTURE_MISMATCH']],
  ['revocation that must be known', older, { requireRevocation: true }, ['GPU_REVOCATION_UNKNOWN']],
  ['a nonce of all zeros', older, { nonce: new Uint8Array(32) }, ['GPU_NONCE_MISMATCH']],
  ['an empty nonce', older, { nonce: new Uint8Array(0) }, ['GPU_NONCE_MISMATCH']],
  ['a GPU without manifests', older, { requireRims: true }, ['RIM_MISSING', 'RIM_MISSING']],
  ['a switch without its manifest', ls10, { requireRims: true }, ['RIM_MISSING']],
];

const single: Case[] = [
  ...rules.map(([name, read, policy, expected]) => ({
    name: `${name}: ${expected.join(' and ') || 'acceptable'}`,
    needsFixtures: true,
    run: async (context: SuiteContext) => {
      const appraisal = appraiseGpu(await read(context), policy);
      expectEqual(codes(appraisal), expected);
      expectEqual(appraisal.acceptable, expected.length === 0);
    },
  })),
  {
    name: 'a policy that asks for nothing passes nothing: manifests, measurements and revocation are not checked, and no other rule is there',
    needsFixtures: true,
    run: async (context) => {
      const { checks, rim } = appraiseGpu(await older(context), {});
      expectEqual(rim, 'not_checked');
      expectEqual(
        checks.map(({ rule, outcome }) => `${rule} ${outcome}`),
        [
          'nvidia.rim.driver not-checked',
          'nvidia.rim.vbios not-checked',
          'nvidia.gpu.measurements not-checked',
          'nvidia.gpu.revocation-known not-checked',
        ],
      );
    },
  },
  {
    name: 'a rule is there where it is asked for, and only there, whatever comes of it',
    needsFixtures: true,
    run: async (context) => {
      const report = await older(context);
      const asked: readonly (readonly [string, GpuPolicy])[] = [
        ['nvidia.gpu.nonce', { nonce: new Uint8Array(32) }],
        ['nvidia.gpu.architecture', { architectures: [] }],
        ['nvidia.gpu.feature', { featureFlags: [] }],
        ['nvidia.gpu.protected-pcie', { protectedPcie: 'disabled' }],
        ['nvidia.gpu.driver-version', { minimumDriverVersion: '' }],
      ];
      const rulesOf = (policy: GpuPolicy) => appraiseGpu(report, policy).checks.map(({ rule }) => rule);
      const always = rulesOf({});
      for (const [rule, policy] of asked)
        expectEqual(
          rulesOf(policy).filter((one) => !always.includes(one)),
          [rule],
        );
    },
  },
  {
    name: 'an OCSP response that is none, or is of nobody in the chain, is refused',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const [device] = parseGpuEvidenceJson(await fixture('nvidia/hopper/evidence/cert_hold.json'));
      for (const response of [new Uint8Array(0), new Uint8Array(64), Uint8Array.of(0x30, 3, 0x0a, 1, 6)])
        await expectRefused(
          () => authenticateGpu({ ...device!, now, ocspResponses: [response] }),
          'GPU_OCSP_INVALID',
        );
    },
  },
];

const several: Case[] = [
  {
    name: 'fewer or more devices than expected, a device twice, and a switch among the GPUs are not acceptable',
    needsFixtures: true,
    run: async (context) => {
      const [one, two, link] = await Promise.all([ppcie(context), older(context), ls10(context)]);
      const gpus = [{ report: one }, { report: two }];
      const of = (...args: Parameters<typeof appraiseDevices>) => codes(appraiseDevices(...args));
      expectEqual(of({ gpus }, { expectedGpuCount: 2 }), []);
      expectEqual(of({ gpus }, { expectedGpuCount: 3 }), ['GPU_COUNT_MISMATCH']);
      expectEqual(of({ gpus }, { expectedGpuCount: 1 }), ['GPU_COUNT_MISMATCH']);
      expectEqual(of({ gpus: [] }, { expectedGpuCount: 1 }), ['GPU_COUNT_MISMATCH']);
      const twice = { gpus: [{ report: one }, { report: one }] };
      expectEqual(of(twice, { expectedGpuCount: 2 }), ['GPU_DEVICE_REPEATED']);
      const mixed = { gpus: [{ report: one }, { report: link }] };
      expectEqual(of(mixed, { expectedGpuCount: 2 }), ['GPU_COUNT_MISMATCH']);
      const switches = [{ report: link }];
      expectEqual(of({ gpus, switches }, { expectedGpuCount: 2 }), ['GPU_COUNT_MISMATCH']);
      expectEqual(of({ gpus, switches }, { expectedGpuCount: 2, expectedSwitchCount: 1 }), []);
    },
  },
  {
    name: 'one device that fails a rule makes all of them not acceptable',
    needsFixtures: true,
    run: async (context) => {
      const gpus = [{ report: await ppcie(context) }, { report: await older(context) }];
      const appraisal = appraiseDevices({ gpus }, { expectedGpuCount: 2, featureFlags: ['PPCIE'] });
      expectEqual([codes(appraisal), appraisal.acceptable], [['GPU_FEATURE_MISMATCH'], false]);
      expectEqual(
        appraisal.gpus.map(({ acceptable }) => acceptable),
        [true, false],
      );
    },
  },
];

export const policySuite: Suite = { name: 'NVIDIA: policies', cases: [...single, ...several] };
