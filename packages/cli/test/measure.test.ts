/** `vitrine measure` as a user meets it. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fromBase64, toHex } from '@vitrine/bytes';
import { verifyIdBlock } from '@vitrine/measure';
import { fixturesFolder, hasFixtures } from '../../evidence/test/fixtures.ts';
import { kernelImage, page, tdxImage } from '../../measure/test/images.ts';
import { vitrine } from './vitrine.ts';

const skip = !hasFixtures && `no fixtures at ${fixturesFolder}`;
const amdSev = join(fixturesFolder, 'measure/ovmf_AmdSev_suffix.bin');
const ovmfX64 = join(fixturesFolder, 'measure/ovmf_OvmfX64_suffix.bin');
const known = {
  cmdline: 'console=ttyS0 loglevel=7',
  digest: '6d287813eb5222d770f75005c664e34c204f385ce832cc2ce7d0d6f354454362f390ef83a92046c042e706363b4b08fa',
};

let folder: string;
const at = (name: string): string => join(folder, name);
const file = (name: string, contents: string | Uint8Array): string => {
  writeFileSync(at(name), contents);
  return at(name);
};
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-measure-'));
  file('empty', '');
  file('td.fd', tdxImage(3, [[0, 2 * page, 0xffffe000, 2 * page, 1]]));
  file('kernel', kernelImage());
});
after(() => rmSync(folder, { recursive: true }));

const snp = (...more: readonly string[]) =>
  vitrine(['measure', 'snp', '--firmware', amdSev, '--vcpus', '1', '--vcpu-type', 'EPYC', ...more]);
const withKernel = (...more: readonly string[]) =>
  snp('--kernel', at('empty'), '--initrd', at('empty'), ...more);
const tdx = (...more: readonly string[]) => vitrine(['measure', 'tdx', '--firmware', at('td.fd'), ...more]);

test(
  'a known answer comes out of the command, its command line given as text or as a file',
  { skip },
  async () => {
    const cmdlineFile = file('cmdline', `${known.cmdline}\n`);
    for (const words of [
      ['--cmdline', known.cmdline],
      ['--cmdline-file', cmdlineFile],
    ]) {
      const { status, stdout, stderr } = await withKernel(...words);
      assert.equal(stdout.toString(), `launchDigest: ${known.digest}\n`, stderr);
      assert.equal(status, 0);
    }
  },
);

test('--explain is a table of page ranges that ends with the digest', { skip }, async () => {
  const { stdout } = await withKernel('--cmdline', known.cmdline, '--explain');
  const lines = stdout.toString().split('\n');
  assert.match(lines[0]!, /^type +first page +last page +pages +what/);
  assert.match(stdout.toString(), /^zero +0x800000 +0x808000 +9 +SEC memory/m);
  assert.match(stdout.toString(), /^normal +0x810000 +0x810000 +1 +kernel hashes/m);
  assert.match(
    lines.find((line) => line.startsWith('vmsa'))!,
    new RegExp(`${known.digest}$`),
  );
});

test('--json is a manifest: diff says that nothing differs, or which word', { skip }, async () => {
  const write = async (name: string, ...words: readonly string[]): Promise<string> =>
    file(name, (await withKernel('--json', ...words)).stdout);
  const a = await write('a.json', '--cmdline', known.cmdline);
  const explained = await write('explained.json', '--cmdline', known.cmdline, '--explain');
  const b = await write('b.json', '--cmdline', 'console=ttyS0 loglevel=4 quiet');
  const parsed = JSON.parse(readFileSync(a, 'utf8')) as Record<string, unknown>;
  assert.equal(parsed['launchDigest'], known.digest);
  assert.equal(parsed['cmdline'], known.cmdline);
  const same = await vitrine(['measure', 'diff', a, explained]);
  assert.deepEqual([same.status, same.stdout.toString()], [0, 'nothing differs\n']);
  const other = await vitrine(['measure', 'diff', a, b]);
  assert.equal(other.status, 1);
  assert.match(other.stdout.toString(), /^cmdline: word 2 changed: loglevel=7 -> loglevel=4\n/);
  assert.match(other.stdout.toString(), /^cmdline: word 3 of the second added: quiet$/m);
  assert.match(other.stdout.toString(), /^launchDigest: 6d287813/m);
  const json = await vitrine(['measure', 'diff', a, b, '--json']);
  const { differences } = JSON.parse(json.stdout.toString()) as { differences: { kind: string }[] };
  assert.deepEqual(
    differences.map(({ kind }) => kind),
    ['word-changed', 'word-added', 'register'],
  );
});

test('a kernel with a firmware that would not measure it is refused: status 3', { skip }, async () => {
  const words = ['--firmware', ovmfX64, '--vcpus', '1', '--vcpu-type', 'EPYC', '--kernel', at('empty')];
  const { status, stdout, stderr } = await vitrine(['measure', 'snp', ...words]);
  assert.deepEqual([status, stdout.toString()], [3, '']);
  assert.match(stderr, /KERNEL_HASHES_UNSUPPORTED/);
});

test('words that are wrong or do not go together: status 2, and the option is named', { skip }, async () => {
  const cases: readonly (readonly [RegExp, readonly string[]])[] = [
    [/--kernel/, ['--initrd', at('empty')]],
    [/--kernel/, ['--cmdline', 'a']],
    [/--kernel/, ['--cmdline-file', at('empty')]],
    [/give one of them/, ['--kernel', at('empty'), '--cmdline', 'a', '--cmdline-file', at('empty')]],
    [/--vars-size/, ['--svsm', at('empty')]],
    [/--vars-size/, ['--vars-size', '4096']],
    [/--guest-features/, ['--guest-features', '0x10000000000000000']],
    [/--guest-features/, ['--guest-features', '-1']],
    [/--vmm/, ['--vmm', 'xen']],
    [/--vcpu-signature/, ['--vcpu-signature', 'milan']],
  ];
  for (const [message, words] of cases) {
    const { status, stderr } = await snp(...words);
    assert.equal(status, 2, words.join(' '));
    assert.match(stderr, message);
  }
});

test(
  'options out of range are words that are wrong: status 2; broken files cannot be measured: status 3',
  { skip },
  async () => {
    const cases: readonly (readonly [RegExp, number, readonly string[]])[] = [
      [/INPUT_INVALID/, 2, ['--vcpu-signature', '0x100000000']],
      [/INPUT_INVALID/, 2, ['--vcpus', '0']],
      [/INPUT_INVALID/, 2, ['--vcpu-type', 'i486']],
      [/FIRMWARE_MALFORMED/, 3, ['--svsm', at('empty'), '--vars-size', '4096']],
      [/FIRMWARE_MALFORMED/, 3, ['--firmware', at('empty')]],
    ];
    for (const [code, expected, words] of cases) {
      const { status, stdout, stderr } = await snp(...words);
      assert.deepEqual([status, stdout.toString()], [expected, ''], words.join(' '));
      assert.match(stderr, code);
    }
  },
);

test('TDX: the two orders have two MRTDs, and diff names the order', async () => {
  const a = file('two.json', (await tdx('--json')).stdout);
  const b = file('one.json', (await tdx('--json', '--ordering', 'single-pass')).stdout);
  const { status, stdout } = await vitrine(['measure', 'diff', a, b]);
  assert.equal(status, 1);
  assert.match(
    stdout.toString(),
    /^ordering: two-pass -> single-pass\nmrtd: [0-9a-f]{96} -> [0-9a-f]{96}\n$/,
  );
});

test('TDX: --explain lists sections and events, and the registers follow', async () => {
  const { status, stdout } = await tdx('--kernel', at('kernel'), '--cmdline', 'ro', '--explain');
  assert.equal(status, 0);
  const text = stdout.toString();
  assert.match(text, /^0xffffe000 +0 +1 +2 +32$/m);
  assert.match(text, /^rtmr1 +Exit Boot Services Invocation +[0-9a-f]{96} +[0-9a-f]{96}$/m);
  assert.match(text, /^rtmr2 +command line /m);
  assert.match(text, /^mrtd: [0-9a-f]{96}\nrtmr1: [0-9a-f]{96}\nrtmr2: [0-9a-f]{96}\n$/m);
});

/** Memory, a TD HOB and a configuration volume, as RTMR0 asks for. */
const rtmr0Image = (): Uint8Array =>
  tdxImage(3, [
    [0, page, 0xffffe000, page, 1, 0],
    [page, page, 0xfffff000, page, 0, 1],
    [0, 0, 0x809000, 2 * page, 0, 2],
    [0, 0, 0x80b000, 2 * page, 0, 3],
  ]);
