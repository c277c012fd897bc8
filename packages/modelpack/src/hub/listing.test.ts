import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startHubServer, type FaultAction, type HubServer } from '../../test/hub-server.ts';
import { defaultListingLimits, listFiles, type ListingLimits } from './listing.ts';
import { hubOf, refuses, type WatchedHub } from './test/fixture.ts';

const repo = 'owner/model';
const weights = Buffer.alloc(5000, 7);
const blobId = createHash('sha1').update('blob 2\0{}').digest('hex');
const sha256 = createHash('sha256').update(weights).digest('hex');

void describe('listFiles', () => {
  let server: HubServer;
  let hub: WatchedHub;
  let commit: string;

  before(async () => {
    server = await startHubServer({
      repos: [
        {
          name: repo,
          files: {
            'z.json': '{}',
            'sub/deep/b.bin': weights,
            'sub/a.bin': weights,
            'sub-1': '{}',
            '.gitattributes': '',
          },
          storage: { 'sub/deep/b.bin': 'xet', 'sub/a.bin': 'lfs' },
        },
      ],
      pageSize: 2,
    });
    commit = server.commitOf(repo);
  });
  after(() => server.close());
  beforeEach(() => {
    server.clearFaults();
    server.requests.length = 0;
    hub = hubOf(server);
  });

  function list(limits: Partial<ListingLimits> = {}): Promise<unknown> {
    return listFiles(hub, repo, commit, { ...defaultListingLimits, ...limits });
  }

  function fault(action: FaultAction): void {
    server.clearFaults();
    server.fault({ on: 'tree', do: action });
  }

  const entry = (fields: Record<string, unknown>): unknown => ({
    type: 'file',
    oid: blobId,
    size: 2,
    ...fields,
  });

  test('answers every file of every page with size, digest and storage, sorted', async () => {
    assert.deepEqual(await list(), [
      {
        path: '.gitattributes',
        sizeBytes: 0,
        digest: gitBlob('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'),
        xet: false,
      },
      { path: 'sub/a.bin', sizeBytes: 5000, digest: { algorithm: 'sha256', hex: sha256 }, xet: false },
      { path: 'sub/deep/b.bin', sizeBytes: 5000, digest: { algorithm: 'sha256', hex: sha256 }, xet: true },
      { path: 'sub-1', sizeBytes: 2, digest: gitBlob(blobId), xet: false },
      { path: 'z.json', sizeBytes: 2, digest: gitBlob(blobId), xet: false },
    ]);
    assert.equal(server.requests.length, 4);
    assert(server.requests.every((request) => request.url.includes('recursive=true')));
  });

  function gitBlob(hex: string): unknown {
    return { algorithm: 'git-blob-sha1', hex };
  }

  test('answers nothing for a repository without files', async () => {
    fault({ kind: 'json', body: '[]' });
    assert.deepEqual(await list(), []);
  });

  test('takes unknown fields, and null for what is not there', async () => {
    const body = JSON.stringify([entry({ path: 'a', lfs: null, xetHash: null, lastCommit: { id: 'x' } })]);
    fault({ kind: 'json', body });
    assert.deepEqual(await list(), [{ path: 'a', sizeBytes: 2, digest: gitBlob(blobId), xet: false }]);
  });

  test('leaves the normalisation of names alone', async () => {
    fault({ kind: 'json', body: JSON.stringify([entry({ path: 'e\u0301' }), entry({ path: '\u00e9' })]) });
    const paths = ((await list()) as { path: string }[]).map((file) => file.path);
    assert.deepEqual(paths, ['e\u0301', '\u00e9']);
  });

  test('takes names of up to 255 bytes of UTF-8 a segment', async () => {
    const longest = `${'a'.repeat(255)}/${'é'.repeat(127)}`;
    fault({ kind: 'json', body: JSON.stringify([entry({ path: longest })]) });
    assert.deepEqual(
      ((await list()) as { path: string }[]).map((file) => file.path),
      [longest],
    );
  });

  void describe('refuses', () => {
    const badPaths: Record<string, unknown> = {
      'an empty path': '',
      'an absolute path': '/etc/passwd',
      'a path that climbs': '../x',
      'a path that climbs in the middle': 'a/../../x',
      'a path that ends in ..': 'a/..',
      'a dot segment': './x',
      'a lone dot': '.',
      'an empty segment': 'a//b',
      'a trailing slash': 'a/',
      'a NUL': 'a\0b',
      'a lone surrogate': 'a\ud800',
      'a segment over 255 bytes': 'a'.repeat(256),
      'a segment over 255 bytes in fewer characters': 'é'.repeat(128),
      'a path over 4095 bytes': Array.from({ length: 41 }, () => 'a'.repeat(99)).join('/'),
    };
    for (const [what, path] of Object.entries(badPaths)) {
      for (const type of ['file', 'directory']) {
        test(`${what}, of a ${type}`, async () => {
          fault({ kind: 'listing', append: [entry({ path, type })] });
          const error = await refuses(list(), 'PATH_INVALID', 'cannot be in a pack');
          // eslint-disable-next-line no-control-regex -- control characters are what it must not have
          assert.doesNotMatch(error.message, /[\u0000-\u001f\ud800-\udfff]/);
        });
      }
    }

    const badEntries: Record<string, [unknown, RegExp]> = {
      'an entry that is a string': ['a.txt', /entry 7 is not/],
      'an entry that is null': [null, /entry 7 is not/],
      'an entry that is an array': [[], /entry 7 is not/],
      'no path': [entry({}), /entry 7\.path/],
      'a path that is a number': [entry({ path: 7 }), /entry 7\.path/],
      'no size': [entry({ path: 'x', size: undefined }), /entry 7\.size/],
      'a negative size': [entry({ path: 'x', size: -1 }), /entry 7\.size/],
      'a broken size': [entry({ path: 'x', size: 1.5 }), /entry 7\.size/],
      'a size as text': [entry({ path: 'x', size: '2' }), /entry 7\.size/],
      'a size that is not exact': [entry({ path: 'x', size: 2 ** 53 }), /entry 7\.size/],
      'no oid': [entry({ path: 'x', oid: undefined }), /entry 7\.oid/],
      'a short oid': [entry({ path: 'x', oid: 'abc' }), /entry 7\.oid/],
      'an upper-case oid': [entry({ path: 'x', oid: blobId.toUpperCase() }), /entry 7\.oid/],
      'an lfs that is a string': [entry({ path: 'x', lfs: sha256 }), /entry 7\.lfs/],
      'an lfs without oid': [entry({ path: 'x', lfs: { size: 2 } }), /entry 7\.lfs\.oid/],
      'an lfs oid with a prefix': [
        entry({ path: 'x', lfs: { oid: `sha256:${sha256}`, size: 2 } }),
        /entry 7\.lfs\.oid/,
      ],
      'an lfs without size': [entry({ path: 'x', lfs: { oid: sha256 } }), /entry 7\.lfs\.size/],
      'an xetHash that is a number': [entry({ path: 'x', xetHash: 1 }), /entry 7\.xetHash/],
    };
    for (const [what, [value, field]] of Object.entries(badEntries)) {
      test(what, async () => {
        fault({ kind: 'listing', append: [value] });
        await refuses(list(), 'RESPONSE_INVALID', field, repo);
      });
    }

    test('two sizes for one file', async () => {
      fault({ kind: 'listing', patch: { 'sub/a.bin': { size: 5001 } } });
      await refuses(list(), 'SIZE_MISMATCH', 'sub/a.bin', '5000', '5001');
    });

    test('a submodule, an unknown type, no type', async () => {
      for (const type of ['commit', 'unknown', 'symlink', undefined]) {
        fault({ kind: 'listing', append: [entry({ path: 'x', type })] });
        await refuses(list(), 'LISTING_INVALID', 'files and directories only');
      }
    });

    test('a path that is there twice, on two pages', async () => {
      for (const type of ['file', 'directory']) {
        fault({ kind: 'listing', append: [entry({ path: 'sub/a.bin', type })] });
        await refuses(list(), 'LISTING_INVALID', '"sub/a.bin" twice');
      }
    });

    test('a file that is also a directory, listed or not', async () => {
      fault({ kind: 'listing', append: [entry({ path: 'sub' })] });
      await refuses(list(), 'LISTING_INVALID', '"sub" twice');
      fault({ kind: 'listing', append: [entry({ path: 'z.json/x' })] });
      await refuses(list(), 'LISTING_INVALID', '"z.json" is a file');
      fault({
        kind: 'json',
        body: JSON.stringify(['a/b/c', 'a/b.c', 'a', 'a.b'].map((path) => entry({ path }))),
      });
      await refuses(list(), 'LISTING_INVALID', '"a" is a file');
    });

    test('pages without end', async () => {
      fault({ kind: 'endless-pages' });
      await refuses(list({ maxPages: 50 }), 'RESPONSE_TOO_LARGE', '50 pages');
      assert.equal(server.requests.length, 50);
    });

    test('a page that was read before', async () => {
      fault({ kind: 'endless-pages', repeat: true });
      await refuses(list(), 'LISTING_INVALID', 'read already');
      assert(server.requests.length <= 3);
    });

    test('more entries, a larger page and more bytes in all than the limits', async () => {
      await refuses(list({ maxEntries: 6 }), 'RESPONSE_TOO_LARGE', '6 entries');
      await refuses(list({ maxPageBytes: 100 }), 'RESPONSE_TOO_LARGE', '100 bytes');
      await refuses(list({ maxTotalBytes: 300 }), 'RESPONSE_TOO_LARGE', '300 bytes in all');
      await list({ maxEntries: 7 });
    });

    test('a page over 32 MiB', async () => {
      fault({ kind: 'huge-json', sizeBytes: 33 * 2 ** 20 });
      await refuses(list(), 'RESPONSE_TOO_LARGE', '33554432 bytes');
    });

    for (const link of [
      `/api/models/${repo}/tree/${'f'.repeat(40)}?cursor=x`,
      `/api/models/${repo}/tree/main?cursor=x`,
      '/api/whoami-v2?cursor=x',
      'http://[bad',
    ]) {
      test(`a next page at ${link}`, async () => {
        fault({ kind: 'headers', set: { link: `<${link}>; rel="next"` } });
        await refuses(list(), 'LISTING_INVALID', 'next page');
        assert.equal(server.requests.length, 1);
      });
    }

    test('a listing of another commit', async () => {
      fault({ kind: 'headers', set: { 'x-repo-commit': 'f'.repeat(40) } });
      await refuses(list(), 'LISTING_INVALID', 'f'.repeat(40));
    });

    test('an object, a web page, truncated JSON, bytes that are not UTF-8', async () => {
      fault({ kind: 'json', body: '{"error":"x"}' });
      await refuses(list(), 'RESPONSE_INVALID', 'array');
      fault({ kind: 'html' });
      await refuses(list(), 'NOT_JSON');
      fault({ kind: 'json', body: '[{"type":"file","path":"a' });
      await refuses(list(), 'RESPONSE_INVALID', 'ends early');
      fault({
        kind: 'json',
        body: { base64: Buffer.from('[{"path":"\xff"}]', 'latin1').toString('base64') },
      });
      await refuses(list(), 'RESPONSE_INVALID', 'UTF-8');
    });

    test('a branch instead of a commit, before any request', async () => {
      await refuses(listFiles(hub, repo, 'main'), 'PARAMETER_INVALID', '"main"');
      await refuses(listFiles(hub, 'model', commit), 'PARAMETER_INVALID', 'owner');
      assert.deepEqual(server.requests, []);
    });

    test('a commit that is not there', async () => {
      await refuses(listFiles(hub, repo, 'f'.repeat(40)), 'REVISION_NOT_FOUND');
    });
  });

  test('stays on the endpoint, with its token, wherever the link to the next page leads', async () => {
    const known = hubOf(server, { token: 'hf_right' });
    const elsewhere = `${server.downloadEndpoint}/api/models/${repo}/tree/${commit}?cursor=Mg`;
    server.fault({
      on: 'tree',
      nth: 1,
      do: { kind: 'headers', set: { link: `<${elsewhere}>; rel="next"` } },
    });
    assert.equal((await listFiles(known, repo, commit)).length, 5);
    assert(server.requests.every((request) => request.route === 'tree'));
  });

  test('reads the Link header among other links', async () => {
    const tree = `/api/models/${repo}/tree/${commit}`;
    const set = {
      link: `<${tree}?cursor=MQ>; rel="prev first", <${tree}?cursor=Mg>;title="a, b; rel=x";REL=next`,
    };
    server.fault({ on: 'tree', nth: 1, do: { kind: 'headers', set } });
    assert.equal(((await list()) as unknown[]).length, 5);
    assert.match(server.requests[1]!.url, /cursor=Mg/);
  });

  test('goes on after a cut connection and after 429', async () => {
    server.fault({ on: 'tree', nth: 2, do: { kind: 'cut', afterBytes: 30 } });
    server.fault({ on: 'tree', nth: 4, do: { kind: 'status', status: 429 } });
    assert.equal(((await list()) as unknown[]).length, 5);
    assert.deepEqual(
      hub.retries.map((event) => event.error.code),
      ['CONNECTION_FAILED', 'RATE_LIMITED'],
    );
  });
});
