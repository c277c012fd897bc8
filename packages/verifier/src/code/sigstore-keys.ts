/** Which keys of Sigstore count: the newest that its repository has, or those that are built in. */
import { passed } from '@vitrine/appraisal';
import { ProvenanceError, type TrustedRoot, parseTrustedRoot } from '@vitrine/provenance';
import { fetchTufTarget, parseTufRoot } from '@vitrine/provenance/tuf';
import type { SigstoreRepository } from '../anchors.ts';
import type { Context } from '../context.ts';
import { VerifierError } from '../error.ts';
import { type Promised, promised, unchecked } from '../promise.ts';
import type { ResultCheck } from '../result.ts';
import type { Source } from '../source.ts';
import { isFetchErrorCode } from '../sources/fetcher.ts';

export interface SigstoreKeys {
  /** One of each repository, then those that are fixed. */
  readonly roots: readonly TrustedRoot[];
  readonly checks: readonly ResultCheck[];
}

const what: Promised = {
  rule: 'code.sigstore-keys',
  title: "Sigstore's keys are the newest that it has published",
  required: false,
  evidence: "Sigstore's repository",
  expected: 'metadata that leads from the root that is known to keys of today',
  source: 'TUF specification 1.0, section 5',
};

/** Never both of one repository, the fetched keys and the built-in ones: a key that was withdrawn stays withdrawn. */
export async function findSigstoreKeys({
  anchors,
  source,
  now,
}: Pick<Context, 'anchors' | 'source' | 'now'>): Promise<SigstoreKeys> {
  const repositories = anchors.sigstoreRepositories ?? [];
  const found = await Promise.all(repositories.map((repository) => keysOf(repository, source, now)));
  return {
    roots: [...found.map(({ root }) => root), ...anchors.sigstore],
    checks: found.map(({ check }) => check),
  };
}

/** Looked for when somebody first asks, and once; the checks are those of whatever was asked for. */
export function keysWhenAsked(input: Parameters<typeof findSigstoreKeys>[0]): {
  readonly keys: () => Promise<SigstoreKeys>;
  readonly checks: () => Promise<readonly ResultCheck[]>;
} {
  let asked: Promise<SigstoreKeys> | undefined;
  return {
    keys: () => (asked ??= findSigstoreKeys(input)),
    checks: async () => (await asked)?.checks ?? [],
  };
}

interface Found {
  readonly root: TrustedRoot;
  readonly check: ResultCheck;
}

async function keysOf(repository: SigstoreRepository, source: Source, now: Date): Promise<Found> {
  const promise = { ...what, evidence: repository.url };
  try {
    const { root, found } = await fetchKeys(repository, source, now);
    const rule = { rule: 'tuf.target', expected: what.expected, found, source: what.source };
    return { root, check: promised(promise, [passed(rule)], found) };
  } catch (error) {
    const isMissing = error instanceof VerifierError && isFetchErrorCode(error.code);
    if (!(error instanceof ProvenanceError || isMissing)) throw error;
    const reason = `${error.message} The keys of ${repository.builtInOf} are used, which are built in.`;
    return { root: repository.builtIn, check: unchecked(promise, reason, String(error.code)) };
  }
}

async function fetchKeys(
  { url, root, target, builtIn }: SigstoreRepository,
  source: Source,
  now: Date,
): Promise<{ readonly root: TrustedRoot; readonly found: string }> {
  const get = async (path: string): Promise<Uint8Array | undefined> => {
    const answer = await source.get({ kind: 'sigstore-tuf', url: `${url}/${path}` });
    if (answer.ok) return answer.bytes;
    // Offline, the newest root that is at hand decides; that it is still in force, its timestamp says.
    const isAbsent = answer.status === 404 || (answer.code === 'OFFLINE' && path.endsWith('.root.json'));
    if (isAbsent) return undefined;
    throw new VerifierError(answer.code, answer.message);
  };
  // A proof without it needs nothing of what follows.
  await get('timestamp.json');
  const file = await fetchTufTarget(target, { root: parseTufRoot(root), now, get });
  const keys = parseTrustedRoot(file.bytes);
  return {
    root: { ...keys, isPublicGood: builtIn.isPublicGood },
    found: `${target} by root ${file.versions.root}, targets ${file.versions.targets}, good until ${file.expires.toISOString()}`,
  };
}