const hardware = (): string[] => [
  ...['--firmware', file('rtmr0.fd', rtmr0Image()), '--kernel', at('kernel')],
  ...[
    '--acpi-loader',
    file('loader', 'a'),
    '--acpi-rsdp',
    file('rsdp', 'b'),
    '--acpi-tables',
    file('tables', 'c'),
  ],
  ...[
    '--boot-variable',
    file('BootOrder', Uint8Array.of(0, 0)),
    '--boot-variable',
    file('Boot0000', 'entry'),
  ],
];

test('TDX: RTMR0 follows from memory, ACPI blobs and boot variables: each event is shown, each counts', async () => {
  const words = hardware();
  const { status, stdout, stderr } = await tdx(...words, '--explain');
  assert.equal(status, 0, stderr);
  const text = stdout.toString();
  const events = [...text.matchAll(/^rtmr0 +(.+?) {2,}[0-9a-f]{96} +[0-9a-f]{96}$/gm)].map(
    ([, what]) => what,
  );
  assert.deepEqual(events, [
    ...['memory map (TD HOB)', 'configuration volume'],
    ...['SecureBoot', 'PK', 'KEK', 'db', 'dbx'].map((name) => `variable ${name}`),
    ...['separator', 'ACPI table loader', 'ACPI RSDP', 'ACPI tables', 'BootOrder', 'boot entry 1'],
  ]);
  const sha384 = (bytes: string): string => createHash('sha384').update(bytes).digest('hex');
  assert.match(text, new RegExp(`^rtmr0 +ACPI tables +${sha384('c')} `, 'm'));
  assert.match(text, new RegExp(`^rtmr0 +boot entry 1 +${sha384('entry')} `, 'm'));
  assert.match(text, /^mrtd: .*\nrtmr0: ([0-9a-f]{96})\nrtmr1: .*\nrtmr2: .*\n$/m);

  const a = file('rtmr0-a.json', (await tdx(...words, '--json')).stdout);
  const replaced = (option: string, path: string): string[] => {
    const changed = [...words];
    changed[changed.lastIndexOf(option) + 1] = path;
    return changed;
  };
  const changes: readonly (readonly [RegExp, readonly string[]])[] = [
    [/^memoryMib: 4096 -> 8192\nrtmr0: /, [...words, '--memory-mib', '8192']],
    [/^acpiLoader: .*\nrtmr0: /, replaced('--acpi-loader', at('rsdp'))],
    [/^acpiRsdp: .*\nrtmr0: /, replaced('--acpi-rsdp', at('loader'))],
    [/^acpiTables: .*\nrtmr0: /, replaced('--acpi-tables', at('loader'))],
    [/^bootVariables\[1\]: .*\nrtmr0: /, replaced('--boot-variable', at('loader'))],
    [/^cfv: absent -> .*\nrtmr0: /, [...words, '--cfv', at('loader')]],
  ];
  for (const [expected, other] of changes) {
    const b = file('rtmr0-b.json', (await tdx(...other, '--json')).stdout);
    const diff = await vitrine(['measure', 'diff', a, b]);
    assert.equal(diff.status, 1);
    assert.match(diff.stdout.toString(), expected);
  }
});

