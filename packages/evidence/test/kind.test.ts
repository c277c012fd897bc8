import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type EvidenceKind, identifyEvidence, unwrapped } from '../src/kind.ts';
import { fixturesFolder, hasFixtures } from './fixtures.ts';

const skip = !hasFixtures && `no fixtures at ${fixturesFolder}`;
const kinds: readonly (readonly [EvidenceKind, string])[] = [
  ['snp-report', 'snp/milan-v2/report.bin'],
  ['snp-report', 'snp/genoa-v5-a/report.bin'],
  ['azure-hcl-report', 'snp/azure-milan-v2/hcl_report.bin'],
  ['tdx-quote', 'tdx/quotes/phala.bin'],
  ['tdx-quote', 'tdx/quotes/go-v5-sample.bin'],
  ['tdx-event-log', 'tdx/ccel/trustee/ccel_data.bin'],
  ['nvidia-report', 'nvidia/hopper/545.00/report.bin'],
  ['nvidia-report', 'nvidia/switch/ls10/report.bin'],
  ['nvidia-evidence', 'nvidia/hopper/evidence/single.json'],
  ['nvidia-evidence', 'nvidia/hopper/evidence/multi_gpu.json'],
  ['nvidia-token', 'nvidia/eat/hopperClaimsv3_detached_eat.json'],
  ['nvidia-rim', 'nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag'],
  ['nvidia-rim', 'nvidia/rim/attestation-sdk/NV_GPU_DRIVER_GH100_550.144.03.xml'],
  ['intel-tcb-info', 'tdx/collateral/2025-06-25/tcb_info_90c06f000000.json'],
  ['intel-qe-identity', 'tdx/collateral/2025-06-25/qe_identity.json'],
  ['tdx-collateral', 'tdx/collateral/2025-07-01/original_phala_collateral.json'],
  ['crl', 'tdx/collateral/2025-06-25/root_crl.der'],
  ['crl', 'tdx/intel-test-root/rootCaCrl.pem'],
  ['certificate', 'snp/milan-v2/vcek.der'],
  ['certificates', 'nvidia/hopper/545.00/chain.pem'],
];

for (const [kind, path] of kinds) {
  test(`${path} is known as ${kind}, and behind hexadecimal and base64 too`, { skip }, () => {
    const bytes = new Uint8Array(readFileSync(join(fixturesFolder, path)));
    assert.equal(identifyEvidence(bytes), kind);
    assert.deepEqual(unwrapped(bytes), bytes);
    assert.deepEqual(unwrapped(utf8(`0x${toHex(bytes)}\n`)), bytes);
    assert.deepEqual(unwrapped(utf8(toBase64(bytes).replaceAll(/.{76}/g, '$&\n'))), bytes);
  });
}

test('what is nothing of the kind is not named, and is left as it is', () => {
  for (const text of ['', 'hello', '{}', '[]', '[[', '{"tcb": 1}', '<html></html>', '0x', 'zz']) {
    assert.equal(identifyEvidence(utf8(text)), undefined, text);
    assert.deepEqual(unwrapped(utf8(text)), utf8(text), text);
  }
  for (const bytes of [[0x30], [0x30, 0x82], [0x30, 0x84, 1, 2], [0x11], [4, 0, 2, 0, 0x81, 0, 0, 0]])
    assert.equal(identifyEvidence(Uint8Array.from(bytes)), undefined);
});
