/** The cache: nothing stale, nothing damaged, nothing that failed; one folder for several processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { cacheFolder, folderCache, folderSource } from '../../src/index.node.ts';
import type { Answer, ResourceRequest } from '../../src/source.ts';
import {
  type CacheEntry,
  type CacheStore,
  CachingSource,
  OfflineSource,
  firstOf,
} from '../../src/sources/index.ts';
import { VerifierError } from '../../src/index.ts';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-cache-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const start = new Date('2026-11-25T18:00:00Z');
const later = (hours: number) => new Date(start.getTime() + hours * 3600_000);
const never = new Date('2099-01-01T00:00:00Z');
const good: Answer = { ok: true, bytes: utf8('one') };
const crl: ResourceRequest = { kind: 'amd-crl', url: 'https://kdsintf.amd.com/vcek/v1/Milan/crl' };

function memoryStore(): CacheStore & { readonly entries: Map<string, CacheEntry> } {
  const entries = new Map<string, CacheEntry>();
  return {
    entries,
    get: (key) => Promise.resolve(entries.get(key)),
    put: (key, entry) => Promise.resolve(void entries.set(key, entry)),
  };
}

/** Counts how often it is asked. */
function counting(answer: Answer | ((request: ResourceRequest) => Answer)) {
  const source = {
    asked: 0,
    get: (request: ResourceRequest) => {
      source.asked++;
      return Promise.resolve(typeof answer === 'function' ? answer(request) : answer);
    },
  };
  return source;
}

function cachingOf(answer: Answer, options: { store?: CacheStore; end?: Date | undefined } = {}) {
  const source = counting(answer);
  const time = { now: start };
  const cache = new CachingSource(source, {
    store: options.store ?? memoryStore(),
    clock: () => time.now,
    expiresAt: () => ('end' in options ? options.end : never),
  });
  return { source, time, cache };
}

