/** TCB levels and their convergence, and each rule of a policy: it passes, and it fails by its own code. */
import {
  type TdxPolicy,
  type TdxTcbStatus,
  appraiseTdx,
  authenticateTdx,
  converge,
  withRelaunch,
} from '@vitrine/evidence/tdx';
import type { TdxCollateralRequest, TdxQuoteRequest } from '@vitrine/simtee';
import { type Case, type Suite, expectEqual, expectTrue } from '../suite.ts';
import { type EvidenceRequest, authenticated, evidenceOf, now, without } from './simulated.ts';

const svns = (...first: readonly number[]): number[] => [
  ...first,
  ...new Array<number>(16 - first.length).fill(0),
];
const svnBytes = (...first: readonly number[]): Uint8Array => Uint8Array.from(svns(...first));

type Level = (typeof platformStatuses)[number];
const platformStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

/** What a component that is out of date makes of the platform's status (Intel QVL). */
const withOutOfDate: Readonly<Record<Level, Level>> = {
  UpToDate: 'OutOfDate',
  SWHardeningNeeded: 'OutOfDate',
  ConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  ConfigurationAndSWHardeningNeeded: 'OutOfDateConfigurationNeeded',
  OutOfDate: 'OutOfDate',
  OutOfDateConfigurationNeeded: 'OutOfDateConfigurationNeeded',
  Revoked: 'Revoked',
};

const convergence: Case[] = platformStatuses.map((status) => ({
  name: `a platform that is ${status} converges with module and QE`,
  run: async () => {
    const tcb = async (collateral: TdxCollateralRequest) =>
      (await authenticated({ collateral: { levels: [{ status }], ...collateral } })).tcb.status;
    const module = (level: Level) => ({
      modules: [{ id: 'TDX_01', levels: [{ isvSvn: 5, status: level }] }],
    });
    const qe = (level: Level) => ({ qeLevels: [{ isvSvn: 4, status: level }] });
    expectEqual(await tcb({}), status, 'alone');
    expectEqual(await tcb(module('OutOfDate')), withOutOfDate[status], 'module out of date');
    expectEqual(await tcb(qe('OutOfDate')), withOutOfDate[status], 'QE out of date');
    expectEqual(await tcb(module('Revoked')), 'Revoked', 'module revoked');
    expectEqual(await tcb(qe('Revoked')), 'Revoked', 'QE revoked');
  },
}));

const upToDate = { status: 'UpToDate' } as const;
const statuses: readonly (readonly [string, EvidenceRequest, TdxTcbStatus])[] = [
  ['no platform level is reached', { collateral: { levels: [{ ...upToDate, pceSvn: 14 }] } }, 'NotSupported'],
  [
    'an SGX component is below every level',
    { collateral: { levels: [{ ...upToDate, sgxComponentSvns: svns(6) }] } },
    'NotSupported',
  ],
  [
    'the last SGX component is below',
    { collateral: { levels: [{ ...upToDate, sgxComponentSvns: [...svns().slice(1), 6] }] } },
    'NotSupported',
  ],
  [
    'the microcode is below',
    { collateral: { levels: [{ ...upToDate, tdxComponentSvns: svns(5, 0, 6) }] } },
    'NotSupported',
  ],
  ['there are no levels', { collateral: { levels: [] } }, 'NotSupported'],
  [
    'no module level is reached',
    { collateral: { modules: [{ id: 'TDX_01', levels: [{ isvSvn: 6, status: 'UpToDate' }] }] } },
    'NotSupported',
  ],
  [
    'no QE level is reached',
    { collateral: { qeLevels: [{ isvSvn: 5, status: 'UpToDate' }] } },
    'NotSupported',
  ],
  [
    'a module with a version is not held to the components 0 and 1 of the platform',
    { collateral: { levels: [{ ...upToDate, tdxComponentSvns: svns(9, 9, 5) }] } },
    'UpToDate',
  ],
  [
    'a module without a version is held to component 0',
    {
      quote: { teeTcbSvn: svnBytes(5, 0, 5) },
      collateral: { levels: [{ ...upToDate, tdxComponentSvns: svns(6, 0, 5) }] },
    },
    'NotSupported',
  ],
  [
    'a module without a version that reaches component 0',
    {
      quote: { teeTcbSvn: svnBytes(5, 0, 5) },
      collateral: { levels: [{ ...upToDate, tdxComponentSvns: svns(5, 0, 5) }] },
    },
    'UpToDate',
  ],
  [
    'the first level that is reached counts, not the best',
    {
      collateral: {
        levels: [
          { status: 'UpToDate', pceSvn: 14 },
          { status: 'OutOfDate', pceSvn: 12 },
          { status: 'UpToDate', pceSvn: 1 },
        ],
      },
    },
    'OutOfDate',
  ],
];

