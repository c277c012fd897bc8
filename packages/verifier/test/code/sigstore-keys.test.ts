/** The newest keys where Sigstore's repository leads to them, the built-in ones where it does not; never a mixture. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeUtf8, toHex, utf8 } from '@vitrine/bytes';
import { parseTrustedRoot } from '@vitrine/provenance';
import { type TufDefect, type TufRepository, createSigstore, createTufRepository } from '@vitrine/simtee';
import { type Anchors, type Answer, type Source, RecordingSource, ReplayingSource } from '@vitrine/verifier';
import { findSigstoreKeys, keysWhenAsked } from '../../src/code/sigstore-keys.ts';

const now = new Date('2026-11-25T12:00:00Z');
const url = 'https://tuf.test/repository';
const [newer, older] = await Promise.all([createSigstore(), createSigstore()]);
const builtIn = parseTrustedRoot(older.trustedRootJson);

const create = (defect?: TufDefect, content = newer.trustedRootJson) =>
  createTufRepository({
    now,
    targets: { 'trusted_root.json': utf8(content) },
    ...(defect ? { defect } : {}),
  });

function anchorsOf({ root }: TufRepository): Anchors {
  return {
    sigstore: [],
    sigstoreRepositories: [
      {
        url,
        root: decodeUtf8(root, 'root'),
        target: 'trusted_root.json',
        builtIn,
        builtInOf: '2026-01-01',
      },
    ],
    ctLogs: null,
    tlsRoots: null,
  };
}

function served({ files }: TufRepository, instead: (path: string) => Answer | undefined = () => undefined) {
  const asked: string[] = [];
  const source: Source = {
    get: ({ kind, url: address }) => {
      assert.equal(kind, 'sigstore-tuf');
      assert.ok(address.startsWith(`${url}/`));
      const path = address.slice(url.length + 1);
      asked.push(path);
      const bytes = files.get(path);
      const absent: Answer = { ok: false, code: 'HTTP_STATUS', status: 404, message: 'Not there.' };
      return Promise.resolve(instead(path) ?? (bytes ? { ok: true, bytes } : absent));
    },
  };
  return { source, asked };
}

const logOf = (keys: Awaited<ReturnType<typeof findSigstoreKeys>>) =>
  keys.roots.map(({ tlogs }) => toHex(tlogs[0]!.logId));
const logIn = (text: string) => toHex(parseTrustedRoot(text).tlogs[0]!.logId);

describe("Sigstore's keys", () => {
  test('the newest are used, and the built-in ones are not used beside them', async () => {
    const repository = await create();
    const keys = await findSigstoreKeys({
      anchors: anchorsOf(repository),
      source: served(repository).source,
      now,
    });
    assert.deepEqual(logOf(keys), [logIn(newer.trustedRootJson)]);
    assert.deepEqual(
      keys.checks.map(({ rule, outcome, required }) => [rule, outcome, required]),
      [['code.sigstore-keys', 'pass', false]],
    );
    assert.match(keys.checks[0]!.found, /root 2, targets 7, good until 2026-12-02/);
  });

  const defects: readonly (readonly [TufDefect, string])[] = [
    [{ kind: 'foreign-signature', role: 'timestamp' }, 'TUF_SIGNATURE_INVALID'],
    [{ kind: 'foreign-signature', role: 'targets' }, 'TUF_SIGNATURE_INVALID'],
    [{ kind: 'root-without-the-old' }, 'TUF_SIGNATURE_INVALID'],
    [{ kind: 'expired', role: 'timestamp' }, 'TUF_EXPIRED'],
    [{ kind: 'older', role: 'snapshot' }, 'TUF_VERSION_MISMATCH'],
    [{ kind: 'target-swapped' }, 'TUF_FILE_MISMATCH'],
    [{ kind: 'missing', role: 'timestamp' }, 'TUF_FILE_MISSING'],
  ];
  for (const [defect, code] of defects)
    test(`${JSON.stringify(defect)}: the built-in keys, and ${code}`, async () => {
      const repository = await create(defect);
      const keys = await findSigstoreKeys({
        anchors: anchorsOf(repository),
        source: served(repository).source,
        now,
      });
      assert.deepEqual(logOf(keys), [logIn(older.trustedRootJson)]);
      assert.equal(keys.checks[0]!.outcome, 'not-checked');
      assert.equal(keys.checks[0]!.code, code);
      assert.match(keys.checks[0]!.reason ?? '', /The keys of 2026-01-01 are used/);
    });

  test('a file that is signed but no trusted root is not used', async () => {
    const repository = await create(undefined, '{"mediaType":"none"}');
    const keys = await findSigstoreKeys({
      anchors: anchorsOf(repository),
      source: served(repository).source,
      now,
    });
    assert.deepEqual(logOf(keys), [logIn(older.trustedRootJson)]);
    assert.equal(keys.checks[0]!.code, 'TRUST_ROOT_INVALID');
  });

  for (const code of ['TIMEOUT', 'CONTENT_TYPE_UNEXPECTED', 'BODY_TOO_LARGE'] as const)
    for (const place of ['timestamp.json', '3.root.json', '7.targets.json'])
      test(`${code} at ${place}: the built-in keys`, async () => {
        const repository = await create();
        const { source } = served(repository, (path) =>
          path === place ? { ok: false, code, message: 'It failed.' } : undefined,
        );
        const keys = await findSigstoreKeys({ anchors: anchorsOf(repository), source, now });
        assert.deepEqual(logOf(keys), [logIn(older.trustedRootJson)]);
        assert.equal(keys.checks[0]!.code, code);
      });

  test('with nothing at hand one question is asked; with all but the newest root, it is enough', async () => {
    const repository = await create();
    const offline: Answer = { ok: false, code: 'OFFLINE', message: 'Offline.' };
    const nothing = served(repository, () => offline);
    const keys = await findSigstoreKeys({ anchors: anchorsOf(repository), source: nothing.source, now });
    assert.deepEqual(nothing.asked, ['timestamp.json']);
    assert.equal(keys.checks[0]!.code, 'OFFLINE');

    const cached = served(repository, (path) => (path === '3.root.json' ? offline : undefined));
    const found = await findSigstoreKeys({ anchors: anchorsOf(repository), source: cached.source, now });
    assert.equal(found.checks[0]!.outcome, 'pass');
  });

  test('what was recorded replays to the same, and later to the built-in keys', async () => {
    const repository = await create();
    const recording = new RecordingSource(served(repository).source);
    const anchors = anchorsOf(repository);
    const keys = await findSigstoreKeys({ anchors, source: recording, now });
    const source = new ReplayingSource(await recording.recorded());
    assert.deepEqual((await findSigstoreKeys({ anchors, source, now })).checks, keys.checks);
    const later = await findSigstoreKeys({ anchors, source, now: new Date('2027-01-01T00:00:00Z') });
    assert.deepEqual(logOf(later), [logIn(older.trustedRootJson)]);
    assert.equal(later.checks[0]!.code, 'TUF_EXPIRED');
  });

  test('are looked for when somebody asks, once for all who ask, and only then told', async () => {
    const repository = await create();
    const { source, asked } = served(repository);
    const sigstore = keysWhenAsked({ anchors: anchorsOf(repository), source, now });
    assert.deepEqual([await sigstore.checks(), asked], [[], []]);
    const [one, other] = await Promise.all([sigstore.keys(), sigstore.keys()]);
    assert.equal(one, other);
    assert.equal(asked.filter((path) => path === '7.targets.json').length, 1);
    assert.deepEqual(
      (await sigstore.checks()).map(({ rule, outcome }) => [rule, outcome]),
      [['code.sigstore-keys', 'pass']],
    );
  });

  test('keys that are fixed stand beside, and nothing is asked for them', async () => {
    const { source, asked } = served(await create());
    const anchors: Anchors = { sigstore: [builtIn], ctLogs: null, tlsRoots: null };
    const keys = await findSigstoreKeys({ anchors, source, now });
    assert.deepEqual([logOf(keys), keys.checks, asked], [[logIn(older.trustedRootJson)], [], []]);
  });
});
