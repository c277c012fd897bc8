/** The command as a user or a script meets it: exit statuses, what goes to which output, and what it says. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { contentOf, writeTree } from '../../modelpack/test/hub-pack-model.ts';
import { type Finished, startVitrine, vitrine } from './vitrine.ts';

const BINARY = contentOf('binary', 3_000_001);
const ESCAPE = '\u001b';

let folder: string;
let source: string;
let pack: string;
let packed: Finished;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-command-'));
  source = join(folder, 'source');
  writeTree(source, {
    'config.json': '{"a":1}\n',
    'weights/model.bin': BINARY,
    'weights/other.bin': contentOf('other', 50_000),
  });
  const out = join(folder, 'out');
  packed = await vitrine(['pack', source, '--name', 'acme/tiny@r1', '--out', out, '--exclude', '*.tmp']);
  pack = join(out, 'acme', 'tiny', 'r1.mpk');
});
after(() => rmSync(folder, { recursive: true }));

interface JsonLine {
  readonly event?: string;
  readonly code?: string;
  readonly [key: string]: unknown;
}

function jsonLines({ stdout }: Finished): JsonLine[] {
  const text = stdout.toString();
  assert.ok(text.endsWith('\n'));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonLine);
}

test('a pack that was made is said on standard output alone, without escape codes', () => {
  assert.deepEqual([packed.status, packed.stderr], [0, '']);
  const text = packed.stdout.toString();
  const info = readFileSync(pack.replace('.mpk', '.info'), 'utf8');
  assert.match(text, /^packed {2}acme\/tiny@r1\n/);
  assert.ok(text.includes(`mpk: ${info}\n`));
  assert.ok(!text.includes(ESCAPE));
});

test('--json gives one object a line, and the last one is what was packed', async () => {
  const out = join(folder, 'json');
  const ended = await vitrine(['pack', source, '--name', 'acme/tiny@r1', '--out', out, '--json']);
  assert.deepEqual([ended.status, ended.stderr], [0, '']);
  const lines = jsonLines(ended);
  assert.equal(lines[0]!.event, 'planned');
  const { event, name, mpk, unchanged, files } = lines.at(-1)!;
  assert.deepEqual([event, name, unchanged], ['packed', 'acme/tiny@r1', false]);
  assert.equal(mpk, readFileSync(pack.replace('.mpk', '.info'), 'utf8'));
  const paths = Object.values(files as Record<string, string>);
  assert.equal(paths.length, 3);
  assert.ok(paths.every((path) => existsSync(path)));
});

test('a reader that stops early does not stop the packing, nor change its status', async () => {
  const out = join(folder, 'early');
  const words = ['pack', source, '--name', 'acme/tiny@r1', '--out', out, '--json'];
  const { child, finished } = startVitrine(words);
  child.stdout!.destroy();
  const { status } = await finished;
  assert.equal(status, 0);
  assert.ok(existsSync(join(out, 'acme', 'tiny', 'r1.mpk')));
});

test('an intact pack passes, by its info, root, manifest or a file with the root', async () => {
  const info = readFileSync(pack.replace('.mpk', '.info'), 'utf8');
  const root = info.split('_')[0]!;
  const rootFile = join(folder, 'root');
  writeFileSync(rootFile, `${root}\n`);
  for (const words of [[], [info], [root], [rootFile], ['--manifest', pack.replace('.mpk', '.json')]]) {
    const { status, stdout, stderr } = await vitrine(['check', pack, ...words]);
    assert.deepEqual([status, stderr], [0, ''], words.join(' '));
    assert.match(stdout.toString(), /is intact\n$/);
    assert.ok(!stdout.toString().includes(ESCAPE));
  }
  const [line] = jsonLines(await vitrine(['check', pack, '--json']));
  assert.deepEqual([line!['verdict'], line!['rootHash']], ['pass', root]);
});

test('a pack without anything to hold it against is not checked, which is not the same as intact', async () => {
  const alone = join(folder, 'alone.mpk');
  writeFileSync(alone, readFileSync(pack));
  const { status, stderr } = await vitrine(['check', alone]);
  assert.equal(status, 3);
  assert.match(stderr, /agrees with itself, but with nothing else/);
  assert.equal(jsonLines(await vitrine(['check', alone, '--json']))[0]!['verdict'], 'not-checked');
});

test('another root and another manifest fail with status 1', async () => {
  const wrongRoot = await vitrine(['check', pack, 'a'.repeat(64)]);
  assert.equal(wrongRoot.status, 1);
  assert.match(wrongRoot.stderr, /ROOT_MISMATCH/);
  const manifest = readFileSync(pack.replace('.mpk', '.json'), 'utf8');
  const changed = join(folder, 'changed.json');
  writeFileSync(changed, manifest.replace(/"sha256": "..../, '"sha256": "0000'));
  const wrongManifest = await vitrine(['check', pack, '--manifest', changed]);
  assert.equal(wrongManifest.status, 1);
  assert.match(wrongManifest.stderr, /MANIFEST_MISMATCH/);
});
