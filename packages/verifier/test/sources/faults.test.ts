/** Everything that a network does to a request ends in an answer with its code, within its time. */
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { type TestContext, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createNodeClient, openConnection } from '../../src/index.node.ts';
import type { Answer, ResourceKind } from '../../src/source.ts';
import { type NetworkOptions, createNetworkSource } from '../../src/sources/index.ts';
import { answerJson, listen, localAuthority, serveBytes, serveHttp, serveTls } from './servers.ts';

/** For what never ends by itself. */
const short = { timeouts: { headersMs: 150, chunkMs: 120, totalMs: 250 } };
/** A busy machine must not turn another failure into a timeout. */
const timeouts = { headersMs: 10_000, chunkMs: 10_000, totalMs: 20_000 };
const quick = { timeouts, attempts: 1, random: () => 0 };

async function ask(
  t: TestContext,
  url: string,
  options: Partial<NetworkOptions> = {},
  kind: ResourceKind = 'endpoint-document',
  body?: Uint8Array,
): Promise<Answer> {
  const client = createNodeClient();
  t.after(() => client.close());
  return createNetworkSource({ fetch: client.fetch, ...quick, ...options }).get({ kind, url, body });
}

function assertFails(answer: Answer, code: string, status?: number, words = /./): void {
  if (answer.ok) assert.fail('it was answered well');
  assert.equal(answer.code, code, answer.message);
  assert.equal(answer.status, status);
  assert.match(answer.message, /^\S.*\.$/s);
  assert.match(answer.message, words);
}

const head = (...lines: string[]) =>
  ['HTTP/1.1 200 OK', 'Content-Type: application/json', ...lines, '', ''].join('\r\n');

describe('a good answer', () => {
  test('is its bytes, without headers that carry no content', async (t) => {
    const origin = await serveHttp(t, answerJson);
    assert.deepEqual(await ask(t, `${origin}/x`), { ok: true, bytes: new TextEncoder().encode('{"a":1}') });
  });

  test('is decompressed', async (t) => {
    const origin = await serveHttp(t, (request, response) => {
      assert.equal(request.headers['accept-encoding'], 'gzip');
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-encoding': 'gzip',
      });
      response.end(gzipSync('{"a":2}'));
    });
    assert.deepEqual(await ask(t, origin), { ok: true, bytes: new TextEncoder().encode('{"a":2}') });
  });

  test('keeps the header that carries an issuer chain', async (t) => {
    const origin = await serveHttp(t, (request, response) => {
      assert.equal(request.url, '/pcs/tdx/certification/v4/tcb?fmspc=00');
      response.setHeader('tcb-info-issuer-chain', 'chain');
      response.setHeader('set-cookie', 'a=b');
      answerJson(request, response);
    });
    const answer = await ask(
      t,
      'https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=00',
      { mirrors: { 'intel-tcb-info': { 'https://api.trustedservices.intel.com': `${origin}/pcs/` } } },
      'intel-tcb-info',
    );
    assert.ok(answer.ok);
    assert.deepEqual(answer.headers, { 'tcb-info-issuer-chain': 'chain' });
  });

  test('to a POST is asked for with its body', async (t) => {
    const received: unknown[] = [];
    const origin = await serveHttp(t, (request, response) => {
      request.on('data', (chunk: Uint8Array) => received.push(request.method, new Uint8Array(chunk)));
      request.on('end', () => {
        received.push(request.headers['content-type']);
        response.setHeader('content-type', 'application/ocsp-response');
        response.end('x');
      });
    });
    const answer = await ask(t, `${origin}/`, {}, 'nvidia-ocsp', Uint8Array.of(1, 2));
    assert.ok(answer.ok);
    assert.deepEqual(received, ['POST', Uint8Array.of(1, 2), 'application/ocsp-request']);
  });
});

