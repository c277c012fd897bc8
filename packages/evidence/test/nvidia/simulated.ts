/** Simulated devices, manifests and responders: accepted under their own anchors, refused with each defect. */
import { concatBytes, decodeUtf8, utf8 } from '@vitrine/bytes';
import { generateKey } from '@vitrine/simtee';
import {
  type GpuArchitecture,
  type GpuAuthority,
  type GpuDevice,
  type GpuOcspRequest,
  type GpuReportRequest,
  type RimMeasurementRequest,
  createEatService,
  createGpuAuthority,
  createGpuDevice,
  defaultMeasurements,
  issueEat,
  issueGpuOcsp,
  issueGpuReport,
  issueRim,
} from '@vitrine/simtee/nvidia';
import {
  type GpuEvidence,
  type GpuPolicy,
  type RimEvidence,
  appraiseDevices,
  appraiseEat,
  appraiseGpu,
  authenticateEat,
  authenticateGpu,
  authenticateRim,
  nrasIssuer,
} from '../../src/nvidia/index.ts';
import { type Case, type Suite, expectEqual, expectRefused, expectTrue } from '../suite.ts';

const now = new Date('2026-11-25T12:00:00Z');
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const nonce = new Uint8Array(32).fill(0x5a);
const DRIVER = '550.90.07';
const VBIOS = '96.00.9F.00.01';

let shared: Promise<GpuAuthority> | undefined;

function authorityOf(): Promise<GpuAuthority> {
  shared ??= createGpuAuthority({ now });
  return shared;
}

async function newDevice(architecture: GpuArchitecture = 'GH100'): Promise<GpuDevice> {
  return createGpuDevice(await authorityOf(), { architecture });
}

async function authenticate(
  device: GpuDevice,
  request: Partial<GpuReportRequest> = {},
  evidence: Partial<GpuEvidence> = {},
) {
  const { anchors } = await authorityOf();
  const report = await issueGpuReport(device, { nonce, ...request });
  return authenticateGpu({ report, chain: device.chain, anchors: anchors.device, now, ...evidence });
}

function golden(from: number, to: number): RimMeasurementRequest[] {
  const values = defaultMeasurements({ architecture: 'GH100' });
  return values.slice(from, to).map((value, at) => ({ index: from + at, values: [value] }));
}

/** An authentic manifest: the driver's covers indexes 20 to 40, the VBIOS's 0 to 11. */
async function manifest(
  kind: 'driver' | 'vbios',
  change: {
    readonly product?: GpuArchitecture;
    readonly version?: string;
    readonly measurements?: readonly RimMeasurementRequest[];
  } = {},
) {
  const authority = await authorityOf();
  const xml = await issueRim(authority, {
    product: 'GH100',
    version: kind === 'driver' ? DRIVER : VBIOS,
    measurements: kind === 'driver' ? golden(20, 41) : golden(0, 12),
    ...change,
  });
  return authenticateRim({ xml, anchors: authority.anchors.rim, now });
}

function failures({ checks }: { readonly checks: readonly { outcome: string; code?: string }[] }) {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
}

const endToEnd: Case[] = (['GH100', 'GB100', 'LS10'] as const).map((architecture) => ({
  name: `${architecture}: report, chain, OCSP, manifests and nonce are accepted end to end under the simulated roots`,
  run: async () => {
    const device = await newDevice(architecture);
    const ocspResponses = await Promise.all(
      [0, 1, 2, 3].map((at) => issueGpuOcsp(device.holders, at, { now })),
    );
    const report = await authenticate(device, {}, { ocspResponses });
    expectTrue(
      report.checks.every(({ outcome }) => outcome === 'pass'),
      'nothing is left unchecked',
    );
    const isSwitch = architecture === 'LS10';
    expectEqual(report.measurements.length, isSwitch ? 31 : 64);
    const vbiosRim = await manifest('vbios', { product: architecture });
    const appraisal = appraiseGpu(report, {
      nonce,
      vbiosRim,
      ...(isSwitch ? {} : { driverRim: await manifest('driver', { product: architecture }) }),
      requireRims: true,
      requireRevocation: true,
      architectures: [architecture],
    });
    expectEqual([failures(appraisal), appraisal.rim], [[], 'match']);
  },
}));

