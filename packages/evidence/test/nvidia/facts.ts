/** What is embedded and what is read, against the published files and what other implementations read in them. */
import { decodeUtf8, digest, fromBase64, toHex } from '@vitrine/bytes';
import { parsePemCertificates } from '@vitrine/x509';
import {
  type GpuReport,
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
  nvidiaCertificates,
  nvidiaTrustAnchors,
  opaqueType,
  parseGpuEvidenceJson,
  parseGpuReport,
  parseRim,
  rimIds,
} from '../../src/nvidia/index.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';

const anchors: Case[] = [
  {
    name: 'the SHA-256 of each embedded root is the one that stands beside it',
    run: async () => {
      for (const { sha256, base64 } of Object.values(nvidiaCertificates))
        expectEqual(toHex(await digest('SHA-256', fromBase64(base64))), sha256);
    },
  },
  {
    name: 'the embedded roots are the published ones, and sign themselves to be authorities',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const { device, rim } = nvidiaTrustAnchors();
      for (const [path, [anchor]] of [
        ['device_root.pem', device],
        ['rim_root.pem', rim],
      ] as const) {
        const [published] = parsePemCertificates(decodeUtf8(await fixture(`anchors/nvidia/${path}`)), path);
        expectEqual(anchor!.der, published!.der, path);
      }
    },
  },
  {
    name: 'a RIM signer’s certificate as the only root verifies no manifest',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const pem = decodeUtf8(await fixture('nvidia/rim/attestation-sdk/incorrect_rim_root.pem'));
      const wrong = parsePemCertificates(pem, 'wrong root');
      for (const [path, time] of manifests) {
        const xml = await fixture(`nvidia/rim/${path}`);
        const attempt = () => authenticateRim({ xml, anchors: wrong, now: new Date(time) });
        await expectRefused(attempt, 'RIM_CHAIN_INVALID', path);
      }
    },
  },
  {
    name: 'the roots of devices and of manifests do not stand in for each other',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const [path, time] = manifests[0]!;
      const xml = await fixture(`nvidia/rim/${path}`);
      const { device } = nvidiaTrustAnchors();
      const now = new Date(time);
      await expectRefused(() => authenticateRim({ xml, anchors: device, now }), 'RIM_CHAIN_INVALID');
    },
  },
];

/** File, time, kind, product, version, active measurements. */
const manifests: readonly (readonly [string, string, 'driver' | 'vbios', string, string, number])[] = [
  ['nvtrust/1010_0200_882_96005E0001_PROD.swidtag', '2024-06-22', 'vbios', 'GH100', '96.00.5E.00.01', 12],
  [
    'nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag',
    '2024-06-22',
    'vbios',
    'GH100',
    '96.00.5E.00.01',
    12,
  ],
  ['nvtrust/1010_0200_882_96005E0003_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.5E.00.03', 12],
  ['nvtrust/1010_0200_882_960074001A_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.1A', 12],
  ['nvtrust/1010_0200_882_960074001C_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.1C', 12],
  ['nvtrust/1010_0205_862_96005E0002_PROD.swidtag', '2024-06-27', 'vbios', 'GH100', '96.00.5E.00.02', 12],
  ['nvtrust/1010_0205_862_96005E0004_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.5E.00.04', 12],
  ['nvtrust/1010_0205_862_960074001F_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.1F', 12],
  ['nvtrust/1010_0205_862_9600740020_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.20', 12],
  ['nvtrust/1010_0210_886_9600740011_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.11', 12],
  ['nvtrust/1010_0215_866_9600740010_PROD.swidtag', '2024-09-05', 'vbios', 'GH100', '96.00.74.00.10', 12],
  ['nvtrust/Driver_RIM_test_no_gpu.swidtag', '2024-06-26', 'driver', 'GH100', '545.00', 21],
  ['nvtrust/g520_0200_885_9600740001_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.01', 12],
  ['nvtrust/g520_0200_885_960074000D_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.0D', 12],
  ['nvtrust/g520_0202_885_96006D0008_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.08', 12],
  ['nvtrust/g520_0202_885_96006D0027_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.27', 12],
  ['nvtrust/g520_0202_885_9600740014_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.14', 12],
  ['nvtrust/g520_0202_885_9600740018_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.18', 12],
  ['nvtrust/g520_0205_865_9600740006_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.06', 12],
  ['nvtrust/g520_0205_865_960074000F_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.0F', 12],
  ['nvtrust/g520_0207_865_9600740015_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.15', 12],
  ['nvtrust/g520_0207_865_9600740019_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.74.00.19', 12],
  ['nvtrust/g520_0213_881_96006D0007_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.07', 12],
  ['nvtrust/g520_0213_881_96006D0026_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.26', 12],
  ['nvtrust/g520_0228_889_96006D000A_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.0A', 12],
  ['nvtrust/g520_0228_889_96006D0029_PROD.swidtag', '2024-08-24', 'vbios', 'GH100', '96.00.6D.00.29', 12],
  ['attestation-sdk/NV_GPU_DRIVER_GH100_550.144.03.xml', '2025-12-30', 'driver', 'GH100', '550.144.03', 21],
  [
    'attestation-sdk/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml',
    '2027-02-09',
    'vbios',
    'LS10',
    '96.10.55.00.01',
    31,
  ],
  [
    'attestation-sdk/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml',
    '2024-12-12',
    'vbios',
    'GH100',
    '96.00.5E.00.01',
    12,
  ],
];