describe('a cache', () => {
  test('asks once while what it has is good', async () => {
    const { source, cache } = cachingOf(good);
    assert.deepEqual(await cache.get(crl), good);
    assert.deepEqual(await cache.get(crl), good);
    assert.equal(source.asked, 1);
  });

  test('keeps the headers that carry content', async () => {
    const answer: Answer = { ok: true, bytes: utf8('x'), headers: { 'tcb-info-issuer-chain': 'chain' } };
    const { cache, source } = cachingOf(answer);
    const request: ResourceRequest = { kind: 'intel-tcb-info', url: 'https://a.example/' };
    await cache.get(request);
    assert.deepEqual(await cache.get(request), answer);
    assert.equal(source.asked, 1);
  });

  test('tells apart kinds, addresses and bodies', async () => {
    const { source, cache } = cachingOf(good);
    const requests: ResourceRequest[] = [
      { kind: 'amd-crl', url: 'https://a.example/1' },
      { kind: 'amd-crl', url: 'https://a.example/2' },
      { kind: 'intel-root-crl', url: 'https://a.example/1' },
      { kind: 'nvidia-ocsp', url: 'https://a.example/1', body: Uint8Array.of(1) },
      { kind: 'nvidia-ocsp', url: 'https://a.example/1', body: Uint8Array.of(2) },
    ];
    for (const request of [...requests, ...requests]) await cache.get(request);
    assert.equal(source.asked, 5);
  });

  for (const [kind, hours] of [
    ['amd-vcek', 30 * 24],
    ['amd-cert-chain', 30 * 24],
    ['nvidia-rim', 30 * 24],
    ['amd-crl', 24],
    ['intel-tcb-info', 24],
    ['intel-qe-identity', 24],
    ['intel-pck-crl', 24],
    ['intel-root-crl', 24],
    ['ct-log-list', 24],
    ['sigstore-bundle', 365 * 24],
  ] as const)
    test(`keeps ${kind} for ${hours} hours at most`, async () => {
      const { source, time, cache } = cachingOf(good);
      const request = { kind, url: 'https://a.example/' };
      await cache.get(request);
      time.now = later(hours - 0.001);
      await cache.get(request);
      assert.equal(source.asked, 1);
      time.now = later(hours);
      await cache.get(request);
      assert.equal(source.asked, 2);
    });

  test('keeps nothing past the end that it names itself', async () => {
    const { source, time, cache } = cachingOf(good, { end: later(2) });
    await cache.get(crl);
    time.now = later(1.999);
    await cache.get(crl);
    assert.equal(source.asked, 1);
    time.now = later(2);
    await cache.get(crl);
    assert.equal(source.asked, 2);
  });

  for (const [name, end] of [
    ['has no end', undefined],
    ['is over', later(-1)],
    ['ends now', start],
  ] as const)
    test(`does not keep what ${name}`, async () => {
      const { source, cache } = cachingOf(good, { end });
      await cache.get(crl);
      await cache.get(crl);
      assert.equal(source.asked, 2);
    });

  test('does not trust what was stored after the time given', async () => {
    const { source, time, cache } = cachingOf(good);
    await cache.get(crl);
    time.now = later(-24 * 365);
    await cache.get(crl);
    assert.equal(source.asked, 2);
  });

  test('keeps no failure', async () => {
    const store = memoryStore();
    const { source, cache } = cachingOf({ ok: false, code: 'TIMEOUT', message: 'x' }, { store });
    await cache.get(crl);
    await cache.get(crl);
    assert.equal(source.asked, 2);
    assert.equal(store.entries.size, 0);
  });

  for (const request of [
    { kind: 'endpoint-document', url: 'https://a.example/' },
    { kind: 'ct-log-entry', url: 'https://a.example/' },
    { kind: 'release-asset', url: 'https://github.com/a/b/releases/latest/download/tinfoil.hash' },
  ] as const)
    test(`keeps nothing of ${request.kind} at ${request.url}`, async () => {
      const store = memoryStore();
      const { source, cache } = cachingOf(good, { store });
      await cache.get(request);
      await cache.get(request);
      assert.equal(source.asked, 2);
      assert.equal(store.entries.size, 0);
    });

  test('that cannot be read or written is passed over, and its failure told', async () => {
    const failures: Error[] = [];
    const broken = () => Promise.reject(new VerifierError('STATE_UNUSABLE', 'no room'));
    const source = counting(good);
    const cache = new CachingSource(source, {
      store: { get: broken, put: broken },
      clock: () => start,
      expiresAt: () => never,
      onStoreFailure: (failure) => failures.push(failure),
    });
    assert.deepEqual(await cache.get(crl), good);
    assert.equal(failures.length, 2);
  });

  test('by default reads the end from the body, and keeps nothing that is not what it should be', async () => {
    const store = memoryStore();
    const source = counting({ ok: true, bytes: utf8('no list') });
    const cache = new CachingSource(source, { store, clock: () => start });
    await cache.get(crl);
    assert.equal(store.entries.size, 0);
  });
});

describe('offline', () => {
  test('the cache answers, and nothing else does', async () => {
    const store = memoryStore();
    await cachingOf(good, { store }).cache.get(crl);
    const offline = new OfflineSource({ store, clock: () => start });
    assert.deepEqual(await offline.get(crl), good);
    for (const request of [
      { kind: 'amd-crl', url: 'https://a.example/' },
      { kind: 'endpoint-document', url: 'https://a.example/' },
    ] as const) {
      const answer = await offline.get(request);
      assert.equal(!answer.ok && answer.code, 'OFFLINE');
    }
  });

  test('what has expired is not there', async () => {
    const store = memoryStore();
    await cachingOf(good, { store }).cache.get(crl);
    const answer = await new OfflineSource({ store, clock: () => later(25) }).get(crl);
    assert.equal(!answer.ok && answer.code, 'OFFLINE');
  });

  test('of several sources the first that has it answers, and a failure is not covered up', async () => {
    const offline = counting({ ok: false, code: 'OFFLINE', message: 'x' });
    const failing = counting({ ok: false, code: 'TIMEOUT', message: 'x' });
    const having = counting(good);
    assert.deepEqual(await firstOf(offline, having, failing).get(crl), good);
    const answer = await firstOf(offline, failing, having).get(crl);
    assert.equal(!answer.ok && answer.code, 'TIMEOUT');
    const none = await firstOf().get(crl);
    assert.equal(!none.ok && none.code, 'OFFLINE');
  });
});