const anchorCases: Case[] = [
  {
    name: 'the production roots refuse every simulated device',
    run: async () => {
      for (const architecture of ['GH100', 'GB100', 'LS10'] as const) {
        const device = await newDevice(architecture);
        const report = await issueGpuReport(device, { nonce });
        const refused = () => authenticateGpu({ report, chain: device.chain, now });
        await expectRefused(refused, 'GPU_ROOT_UNTRUSTED', architecture);
      }
    },
  },
  {
    name: 'the production roots refuse every simulated manifest',
    run: async () => {
      const xml = await issueRim(await authorityOf(), {
        product: 'GH100',
        version: DRIVER,
        measurements: golden(0, 1),
      });
      await expectRefused(() => authenticateRim({ xml, now }), 'RIM_CHAIN_INVALID');
    },
  },
  {
    name: 'the roots of another simulated authority refuse device and manifest',
    run: async () => {
      const { anchors } = await createGpuAuthority({ now });
      const device = await newDevice();
      await expectRefused(() => authenticate(device, {}, { anchors: anchors.device }), 'GPU_ROOT_UNTRUSTED');
      const xml = await issueRim(await authorityOf(), {
        product: 'GH100',
        version: DRIVER,
        measurements: golden(0, 1),
      });
      await expectRefused(() => authenticateRim({ xml, anchors: anchors.rim, now }), 'RIM_CHAIN_INVALID');
    },
  },
];

const past = new Date(now.getTime() - YEAR_MS);
const future = new Date(now.getTime() + YEAR_MS);

const chainCases: Case[] = [
  ...(['leafDefects', 'bromDefects'] as const).flatMap((place): Case[] => [
    {
      name: `a device whose certificate (${place}) has expired is refused`,
      run: async () => {
        const device = await createGpuDevice(await authorityOf(), { [place]: { notAfter: past } });
        await expectRefused(() => authenticate(device), 'GPU_CHAIN_INVALID');
      },
    },
    {
      name: `a device whose certificate (${place}) is not valid yet is refused`,
      run: async () => {
        const device = await createGpuDevice(await authorityOf(), { [place]: { notBefore: future } });
        await expectRefused(() => authenticate(device), 'GPU_CHAIN_INVALID');
      },
    },
    {
      name: `a device whose certificate (${place}) another key signed is refused`,
      run: async () => {
        const signedBy = await generateKey('P-384');
        const device = await createGpuDevice(await authorityOf(), { [place]: { signedBy } });
        await expectRefused(() => authenticate(device), 'GPU_CHAIN_INVALID');
      },
    },
  ]),
  {
    name: 'a report that another key than the leaf’s signed is refused',
    run: async () => {
      const defects = { signedBy: await generateKey('P-384') };
      await expectRefused(async () => authenticate(await newDevice(), { defects }), 'GPU_SIGNATURE_INVALID');
    },
  },
  {
    name: 'a firmware identity other than the leaf’s is refused, on each architecture, and so is a leaf without',
    run: async () => {
      const fwid = new Uint8Array(48).fill(7);
      for (const architecture of ['GH100', 'GB100', 'LS10'] as const)
        await expectRefused(
          async () => authenticate(await newDevice(architecture), { fwid }),
          'GPU_FWID_MISMATCH',
        );
      const bare = await createGpuDevice(await authorityOf(), { withoutFwid: true });
      await expectRefused(() => authenticate(bare, { fwid }), 'GPU_FWID_MISMATCH');
    },
  },
  {
    name: 'a firmware identity under the longer identifier is read alike',
    run: async () => {
      for (const architecture of ['GH100', 'GB100'] as const) {
        const fwidOid = '2.23.133.5.4.1.1';
        const device = await createGpuDevice(await authorityOf(), { architecture, fwidOid });
        const { checks } = await authenticate(device);
        expectEqual(checks.find(({ rule }) => rule === 'nvidia.gpu.fwid')?.outcome, 'pass');
        await expectRefused(() => authenticate(device, { fwid: new Uint8Array(48) }), 'GPU_FWID_MISMATCH');
      }
    },
  },
];

