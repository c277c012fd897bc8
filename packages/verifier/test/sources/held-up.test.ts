/** A process that is held up (other work, a machine that sleeps) does not blame the server for the time that it lost itself. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createNodeClient, openConnection } from '../../src/index.node.ts';
import { createNetworkSource } from '../../src/sources/index.ts';
import { startTimer } from '../../src/sources/timer.ts';
import { localAuthority, serveHttp } from './servers.ts';

const HELD_UP_MS = 1500;
const LIMIT_MS = 700;

async function serverElsewhere(
  t: TestContext,
  identity: { readonly key: string; readonly cert: string } | null,
): Promise<number> {
  const worker = new Worker(new URL('answer.worker.ts', import.meta.url), { workerData: identity });
  t.after(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  return port;
}

function holdUp(): void {
  const untilMs = performance.now() + HELD_UP_MS;
  while (performance.now() < untilMs);
}

test('an answer that came in time is taken, though this process looks for it late', async (t) => {
  const port = await serverElsewhere(t, null);
  const client = createNodeClient();
  t.after(() => client.close());
  const source = createNetworkSource({
    fetch: client.fetch,
    attempts: 1,
    timeouts: { headersMs: LIMIT_MS, chunkMs: LIMIT_MS, totalMs: LIMIT_MS },
  });
  const asking = source.get({ kind: 'endpoint-document', url: `http://127.0.0.1:${port}/` });
  setImmediate(holdUp);
  const answer = await asking;
  assert.ok(answer.ok, JSON.stringify(answer));
});

test('a handshake goes on after the process was held up in it', async (t) => {
  const identity = await (await localAuthority()).issue();
  const port = await serverElsewhere(t, { key: identity.keyPem, cert: identity.chainPem });
  const opening = openConnection({ url: `https://localhost:${port}/`, handshakeTimeoutMs: LIMIT_MS });
  setImmediate(holdUp);
  const connection = await opening;
  connection.close();
});

test('a server that says nothing is not waited for any longer', async (t) => {
  const origin = await serveHttp(t, () => undefined);
  const client = createNodeClient();
  t.after(() => client.close());
  const source = createNetworkSource({ fetch: client.fetch, attempts: 1, timeouts: { totalMs: LIMIT_MS } });
  const asking = source.get({ kind: 'endpoint-document', url: `${origin}/` });
  setTimeout(holdUp, 100);
  const answer = await asking;
  assert.equal(!answer.ok && answer.code, 'TIMEOUT');
});

test('a timer that was stopped in the time it gives back does not fire', async () => {
  let isOver = false;
  const timer = startTimer(50, () => (isOver = true));
  holdUp();
  setTimeout(() => timer.stop(), 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(isOver, false);
});
