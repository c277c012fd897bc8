/** Rollback: what a client has seen of a service once, it does not accept an older one of again. */
import { type Check, failed, notChecked, passed } from '@vitrine/appraisal';
import type { ReleaseMemory, RememberedRelease } from '../proof.ts';

export type RollbackCode =
  /** Logged before a release that this client has accepted from the same service. */
  | 'RELEASE_OLDER_THAN_SEEN'
  /** The tag is one that this client has seen on another deployment file. */
  | 'RELEASE_TAG_MOVED';

/** So many releases of a service are remembered, the newest. */
export const rememberedReleases = 64;

const SOURCE = 'docs/policy.md, allow-rollback';

/**
 * @param memory what this client has accepted before; null where it keeps no memory
 * @param release the one that is shown now; null where none is known
 * @param allowRollback the policy accepts older ones: the rule then is not checked
 */
export function appraiseRollback(
  memory: ReleaseMemory | null,
  release: RememberedRelease | null,
  allowRollback = false,
): Check {
  const rule = { rule: 'release.rollback', expected: expectation(memory), source: SOURCE };
  if (allowRollback) return notChecked(rule, 'the policy allows older releases');
  if (!release) return notChecked(rule, 'the service shows no release');
  if (!memory) return notChecked(rule, 'no memory of releases is kept');
  if (memory.entries.length === 0)
    return notChecked(rule, `no release of ${memory.service} was seen before: this is the first`);
  const moved = memory.entries.find(
    ({ tag, digest }) => tag !== null && tag === release.tag && digest !== release.digest,
  );
  if (moved)
    return failed(
      {
        ...rule,
        expected: `tag ${moved.tag!} with digest ${moved.digest}`,
        found: `digest ${release.digest}`,
      },
      'RELEASE_TAG_MOVED' satisfies RollbackCode,
      'a tag names one release; ask the publisher why it was moved',
    );
  return appraiseAge(memory, release, rule);
}

function appraiseAge(
  { entries }: ReleaseMemory,
  release: RememberedRelease,
  rule: { readonly rule: string; readonly expected: string; readonly source: string },
): Check {
  const newest = newestFirst(entries)[0]!;
  const found = describe(release);
  if (release.digest === newest.digest) return passed({ ...rule, found: `${found}, the same` });
  if (newest.loggedAtUnix === null)
    return notChecked(rule, 'of the releases seen before it is not known when they were logged');
  // The same file may have been signed and logged again since.
  const known = entries
    .filter(({ digest }) => digest === release.digest)
    .map(({ loggedAtUnix }) => loggedAtUnix);
  const times = [release.loggedAtUnix, ...known].filter((at) => at !== null);
  if (times.length === 0) return notChecked(rule, 'it is not known when this release was logged');
  if (Math.max(...times) >= newest.loggedAtUnix) return passed({ ...rule, found });
  return failed(
    { ...rule, found },
    'RELEASE_OLDER_THAN_SEEN' satisfies RollbackCode,
    'the service went back to an older release; allow it in the policy if its operator says why',
  );
}

/** The memory with one more release. */
export function withRelease(memory: ReleaseMemory, release: RememberedRelease): ReleaseMemory {
  return mergeMemories(memory, { service: memory.service, entries: [release] });
}

/** Both memories of one service: of two entries for the same release the later, and the newest of all. */
export function mergeMemories(one: ReleaseMemory, other: ReleaseMemory): ReleaseMemory {
  const byRelease = new Map<string, RememberedRelease>();
  for (const entry of [...one.entries, ...other.entries]) {
    const key = JSON.stringify([entry.tag, entry.digest]);
    const known = byRelease.get(key);
    if (!known || compare(entry, known) < 0) byRelease.set(key, entry);
  }
  return { service: one.service, entries: newestFirst([...byRelease.values()]).slice(0, rememberedReleases) };
}

/** By the time they were logged, those without one last; an order that does not hang on who came first. */
export function newestFirst(entries: readonly RememberedRelease[]): RememberedRelease[] {
  return [...entries].sort(compare);
}

function compare(a: RememberedRelease, b: RememberedRelease): number {
  const byTime = (b.loggedAtUnix ?? -1) - (a.loggedAtUnix ?? -1);
  if (byTime !== 0) return byTime;
  const [first, second] = [a, b].map(({ tag, digest }) => `${digest} ${tag ?? ''}`) as [string, string];
  return first < second ? -1 : first > second ? 1 : 0;
}

function expectation(memory: ReleaseMemory | null): string {
  const newest = memory && newestFirst(memory.entries)[0];
  return newest ? `not older than ${describe(newest)}` : 'not older than any release seen before';
}

function describe({ tag, digest, loggedAtUnix }: RememberedRelease): string {
  const when = loggedAtUnix === null ? 'at a time not known' : `at ${timeText(loggedAtUnix)}`;
  return `${tag ?? 'a release without a tag'} (${digest.slice(0, 16)}…), logged ${when}`;
}

function timeText(unix: number): string {
  const at = new Date(unix * 1000);
  return Number.isNaN(at.getTime()) ? `${unix} s` : at.toISOString().replace('.000Z', 'Z');
}
