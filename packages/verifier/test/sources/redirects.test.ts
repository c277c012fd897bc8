/** Redirects: within one origin, or to the hosts that are known to keep a kind of resource; nowhere else. */
import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { createNodeClient } from '../../src/index.node.ts';
import type { Answer, ResourceKind } from '../../src/source.ts';
import {
  type FetchRequest,
  type Fetcher,
  type Mirrors,
  browserFetch,
  createNetworkSource,
} from '../../src/sources/index.ts';
import { answerJson, serveHttp } from './servers.ts';

const codeOf = (answer: Answer) => (answer.ok ? 'ok' : answer.code);

describe('redirects over a network', () => {
  const ask = async (
    t: TestContext,
    url: string,
    kind: ResourceKind = 'endpoint-document',
    mirrors: Mirrors = {},
  ) => {
    const client = createNodeClient();
    t.after(() => client.close());
    const timeouts = { headersMs: 10_000, chunkMs: 10_000, totalMs: 20_000 };
    return createNetworkSource({ fetch: client.fetch, attempts: 1, timeouts, mirrors }).get({ kind, url });
  };

  test('within the same origin three are followed', async (t) => {
    const origin = await serveHttp(t, (request, response) => {
      const hop = Number(request.url?.slice(1));
      if (hop === 3) {
        answerJson(request, response);
        return;
      }
      response.writeHead([301, 302, 308][hop]!, { location: `/${hop + 1}` });
      response.end('moved');
    });
    assert.equal(codeOf(await ask(t, `${origin}/0`)), 'ok');
  });

  test('a loop is refused', async (t) => {
    let requests = 0;
    const origin = await serveHttp(t, (_, response) => {
      requests++;
      response.writeHead(302, { location: '/' });
      response.end();
    });
    assert.equal(codeOf(await ask(t, origin)), 'REDIRECT_REFUSED');
    assert.equal(requests, 4);
  });

  test("the service's document is not looked for on another host", async (t) => {
    const other = await serveHttp(t, () => assert.fail('it is asked'));
    const origin = await serveHttp(t, (_, response) => {
      response.writeHead(302, { location: `${other}/document` });
      response.end();
    });
    assert.equal(codeOf(await ask(t, origin)), 'REDIRECT_REFUSED');
  });

  test('a redirect without a place is no HTTP', async (t) => {
    const origin = await serveHttp(t, (_, response) => {
      response.writeHead(302);
      response.end();
    });
    assert.equal(codeOf(await ask(t, origin)), 'PROTOCOL_ERROR');
  });

  test('a mirror stands in for the place of a redirect too', async (t) => {
    const seen: string[] = [];
    const origin = await serveHttp(t, (request, response) => {
      seen.push(request.url ?? '');
      if (request.url?.startsWith('/assets/')) {
        answerJson(request, response);
        return;
      }
      response.writeHead(302, { location: 'https://release-assets.githubusercontent.com/x?sig=1' });
      response.end();
    });
    const mirrors = {
      'release-asset': {
        'https://github.com': `${origin}/github`,
        'https://release-assets.githubusercontent.com': `${origin}/assets`,
      },
    };
    const url = 'https://github.com/a/b/releases/download/v1/tinfoil-deployment.json';
    assert.equal(codeOf(await ask(t, url, 'release-asset', mirrors)), 'ok');
    assert.deepEqual(seen, ['/github/a/b/releases/download/v1/tinfoil-deployment.json', '/assets/x?sig=1']);
  });

  test('a mirror of one kind is no mirror of another', async () => {
    const asked: string[] = [];
    const fetch: Fetcher = (request) => {
      asked.push(request.url);
      return Promise.resolve(response(request, 404));
    };
    const mirrors = { 'amd-crl': { 'https://kdsintf.amd.com': 'https://mirror.example' } };
    const source = createNetworkSource({ fetch, mirrors });
    await source.get({ kind: 'amd-crl', url: 'https://kdsintf.amd.com/a' });
    await source.get({ kind: 'amd-vcek', url: 'https://kdsintf.amd.com/a' });
    assert.deepEqual(asked, ['https://mirror.example/a', 'https://kdsintf.amd.com/a']);
  });
});

