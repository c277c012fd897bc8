/** The memory on disk: nothing lost between processes, nothing forgotten in silence. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { folderMemory, stateFolder } from '../../src/index.node.ts';
import { rememberedReleases } from '../../src/memory/index.ts';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-memory-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const v1 = { tag: 'v1', digest: '1'.repeat(64), loggedAtUnix: 1000 };
const v2 = { tag: null, digest: '2'.repeat(64), loggedAtUnix: null };
const service = 'owner/name';

/** The one folder of the one service, and its files. */
function filesOf(folder: string): string[] {
  const releases = join(folder, 'releases');
  const [inside] = readdirSync(releases);
  return readdirSync(join(releases, inside!)).map((name) => join(releases, inside!, name));
}

describe('the memory folder', () => {
  test('knows nothing at first, and is not made for that', async (t) => {
    const folder = join(newFolder(t), 'vitrine');
    assert.deepEqual(await folderMemory(folder).read(service), { service, entries: [] });
    assert.throws(() => statSync(folder));
  });

  test('remembers, by service, across instances', async (t) => {
    const folder = newFolder(t);
    await folderMemory(folder).remember(service, v2);
    assert.deepEqual((await folderMemory(folder).remember(service, v1)).entries, [v1, v2]);
    assert.deepEqual((await folderMemory(folder).read(service)).entries, [v1, v2]);
    assert.deepEqual((await folderMemory(folder).read('owner/other')).entries, []);
  });

  test('remembers a release once', async (t) => {
    const folder = newFolder(t);
    for (let round = 0; round < 3; round++) await folderMemory(folder).remember(service, v1);
    assert.deepEqual((await folderMemory(folder).read(service)).entries, [v1]);
    assert.equal(filesOf(folder).length, 1);
  });

  test('takes any name of a service, none of them as a path', async (t) => {
    const folder = newFolder(t);
    for (const name of ['../../etc/passwd', 'a/b/c', '.', 'ü', 'host:8443', 'x'.repeat(255)]) {
      await folderMemory(folder).remember(name, v1);
      assert.deepEqual((await folderMemory(folder).read(name)).entries, [v1]);
    }
    assert.deepEqual(readdirSync(folder), ['releases']);
    assert.ok(readdirSync(join(folder, 'releases')).every((name) => /^[0-9a-f]{64}$/.test(name)));
  });

  test('is for its owner only', async (t) => {
    const folder = join(newFolder(t), 'vitrine');
    await folderMemory(folder).remember(service, v1);
    assert.equal(statSync(folder).mode & 0o077, 0);
    assert.ok(filesOf(folder).every((file) => (statSync(file).mode & 0o077) === 0));
  });

  test('keeps the newest releases, and lets go of the files of others', async (t) => {
    const folder = newFolder(t);
    const store = folderMemory(folder);
    for (let at = 0; at < rememberedReleases + 5; at++)
      await store.remember(service, {
        tag: `v${at}`,
        digest: at.toString(16).padStart(64, '0'),
        loggedAtUnix: at,
      });
    const { entries } = await store.read(service);
    assert.equal(entries.length, rememberedReleases);
    assert.equal(entries[0]!.tag, `v${rememberedReleases + 4}`);
    assert.equal(filesOf(folder).length, rememberedReleases);
  });

  test('passes over a file that a process has not finished', async (t) => {
    const folder = newFolder(t);
    await folderMemory(folder).remember(service, v1);
    writeFileSync(join(filesOf(folder)[0]!, '..', '.x.json.1.abc.unfinished'), '{"for');
    assert.deepEqual((await folderMemory(folder).read(service)).entries, [v1]);
  });
});

