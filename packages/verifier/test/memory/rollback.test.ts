/** Rollback: which releases are older than what was seen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReleaseMemory, RememberedRelease } from '../../src/index.ts';
import { appraiseRollback, mergeMemories, rememberedReleases, withRelease } from '../../src/memory/index.ts';

const release = (tag: string | null, digit: string, loggedAtUnix: number | null): RememberedRelease => ({
  tag,
  digest: digit.repeat(64),
  loggedAtUnix,
});
const memoryOf = (...entries: RememberedRelease[]): ReleaseMemory => ({ service: 'owner/name', entries });

const v1 = release('v1', '1', 1000);
const v2 = release('v2', '2', 2000);
const v3 = release('v3', '3', 3000);

interface Case {
  readonly name: string;
  readonly memory: ReleaseMemory | null;
  readonly shown: RememberedRelease | null;
  readonly outcome: 'pass' | 'fail' | 'not-checked';
  readonly code?: string;
  readonly allowRollback?: boolean;
}

const cases: readonly Case[] = [
  { name: 'a newer release passes', memory: memoryOf(v1, v2), shown: v3, outcome: 'pass' },
  { name: 'the newest seen passes', memory: memoryOf(v1, v2), shown: v2, outcome: 'pass' },
  {
    name: 'the newest seen passes where it is not known when it was logged',
    memory: memoryOf(v2),
    shown: { ...v2, loggedAtUnix: null },
    outcome: 'pass',
  },
  {
    name: 'another release of the same second passes',
    memory: memoryOf(v2),
    shown: release('v2b', '4', 2000),
    outcome: 'pass',
  },
  {
    name: 'a release between two that were seen fails',
    memory: memoryOf(v1, v3),
    shown: v2,
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'a release that was seen and then followed by another fails',
    memory: memoryOf(v1, v2),
    shown: v1,
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'one second older fails',
    memory: memoryOf(v2),
    shown: release('v1', '4', 1999),
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'an older release fails whatever order the memory has',
    memory: memoryOf(v3, v1, v2),
    shown: v2,
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'an older release without its time fails where its time is remembered',
    memory: memoryOf(v1, v2),
    shown: { ...v1, loggedAtUnix: null },
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'an older release under a new tag fails',
    memory: memoryOf(v1, v2),
    shown: { ...v1, tag: 'v9' },
    outcome: 'fail',
    code: 'RELEASE_OLDER_THAN_SEEN',
  },
  {
    name: 'a newer file under a tag that was seen on another fails',
    memory: memoryOf(v1, v2),
    shown: release('v2', '5', 9000),
    outcome: 'fail',
    code: 'RELEASE_TAG_MOVED',
  },
  {
    name: 'an older file under a tag that was seen on another fails',
    memory: memoryOf(v2),
    shown: release('v2', '5', 1),
    outcome: 'fail',
    code: 'RELEASE_TAG_MOVED',
  },
  {
    name: 'files without a tag share none',
    memory: memoryOf(release(null, '1', 1000)),
    shown: release(null, '2', 2000),
    outcome: 'pass',
  },
  {
    name: 'an old file that was signed and logged again since passes',
    memory: memoryOf(v1, v2, { ...v1, tag: 'v1-again', loggedAtUnix: 2500 }),
    shown: v1,
    outcome: 'pass',
  },
  { name: 'the first release is not checked', memory: memoryOf(), shown: v1, outcome: 'not-checked' },
  { name: 'without a memory nothing is checked', memory: null, shown: v1, outcome: 'not-checked' },
  { name: 'without a release nothing is checked', memory: memoryOf(v2), shown: null, outcome: 'not-checked' },
  {
    name: 'an unknown release without a time is not checked',
    memory: memoryOf(v2),
    shown: release('v1', '4', null),
    outcome: 'not-checked',
  },
  {
    name: 'against memories without times nothing is checked',
    memory: memoryOf(release('v2', '2', null)),
    shown: v3,
    outcome: 'not-checked',
  },
  {
    name: 'a policy that allows rollback checks nothing, and says so',
    memory: memoryOf(v2),
    shown: v1,
    allowRollback: true,
    outcome: 'not-checked',
  },
];

describe('rollback', () => {
  for (const { name, memory, shown, outcome, code, allowRollback } of cases)
    test(name, () => {
      const check = appraiseRollback(memory, shown, allowRollback);
      assert.equal(check.rule, 'release.rollback');
      assert.equal(check.outcome, outcome);
      assert.equal(check.code, code);
      if (outcome !== 'pass') assert.ok(check.reason, 'it says why');
    });

  test('a failure names both releases', () => {
    const { expected, found } = appraiseRollback(memoryOf(v2), v1);
    assert.equal(expected, 'not older than v2 (2222222222222222…), logged at 1970-01-01T00:33:20Z');
    assert.equal(found, 'v1 (1111111111111111…), logged at 1970-01-01T00:16:40Z');
  });
});

describe('a memory', () => {
  test('keeps both of two releases, the newest first', () => {
    assert.deepEqual(withRelease(memoryOf(v1), v2).entries, [v2, v1]);
    assert.deepEqual(withRelease(memoryOf(v2), v1).entries, [v2, v1]);
  });

  test('is the same in whatever order it was merged', () => {
    const entries = [
      v1,
      v2,
      v3,
      release(null, '4', null),
      { ...v1, loggedAtUnix: 1500 },
      release('v9', '9', 2000),
    ];
    const forward = entries.reduce((memory, entry) => withRelease(memory, entry), memoryOf());
    const backward = entries.toReversed().reduce((memory, entry) => withRelease(memory, entry), memoryOf());
    assert.deepEqual(forward, backward);
    assert.deepEqual(mergeMemories(forward, backward), forward);
  });

  test('of a release that was logged twice keeps the later time', () => {
    assert.deepEqual(withRelease(memoryOf({ ...v1, loggedAtUnix: null }), v1).entries, [v1]);
    assert.deepEqual(withRelease(memoryOf(v1), { ...v1, loggedAtUnix: null }).entries, [v1]);
  });

  test('does not grow without end, and never forgets the newest', () => {
    let memory = memoryOf(release('newest', 'f', 1_000_000));
    for (let at = 0; at < 200; at++) memory = withRelease(memory, release(`v${at}`, 'a', at));
    assert.equal(memory.entries.length, rememberedReleases);
    assert.equal(memory.entries[0]!.tag, 'newest');
    assert.equal(memory.entries.at(-1)!.tag, `v${200 - rememberedReleases + 1}`);
  });
});