describe('a cache in a folder', () => {
  const entry: CacheEntry = { bytes: utf8('one'), headers: { a: 'b' }, storedAt: start, expiresAt: later(1) };

  test('has what was put there, in another instance too', async (t) => {
    const folder = join(newFolder(t), 'vitrine');
    assert.equal(await folderCache(folder).get('key'), undefined);
    await folderCache(folder).put('key', entry);
    assert.deepEqual(await folderCache(folder).get('key'), entry);
    assert.equal(await folderCache(folder).get('other'), undefined);
    assert.equal(statSync(folder).mode & 0o077, 0);
  });

  test('has the last of several', async (t) => {
    const store = folderCache(newFolder(t));
    await store.put('key', entry);
    await store.put('key', { ...entry, bytes: utf8('two') });
    assert.deepEqual((await store.get('key'))?.bytes, utf8('two'));
  });

  test('keeps a body once that two addresses have', async (t) => {
    const folder = newFolder(t);
    await folderCache(folder).put('one', entry);
    await folderCache(folder).put('two', entry);
    assert.equal(readdirSync(join(folder, 'bodies')).length, 1);
  });

  test('does not grow without end: what has expired goes, and what nothing names any more', async (t) => {
    const folder = newFolder(t);
    const store = folderCache(folder, { sweepAboveBodies: 4 });
    const put = (key: string, text: string, storedAt: Date) =>
      store.put(key, { bytes: utf8(text), storedAt, expiresAt: new Date(storedAt.getTime() + 3600_000) });
    for (let day = 0; day < 10; day++) await put('list', `list ${day}`, later(24 * day));
    await put('other', 'other', later(0));
    const hourAgo = new Date(Date.now() - 2 * 3600_000);
    for (const name of readdirSync(join(folder, 'bodies')))
      utimesSync(join(folder, 'bodies', name), hourAgo, hourAgo);
    await put('list', 'list 10', later(24 * 10));
    await put('list', 'list 11', later(24 * 11));
    assert.deepEqual((await store.get('list'))?.bytes, utf8('list 11'));
    assert.equal(await store.get('other'), undefined);
    assert.equal(readdirSync(join(folder, 'index')).length, 1);
    // The bodies of the last hour may belong to an index that another process is about to write.
    assert.equal(readdirSync(join(folder, 'bodies')).length, 2);
  });

  const damages: Readonly<Record<string, (index: string, body: string) => void>> = {
    'a body with another byte': (_, body) => writeFileSync(body, 'onf'),
    'a body that ends early': (_, body) => writeFileSync(body, 'on'),
    'an empty body': (_, body) => writeFileSync(body, ''),
    'a body that is gone': (_, body) => rmSync(body),
    'an index that ends early': (index) => writeFileSync(index, readFileSync(index).subarray(0, -5)),
    'an index of another key': (index) =>
      writeFileSync(index, readFileSync(index, 'utf8').replace('"key":"key"', '"key":"kez"')),
    'an index that leads out of the folder': (index) =>
      writeFileSync(index, readFileSync(index, 'utf8').replace(/"sha256":"[0-9a-f]+"/, '"sha256":"../../x"')),
    'an index with a member more': (index) =>
      writeFileSync(index, readFileSync(index, 'utf8').replace('{', '{"x":1,')),
    'an index without end': (index) => writeFileSync(index, ' '.repeat(300_000)),
    'an index whose time is none': (index) =>
      writeFileSync(index, readFileSync(index, 'utf8').replace('2026-11-25', '2026-13-25')),
  };
  for (const [name, damage] of Object.entries(damages))
    test(`${name} is not there, and is removed`, async (t) => {
      const folder = newFolder(t);
      const store = folderCache(folder);
      await store.put('key', entry);
      const index = join(folder, 'index', readdirSync(join(folder, 'index'))[0]!);
      damage(index, join(folder, 'bodies', readdirSync(join(folder, 'bodies'))[0]!));
      assert.equal(await store.get('key'), undefined);
      assert.deepEqual(readdirSync(join(folder, 'index')), []);
      await store.put('key', entry);
      assert.deepEqual(await store.get('key'), entry);
    });

  test('that is a file cannot be used', async (t) => {
    const path = join(newFolder(t), 'vitrine');
    writeFileSync(path, '');
    await assert.rejects(folderCache(path).put('key', entry), { code: 'STATE_UNUSABLE' });
    await assert.rejects(folderCache(path).get('key'), { code: 'STATE_UNUSABLE' });
  });

  test('is used by several processes at once, and none reads what was not written', async (t) => {
    const folder = newFolder(t);
    const worker = new URL('cache.worker.ts', import.meta.url).pathname;
    const outputs = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<string>((resolve, reject) => {
            const args = ['--disable-warning=ExperimentalWarning', worker, folder, '60'];
            const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
            let output = '';
            child.stdout.on('data', (chunk: Uint8Array) => (output += new TextDecoder().decode(chunk)));
            child.on('exit', (status) =>
              status === 0 ? resolve(output) : reject(new Error(`status ${status}`)),
            );
          }),
      ),
    );
    assert.deepEqual(outputs, ['0\n', '0\n', '0\n']);
    const left = [...readdirSync(join(folder, 'index')), ...readdirSync(join(folder, 'bodies'))];
    assert.ok(left.every((name) => !name.endsWith('.unfinished')));
  });

  test('is where the environment says, else in the home', () => {
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/cache' }, '/home/a'), '/cache/vitrine');
    assert.equal(cacheFolder({ XDG_CACHE_HOME: 'cache' }, '/home/a'), '/home/a/.cache/vitrine');
    assert.equal(cacheFolder({}, '/home/a'), '/home/a/.cache/vitrine');
  });
});

