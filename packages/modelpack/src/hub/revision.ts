import { HubError } from './error.ts';
import { revisionUrl, type Hub, type Subject } from './hub.ts';
import { getJson, invalid, isObject } from './json.ts';
import { checkRepo, checkRevision, isCommit } from './name.ts';
import { quoted } from './printable.ts';

/** The answer lists every file of the repository by name, so it can be long. */
const maxAnswerBytes = 32 * 2 ** 20;

export interface ResolvedRevision {
  /** 40 lower-case hex digits. */
  commit: string;
  /**
   * The name the Hub itself gives the repository, if it says so. It differs from the one asked for in upper and lower
   * case, or after a renaming; a pack's root hash depends on the spelling.
   */
  canonicalRepo: string | undefined;
}

/**
 * The commit a branch, tag, reference or commit of a repository stands for now; without a revision, the branch `main`.
 * A commit is looked up too: it may not exist, or not be readable.
 * @throws {HubError} PARAMETER_INVALID, RESPONSE_INVALID, or any code of the network
 */
export async function lookUpRevision(hub: Hub, repo: string, revision = 'main'): Promise<ResolvedRevision> {
  checkRepo(repo);
  checkRevision(revision);
  const subject: Subject = { what: 'revision', repo, revision };
  const { value } = await getJson(hub, subject, revisionUrl(hub, repo, revision), maxAnswerBytes);
  if (!isObject(value)) throw invalid(subject, 'the answer', 'a JSON object', kindOf(value));
  const { sha, id } = value;
  if (typeof sha !== 'string' || !isCommit(sha)) {
    throw invalid(subject, 'sha', 'a commit (40 lower-case hex digits)', quoted(sha));
  }
  if (isCommit(revision) && sha !== revision) {
    throw new HubError(
      'RESPONSE_INVALID',
      `Asked for commit ${revision} of ${repo}; the Hub answers with commit ${sha}. It must not be trusted with this repository.`,
    );
  }
  return { commit: sha, canonicalRepo: typeof id === 'string' ? id : undefined };
}

/** The commit alone: see {@link lookUpRevision}. */
export async function resolveRevision(hub: Hub, repo: string, revision?: string): Promise<string> {
  return (await lookUpRevision(hub, repo, revision)).commit;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`;
}
