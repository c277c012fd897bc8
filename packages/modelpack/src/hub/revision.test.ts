import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startHubServer, type HubServer } from '../../test/hub-server.ts';
import { lookUpRevision, resolveRevision } from './revision.ts';
import { hubOf, refuses, type WatchedHub } from './test/fixture.ts';

void describe('resolveRevision', () => {
  const repo = 'Owner-1/Model_2.5';
  let server: HubServer;
  let hub: WatchedHub;
  let commit: string;

  before(async () => {
    server = await startHubServer({
      repos: [
        {
          name: repo,
          files: { 'a.txt': 'a' },
          refs: ['v1.0', 'feature/x', 'refs/pr/1'],
          formerNames: ['old/name'],
        },
        { name: 'owner/private', files: {}, token: 'hf_right' },
      ],
    });
    commit = server.commitOf(repo);
  });
  after(() => server.close());
  beforeEach(() => {
    server.clearFaults();
    server.requests.length = 0;
    hub = hubOf(server);
  });

  for (const revision of [undefined, 'main', 'v1.0', 'feature/x', 'refs/pr/1']) {
    test(`finds the commit of ${revision ?? 'the default branch'}`, async () => {
      assert.equal(await resolveRevision(hub, repo, revision), commit);
    });
  }

  test('looks a commit up too', async () => {
    assert.equal(await resolveRevision(hub, repo, commit), commit);
    assert.equal(server.requests.length, 1);
    await refuses(resolveRevision(hub, repo, '0'.repeat(40)), 'REVISION_NOT_FOUND');
  });

  test('sends the revision as one segment', async () => {
    await resolveRevision(hub, repo, 'refs/pr/1');
    assert.equal(server.requests[0]!.url, `/api/models/${repo}/revision/refs%2Fpr%2F1`);
  });

  test('works below a path of the endpoint', async () => {
    const asked: string[] = [];
    const fetch = (url: string | URL | Request): Promise<Response> => {
      asked.push(url instanceof Request ? url.url : String(url));
      return Promise.resolve(Response.json({ sha: commit }));
    };
    await resolveRevision(hubOf({ endpoint: 'https://mirror.example/hf/' }, { fetch }), repo);
    assert.deepEqual(asked, [`https://mirror.example/hf/api/models/${repo}/revision/main`]);
  });

  test('follows a renaming and tells the new name', async () => {
    assert.deepEqual(await lookUpRevision(hub, 'old/name'), { commit, canonicalRepo: repo });
  });

  test('sends the token, and tells who is refused why', async () => {
    const known = hubOf(server, { token: 'hf_right' });
    assert.equal(await resolveRevision(known, 'owner/private'), server.commitOf('owner/private'));
    assert.equal(server.requests[0]!.headers['authorization'], 'Bearer hf_right');
    await refuses(
      resolveRevision(hub, 'owner/private'),
      'UNAUTHORIZED',
      'private',
      `${server.endpoint}/owner/private`,
    );
    await refuses(resolveRevision(hub, 'owner/none'), 'UNAUTHORIZED', 'no such repository');
    const wrong = hubOf(server, { token: 'hf_wrong' });
    const error = await refuses(
      resolveRevision(wrong, 'owner/private'),
      'UNAUTHORIZED',
      'token is not valid',
    );
    assert(!error.message.includes('hf_wrong'));
    assert.deepEqual([...hub.retries, ...wrong.retries], []);
  });

  test('tells a missing repository from a missing revision', async () => {
    await refuses(
      resolveRevision(hubOf(server, { token: 'hf_any' }), 'owner/none'),
      'REPO_NOT_FOUND',
      'owner/none',
    );
    await refuses(resolveRevision(hub, repo, 'v9'), 'REVISION_NOT_FOUND', '"v9"', repo);
  });

  test('takes a 404 without X-Error-Code for a missing repository', async () => {
    server.fault({ on: 'revision', do: { kind: 'status', status: 404 } });
    await refuses(resolveRevision(hub, repo), 'REPO_NOT_FOUND');
  });

  test('names any other status', async () => {
    for (const status of [204, 400, 402, 410, 451]) {
      server.clearFaults();
      server.fault({ on: 'revision', do: { kind: 'status', status } });
      await refuses(resolveRevision(hub, repo), 'UNEXPECTED_STATUS', String(status));
    }
  });

  test('tries again after a cut connection, a stall and 503', async () => {
    const impatient = hubOf(server, { idleTimeoutMs: 60 });
    server.fault({ on: 'revision', nth: 1, do: { kind: 'cut', afterBytes: 10 } });
    server.fault({ on: 'revision', nth: 2, do: { kind: 'stall', afterBytes: 10 } });
    server.fault({ on: 'revision', nth: 3, do: { kind: 'status', status: 503 } });
    assert.equal(await resolveRevision(impatient, repo), commit);
    assert.deepEqual(
      impatient.retries.map((event) => event.error.code),
      ['CONNECTION_FAILED', 'TIMEOUT', 'SERVER_ERROR'],
    );
  });

  test('refuses a web page', async () => {
    server.fault({ on: 'revision', do: { kind: 'html' } });
    await refuses(resolveRevision(hub, repo), 'NOT_JSON', 'web page', server.endpoint);
  });

  test('refuses another type of content, and none', async () => {
    for (const type of ['text/plain', 'application/jsonp', null]) {
      server.clearFaults();
      server.fault({ on: 'revision', do: { kind: 'headers', set: { 'content-type': type } } });
      await refuses(resolveRevision(hub, repo), 'NOT_JSON', 'expected JSON');
    }
  });

  for (const [what, body] of Object.entries({
    'truncated JSON': '{"sha": "0123',
    'nothing at all': '',
    'bytes that are not UTF-8': { base64: Buffer.from([0x22, 0xff, 0xfe, 0x22]).toString('base64') },
    'an array': '[]',
    null: 'null',
    'no sha': '{"id":"a/b"}',
    'a short sha': '{"sha":"0123456"}',
    'an upper-case sha': `{"sha":"${'A'.repeat(40)}"}`,
    'a sha with a line break': `{"sha":"${'a'.repeat(40)}\\n"}`,
    'a sha that is an array': `{"sha":["${'a'.repeat(40)}"]}`,
  })) {
    test(`refuses ${what}`, async () => {
      server.fault({ on: 'revision', do: { kind: 'json', body } });
      await refuses(resolveRevision(hub, repo), 'RESPONSE_INVALID', /JSON|sha is not/);
    });
  }

  test('refuses another commit than the one asked for', async () => {
    server.fault({ on: 'revision', do: { kind: 'json', body: JSON.stringify({ sha: 'b'.repeat(40) }) } });
    await refuses(resolveRevision(hub, repo, commit), 'RESPONSE_INVALID', commit, 'b'.repeat(40));
  });

  test('refuses an answer without end', async () => {
    server.fault({ on: 'revision', do: { kind: 'huge-json', sizeBytes: 33 * 2 ** 20 } });
    await refuses(resolveRevision(hub, repo), 'RESPONSE_TOO_LARGE', '33554432');
  });

  test('refuses redirects without end and to other schemes', async () => {
    server.fault({ on: 'revision', nth: 1, do: { kind: 'redirect', location: 'file:///etc/passwd' } });
    server.fault({ on: 'revision', do: { kind: 'redirect-loop' } });
    await refuses(resolveRevision(hub, repo), 'REDIRECT_REFUSED', 'file:');
    await refuses(resolveRevision(hub, repo), 'REDIRECT_REFUSED', 'more than 5');
  });

  test('does not send the token to another origin', async () => {
    const known = hubOf(server, { token: 'hf_right' });
    server.fault({
      on: 'revision',
      do: { kind: 'redirect', location: `${server.downloadEndpoint}/xet/0/steal` },
    });
    await refuses(resolveRevision(known, repo), 'FORBIDDEN', '403');
    const stolen = server.requests.filter((request) => request.route === 'download');
    assert.deepEqual(
      stolen.map(({ headers }) => headers['authorization']),
      [undefined],
    );
  });
});
