import { HubError } from './error.ts';
import { parseEntry, type ListedEntry } from './entry.ts';
import { treeUrl, type Hub, type Subject } from './hub.ts';
import { getJson, invalid, type JsonAnswer } from './json.ts';
import { printable, quoted } from './printable.ts';
import { describe } from './refusal.ts';

/** What the server says a file's bytes hash to. A claim: whoever takes the bytes must check it. */
export type ClaimedDigest =
  /** The LFS object id: SHA-256 of the content, whether it is stored in LFS or in Xet. */
  | { algorithm: 'sha256'; hex: string }
  /** The git object id of a file kept in git itself: see `gitBlobDigest`. */
  | { algorithm: 'git-blob-sha1'; hex: string };

export interface HubFile {
  /** Relative, with `/`; held to the rules of `path.ts`. */
  path: string;
  sizeBytes: number;
  digest: ClaimedDigest;
  /** The content is stored in Xet. It is read like any other: the resolve URL leads to a bridge that serves ranges. */
  xet: boolean;
}

export interface ListingLimits {
  maxPageBytes: number;
  maxTotalBytes: number;
  maxPages: number;
  /** Files and directories together. */
  maxEntries: number;
}

export const defaultListingLimits: ListingLimits = {
  maxPageBytes: 32 * 2 ** 20,
  maxTotalBytes: 512 * 2 ** 20,
  maxPages: 10_000,
  maxEntries: 1_000_000,
};

/**
 * Every file of a repository at a commit, sorted by path (a directory's content together), whatever order the server
 * chose. Complete or an error: a listing over a limit is refused, not cut.
 * @throws {HubError} PARAMETER_INVALID, PATH_INVALID, LISTING_INVALID, RESPONSE_INVALID, RESPONSE_TOO_LARGE, SIZE_MISMATCH,
 *   or any code of the network
 */
export async function listFiles(
  hub: Hub,
  repo: string,
  commit: string,
  limits: ListingLimits = defaultListingLimits,
): Promise<HubFile[]> {
  const subject: Subject = { what: 'tree', repo, revision: commit };
  const entries: ListedEntry[] = [];
  const seenPages = new Set<string>();
  let totalBytes = 0;
  let page: URL | undefined = treeUrl(hub, repo, commit);
  while (page !== undefined) {
    if (seenPages.has(page.search)) {
      throw broken(subject, 'its pages lead back to one that was read already');
    }
    seenPages.add(page.search);
    if (seenPages.size > limits.maxPages) throw tooLarge(subject, `${limits.maxPages} pages`);
    const answer = await getJson(hub, subject, page, limits.maxPageBytes);
    totalBytes += answer.sizeBytes;
    if (totalBytes > limits.maxTotalBytes) throw tooLarge(subject, `${limits.maxTotalBytes} bytes in all`);
    readPage(subject, answer, entries, limits);
    page = nextPage(hub, subject, answer);
  }
  return checkedTogether(subject, entries);
}

function readPage(subject: Subject, answer: JsonAnswer, entries: ListedEntry[], limits: ListingLimits): void {
  const stated = answer.headers.get('x-repo-commit');
  if (stated !== null && stated !== subject.revision) {
    throw broken(subject, `the server says that it lists commit ${printable(stated)}`);
  }
  if (!Array.isArray(answer.value))
    throw invalid(subject, 'the answer', 'a JSON array', `a ${typeof answer.value}`);
  if (entries.length + answer.value.length > limits.maxEntries)
    throw tooLarge(subject, `${limits.maxEntries} entries`);
  for (const value of answer.value as unknown[]) entries.push(parseEntry(subject, entries.length, value));
}

/**
 * `Link: <…>; rel="next"` (RFC 8288). Only the query of the target is taken, and only when its path ends in this very
 * commit's tree: a listing cannot wander to another host, repository or commit.
 */
function nextPage(hub: Hub, subject: Subject, answer: JsonAnswer): URL | undefined {
  const target = linkTo('next', answer.headers.get('link'));
  if (target === undefined) return undefined;
  const link = URL.parse(target, answer.url.href);
  if (link === null) throw broken(subject, 'the link to its next page is not a URL');
  if (!link.pathname.endsWith(`/tree/${subject.revision}`)) {
    throw broken(subject, `the link to its next page leads to ${printable(link.pathname)}`);
  }
  const next = treeUrl(hub, subject.repo, subject.revision);
  next.search = link.search;
  next.searchParams.set('recursive', 'true');
  return next;
}

const linkValue = /<([^<>]*)>((?:\s*;\s*[a-z*]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)/gi;
const linkParameter = /;\s*([a-z*]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/gi;

function linkTo(relation: string, header: string | null): string | undefined {
  for (const [, target, parameters] of (header ?? '').matchAll(linkValue)) {
    for (const [, name, quotedValue, value] of parameters!.matchAll(linkParameter)) {
      if (name!.toLowerCase() !== 'rel') continue;
      if ((quotedValue ?? value!).toLowerCase().split(/\s+/).includes(relation)) return target;
    }
  }
  return undefined;
}

function checkedTogether(subject: Subject, entries: ListedEntry[]): HubFile[] {
  // With NUL for "/" (no path contains one) a path sorts directly before everything below it.
  const keyed = entries.map((entry) => ({ key: entry.path.replaceAll('/', '\0'), entry }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  for (const [index, { key, entry }] of keyed.entries()) {
    const after = keyed[index + 1];
    if (after?.key === key) throw broken(subject, `it names ${quoted(entry.path)} twice`);
    if (entry.file !== undefined && after?.key.startsWith(`${key}\0`)) {
      throw broken(subject, `${quoted(entry.path)} is a file, yet ${quoted(after.entry.path)} is below it`);
    }
  }
  return keyed.flatMap(({ entry }) => entry.file ?? []);
}

function broken(subject: Subject, what: string): HubError {
  return new HubError(
    'LISTING_INVALID',
    `Read ${describe(subject)}: ${what}. The server's listing cannot be used; report it to who runs the endpoint.`,
  );
}

function tooLarge(subject: Subject, limit: string): HubError {
  return new HubError('RESPONSE_TOO_LARGE', `Read ${describe(subject)}: it is over the limit of ${limit}.`);
}