const ocspDefects: readonly (readonly [string, Partial<GpuOcspRequest>, string])[] = [
  ['revoked', { status: 'revoked' }, 'GPU_CERTIFICATE_REVOKED'],
  ['on hold', { status: 'hold' }, 'GPU_CERTIFICATE_ON_HOLD'],
  ['unknown to the responder', { status: 'unknown' }, 'GPU_OCSP_UNKNOWN'],
  ['spoken of by a stale response', { thisUpdate: past, nextUpdate: past }, 'GPU_OCSP_INVALID'],
  ['spoken of by a response from the future', { thisUpdate: future, nextUpdate: future }, 'GPU_OCSP_INVALID'],
];

async function oneManifest(evidence: Partial<RimEvidence>) {
  const authority = await authorityOf();
  const xml = await issueRim(authority, { product: 'GH100', version: DRIVER, measurements: golden(0, 1) });
  return authenticateRim({ xml, anchors: authority.anchors.rim, now, ...evidence });
}

const ocspCases: Case[] = [
  ...ocspDefects.map(([state, change, code]): Case => ({
    name: `a device with any certificate ${state} is refused`,
    run: async () => {
      const device = await newDevice();
      for (const at of [0, 1, 2, 3]) {
        const ocspResponses = [await issueGpuOcsp(device.holders, at, { now, ...change })];
        await expectRefused(() => authenticate(device, {}, { ocspResponses }), code, `certificate ${at}`);
      }
    },
  })),
  {
    name: 'a response that another key signed, or of another device, is refused',
    run: async () => {
      const device = await newDevice();
      const other = await newDevice();
      const signedBy = await generateKey('P-384');
      for (const response of [
        await issueGpuOcsp(device.holders, 0, { now, signedBy }),
        await issueGpuOcsp(other.holders, 0, { now }),
      ])
        await expectRefused(
          () => authenticate(device, {}, { ocspResponses: [response] }),
          'GPU_OCSP_INVALID',
        );
    },
  },
  ...ocspDefects.map(([state, change, code]): Case => ({
    name: `a manifest with any certificate of its signer's chain ${state} is refused, by a code of its own`,
    run: async () => {
      const { rimChain } = await authorityOf();
      for (const at of rimChain.slice(0, -1).keys()) {
        const ocspResponses = [await issueGpuOcsp(rimChain, at, { now, ...change })];
        await expectRefused(
          () => oneManifest({ ocspResponses }),
          code.replace('GPU_', 'RIM_'),
          `certificate ${at}`,
        );
      }
    },
  })),
  {
    name: 'a response that is none, that another key signed, or of a device, says nothing for a manifest: it is refused',
    run: async () => {
      const { rimChain } = await authorityOf();
      const device = await newDevice();
      const signedBy = await generateKey('P-384');
      for (const response of [
        new Uint8Array(0),
        await issueGpuOcsp(rimChain, 0, { now, signedBy }),
        await issueGpuOcsp(device.holders, 0, { now }),
      ])
        await expectRefused(() => oneManifest({ ocspResponses: [response] }), 'RIM_OCSP_INVALID');
    },
  },
  {
    name: "good responses for a manifest's chain pass, one check each; without them they are not checked",
    run: async () => {
      const { rimChain } = await authorityOf();
      const under = rimChain.slice(0, -1);
      const ocspResponses = await Promise.all(under.map((_, at) => issueGpuOcsp(rimChain, at, { now })));
      const outcomes = async (evidence: object) =>
        (await oneManifest(evidence)).checks
          .filter(({ rule }) => rule === 'nvidia.rim.driver.revocation')
          .map(({ outcome }) => outcome);
      expectEqual(
        await outcomes({ ocspResponses }),
        under.map(() => 'pass'),
      );
      expectEqual(
        await outcomes({}),
        under.map(() => 'not-checked'),
      );
    },
  },
];

