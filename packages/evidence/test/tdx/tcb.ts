/** The TCB's status: levels, what they converge to, and when a relaunch is advised. */
import { type TdxTcbStatus, converge, withRelaunch } from '@vitrine/evidence/tdx';
import type { TdxCollateralRequest } from '@vitrine/simtee';
import { type Case, type Suite, expectEqual } from '../suite.ts';
import { type EvidenceRequest, authenticated } from './simulated.ts';

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

export const tcbSuite: Suite = { name: 'tdx TCB', cases: evaluation };
