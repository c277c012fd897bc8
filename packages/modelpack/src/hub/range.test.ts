import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { startHubServer, type FaultAction, type HubServer } from '../../test/hub-server.ts';
import { listFiles, type HubFile } from './listing.ts';
import { fetchRange } from './range.ts';
import { collect, hubOf, patterned, refuses, type WatchedHub } from './test/fixture.ts';

const repo = 'owner/model';
const big = patterned(1_000_000);
const small = patterned(3000);
const bigPath = 'weights/model-00001 of 2#%?.safetensors';

void describe('fetchRange', () => {
  let server: HubServer;
  let hub: WatchedHub;
  let commit: string;
  let files: Map<string, HubFile>;

  before(async () => {
    server = await startHubServer({
      repos: [
        {
          name: repo,
          files: {
            [bigPath]: big,
            'lfs.bin': big,
            'config.json': small,
            'empty.txt': '',
            'page.html': '<!doctype html>',
          },
          storage: { [bigPath]: 'xet', 'lfs.bin': 'lfs', 'page.html': 'lfs' },
        },
        { name: 'owner/gated', files: { 'lfs.bin': small }, gated: true },
        {
          name: 'owner/private',
          files: { 'lfs.bin': small },
          token: 'hf_right',
          storage: { 'lfs.bin': 'lfs' },
        },
      ],
    });
    commit = server.commitOf(repo);
    files = new Map((await listFiles(hubOf(server), repo, commit)).map((file) => [file.path, file]));
  });
  after(() => server.close());
  beforeEach(() => {
    server.clearFaults();
    server.requests.length = 0;
    hub = hubOf(server);
  });

  function read(path: string, startByte?: number, endByte?: number, from: WatchedHub = hub): Promise<Buffer> {
    const file = files.get(path)!;
    return collect(fetchRange(from, repo, commit, file, startByte ?? 0, endByte ?? file.sizeBytes));
  }

  function fault(on: 'resolve' | 'resolve-cache' | 'download', action: FaultAction, times?: number): void {
    server.fault({ on, do: action, ...(times === undefined ? {} : { times }) });
  }

  void describe('reads', () => {
    for (const path of [bigPath, 'lfs.bin']) {
      test(`a whole file from the download host: ${path}`, async () => {
        const content = await read(path);
        assert(content.equals(big));
        const { digest } = files.get(path)!;
        assert.deepEqual(digest, {
          algorithm: 'sha256',
          hex: createHash('sha256').update(content).digest('hex'),
        });
      });
    }

    test('a small file from the cache on the endpoint', async () => {
      assert((await read('config.json')).equals(small));
      assert.deepEqual(
        server.requests.map((request) => request.route),
        ['resolve', 'resolve-cache'],
      );
    });

    test('any range, exactly', async () => {
      const bound = fc.nat({ max: big.length });
      await fc.assert(
        fc.asyncProperty(bound, bound, async (a, b) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          assert((await read('lfs.bin', start, end)).equals(big.subarray(start, end)));
        }),
        { numRuns: 30 },
      );
    });

    test('an empty file and an empty range without a request', async () => {
      assert.equal((await read('empty.txt')).length, 0);
      assert.equal((await read('lfs.bin', 500, 500)).length, 0);
      assert.deepEqual(server.requests, []);
    });

    test('a 200 for the whole file, with and without a length', async () => {
      fault('download', { kind: 'ignore-range' });
      assert((await read('lfs.bin')).equals(big));
      server.clearFaults();
      fault('download', { kind: 'long-body', extraBytes: 0 });
      assert((await read('lfs.bin')).equals(big));
    });

    test('a file that really is a web page', async () => {
      fault('download', { kind: 'headers', set: { 'content-type': 'text/html' } });
      assert.equal((await read('page.html')).toString(), '<!doctype html>');
    });

    test('asking for the identity encoding once, and for the range alone', async () => {
      await read('lfs.bin', 10, 20);
      for (const { headers } of server.requests) {
        assert.match(String(headers['accept-encoding']), /^identity(, identity)?$/);
        assert.equal(headers['range'], 'bytes=10-19');
      }
    });

    test('many ranges of one file over one link and few connections', async () => {
      for (let start = 0; start < 20_000; start += 1000) await read('lfs.bin', start, start + 1000);
      assert.equal(server.requests.filter((request) => request.route === 'resolve').length, 1);
      assert.equal(server.requests.filter((request) => request.route === 'download').length, 20);
      const connections = new Set(server.requests.map((request) => request.connection));
      assert(connections.size <= 4, `${connections.size} connections`);
    });

    test('several ranges at once, each resuming for itself', async () => {
      server.fault({ on: 'download', nth: 3, do: { kind: 'cut', afterBytes: 1000 } });
      server.fault({ on: 'download', nth: 6, do: { kind: 'status', status: 403 } });
      server.fault({ on: 'resolve', nth: 2, do: { kind: 'status', status: 503 } });
      const starts = Array.from({ length: 10 }, (_, index) => index * 100_000);
      const parts = await Promise.all(starts.map((start) => read('lfs.bin', start, start + 100_000)));
      assert(Buffer.concat(parts).equals(big));
      assert.equal(hub.retries.length, 3);
    });

    test('keeping the connection over redirects on the endpoint', async () => {
      for (let start = 0; start < 3000; start += 300) await read('config.json', start, start + 300);
      const connections = new Set(server.requests.map((request) => request.connection));
      assert.equal(server.requests.length, 20);
      assert(connections.size <= 4, `${connections.size} connections`);
    });
  });

  void describe('goes on', () => {
    test('from the byte it had reached when the connection is cut, without fetching a byte twice', async () => {
      fault('download', { kind: 'cut', afterBytes: 300_000 }, 2);
      assert((await read('lfs.bin')).equals(big));
      const asked = server.requests.filter((r) => r.route === 'download').map((r) => r.headers['range']);
      assert.deepEqual(asked.length, 3);
      // What was sent and lost with the connection is asked for again; what arrived is not.
      const [first, second, third] = asked.map((range) => Number(/=(\d+)-999999$/.exec(String(range))![1]));
      assert.equal(first, 0);
      assert(
        second! > 0 && second! <= 300_000 && third! > second! && third! <= second! + 300_000,
        asked.join(),
      );
      assert.deepEqual(
        hub.retries.map((event) => [event.error.code, event.failures, event.fromByte]),
        [
          ['CONNECTION_FAILED', 1, second],
          ['CONNECTION_FAILED', 1, third],
        ],
      );
    });

    test('as long as every try brings something, however many tries it takes', async () => {
      // One byte an answer, twelve times.
      for (let nth = 1; nth <= 12; nth++) {
        server.fault({ on: 'download', nth, do: { kind: 'short-body', missingBytes: 20 - nth } });
      }
      assert((await read('lfs.bin', 0, 20)).equals(big.subarray(0, 20)));
      assert.deepEqual(
        hub.retries.map((event) => [event.failures, event.fromByte]),
        Array.from({ length: 12 }, (_, tries) => [1, tries + 1]),
      );
    });

    for (const status of [408, 425, 429, 500, 502, 503, 504]) {
      test(`after ${status}, from the Hub and from the download host, with growing waits`, async () => {
        fault('resolve', { kind: 'status', status }, 2);
        fault('download', { kind: 'status', status }, 1);
        assert((await read('lfs.bin', 5, 500)).equals(big.subarray(5, 500)));
        assert.deepEqual(hub.waitsMs, [75, 150, 300]);
      });
    }

    test('after a cut connection before any header', async () => {
      fault('resolve', { kind: 'cut' }, 1);
      fault('download', { kind: 'cut' }, 1);
      assert((await read('lfs.bin', 5, 500)).equals(big.subarray(5, 500)));
    });

    test('after an answer that ends early', async () => {
      fault('download', { kind: 'short-body', missingBytes: 400 }, 1);
      assert((await read('lfs.bin', 0, 1000)).equals(big.subarray(0, 1000)));
      assert.deepEqual(server.rangesServed('lfs.bin'), [
        [0, 600],
        [600, 1000],
      ]);
    });

    test('after a stall, before the headers and in the middle of a body', async () => {
      const impatient = hubOf(server, { idleTimeoutMs: 100 });
      fault('resolve', { kind: 'stall' }, 1);
      fault('download', { kind: 'stall', afterBytes: 200_000 }, 1);
      assert((await read('lfs.bin', undefined, undefined, impatient)).equals(big));
      assert.deepEqual(
        impatient.retries.map((event) => event.error.code),
        ['TIMEOUT', 'TIMEOUT'],
      );
      assert.equal(server.rangesServed('lfs.bin').at(-1)![0], 200_000);
    });

    test('without minding how the connection ends once all bytes are here', async () => {
      const impatient = hubOf(server, { idleTimeoutMs: 50 });
      fault('download', { kind: 'stall', afterBytes: 1000 });
      assert((await read('lfs.bin', 0, 1000, impatient)).equals(big.subarray(0, 1000)));
      assert.deepEqual(impatient.retries, []);
    });

    test('with a new link when the old one has expired, without a wait and without a byte twice', async () => {
      assert((await read('lfs.bin', 0, 1000)).equals(big.subarray(0, 1000)));
      server.expireLinks();
      assert((await read('lfs.bin', 1000, 2000)).equals(big.subarray(1000, 2000)));
      assert.deepEqual(
        server.requests.map((request) => [request.route, request.status]),
        [
          ['resolve', 302],
          ['download', 206],
          ['download', 403],
          ['resolve', 302],
          ['download', 206],
        ],
      );
      assert.deepEqual(hub.waitsMs, []);
    });

    test('with a new link when it expires in the middle of a transfer', async () => {
      fault('download', { kind: 'cut', afterBytes: 100_000 }, 1);
      server.fault({ on: 'download', nth: 2, do: { kind: 'status', status: 403 } });
      assert((await read('lfs.bin')).equals(big));
      assert.deepEqual(
        hub.retries.map((event) => event.error.code),
        ['CONNECTION_FAILED', 'FORBIDDEN'],
      );
    });
  });

  void describe('waits', () => {
    test('as long as Retry-After says, in seconds', async () => {
      fault('resolve', { kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 1);
      await read('config.json');
      assert.deepEqual(hub.waitsMs, [7000]);
    });

    test('until the date that Retry-After says', async () => {
      const clocked = hubOf(server, { now: () => Date.UTC(2026, 0, 1, 12, 0, 0) });
      const date = 'Thu, 01 Jan 2026 12:01:30 GMT';
      fault('resolve', { kind: 'status', status: 503, headers: { 'retry-after': date } }, 1);
      await read('config.json', undefined, undefined, clocked);
      assert.deepEqual(clocked.waitsMs, [90_000]);
    });

    test('until the window ends that RateLimit tells', async () => {
      const headers = { ratelimit: '"resolvers";r=0;t=55' };
      fault('resolve', { kind: 'status', status: 429, headers }, 1);
      await read('config.json');
      assert.deepEqual(hub.waitsMs, [55_000]);
    });

    test('no longer than the cap, whatever a server asks for', async () => {
      fault('resolve', { kind: 'status', status: 429, headers: { 'retry-after': '999999999' } }, 1);
      await read('config.json');
      assert.deepEqual(hub.waitsMs, [310_000]);
    });
  });

  void describe('gives up', () => {
    test('with RATE_LIMITED when 429 does not end', async () => {
      fault('resolve', { kind: 'status', status: 429 });
      await refuses(read('lfs.bin'), 'RATE_LIMITED', '429', 'access token', '4 tries');
      assert.equal(server.requests.length, 4);
    });

    test('with SERVER_ERROR when 5xx does not end, naming the host and the file', async () => {
      fault('download', { kind: 'status', status: 503, body: 'try\nlater\u001b[31m' });
      const error = await refuses(read(bigPath), 'SERVER_ERROR', '503', server.downloadEndpoint, 'try later');
      assert(!error.message.includes('\u001b') && !error.message.includes('secret-signature'));
    });

    test('with CONNECTION_FAILED when nobody listens', async () => {
      const dead = await startHubServer({ repos: [] });
      await dead.close();
      const nobody = hubOf(dead);
      await refuses(read('lfs.bin', 0, 10, nobody), 'CONNECTION_FAILED', 'ECONNREFUSED', dead.endpoint);
      assert.equal(nobody.retries.length, 3);
    });

    test('at once when the certificate is not trusted', async () => {
      const cause = Object.assign(new Error('self-signed certificate'), {
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      });
      const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed', { cause }));
      const intercepted = hubOf(server, { fetch });
      await refuses(read('lfs.bin', 0, 10, intercepted), 'CONNECTION_FAILED', 'certificate is not trusted');
      assert.deepEqual(intercepted.retries, []);
    });

    test('with TIMEOUT when the server stalls every time', async () => {
      const impatient = hubOf(server, { idleTimeoutMs: 40 });
      fault('download', { kind: 'stall' });
      await refuses(read('lfs.bin', 0, 10, impatient), 'TIMEOUT', '40 ms', '4 tries');
    });

    test('with SIZE_MISMATCH when the answer is short every time and nothing more comes', async () => {
      fault('download', { kind: 'short-body', missingBytes: 10 });
      await refuses(read('lfs.bin', 0, 10), 'SIZE_MISMATCH', 'ended at byte 0');
    });

    test('with FORBIDDEN when new links are refused too, after a few, with the host’s words', async () => {
      fault('download', { kind: 'status', status: 403, body: '<Error>SignatureError: bad key</Error>' });
      const error = await refuses(read('lfs.bin', 0, 10), 'FORBIDDEN', 'download host', 'SignatureError');
      assert(!error.message.includes('secret-signature'));
      assert.equal(server.requests.filter((request) => request.route === 'resolve').length, 3);
    });

    test('when the caller’s signal fires in a body, in a wait, before the start', async () => {
      for (const when of ['body', 'wait', 'start']) {
        server.clearFaults();
        const controller = new AbortController();
        const reason = new Error('the user pressed ^C');
        const sleep = async (): Promise<void> => {
          controller.abort(reason);
          return Promise.reject(reason);
        };
        const stoppable = hubOf(server, { signal: controller.signal, sleep });
        if (when === 'start') controller.abort(reason);
        if (when === 'wait') fault('resolve', { kind: 'status', status: 500 });
        if (when === 'body') fault('download', { kind: 'stall', afterBytes: 100 });
        const reading = (async () => {
          for await (const chunk of fetchRange(
            stoppable,
            repo,
            commit,
            files.get('lfs.bin')!,
            0,
            big.length,
          )) {
            assert(chunk.length > 0);
            controller.abort(reason);
          }
        })();
        const error = await refuses(reading, 'ABORTED');
        assert.equal(error.cause, reason, when);
      }
    });
  });

  void describe('refuses', () => {
    test('more bytes than asked for, in the chunk that ends the range and in a later one', async () => {
      for (const extraBytes of [1, 200_000]) {
        server.clearFaults();
        fault('download', { kind: 'long-body', extraBytes });
        await refuses(read('lfs.bin', 0, 100_000), 'SIZE_MISMATCH', 'sent more');
        assert.deepEqual(hub.retries, []);
      }
    });

    test('a range of another place, another length or without a total', async () => {
      for (const value of [
        'bytes 11-20/1000000',
        'bytes 10-20/1000000',
        'bytes 10-18/1000000',
        'bytes 10-19/*',
        'bytes */1000000',
        'items 10-19/1000000',
        'bytes 10-19/99999999999999999999',
        'bytes 10-19',
        '',
      ]) {
        server.clearFaults();
        fault('download', { kind: 'headers', set: { 'content-range': value } });
        await refuses(read('lfs.bin', 10, 20), 'RANGE_INVALID', 'Content-Range', 'bytes 10-19');
      }
    });

    test('a 206 without Content-Range', async () => {
      fault('download', { kind: 'headers', set: { 'content-range': null } });
      await refuses(read('lfs.bin', 10, 20), 'RANGE_INVALID', 'no Content-Range');
    });

    test('a total that is not the listed size', async () => {
      fault('download', { kind: 'headers', set: { 'content-range': 'bytes 10-19/1000001' } });
      await refuses(read('lfs.bin', 10, 20), 'SIZE_MISMATCH', '1000000', '1000001');
    });

    test('a 200 for a part of the file', async () => {
      fault('download', { kind: 'ignore-range' });
      await refuses(read('lfs.bin', 0, 999_999), 'RANGE_INVALID', 'ignores ranges');
      await refuses(read('lfs.bin', 1, 1_000_000), 'RANGE_INVALID', 'ignores ranges');
    });

    test('a 200 of another length than the listed size', async () => {
      fault('resolve', { kind: 'status', status: 200, body: 'something else' });
      await refuses(read('lfs.bin'), 'SIZE_MISMATCH', 'Content-Length');
    });

    test('a 416', async () => {
      for (const route of ['resolve', 'download'] as const) {
        server.clearFaults();
        fault(route, { kind: 'status', status: 416 });
        await refuses(read('lfs.bin', 0, 10), 'RANGE_INVALID', '416');
      }
    });

    test('a compressed body', async () => {
      fault('download', { kind: 'gzip' });
      await refuses(read('lfs.bin', 0, 1000), 'ENCODING_REFUSED', 'gzip');
    });

    test('a web page with status 200 instead of the file', async () => {
      fault('resolve', { kind: 'html' });
      await refuses(read('lfs.bin'), 'NOT_JSON', 'web page', 'login page');
      await refuses(read('config.json', 0, 10), 'NOT_JSON');
    });

    test('an answer of another commit, or about a file of another size', async () => {
      fault('resolve', { kind: 'headers', set: { 'x-repo-commit': 'f'.repeat(40) } });
      await refuses(read('lfs.bin'), 'RESPONSE_INVALID', 'X-Repo-Commit', 'f'.repeat(40));
      server.clearFaults();
      fault('resolve', { kind: 'headers', set: { 'x-linked-size': '999999' } });
      await refuses(read('lfs.bin'), 'SIZE_MISMATCH', 'X-Linked-Size', '999999');
      assert(server.requests.every((request) => request.route === 'resolve'));
    });

    test('ranges that cannot be', async () => {
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0, 1_000_001],
        [0.5, 2],
        [0, NaN],
        [0, Infinity],
      ] as const) {
        await refuses(read('lfs.bin', start, end), 'PARAMETER_INVALID', 'lfs.bin');
      }
      assert.deepEqual(server.requests, []);
    });

    test('commits and paths that cannot be, before any request', async () => {
      const file = files.get('lfs.bin')!;
      await refuses(collect(fetchRange(hub, repo, 'main', file, 0, 1)), 'PARAMETER_INVALID', 'main');
      await refuses(collect(fetchRange(hub, 'model', commit, file, 0, 1)), 'PARAMETER_INVALID', 'owner');
      const climbing = { ...file, path: '../../api/whoami-v2' };
      await refuses(collect(fetchRange(hub, repo, commit, climbing, 0, 1)), 'PATH_INVALID', '".."');
      assert.deepEqual(server.requests, []);
    });

    test('a file that is not there, naming it', async () => {
      const missing = { path: 'gone\u001b[2J.bin', sizeBytes: 10 };
      const error = await refuses(
        collect(fetchRange(hub, repo, commit, missing, 0, 10)),
        'FILE_NOT_FOUND',
        'gone\\u{1b}',
      );
      assert(!error.message.includes('\u001b'));
    });

    test('a gated repository, saying where to ask for access, with and without a token', async () => {
      const file = { path: 'lfs.bin', sizeBytes: 3000 };
      const gated = 'owner/gated';
      const page = `${server.endpoint}/${gated}`;
      const gatedCommit = server.commitOf(gated);
      await refuses(collect(fetchRange(hub, gated, gatedCommit, file, 0, 9)), 'UNAUTHORIZED', 'gated', page);
      const known = hubOf(server, { token: 'hf_known' });
      const error = await refuses(
        collect(fetchRange(known, gated, gatedCommit, file, 0, 9)),
        'FORBIDDEN',
        'gated',
        page,
      );
      assert(!error.message.includes('hf_known'));
    });
  });

  void describe('the access token', () => {
    const file = { path: 'lfs.bin', sizeBytes: 3000 };

    test('goes to the endpoint, and not to the download host', async () => {
      const known = hubOf(server, { token: 'hf_right' });
      const content = await collect(
        fetchRange(known, 'owner/private', server.commitOf('owner/private'), file, 0, 3000),
      );
      assert(content.equals(small));
      assert.deepEqual(
        server.requests.map((request) => [request.route, request.headers['authorization']]),
        [
          ['resolve', 'Bearer hf_right'],
          ['download', undefined],
        ],
      );
    });

    test('is not sent again when another origin leads back to the endpoint', async () => {
      const known = hubOf(server, { token: 'hf_right' });
      const back = `${server.endpoint}/api/resolve-cache/models/${repo}/${commit}/config.json`;
      fault('resolve', { kind: 'redirect', location: `${server.downloadEndpoint}/xet/0/elsewhere` });
      fault('download', { kind: 'redirect', location: back });
      assert((await read('config.json', 0, 3000, known)).equals(small));
      assert.deepEqual(
        server.requests.map((request) => [request.route, request.headers['authorization']]),
        [
          ['resolve', 'Bearer hf_right'],
          ['download', undefined],
          ['resolve-cache', undefined],
        ],
      );
    });

    test('is in no message, even when the server repeats it', async () => {
      const known = hubOf(server, { token: 'hf_right' });
      fault('resolve', { kind: 'status', status: 403, headers: { 'x-error-message': 'bad token hf_right' } });
      const error = await refuses(read('lfs.bin', 0, 10, known), 'FORBIDDEN', 'bad token ***');
      assert(!JSON.stringify([error.message, error.stack, String(error.cause)]).includes('hf_right'));
    });
  });

  void describe('redirects', () => {
    test('in a loop are refused', async () => {
      for (const route of ['resolve', 'download'] as const) {
        server.clearFaults();
        server.requests.length = 0;
        fault(route, { kind: 'redirect-loop' });
        await refuses(read('lfs.bin', 0, 10), 'REDIRECT_REFUSED', 'more than 5 redirects');
        assert.equal(server.requests.length, 6);
      }
    });

    for (const location of [
      'file:///etc/passwd',
      'data:text/plain,x',
      'ftp://127.0.0.1/x',
      'http://user:secret@127.0.0.1/x',
      'http://[bad',
    ]) {
      test(`to ${location} are refused`, async () => {
        fault('resolve', { kind: 'redirect', location });
        const error = await refuses(read('lfs.bin', 0, 10), 'REDIRECT_REFUSED', server.endpoint);
        assert(!error.message.includes('secret'));
        assert.equal(server.requests.length, 1);
      });
    }

    test('without a target are refused', async () => {
      fault('resolve', { kind: 'status', status: 302 });
      await refuses(read('lfs.bin', 0, 10), 'REDIRECT_REFUSED', 'no Location');
    });

    test('from https to http are refused', async () => {
      const asked: string[] = [];
      const fetch = (url: string | URL | Request): Promise<Response> => {
        asked.push(url instanceof Request ? url.url : String(url));
        return Promise.resolve(
          new Response(null, { status: 302, headers: { location: 'http://cdn.example/x?s=1' } }),
        );
      };
      const secure = hubOf({ endpoint: 'https://hub.example' }, { fetch });
      await refuses(read('lfs.bin', 0, 10, secure), 'REDIRECT_REFUSED', 'unencrypted http://cdn.example/x?…');
      assert.equal(asked.length, 1);
    });

    test('with a long body do not hold the transfer up', async () => {
      fault('resolve', {
        kind: 'status',
        status: 302,
        headers: { location: `/api/resolve-cache/models/${repo}/${commit}/config.json` },
        body: 'x'.repeat(5_000_000),
      });
      assert((await read('config.json')).equals(small));
    });
  });

  test('leaving the loop early drops the connection', async () => {
    for await (const chunk of fetchRange(hub, repo, commit, files.get('lfs.bin')!, 0, big.length)) {
      assert(chunk.length > 0);
      break;
    }
    const connection = server.requests.at(-1)!.connection;
    await read('lfs.bin', 0, 10);
    assert.notEqual(server.requests.at(-1)!.connection, connection);
  });

  test('a wrong byte passes: the caller has the digest to catch it', async () => {
    fault('download', { kind: 'flip-byte', atByte: 500_000 });
    const content = await read('lfs.bin');
    assert.equal(content[500_000], big[500_000]! ^ 1);
    assert.notEqual(createHash('sha256').update(content).digest('hex'), files.get('lfs.bin')!.digest.hex);
  });
});
