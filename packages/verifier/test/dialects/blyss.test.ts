/** Blyss' attestation: reports that were taken apart are byte for byte what the hardware signed. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parsePemBlocks, sha256, toHex } from '@vitrine/bytes';
import { authenticateGpu } from '@vitrine/evidence/nvidia';
import {
  type Attest,
  createGpuAuthority,
  createGpuDevice,
  generateKey,
  issueGpuReport,
  writeBlyss,
} from '@vitrine/simtee';
import { fixturesFolder, hasFixtures } from '../../../evidence/test/fixtures.ts';
import { parseBlyss } from '../../src/dialects/index.ts';
import { type Json, altered, refused, textAltered } from './refusal.ts';
import { type Machine, simulatedMachine } from './simulated.ts';

let machine: Machine;
let document: Uint8Array;
const cmdline = 'systemd.mask=ssh.service ro';

before(async () => {
  machine = await simulatedMachine();
  document = await writeBlyss({
    attest: machine.snp,
    certificate: machine.tlsCertificate,
    gpus: machine.devices.filter(({ kind }) => kind === 'gpu'),
    launch: { cmdline, vcpus: 16 },
  });
});

describe('a Blyss attestation', () => {
  test('gives the report that the processor signed, byte for byte', async () => {
    let signed: Uint8Array | undefined;
    const attest: Attest = async (reportData) => {
      const cpu = await machine.snp(reportData);
      if (cpu.platform === 'sev-snp') signed = cpu.report;
      return cpu;
    };
    const { cpu } = await parseBlyss(await writeBlyss({ attest, certificate: machine.tlsCertificate }));
    assert.ok(cpu.platform === 'sev-snp');
    assert.deepEqual(cpu.report, signed);
  });

  test('gives any 1184 bytes back as they were, so that no field is lost or moved', async () => {
    for (let round = 0; round < 40; round++) {
      const report = crypto.getRandomValues(new Uint8Array(1184));
      // Policy and platform info are numbers of JSON: above 2^53 they could not be written.
      report.fill(0, 0x0e, 0x10);
      report.fill(0, 0x46, 0x48);
      const attest: Attest = () => ({ platform: 'sev-snp', report });
      const { cpu } = await parseBlyss(await writeBlyss({ attest, certificate: machine.tlsCertificate }));
      assert.ok(cpu.platform === 'sev-snp');
      assert.deepEqual(cpu.report, report);
    }
  });

  test('is bound to its certificate, without a nonce', async () => {
    const presented = await parseBlyss(document);
    const fingerprint = toHex(await sha256(machine.tlsCertificate));
    assert.equal(`${presented.dialect} ${presented.form}`, 'blyss v1');
    assert.equal(presented.keys.tlsCertificateSha256, fingerprint);
    assert.equal(toHex(presented.binding.expectedReportData), fingerprint + '00'.repeat(32));
    assert.equal(presented.binding.nonce, undefined);
    assert.equal(presented.binding.coversDevices, false);
    assert.deepEqual(presented.launch, { cmdline, vcpus: 16 });
    assert.ok(presented.cpu.platform === 'sev-snp' && presented.cpu.vcek);
  });

  test('of the older shape is bound to its public key', async () => {
    const publicKey = (await generateKey('P-256')).subjectPublicKeyInfo;
    const older = await writeBlyss({ attest: machine.snp, publicKey });
    const presented = await parseBlyss(older);
    assert.equal(presented.form, 'public-key');
    assert.equal(presented.keys.tlsSpkiSha256, toHex(await sha256(publicKey)));
    assert.deepEqual(presented.devices.devices, []);
    assert.deepEqual(presented.launch, {});
  });

  test('gives GPU reports whose signatures verify', async () => {
    const now = new Date('2026-01-15T12:00:00Z');
    const authority = await createGpuAuthority({ now });
    const device = await createGpuDevice(authority);
    const report = await issueGpuReport(device, { nonce: machine.nonce, protectedPcie: 'disabled' });
    const written = await writeBlyss({
      attest: machine.snp,
      certificate: machine.tlsCertificate,
      gpus: [{ report, chain: device.chain }],
    });
    const [gpu] = (await parseBlyss(written)).devices.devices;
    assert.deepEqual(gpu!.report, report);
    assert.deepEqual(gpu!.nonce, machine.nonce);
    const authentic = await authenticateGpu({
      report: gpu!.report,
      chain: gpu!.chain,
      anchors: authority.anchors.device,
      now,
    });
    assert.equal(authentic.architecture.chip, 'GH100');
  });

  for (const driver of ['535.86.09', '545.00', '550.90.07', '570.124.03'])
    test(
      `gives a real GPU's report of driver ${driver} back, byte for byte`,
      { skip: !hasFixtures && `no fixtures at ${fixturesFolder}` },
      async () => {
        const file = (name: string): string => join(fixturesFolder, 'nvidia/hopper', driver, name);
        const report = new Uint8Array(readFileSync(file('report.bin')));
        const chain = parsePemBlocks(readFileSync(file('chain.pem'), 'utf8'), 'CERTIFICATE');
        const written = await writeBlyss({
          attest: machine.snp,
          certificate: machine.tlsCertificate,
          gpus: [{ report, chain }],
        });
        const [gpu] = (await parseBlyss(written)).devices.devices;
        assert.deepEqual(gpu!.report, report);
        const now = new Date('2026-01-15T12:00:00Z');
        const authentic = await authenticateGpu({ report: gpu!.report, chain: gpu!.chain, now });
        assert.equal(authentic.architecture.chip, 'GH100');
      },
    );

  test('gives manifests of GPUs as the bytes of their text', async () => {
    const [gpu] = (await parseBlyss(document)).devices.devices;
    assert.deepEqual(gpu!.driverRim, machine.devices[0]!.driverRim);
    assert.deepEqual(gpu!.vbiosRim, machine.devices[0]!.vbiosRim);
  });

  test('may have counters as numbers', async () => {
    const name = 'OPAQUE_FIELD_ID_MSRSCNT';
    const counted = altered(document, (json) => {
      const { response } = json.gpu_attestation.gpus[0].attestation_report_obj;
      response.opaque_data.opaque_data[name] = [1, 0x01020304];
      response.opaque_data_length = (response.opaque_data_length as number) + 12;
    });
    const [gpu] = (await parseBlyss(counted)).devices.devices;
    assert.match(toHex(gpu!.report), /0c0008000100000004030201/);
  });

  test('may have its VCEK with padding', async () => {
    const padded = altered(document, (json) => {
      const vcek = json.cpu_attestation.vcek as string;
      json.cpu_attestation.vcek = vcek.padEnd(Math.ceil(vcek.length / 4) * 4, '=');
    });
    assert.deepEqual((await parseBlyss(padded)).cpu, (await parseBlyss(document)).cpu);
  });
});

const cpu = (change: (json: Json) => void) => (json: Json) => change(json.cpu_attestation);
const gpu = (change: (json: Json) => void) => (json: Json) => change(json.gpu_attestation.gpus[0]);
const response = (change: (json: Json) => void) =>
  gpu((json) => change(json.attestation_report_obj.response));

const refusals: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
  ['no certificate and no key', (json) => delete json.cert_sha256_fingerprint, /cert_sha256_fingerprint/],
  ['a certificate and a key', (json) => (json.public_key = 'AA=='), /both/],
  ['a fingerprint in upper case', (json) => (json.cert_sha256_fingerprint = 'AB'.repeat(32)), /lower-case/],
  ['a fingerprint of 31 bytes', (json) => (json.cert_sha256_fingerprint = 'ab'.repeat(31)), /fingerprint/],
  ['another member', (json) => (json.claims = {}), /claims/],
  ['no processor', (json) => delete json.cpu_attestation, /cpu_attestation/],
  ['a report without a field', cpu((json) => delete json.host_data), /host_data/],
  ['a report with another field', cpu((json) => (json.cpuid_fam_id = 25)), /cpuid_fam_id/],
  ['report data of 63 bytes', cpu((json) => json.report_data.pop()), /report_data/],
  ['report data of 65 bytes', cpu((json) => json.report_data.push(0)), /report_data/],
  ['report data in hexadecimal', cpu((json) => (json.report_data = '00'.repeat(64))), /report_data/],
  ['a byte that is 256', cpu((json) => (json.measurement[0] = 256)), /measurement/],
  ['a byte that is negative', cpu((json) => (json.measurement[0] = -1)), /measurement/],
  ['a byte that is 0.5', cpu((json) => (json.measurement[0] = 0.5)), /measurement/],
  ['a byte that is a text', cpu((json) => (json.measurement[0] = '7')), /measurement/],
  ['a version over 32 bits', cpu((json) => (json.version = 2 ** 32)), /version/],
  ['a negative policy', cpu((json) => (json.policy = -1)), /policy/],
  ['a TCB that is a number', cpu((json) => (json.reported_tcb = 1)), /reported_tcb/],
  ['a TCB with another member', cpu((json) => (json.launch_tcb.fmc = 1)), /fmc/],
  ['a signature without s', cpu((json) => delete json.signature.s), /signature/],
  ['a VCEK of five characters', cpu((json) => (json.vcek = 'AAAAA')), /vcek/],
  ['an empty VCEK', cpu((json) => (json.vcek = '')), /vcek/],
  ['no processors', cpu((json) => (json.launch.num_vcpus = 0)), /num_vcpus/],
  ['a command line with a line break', cpu((json) => (json.launch.kernel_cli = 'a\nb')), /kernel_cli/],
  ['a command line of 17 KiB', cpu((json) => (json.launch.kernel_cli = 'a'.repeat(17 * 1024))), /kernel_cli/],
  ['another member about its launch', cpu((json) => (json.launch.initrd = '')), /initrd/],
  ['another member beside the GPUs', (json) => (json.gpu_attestation.switches = []), /switches/],
  [
    'another member in a request',
    gpu((json) => (json.attestation_report_obj.request.param3 = '00')),
    /param3/,
  ],
  ['another member in a response', response((json) => (json.param3 = '00')), /param3/],
  ['another member beside the measurements', response((json) => (json.measurement_record.raw = '')), /raw/],
  ['another member beside the opaque data', response((json) => (json.opaque_data.raw = '')), /raw/],
  [
    'a field of 1025 bytes',
    response((json) => (json.opaque_data.opaque_data.OPAQUE_FIELD_ID_SKU = 'ab'.repeat(1025))),
    /1024/,
  ],
  ['an empty manifest', gpu((json) => (json.vbios_rim = '')), /vbios_rim/],
  ['two GPUs of one index', (json) => (json.gpu_attestation.gpus[1].gpu_idx = 0), /twice/],
  ['a GPU nonce of 31 bytes', gpu((json) => (json.nonce = 'ab'.repeat(31))), /nonce/],
  ['a GPU without a chain', gpu((json) => (json.gpu_attestation_cert_chain = [])), /chain/],
  ['a GPU with another member', gpu((json) => (json.claims = {})), /claims/],
  ['another number of measurements', response((json) => json.measurement_record.measurements.pop()), /64/],
  ['another length of the record', response((json) => json.measurement_record_length++), /record_length/],
  ['another length of the opaque data', response((json) => json.opaque_data_length++), /opaque_data_length/],
  [
    'a measurement of 47 bytes',
    response((json) => (json.measurement_record.measurements[0] = 'ab'.repeat(47))),
    /measurements/,
  ],
  [
    'a field of the opaque data that is not known',
    response((json) => (json.opaque_data.opaque_data.OPAQUE_FIELD_ID_COLOUR = '')),
    /COLOUR/,
  ],
  [
    'a field named as every object has one',
    response((json) => (json.opaque_data.opaque_data.constructor = '')),
    /constructor/,
  ],
  [
    'a counter over 32 bits',
    response((json) => (json.opaque_data.opaque_data.OPAQUE_FIELD_ID_MSRSCNT = [2 ** 32])),
    /MSRSCNT/,
  ],
  ['a signature of 95 bytes', response((json) => (json.signature = 'ab'.repeat(95))), /signature/],
  ['a manifest that is a list', gpu((json) => (json.driver_rim = [])), /driver_rim/],
  [
    'seventeen GPUs',
    (json) => (json.gpu_attestation.gpus = new Array(17).fill(json.gpu_attestation.gpus[0])),
    /16/,
  ],
];

describe('a Blyss attestation is refused with', () => {
  for (const [name, change, about] of refusals)
    test(name, () => refused(() => parseBlyss(altered(document, change)), 'DOCUMENT_MALFORMED', about));

  test('a number that a double does not hold', () =>
    refused(
      () => parseBlyss(textAltered(document, '"policy":196608', '"policy":9007199254740993')),
      'DOCUMENT_MALFORMED',
    ));
  test('a field twice', () =>
    refused(
      () => parseBlyss(textAltered(document, '"guest_svn":0', '"guest_svn":0,"guest_svn":1')),
      'DOCUMENT_MALFORMED',
    ));

  test('a message that does not repeat its command line, which may hold credentials', async () => {
    const secret = altered(
      document,
      (json) => (json.cpu_attestation.launch.kernel_cli = 'TOKEN=sesame-open\n'),
    );
    await assert.rejects(parseBlyss(secret), (error: Error) => !error.message.includes('sesa'));
  });
});
