/** Manifests of measurements: read strictly, and compared without missing a difference. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Difference,
  MeasureError,
  type MeasurementManifest,
  diffCmdlines,
  diffMeasurements,
  parseMeasurementManifest,
} from './index.ts';

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const register = fc
  .uint8Array({ minLength: 48, maxLength: 48 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const file = fc.record({ sha256: hash, sizeBytes: fc.nat() });
const word = fc.constantFrom(
  'ro',
  'quiet',
  'loglevel=7',
  'loglevel=4',
  'root=/dev/vda',
  'x="a b"',
  'y',
  'z=',
);
const cmdline = fc.array(word, { maxLength: 8 }).map((words) => words.join(' '));
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const boot = fc.oneof(
  fc.constant({}),
  fc.record({ kernel: file, cmdline, initrd: file }),
  fc.record({ kernel: file, cmdline }),
);
const svsm = fc.oneof(fc.constant({}), fc.record({ svsm: file, varsSizeBytes: fc.nat() }));
const snp = fc
  .tuple(
    fc.record({
      platform: fc.constant('sev-snp' as const),
      firmware: file,
      vmm: fc.constantFrom('qemu' as const, 'ec2' as const, 'gce' as const),
      vcpus: fc.integer({ min: 1, max: 4096 }),
      vcpuType: optional(fc.constantFrom('EPYC', 'EPYC-Milan-v2')),
      vcpuSignature: optional(fc.nat()),
      guestFeatures: fc.bigInt(0n, (1n << 64n) - 1n).map((bits) => `0x${bits.toString(16)}`),
      launchDigest: register,
    }),
    boot,
    svsm,
  )
  .map((parts) => Object.assign({}, ...parts) as MeasurementManifest);
const hardware = fc.oneof(
  fc.constant({}),
  fc.record(
    {
      acpiLoader: file,
      acpiRsdp: file,
      acpiTables: file,
      bootVariables: fc.array(file, { minLength: 2, maxLength: 4 }),
      cfv: file,
      rtmr0: register,
    },
    { requiredKeys: ['acpiLoader', 'acpiRsdp', 'acpiTables', 'bootVariables', 'rtmr0'] },
  ),
);
const tdx = fc
  .tuple(
    fc.record({
      platform: fc.constant('tdx' as const),
      firmware: file,
      ordering: fc.constantFrom('single-pass' as const, 'two-pass' as const),
      mrtd: register,
    }),
    boot,
    fc.record({ memoryMib: fc.integer({ min: 1, max: 1 << 20 }), rtmr1: register, rtmr2: register }),
    hardware,
  )
  .map(([own, booted, results, machine]) => ({
    ...own,
    ...booted,
    ...('kernel' in booted ? { ...results, ...machine } : {}),
  }));
const manifest = fc.oneof(snp, tdx);

function copyOf(one: MeasurementManifest): MeasurementManifest {
  return parseMeasurementManifest(JSON.stringify(one));
}

test('a manifest is read as it was written, and differs in nothing from itself', () => {
  fc.assert(
    fc.property(manifest, (one) => {
      assert.equal(JSON.stringify(diffMeasurements(one, copyOf(one))), '[]');
      assert.deepEqual({ ...copyOf(one) }, JSON.parse(JSON.stringify(one)));
    }),
  );
});

test('of two manifests exactly the members that differ are named', () => {
  fc.assert(
    fc.property(fc.oneof(fc.tuple(snp, snp), fc.tuple(tdx, tdx), fc.tuple(snp, tdx)), ([a, b]) => {
      const [left, right] = [a, b].map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>);
      const names = [...new Set([...Object.keys(left!), ...Object.keys(right!)])];
      const expected = names.filter((name) => JSON.stringify(left![name]) !== JSON.stringify(right![name]));
      const named = new Set(diffMeasurements(a, b).map(({ name }) => name.replace(/\[\d+\]$/, '')));
      assert.deepEqual([...named].sort(), expected.sort());
    }),
  );
});

test('one changed input of a manifest is the only one named', () => {
  const changed = fc.tuple(manifest, fc.nat(), hash, fc.integer({ min: 1, max: 4096 }));
  fc.assert(
    fc.property(changed, ([one, pick, otherHash, number]) => {
      const names = (
        ['firmware', 'kernel', 'initrd', 'svsm', 'vcpus', 'memoryMib', 'acpiTables', 'cfv'] as const
      ).filter((name) => name in one);
      const name = names[pick % names.length]!;
      const members = one as unknown as Record<string, unknown>;
      const isNumber = typeof members[name] === 'number';
      const value = isNumber ? number : { sha256: otherHash, sizeBytes: 1 };
      fc.pre(JSON.stringify(value) !== JSON.stringify(members[name]));
      const found = diffMeasurements(one, { ...one, [name]: value });
      assert.deepEqual(
        found.map((difference) => [difference.kind, difference.name]),
        [['input', name]],
      );
    }),
  );
});

/** Removes, changes and adds what the differences say. */
function patched(a: readonly string[], differences: readonly Difference[]): string[] {
  const words: (string | undefined)[] = [...a];
  for (const one of differences) {
    if (one.kind === 'word-removed') {
      assert.equal(words[one.position - 1], one.word);
      words[one.position - 1] = undefined;
    }
    if (one.kind === 'word-changed') {
      assert.equal(words[one.position - 1], one.a);
      words[one.position - 1] = one.b;
    }
  }
  return words.filter((one) => one !== undefined);
}

