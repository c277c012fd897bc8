/** `vitrine evidence` as a user meets it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fixturesFolder, hasFixtures } from '../../evidence/test/fixtures.ts';
import { type Finished, vitrine } from './vitrine.ts';

const skip = !hasFixtures && `no fixtures at ${fixturesFolder}`;
let empty: string;
before(() => {
  empty = mkdtempSync(join(tmpdir(), 'vitrine-evidence-'));
});
after(() => rmSync(empty, { recursive: true }));

function fixture(...path: readonly string[]): string {
  return join(fixturesFolder, ...path);
}

function verify(file: string, folder: string, at: string, ...more: readonly string[]): Promise<Finished> {
  return vitrine(['evidence', 'verify', file, '--endorsements', folder, '--at', at, ...more]);
}

test(
  'a TDX quote with all of its collateral is authentic and acceptable: status 0, every check shown',
  { skip },
  async () => {
    const quote = fixture('tdx/quotes/phala.bin');
    const { status, stdout, stderr } = await verify(
      quote,
      fixture('tdx/collateral/2025-07-01'),
      '2025-07-01',
    );
    assert.equal(status, 0, stderr);
    for (const rule of ['tdx.quote.signature', 'tdx.qe-report.signature', 'tdx.tcb', 'tdx.policy.debug'])
      assert.match(stdout.toString(), new RegExp(`✓ ${rule.replaceAll('.', '\\.')}`));
    assert.match(stdout.toString(), /is authentic and acceptable\n$/);
  },
);

test(
  'an SNP report without a revocation list is not refused, and not verified: status 3',
  { skip },
  async () => {
    const folder = fixture('snp/genoa-v5-a');
    const { status, stdout, stderr } = await verify(join(folder, 'report.bin'), folder, '2026-03-01');
    assert.equal(status, 3);
    assert.match(stdout.toString(), /– snp\.revocation +not checked/);
    assert.match(stderr, /no check failed, but not all could be made/);
  },
);

test(
  'a report that is authentic and may be debugged is refused by that rule: status 1',
  { skip },
  async () => {
    const folder = fixture('snp/milan-v2-debug');
    const { status, stderr } = await verify(join(folder, 'report.bin'), folder, '2023-01-01');
    assert.equal(status, 1);
    assert.match(stderr, /✗ snp\.policy\.guest-policy\.debug +GUEST_POLICY_DEBUG_SET/);
  },
);

test('pins that differ are refused, each by its rule', { skip }, async () => {
  const folder = fixture('snp/genoa-v5-a');
  const report = join(folder, 'report.bin');
  const data = await verify(report, folder, '2026-03-01', '--report-data', '00'.repeat(63) + '01');
  assert.equal(data.status, 1);
  assert.match(data.stderr, /REPORT_DATA_MISMATCH/);
  const measurement = await verify(report, folder, '2026-03-01', '--measurement', '11'.repeat(48));
  assert.equal(measurement.status, 1);
  assert.match(measurement.stderr, /MEASUREMENT_MISMATCH/);
});

test('a time outside the certificate is refused as that', { skip }, async () => {
  const folder = fixture('snp/genoa-v5-a');
  const { status, stderr } = await verify(join(folder, 'report.bin'), folder, '2026-01-01');
  assert.equal(status, 1);
  assert.match(stderr, /VCEK_NOT_YET_VALID/);
});

test('a missing endorsement is no refusal: status 3, and where to get it', { skip }, async () => {
  const { status, stderr } = await verify(fixture('snp/genoa-v5-a/report.bin'), empty, '2026-03-01');
  assert.equal(status, 3);
  assert.match(stderr, /ENDORSEMENT_MISSING: .*https:\/\/kdsintf\.amd\.com\/vcek\/v1\/Genoa\//);
});

test('the answer is one JSON object when asked for', { skip }, async () => {
  const folder = fixture('snp/milan-v2');
  const { stdout } = await verify(join(folder, 'report.bin'), folder, '2023-06-01', '--json');
  const answer = JSON.parse(stdout.toString()) as {
    verdict: string;
    isProduction: boolean;
    checks: unknown[];
  };
  assert.equal(answer.verdict, 'not-checked');
  assert.equal(answer.isProduction, true);
  assert.ok(answer.checks.length > 8);
});

test('show decodes every kind of file', { skip }, async () => {
  const expected = [
    ['snp/genoa-v5-a/report.bin', /^kind: snp-report\nversion: 5\n/],
    ['snp/genoa-v5-a/vcek.der', /vek\.kind: VCEK/],
    ['nvidia/hopper/545.00/chain.pem', /0\.subject: /],
    ['tdx/collateral/2025-06-25/root_crl.der', /^kind: crl\nissuer: .*Intel/],
    ['tdx/collateral/2025-06-25/qe_identity.json', /^kind: intel-qe-identity\n[^]*mrSigner: dc9e2a7c/],
    ['tdx/collateral/2025-06-25/tcb_info_90c06f000000.json', /^kind: intel-tcb-info\n[^]*90c06f000000/],
    ['tdx/collateral/2025-07-01/original_phala_collateral.json', /^kind: tdx-collateral\n/],
    ['tdx/quotes/go-v5-sample.bin', /^kind: tdx-quote\n[^]*version: 5/],
    ['tdx/ccel/trustee/ccel_data.bin', /^kind: tdx-event-log\n/],
    ['nvidia/hopper/545.00/report.bin', /^kind: nvidia-report\n[^]*545\.00/],
    ['nvidia/hopper/evidence/multi_gpu.json', /^kind: nvidia-evidence\n[^]*3\./],
    ['nvidia/rim/nvtrust/Driver_RIM_test_no_gpu.swidtag', /^kind: nvidia-rim\n[^]*545\.00/],
    ['nvidia/eat/hopperClaimsv3_detached_eat.json', /^kind: nvidia-token\n/],
    ['snp/azure-milan-v2/hcl_report.bin', /^kind: azure-hcl-report\n[^]*runtime_data\./],
  ] as const;
  for (const [path, pattern] of expected) {
    const { status, stdout, stderr } = await vitrine(['evidence', 'show', fixture(path)]);
    assert.equal(status, 0, stderr);
    assert.match(stdout.toString(), pattern, path);
  }
});

test('what is no evidence, no file or no time is a matter of words: status 2 or 3, and nothing on standard output', async () => {
  const file = join(empty, 'hello.txt');
  writeFileSync(file, 'hello\n');
  const unknown = await vitrine(['evidence', 'show', file]);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /is no evidence or endorsement of a kind that is known/);
  const missing = await vitrine(['evidence', 'show', join(empty, 'none')]);
  assert.equal(missing.status, 3);
  assert.match(missing.stderr, /Reading .*none/);
  const noTime = await vitrine(['evidence', 'verify', file, '--at', 'yesterday']);
  assert.equal(noTime.status, 2);
  for (const { stdout } of [unknown, missing, noTime]) assert.equal(stdout.length, 0);
});

test('a pin that is not hexadecimal, or of another length, is a matter of words: status 2, and the option is named', async () => {
  const file = join(empty, 'report.bin');
  writeFileSync(file, Uint8Array.of(2, 0, 0, 0, ...new Uint8Array(1180)));
  for (const [option, good] of [
    ['--report-data', 64],
    ['--measurement', 48],
    ['--nonce', 32],
  ] as const)
    for (const text of ['', 'zz', '0', '00'.repeat(good - 1), '00'.repeat(good + 1), 'zz'.repeat(good)]) {
      const { status, stdout, stderr } = await vitrine(['evidence', 'verify', file, option, text]);
      assert.deepEqual([status, stdout.length], [2, 0], `${option} ${text}`);
      assert.match(stderr, new RegExp(`USAGE: ${option}: expected ${good} bytes`));
    }
});
