/** Packing from a Hub, killed and stopped again and again: the next run goes on from what is proven, and ends with the same bytes. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, endOf, startVitrine, vitrine } from '../../cli/test/vitrine.ts';
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

async function until(running: Running, condition: () => boolean): Promise<void> {
  const isOver = endOf(running);
  while (!isOver() && !condition()) await delay(POLL_MS);
}

/** What was asked for since that request begins, for each file, where the noted bytes end. */
function requireNothingTwice(server: HubServer, from: number, noted: ReadonlyMap<string, number>): void {
  for (const { path, startByte, bodyBytes } of contentRequests(server, undefined, from)) {
    if (startByte === undefined || bodyBytes === 0) continue;
    const known = noted.get(path!) ?? 0;
    assert.ok(startByte >= known, `${path}: ${known} bytes were noted, byte ${startByte} was asked for`);
  }
}

/** Packs one repository, with so many kills on the way or fewer. @returns how many there were */
async function packWithKills(mostKills: number): Promise<number> {
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
  while (kills < mostKills) {
    const from = server.requests.length;
    const running = startVitrine(words, { env });
    // At any moment; every other time after something more was noted, so that there is progress.
    const servedLimit = Math.random() * 24 * 2 ** 20;
    const notedLimit = kills % 2 === 0 ? noted.size + 1 + Math.random() * 10 : 0;
    await until(
      running,
      () => servedBytes(server, from) >= servedLimit && notedBytes(paths, placed).size >= notedLimit,
    );
    running.child.kill('SIGKILL');
    const { signal } = await running.finished;
    requireNothingTwice(server, from, noted);
    if (signal === null || existsSync(paths.pack)) break; // It was done before the kill came.
    kills++;
    assert.deepEqual(finalNames(out), []);
    noted = notedBytes(paths, placed);
  }
  assert.ok(kills >= 1 && noted.size > 0, 'no kill came in the middle of the download');
  const from = server.requests.length;
  const { status, stderr } = await vitrine(words, { env });
  assert.equal(status, 0, stderr);
  requireNothingTwice(server, from, noted);
  if (kills === mostKills) assert.match(stderr, /An earlier run left /);
  const expected = await packedFromFolder(folder.path, FILES, name);
  assert.ok(readFileSync(paths.pack).equals(readFileSync(expected.paths.pack)));
  assert.equal(allNames(out).length, 3);
  return kills;
}

test(`after each of ${KILLS} kills no byte that was noted is fetched again, and the last run gives the same pack`, async () => {
  for (let kills = 0; kills < KILLS;) kills += await packWithKills(Math.min(KILLS - kills, 4));
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
  await until(running, () => notedBytes(paths, placed).size >= 20);
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
