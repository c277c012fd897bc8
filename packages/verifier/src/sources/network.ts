/** The source that asks the network: every failure is an answer with its code, within its time. */
import { type FetchErrorCode, VerifierError } from '../error.ts';
import type { Answer, ResourceRequest, Source } from '../source.ts';
import { type Mirrors, addressOf, redirectTarget, requireFinalAddress } from './address.ts';
import { readBody } from './body.ts';
import { type Attempt, Deadline } from './deadline.ts';
import { type Fetcher, type FetchResponse, fetchFailureOf } from './fetcher.ts';
import { type ResourceRules, type Timeouts, maximumRedirects, resourceRules } from './kinds.ts';
import { type BackOff, defaultBackOff, isTransientStatus, pauseMs, retryAfterMs } from './retry.ts';

export interface NetworkOptions {
  /** For endorsements, and for the endpoint where no other is given. */
  readonly fetch: Fetcher;
  /** For endpoint documents: the connection whose certificate was seen. */
  readonly endpointFetch?: Fetcher | undefined;
  /** In place of each kind's own. */
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** In all, at least 1; default 3. */
  readonly attempts?: number | undefined;
  readonly backOff?: BackOff | undefined;
  readonly mirrors?: Mirrors | undefined;
  readonly clock?: (() => Date) | undefined;
  /** Resolves after the time, rejects when the signal is given. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** At least 0, less than 1. */
  readonly random?: (() => number) | undefined;
  /** The caller's wish to stop: `get` throws ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Asks the network for whatever has an http or https address. Boot parts have none: OFFLINE. */
export function createNetworkSource(options: NetworkOptions): Source {
  return { get: (request) => ask(request, options) };
}

async function ask(request: ResourceRequest, options: NetworkOptions): Promise<Answer> {
  const rules = resourceRules[request.kind];
  if (request.kind === 'boot-part')
    return failure('OFFLINE', `${request.url} is in no folder that was given.`);
  const deadline = new Deadline({ ...rules.timeouts, ...options.timeouts }, options.signal);
  try {
    return await attempts(request, options, deadline);
  } catch (error) {
    if (deadline.isAborted) throw aborted(request);
    return answerOf(error, rules, deadline);
  } finally {
    deadline.end();
  }
}

async function attempts(
  request: ResourceRequest,
  options: NetworkOptions,
  deadline: Deadline,
): Promise<Answer> {
  const { attempts: allowed = 3, clock = () => new Date(), random = Math.random } = options;
  for (let attempt = 1; ; attempt++) {
    const outcome = await exchange(request, options, deadline);
    if (outcome.answer.ok || !outcome.isTransient || attempt >= allowed) return outcome.answer;
    const wait = pauseMs(
      attempt,
      retryAfterMs(outcome.retryAfter, clock()),
      random(),
      options.backOff ?? defaultBackOff,
    );
    // Waiting past the end would only turn a clear answer into a timeout.
    if (wait >= deadline.remainingMs) return outcome.answer;
    await (options.sleep ?? sleep)(wait, deadline.signal);
  }
}

interface Outcome {
  readonly answer: Answer;
  readonly isTransient: boolean;
  readonly retryAfter?: string | undefined;
}

/** One attempt: the request, its redirects, its body. */
async function exchange(
  request: ResourceRequest,
  options: NetworkOptions,
  deadline: Deadline,
): Promise<Outcome> {
  const rules = resourceRules[request.kind];
  const attempt = deadline.attempt();
  let response: FetchResponse | undefined;
  try {
    response = await follow(request, options, attempt);
    attempt.expectChunk();
    if (response.status !== 200) {
      await attempt.within(passOver(response)).catch(() => undefined);
      return statusOutcome(response, rules);
    }
    requireMediaType(response, rules);
    const bytes = await attempt.within(
      readBody(response, {
        what: sentenceCase(rules.name),
        maximumBytes: rules.maximumBytes,
        onChunk: () => attempt.expectChunk(),
      }),
    );
    return { answer: { ok: true, bytes, ...contentHeaders(response, rules) }, isTransient: false };
  } catch (error) {
    if (deadline.isAborted) throw error;
    const answer = answerOf(error, rules, attempt);
    return { answer, isTransient: !answer.ok && isTransientFailure(answer.code) && !deadline.isOver };
  } finally {
    response?.cancel();
    attempt.end();
  }
}

async function follow(
  { kind, url: asked, body }: ResourceRequest,
  options: NetworkOptions,
  attempt: Attempt,
): Promise<FetchResponse> {
  const { mirrors = {} } = options;
  const rules = resourceRules[kind];
  const fetch = kind === 'endpoint-document' ? (options.endpointFetch ?? options.fetch) : options.fetch;
  let { url } = addressOf(kind, asked, mirrors);
  for (let redirects = 0; ; redirects++) {
    attempt.expectHeaders();
    const response = await attempt.within(
      fetch({
        method: body ? 'POST' : 'GET',
        url: url.href,
        headers: { ...rules.requestHeaders, 'accept-encoding': 'gzip' },
        body,
        mayFollowRedirects: rules.redirectHosts.length > 0 && !body,
        signal: attempt.signal,
      }),
    );
    if (!isRedirect(response.status)) {
      requireFinalAddress(kind, url, response.url);
      return response;
    }
    response.cancel();
    if (body) throw refused(`${url.host} redirects a request that carries a body.`);
    if (redirects === maximumRedirects)
      throw refused(`${url.host} redirects for the ${maximumRedirects + 1}th time.`);
    url = redirectTarget(kind, url, response.headers['location'], mirrors);
  }
}

const MAX_PASSED_OVER_BYTES = 64 * 1024;

/** Reads a short page of an error, so that the connection is free for the next request and need not be opened anew. */
async function passOver({ headers, body }: FetchResponse): Promise<void> {
  if (!(Number(headers['content-length']) <= MAX_PASSED_OVER_BYTES)) return;
  const chunks = body[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function requireMediaType({ headers }: FetchResponse, { name, mediaTypes }: ResourceRules): void {
  const given = headers['content-type'] ?? 'application/octet-stream';
  const essence = given.split(';')[0]!.trim().toLowerCase();
  if (mediaTypes.includes(essence)) return;
  throw new VerifierError(
    'CONTENT_TYPE_UNEXPECTED',
    `${sentenceCase(name)} does not come as ${JSON.stringify(essence.slice(0, 60))}: another page answers in its place.`,
  );
}

function contentHeaders(
  { headers }: FetchResponse,
  rules: ResourceRules,
): { headers?: Readonly<Record<string, string>> } {
  const found = rules.contentHeaders.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return found.length > 0 ? { headers: Object.fromEntries(found) } : {};
}

function statusOutcome({ status, headers }: FetchResponse, { name }: ResourceRules): Outcome {
  const meaning =
    status === 404
      ? 'The server does not have it'
      : status === 429
        ? 'The server is asked too often'
        : 'The server refuses or fails';
  return {
    answer: failure('HTTP_STATUS', `${sentenceCase(name)}: ${meaning} (status ${status}).`, status),
    isTransient: isTransientStatus(status),
    retryAfter: headers['retry-after'],
  };
}

/** A broken transfer may go well the next time; what is refused on sight will be refused again. */
function isTransientFailure(code: FetchErrorCode): boolean {
  return code === 'CONNECTION_RESET' || code === 'BODY_TRUNCATED';
}

function answerOf(
  error: unknown,
  { name }: ResourceRules,
  time: { readonly expiredMessage: string | undefined },
): Answer {
  // A client that is told to stop fails in ways of its own: the reason is what counts.
  if (time.expiredMessage !== undefined)
    return failure('TIMEOUT', `${sentenceCase(name)}: ${time.expiredMessage}.`);
  const { code, message } = fetchFailureOf(error) ?? {
    code: 'PROTOCOL_ERROR',
    message: `${sentenceCase(name)}: the client failed (${error instanceof Error ? error.message : String(error)}).`,
  };
  return failure(code, message);
}

const MAX_MESSAGE_CHARACTERS = 1000;

/** The sentence goes to a terminal and into proofs, and a server may have had a say in it. */
function failure(code: FetchErrorCode, text: string, status?: number): Answer {
  const message = text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_MESSAGE_CHARACTERS)
    .toWellFormed();
  return { ok: false, code, message, ...(status === undefined ? {} : { status }) };
}

function refused(message: string): VerifierError {
  return new VerifierError('REDIRECT_REFUSED', message);
}

function aborted({ kind }: ResourceRequest): VerifierError {
  return new VerifierError('ABORTED', `Stopped while asking for ${resourceRules[kind].name}.`);
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new VerifierError('TIMEOUT', 'Stopped while waiting.'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