describe('boot parts from files', () => {
  const hashOf = async (text: string) =>
    Buffer.from(await crypto.subtle.digest('SHA-256', utf8(text))).toString('hex');
  const ask = async (paths: readonly string[], sha256: string) =>
    (await folderSource(paths)).get({ kind: 'boot-part', url: `sha256:${sha256}` });

  test('are found by what is in them, not by their names', async (t) => {
    const folder = newFolder(t);
    writeFileSync(join(folder, 'initrd'), 'kernel');
    writeFileSync(join(folder, 'vmlinuz'), 'initrd');
    mkdirSync(join(folder, 'more'));
    assert.deepEqual(await ask([folder], await hashOf('kernel')), { ok: true, bytes: utf8('kernel') });
    assert.deepEqual(await ask([join(folder, 'vmlinuz')], await hashOf('initrd')), {
      ok: true,
      bytes: utf8('initrd'),
    });
  });

  for (const [name, sha256] of [
    ['another digest', '0'.repeat(64)],
    ['a path', '../../etc/passwd'],
    ['nothing', ''],
  ] as const)
    test(`are not there under ${name}`, async (t) => {
      const folder = newFolder(t);
      writeFileSync(join(folder, 'x'), 'kernel');
      const answer = await ask([folder], sha256);
      assert.equal(!answer.ok && answer.code, 'OFFLINE');
    });

  test('that changed since they were hashed are not there', async (t) => {
    const folder = newFolder(t);
    writeFileSync(join(folder, 'x'), 'kernel');
    const source = await folderSource([folder]);
    const url = `sha256:${await hashOf('kernel')}`;
    assert.ok((await source.get({ kind: 'boot-part', url })).ok);
    writeFileSync(join(folder, 'x'), 'kernex');
    const answer = await source.get({ kind: 'boot-part', url });
    assert.equal(!answer.ok && answer.code, 'OFFLINE');
  });

  test('are the only kind that a folder has', async (t) => {
    const source = await folderSource([newFolder(t)]);
    const answer = await source.get(crl);
    assert.equal(!answer.ok && answer.code, 'OFFLINE');
  });

  test('that are not there to begin with are a wrong argument', async (t) => {
    await assert.rejects(folderSource([join(newFolder(t), 'no')]), { code: 'ARGUMENT_INVALID' });
  });
});