const refusedManifests: readonly (readonly [string, string, string])[] = [
  ['incorrect_cert_chain_driver_rim.xml', '2026-02-01', 'RIM_CHAIN_INVALID'],
  ['incorrect_signature_driver_rim.xml', '2025-12-30', 'RIM_SIGNATURE_INVALID'],
  ['NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml', '2026-05-12', 'RIM_SIGNATURE_INVALID'],
  ['NV_GPU_DRIVER_GH100_570.124.03_expired.xml', '2025-01-01T12:00:00Z', 'RIM_SIGNATURE_INVALID'],
  ['NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml', '2025-05-20', 'RIM_SIGNATURE_INVALID'],
  ['NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml', '2024-12-12', 'RIM_SIGNATURE_INVALID'],
];

const manifestCases: Case[] = [
  ...manifests.map(([path, time, kind, product, version, activeCount]) => ({
    name: `${path} is authentic at ${time}, and not a century later`,
    needsFixtures: true,
    run: async ({ fixture }: SuiteContext) => {
      const xml = await fixture(`nvidia/rim/${path}`);
      const rim = await authenticateRim({ xml, now: new Date(time) });
      expectEqual([rim.kind, rim.product, rim.version], [kind, product, version]);
      expectEqual(rim.measurements.filter(({ active }) => active).length, activeCount);
      await expectRefused(() => authenticateRim({ xml, now: new Date('2124-01-01') }), 'RIM_EXPIRED');
    },
  })),
  ...refusedManifests.map(([path, time, code]) => ({
    name: `${path} is refused at ${time} with ${code}`,
    needsFixtures: true,
    run: async ({ fixture }: SuiteContext) => {
      const xml = await fixture(`nvidia/rim/attestation-sdk/${path}`);
      await expectRefused(() => authenticateRim({ xml, now: new Date(time) }), code);
    },
  })),
];