test('command lines: what is said of the words turns the first into the second, but for order within a gap', () => {
  const line = fc.array(word, { maxLength: 10 });
  fc.assert(
    fc.property(line, line, (a, b) => {
      const differences = diffCmdlines(a.join(' '), b.join(' '));
      assert.equal(differences.length === 0, a.join(' ') === b.join(' '));
      const added = differences.flatMap((one) => (one.kind === 'word-added' ? [one.word] : []));
      for (const one of differences)
        if (one.kind === 'word-added') assert.equal(b[one.position - 1], one.word);
      assert.deepEqual([...patched(a, differences), ...added].sort(), [...b].sort());
    }),
  );
});

test('a word that was added, removed or changed is named with its place', () => {
  const name = 'cmdline';
  const of = (a: string, b: string) => diffCmdlines(a, b);
  assert.deepEqual(of('ro quiet', 'ro debug quiet'), [
    { kind: 'word-added', name, position: 2, word: 'debug' },
  ]);
  assert.deepEqual(of('ro debug quiet', 'ro quiet'), [
    { kind: 'word-removed', name, position: 2, word: 'debug' },
  ]);
  assert.deepEqual(of('ro loglevel=7 quiet', 'ro loglevel=4 quiet'), [
    { kind: 'word-changed', name, position: 2, a: 'loglevel=7', b: 'loglevel=4' },
  ]);
  assert.deepEqual(of('ro', 'rw'), [{ kind: 'word-changed', name, position: 1, a: 'ro', b: 'rw' }]);
  assert.deepEqual(of('', 'ro'), [{ kind: 'word-added', name, position: 1, word: 'ro' }]);
  assert.deepEqual(of('a b=1 c', 'b=2 d c'), [
    { kind: 'word-removed', name, position: 1, word: 'a' },
    { kind: 'word-changed', name, position: 2, a: 'b=1', b: 'b=2' },
    { kind: 'word-added', name, position: 2, word: 'd' },
  ]);
  assert.deepEqual(of('x="a b" y', 'x="a c" y'), [
    { kind: 'word-changed', name, position: 1, a: 'x="a b"', b: 'x="a c"' },
  ]);
  assert.deepEqual(of('a  b', 'a b'), [{ kind: 'spacing', name, a: 'a  b', b: 'a b' }]);
  assert.deepEqual(of('a b', 'a b '), [{ kind: 'spacing', name, a: 'a b', b: 'a b ' }]);
  assert.deepEqual(of('a b', 'a b'), []);
});

