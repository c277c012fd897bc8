/** Faults of the network: "could not be checked", in time, by a code, and never a pass. Those of the connection meet a real process. */
import assert from 'node:assert/strict';
import net, { type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import tls from 'node:tls';
import { listen, localAuthority } from '../sources/servers.ts';
import { type Ended, newHome, runAsProcess, runInProcess } from './command.ts';
import { repository } from './release.ts';
import { type Respond, type Scene, honestScene } from './scene.ts';
import { type Stage, setUpStage, withService } from './stage.ts';

const PATIENCE = { timeout: 300_000 };
let stage: Stage;
before(async () => {
  stage = await setUpStage();
});
after(() => stage.close());

function expectUnchecked({ status, stdout, stderr }: Ended, code: string): void {
  assert.equal(status, 3, stdout + stderr);
  assert.ok(stdout.includes(code), `${code} is missing from:\n${stdout}${stderr}`);
  assert.match(stdout, /– COULD NOT BE CHECKED/);
  assert.doesNotMatch(stdout, /✓ VERIFIED/);
  assert.doesNotMatch(stdout + stderr, /\n +at |internal error/);
}

/** Whatever happens to each connection. */
const connections: readonly {
  readonly name: string;
  readonly behave: (socket: Socket) => void;
  readonly code: string;
}[] = [
  { name: 'is reset', behave: (socket) => socket.resetAndDestroy(), code: 'CONNECTION_RESET' },
  { name: 'is closed before TLS begins', behave: (socket) => socket.end(), code: 'CONNECTION_RESET' },
  { name: 'is never answered', behave: () => undefined, code: 'TIMEOUT' },
  {
    name: 'is answered by something that is no TLS',
    behave: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    code: 'TLS_FAILED',
  },
  {
    name: 'is answered by a TLS alert',
    // Alert (21), TLS 1.2, 2 bytes: fatal (2), handshake_failure (40).
    behave: (socket) => socket.end(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)),
    code: 'TLS_FAILED',
  },
];

/** What a server writes in place of HTTP, behind a good handshake. */
const raw: readonly { readonly name: string; readonly text: string; readonly code: string }[] = [
  {
    name: 'has headers without end',
    text: `HTTP/1.1 200 OK\r\n${`X: ${'a'.repeat(4000)}\r\n`.repeat(40)}`,
    code: 'PROTOCOL_ERROR',
  },
  {
    name: 'has chunks whose length is no number',
    text: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    code: 'PROTOCOL_ERROR',
  },
  {
    name: 'only says to continue',
    text: 'HTTP/1.1 100 Continue\r\n\r\n',
    code: 'TIMEOUT',
  },
  { name: 'is no HTTP', text: '220 mail.example ESMTP\r\n\r\n', code: 'PROTOCOL_ERROR' },
  { name: 'stops in its headers', text: 'HTTP/1.1 200 OK\r\nContent-Ty', code: 'TIMEOUT' },
  {
    name: 'is a page of HTTP/1.0',
    text: 'HTTP/1.0 503 Busy\r\nContent-Length: 0\r\n\r\n',
    code: 'HTTP_STATUS',
  },
];

suite('an answer of the process behind TLS that', { concurrency: 2 }, () => {
  for (const { name, text, code } of raw)
    test(`${name} cannot be checked: ${code}`, PATIENCE, async (t) => {
      const identity = await (await localAuthority()).issue();
      const server = tls.createServer({ key: identity.keyPem, cert: identity.chainPem }, (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.write(text));
      });
      const port = await listen(t, server);
      expectUnchecked(await verifyAt(`https://localhost:${port}`), code);
    });
});

suite('a connection that', { concurrency: 2 }, () => {
  test('is refused cannot be checked: CONNECTION_REFUSED', PATIENCE, async (t) => {
    const server = net.createServer();
    const port = await listen(t, server);
    await new Promise((resolve) => server.close(resolve));
    expectUnchecked(await verifyAt(`https://localhost:${port}`), 'CONNECTION_REFUSED');
  });
  for (const { name, behave, code } of connections)
    test(`${name} cannot be checked: ${code}`, PATIENCE, async (t) => {
      const port = await listen(t, net.createServer(behave));
      expectUnchecked(await verifyAt(`https://localhost:${port}`), code);
    });
});

async function verifyAt(url: string): Promise<Ended> {
  const home = newHome();
  try {
    return await runAsProcess(['verify', url, '--repo', repository, '--timeout', '2'], home.env);
  } finally {
    home.remove();
  }
}

/** Of a type that endorsements may have as well. */
const bytes = { 'content-type': 'application/octet-stream' };
const html = { 'content-type': 'text/html' };