/** Report, manifest, time of the manifest, mismatched indexes. */
const comparisons: readonly (readonly [string, string, string, readonly number[]])[] = [
  ['hopper/535.86.09', 'nvtrust/1010_0200_882_96005E0001_PROD.swidtag', '2024-06-22', []],
  ['hopper/545.00', 'nvtrust/1010_0200_882_96005E0001_PROD.swidtag', '2024-06-22', [1, 2, 3, 9]],
  ['hopper/545.00', 'nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag', '2024-06-22', []],
  ['hopper/535.86.09', 'nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag', '2024-06-22', [1, 2, 3, 9]],
  ['hopper/580.95.05', 'nvtrust/1010_0200_882_960074001A_PROD.swidtag', '2024-09-05', [9]],
  ['hopper/570.124.03', 'nvtrust/1010_0205_862_96005E0004_PROD.swidtag', '2024-09-05', [9]],
  [
    'hopper/535.86.09',
    'attestation-sdk/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml',
    '2024-12-12',
    [9],
  ],
  [
    'switch/ls10',
    'attestation-sdk/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml',
    '2027-02-09',
    [],
  ],
];

const comparisonCases: Case[] = comparisons.map(([device, path, time, expected]) => ({
  name: `${device} against ${path}: ${expected.length === 0 ? 'complete match' : `indexes ${expected.join(', ')} differ`}`,
  needsFixtures: true,
  run: async ({ fixture }) => {
    const now = new Date(time);
    const report = await fixture(`nvidia/${device}/report.bin`);
    const chain = decodeUtf8(await fixture(`nvidia/${device}/chain.pem`));
    const authentic = await authenticateGpu({ report, chain, now });
    const vbiosRim = await authenticateRim({ xml: await fixture(`nvidia/rim/${path}`), now });
    const { rim, mismatchedIndexes, acceptable, checks } = appraiseGpu(authentic, { vbiosRim });
    expectEqual(mismatchedIndexes, expected);
    expectEqual([rim, acceptable], expected.length === 0 ? ['match', true] : ['mismatch', false]);
    const codes = checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
    expectEqual(codes, expected.length === 0 ? [] : ['GPU_MEASUREMENT_MISMATCH']);
  },
}));

/** A manifest of another driver, VBIOS or product, a measurement in both, none at all: each by its code. */
const wrongManifests: Case[] = [
  {
    name: 'a manifest of another version, kind or product, or the same for both, is not acceptable',
    needsFixtures: true,
    run: async (context) => {
      const { fixture } = context;
      const now = new Date('2024-06-26');
      const read = async (path: string, at = now) =>
        authenticateRim({ xml: await fixture(`nvidia/rim/${path}`), now: at });
      const report = await authenticateGpu({
        report: await fixture('nvidia/hopper/545.00/report.bin'),
        chain: decodeUtf8(await fixture('nvidia/hopper/545.00/chain.pem')),
        now,
      });
      const driverRim = await read('nvtrust/Driver_RIM_test_no_gpu.swidtag');
      const vbiosRim = await read('nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag');
      const other = await read('nvtrust/1010_0200_882_96005E0003_PROD.swidtag', new Date('2024-09-05'));
      const ofSwitch = await read(
        'attestation-sdk/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml',
        new Date('2027-02-09'),
      );
      const codes = (policy: Parameters<typeof appraiseGpu>[1]) =>
        appraiseGpu(report, policy)
          .checks.filter(({ outcome }) => outcome === 'fail')
          .map(({ code }) => code);
      expectEqual(codes({ driverRim, vbiosRim, requireRims: true }), []);
      expectEqual(codes({ requireRims: true }), ['RIM_MISSING', 'RIM_MISSING']);
      expectEqual(codes({ driverRim, requireRims: true }), ['RIM_MISSING']);
      expectEqual(codes({ vbiosRim, requireRims: true }), ['RIM_MISSING']);
      expectTrue(codes({ driverRim, vbiosRim: other }).includes('RIM_VERSION_MISMATCH'), 'another version');
      expectTrue(
        codes({ driverRim, vbiosRim: ofSwitch }).includes('RIM_PRODUCT_MISMATCH'),
        'another product',
      );
      expectTrue(codes({ driverRim: vbiosRim }).includes('RIM_PRODUCT_MISMATCH'), 'another kind');
      const twice = codes({ driverRim: vbiosRim, vbiosRim });
      expectTrue(twice.includes('RIM_INDEX_CONFLICT'), 'the same indexes in both');
    },
  },
];