const levels: Case[] = statuses.map(([what, request, status]) => ({
  name: `${what}: ${status}`,
  run: async () => expectEqual((await authenticated(request)).tcb.status, status),
}));

const relaunchModules = {
  modules: [
    {
      id: 'TDX_01',
      levels: [
        { isvSvn: 7, status: 'UpToDate' },
        { isvSvn: 3, status: 'OutOfDate' },
      ],
    },
  ],
} as const;
const relaunch = (platform: Level, now2: Uint8Array): EvidenceRequest => ({
  quote: { format: 'v5-td1.5', teeTcbSvn: svnBytes(5, 1, 5), teeTcbSvn2: now2 },
  collateral: { ...relaunchModules, levels: [{ status: platform }] },
});

/** Two platform levels that differ in microcode loaded late, index 2 of the TDX components. */
const lateMicrocode = (teeTcbSvn: Uint8Array, teeTcbSvn2: Uint8Array): EvidenceRequest => ({
  quote: { format: 'v5-td1.5', teeTcbSvn, teeTcbSvn2 },
  collateral: {
    ...relaunchModules,
    levels: [
      { status: 'UpToDate', tdxComponentSvns: svns(0, 0, 6) },
      { status: 'UpToDate', tdxComponentSvns: svns(0, 0, 5) },
      { status: 'OutOfDate', tdxComponentSvns: svns(0, 0, 4) },
    ],
  },
});

const relaunches: readonly (readonly [string, EvidenceRequest, TdxTcbStatus])[] = [
  [
    'launched on an old module, a current one runs',
    relaunch('UpToDate', svnBytes(7, 1, 5)),
    'TDRelaunchAdvised',
  ],
  [
    'the same on a platform that needs configuration',
    relaunch('ConfigurationNeeded', svnBytes(7, 1, 5)),
    'TDRelaunchAdvisedConfigurationNeeded',
  ],
  [
    'the module was current at launch, only microcode was old: a relaunch is not advised',
    lateMicrocode(svnBytes(7, 1, 4), svnBytes(7, 1, 6)),
    'OutOfDate',
  ],
  [
    'module and microcode were old at launch, both are the latest now',
    lateMicrocode(svnBytes(5, 1, 4), svnBytes(7, 1, 6)),
    'TDRelaunchAdvised',
  ],
  [
    'the module is the latest now, microcode is up to date and not the latest',
    lateMicrocode(svnBytes(5, 1, 5), svnBytes(7, 1, 5)),
    'OutOfDate',
  ],
  [
    'the quoting enclave is out of date, whatever the modules',
    {
      ...relaunch('UpToDate', svnBytes(7, 1, 5)),
      collateral: { ...relaunchModules, qeLevels: [{ isvSvn: 4, status: 'OutOfDate' }] },
    },
    'OutOfDate',
  ],
  ['an old module runs still', relaunch('UpToDate', svnBytes(5, 1, 5)), 'OutOfDate'],
  ['the platform is out of date whatever the module', relaunch('OutOfDate', svnBytes(7, 1, 5)), 'OutOfDate'],
  ['the platform is revoked', relaunch('Revoked', svnBytes(7, 1, 5)), 'Revoked'],
  ['the module that runs is of no level', relaunch('UpToDate', svnBytes(1, 1, 5)), 'NotSupported'],
  [
    'launched on a current module',
    { quote: { format: 'v5-td1.5', teeTcbSvn: svnBytes(7, 1, 5) }, collateral: relaunchModules },
    'UpToDate',
  ],
];

