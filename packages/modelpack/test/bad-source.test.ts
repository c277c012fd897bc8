/** Sources that cannot be packed, and places that cannot be written: an error that says so, and nothing left behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Finished, endOf, startVitrine, vitrine } from '../../cli/test/vitrine.ts';
import { parsePackName } from '../src/name.ts';
import { packPaths } from '../src/output.ts';
import { packFolder } from '../src/pack-folder.ts';
import {
  type Files,
  allNames,
  contentOf,
  hole,
  packedFromFolder,
  scratch,
  writeTree,
} from './hub-pack-model.ts';

const NAME = 'acme/tiny@r1';
const FILES: Files = { 'config.json': '{}\n', 'model.bin': contentOf('model', 300_000) };
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

function pack(source: string, out: string, ...more: string[]): Promise<Finished> {
  return vitrine(['pack', source, '--name', NAME, '--out', out, '--jobs', '1', ...more]);
}

/** One line that begins with the code, and no result. */
function requireFailure(ended: Finished, code: string, status: number): void {
  assert.equal(ended.status, status, ended.stderr);
  assert.match(ended.stderr, new RegExp(`^${code}: [^\\n]+\\n$`));
  assert.equal(ended.stdout.length, 0);
}

test('a folder that does not exist, a file, and an empty folder are refused, each in its own words', async () => {
  using folder = scratch();
  const out = join(folder.path, 'out');
  const empty = join(folder.path, 'empty');
  mkdirSync(join(empty, 'with', 'folders', 'only'), { recursive: true });
  const file = join(folder.path, 'model.gguf');
  writeFileSync(file, 'x');
  requireFailure(await pack(join(folder.path, 'missing'), out), 'SOURCE_MISSING', 2);
  requireFailure(await pack(file, out), 'SOURCE_MISSING', 2);
  requireFailure(await pack(empty, out), 'SOURCE_EMPTY', 3);
  assert.deepEqual(allNames(out), []);
});

test('a selection that leaves nothing is refused', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  const out = join(folder.path, 'out');
  for (const more of [
    ['--exclude', '*'],
    ['--include', '*.gguf'],
    ['--include', '*.bin', '--exclude', 'model.*'],
  ]) {
    requireFailure(await pack(source, out, ...more), 'SOURCE_EMPTY', 3);
  }
  assert.deepEqual(allNames(out), []);
});

test('a folder that is named through a symbolic link is packed as the folder itself', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  const link = join(folder.path, 'link');
  symlinkSync('source', link);
  const out = join(folder.path, 'out');
  const { status, stderr } = await pack(link, out);
  assert.equal(status, 0, stderr);
  const expected = await packedFromFolder(folder.path, FILES, NAME);
  const { pack: made } = packPaths(out, parsePackName(NAME));
  assert.ok(readFileSync(made).equals(readFileSync(expected.paths.pack)));
});

test('a FIFO, a socket and a device are refused by name, and never waited for', async () => {
  using folder = scratch();
  const make: Record<string, (path: string) => unknown> = {
    fifo: (path) => execFileSync('mkfifo', [path]),
    socket: (path) => new Promise<void>((resolve) => sockets.listen(path, resolve)),
    ...(isRoot ? { device: (path) => execFileSync('mknod', [path, 'c', '1', '5']) } : {}),
  };
  const sockets = createServer();
  for (const [kind, create] of Object.entries(make)) {
    const source = join(folder.path, kind);
    writeTree(source, FILES);
    mkdirSync(join(source, 'sub'));
    await create(join(source, 'sub', kind));
    const ended = await pack(source, join(folder.path, 'out'));
    requireFailure(ended, 'SOURCE_UNSUPPORTED', 3);
    assert.ok(ended.stderr.includes(`sub/${kind}`));
    const without = await pack(source, join(folder.path, 'out'), '--exclude', 'sub');
    assert.equal(without.status, 0, without.stderr);
  }
  await new Promise((resolve) => sockets.close(resolve));
});

test(
  'a file that may not be read is named, and nothing is left',
  { skip: !isRoot && 'another user can only be taken on by root' },
  async () => {
    using folder = scratch();
    chmodSync(folder.path, 0o777);
    const source = join(folder.path, 'source');
    writeTree(source, { ...FILES, 'secret/key.bin': 'secret' });
    const out = join(folder.path, 'out');
    mkdirSync(out);
    chownSync(out, NOBODY, NOBODY);
    const words = ['pack', source, '--name', NAME, '--out', out];
    for (const path of ['secret/key.bin', 'secret']) {
      chmodSync(join(source, path), 0);
      const ended = await vitrine(words, {
        uid: NOBODY,
        env: { HOME: folder.path, NODE_COMPILE_CACHE: folder.path },
      });
      requireFailure(ended, 'SOURCE_UNREADABLE', 3);
      assert.ok(ended.stderr.includes(path), ended.stderr);
      assert.deepEqual(allNames(out), []);
      chmodSync(join(source, path), 0o755);
    }
  },
);