const layoutCases: Case[] = (
  [
    ['two fields of one type in the opaque data', { duplicateOpaqueField: true }],
    ['two blocks of one index', { duplicateBlockIndex: true }],
    ['a byte after the signature', { trailing: new Uint8Array(1) }],
  ] as const
).map(([defect, defects]) => ({
  name: `a report with ${defect} is refused`,
  run: async () => {
    for (const architecture of ['GH100', 'LS10'] as const)
      await expectRefused(
        async () => authenticate(await newDevice(architecture), { defects }),
        'GPU_REPORT_MALFORMED',
      );
  },
}));

/** A report of default values against a policy: exactly these codes fail. */
function policyCase(
  name: string,
  request: Partial<GpuReportRequest>,
  policy: () => Promise<GpuPolicy> | GpuPolicy,
  codes: readonly string[],
): Case {
  return {
    name,
    run: async () => {
      const report = await authenticate(await newDevice(), request);
      expectEqual(failures(appraiseGpu(report, await policy())), codes);
    },
  };
}

const policyCases: Case[] = [
  policyCase('another nonce fails', {}, () => ({ nonce: new Uint8Array(32) }), ['GPU_NONCE_MISMATCH']),
  policyCase(
    'a driver manifest of another version fails',
    { driver: '550.90.08' },
    async () => ({ driverRim: await manifest('driver') }),
    ['RIM_VERSION_MISMATCH'],
  ),
  policyCase(
    'a VBIOS manifest of another version fails',
    { vbios: '96.00.9F.00.02' },
    async () => ({ vbiosRim: await manifest('vbios') }),
    ['RIM_VERSION_MISMATCH'],
  ),
  policyCase(
    'a manifest of another product fails',
    {},
    async () => ({ driverRim: await manifest('driver', { product: 'GB100' }) }),
    ['RIM_PRODUCT_MISMATCH'],
  ),
  policyCase(
    'a VBIOS manifest in the place of the driver’s fails',
    {},
    async () => ({ driverRim: await manifest('vbios') }),
    ['RIM_PRODUCT_MISMATCH', 'RIM_VERSION_MISMATCH'],
  ),
  policyCase(
    'any of several alternatives is accepted',
    {},
    async () => {
      const [first] = golden(20, 21);
      const measurements = [{ index: 20, values: [new Uint8Array(48), ...first!.values] }];
      return { driverRim: await manifest('driver', { measurements }) };
    },
    [],
  ),
  policyCase(
    'none of several alternatives fails',
    {},
    async () => {
      const measurements = [{ index: 20, values: [new Uint8Array(48), new Uint8Array(48).fill(200)] }];
      return { driverRim: await manifest('driver', { measurements }) };
    },
    ['GPU_MEASUREMENT_MISMATCH'],
  ),
  policyCase(
    'an inactive measurement is ignored',
    {},
    async () => {
      const wrong = { index: 50, values: [new Uint8Array(48)], active: false };
      return { driverRim: await manifest('driver', { measurements: [...golden(20, 30), wrong] }) };
    },
    [],
  ),
  policyCase(
    'one index in both manifests fails',
    {},
    async () => ({
      driverRim: await manifest('driver', { measurements: golden(11, 30) }),
      vbiosRim: await manifest('vbios'),
    }),
    ['RIM_INDEX_CONFLICT'],
  ),
  policyCase('manifests that are required and missing fail', {}, () => ({ requireRims: true }), [
    'RIM_MISSING',
    'RIM_MISSING',
  ]),
  policyCase(
    'a VBIOS manifest alone fails where both are required',
    {},
    async () => ({ requireRims: true, vbiosRim: await manifest('vbios') }),
    ['RIM_MISSING'],
  ),
  policyCase('revocation that is required and unknown fails', {}, () => ({ requireRevocation: true }), [
    'GPU_REVOCATION_UNKNOWN',
  ]),
  policyCase(
    'PPCIE as asked for is accepted',
    { featureFlag: 'PPCIE', protectedPcie: 'enabled' },
    () => ({ featureFlags: ['PPCIE'], protectedPcie: 'enabled' }),
    [],
  ),
  policyCase(
    'another mode than asked for fails',
    { featureFlag: 'SPT', protectedPcie: 'disabled' },
    () => ({ featureFlags: ['PPCIE', 'MPT'], protectedPcie: 'enabled' }),
    ['GPU_FEATURE_MISMATCH', 'GPU_PROTECTED_PCIE_MISMATCH'],
  ),
  policyCase(
    'a mode that is asked for and not stated fails',
    {},
    () => ({ featureFlags: ['MPT'], protectedPcie: 'disabled' }),
    ['GPU_FEATURE_MISMATCH', 'GPU_PROTECTED_PCIE_MISMATCH'],
  ),
  {
    name: 'one wrong measurement fails and is named by its index, wherever it stands',
    run: async () => {
      const device = await newDevice();
      const rims = { driverRim: await manifest('driver'), vbiosRim: await manifest('vbios') };
      for (const index of [0, 11, 20, 34, 36, 40]) {
        const measurements = defaultMeasurements(device);
        measurements[index] = new Uint8Array(48).fill(0xee);
        const appraisal = appraiseGpu(await authenticate(device, { measurements }), rims);
        expectEqual(
          [failures(appraisal), appraisal.mismatchedIndexes, appraisal.rim],
          [['GPU_MEASUREMENT_MISMATCH'], [index], 'mismatch'],
        );
      }
    },
  },
  {
    name: 'measurement 35 is let go where the video decoder is off, and only there',
    run: async () => {
      const device = await newDevice();
      const driverRim = await manifest('driver');
      const measurements = defaultMeasurements(device);
      measurements[35] = new Uint8Array(48).fill(0xee);
      const found = async (nvdec0: 'enabled' | 'disabled') =>
        appraiseGpu(await authenticate(device, { measurements, nvdec0 }), { driverRim }).mismatchedIndexes;
      expectEqual([await found('disabled'), await found('enabled')], [[], [35]]);
    },
  },
];