const relaunchCases: Case[] = relaunches.map(([what, request, status]) => ({
  name: `${what}: ${status}`,
  run: async () => expectEqual((await authenticated(request)).tcb.status, status),
}));

const evaluation: Case[] = [
  ...convergence,
  ...levels,
  ...relaunchCases,
  {
    name: 'advisories are those of platform, module and QE, the date is the earliest',
    run: async () => {
      const date = (day: string): Date => new Date(`${day}T00:00:00Z`);
      const { tcb } = await authenticated({
        collateral: {
          levels: [
            {
              status: 'UpToDate',
              advisoryIds: ['INTEL-SA-00003', 'INTEL-SA-00001'],
              tcbDate: date('2024-03-01'),
            },
          ],
          modules: [
            {
              id: 'TDX_01',
              levels: [
                {
                  isvSvn: 5,
                  status: 'UpToDate',
                  advisoryIds: ['INTEL-SA-00002'],
                  tcbDate: date('2024-01-01'),
                },
              ],
            },
          ],
          qeLevels: [
            { isvSvn: 4, status: 'UpToDate', advisoryIds: ['INTEL-SA-00001'], tcbDate: date('2024-02-01') },
          ],
        },
      });
      expectEqual(tcb.advisoryIds, ['INTEL-SA-00001', 'INTEL-SA-00002', 'INTEL-SA-00003']);
      expectEqual(tcb.tcbDate?.toISOString(), '2024-01-01T00:00:00.000Z');
    },
  },
  {
    name: 'convergence never makes a status better',
    run: () => {
      for (const a of platformStatuses) {
        expectEqual(converge([a]), a);
        for (const b of platformStatuses) expectEqual(converge([a, b]), converge([b, a]));
        expectEqual(converge([a, 'Revoked']), 'Revoked');
        for (const useful of [true, false]) expectEqual(withRelaunch(a, 'Revoked', useful), 'Revoked');
        for (const b of platformStatuses) expectEqual(withRelaunch(a, b, false), converge([a, b]));
      }
    },
  },
];

const bytes48 = (value: number): Uint8Array => new Uint8Array(48).fill(value);
const bytes8 = (...first: readonly number[]): Uint8Array =>
  Uint8Array.from([...first, ...new Array<number>(8 - first.length).fill(0)]);
const outOfDate = {
  levels: [
    { status: 'OutOfDate', tcbDate: new Date('2025-01-01T00:00:00Z'), advisoryIds: ['INTEL-SA-00009'] },
  ],
} as const;

/** Rule, code, evidence and policy that pass, evidence and policy that fail. */
type PolicyRow = readonly [
  rule: string,
  code: string,
  pass: readonly [EvidenceRequest, TdxPolicy],
  fail: readonly [EvidenceRequest, TdxPolicy],
];

function pinned(
  rule: string,
  code: string,
  quote: TdxQuoteRequest,
  good: TdxPolicy,
  bad: TdxPolicy,
): PolicyRow {
  return [rule, code, [{ quote }, good], [{ quote }, bad]];
}