test(
  'an output folder that may not be written is named',
  { skip: !isRoot && 'another user can only be taken on by root' },
  async () => {
    using folder = scratch();
    chmodSync(folder.path, 0o755);
    const source = join(folder.path, 'source');
    writeTree(source, FILES);
    const env = { HOME: '/', NODE_COMPILE_CACHE: '/nonexistent' };
    const words = ['pack', source, '--name', NAME, '--out'];
    const closed = join(folder.path, 'closed');
    const ended = await vitrine([...words, closed], { uid: NOBODY, env });
    requireFailure(ended, 'OUTPUT_UNWRITABLE', 3);
    assert.ok(ended.stderr.includes(closed), ended.stderr);
  },
);

test('an output folder that is a file is an error with a code', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  const file = join(folder.path, 'file');
  writeFileSync(file, '');
  requireFailure(await pack(source, file), 'OUTPUT_UNWRITABLE', 3);
});

test('a file that is touched while the folder is packed is noticed, and nothing is left', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  hole(join(source, 'large.bin'), 300_000_000);
  const out = join(folder.path, 'out');
  const paths = packPaths(out, parsePackName(NAME));
  const words = ['pack', source, '--name', NAME, '--out', out, '--jobs', '1'];
  const running = startVitrine(words);
  const isOver = endOf(running);
  // From here on the folder was looked at, and the largest file comes first.
  while (!existsSync(paths.partial) && !isOver()) await delay(1);
  utimesSync(join(source, 'model.bin'), 1, 1);
  const ended = await running.finished;
  requireFailure(ended, 'SOURCE_CHANGED', 3);
  assert.ok(ended.stderr.includes('model.bin'));
  assert.deepEqual(allNames(out), []);
});

test('another pack under the same name is left alone', async () => {
  using folder = scratch();
  const out = join(folder.path, 'out');
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  const options = { outFolder: out, jobs: 1 };
  const first = await packFolder(source, parsePackName(NAME), options);
  const before = readFileSync(first.paths.pack);
  const { info, manifest } = first.paths;
  const texts = [info, manifest].map((path) => readFileSync(path, 'utf8'));
  // One of the same size, which only its root hash tells apart, and one of another size.
  for (const content of [contentOf('another', 300_000), contentOf('longer', 400_000)]) {
    writeFileSync(join(source, 'model.bin'), content);
    requireFailure(await pack(source, out), 'OUTPUT_EXISTS', 3);
    assert.ok(readFileSync(first.paths.pack).equals(before));
    assert.deepEqual(
      [info, manifest].map((path) => readFileSync(path, 'utf8')),
      texts,
    );
    assert.deepEqual(allNames(out), ['r1.info', 'r1.json', 'r1.mpk']);
  }
  writeFileSync(join(source, 'model.bin'), FILES['model.bin']!);
  assert.equal((await packFolder(source, parsePackName(NAME), options)).unchanged, true);
  rmSync(info);
  requireFailure(await pack(source, out), 'OUTPUT_EXISTS', 3);
  assert.ok(readFileSync(first.paths.pack).equals(before));
});

test('names and revisions that break the rules are refused before anything is written', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  const out = join(folder.path, 'out');
  const names = [
    '',
    'tiny',
    'tiny@r1',
    'a/b',
    'a/b@',
    '/b@r',
    'a/@r',
    '../b@r',
    'a/..@r',
    'a/b@..',
    'a/b@x/y',
    'a/b c@r',
    'a/b@\n',
  ];
  for (const name of names) {
    const named = (): unknown => parsePackName(name);
    assert.throws(named, { code: 'NAME_INVALID' }, JSON.stringify(name));
  }
  const words = ['pack', source, '--out', out];
  requireFailure(await vitrine([...words, '--name', '../evil@r']), 'NAME_INVALID', 2);
  const hub = ['a/b@', 'a/b@..', 'a/b@x y', 'a/b@-x', 'a/b@x.lock', '-a/b', 'a--b/c', 'a/b.git'];
  for (const name of hub.slice(0, 3))
    requireFailure(await vitrine(['pack', name, '--out', out]), 'PARAMETER_INVALID', 2);
  assert.equal(existsSync(out), false);
});
