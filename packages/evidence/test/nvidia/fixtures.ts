/** Real reports and manifests, each with its verdict. */
import { decodeUtf8 } from '@vitrine/bytes';
import {
  appraiseDevices,
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
  parseGpuEvidenceJson,
  parseGpuReport,
} from '../../src/index.ts';
import { type Case, type Suite, type SuiteContext, expectEqual, expectRefused } from '../suite.ts';

const NOW = new Date('2024-06-24T00:00:00Z');
const SWITCH_RIM = 'attestation-sdk/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml';

async function authenticate({ fixture }: SuiteContext, report: string, chain: string) {
  return authenticateGpu({
    report: await fixture(`nvidia/${report}`),
    chain: decodeUtf8(await fixture(`nvidia/${chain}`)),
    now: NOW,
  });
}

async function rim({ fixture }: SuiteContext, path: string, time = '2024-06-24') {
  return authenticateRim({ xml: await fixture(`nvidia/rim/${path}`), now: new Date(time) });
}

function fixtureCase(name: string, run: Case['run']): Case {
  return { name, needsFixtures: true, run };
}

const accepted = ['535.86.09', '545.00', '550.90.07', '570.124.03', '580.95.05', '580.159.03'];

const refused: readonly (readonly [string, string, string])[] = [
  ['hopper/invalid-signature/report.bin', 'hopper/invalid-signature/chain.pem', 'GPU_SIGNATURE_INVALID'],
  ['hopper/580.95.05/report_trailing_byte.bin', 'hopper/580.95.05/chain.pem', 'GPU_REPORT_MALFORMED'],
  ['hopper/545.00/report.bin', 'hopper/545.00/chain_missing_brom.pem', 'GPU_CHAIN_INVALID'],
  ['hopper/550.90.07/report.bin', 'hopper/550.90.07/chain_root_only.pem', 'GPU_CHAIN_INVALID'],
  ['hopper/550.90.07/report.bin', 'hopper/550.90.07/chain_missing_provisioner.pem', 'GPU_CHAIN_INVALID'],
  ['hopper/550.90.07/report.bin', 'hopper/550.90.07/chain_missing_leaf.pem', 'GPU_SIGNATURE_INVALID'],
  ['switch/ls10/report_invalid_signature.bin', 'switch/ls10/chain.pem', 'GPU_SIGNATURE_INVALID'],
];

const refusedRims: readonly (readonly [string, string, string])[] = [
  ['attestation-sdk/incorrect_cert_chain_driver_rim.xml', '2026-02-01', 'RIM_CHAIN_INVALID'],
  ['attestation-sdk/incorrect_signature_driver_rim.xml', '2025-12-30', 'RIM_SIGNATURE_INVALID'],
  [
    'attestation-sdk/NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml',
    '2026-05-12',
    'RIM_SIGNATURE_INVALID',
  ],
  ['nvtrust/Driver_RIM_test_no_gpu.swidtag', '2026-01-01', 'RIM_EXPIRED'],
  ['nvtrust/Driver_RIM_test_no_gpu.swidtag', '2022-01-01', 'RIM_EXPIRED'],
];

export const fixtureSuite: Suite = {
  name: 'NVIDIA: real evidence',
  cases: [
    ...accepted.map((version) =>
      fixtureCase(`the report of driver ${version} is authentic`, async (context) => {
        const report = await authenticate(
          context,
          `hopper/${version}/report.bin`,
          `hopper/${version}/chain.pem`,
        );
        expectEqual(report.opaque.driverVersion, version);
      }),
    ),
    ...refused.map(([report, chain, code]) =>
      fixtureCase(`${report} with ${chain} is refused with ${code}`, async (context) => {
        await expectRefused(() => authenticate(context, report, chain), code);
      }),
    ),
    ...refusedRims.map(([path, time, code]) =>
      fixtureCase(`${path} at ${time} is refused with ${code}`, async (context) => {
        await expectRefused(() => rim(context, path, time), code);
      }),
    ),
    fixtureCase('driver and VBIOS RIM match the report completely', async (context) => {
      const report = await authenticate(context, 'hopper/545.00/report.bin', 'hopper/545.00/chain.pem');
      const driverRim = await rim(context, 'nvtrust/Driver_RIM_test_no_gpu.swidtag');
      const vbiosRim = await rim(context, 'nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag');
      const { rim: verdict, acceptable } = appraiseGpu(report, { driverRim, vbiosRim, requireRims: true });
      expectEqual([verdict, acceptable], ['match', true]);
    }),
    fixtureCase('another VBIOS RIM differs in indexes 1, 2, 3 and 9', async (context) => {
      const report = await authenticate(context, 'hopper/545.00/report.bin', 'hopper/545.00/chain.pem');
      const vbiosRim = await rim(context, 'nvtrust/1010_0200_882_96005E0001_PROD.swidtag');
      const appraisal = appraiseGpu(report, { vbiosRim });
      expectEqual([appraisal.acceptable, appraisal.mismatchedIndexes], [false, [1, 2, 3, 9]]);
    }),
    fixtureCase('a switch matches its BIOS RIM completely', async (context) => {
      const report = await authenticate(context, 'switch/ls10/report.bin', 'switch/ls10/chain.pem');
      const vbiosRim = await rim(context, SWITCH_RIM, '2026-09-01');
      const { rim: verdict, acceptable } = appraiseGpu(report, { vbiosRim, requireRims: true });
      expectEqual([verdict, acceptable], ['match', true]);
    }),
    fixtureCase('four GPUs over one nonce are four devices', async (context) => {
      expectEqual(await codesOf(context, 'hopper/evidence/multi_gpu.json', 'gpu'), []);
    }),
    fixtureCase('one switch four times is not four devices', async (context) => {
      const codes = await codesOf(context, 'switch/evidence/multi_switch_repeated.json', 'switch');
      expectEqual(codes, ['GPU_DEVICE_REPEATED']);
    }),
    fixtureCase('every truncation of a report is refused', async ({ fixture }) => {
      const bytes = await fixture('nvidia/hopper/550.90.07/report.bin');
      for (let length = 0; length < bytes.length; length++)
        await expectRefused(() => parseGpuReport(bytes.subarray(0, length)), 'GPU_REPORT_MALFORMED');
    }),
  ],
};

async function codesOf({ fixture }: SuiteContext, path: string, kind: 'gpu' | 'switch') {
  const published = parseGpuEvidenceJson(await fixture(`nvidia/${path}`));
  const devices = await Promise.all(
    published.map(async ({ report, chain }) => ({
      report: await authenticateGpu({ report, chain, now: NOW }),
    })),
  );
  const isGpu = kind === 'gpu';
  const { checks } = appraiseDevices(
    { gpus: isGpu ? devices : [], switches: isGpu ? [] : devices },
    {
      expectedGpuCount: isGpu ? 4 : 0,
      expectedSwitchCount: isGpu ? 0 : 4,
      nonce: published[0]!.nonce,
    },
  );
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
}
