/** Pinned measurements: what a pin leaves out is not accepted on its word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measurementCheck, pinOf } from '../../src/consistency/measurement.ts';
import { checkHardware } from '../../src/consistency/hardware.ts';
import type { Code } from '../../src/code/code.ts';
import type { Context } from '../../src/context.ts';
import type { Deployment } from '../../src/dialects/deployment.ts';
import { defaultPolicy } from '../../src/policy-file/index.ts';
import type { ResultCheck } from '../../src/result.ts';
import type { AuthenticCpu } from '../../src/runtime/runtime.ts';

const hex = (byte: string) => byte.repeat(48);
const registers = {
  mrtd: hex('10'),
  rtmr0: hex('20'),
  rtmr1: hex('31'),
  rtmr2: hex('32'),
  rtmr3: hex('00'),
};
const snpRegisters = { launchDigest: hex('ab') };
type Registers = Readonly<Record<string, string>>;

function cpuOf(platform: AuthenticCpu['platform'], values: Registers): AuthenticCpu {
  return {
    platform,
    registers: values,
    reportData: new Uint8Array(64),
    hostData: hex('00'),
    cpu: '',
    tcb: '',
    isProduction: true,
    validUntil: [],
    trusted: '',
  };
}

function contextOf(pins: readonly Registers[]): Context {
  const policy = defaultPolicy();
  const pinned = pins.map((values, at) => ({ name: `pin ${at}`, registers: values }));
  return {
    presented: {
      dialect: 'vitrine',
      form: 'v1',
      cpu: { platform: 'tdx', quote: new Uint8Array(0) },
      binding: {
        expectedReportData: new Uint8Array(64),
        rule: '',
        source: '',
        coversDevices: true,
      },
      devices: { devices: [] },
      keys: { others: {} },
      release: { bundles: [], platformBundles: [] },
      launch: {},
    },
    policy: { ...policy, measurements: { ...policy.measurements, pinned } },
    anchors: { sigstore: [], ctLogs: null, tlsRoots: null },
    source: { get: () => Promise.resolve({ ok: false, code: 'OFFLINE', message: 'there is no network' }) },
    now: new Date('2026-03-01T12:00:00Z'),
    nonce: null,
    connection: null,
    memory: null,
    endpoint: 'https://llm.example.org',
    repository: null,
    sigstoreKeys: () => Promise.resolve({ roots: [], checks: [] }),
  };
}

function codeOf(signed?: Partial<Deployment>): Code {
  const digest = '5b'.repeat(32);
  const hashes = { root: digest, kernel: digest, initrd: digest };
  const deployment = { cmdline: '', hashes, ...signed };
  return {
    reference: signed ? { deployment, digest: '' } : undefined,
    release: null,
    loggedAt: undefined,
    trusted: [],
    checks: [],
  };
}

function checkOf(
  pins: readonly Registers[],
  found: Registers = registers,
  signed?: Partial<Deployment>,
): Promise<ResultCheck> {
  const platform = found['launchDigest'] === undefined ? 'tdx' : 'sev-snp';
  return measurementCheck(
    contextOf(pins),
    cpuOf(platform, found),
    codeOf(signed),
    { registers: {} },
    undefined,
  );
}

const { mrtd, rtmr0, rtmr1, rtmr2 } = registers;
const four = { mrtd, rtmr0, rtmr1, rtmr2 };

test('a pin that is met in every register is accepted, of either platform', async () => {
  for (const [pin, found] of [
    [registers, registers],
    [four, registers],
    [snpRegisters, snpRegisters],
  ] as const) {
    const check = await checkOf([pin], found);
    assert.equal(check.outcome, 'pass', check.reason);
    assert.equal(check.found, 'pinned as pin 0');
  }
});

test('a pin that leaves out what a deployment determines is not checked, and names the register', async () => {
  for (const [pin, missing] of [
    [{ mrtd: registers.mrtd, rtmr0: registers.rtmr0 }, 'rtmr1'],
    [{ mrtd: registers.mrtd, rtmr1 }, 'rtmr2'],
    [{ rtmr3: registers.rtmr3 }, 'rtmr1'],
  ] as const) {
    const check = await checkOf([pin]);
    assert.equal(check.outcome, 'not-checked');
    assert.equal(check.required, true);
    assert.match(String(check.reason), new RegExp(`pins no ${missing}`));
  }
});

test('a pin without registers, of the other platform, of both, or with one that does not exist is not met', async () => {
  for (const [pin, found] of [
    [{}, registers],
    [snpRegisters, registers],
    [registers, snpRegisters],
    [{ ...snpRegisters, ...registers }, registers],
    [{ ...registers, rtmr4: hex('00') }, registers],
  ] as const) {
    const check = await checkOf([pin], found);
    assert.equal(check.outcome, 'fail');
    assert.equal(check.code, 'MEASUREMENT_MISMATCH');
  }
});

test('whatever was loaded later is refused where the pin does not name RTMR3, and compared where it does', async () => {
  const loaded = { ...registers, rtmr3: hex('33') };
  assert.equal((await checkOf([four], loaded)).code, 'MEASUREMENT_RTMR3_NONZERO');
  assert.equal((await checkOf([loaded], loaded)).outcome, 'pass');
  assert.equal((await checkOf([registers], loaded)).code, 'MEASUREMENT_MISMATCH');
  assert.equal((await checkOf([loaded], registers)).code, 'MEASUREMENT_MISMATCH');
});

test('a signed release beside a pin must have the measurement as well', async () => {
  assert.equal((await checkOf([four], registers, { tdxMeasurement: { rtmr1, rtmr2 } })).outcome, 'pass');
  const other = await checkOf([four], registers, { tdxMeasurement: { rtmr1, rtmr2: hex('99') } });
  assert.equal(other.code, 'MEASUREMENT_MISMATCH');
  const none = await checkOf([four], registers, { snpMeasurement: hex('ab') });
  assert.equal(none.outcome, 'not-checked');
  assert.match(String(none.reason), /no value for tdx/);
});

test('a signed release of the other platform alone is not checked, in both directions', async () => {
  const tdx = await checkOf([], registers, { snpMeasurement: hex('ab') });
  const snp = await checkOf([], snpRegisters, { tdxMeasurement: { rtmr1, rtmr2 } });
  for (const check of [tdx, snp]) assert.equal(check.outcome, 'not-checked');
});

test('only the pin that is met excuses from a list of platforms', async () => {
  const elsewhere = { ...registers, rtmr1: hex('99') };
  const cpu = cpuOf('tdx', registers);
  const context = contextOf([elsewhere, { rtmr1, rtmr2 }]);
  const { checks } = await checkHardware(context, cpu, pinOf(context.policy, cpu));
  assert.deepEqual(
    checks.map(({ outcome, code }) => [outcome, code]),
    [['not-checked', 'PLATFORM_STATEMENT_MISSING']],
  );
  // Of several that are met, the one that names most.
  const full = contextOf([{ rtmr1, rtmr2 }, elsewhere, registers]);
  assert.deepEqual((await checkHardware(full, cpu, pinOf(full.policy, cpu))).checks, []);
});