const machineCases: Case[] = [
  {
    name: 'a machine with the devices that are expected is accepted; with others, or one twice, not',
    run: async () => {
      const gpu = { report: await authenticate(await newDevice()) };
      const second = { report: await authenticate(await newDevice()) };
      const fabric = { report: await authenticate(await newDevice('LS10')) };
      const codes = (gpus: (typeof gpu)[], switches: (typeof gpu)[]) =>
        failures(appraiseDevices({ gpus, switches }, { expectedGpuCount: 2, expectedSwitchCount: 1, nonce }));
      expectEqual(codes([gpu, second], [fabric]), []);
      expectEqual(codes([gpu, gpu], [fabric]), ['GPU_DEVICE_REPEATED']);
      expectEqual(codes([gpu], [fabric]), ['GPU_COUNT_MISMATCH']);
      expectEqual(codes([gpu, second], []), ['GPU_COUNT_MISMATCH']);
      expectEqual(codes([gpu, fabric], [second]), ['GPU_COUNT_MISMATCH', 'GPU_COUNT_MISMATCH']);
    },
  },
];

const manifestCases: Case[] = [
  {
    name: 'a manifest that was changed after it was signed is refused',
    run: async () => {
      const authority = await authorityOf();
      const xml = decodeUtf8(
        await issueRim(authority, { product: 'GH100', version: DRIVER, measurements: golden(20, 41) }),
      );
      const changes: readonly (readonly [string, string])[] = [
        [DRIVER, '550.90.08'],
        ['product="GH100"', 'product="GB100"'],
        ['Hash0="151515', 'Hash0="161515'],
        ['index="20" active="True"', 'index="20" active="False"'],
      ];
      const authenticateText = (text: string) =>
        authenticateRim({ xml: utf8(text), anchors: authority.anchors.rim, now });
      await authenticateText(xml);
      for (const [from, to] of changes) {
        expectTrue(xml.includes(from), `the manifest has ${from}`);
        await expectRefused(() => authenticateText(xml.replace(from, to)), 'RIM_SIGNATURE_INVALID', from);
      }
    },
  },
  {
    name: 'a manifest whose signer has expired, is not valid yet, or has another issuer is refused',
    run: async () => {
      const authority = await authorityOf();
      const signedBy = await generateKey('P-384');
      for (const [defects, code] of [
        [{ notAfter: new Date(now.getTime() - 1000) }, 'RIM_EXPIRED'],
        [{ notBefore: new Date(now.getTime() + 1000) }, 'RIM_EXPIRED'],
        [{ signedBy }, 'RIM_CHAIN_INVALID'],
      ] as const) {
        const chain = await authority.issueRimSigner(defects);
        const xml = await issueRim(authority, {
          product: 'GH100',
          version: DRIVER,
          measurements: golden(0, 1),
          signedBy: chain,
        });
        await expectRefused(() => authenticateRim({ xml, anchors: authority.anchors.rim, now }), code);
      }
    },
  },
  {
    name: 'a manifest of another signer than the certificate in it is refused, and so is a device’s chain',
    run: async () => {
      const authority = await authorityOf();
      const [signer, ...above] = authority.rimChain;
      const device = await newDevice();
      for (const [signedBy, code] of [
        [[{ ...signer!, key: await generateKey('P-384') }, ...above], 'RIM_SIGNATURE_INVALID'],
        [device.holders, 'RIM_CHAIN_INVALID'],
      ] as const) {
        const request = { product: 'GH100', version: DRIVER, measurements: golden(0, 1), signedBy } as const;
        const xml = await issueRim(authority, request);
        await expectRefused(() => authenticateRim({ xml, anchors: authority.anchors.rim, now }), code);
      }
    },
  },
];