function response(request: FetchRequest, status: number, headers: Record<string, string> = {}) {
  return {
    status,
    headers: { 'content-type': 'application/octet-stream', ...headers },
    url: request.url,
    isDecoded: false,
    body: (async function* () {
      yield await Promise.resolve(Uint8Array.of(1));
    })(),
    cancel: () => undefined,
  };
}

describe('where a redirect may lead', () => {
  const asset = 'https://github.com/a/b/releases/latest/download/tinfoil.hash';
  const bundles = 'https://api.github.com/repos/a/b/attestations/sha256:00';
  const cases: readonly [name: string, kind: ResourceKind, from: string, to: string, code: string][] = [
    [
      'an asset at GitHub to its store',
      'release-asset',
      asset,
      'https://objects.githubusercontent.com/x',
      'ok',
    ],
    [
      'an asset at GitHub to its new store',
      'release-asset',
      asset,
      'https://release-assets.githubusercontent.com/x',
      'ok',
    ],
    [
      'an asset to the tag that is the latest',
      'release-asset',
      asset,
      '/a/b/releases/download/v2/tinfoil.hash',
      'ok',
    ],
    [
      'a repository that was renamed',
      'sigstore-bundle',
      bundles,
      'https://api.github.com/repositories/1/x',
      'ok',
    ],
    ['an asset to a stranger', 'release-asset', asset, 'https://evil.example/x', 'REDIRECT_REFUSED'],
    [
      'an asset to a name that ends alike',
      'release-asset',
      asset,
      'https://evilobjects.githubusercontent.com/x',
      'REDIRECT_REFUSED',
    ],
    [
      'an asset to a name that begins alike',
      'release-asset',
      asset,
      'https://github.com.evil.example/x',
      'REDIRECT_REFUSED',
    ],
    [
      'an asset to another port',
      'release-asset',
      asset,
      'https://objects.githubusercontent.com:8443/x',
      'REDIRECT_REFUSED',
    ],
    [
      'an asset to http',
      'release-asset',
      asset,
      'http://objects.githubusercontent.com/x',
      'REDIRECT_REFUSED',
    ],
    ['an asset to http on the same host', 'release-asset', asset, 'http://github.com/x', 'REDIRECT_REFUSED'],
    [
      'an asset to a place with a password',
      'release-asset',
      asset,
      'https://a:b@github.com/x',
      'PROTOCOL_ERROR',
    ],
    ['an asset to a file', 'release-asset', asset, 'file:///etc/passwd', 'PROTOCOL_ERROR'],
    ['an asset to data', 'release-asset', asset, 'data:text/plain,x', 'PROTOCOL_ERROR'],
    [
      'bundles to a store of assets',
      'sigstore-bundle',
      bundles,
      'https://objects.githubusercontent.com/x',
      'REDIRECT_REFUSED',
    ],
    [
      "AMD's list elsewhere",
      'amd-crl',
      'https://kdsintf.amd.com/vcek/v1/Milan/crl',
      'https://github.com/x',
      'REDIRECT_REFUSED',
    ],
    [
      "the service's document elsewhere",
      'endpoint-document',
      'https://a.example/x',
      'https://www.a.example/x',
      'REDIRECT_REFUSED',
    ],
    [
      "the service's document to https",
      'endpoint-document',
      'http://a.example/x',
      'https://a.example/x',
      'REDIRECT_REFUSED',
    ],
  ];
  for (const [name, kind, from, to, code] of cases)
    test(`${name}: ${code === 'ok' ? 'followed' : 'refused'}`, async () => {
      const asked: string[] = [];
      const fetch: Fetcher = (request) => {
        asked.push(request.url);
        return Promise.resolve(
          asked.length === 1 ? response(request, 302, { location: to }) : response(request, 200),
        );
      };
      const answer = await createNetworkSource({ fetch, attempts: 1 }).get({ kind, url: from });
      assert.equal(codeOf(answer), code);
      assert.deepEqual(asked, code === 'ok' ? [from, new URL(to, from).href] : [from]);
    });

  test('a question with a body is not sent elsewhere', async () => {
    const fetch: Fetcher = (request) => Promise.resolve(response(request, 307, { location: '/other' }));
    const answer = await createNetworkSource({ fetch, attempts: 1 }).get({
      kind: 'nvidia-ocsp',
      url: 'http://ocsp.ndis.nvidia.com/',
      body: Uint8Array.of(1),
    });
    assert.equal(codeOf(answer), 'REDIRECT_REFUSED');
  });
});