describe('connections that fail', () => {
  test('a refused connection', async (t) => {
    const port = await new Promise<number>((resolve) => {
      const server = net.createServer().listen(0, '127.0.0.1', () => {
        const { port: free } = server.address() as net.AddressInfo;
        server.close(() => resolve(free));
      });
    });
    assertFails(await ask(t, `http://127.0.0.1:${port}/`), 'CONNECTION_REFUSED');
  });

  test('a reset before the headers', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.resetAndDestroy());
    assertFails(await ask(t, origin), 'CONNECTION_RESET');
  });

  test('a server that hangs up before the headers', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.end());
    assertFails(await ask(t, origin), 'CONNECTION_RESET');
  });

  test('a server that hangs up within the headers', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Ty'));
    assertFails(await ask(t, origin), 'CONNECTION_RESET');
  });

  test('a reset after the headers', async (t) => {
    const origin = await serveBytes(t, (socket) => {
      socket.write(head('Content-Length: 100') + '{"a"', () =>
        setTimeout(() => socket.resetAndDestroy(), 20),
      );
    });
    assertFails(await ask(t, origin), 'CONNECTION_RESET');
  });

  test('a server that accepts and never answers', async (t) => {
    const origin = await serveBytes(t, () => undefined);
    assertFails(await ask(t, origin, short), 'TIMEOUT');
  });

  test('a server whose headers come byte by byte', async (t) => {
    const origin = await serveBytes(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX: ');
      const drip = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    assertFails(await ask(t, origin, short), 'TIMEOUT');
  });

  test('a server whose body comes byte by byte, each in good time', async (t) => {
    const origin = await serveBytes(t, (socket) => {
      socket.write(head('Content-Length: 100000'));
      const drip = setInterval(() => socket.write(' '), 20);
      socket.on('close', () => clearInterval(drip));
    });
    const answer = await ask(t, origin, { timeouts: { ...timeouts, totalMs: 250 } });
    assertFails(answer, 'TIMEOUT');
    assert.match(!answer.ok ? answer.message : '', /250 ms in all/);
  });

  test('a server that falls silent within the body', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.write(head('Content-Length: 10') + '{'));
    const answer = await ask(t, origin, { timeouts: { ...timeouts, chunkMs: 120 } });
    assertFails(answer, 'TIMEOUT');
    assert.match(!answer.ok ? answer.message : '', /nothing more came within 120 ms/);
  });

  test('a compressed body that falls silent', async (t) => {
    const origin = await serveBytes(t, (socket) =>
      socket.write(
        Buffer.concat([Buffer.from(head('Content-Encoding: gzip')), gzipSync('{"a":1}').subarray(0, 12)]),
      ),
    );
    assertFails(await ask(t, origin, short), 'TIMEOUT');
  });

  test('a server that leaves HTTP', async (t) => {
    const origin = await serveBytes(t, (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n'),
    );
    assertFails(await ask(t, origin), 'PROTOCOL_ERROR');
  });

  test('a server that speaks no HTTP', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    assertFails(await ask(t, origin), 'PROTOCOL_ERROR');
  });

  test('headers without end', async (t) => {
    const origin = await serveBytes(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      for (let line = 0; line < 3000; line++) socket.write(`X-${line}: ${'x'.repeat(60)}\r\n`);
    });
    assertFails(await ask(t, origin), 'PROTOCOL_ERROR');
  });
});

