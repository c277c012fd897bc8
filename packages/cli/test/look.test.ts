/** Looking into packs with the command: what comes out is proven first, and what is broken is said and not written. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packFolder, parsePackName } from '@vitrine/modelpack';
import { contentOf, writeTree } from '../../modelpack/test/hub-pack-model.ts';
import { startVitrine, vitrine } from './vitrine.ts';

const MODEL = contentOf('model', 3_000_001);
const OTHER = contentOf('other', 50_000);
const TARGET = 'model\u001b[31m.bin';
/** In the middle of the model's own blocks. */
const DAMAGED_AT = 4096 * 300;

let folder: string;
let pack: string;
/** The same pack with one wrong byte in the model, with an `.info` beside it. */
let damaged: string;
/** The same pack without anything beside it. */
let alone: string;
let info: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-look-'));
  const source = join(folder, 'source');
  writeTree(source, { 'config.json': '{"a":1}\n', 'weights/model.bin': MODEL, 'weights/other.bin': OTHER });
  symlinkSync(TARGET, join(source, 'weights', 'link'));
  const result = await packFolder(source, parsePackName('acme/tiny@r1'), { outFolder: folder, jobs: 1 });
  pack = result.paths.pack;
  info = result.infoText;
  const bytes = readFileSync(pack);
  alone = join(folder, 'alone.mpk');
  writeFileSync(alone, bytes);
  const at = bytes.indexOf(MODEL.subarray(DAMAGED_AT, DAMAGED_AT + 64));
  assert.ok(at > 0);
  bytes[at]! ^= 1;
  damaged = join(folder, 'damaged.mpk');
  writeFileSync(damaged, bytes);
  writeFileSync(join(folder, 'damaged.info'), info);
});
after(() => rmSync(folder, { recursive: true }));

test('inspect says what a pack is, for people and for programs', async () => {
  const text = await vitrine(['inspect', pack]);
  assert.deepEqual([text.status, text.stderr], [0, '']);
  const [root] = info.split('_');
  assert.ok(
    text.stdout.toString().includes(`root      ${root} (as expected; what was read here is proven by it)`),
  );
  assert.match(text.stdout.toString(), /3 files .*, 2 folders, 1 links/);
  const facts = JSON.parse((await vitrine(['inspect', pack, '--json'])).stdout.toString()) as {
    verified: boolean;
    problems: unknown[];
    verity: { claimedRootHash: string };
  };
  assert.deepEqual([facts.verified, facts.problems, facts.verity.claimedRootHash], [true, [], root]);
});

test('ls lists a pack or a folder of it, a line a name, without escape codes', async () => {
  const all = await vitrine(['ls', pack]);
  assert.deepEqual([all.status, all.stderr], [0, '']);
  const lines = all.stdout.toString().trimEnd().split('\n');
  const names = lines.map((line) => line.replace(/ ->.*/, '').split(' ').at(-1));
  assert.deepEqual(names, [
    'config.json',
    'weights',
    'weights/link',
    'weights/model.bin',
    'weights/other.bin',
  ]);
  assert.ok(!all.stdout.includes('\u001b'));
  const below = await vitrine(['ls', pack, 'weights', '--json']);
  const entries = below.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(entries.slice(1), [
    { path: 'weights/link', kind: 'symlink', mode: '0777', target: TARGET },
    { path: 'weights/model.bin', kind: 'file', mode: '0644', sizeBytes: MODEL.length },
    { path: 'weights/other.bin', kind: 'file', mode: '0644', sizeBytes: OTHER.length },
  ]);
});

test('cat gives exactly the bytes of the file', async () => {
  const { status, stdout, stderr } = await vitrine(['cat', pack, 'weights/model.bin']);
  assert.deepEqual([status, stderr], [0, '']);
  assert.ok(stdout.equals(MODEL));
});

test('a reader that has seen enough is no failure of cat or ls', async () => {
  for (const words of [
    ['cat', pack, 'weights/model.bin'],
    ['ls', pack],
  ]) {
    const { child, finished } = startVitrine(words);
    child.stdout!.once('data', () => child.stdout!.destroy());
    const { status, stderr } = await finished;
    assert.deepEqual([status, stderr], [0, '']);
  }
});

test('extract gives back the folder, and does not write into one that is there', async () => {
  const out = join(folder, 'extracted');
  const { status, stdout, stderr } = await vitrine(['extract', pack, out]);
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout.toString(), /3 files/);
  assert.ok(readFileSync(join(out, 'weights', 'model.bin')).equals(MODEL));
  assert.equal(readlinkSync(join(out, 'weights', 'link')), TARGET);
  const again = await vitrine(['extract', pack, out]);
  assert.equal(again.status, 3);
  assert.match(again.stderr, /^OUTPUT_EXISTS: /);
});