describe('a memory that was damaged is never forgotten in silence', () => {
  const unusable = { name: 'VerifierError', code: 'STATE_UNUSABLE' };
  const damages: Readonly<Record<string, (path: string) => void>> = {
    'a file that ends early': (path) => writeFileSync(path, readFileSync(path).subarray(0, -2)),
    'an empty file': (path) => writeFileSync(path, ''),
    'another time': (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('1000', '1')),
    'another digest': (path) => writeFileSync(path, readFileSync(path, 'utf8').replace('111', '222')),
    'no JSON': (path) => writeFileSync(path, 'x'),
    'a large file': (path) => writeFileSync(path, ' '.repeat(100_000)),
    'a folder in its place': (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    'a file of another name beside it': (path) => writeFileSync(join(path, '..', 'note.txt'), 'x'),
    'a good file under another name': (path) =>
      writeFileSync(join(path, '..', `${'0'.repeat(64)}.json`), readFileSync(path)),
  };
  for (const [name, damage] of Object.entries(damages))
    test(name, async (t) => {
      const folder = newFolder(t);
      const store = folderMemory(folder);
      await store.remember(service, v1);
      damage(filesOf(folder)[0]!);
      await assert.rejects(store.read(service), unusable);
      await assert.rejects(store.remember(service, v2), unusable);
      assert.deepEqual((await store.read('owner/other')).entries, []);
    });

  test('a file of another service', async (t) => {
    const folder = newFolder(t);
    const store = folderMemory(folder);
    await store.remember('owner/other', v1);
    const [from] = filesOf(folder);
    await store.remember(service, v2);
    const to = readdirSync(join(folder, 'releases')).find((name) => !from!.includes(name))!;
    writeFileSync(join(folder, 'releases', to, from!.slice(from!.lastIndexOf('/') + 1)), readFileSync(from!));
    await assert.rejects(store.read(service), unusable);
  });

  test('a state folder that is a file', async (t) => {
    const path = join(newFolder(t), 'vitrine');
    writeFileSync(path, '');
    await assert.rejects(folderMemory(path).read(service), unusable);
    await assert.rejects(folderMemory(path).remember(service, v1), unusable);
  });

  test(
    'a folder that may not be written',
    { skip: process.getuid?.() === 0 && 'root may write anywhere' },
    async (t) => {
      const folder = newFolder(t);
      chmodSync(folder, 0o500);
      await assert.rejects(folderMemory(folder).remember(service, v1), unusable);
    },
  );

  for (const release of [
    { ...v1, digest: '1'.repeat(63) },
    { ...v1, digest: 'A'.repeat(64) },
    { ...v1, loggedAtUnix: 0.5 },
    { ...v1, loggedAtUnix: NaN },
    { ...v1, loggedAtUnix: -1 },
    { ...v1, tag: 'x'.repeat(600) },
    { ...v1, tag: '' },
    { ...v1, tag: '\ud800' },
  ])
    test(`what could not be read again is not remembered: ${JSON.stringify(release).slice(0, 100)}`, async (t) => {
      const folder = newFolder(t);
      await assert.rejects(folderMemory(folder).remember(service, release), { code: 'ARGUMENT_INVALID' });
      assert.deepEqual(readdirSync(folder), []);
    });
});

describe('processes that remember at the same time', () => {
  test('keep what each of them saw', async (t) => {
    const folder = newFolder(t);
    const worker = new URL('remember.worker.ts', import.meta.url).pathname;
    const statuses = await Promise.all(
      [0, 10, 20, 30].map(
        (first) =>
          new Promise((resolve) => {
            const args = [
              '--disable-warning=ExperimentalWarning',
              worker,
              folder,
              service,
              String(first),
              '10',
            ];
            spawn(process.execPath, args, { stdio: 'inherit' }).on('exit', resolve);
          }),
      ),
    );
    assert.deepEqual(statuses, [0, 0, 0, 0]);
    const { entries } = await folderMemory(folder).read(service);
    assert.deepEqual(
      entries.map(({ tag }) => tag),
      Array.from({ length: 40 }, (_, at) => `v${39 - at}`),
    );
    assert.equal(filesOf(folder).length, 40);
  });
});

describe('the state folder', () => {
  test('is where the environment says, else in the home', () => {
    assert.equal(stateFolder({ XDG_STATE_HOME: '/state' }, '/home/a'), '/state/vitrine');
    assert.equal(stateFolder({}, '/home/a'), '/home/a/.local/state/vitrine');
    assert.equal(stateFolder({ XDG_STATE_HOME: 'relative' }, '/home/a'), '/home/a/.local/state/vitrine');
    assert.equal(stateFolder({ XDG_STATE_HOME: '' }, '/home/a'), '/home/a/.local/state/vitrine');
  });
});
