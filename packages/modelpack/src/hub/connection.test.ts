import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startHubServer } from '../../test/hub-server.ts';
import { fetchRange } from './range.ts';
import { collect, hubOf, patterned } from './test/fixture.ts';

const repo = 'owner/model';
const content = patterned(400_000);
const file = { path: 'a.bin', sizeBytes: content.length };
const repos = [{ name: repo, files: { 'a.bin': content }, storage: { 'a.bin': 'lfs' as const } }];

void describe('the idle timeout', () => {
  test('does not end a transfer that is slow but steady, however long it takes', async () => {
    await using server = await startHubServer({ repos, chunkBytes: 10_000, chunkDelayMs: 40 });
    const hub = hubOf(server, { idleTimeoutMs: 1000 });
    const read = await collect(fetchRange(hub, repo, server.commitOf(repo), file, 0, content.length));
    assert(read.equals(content));
    assert.deepEqual(hub.retries, []);
  });

  test('does not count the time the consumer takes', async () => {
    await using server = await startHubServer({ repos });
    const hub = hubOf(server, { idleTimeoutMs: 400 });
    let seenBytes = 0;
    for await (const chunk of fetchRange(hub, repo, server.commitOf(repo), file, 0, content.length)) {
      if (seenBytes === 0) await delay(900);
      seenBytes += chunk.length;
    }
    assert.equal(seenBytes, content.length);
    assert.deepEqual(hub.retries, []);
  });
});

test('the body of a redirect is read only so far as to keep the connection', async () => {
  let givenBytes = 0;
  const endless = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull(controller) {
        givenBytes += 1000;
        controller.enqueue(new Uint8Array(1000));
      },
    });
  const fetch = (url: string | URL | Request): Promise<Response> =>
    Promise.resolve(
      (url instanceof Request ? url.url : String(url)).includes('/stored/')
        ? new Response('abc', { headers: { 'content-type': 'binary/octet-stream' } })
        : new Response(endless(), { status: 302, headers: { location: '/stored/abc' } }),
    );
  const hub = hubOf({ endpoint: 'https://hub.example' }, { fetch });
  const read = await collect(fetchRange(hub, repo, '0'.repeat(40), { path: 'abc', sizeBytes: 3 }, 0, 3));
  assert.equal(read.toString(), 'abc');
  assert(givenBytes > 0 && givenBytes < 40_000, `${givenBytes} bytes`);
});
