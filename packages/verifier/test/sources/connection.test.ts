/** One TLS connection: seen before anything is sent, and no other in its place. */
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { type Connection, openConnection } from '../../src/index.node.ts';
import { createNetworkSource } from '../../src/sources/index.ts';
import { generateKey } from '@vitrine/simtee/authority';
import { type TlsServer, answerJson, localAuthority, serveTls } from './servers.ts';

const authority = await localAuthority();

async function open(t: TestContext, url: string): Promise<Connection> {
  const connection = await openConnection({ url, handshakeTimeoutMs: 10_000 });
  t.after(() => connection.close());
  return connection;
}

function ask(connection: Connection, url: string) {
  return createNetworkSource({
    fetch: () => assert.fail('it goes elsewhere'),
    endpointFetch: connection.fetch,
    attempts: 2,
    backOff: { firstMs: 5, maximumMs: 5 },
    timeouts: { headersMs: 10_000, chunkMs: 10_000, totalMs: 20_000 },
  }).get({ kind: 'endpoint-document', url });
}

const urlOf = ({ port }: TlsServer, host = 'localhost') => `https://${host}:${port}/document?nonce=1`;

describe('a connection to the service', () => {
  test('shows the certificates as they were sent, before anything is asked', async (t) => {
    const identity = await authority.issue({ names: ['somebody.else'] });
    const server = await serveTls(t, identity);
    const connection = await open(t, urlOf(server));
    assert.equal(connection.host, 'localhost');
    assert.equal(connection.port, server.port);
    assert.equal(connection.protocol, 'TLSv1.3');
    assert.deepEqual(connection.certificates, [
      new Uint8Array(identity.certificate.der),
      new Uint8Array(authority.intermediate.der),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(server.serverNames, ['localhost']);
    assert.deepEqual(server.requests, []);
  });

  test('adds no root to what was sent, and takes a certificate alone', async (t) => {
    const identity = await authority.issue();
    const leafOnly = identity.chainPem.slice(0, identity.chainPem.indexOf('-----END') + 26);
    const server = await serveTls(t, { ...identity, chainPem: leafOnly });
    const connection = await open(t, urlOf(server));
    assert.equal(connection.certificates.length, 1);
  });

  test('carries every request itself', async (t) => {
    const server = await serveTls(t, await authority.issue());
    const connection = await open(t, urlOf(server));
    for (let round = 0; round < 3; round++) assert.ok((await ask(connection, urlOf(server))).ok);
    assert.ok((await Promise.all([1, 2, 3].map(() => ask(connection, urlOf(server))))).every(({ ok }) => ok));
    assert.equal(server.handshakes, 1);
    assert.equal(server.requests.length, 6);
  });

  test('stays open after a page that is not there', async (t) => {
    const server = await serveTls(t, await authority.issue(), (request, response) => {
      if (request.url?.startsWith('/document')) answerJson(request, response);
      else response.writeHead(404, { 'content-length': '4' }).end('none');
    });
    const connection = await open(t, urlOf(server));
    const missing = await ask(connection, `https://localhost:${server.port}/other`);
    assert.equal(!missing.ok && missing.status, 404);
    assert.ok((await ask(connection, urlOf(server))).ok);
    assert.equal(server.handshakes, 1);
  });

  test('names the host to the server as the address does', async (t) => {
    const hosts: (string | undefined)[] = [];
    const server = await serveTls(t, await authority.issue(), (request, response) => {
      hosts.push(request.headers.host);
      answerJson(request, response);
    });
    const connection = await open(t, urlOf(server, '127.0.0.1'));
    assert.ok((await ask(connection, urlOf(server, '127.0.0.1'))).ok);
    assert.deepEqual(hosts, [`127.0.0.1:${server.port}`]);
    assert.deepEqual(server.serverNames, [false]);
  });

  test('reaches an IPv6 address', async (t) => {
    let server: TlsServer;
    try {
      server = await serveTls(t, await authority.issue(), answerJson, {}, '::1');
    } catch {
      t.skip('this machine has no IPv6');
      return;
    }
    const connection = await open(t, urlOf(server, '[::1]'));
    assert.equal(connection.host, '::1');
    assert.ok((await ask(connection, urlOf(server, '[::1]'))).ok);
  });

  test('speaks TLS 1.2', async (t) => {
    const server = await serveTls(t, await authority.issue(), answerJson, { maxVersion: 'TLSv1.2' });
    const connection = await open(t, urlOf(server));
    assert.equal(connection.protocol, 'TLSv1.2');
    assert.equal(connection.certificates.length, 2);
    assert.ok((await ask(connection, urlOf(server))).ok);
  });

  test('does not speak what is older', async (t) => {
    const server = await serveTls(t, await authority.issue(), answerJson, {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await assert.rejects(openConnection({ url: urlOf(server) }), { code: 'TLS_FAILED' });
  });
});

describe('a server that hangs up', () => {
  const hangingUp = (request: unknown, response: Parameters<typeof answerJson>[1]) => {
    response.setHeader('connection', 'close');
    answerJson(request, response);
  };

  test('is connected to again where it shows the same certificate', async (t) => {
    const server = await serveTls(t, await authority.issue(), hangingUp);
    const connection = await open(t, urlOf(server));
    for (let round = 0; round < 3; round++) assert.ok((await ask(connection, urlOf(server))).ok);
    assert.equal(server.handshakes, 3);
  });

  test('is connected to again where a new certificate has the same key', async (t) => {
    const key = await generateKey('P-256');
    const server = await serveTls(t, await authority.issue({ key }), hangingUp);
    const connection = await open(t, urlOf(server));
    assert.ok((await ask(connection, urlOf(server))).ok);
    const renewed = await authority.issue({ key });
    server.server.setSecureContext({ key: renewed.keyPem, cert: renewed.chainPem });
    assert.ok((await ask(connection, urlOf(server))).ok);
  });

  test('is refused where it comes back with another key', async (t) => {
    const server = await serveTls(t, await authority.issue(), hangingUp);
    const connection = await open(t, urlOf(server));
    assert.ok((await ask(connection, urlOf(server))).ok);
    const other = await authority.issue();
    server.server.setSecureContext({ key: other.keyPem, cert: other.chainPem });
    const answer = await ask(connection, urlOf(server));
    assert.equal(!answer.ok && answer.code, 'PROTOCOL_ERROR');
    assert.match(!answer.ok ? answer.message : '', /another key/);
    assert.equal(server.requests.length, 1);
  });

  test('before the first request is connected to again', async (t) => {
    const server = await serveTls(t, await authority.issue());
    server.server.once('secureConnection', (socket) => setTimeout(() => socket.destroy(), 20));
    const connection = await open(t, urlOf(server));
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.ok((await ask(connection, urlOf(server))).ok);
    assert.equal(server.handshakes, 2);
  });

  test('and is gone is an answer', async (t) => {
    const server = await serveTls(t, await authority.issue(), hangingUp);
    const connection = await open(t, urlOf(server));
    assert.ok((await ask(connection, urlOf(server))).ok);
    server.server.close();
    const answer = await ask(connection, urlOf(server));
    assert.equal(!answer.ok && answer.code, 'CONNECTION_REFUSED');
  });
});

describe('what does not belong on the connection', () => {
  test('a request to another origin', async (t) => {
    const server = await serveTls(t, await authority.issue());
    const connection = await open(t, urlOf(server));
    for (const url of [
      'https://localhost:1/x',
      `https://127.0.0.1:${server.port}/`,
      `http://localhost:${server.port}/`,
    ]) {
      const answer = await ask(connection, url);
      assert.equal(!answer.ok && answer.code, 'PROTOCOL_ERROR', url);
    }
    assert.deepEqual(server.requests, []);
  });

  test('a request after it was closed', async (t) => {
    const server = await serveTls(t, await authority.issue());
    const connection = await open(t, urlOf(server));
    assert.ok((await ask(connection, urlOf(server))).ok);
    connection.close();
    const answer = await ask(connection, urlOf(server));
    assert.equal(!answer.ok && answer.code, 'PROTOCOL_ERROR');
    assert.equal(server.handshakes, 1);
  });

  test('a reconnection that is still going on when it is closed', async (t) => {
    const server = await serveTls(t, await authority.issue());
    const connection = await open(t, urlOf(server));
    await new Promise((resolve) => setTimeout(resolve, 30));
    server.server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, 30));
    server.server.removeAllListeners('connection');
    const asking = ask(connection, urlOf(server));
    setTimeout(() => connection.close(), 50);
    const answer = await asking;
    assert.equal(!answer.ok && answer.code, 'PROTOCOL_ERROR');
  });

  for (const url of ['http://localhost/', 'localhost', '', 'ftp://localhost/'])
    test(`an address like ${JSON.stringify(url)}`, async () => {
      await assert.rejects(openConnection({ url }), { code: 'ARGUMENT_INVALID' });
    });
});
