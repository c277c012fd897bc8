/** The caller's wish to stop, and limits that hold while a body arrives. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createNodeClient, openConnection } from '../../src/index.node.ts';
import { readBody } from '../../src/sources/body.ts';
import { createNetworkSource } from '../../src/sources/index.ts';
import { retryAfterMs } from '../../src/sources/retry.ts';
import { socketFailure } from '../../src/sources/socket-failure.node.ts';
import { serveBytes } from './servers.ts';

describe('a caller that wants to stop', () => {
  const aborted = { name: 'VerifierError', code: 'ABORTED' };

  test('before anything was asked', async () => {
    const source = createNetworkSource({
      fetch: () => new Promise(() => undefined),
      signal: AbortSignal.abort(),
    });
    await assert.rejects(source.get({ kind: 'amd-crl', url: 'https://a.example/' }), aborted);
  });

  test('while the headers are due', async (t) => {
    const controller = new AbortController();
    const origin = await serveBytes(t, () => controller.abort());
    const client = createNodeClient();
    const source = createNetworkSource({ fetch: client.fetch, signal: controller.signal });
    await assert.rejects(source.get({ kind: 'endpoint-document', url: origin }), aborted);
  });

  test('while the body arrives', async (t) => {
    const controller = new AbortController();
    const origin = await serveBytes(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
      setTimeout(() => controller.abort(), 30);
    });
    const client = createNodeClient();
    const source = createNetworkSource({ fetch: client.fetch, signal: controller.signal });
    await assert.rejects(source.get({ kind: 'endpoint-document', url: origin }), aborted);
  });

  test('during a pause', async (t) => {
    const controller = new AbortController();
    const origin = await serveBytes(t, (socket) => {
      socket.end('HTTP/1.1 503 No\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n');
      setTimeout(() => controller.abort(), 30);
    });
    const client = createNodeClient();
    const source = createNetworkSource({ fetch: client.fetch, signal: controller.signal });
    await assert.rejects(source.get({ kind: 'endpoint-document', url: origin }), aborted);
  });

  test('while a connection is opened', async (t) => {
    const origin = await serveBytes(t, () => undefined);
    const url = origin.replace('http:', 'https:');
    await assert.rejects(openConnection({ url, signal: AbortSignal.abort() }), aborted);
    await assert.rejects(openConnection({ url, signal: AbortSignal.timeout(30) }), aborted);
  });
});

describe('limits while a body arrives', () => {
  const options = { what: 'it', maximumBytes: 1000, onChunk: () => undefined };
  const answering = (body: AsyncIterable<Uint8Array>, headers: Record<string, string> = {}) => ({
    status: 200,
    headers,
    url: 'https://a.example/',
    isDecoded: false,
    body,
    cancel: () => undefined,
  });
  const counted = (chunks: Iterable<Uint8Array>) => {
    const count = { chunks: 0 };
    const body = (async function* () {
      for (const chunk of chunks) {
        count.chunks++;
        yield await Promise.resolve(chunk);
      }
    })();
    return { count, body };
  };

  test('a body that is too long is not read further', async () => {
    const { count, body } = counted(Array.from({ length: 1000 }, () => new Uint8Array(100)));
    await assert.rejects(readBody(answering(body), options), { code: 'BODY_TOO_LARGE' });
    assert.equal(count.chunks, 11);
  });

  test('a bomb is not inflated further than its limit', async () => {
    // 64 members of 8 MiB each: half a gigabyte.
    const member = new Uint8Array(gzipSync(new Uint8Array(8 * 1024 * 1024)));
    const pieces = Array.from({ length: 64 }, () => member);
    const { count, body } = counted(pieces);
    await assert.rejects(
      readBody(answering(body, { 'content-encoding': 'gzip' }), { ...options, maximumBytes: 600_000 }),
      { code: 'BODY_TOO_LARGE' },
    );
    assert.ok(count.chunks < pieces.length / 2, `${count.chunks} of ${pieces.length} members were read`);
  });

  test('an exact length is taken, one byte more is not', async () => {
    const exact = counted([new Uint8Array(1000)]);
    assert.equal((await readBody(answering(exact.body), options)).length, 1000);
    const more = counted([new Uint8Array(1001)]);
    await assert.rejects(readBody(answering(more.body), options), { code: 'BODY_TOO_LARGE' });
  });

  for (const length of ['-1', '1e3', '', '0x10', '1, 1'])
    test(`an announced length of ${JSON.stringify(length)} is none`, async () => {
      const { body } = counted([]);
      await assert.rejects(readBody(answering(body, { 'content-length': length }), options), {
        code: 'PROTOCOL_ERROR',
      });
    });

  test('fewer bytes than announced are too few', async () => {
    const { body } = counted([new Uint8Array(9)]);
    await assert.rejects(readBody(answering(body, { 'content-length': '10' }), options), {
      code: 'BODY_TRUNCATED',
    });
  });

  test('an error of the connection is told through the compression', async () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const body = (async function* () {
      yield await Promise.resolve(new Uint8Array(gzipSync('{}').subarray(0, 8)));
      throw socketFailure(reset, 'a.example');
    })();
    await assert.rejects(readBody(answering(body, { 'content-encoding': 'gzip' }), options), {
      code: 'CONNECTION_RESET',
    });
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-11-25T18:00:00Z');
  for (const [header, ms] of [
    [undefined, undefined],
    ['0', 0],
    ['3', 3000],
    [' 3 ', 3000],
    ['Wed, 25 Nov 2026 18:01:00 GMT', 60_000],
    ['-3', undefined],
    ['3.5', undefined],
    ['99999999999999999999', undefined],
    ['Wed, 25 Foo 2026 18:01:00 GMT', undefined],
    ['2026-11-25T18:01:00Z', undefined],
    ['', undefined],
  ] as const)
    test(`${JSON.stringify(header)} is ${ms ?? 'nothing'}`, () =>
      assert.equal(retryAfterMs(header, now), ms));
});

describe("codes of Node's errors", () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });
  for (const [code, expected] of [
    ['ENOTFOUND', 'NAME_NOT_RESOLVED'],
    ['EAI_AGAIN', 'NAME_NOT_RESOLVED'],
    ['EHOSTUNREACH', 'CONNECTION_REFUSED'],
    ['EPIPE', 'CONNECTION_RESET'],
    ['ETIMEDOUT', 'TIMEOUT'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'TLS_FAILED'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_FAILED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS_FAILED'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_FAILED'],
    ['HPE_INVALID_CONSTANT', 'PROTOCOL_ERROR'],
    ['', 'PROTOCOL_ERROR'],
    ['constructor', 'PROTOCOL_ERROR'],
  ] as const)
    test(`${code || 'none'} is ${expected}`, () => {
      assert.equal(socketFailure(withCode(code), 'a.example').code, expected);
    });

  test('of several addresses the first counts', () => {
    const error = new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]);
    assert.equal(socketFailure(error, 'a.example').code, 'CONNECTION_REFUSED');
  });
});