const good = {
  platform: 'tdx',
  firmware: { sha256: '11'.repeat(32), sizeBytes: 1 },
  ordering: 'two-pass',
  mrtd: '22'.repeat(48),
};
const goodSnp = {
  platform: 'sev-snp',
  firmware: good.firmware,
  vmm: 'qemu',
  vcpus: 1,
  guestFeatures: '0x1',
  launchDigest: '33'.repeat(48),
};
const kernel = good.firmware;
const booted = { ...good, kernel, cmdline: '', memoryMib: 4096, rtmr1: good.mrtd, rtmr2: good.mrtd };
const acpi = { acpiLoader: kernel, acpiRsdp: kernel, acpiTables: kernel };
const whole = { ...booted, ...acpi, bootVariables: [kernel, kernel], rtmr0: good.mrtd };
const bad: Readonly<Record<string, unknown>> = {
  'no object': [],
  'no platform': { ...good, platform: undefined },
  'another platform': { ...good, platform: 'sgx' },
  'a member of another name': { ...good, kernal: kernel },
  'a member of the other platform': { ...good, vcpus: 1 },
  'a hash that is too short': { ...good, firmware: { sha256: '11', sizeBytes: 1 } },
  'a file with more members': { ...good, firmware: { ...kernel, path: 'x' } },
  'a size below zero': { ...good, firmware: { ...kernel, sizeBytes: -1 } },
  'a register that is too short': { ...good, mrtd: '22' },
  'an unknown order': { ...good, ordering: 'three-pass' },
  'a kernel without its registers': { ...good, kernel, cmdline: '', memoryMib: 4096 },
  'a kernel without a command line': { ...goodSnp, kernel },
  'a command line without a kernel': { ...goodSnp, cmdline: '' },
  'an initrd without a kernel': { ...goodSnp, initrd: kernel },
  'registers of a boot without a kernel': { ...good, rtmr1: good.mrtd },
  'virtual hardware without RTMR0': { ...whole, rtmr0: undefined },
  'RTMR0 without virtual hardware': { ...booted, rtmr0: good.mrtd },
  'RTMR0 without ACPI tables': { ...whole, acpiTables: undefined },
  'RTMR0 without boot variables': { ...whole, bootVariables: undefined },
  'RTMR0 without a kernel': { ...good, ...acpi, bootVariables: [kernel], rtmr0: good.mrtd },
  'a configuration volume without RTMR0': { ...booted, cfv: kernel },
  'boot variables that are no list': { ...whole, bootVariables: kernel },
  'more boot variables than there can be': { ...whole, bootVariables: new Array(257).fill(kernel) },
  'no processors': { ...goodSnp, vcpus: 0 },
  'half a processor': { ...goodSnp, vcpus: 1.5 },
  'a signature beyond 32 bits': { ...goodSnp, vcpuSignature: 2 ** 32 },
  'features as a number': { ...goodSnp, guestFeatures: 1 },
  'features with a leading zero': { ...goodSnp, guestFeatures: '0x01' },
  'features beyond 64 bits': { ...goodSnp, guestFeatures: `0x1${'0'.repeat(16)}` },
  'an unknown VMM': { ...goodSnp, vmm: 'xen' },
  'an SVSM without the size of the variables': { ...goodSnp, svsm: kernel },
  'a size of variables without an SVSM': { ...goodSnp, varsSizeBytes: 4096 },
};

test('a manifest that is whole is read', () => {
  assert.equal(parseMeasurementManifest(JSON.stringify(good)).platform, 'tdx');
  for (const one of [booted, whole, { ...whole, cfv: kernel, events: [] }])
    assert.equal(parseMeasurementManifest(JSON.stringify(one)).platform, 'tdx');
  assert.equal(parseMeasurementManifest(JSON.stringify({ ...goodSnp, pages: [] })).platform, 'sev-snp');
});

const isMalformed = (error: unknown): boolean =>
  error instanceof MeasureError && error.code === 'MANIFEST_MALFORMED';
for (const [what, value] of Object.entries(bad))
  test(`a manifest with ${what} is refused`, () => {
    assert.throws(() => parseMeasurementManifest(JSON.stringify(value)), isMalformed);
  });

test('text that is no JSON, or names a member twice, is refused', () => {
  const text = JSON.stringify(good);
  for (const broken of ['', 'x', text.slice(0, -1), `${text}x`, text.replace('{', '{"platform":"tdx",')])
    assert.throws(() => parseMeasurementManifest(broken), isMalformed, broken);
});
