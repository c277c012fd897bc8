/** A repository is followed from the first root to a file, and whatever is not as its roles say is refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { ProvenanceError } from '@vitrine/provenance';
import { type TufErrorCode, fetchTufTarget, parseTufRoot } from '@vitrine/provenance/tuf';
import { publicGoodTufRoot } from '@vitrine/provenance/tuf/public-good';
import { type TufDefect, type TufRepository, createTufRepository } from '@vitrine/simtee/tuf';

const now = new Date('2026-11-25T12:00:00Z');
const content = utf8('{"keys": "of a Sigstore"}');

const create = (defect?: TufDefect, rotations?: number) =>
  createTufRepository({
    now,
    targets: { 'trusted_root.json': content },
    ...(defect ? { defect } : {}),
    ...(rotations === undefined ? {} : { rotations }),
  });

interface Visit {
  readonly at?: Date;
  readonly target?: string;
  readonly files?: ReadonlyMap<string, Uint8Array>;
  readonly asked?: string[];
}

function follow(
  repository: TufRepository,
  { at = now, target = 'trusted_root.json', files, asked }: Visit = {},
) {
  return fetchTufTarget(target, {
    root: parseTufRoot(repository.root),
    now: at,
    get: (path) => {
      asked?.push(path);
      return Promise.resolve((files ?? repository.files).get(path));
    },
  });
}

const hasCode = (code: TufErrorCode) => (error: unknown) => {
  assert.ok(error instanceof ProvenanceError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

describe('a TUF repository', () => {
  test('gives the file, its versions, and when it has to be asked again', async () => {
    const asked: string[] = [];
    const file = await follow(await create(), { asked });
    assert.deepEqual(file.bytes, content);
    assert.deepEqual(file.versions, { root: 2, timestamp: 7, snapshot: 7, targets: 7 });
    assert.equal(file.expires.toISOString(), '2026-12-02T12:00:00.000Z');
    assert.deepEqual(asked.slice(0, -1).sort(), [
      '2.root.json',
      '3.root.json',
      '7.snapshot.json',
      '7.targets.json',
      'timestamp.json',
    ]);
  });

  test('the first root may be the last; many may follow', async () => {
    assert.equal((await follow(await create(undefined, 0))).versions.root, 1);
    assert.equal((await follow(await create(undefined, 5))).versions.root, 6);
  });

  test('an anchor that has expired is good for its successors', async () => {
    const repository = await create();
    const later = new Date('2027-11-20T00:00:00Z');
    await assert.rejects(follow(repository, { at: later }), hasCode('TUF_EXPIRED'));
    const old = parseTufRoot(publicGoodTufRoot());
    assert.ok(old.expires < now);
  });

  const refusals: readonly (readonly [string, TufDefect, TufErrorCode])[] = [
    ...(['root', 'timestamp', 'snapshot', 'targets'] as const).flatMap((role) => [
      [`${role} signed by others`, { kind: 'foreign-signature', role }, 'TUF_SIGNATURE_INVALID'] as const,
      [`${role} expired`, { kind: 'expired', role }, 'TUF_EXPIRED'] as const,
    ]),
    ['one of two signatures', { kind: 'below-threshold' }, 'TUF_SIGNATURE_INVALID'],
    ['a root that only signs itself', { kind: 'root-without-the-old' }, 'TUF_SIGNATURE_INVALID'],
    ['a root that skips a version', { kind: 'root-skips' }, 'TUF_VERSION_MISMATCH'],
    ['an older snapshot', { kind: 'older', role: 'snapshot' }, 'TUF_VERSION_MISMATCH'],
    ['older targets', { kind: 'older', role: 'targets' }, 'TUF_VERSION_MISMATCH'],
    ['another snapshot of the same version', { kind: 'swapped', role: 'snapshot' }, 'TUF_FILE_MISMATCH'],
    ['other targets of the same version', { kind: 'swapped', role: 'targets' }, 'TUF_FILE_MISMATCH'],
    ['another file', { kind: 'target-swapped' }, 'TUF_FILE_MISMATCH'],
    ...(['timestamp', 'snapshot', 'targets'] as const).map(
      (role) => [`no ${role}`, { kind: 'missing', role }, 'TUF_FILE_MISSING'] as const,
    ),
  ];
  for (const [name, defect, code] of refusals)
    test(`${name}: ${code}`, async () => {
      await assert.rejects(follow(await create(defect)), hasCode(code));
    });

  test('a file that no role names is unknown', async () => {
    await assert.rejects(follow(await create(), { target: 'other.json' }), hasCode('TUF_TARGET_UNKNOWN'));
  });

  test('what the network does is thrown on', async () => {
    const repository = await create();
    const failure = new Error('no way');
    const get = (path: string) =>
      path === 'timestamp.json' ? Promise.reject(failure) : Promise.resolve(repository.files.get(path));
    await assert.rejects(
      fetchTufTarget('trusted_root.json', { root: parseTufRoot(repository.root), now, get }),
      failure,
    );
  });

  test('roots without end are refused', async () => {
    const repository = await create(undefined, 66);
    await assert.rejects(follow(repository), hasCode('TUF_MALFORMED'));
  });
});

describe('every byte counts', () => {
  const refused: readonly TufErrorCode[] = [
    'TUF_MALFORMED',
    'TUF_SIGNATURE_INVALID',
    'TUF_VERSION_MISMATCH',
    'TUF_FILE_MISMATCH',
    'TUF_FILE_MISSING',
    'TUF_EXPIRED',
    'TUF_TARGET_UNKNOWN',
  ];

  /** Blanks between values are nobody's; a signature of three where two are needed may go. */
  const meaning = (bytes: Uint8Array): string | undefined => {
    try {
      return JSON.stringify((JSON.parse(new TextDecoder().decode(bytes)) as { signed: unknown }).signed);
    } catch {
      return undefined;
    }
  };

  test('a flipped bit of any file is refused, or changes nothing that is signed', async () => {
    const repository = await create();
    let refusals = 0;
    for (const [path, bytes] of repository.files) {
      if (path === '1.root.json') continue;
      const step = Math.max(1, Math.floor(bytes.length / 120));
      for (let at = 0; at < bytes.length; at += step) {
        const damaged = new Uint8Array(bytes);
        damaged[at]! ^= 1 << (at % 8);
        const files = new Map(repository.files).set(path, damaged);
        try {
          const file = await follow(repository, { files });
          assert.deepEqual(file.bytes, content);
          assert.match(path, /root|timestamp/, `${path} byte ${at}`);
          assert.equal(meaning(damaged), meaning(bytes), `${path} byte ${at}`);
        } catch (error) {
          if (!(error instanceof ProvenanceError)) throw error;
          const { code } = error as ProvenanceError<TufErrorCode>;
          assert.ok(refused.includes(code), code);
          refusals++;
        }
      }
    }
    assert.ok(refusals > 400, String(refusals));
  });

  test('a file that is cut off is refused', async () => {
    const repository = await create();
    for (const [path, bytes] of repository.files) {
      if (path === '1.root.json') continue;
      for (const length of [0, 1, bytes.length >> 1, bytes.length - 1]) {
        const files = new Map(repository.files).set(path, bytes.slice(0, length));
        await assert.rejects(follow(repository, { files }), ProvenanceError, `${path} ${length}`);
      }
    }
  });

  test('one key under two names is one signer', async () => {
    const repository = await create();
    const root = JSON.parse(new TextDecoder().decode(repository.files.get('2.root.json'))) as {
      signatures: { keyid: string; sig: string }[];
      signed: { keys: Record<string, unknown>; roles: { root: { keyids: string[] } } };
    };
    // The same key, named twice in the anchor.
    const anchor = JSON.parse(new TextDecoder().decode(repository.root)) as typeof root;
    const [first] = anchor.signed.roles.root.keyids;
    anchor.signed.keys['again'] = anchor.signed.keys[first!];
    anchor.signed.roles.root.keyids = [first!, 'again'];
    const own = new Set(root.signed.roles.root.keyids);
    const byFirst = root.signatures.find(({ keyid }) => keyid === first)!;
    root.signatures = [
      ...root.signatures.filter(({ keyid }) => own.has(keyid)),
      byFirst,
      { keyid: 'again', sig: byFirst.sig },
    ];
    const files = new Map(repository.files).set('2.root.json', utf8(JSON.stringify(root)));
    await assert.rejects(
      follow({ root: utf8(JSON.stringify(anchor)), files }),
      hasCode('TUF_SIGNATURE_INVALID'),
    );
  });
});

