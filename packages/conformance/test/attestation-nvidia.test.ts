/** `verify-attestation-nvidia` over real reports and RIMs. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { type Outcome, run } from '../src/run.ts';

const folder = new URL('../../../../shared/fixtures/', import.meta.url).pathname;
const skip = !existsSync(folder) && `no fixtures at ${folder}`;
const at2024 = Date.parse('2024-06-01T00:00:00Z') / 1000;

function text(path: string): string {
  return readFileSync(folder + path, 'utf8');
}

function base64(path: string): string {
  return readFileSync(folder + path).toString('base64');
}

function stage(input: object): Promise<Outcome> {
  const document = { schema_version: '1', verification_time_unix: at2024, ...input };
  return run(['verify-attestation-nvidia'], () => utf8(JSON.stringify(document)), { now: new Date(0) });
}

function hopper(version: string): { evidence_b64: string; certificate_chain_pem: string } {
  return {
    evidence_b64: base64(`nvidia/hopper/${version}/report.bin`),
    certificate_chain_pem: text(`nvidia/hopper/${version}/chain.pem`),
  };
}

const driverRim = 'nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag';
const vbiosRim = 'nvidia/rim/nvtrust/1010_0200_882_96005E0001_test_no_gpu.swidtag';
const otherVbiosRim = 'nvidia/rim/nvtrust/1010_0200_882_96005E0001_PROD.swidtag';

async function requireCode(input: object, code: string): Promise<Record<string, unknown>> {
  const { exitStatus, output, message } = await stage(input);
  assert.equal(exitStatus, 10, message);
  const { rejection, outputs = {} } = output as {
    rejection: { code: string };
    outputs?: Record<string, unknown>;
  };
  assert.equal(rejection.code, code, message);
  return outputs;
}

test('a report with both of its RIMs is accepted, and says what was measured', { skip }, async () => {
  const { exitStatus, output, message } = await stage({
    ...hopper('545.00'),
    driver_rim_xml_b64: base64(driverRim),
    vbios_rim_xml_b64: base64(vbiosRim),
  });
  assert.equal(exitStatus, 0, message);
  const { outputs } = output as { outputs: Record<string, unknown> };
  assert.match(String(outputs['nonce_hex']), /^4cff7f53[0-9a-f]{56}$/);
  assert.deepEqual(
    { ...outputs, nonce_hex: '' },
    {
      architecture: 'HOPPER',
      driver_version: '545.00',
      vbios_version: '96.00.5E.00.01',
      nonce_hex: '',
      measurement_count: 64,
      rim: 'match',
      mismatched_indexes: [],
    },
  );
});

test(
  'without RIMs a report is accepted, and its measurements are said not to be checked',
  { skip },
  async () => {
    for (const version of ['535.86.09', '550.90.07', '580.159.03']) {
      const { exitStatus, output, message } = await stage(hopper(version));
      assert.equal(exitStatus, 0, message);
      assert.equal((output as { outputs: { rim: string } }).outputs.rim, 'not_checked');
    }
  },
);

test('the nonce must be the one that was asked with', { skip }, async () => {
  await requireCode({ ...hopper('545.00'), nonce_hex: '00'.repeat(32) }, 'GPU_NONCE_MISMATCH');
});

test('measurements that differ from the RIM are refused, and named', { skip }, async () => {
  const outputs = await requireCode(
    { ...hopper('545.00'), vbios_rim_xml_b64: base64(otherVbiosRim) },
    'GPU_MEASUREMENT_MISMATCH',
  );
  assert.equal(outputs['rim'], 'mismatch');
  assert.deepEqual(outputs['mismatched_indexes'], [1, 2, 3, 9]);
});

test('a RIM of another version is refused before its measurements count', { skip }, async () => {
  await requireCode({ ...hopper('550.90.07'), vbios_rim_xml_b64: base64(vbiosRim) }, 'RIM_VERSION_MISMATCH');
});

test('reports, chains and RIMs that are not authentic are refused, each by its code', { skip }, async () => {
  const sdk = 'nvidia/rim/attestation-sdk/';
  const good = hopper('545.00');
  const refused: readonly (readonly [object, string])[] = [
    [{ ...good, evidence_b64: '' }, 'GPU_REPORT_MALFORMED'],
    [
      {
        evidence_b64: base64('nvidia/hopper/580.95.05/report_trailing_byte.bin'),
        certificate_chain_pem: text('nvidia/hopper/580.95.05/chain.pem'),
      },
      'GPU_REPORT_MALFORMED',
    ],
    [hopper('invalid-signature'), 'GPU_SIGNATURE_INVALID'],
    [
      { ...good, certificate_chain_pem: text('nvidia/hopper/545.00/chain_missing_brom.pem') },
      'GPU_CHAIN_INVALID',
    ],
    [{ ...good, device_root_pem: text('anchors/nvidia/rim_root.pem') }, 'GPU_ROOT_UNTRUSTED'],
    [
      { ...good, vbios_rim_xml_b64: base64(vbiosRim), rim_root_pem: text(`${sdk}incorrect_rim_root.pem`) },
      'RIM_CHAIN_INVALID',
    ],
    [
      { ...good, vbios_rim_xml_b64: base64(vbiosRim), verification_time_unix: 1_900_000_000 },
      'RIM_CHAIN_INVALID',
    ],
    [
      {
        ...good,
        driver_rim_xml_b64: base64(`${sdk}incorrect_signature_driver_rim.xml`),
        verification_time_unix: Date.parse('2025-12-30T00:00:00Z') / 1000,
      },
      'RIM_SIGNATURE_INVALID',
    ],
    [
      {
        ...good,
        vbios_rim_xml_b64: base64(`${sdk}incorrect_cert_chain_driver_rim.xml`),
        verification_time_unix: Date.parse('2026-02-01T00:00:00Z') / 1000,
      },
      'RIM_CHAIN_INVALID',
    ],
    [{ ...good, driver_rim_xml_b64: Buffer.from('<a/>').toString('base64') }, 'RIM_SIGNATURE_INVALID'],
  ];
  for (const [input, code] of refused) await requireCode(input, code);
});
