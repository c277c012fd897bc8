/** Through a proxy: the same connection as without, and nothing that a proxy does makes another of it. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, describe, test } from 'node:test';
import { type ProxyRules, createNodeClient, openConnection, parseProxy } from '../../src/index.node.ts';
import { createNetworkSource } from '../../src/sources/index.ts';
import type { Answer } from '../../src/source.ts';
import { proxyFaults, serveFault, serveProxy } from './proxy-server.ts';
import { answerJson, listen, localAuthority, serveHttp, serveTls } from './servers.ts';

const authority = await localAuthority();

function through(url: string): ProxyRules {
  return { secure: parseProxy(url), plain: parseProxy(url) };
}

/** A document of a log: asked by http or https, wherever a mirror says. */
async function ask(t: TestContext, origin: string, proxies: ProxyRules, totalMs = 10_000): Promise<Answer> {
  const client = createNodeClient({ proxies, caPems: [authority.rootPem] });
  t.after(() => client.close());
  return createNetworkSource({
    fetch: client.fetch,
    mirrors: { 'ct-log-list': { 'https://logs.example': origin } },
    attempts: 1,
    timeouts: { totalMs },
  }).get({ kind: 'ct-log-list', url: 'https://logs.example/list.json' });
}

describe('the connection to the service', () => {
  test('goes through the proxy, and shows the certificate of the server', async (t) => {
    const identity = await authority.issue();
    const server = await serveTls(t, identity);
    const proxy = await serveProxy(t);
    const url = `https://localhost:${server.port}/`;
    const connection = await openConnection({ url, proxies: through(proxy.url) });
    t.after(() => connection.close());
    assert.equal(connection.host, 'localhost');
    assert.deepEqual(connection.certificates[0], new Uint8Array(identity.certificate.der));
    assert.deepEqual(proxy.requests, [`CONNECT localhost:${server.port}`]);
    const source = createNetworkSource({ fetch: () => assert.fail(), endpointFetch: connection.fetch });
    for (let round = 0; round < 2; round++)
      assert.ok((await source.get({ kind: 'endpoint-document', url })).ok);
    assert.equal(proxy.requests.length, 1);
    assert.deepEqual(server.serverNames, ['localhost']);
  });

  test('is opened through the proxy again where the server hangs up', async (t) => {
    const server = await serveTls(t, await authority.issue(), (request, response) => {
      response.setHeader('connection', 'close');
      answerJson(request, response);
    });
    const proxy = await serveProxy(t);
    const url = `https://localhost:${server.port}/`;
    const connection = await openConnection({ url, proxies: through(proxy.url) });
    t.after(() => connection.close());
    const source = createNetworkSource({ fetch: () => assert.fail(), endpointFetch: connection.fetch });
    for (let round = 0; round < 2; round++)
      assert.ok((await source.get({ kind: 'endpoint-document', url })).ok);
    assert.equal(proxy.requests.length, 2);
  });

  test('shows who is there where a proxy leads elsewhere', async (t) => {
    const [honest, other] = [await authority.issue(), await authority.issue()];
    const server = await serveTls(t, honest);
    const elsewhere = await serveTls(t, other);
    const proxy = await serveProxy(t, { leadTo: elsewhere.port });
    const url = `https://localhost:${server.port}/`;
    const connection = await openConnection({ url, proxies: through(proxy.url) });
    t.after(() => connection.close());
    assert.deepEqual(connection.certificates[0], new Uint8Array(other.certificate.der));
  });

  test('sends name and password to the proxy, and to nobody else', async (t) => {
    const given: unknown[] = [];
    const server = await serveTls(t, await authority.issue(), (request, response) => {
      given.push(request.headers['proxy-authorization']);
      answerJson(request, response);
    });
    const proxy = await serveProxy(t, { password: 'Basic YW5uOnNlY3JldA==' });
    const url = `https://localhost:${server.port}/`;
    const proxies = through(`http://ann:secret@127.0.0.1:${proxy.port}`);
    const connection = await openConnection({ url, proxies });
    t.after(() => connection.close());
    const source = createNetworkSource({ fetch: () => assert.fail(), endpointFetch: connection.fetch });
    assert.ok((await source.get({ kind: 'endpoint-document', url })).ok);
    assert.deepEqual(given, [undefined]);
    await assert.rejects(
      openConnection({ url, proxies: through(`http://ann:wrong@127.0.0.1:${proxy.port}`) }),
      (error: Error & { code?: string }) =>
        error.code === 'PROXY_FAILED' && !/wrong|YW5u/.test(error.message + String(error.cause)),
    );
  });

  test('is not opened through a proxy that nobody runs', async (t) => {
    const port = await listen(t, net.createServer());
    const closed = net.createServer();
    const free = await listen(t, closed);
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(
      openConnection({ url: `https://localhost:${port}/`, proxies: through(`http://127.0.0.1:${free}`) }),
      { code: 'PROXY_FAILED' },
    );
  });

  for (const { name, behave, says } of proxyFaults)
    test(`is not opened through a proxy that ${name}`, async (t) => {
      const url = await serveFault(t, behave);
      await assert.rejects(
        openConnection({ url: 'https://localhost:1/', proxies: through(url), handshakeTimeoutMs: 1000 }),
        { code: 'PROXY_FAILED', message: says },
      );
    });

  test('is given up where the proxy opens a way that leads nowhere', async (t) => {
    const url = await serveFault(t, (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    const options = { url: 'https://localhost:1/', proxies: through(url), handshakeTimeoutMs: 500 };
    await assert.rejects(openConnection(options), { code: 'TIMEOUT' });
  });

  test('is stopped by the caller while the proxy is silent', async (t) => {
    const url = await serveFault(t, () => undefined);
    const signal = AbortSignal.timeout(100);
    await assert.rejects(openConnection({ url: 'https://localhost:1/', proxies: through(url), signal }), {
      code: 'ABORTED',
    });
  });
});

describe('an endorsement', () => {
  test('comes through a tunnel where it is asked for by https', async (t) => {
    const server = await serveTls(t, await authority.issue());
    const proxy = await serveProxy(t);
    const answer = await ask(t, `https://localhost:${server.port}`, through(proxy.url));
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.deepEqual(proxy.requests, [`CONNECT localhost:${server.port}`]);
  });

  test('is asked of the proxy itself where it is asked for by http', async (t) => {
    const seen: (string | undefined)[] = [];
    const origin = await serveHttp(t, (request, response) => {
      seen.push(request.headers.host, request.url);
      answerJson(request, response);
    });
    const proxy = await serveProxy(t);
    const answer = await ask(t, origin, through(proxy.url));
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.deepEqual(proxy.requests, [`GET ${origin}/list.json`]);
    assert.deepEqual(seen, [new URL(origin).host, '/list.json']);
  });

  test('by http sends name and password to the proxy', async (t) => {
    const origin = await serveHttp(t, answerJson);
    const proxy = await serveProxy(t, { password: 'Basic YW5uOnNlY3JldA==' });
    const url = `127.0.0.1:${proxy.port}`;
    assert.ok((await ask(t, origin, through(`http://ann:secret@${url}`))).ok);
    const refused = await ask(t, origin, through(`http://${url}`));
    assert.equal(!refused.ok && refused.code, 'PROXY_FAILED');
  });

  test('is refused where the proxy leads to a server with another name', async (t) => {
    const server = await serveTls(t, await authority.issue({ names: ['other.example'] }));
    const proxy = await serveProxy(t, { leadTo: server.port });
    const answer = await ask(t, 'https://localhost', through(proxy.url));
    assert.equal(!answer.ok && answer.code, 'TLS_FAILED');
    assert.deepEqual(server.requests, []);
  });

  test('is refused where the proxy leads to a server that no root vouches for', async (t) => {
    const server = await serveTls(t, await (await localAuthority()).issue());
    const proxy = await serveProxy(t, { leadTo: server.port });
    const answer = await ask(t, 'https://localhost', through(proxy.url));
    assert.equal(!answer.ok && answer.code, 'TLS_FAILED');
    assert.deepEqual(server.requests, []);
  });

  for (const { name, behave } of proxyFaults)
    test(`does not come through a proxy that ${name}`, async (t) => {
      const url = await serveFault(t, behave);
      const answer = await ask(t, 'https://localhost:1', through(url), 1000);
      const isSlow = ['says nothing', 'answers a byte at a time'].includes(name);
      assert.equal(!answer.ok && answer.code, isSlow ? 'TIMEOUT' : 'PROXY_FAILED');
    });
});
