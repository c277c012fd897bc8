/** Packing from a Hub, killed and stopped again and again: the next run goes on from what is proven, and ends with the same bytes. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, startVitrine, vitrine } from '../../cli/test/vitrine.ts';
import { parsePackName } from '../src/name.ts';
import { packPaths } from '../src/output.ts';
import {
  type Files,
  RANGE_BYTES,
  allNames,
  contentOf,
  contentRequests,
  finalNames,
  packFrom,
  packedFromFolder,
  scratch,
} from './hub-pack-model.ts';
import { type HubServer, startHubServer } from './hub-server.ts';
import { notedBytes, placedFiles } from './interrupt-journal.ts';

const KILLS = process.env['VITRINE_LONG'] === '1' ? 50 : 4;
const POLL_MS = 5;

const FILES: Files = {
  'config.json': '{"a":1}\n',
  'model.safetensors': contentOf('model', 3 * RANGE_BYTES + 12_345),
};
for (let index = 0; index < 60; index++) {
  const path = `shards/${index}.bin`;
  FILES[path] = contentOf(path, 300_000 + 20_000 * index);
}

function servedBytes(server: HubServer, from: number): number {
  return contentRequests(server, undefined, from).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
}

async function untilServed(
  { finished }: Running,
  server: HubServer,
  from: number,
  bytes: number,
): Promise<void> {
  let ended = false;
  void finished.then(() => (ended = true));
  while (!ended && servedBytes(server, from) < bytes) await delay(POLL_MS);
}

/** What was asked for since that request begins, for each file, where the noted bytes end. */
function requireNothingTwice(server: HubServer, from: number, noted: ReadonlyMap<string, number>): void {
  for (const { path, startByte, bodyBytes } of contentRequests(server, undefined, from)) {
    if (startByte === undefined || bodyBytes === 0) continue;
    const known = noted.get(path!) ?? 0;
    assert.ok(startByte >= known, `${path}: ${known} bytes were noted, byte ${startByte} was asked for`);
  }
}

test(`after each of ${KILLS} kills no byte that was noted is fetched again, and the last run gives the same pack`, async () => {
  using folder = scratch();
  await using server = await startHubServer({
    repos: [{ name: 'acme/tiny', files: FILES }],
    chunkDelayMs: 3,
  });
  const name = `acme/tiny@${server.commitOf('acme/tiny')}`;
  const placed = placedFiles(name, FILES);
  const out = join(folder.path, 'out');
  const paths = packPaths(out, parsePackName(name));
  const words = ['pack', 'acme/tiny', '--out', out];
  const env = { HF_ENDPOINT: server.endpoint };
  let noted = new Map<string, number>();
  let kills = 0;
  while (kills < KILLS) {
    const from = server.requests.length;
    const running = startVitrine(words, { env });
    await untilServed(running, server, from, (8 + 16 * Math.random()) * 2 ** 20);
    running.child.kill('SIGKILL');
    const { signal } = await running.finished;
    requireNothingTwice(server, from, noted);
    if (signal === null) break;
    kills++;
    assert.deepEqual(finalNames(out), []);
    if (existsSync(paths.journal)) noted = notedBytes(paths, placed);
  }
  assert.ok(kills >= Math.min(KILLS, 2), `only ${kills} kills came before the end`);
  assert.ok(noted.size > 0, 'nothing was noted before the last kill: there is nothing to go on from');
  const from = server.requests.length;
  const { status, stderr } = await vitrine(words, { env });
  assert.equal(status, 0, stderr);
  requireNothingTwice(server, from, noted);
  if (kills === KILLS) assert.match(stderr, /An earlier run left /);
  const expected = await packedFromFolder(folder.path, FILES, name);
  assert.ok(readFileSync(paths.pack).equals(readFileSync(expected.paths.pack)));
  assert.equal(allNames(out).length, 3);
});

test('SIGINT ends a download with status 130 and keeps what is there; the next run goes on from it', async () => {
  using folder = scratch();
  await using server = await startHubServer({ repos: [{ name: 'acme/tiny', files: FILES }] });
  const name = `acme/tiny@${server.commitOf('acme/tiny')}`;
  server.fault({ on: 'resolve-cache', path: 'shards/3.bin', do: { kind: 'stall', afterBytes: 1000 } });
  const out = join(folder.path, 'out');
  const paths = packPaths(out, parsePackName(name));
  const words = ['pack', 'acme/tiny', '--out', out, '--json'];
  const env = { HF_ENDPOINT: server.endpoint };
  const running = startVitrine(words, { env });
  const placed = placedFiles(name, FILES);
  let ended = false;
  void running.finished.then(() => (ended = true));
  while (!existsSync(paths.journal) || notedBytes(paths, placed).size < 20) {
    assert.ok(!ended, 'the packer ended although one file never came');
    await delay(POLL_MS);
  }
  const busy = await vitrine(words, { env });
  assert.equal(busy.status, 3);
  assert.match(busy.stderr, new RegExp(`^OUTPUT_BUSY: Process ${running.child.pid} `));
  running.child.kill('SIGINT');
  const stopped = await running.finished;
  assert.equal(stopped.status, 130);
  const last = stopped.stdout.toString().trimEnd().split('\n').at(-1)!;
  assert.equal((JSON.parse(last) as { code: string }).code, 'ABORTED');
  const stem = parsePackName(name).revision;
  assert.deepEqual(allNames(out), [`${stem}.mpk.journal`, `${stem}.mpk.partial`]);

  const noted = notedBytes(paths, placed);
  server.clearFaults();
  const from = server.requests.length;
  const result = await packFrom(server, out);
  requireNothingTwice(server, from, noted);
  const expected = await packedFromFolder(folder.path, FILES, name);
  assert.ok(readFileSync(result.paths.pack).equals(readFileSync(expected.paths.pack)));
});