type Json = Record<string, unknown>;

async function json({ fixture }: SuiteContext, path: string): Promise<Json> {
  return JSON.parse(decodeUtf8(await fixture(path))) as Json;
}

const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`;

/** The upstream parser's names of opaque fields. */
const fieldNames: Readonly<Record<string, number>> = {
  VBIOS_VERSION: opaqueType.vbiosVersion,
  BOARD_ID: opaqueType.board,
  CHIP_SKU: opaqueType.chipSku,
  CHIP_SKU_MOD: opaqueType.chipSkuModifier,
  PROJECT: opaqueType.project,
  PROJECT_SKU: opaqueType.projectSku,
  PROJECT_SKU_MOD: opaqueType.projectSkuModifier,
  DRIVER_VERSION: opaqueType.driverVersion,
  GPU_INFO: opaqueType.gpuInfo,
  CPRINFO: opaqueType.cprInfo,
  NVDEC0_STATUS: opaqueType.nvdec0Status,
  FWID: opaqueType.fwid,
  PROTECTED_PCIE_STATUS: opaqueType.protectedPcieStatus,
  MSRSCNT: opaqueType.measurementCount,
  // Of a switch; 22 is its own PDI there.
  DEVICE_PDI: opaqueType.switchPdis,
  SWITCH_POSITION_ID: 24,
  SWITCH_LOCK_STATUS: 25,
};

function counts(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(at * 4, true));
}

function expectParsed(report: GpuReport, request: Json, response: Json): void {
  expectEqual(
    [report.request.param1, report.request.param2, report.request.slotId, hex(report.request.nonce)],
    [
      Number(request['Param1']),
      Number(request['Param2']),
      Number(request['SlotIDParam']),
      String(request['Nonce']),
    ],
  );
  expectEqual(hex(report.response.nonce), response['Nonce']);
  expectEqual(hex(report.signature), response['Signature']);
  expectEqual(report.response.opaque.length, response['OpaqueLength']);
  const { MeasurementBlocks: blocks } = response['MeasurementRecord'] as { MeasurementBlocks: Json };
  expectEqual(report.measurements.length, Object.keys(blocks).length);
  for (const { index, value, valueType } of report.measurements) {
    const block = blocks[String(index)] as Json;
    expectEqual(
      [hex(value), valueType],
      [block['DMTFSpecMeasurementValue'], block['DMTFSpecMeasurementValueType']],
    );
  }
  const { OpaqueDataField: fields } = response['OpaqueData'] as { OpaqueDataField: Json };
  let compared = 0;
  for (const [name, type] of Object.entries(fieldNames)) {
    const expected = fields[`OPAQUE_FIELD_ID_${name}`];
    const found = report.opaque.fields.get(type);
    if (expected === undefined || !found) continue;
    expectEqual(Array.isArray(expected) ? counts(found) : hex(found), expected, name);
    compared += 1;
  }
  expectTrue(compared >= 5, `${compared} fields are in both`);
}

const parsed: Case[] = [
  ...['hopper/580.159.03', 'switch/ls10'].map((path) => ({
    name: `${path}: every field is read as upstream reads it`,
    needsFixtures: true,
    run: async (context: SuiteContext) => {
      const report = parseGpuReport(await context.fixture(`nvidia/${path}/report.bin`));
      const request = await json(context, `nvidia/${path}/request.json`);
      expectParsed(report, request, await json(context, `nvidia/${path}/response.json`));
    },
  })),
  {
    name: 'hopper/550.90.07: every claim is what another verifier reads',
    needsFixtures: true,
    run: async (context) => {
      const report = parseGpuReport(await context.fixture('nvidia/hopper/550.90.07/report.bin'));
      const claims = await json(context, 'nvidia/hopper/550.90.07/claims_trustee.json');
      const config = claims['config'] as Json;
      const { opaque } = report;
      const field = (type: number) => toHex(opaque.fields.get(type)!);
      expectEqual(
        [opaque.driverVersion, opaque.vbiosVersion?.toLowerCase(), toHex(opaque.fwid!)],
        [config['driver_version'], config['vbios_version'], config['fwid']],
      );
      expectEqual(
        [opaque.chipSku, opaque.project, opaque.projectSku],
        [config['chip_sku'], config['project'], config['project_sku']],
      );
      expectEqual(
        [field(opaqueType.board), field(opaqueType.cprInfo), field(opaqueType.gpuInfo)],
        [config['board_id'], config['cpr_info'], config['gpu_info']],
      );
      // "U" is 0x55.
      expectEqual([config['nvdec0_status'], config['protected_pcie_status']], ['U', 'U']);
      expectEqual([opaque.nvdec0, opaque.protectedPcie], ['disabled', 'disabled']);
      const countOf = config['measurement_count'] as Json;
      for (const [at, count] of counts(opaque.fields.get(opaqueType.measurementCount)!).entries())
        expectEqual(count, countOf[String(at + 1)], `count ${at + 1}`);
      const values = claims['measurements'] as Json;
      expectEqual(Object.keys(values).length, report.measurements.length);
      for (const { index, value } of report.measurements) expectEqual(toHex(value), values[String(index)]);
    },
  },
  {
    name: 'a GPU’s manifests are named as the published files; a switch does not state what its would be called',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const ofSwitch = parseGpuReport(await fixture('nvidia/switch/ls10/report.bin'));
      expectEqual(rimIds(ofSwitch, 'LS10'), { driver: undefined, vbios: undefined });
      const ofGpu = parseGpuReport(await fixture('nvidia/hopper/535.86.09/report.bin'));
      const { driver, vbios } = rimIds(ofGpu, 'GH100');
      expectEqual(
        [driver, vbios],
        ['NV_GPU_DRIVER_GH100_535.86.09', 'NV_GPU_VBIOS_1010_0200_882_96005E0001'],
      );
    },
  },
  ...[
    'hopper/evidence/single.json',
    'hopper/evidence/single_590.12.json',
    'hopper/evidence/cert_hold.json',
    'hopper/evidence/multi_gpu.json',
    'switch/evidence/single.json',
    'switch/evidence/multi_switch_repeated.json',
  ].map((path) => ({
    name: `${path}: each device is authentic, its nonce is the published one, and revocation is not checked`,
    needsFixtures: true,
    run: async ({ fixture }: SuiteContext) => {
      for (const { report, chain, nonce } of parseGpuEvidenceJson(await fixture(`nvidia/${path}`))) {
        const authentic = await authenticateGpu({ report, chain, now: new Date('2026-01-01') });
        const { acceptable, checks } = appraiseGpu(authentic, { nonce });
        expectEqual(acceptable, true);
        expectEqual(appraiseGpu(authentic, { nonce: new Uint8Array(32) }).acceptable, false);
        const known = checks.find(({ rule }) => rule === 'nvidia.gpu.revocation-known');
        expectEqual(known?.outcome, 'not-checked');
      }
    },
  })),
  {
    name: 'a manifest that is only parsed says what the authentic one says',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const [path, time] = manifests[0]!;
      const xml = await fixture(`nvidia/rim/${path}`);
      const authentic = await authenticateRim({ xml, now: new Date(time) });
      expectEqual(parseRim(xml).measurements, authentic.measurements);
    },
  },
];

export const factSuites: readonly Suite[] = [
  { name: 'NVIDIA: roots', cases: anchors },
  { name: 'NVIDIA: published manifests', cases: [...manifestCases, ...comparisonCases, ...wrongManifests] },
  { name: 'NVIDIA: published readings', cases: parsed },
];