test("TDX: RTMR0 of a part of the virtual hardware is nobody's: status 2", async () => {
  const words = hardware();
  for (const option of ['--kernel', '--acpi-loader', '--acpi-rsdp', '--acpi-tables']) {
    const index = words.indexOf(option);
    const { status, stderr } = await tdx(...words.toSpliced(index, 2));
    assert.equal(status, 2, option);
    assert.match(stderr, /RTMR0 takes/);
  }
  const alone = await tdx('--kernel', at('kernel'), '--cfv', at('loader'));
  assert.equal(alone.status, 2);
  const orders = [words.slice(0, -2), [...words, '--boot-variable', at('loader')], words.toSpliced(-4, 2)];
  for (const other of orders) {
    const { status, stderr } = await tdx(...other);
    assert.equal(status, 2);
    assert.match(stderr, /INPUT_INVALID: Boot variables/);
  }
  const small = await tdx(...words, '--memory-mib', '63');
  assert.deepEqual([small.status, /INPUT_INVALID: Memory/.test(small.stderr)], [2, true]);
});

test('a file that is no manifest: status 3', async () => {
  const good = file('good.json', (await tdx('--json')).stdout);
  const { status, stderr } = await vitrine(['measure', 'diff', good, at('empty')]);
  assert.equal(status, 3);
  assert.match(stderr, /MANIFEST_MALFORMED/);
});

test('id-block signs a digest with keys in PEM; what it prints verifies', async () => {
  const pem = (namedCurve: string, type: 'pkcs8' | 'sec1'): string =>
    generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type }) as string;
  const idKey = file('id.pem', pem('secp384r1', 'pkcs8'));
  const authorKey = file('author.pem', pem('secp384r1', 'sec1'));
  const words = ['measure', 'id-block', '--measurement', known.digest, '--policy', '0x30000'];
  const { status, stdout, stderr } = await vitrine([
    ...words,
    ...['--id-key', idKey, '--author-key', authorKey, '--guest-svn', '7', '--json'],
  ]);
  assert.equal(status, 0, stderr);
  const printed = JSON.parse(stdout.toString()) as Readonly<Record<string, string>>;
  const block = await verifyIdBlock({
    idBlock: fromBase64(printed['idBlock']!),
    idAuth: fromBase64(printed['idAuth']!),
  });
  assert.equal(toHex(block.launchDigest), known.digest);
  assert.deepEqual([block.policy, block.guestSvn], [0x30000n, 7]);
  assert.equal(toHex(block.idKeyDigest), printed['idKeyDigest']);
  assert.equal(toHex(block.authorKeyDigest!), printed['authorKeyDigest']);

  const onP256 = file('p256.pem', pem('prime256v1', 'pkcs8'));
  for (const wrong of [onP256, at('empty')]) {
    const refused = await vitrine([...words, '--id-key', wrong]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /--id-key/);
  }
  const short = await vitrine([...words, '--id-key', idKey, '--family-id', '00']);
  assert.equal(short.status, 2);
  assert.match(short.stderr, /--family-id/);
});