const policyRows: readonly PolicyRow[] = [
  ['tcb-status', 'QV_RESULT_NOT_ACCEPTED_BY_POLICY', [{}, {}], [{ collateral: outOfDate }, {}]],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [{ collateral: outOfDate }, { acceptedTcbStatuses: ['OutOfDate'] }],
    [{}, { acceptedTcbStatuses: ['OutOfDate'] }],
  ],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [{ collateral: outOfDate }, { outOfDateGraceDays: 58 }],
    [{ collateral: outOfDate }, { outOfDateGraceDays: 57 }],
  ],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [
      { collateral: { levels: [{ status: 'SWHardeningNeeded' }] } },
      { acceptedTcbStatuses: ['SWHardeningNeeded'] },
    ],
    [{ collateral: { levels: [{ status: 'SWHardeningNeeded' }] } }, { outOfDateGraceDays: 9999 }],
  ],
  [
    'tcb-status',
    'TCB_REVOKED',
    [{}, {}],
    [{ collateral: { levels: [{ status: 'Revoked' }] } }, { acceptedTcbStatuses: 'any' }],
  ],
  ['tcb-status', 'QV_RESULT_TERMINAL_UNSPECIFIED', [{}, {}], [{ collateral: { levels: [] } }, {}]],
  [
    'advisories',
    'ADVISORY_NOT_ACCEPTED',
    [
      { collateral: outOfDate },
      { acceptedTcbStatuses: ['OutOfDate'], advisories: { allowed: ['INTEL-SA-00009'] } },
    ],
    [{ collateral: outOfDate }, { advisories: { allowed: [] } }],
  ],
  [
    'advisories',
    'ADVISORY_NOT_ACCEPTED',
    [{}, { advisories: { denied: ['INTEL-SA-00009'] } }],
    [{ collateral: outOfDate }, { advisories: { denied: ['INTEL-SA-00009'] } }],
  ],
  [
    'evaluation-data-number.tcb-info',
    'TCB_EVAL_DATA_NUMBER_TOO_LOW',
    [{}, { minTcbEvaluationDataNumber: 17 }],
    [{}, { minTcbEvaluationDataNumber: 18 }],
  ],
  [
    'evaluation-data-number.qe-identity',
    'TCB_EVAL_DATA_NUMBER_TOO_LOW',
    [{}, { minTcbEvaluationDataNumber: 17 }],
    [{ collateral: { qeEvaluationDataNumber: 16 } }, { minTcbEvaluationDataNumber: 17 }],
  ],
  [
    'tee-tcb-svn',
    'TEE_TCB_SVN_BELOW_MINIMUM',
    [{}, { minTeeTcbSvn: svnBytes(5, 1, 5) }],
    [{}, { minTeeTcbSvn: svnBytes(5, 1, 6) }],
  ],
  [
    'tee-tcb-svn',
    'TEE_TCB_SVN_BELOW_MINIMUM',
    [{}, { minTeeTcbSvn: svnBytes() }],
    [{}, { minTeeTcbSvn: new Uint8Array(0) }],
  ],
  [
    'debug',
    'TD_ATTRIBUTES_DEBUG_SET',
    [{ quote: { tdAttributes: bytes8(1, 0, 0, 0x10) } }, { allowDebug: true }],
    [{ quote: { tdAttributes: bytes8(1, 0, 0, 0x10) } }, {}],
  ],
  [
    'attributes.reserved',
    'TD_ATTRIBUTES_RESERVED_BIT_SET',
    [{}, {}],
    [{ quote: { tdAttributes: bytes8(0x80, 0, 0, 0x10) } }, { allowDebug: true }],
  ],
  [
    'attributes.reserved',
    'TD_ATTRIBUTES_RESERVED_BIT_SET',
    [{ quote: { tdAttributes: bytes8(0, 0, 0, 0xd0, 0, 0, 0, 0x80) } }, {}],
    [{ quote: { tdAttributes: bytes8(0, 1, 0, 0x10) } }, {}],
  ],
  [
    'sept-ve-disable',
    'TD_ATTRIBUTES_SEPT_VE_DISABLE_CLEAR',
    [{}, {}],
    [{ quote: { tdAttributes: bytes8() } }, {}],
  ],
  ['xfam.required', 'XFAM_REQUIRED_BIT_CLEAR', [{}, {}], [{ quote: { xfam: bytes8(0xe6, 0x1a, 6) } }, {}]],
  [
    'xfam.required',
    'XFAM_REQUIRED_BIT_CLEAR',
    [{}, { xfam: { required: 4n } }],
    [{}, { xfam: { required: 1n << 8n } }],
  ],
  ['xfam.forbidden', 'XFAM_FORBIDDEN_BIT_SET', [{}, {}], [{ quote: { xfam: bytes8(0xe7, 0x1a, 6, 1) } }, {}]],
  [
    'xfam.forbidden',
    'XFAM_FORBIDDEN_BIT_SET',
    [{}, { xfam: { forbidden: 1n << 8n } }],
    [{}, { xfam: { forbidden: 4n } }],
  ],
  pinned(
    'td-attributes',
    'TD_ATTRIBUTES_MISMATCH',
    {},
    { tdAttributes: bytes8(0, 0, 0, 0x10) },
    { tdAttributes: bytes8() },
  ),
  pinned('xfam', 'XFAM_MISMATCH', {}, { exactXfam: bytes8(0xe7, 0x1a, 6) }, { exactXfam: bytes8(3) }),
  pinned(
    'seam-attributes',
    'SEAM_ATTRIBUTES_MISMATCH',
    {},
    { seamAttributes: bytes8() },
    { seamAttributes: bytes8(1) },
  ),
  pinned(
    'mrseam',
    'MR_SEAM_NOT_ALLOWED',
    { mrSeam: bytes48(1) },
    { mrSeam: [bytes48(2), bytes48(1)] },
    { mrSeam: [bytes48(2)] },
  ),
  pinned('mrseam', 'MR_SEAM_NOT_ALLOWED', { mrSeam: bytes48(1) }, { mrSeam: [bytes48(1)] }, { mrSeam: [] }),
  pinned(
    'mrsignerseam',
    'MR_SIGNER_SEAM_MISMATCH',
    {},
    { mrSignerSeam: bytes48(0) },
    { mrSignerSeam: bytes48(1) },
  ),
  pinned('mrtd', 'MRTD_MISMATCH', { mrTd: bytes48(1) }, { mrTd: bytes48(1) }, { mrTd: bytes48(2) }),
  pinned(
    'mrtd',
    'MRTD_MISMATCH',
    { mrTd: bytes48(1) },
    { mrTd: bytes48(1) },
    { mrTd: bytes48(1).subarray(1) },
  ),
  pinned(
    'mrconfigid',
    'MR_CONFIG_ID_MISMATCH',
    { mrConfigId: bytes48(1) },
    { mrConfigId: bytes48(1) },
    { mrConfigId: bytes48(2) },
  ),
  pinned(
    'mrowner',
    'MR_OWNER_MISMATCH',
    { mrOwner: bytes48(1) },
    { mrOwner: bytes48(1) },
    { mrOwner: bytes48(2) },
  ),
  pinned(
    'mrownerconfig',
    'MR_OWNER_CONFIG_MISMATCH',
    { mrOwnerConfig: bytes48(1) },
    { mrOwnerConfig: bytes48(1) },
    { mrOwnerConfig: bytes48(2) },
  ),
  ...([0, 1, 2, 3] as const).map((index) =>
    pinned(
      `rtmr${index}`,
      `RTMR${index}_MISMATCH`,
      { rtmrs: [1, 2, 3, 4].map(bytes48) },
      { [`rtmr${index}`]: bytes48(index + 1) },
      { [`rtmr${index}`]: bytes48(9) },
    ),
  ),
  [
    'rtmr3',
    'RTMR3_NONZERO',
    [{}, { rtmr3: bytes48(0) }],
    [{ quote: { rtmrs: [1, 2, 3, 4].map(bytes48) } }, { rtmr3: bytes48(0) }],
  ],
  pinned(
    'report-data',
    'REPORT_DATA_MISMATCH',
    { reportData: new Uint8Array(64).fill(7) },
    { reportData: new Uint8Array(64).fill(7) },
    { reportData: new Uint8Array(64) },
  ),
  pinned(
    'mrservicetd',
    'MR_SERVICE_TD_MISMATCH',
    { format: 'v5-td1.5', mrServiceTd: bytes48(1) },
    { mrServiceTd: bytes48(1) },
    { mrServiceTd: bytes48(0) },
  ),
  [
    'mrservicetd',
    'MR_SERVICE_TD_MISMATCH',
    [{ quote: { format: 'v5-td1.5' } }, { mrServiceTd: bytes48(0) }],
    [{}, { mrServiceTd: bytes48(0) }],
  ],
  pinned(
    'qe-vendor-id',
    'QE_VENDOR_ID_MISMATCH',
    {},
    {
      qeVendorId: Uint8Array.of(
        0x93,
        0x9a,
        0x72,
        0x33,
        0xf7,
        0x9c,
        0x4c,
        0xa9,
        0x94,
        0x0a,
        0x0d,
        0xb3,
        0x95,
        0x7f,
        0x06,
        0x07,
      ),
    },
    { qeVendorId: new Uint8Array(16) },
  ),
  pinned(
    'fmspc',
    'PCK_FMSPC_MISMATCH',
    {},
    { fmspc: [Uint8Array.of(0x50, 0x80, 0x6f, 0, 0, 0)] },
    { fmspc: [new Uint8Array(6)] },
  ),
];