describe("a browser's fetch", () => {
  const page = (url: string, status = 200, type = 'application/octet-stream') => ({
    status,
    url,
    headers: new Headers({ 'content-type': type, 'content-encoding': 'gzip', 'content-length': '1000' }),
    body: new Blob([Uint8Array.of(1, 2, 3)]).stream(),
  });
  type Init = Parameters<Parameters<typeof browserFetch>[0]>[1];

  test('is asked without credentials, and its decoded body is taken as it is', async () => {
    const inits: Init[] = [];
    const fetch = browserFetch((url, init) => {
      inits.push(init);
      return Promise.resolve(page(url));
    });
    const answer = await createNetworkSource({ fetch, attempts: 1 }).get({
      kind: 'endpoint-document',
      url: 'https://a.example/x',
    });
    assert.deepEqual(answer, { ok: true, bytes: Uint8Array.of(1, 2, 3) });
    const [init] = inits;
    assert.ok(init);
    assert.equal(init.credentials, 'omit');
    assert.equal(init.redirect, 'error');
    assert.equal(init.headers['accept-encoding'], undefined);
  });

  for (const [final, code] of [
    ['https://objects.githubusercontent.com/x', 'ok'],
    ['https://evil.example/x', 'REDIRECT_REFUSED'],
    ['http://objects.githubusercontent.com/x', 'REDIRECT_REFUSED'],
  ] as const)
    test(`an asset that it found at ${final}: ${code}`, async () => {
      const fetch = browserFetch((_, init) => {
        assert.equal(init.redirect, 'follow');
        return Promise.resolve(page(final));
      });
      const answer = await createNetworkSource({ fetch, attempts: 1 }).get({
        kind: 'release-asset',
        url: 'https://github.com/a/b/releases/download/v1/tinfoil.hash',
      });
      assert.equal(codeOf(answer), code);
    });

  test('a failure of which it tells nothing is an answer', async () => {
    const fetch = browserFetch(() => Promise.reject(new TypeError('Failed to fetch')));
    const source = createNetworkSource({ fetch, attempts: 1 });
    assert.equal(
      codeOf(await source.get({ kind: 'amd-crl', url: 'https://kdsintf.amd.com/x' })),
      'CONNECTION_REFUSED',
    );
  });

  test('a body that breaks off is an answer', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new TypeError('network error')),
    });
    const fetch = browserFetch((url) => Promise.resolve({ ...page(url), body }));
    const source = createNetworkSource({ fetch, attempts: 1 });
    assert.equal(
      codeOf(await source.get({ kind: 'amd-crl', url: 'https://kdsintf.amd.com/x' })),
      'BODY_TRUNCATED',
    );
  });

  test("the platform's own fetch fits", async (t) => {
    const origin = await serveHttp(t, answerJson);
    const source = createNetworkSource({ fetch: browserFetch(fetch), attempts: 1 });
    assert.equal(codeOf(await source.get({ kind: 'endpoint-document', url: origin })), 'ok');
  });
});