describe('statuses', () => {
  const failing =
    (status: number, headers: http.OutgoingHttpHeaders = {}, count = { requests: 0 }) =>
    (_: unknown, response: http.ServerResponse) => {
      count.requests++;
      response.writeHead(status, headers);
      response.end('no');
    };

  for (const status of [201, 204, 400, 401, 403, 404, 410, 418])
    test(`status ${status} is an answer at once`, async (t) => {
      const count = { requests: 0 };
      const origin = await serveHttp(t, failing(status, {}, count));
      assertFails(await ask(t, origin, { attempts: 3 }), 'HTTP_STATUS', status);
      assert.equal(count.requests, 1);
    });

  for (const status of [429, 500, 502, 503, 599])
    test(`status ${status} is tried again, and is then an answer`, async (t) => {
      const count = { requests: 0 };
      const pauses: number[] = [];
      const origin = await serveHttp(t, failing(status, {}, count));
      const sleep = (ms: number) => Promise.resolve(void pauses.push(ms));
      const backOff = { firstMs: 10, maximumMs: 100 };
      assertFails(await ask(t, origin, { attempts: 3, sleep, backOff }), 'HTTP_STATUS', status);
      assert.equal(count.requests, 3);
      assert.deepEqual(pauses, [5, 10]);
    });

  for (const [name, headers] of [
    ['never comes', 'Content-Length: 100'],
    ['is announced as large', 'Content-Length: 1000000'],
    ['has no end', 'Transfer-Encoding: chunked'],
  ] as const)
    test(`a status whose page ${name} is told all the same`, async (t) => {
      const origin = await serveBytes(t, (socket) => socket.write(`HTTP/1.1 404 No\r\n${headers}\r\n\r\n`));
      assertFails(await ask(t, origin, short), 'HTTP_STATUS', 404);
    });

  const recovering = (headers: http.OutgoingHttpHeaders) => {
    let requests = 0;
    return (request: http.IncomingMessage, response: http.ServerResponse) =>
      ++requests === 1 ? failing(429, headers)(request, response) : answerJson(request, response);
  };
  const waitsFor = async (t: TestContext, retryAfter: string, options: Partial<NetworkOptions> = {}) => {
    const pauses: number[] = [];
    const origin = await serveHttp(t, recovering({ 'retry-after': retryAfter }));
    const sleep = (ms: number) => Promise.resolve(void pauses.push(ms));
    const answer = await ask(t, origin, {
      attempts: 3,
      sleep,
      timeouts: { ...timeouts, totalMs: 60_000 },
      ...options,
    });
    assert.ok(answer.ok);
    return pauses;
  };

  test('Retry-After in seconds is honoured', async (t) => {
    assert.deepEqual(await waitsFor(t, '2'), [2000]);
  });

  test('Retry-After as a date is honoured', async (t) => {
    const clock = () => new Date('2026-11-25T18:00:00Z');
    assert.deepEqual(await waitsFor(t, 'Wed, 25 Nov 2026 18:00:07 GMT', { clock }), [7000]);
  });

  test('Retry-After in the past means now', async (t) => {
    const clock = () => new Date('2026-11-25T18:00:00Z');
    assert.deepEqual(await waitsFor(t, 'Wed, 25 Nov 2026 17:00:00 GMT', { clock }), [0]);
  });

  test('Retry-After is capped', async (t) => {
    assert.deepEqual(await waitsFor(t, '86400'), [10_000]);
  });

  test('Retry-After that is neither counts as none', async (t) => {
    assert.deepEqual(await waitsFor(t, 'soon'), [125]);
  });

  test('a pause that would outlast the time ends in the status at once', async (t) => {
    const origin = await serveHttp(t, failing(503, { 'retry-after': '5' }));
    const sleep = () => assert.fail('it waits');
    assertFails(await ask(t, origin, { ...short, attempts: 3, sleep }), 'HTTP_STATUS', 503);
  });

  test('a reset is tried again', async (t) => {
    let connections = 0;
    const origin = await serveBytes(t, (socket) => {
      if (++connections === 1) socket.resetAndDestroy();
      else socket.end(`${head('Content-Length: 2', 'Connection: close')}{}`);
    });
    const answer = await ask(t, origin, { attempts: 2, backOff: { firstMs: 2, maximumMs: 2 } });
    assert.ok(answer.ok);
  });

  test('a refused connection is not tried again', async (t) => {
    const sleep = () => assert.fail('it waits');
    assertFails(await ask(t, 'http://127.0.0.1:1/', { attempts: 3, sleep }), 'CONNECTION_REFUSED');
  });
});