/** In place of an answer. */
const answers: readonly { readonly name: string; readonly respond: Respond; readonly code: string }[] = [
  {
    name: 'never comes',
    respond: () => undefined,
    code: 'TIMEOUT',
  },
  {
    name: 'is reset in the middle',
    respond: (request, response) => {
      response.writeHead(200, bytes);
      response.write('{"format":');
      setTimeout(() => request.socket.destroy(), 50);
    },
    code: 'BODY_TRUNCATED',
  },
  {
    name: 'is shorter than announced',
    respond: async (request, response, honest) => {
      const document = await honest();
      response.writeHead(200, { ...bytes, 'content-length': String(document.length + 1) });
      response.write(document);
      setTimeout(() => request.socket.destroy(), 50);
    },
    code: 'BODY_TRUNCATED',
  },
  {
    name: 'is "too many requests"',
    respond: (_, response) => void response.writeHead(429, { 'retry-after': '60' }).end(),
    code: 'HTTP_STATUS',
  },
  { name: 'is 500', respond: (_, response) => void response.writeHead(500).end(), code: 'HTTP_STATUS' },
  { name: 'is 503', respond: (_, response) => void response.writeHead(503).end(), code: 'HTTP_STATUS' },
  { name: 'is 401', respond: (_, response) => void response.writeHead(401).end(), code: 'HTTP_STATUS' },
  {
    name: 'is a page for people',
    respond: (_, response) => void response.writeHead(200, html).end('<html>Maintenance</html>'),
    code: 'CONTENT_TYPE_UNEXPECTED',
  },
  {
    name: 'leads in circles',
    respond: (request, response) => void response.writeHead(302, { location: request.url ?? '' }).end(),
    code: 'REDIRECT_REFUSED',
  },
  {
    name: 'is a gzip that ends early',
    respond: (_, response) => {
      // RFC 1952: magic, deflate, no flags, and nothing behind the header.
      const begun = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
      response.writeHead(200, { ...bytes, 'content-encoding': 'gzip' }).end(begun);
    },
    code: 'BODY_TRUNCATED',
  },
];

suite('an answer of the service that', () => {
  for (const { name, respond, code } of answers)
    test(`${name} cannot be checked: ${code}`, PATIENCE, async () => {
      const scene = { ...honestScene(stage.world), respond };
      expectUnchecked(await verified(scene, code === 'TIMEOUT' ? 2 : 120), code);
    });
});

suite("an answer about AMD's revocations that", () => {
  for (const { name, respond, code } of answers.filter(({ name: each }) => !each.includes('middle')))
    test(`${name} leaves revocation unchecked: ${code}`, PATIENCE, async () => {
      const mirror = (path: string) => (path.endsWith('/crl') ? respond : undefined);
      const scene = { ...honestScene(stage.world), mirror };
      const ended = await verified(scene, code === 'TIMEOUT' ? 2 : 120);
      expectUnchecked(ended, code);
      assert.match(ended.stdout, /not checked: AMD's revocation list is missing: /);
      assert.match(ended.stdout, /1 check could not be made/);
    });
});

const missing: Respond = (_, response) => void response.writeHead(503).end();

test(
  "NVIDIA's reference values that cannot be had leave the GPUs' firmware unchecked",
  PATIENCE,
  async () => {
    const mirror = (path: string) => (path.startsWith('/v1/rim/') ? missing : undefined);
    const ended = await verified({ ...honestScene(stage.world), mirror });
    assert.equal(ended.status, 3, ended.stdout);
    assert.match(
      ended.stdout,
      /gpu0: driver and firmware measure .*: not checked: manifest NV_GPU_DRIVER_GH100_550\.90\.07 is missing/,
    );
  },
);

test(
  'what the policy does not demand, and nobody could be asked for, is shown as not checked in a pass',
  PATIENCE,
  async () => {
    const mirror = (path: string) => (path === '/' || path.includes('/ct/v1/') ? missing : undefined);
    const ended = await verified({ ...honestScene(stage.world), mirror });
    assert.equal(ended.status, 0, ended.stdout);
    assert.match(
      ended.stdout,
      /gpu0: NVIDIA has not revoked it: not checked \(not required\): no OCSP answer/,
    );
    assert.match(ended.stdout, /The logs show the certificate to everyone: not checked \(not required\)/);
  },
);

test('a release whose signatures GitHub does not give out is not checked', PATIENCE, async () => {
  const mirror = (path: string) => (path.startsWith('/repos/') ? missing : undefined);
  const ended = await verified({ ...honestScene(stage.world, 'tinfoil-v2'), mirror });
  assert.equal(ended.status, 3, ended.stdout);
  assert.match(ended.stdout, /the signatures of acme\/chat, release [0-9a-f]{12}…, are missing/);
});

test(
  'offline, what was fetched before is good enough; who never fetched it cannot check',
  PATIENCE,
  async () => {
    const [home, stranger] = [newHome(), newHome()];
    try {
      await withService(stage, honestScene(stage.world), async (service) => {
        const words = ['verify', service.url, '--repo', repository, ...stage.words(service)];
        assert.equal((await runInProcess(words, home.env)).status, 0);
        await service.show({ ...honestScene(stage.world), mirror: () => missing });
        const again = await runInProcess([...words, '--offline'], home.env);
        assert.equal(again.status, 0, again.stdout);
        const never = await runInProcess([...words, '--offline'], stranger.env);
        assert.equal(never.status, 3, never.stdout);
        assert.match(never.stdout, /COULD NOT BE CHECKED: 3 checks could not be made \(OFFLINE, /);
      });
    } finally {
      home.remove();
      stranger.remove();
    }
  },
);

async function verified(scene: Scene, timeoutSeconds = 120): Promise<Ended> {
  const home = newHome();
  try {
    return await withService(stage, scene, (service) => {
      const words = ['--repo', repository, ...stage.words(service), '--timeout', String(timeoutSeconds)];
      return runInProcess(['verify', service.url, ...words], home.env);
    });
  } finally {
    home.remove();
  }
}
