import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHubServer, type HubServerOptions, type ServedRequest } from '../../test/hub-server.ts';
import { listFiles } from './listing.ts';
import { fetchRange } from './range.ts';
import { resolveRevision } from './revision.ts';
import { collect, hubOf, patterned } from './test/fixture.ts';

test('the test server serves a folder from a process of its own, with faults and a record', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hub-server-'));
  mkdirSync(join(folder, 'sub'));
  const weights = patterned(300_000);
  writeFileSync(join(folder, 'sub/weights.bin'), weights);
  writeFileSync(join(folder, 'empty'), '');
  const options: HubServerOptions = {
    repos: [{ name: 'owner/model', folder, lfsFromBytes: 1000 }],
    faults: [{ on: 'download', nth: 1, do: { kind: 'cut', afterBytes: 1000 } }],
  };
  const program = fileURLToPath(new URL('../../test/hub-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { endpoint } = JSON.parse(line) as { endpoint: string };
    const hub = hubOf({ endpoint });
    const commit = await resolveRevision(hub, 'owner/model');
    const files = await listFiles(hub, 'owner/model', commit);
    assert.deepEqual(
      files.map((file) => [file.path, file.sizeBytes, file.xet]),
      [
        ['empty', 0, false],
        ['sub/weights.bin', 300_000, true],
      ],
    );
    const content = await collect(fetchRange(hub, 'owner/model', commit, files[1]!, 0, 300_000));
    assert(content.equals(weights));
    const requests = (await (await fetch(`${endpoint}/_test/requests`)).json()) as ServedRequest[];
    assert.deepEqual(
      requests.filter((request) => request.route === 'download').map((request) => request.bodyBytes > 0),
      [true, true],
    );
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test('the test server paces itself, and tells what it sent when the client went away', async () => {
  await using server = await startHubServer({
    repos: [{ name: 'owner/model', files: { 'a.bin': patterned(100_000) }, storage: { 'a.bin': 'lfs' } }],
    chunkBytes: 1000,
    chunkDelayMs: 5,
  });
  const hub = hubOf(server);
  let seenBytes = 0;
  const file = { path: 'a.bin', sizeBytes: 100_000 };
  for await (const chunk of fetchRange(
    hub,
    'owner/model',
    server.commitOf('owner/model'),
    file,
    0,
    100_000,
  )) {
    seenBytes += chunk.length;
    if (seenBytes >= 3000) break;
  }
  assert(server.bytesServed('a.bin') >= 3000 && server.bytesServed('a.bin') < 100_000);
});