describe('bodies that are not what they should be', () => {
  const sends =
    (headers: http.OutgoingHttpHeaders, ...chunks: (string | Uint8Array)[]) =>
    (_: unknown, response: http.ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      for (const chunk of chunks) response.write(chunk);
      response.end();
    };
  const bomb = gzipSync(Buffer.alloc(48 * 1024 * 1024));
  const good = gzipSync('{"a":1}'.repeat(1000));
  const cases: readonly [name: string, handler: http.RequestListener, code: string][] = [
    [
      'a page instead of a document',
      sends({ 'content-type': 'text/html' }, '<html>'),
      'CONTENT_TYPE_UNEXPECTED',
    ],
    ['a type that is no type', sends({ 'content-type': ';' }, '{}'), 'CONTENT_TYPE_UNEXPECTED'],
    [
      'a length that is announced and too large',
      sends({ 'content-length': String(17 * 1024 * 1024) }),
      'BODY_TOO_LARGE',
    ],
    ['a compression that was not asked for', sends({ 'content-encoding': 'br' }, 'xx'), 'PROTOCOL_ERROR'],
    ['two compressions', sends({ 'content-encoding': 'gzip, gzip' }, gzipSync(good)), 'PROTOCOL_ERROR'],
    ['a gzip bomb', sends({ 'content-encoding': 'gzip' }, bomb), 'BODY_TOO_LARGE'],
    ['gzip that ends early', sends({ 'content-encoding': 'gzip' }, good.subarray(0, -9)), 'BODY_TRUNCATED'],
    ['nothing in place of gzip', sends({ 'content-encoding': 'gzip' }), 'BODY_TRUNCATED'],
    [
      'no gzip at all',
      sends({ 'content-encoding': 'gzip' }, '{"a":1}', ' '.repeat(1 << 16)),
      'PROTOCOL_ERROR',
    ],
  ];
  for (const [name, handler, code] of cases)
    test(name, async (t) => {
      const origin = await serveHttp(t, handler);
      assertFails(await ask(t, origin), code);
    });

  test('a body without end', async (t) => {
    const origin = await serveHttp(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/ocsp-response' });
      const more = () => {
        if (response.write('x'.repeat(16384))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
      response.on('close', () => response.removeAllListeners('drain'));
    });
    assertFails(await ask(t, origin, {}, 'nvidia-ocsp'), 'BODY_TOO_LARGE');
  });

  test('a body that ends before its announced length', async (t) => {
    const origin = await serveBytes(t, (socket) => socket.end(`${head('Content-Length: 100')}{"a"`));
    assertFails(await ask(t, origin), 'BODY_TRUNCATED');
  });

  test('chunks that end without the last', async (t) => {
    const origin = await serveBytes(t, (socket) =>
      socket.end(`${head('Transfer-Encoding: chunked')}4\r\n{"a"\r\n`),
    );
    assertFails(await ask(t, origin), 'BODY_TRUNCATED');
  });

  test('chunks whose length is no number', async (t) => {
    const origin = await serveBytes(t, (socket) =>
      socket.end(`${head('Transfer-Encoding: chunked')}zz\r\n{"a"\r\n`),
    );
    assertFails(await ask(t, origin), 'PROTOCOL_ERROR');
  });

  test('a body with two lengths', async (t) => {
    const origin = await serveBytes(t, (socket) =>
      socket.end(`${head('Content-Length: 2', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`),
    );
    assertFails(await ask(t, origin), 'PROTOCOL_ERROR');
  });
});

describe('TLS that fails', async () => {
  const authority = await localAuthority();
  const askTls = async (t: TestContext, url: string, caPems: readonly string[] = [authority.rootPem]) => {
    const client = createNodeClient({ caPems });
    t.after(() => client.close());
    return createNetworkSource({
      fetch: client.fetch,
      ...quick,
    }).get({
      kind: 'endpoint-document',
      url,
    });
  };

  test('an endorsement is read where the roots vouch for its server', async (t) => {
    const { port } = await serveTls(t, await authority.issue());
    assert.ok((await askTls(t, `https://localhost:${port}/`)).ok);
  });

  test('a certificate that no root vouches for', async (t) => {
    const { port } = await serveTls(t, await authority.issue());
    const { rootPem } = await localAuthority();
    assertFails(
      await askTls(t, `https://localhost:${port}/`, [rootPem]),
      'TLS_FAILED',
      undefined,
      /no root that is trusted/,
    );
  });

  test('a certificate of another name', async (t) => {
    const { port } = await serveTls(t, await authority.issue({ names: ['other.example'] }));
    assertFails(await askTls(t, `https://localhost:${port}/`), 'TLS_FAILED', undefined, /for another name/);
  });

  test('a certificate that has expired', async (t) => {
    const { port } = await serveTls(t, await authority.issue({ notAfter: new Date('2021-01-01T00:00:00Z') }));
    assertFails(await askTls(t, `https://localhost:${port}/`), 'TLS_FAILED', undefined, /has expired/);
  });

  test('a version of TLS that is too old', async (t) => {
    const { port } = await serveTls(t, await authority.issue(), answerJson, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    assertFails(
      await askTls(t, `https://localhost:${port}/`),
      'TLS_FAILED',
      undefined,
      /no version of TLS from 1\.2 on/,
    );
  });

  test('plain HTTP where TLS is spoken', async (t) => {
    const port = await listen(
      t,
      net.createServer(
        (socket) => void socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      ),
    );
    assertFails(await askTls(t, `https://127.0.0.1:${port}/`), 'TLS_FAILED', undefined, /does not speak TLS/);
  });

  test('TLS where plain HTTP is asked for', async (t) => {
    const { port } = await serveTls(t, await authority.issue());
    const answer = await ask(t, `http://127.0.0.1:${port}/`);
    if (answer.ok) assert.fail('it was answered well');
    assert.ok(['PROTOCOL_ERROR', 'CONNECTION_RESET'].includes(answer.code), answer.code);
  });

  test('a handshake that never ends', async (t) => {
    const port = await listen(
      t,
      net.createServer(() => undefined),
    );
    assertFails(await ask(t, `https://127.0.0.1:${port}/`, short), 'TIMEOUT');
    await assert.rejects(openConnection({ url: `https://127.0.0.1:${port}/`, handshakeTimeoutMs: 100 }), {
      code: 'TIMEOUT',
    });
  });
});

describe('addresses that are not asked', () => {
  for (const [kind, url] of [
    ['amd-vcek', 'http://kdsintf.amd.com/vcek/v1/Milan/cert_chain'],
    ['release-asset', 'http://github.com/a/b/releases/latest/download/tinfoil.hash'],
    ['endpoint-document', 'ftp://127.0.0.1/'],
    ['endpoint-document', 'file:///etc/passwd'],
    ['endpoint-document', 'not an address'],
    ['endpoint-document', ''],
    ['endpoint-document', 'https://user:secret@127.0.0.1/'],
  ] as const)
    test(`${kind} at ${url || 'nothing'}`, async () => {
      const source = createNetworkSource({ fetch: () => assert.fail('it is asked'), ...quick });
      assertFails(await source.get({ kind, url }), 'PROTOCOL_ERROR');
    });

  test('a boot part has no address', async () => {
    const source = createNetworkSource({ fetch: () => assert.fail('it is asked'), ...quick });
    const answer = await source.get({ kind: 'boot-part', url: `sha256:${'0'.repeat(64)}` });
    assert.equal(!answer.ok && answer.code, 'OFFLINE');
  });

  test('what a server or a client says is told without control characters, and not at any length', async () => {
    const fetch = () => Promise.reject(new Error(`\u001b[2Kverified\n${'x'.repeat(5000)}\ud800`));
    const answer = await createNetworkSource({ fetch, ...quick }).get({
      kind: 'endpoint-document',
      url: 'https://a.example/',
    });
    assert.ok(!answer.ok);
    assert.match(answer.message, /^[^\p{Cc}]{1,1000}$/u);
    assert.ok(answer.message.isWellFormed());
  });

  test('a client that fails in a way of its own is an answer too', async () => {
    const source = createNetworkSource({ fetch: () => Promise.reject(new TypeError('odd')), ...quick });
    assertFails(await source.get({ kind: 'endpoint-document', url: 'https://a.example/' }), 'PROTOCOL_ERROR');
  });
});