describe('metadata that is none', () => {
  const signed = (change: Record<string, unknown>) => async () => {
    const { root } = await create();
    const document = JSON.parse(new TextDecoder().decode(root)) as { signed: object; signatures: unknown };
    return JSON.stringify({ ...document, signed: { ...document.signed, ...change } });
  };
  const cases: readonly (readonly [string, () => string | Promise<string>])[] = [
    ['no JSON', () => 'root'],
    ['nothing', () => ''],
    ['a member besides', () => '{"signatures":[],"signed":{},"more":1}'],
    ['another role', signed({ _type: 'targets' })],
    ['version 2 of the specification', signed({ spec_version: '2.0.0' })],
    ['no consistent snapshots', signed({ consistent_snapshot: false })],
    ['version 0', signed({ version: 0 })],
    ['a version that is a fraction', signed({ version: 1.5 })],
    ['a time that is none', signed({ expires: '2026-02-30T00:00:00Z' })],
    ['no roles', signed({ roles: {} })],
    ['a fraction somewhere', signed({ 'x-note': 0.5 })],
    ['a threshold of none', signed({ roles: { root: { keyids: [], threshold: 0 } } })],
    [
      'a key that is none',
      signed({ keys: { a: { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: 'no' } } } }),
    ],
  ];
  for (const [name, make] of cases)
    test(name, async () => {
      const text = await make();
      assert.throws(() => parseTufRoot(text), hasCode('TUF_MALFORMED'));
    });

  test('a key of a scheme that is not known is passed over', async () => {
    const text = await signed({ 'x-note': 1 })();
    const document = JSON.parse(text) as { signed: { keys: Record<string, unknown> } };
    document.signed.keys['later'] = { keytype: 'ml-dsa', scheme: 'ml-dsa-65', keyval: { public: 'AA' } };
    assert.equal(parseTufRoot(JSON.stringify(document)).root.keys.size, 3);
  });
});

describe("the public instance's root", () => {
  test('is the file that its SHA-256 says', () => {
    assert.equal(
      createHash('sha256').update(publicGoodTufRoot()).digest('hex'),
      'c8c41ec13f06ccabf5b48541ee2550098b4c7b5349e1d180390c29a7d5c2642c',
    );
  });

  test('is signed by three of its own five, and would not be by four', async () => {
    const { requireThreshold } = await import('../../src/tuf/keys.ts');
    const { root, tbs, signatures, version } = parseTufRoot(publicGoodTufRoot());
    assert.equal(version, 14);
    assert.deepEqual([root.keys.size, root.threshold], [5, 3]);
    await requireThreshold('root', tbs, signatures, root);
    await requireThreshold('root', tbs, signatures, { ...root, threshold: 4 });
    await assert.rejects(
      requireThreshold('root', tbs, signatures, { ...root, threshold: 5 }),
      hasCode('TUF_SIGNATURE_INVALID'),
    );
  });
});
