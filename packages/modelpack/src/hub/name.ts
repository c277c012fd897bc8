import { HubError } from './error.ts';
import { quoted } from './printable.ts';

/**
 * A repository is `owner/name`. The Hub's rules for each part: ASCII letters, digits, `-`, `_`, `.`; at most
 * 96 characters; neither `-` nor `.` at either end; no `--`, no `..`; a name does not end in `.git`.
 */
export const repoPart = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;

/** @throws {HubError} PARAMETER_INVALID */
export function checkRepo(repo: string): void {
  const parts = repo.split('/');
  if (parts.length === 1 && repoPart.test(repo)) {
    throw new HubError(
      'PARAMETER_INVALID',
      `The model ${quoted(repo)} has no owner. A pack's root hash depends on the full name: write owner/name, as the model's page on the Hub shows it.`,
    );
  }
  if (parts.length !== 2 || !parts.every((part) => repoPart.test(part)) || repo.endsWith('.git')) {
    throw new HubError(
      'PARAMETER_INVALID',
      `${quoted(repo)} is not the name of a model on the Hub. Expected owner/name, each of letters, digits, "-", "_" and "." (at most 96).`,
    );
  }
}

const commitId = /^[0-9a-f]{40}$/;

export function isCommit(text: string): boolean {
  return commitId.test(text);
}

/** @throws {HubError} PARAMETER_INVALID unless it is 40 lower-case hex digits */
export function checkCommit(commit: string): void {
  if (isCommit(commit)) return;
  throw new HubError(
    'PARAMETER_INVALID',
    `${quoted(commit)} is not a commit: expected 40 lower-case hex digits. Resolve the branch or tag first.`,
  );
}

/** What git-check-ref-format(1) forbids anywhere in a name; `..` and `@{` are revision syntax, not names. */
// eslint-disable-next-line no-control-regex -- control characters are what it must find
const forbiddenInRef = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)/;
const maxRevisionBytes = 255;

/**
 * A branch, a tag, a commit, or a full reference such as `refs/pr/1`, by the rules of git-check-ref-format(1).
 * @throws {HubError} PARAMETER_INVALID
 */
export function checkRevision(revision: string): void {
  const wrong =
    revision === '' ||
    revision === '@' ||
    /^[-./]|[/.]$/.test(revision) ||
    forbiddenInRef.test(revision) ||
    !revision.isWellFormed() ||
    new TextEncoder().encode(revision).length > maxRevisionBytes;
  if (!wrong) return;
  throw new HubError(
    'PARAMETER_INVALID',
    `${quoted(revision)} is not a revision. Expected a branch, a tag, a commit (40 hex digits) or a reference such as refs/pr/1.`,
  );
}