const tokenCases: Case[] = [
  {
    name: 'simulated tokens are accepted under their own keys and refused with each defect',
    run: async () => {
      const service = await createEatService();
      const request = { now, nonce, devices: { 'GPU-0': {}, 'GPU-1': {} } };
      const authenticated = async (change: object, at = now) =>
        authenticateEat({
          eat: await issueEat(service, { ...request, ...change }),
          jwks: service.jwks,
          now: at,
        });
      const appraised = async (change: object) =>
        failures(appraiseEat(await authenticated(change), { nonce }));
      expectEqual(await appraised({}), []);
      expectEqual(await appraised({ issuer: `${nrasIssuer}.example` }), ['EAT_ISSUER_MISMATCH']);
      expectEqual(await appraised({ nonce: new Uint8Array(32) }), ['EAT_NONCE_MISMATCH']);
      expectEqual(await appraised({ overallResult: false }), ['EAT_RESULT_FAILED']);
      expectEqual(await appraised({ devices: { 'GPU-0': { measres: 'fail' } } }), ['EAT_DEVICE_FAILED']);
      const digests = { 'GPU-1': new Uint8Array(32) };
      await expectRefused(() => authenticated({ digests }), 'EAT_DIGEST_MISMATCH');
      const signedBy = await generateKey('P-384');
      await expectRefused(() => authenticated({ signedBy }), 'EAT_SIGNATURE_INVALID');
      await expectRefused(() => authenticated({}, future), 'EAT_EXPIRED');
      await expectRefused(() => authenticated({}, past), 'EAT_NOT_YET_VALID');
      const devices = { 'GPU-0': { iss: 'https://example.com' } };
      await expectRefused(() => authenticated({ devices }), 'EAT_TOKENS_DISAGREE');
      const eat = concatBytes(await issueEat(service, request), utf8('x'));
      await expectRefused(() => authenticateEat({ eat, jwks: service.jwks, now }), 'EAT_MALFORMED');
    },
  },
];

export const simulatedSuites: readonly Suite[] = [
  { name: 'NVIDIA, simulated: accepted end to end', cases: endToEnd },
  { name: 'NVIDIA, simulated: trust anchors', cases: anchorCases },
  { name: 'NVIDIA, simulated: certificates and signatures', cases: chainCases },
  { name: 'NVIDIA, simulated: revocation', cases: ocspCases },
  { name: 'NVIDIA, simulated: layout', cases: layoutCases },
  { name: 'NVIDIA, simulated: policy', cases: policyCases },
  { name: 'NVIDIA, simulated: machines', cases: machineCases },
  { name: 'NVIDIA, simulated: manifests', cases: manifestCases },
  { name: 'NVIDIA, simulated: tokens', cases: tokenCases },
];
