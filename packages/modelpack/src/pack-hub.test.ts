import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type HubServer, startHubServer } from '../test/hub-server.ts';
import { type HubPackOptions, packFromHub } from './pack-hub.ts';
import type { PackEvent } from './progress.ts';

const FILES = { 'a.txt': 'a', 'b/c.bin': 'c'.repeat(10_000) };

let outFolder: string;
let server: HubServer;
beforeEach(async () => {
  outFolder = mkdtempSync(join(tmpdir(), 'vitrine-pack-hub-'));
  server = await startHubServer({ repos: [{ name: 'acme/tiny', files: FILES, token: 'hf_token' }] });
});
afterEach(async () => {
  rmSync(outFolder, { recursive: true });
  await server.close();
});

function options(more: Partial<HubPackOptions> = {}): HubPackOptions {
  const hub = { endpoint: server.endpoint, fetch: globalThis.fetch, token: 'hf_token' };
  return { outFolder, jobs: 1, hub, ...more };
}

test('events come in order: what is packed, how far it is, and at last all of it', async () => {
  const events: PackEvent[] = [];
  await packFromHub('acme/tiny', undefined, options({ onEvent: (event) => events.push(event) }));
  assert.deepEqual([...new Set(events.map(({ kind }) => kind))], ['resolved', 'planned', 'progress']);
  const totalBytes = 10_001;
  const progress = events.filter((event) => event.kind === 'progress');
  assert.deepEqual(
    { ...progress.at(-1), file: '' },
    { kind: 'progress', doneBytes: totalBytes, totalBytes, file: '' },
  );
  const done = progress.map(({ doneBytes }) => doneBytes);
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
});

test('a signal that came before stops everything before the first request', async () => {
  const run = packFromHub('acme/tiny', 'main', options({ signal: AbortSignal.abort() }));
  await assert.rejects(run, { code: 'ABORTED' });
  assert.deepEqual(server.requests, []);
  assert.deepEqual(readdirSync(outFolder), []);
});

for (const route of ['revision', 'tree', 'resolve'] as const) {
  test(`a signal that comes while the ${route} is asked for stops it`, async () => {
    server.fault({ on: route, do: { kind: 'stall' } });
    const stop = new AbortController();
    const run = packFromHub('acme/tiny', 'main', options({ signal: stop.signal }));
    while (!server.requests.some((request) => request.route === route)) await new Promise(setImmediate);
    stop.abort();
    await assert.rejects(run, { code: 'ABORTED' });
  });
}

test('names and revisions that cannot be are refused without a request', async () => {
  const names = [
    'tiny',
    '',
    '/',
    'a/',
    '/b',
    'a/b/c',
    '../b',
    'a/..',
    'a b/c',
    '-a/b',
    'a--b/c',
    'a/b.git',
    'a/b@c',
  ];
  for (const name of names) {
    await assert.rejects(packFromHub(name, 'main', options()), { code: 'PARAMETER_INVALID' }, name);
  }
  for (const revision of [
    '',
    '..',
    'a..b',
    '/a',
    'a/',
    'a b',
    '-a',
    'a.lock',
    'a~1',
    'HEAD^',
    'a:b',
    'x'.repeat(256),
  ]) {
    await assert.rejects(
      packFromHub('acme/tiny', revision, options()),
      { code: 'PARAMETER_INVALID' },
      revision,
    );
  }
  assert.deepEqual(server.requests, []);
});

test('a commit that the repository does not have is not found', async () => {
  const run = packFromHub('acme/tiny', 'f'.repeat(40), options());
  await assert.rejects(run, { code: 'REVISION_NOT_FOUND' });
});

test('while one run of a process makes a pack, another one is told that it is being made', async () => {
  server.fault({ on: 'resolve', do: { kind: 'stall' } });
  const stop = new AbortController();
  const first = packFromHub('acme/tiny', 'main', options({ signal: stop.signal }));
  while (!server.requests.some(({ route }) => route === 'resolve')) await new Promise(setImmediate);
  await assert.rejects(packFromHub('acme/tiny', 'main', options()), { code: 'OUTPUT_BUSY' });
  stop.abort();
  await assert.rejects(first, { code: 'ABORTED' });
  server.clearFaults();
  assert.equal((await packFromHub('acme/tiny', 'main', options())).fileCount, 2);
});