test('what is not in the pack, or of another kind, is status 3 with a sentence', async () => {
  for (const words of [
    ['cat', pack, 'weights/none.bin'],
    ['cat', pack, 'weights'],
    ['cat', pack, '../config.json'],
    ['ls', pack, 'nothing'],
  ]) {
    const { status, stdout, stderr } = await vitrine(words);
    assert.deepEqual([status, stdout.length], [3, 0], words.join(' '));
    assert.match(stderr, /^[A-Z_]+: [^\n]+\n$/);
  }
});

test('without a root it is said that nothing was checked, on standard error; with one it is checked', async () => {
  const unchecked = await vitrine(['cat', alone, 'config.json']);
  assert.equal(unchecked.status, 0);
  assert.equal(unchecked.stdout.toString(), '{"a":1}\n');
  assert.match(unchecked.stderr, /^not checked: [^\n]+\n$/);
  const checked = await vitrine(['cat', alone, 'config.json', '--root', info]);
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
  const another = await vitrine(['cat', alone, 'config.json', '--root', 'b'.repeat(64)]);
  assert.deepEqual([another.status, another.stdout.length], [1, 0]);
});

test('check names the damaged file, with status 1', async () => {
  const { status, stdout, stderr } = await vitrine(['check', damaged]);
  assert.equal(status, 1);
  assert.match(stderr, /Damaged: weights\/model\.bin/);
  assert.doesNotMatch(stdout.toString(), /intact/);
  const json = await vitrine(['check', damaged, '--json']);
  assert.equal(json.status, 1);
  const answer = JSON.parse(json.stdout.toString()) as { verdict: string; damaged: object[] };
  assert.equal(answer.verdict, 'fail');
  assert.deepEqual(answer.damaged, [{ path: 'weights/model.bin', part: 'data' }]);
});

test('the failure of a check reaches whoever reads only its first words', async () => {
  const { child, finished } = startVitrine(['check', damaged, '--json']);
  child.stdout!.destroy();
  assert.equal((await finished).status, 1);
});

test('cat of the damaged file fails before a wrong byte is written, and of another file works', async () => {
  const broken = await vitrine(['cat', damaged, 'weights/model.bin']);
  assert.equal(broken.status, 1);
  assert.match(broken.stderr, /^DATA_BLOCK_MISMATCH: [^\n]+\n$/);
  assert.ok(broken.stdout.length <= DAMAGED_AT);
  assert.ok(broken.stdout.equals(MODEL.subarray(0, broken.stdout.length)));
  const whole = await vitrine(['cat', damaged, 'weights/other.bin']);
  assert.equal(whole.status, 0);
  assert.ok(whole.stdout.equals(OTHER));
});

test('extract of a damaged pack leaves nothing', async () => {
  const out = join(folder, 'never');
  const { status, stderr } = await vitrine(['extract', damaged, out]);
  assert.equal(status, 1);
  assert.match(stderr, /^DATA_BLOCK_MISMATCH: /);
  assert.equal(existsSync(out), false);
});

test('a file that is no pack fails with status 1 and one sentence, whatever is asked of it', async () => {
  const whole = readFileSync(pack);
  const files: Record<string, Uint8Array> = {
    text: Buffer.from('no pack'),
    empty: new Uint8Array(0),
    zeros: new Uint8Array(100_000),
    short: whole.subarray(0, 100_000),
    long: Buffer.concat([whole, new Uint8Array(4096)]),
  };
  const asked = Object.entries(files).flatMap(([name, bytes]) => {
    const path = join(folder, `${name}.mpk`);
    writeFileSync(path, bytes);
    return [
      ['check', path],
      ['inspect', path],
      ['cat', path, 'config.json'],
    ];
  });
  for (const words of asked) {
    const { status, stdout, stderr } = await vitrine(words);
    assert.equal(status, 1, `${words.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /^\s+at |internal error/m);
    assert.equal(stdout.length, 0);
  }
});

const script = '/usr/bin/script';
test(
  'on a terminal there is progress and colour, which a pipe never sees',
  { skip: !existsSync(script) && `${script} is not installed` },
  () => {
    const words = [process.execPath, join(import.meta.dirname, '../src/main.ts'), 'check', damaged];
    const { stdout } = spawnSync(script, ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
    });
    assert.ok(stdout.includes('\u001b[31m✗\u001b[0m'));
  },
);