const rules: Case[] = policyRows.map(
  ([rule, code, [goodEvidence, goodPolicy], [badEvidence, badPolicy]], index) => ({
    name: `policy ${index + 1}: ${rule} passes, and fails as ${code}`,
    run: async () => {
      const find = async (request: EvidenceRequest, policy: TdxPolicy) =>
        appraiseTdx(await authenticated(request), policy).checks.find(
          (check) => check.rule === `tdx.policy.${rule}`,
        );
      expectEqual((await find(goodEvidence, goodPolicy))?.outcome, 'pass');
      const failure = await find(badEvidence, badPolicy);
      expectEqual([failure?.outcome, failure?.code], ['fail', code]);
    },
  }),
);

const collateralRules: Case[] = [
  {
    name: 'a quote without collateral is not acceptable, unless the policy says so, and then is not called checked',
    run: async () => {
      const { quote, anchors, collateral } = await evidenceOf();
      const bare = await authenticateTdx({ quote, anchors, now });
      const codes = appraiseTdx(bare)
        .checks.filter(({ outcome }) => outcome === 'fail')
        .map(({ code }) => code);
      expectEqual(codes, ['COLLATERAL_INCOMPLETE']);
      const lenient = appraiseTdx(bare, {
        requireCollateral: false,
        minTcbEvaluationDataNumber: 1,
        advisories: { allowed: [] },
      });
      expectTrue(lenient.acceptable, 'acceptable by a policy that does without');
      expectEqual(lenient.checks.filter(({ outcome }) => outcome === 'not-checked').length, 5);
      const half = without(collateral, 'rootCrl');
      const partly = await authenticateTdx({ quote, anchors, now, collateral: half });
      expectEqual(appraiseTdx(partly).acceptable, false);
    },
  },
  {
    name: 'the default policy accepts a sound quote, each rule passed',
    run: async () => {
      const { checks, acceptable } = appraiseTdx(await authenticated());
      expectTrue(acceptable, 'acceptable');
      expectEqual(
        checks.filter(({ outcome }) => outcome !== 'pass'),
        [],
      );
    },
  },
];

export const appraisal: Suite = {
  name: 'tdx appraisal',
  cases: [...evaluation, ...rules, ...collateralRules],
};
