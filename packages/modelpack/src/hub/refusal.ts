import { HubError } from './error.ts';
import type { Hub, Subject } from './hub.ts';
import { printable, printableUrl, quoted } from './printable.ts';
import { mediaType, type Answer } from './request.ts';
import { retryAfterMs, Setback } from './retry.ts';

/** Turns an answer that is neither 200 nor 206 into the error it stands for, and drops it. */
export async function refusal(hub: Hub, subject: Subject, answer: Answer): Promise<HubError | Setback> {
  const words = await serverWords(hub, answer);
  const { status } = answer;
  const asked = `Asked ${printableUrl(answer.url)} for ${describe(subject)}; the answer is ${status}.${words}`;
  if (status === 429) {
    return new Setback('RATE_LIMITED', `${asked} ${hub.token === undefined ? tokenRaisesLimit : tryLater}`, {
      retryAfterMs: retryAfterMs(answer.headers, hub.now()),
    });
  }
  if (status >= 500 || status === 408 || status === 425) {
    return new Setback('SERVER_ERROR', `${asked} ${tryLater}`, {
      retryAfterMs: retryAfterMs(answer.headers, hub.now()),
    });
  }
  // X-Error-Code is a Hub's: a mirror may redirect to the Hub itself.
  const downloadHost = answer.foreign && subject.what === 'file' && !answer.headers.has('x-error-code');
  return downloadHost ? linkRefusal(status, asked) : hubRefusal(hub, subject, answer, asked);
}

const tryLater = 'Try again later.';
const tokenRaisesLimit = 'Try again later, or pass an access token, which raises the limit.';

/**
 * A download host is reached through a link that the Hub signs for a limited time. When such a host says no, the link
 * may have expired: the Hub is asked for a new one before it counts as a refusal.
 */
function linkRefusal(status: number, asked: string): HubError | Setback {
  const sentence = `${asked} The download host does not accept the link that the Hub gave for it.`;
  if (status === 401 || status === 403) return new Setback('FORBIDDEN', sentence, { linkRefused: true });
  if (status === 400 || status === 404 || status === 410) {
    return new Setback('UNEXPECTED_STATUS', sentence, { linkRefused: true });
  }
  if (status === 416) return new HubError('RANGE_INVALID', asked);
  return new HubError('UNEXPECTED_STATUS', asked);
}

function hubRefusal(hub: Hub, subject: Subject, answer: Answer, asked: string): HubError {
  const page = `${hub.endpoint.href.replace(/\/$/, '')}/${subject.repo}`;
  const errorCode = answer.headers.get('x-error-code');
  switch (answer.status) {
    case 401:
      return new HubError('UNAUTHORIZED', `${asked} ${unauthorized(hub, errorCode, page)}`);
    case 403:
      return new HubError(
        'FORBIDDEN',
        errorCode === 'GatedRepo'
          ? `${asked} The repository is gated: ask for access at ${page} with the account the token belongs to, then try again.`
          : `${asked} The token's account may not read this repository; see ${page}.`,
      );
    case 404:
      return notFound(subject, errorCode, asked, page);
    case 416:
      return new HubError('RANGE_INVALID', asked);
    default:
      return new HubError('UNEXPECTED_STATUS', asked);
  }
}

function unauthorized(hub: Hub, errorCode: string | null, page: string): string {
  if (errorCode === 'GatedRepo') {
    return `The repository is gated: ask for access at ${page}, then pass an access token of that account.`;
  }
  if (hub.token === undefined) {
    return `Either there is no such repository, or it is private. Check the name at ${page}, or pass an access token.`;
  }
  return `Either the access token is not valid (expired, revoked, mistyped), or it may not see ${page}.`;
}

function notFound(subject: Subject, errorCode: string | null, asked: string, page: string): HubError {
  switch (errorCode ?? notFoundByDefault[subject.what]) {
    case 'RepoNotFound':
      return new HubError('REPO_NOT_FOUND', `${asked} There is no such model. Check the name at ${page}.`);
    case 'RevisionNotFound':
      return new HubError(
        'REVISION_NOT_FOUND',
        `${asked} The model has no revision ${quoted(subject.revision)}. Its branches and tags are at ${page}/tree/main.`,
      );
    case 'EntryNotFound':
      return new HubError(
        'FILE_NOT_FOUND',
        `${asked} The listing of this commit named it, yet it cannot be had.`,
      );
    default:
      return new HubError('UNEXPECTED_STATUS', asked);
  }
}

/** Mirrors may leave out X-Error-Code. */
const notFoundByDefault = { revision: 'RepoNotFound', tree: 'RevisionNotFound', file: 'EntryNotFound' };

/** What a request was for, as a phrase of a message. */
export function describe(subject: Subject): string {
  const { repo, revision } = subject;
  if (subject.what === 'revision') return `revision ${quoted(revision)} of ${repo}`;
  if (subject.what === 'tree') return `the file list of ${repo} at ${revision}`;
  return `the file ${quoted(subject.path)} of ${repo} at ${revision}`;
}

const maxWordsBytes = 2048;

/** X-Error-Message, or else the first words of the body: often the only diagnosis there is. Never the token. */
async function serverWords(hub: Hub, answer: Answer): Promise<string> {
  const text = answer.headers.get('x-error-message') ?? (await bodyStart(answer));
  answer.drop();
  const clean = (hub.token === undefined ? text : text.replaceAll(hub.token, '***'))
    .replace(/\s+/g, ' ')
    .trim();
  return clean === '' ? '' : ` The server says: "${printable(clean, 300)}".`;
}

async function bodyStart(answer: Answer): Promise<string> {
  if (mediaType(answer.headers) === 'text/html') return '';
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of answer.chunks()) {
      text += decoder.decode(chunk.subarray(0, maxWordsBytes), { stream: true });
      if (text.length >= maxWordsBytes) break;
    }
  } catch {
    // The status says enough; the words were only a courtesy.
  }
  return text;
}
