import { setTimeout as delay } from 'node:timers/promises';
import { HubError } from './error.ts';
import { checkCommit, checkRepo } from './name.ts';
import { checkPath } from './path.ts';
import { printable } from './printable.ts';
import { defaultRetryPolicy, type RetryEvent, type RetryPolicy } from './retry.ts';

export interface HubOptions {
  /** Base URL; https, or http for mirrors on a trusted network and for tests. */
  endpoint?: string;
  /** A Hub access token. It is sent to the endpoint's origin only, and is never part of a message. */
  token?: string;
  fetch: typeof globalThis.fetch;
  signal?: AbortSignal;
  retry?: Partial<RetryPolicy>;
  /** Waits; rejects when the signal fires. */
  sleep?: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds since the epoch; for `Retry-After` given as a date. */
  now?: () => number;
  /** In [0, 1); for the jitter of the back-off. */
  random?: () => number;
  onRetry?: (event: RetryEvent) => void;
  /** How long a server may send nothing, both before its headers and within a body. */
  idleTimeoutMs?: number;
}

/** A Hub to ask: options that were checked and completed, and the download links that are still good. */
export interface Hub {
  readonly endpoint: URL;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal | undefined;
  readonly retry: RetryPolicy;
  readonly sleep: (delayMs: number, signal?: AbortSignal) => Promise<void>;
  readonly now: () => number;
  readonly random: () => number;
  readonly onRetry: (event: RetryEvent) => void;
  readonly idleTimeoutMs: number;
  /** Where the resolve URL of a file last led on another host (`range.ts`). */
  readonly links: Map<string, URL>;
}

export const defaultEndpoint = 'https://huggingface.co';
const defaultIdleTimeoutMs = 60_000;

/** @throws {HubError} PARAMETER_INVALID */
export function openHub(options: HubOptions): Hub {
  const endpoint = checkedEndpoint(options.endpoint ?? defaultEndpoint);
  const idleTimeoutMs = options.idleTimeoutMs ?? defaultIdleTimeoutMs;
  if (!(idleTimeoutMs > 0 && idleTimeoutMs < 2 ** 31)) {
    throw new HubError('PARAMETER_INVALID', `An idle timeout of ${idleTimeoutMs} ms cannot be.`);
  }
  const retry = { ...defaultRetryPolicy, ...options.retry };
  if (!Number.isSafeInteger(retry.attempts) || retry.attempts < 1) {
    throw new HubError('PARAMETER_INVALID', `${retry.attempts} attempts cannot be: expected 1 or more.`);
  }
  return {
    endpoint,
    token: checkedToken(options.token, endpoint),
    fetch: options.fetch,
    signal: options.signal,
    retry,
    sleep: options.sleep ?? sleepFor,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    onRetry: options.onRetry ?? (() => undefined),
    idleTimeoutMs,
    links: new Map(),
  };
}

async function sleepFor(delayMs: number, signal?: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, signal === undefined ? {} : { signal });
}

function checkedEndpoint(text: string): URL {
  const url = URL.parse(text);
  const problem =
    url === null
      ? 'it is not a URL'
      : url.protocol !== 'https:' && url.protocol !== 'http:'
        ? `its scheme is ${url.protocol}`
        : url.username !== '' || url.password !== ''
          ? 'it contains a user name or password; pass a token instead'
          : url.search !== '' || url.hash !== ''
            ? 'it has a query or a fragment'
            : undefined;
  if (url === null || problem !== undefined) {
    const shown = url === null ? printable(text) : `${url.protocol}//${printable(url.host)}`;
    throw new HubError(
      'PARAMETER_INVALID',
      `The Hub endpoint ${shown} cannot be used: ${problem ?? ''}. Expected something like ${defaultEndpoint}.`,
    );
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

function checkedToken(token: string | undefined, endpoint: URL): string | undefined {
  if (token === undefined) return undefined;
  // The characters of RFC 6750 §2.1; a line break would smuggle a header.
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new HubError(
      'PARAMETER_INVALID',
      'The access token has characters that a token cannot have (white space, perhaps a line break). Check how it was read.',
    );
  }
  if (endpoint.protocol === 'http:' && !loopback.test(endpoint.hostname)) {
    throw new HubError(
      'PARAMETER_INVALID',
      `An access token would travel in clear text to ${endpoint.origin}. Use an https endpoint, or no token.`,
    );
  }
  return token;
}

/** The resource a request is about; messages and the meaning of 404 depend on it. */
export interface Subject {
  what: 'revision' | 'tree' | 'file';
  repo: string;
  revision: string;
  path?: string;
}

function url(hub: Hub, path: string): URL {
  return new URL(`${hub.endpoint.pathname.replace(/\/$/, '')}${path}`, hub.endpoint);
}

/** `GET /api/models/{repo}/revision/{revision}`: the revision is one segment, its slashes encoded. */
export function revisionUrl(hub: Hub, repo: string, revision: string): URL {
  return url(hub, `/api/models/${repo}/revision/${encodeURIComponent(revision)}`);
}

/** `GET /api/models/{repo}/tree/{commit}?recursive=true`; further pages come as `Link: …; rel="next"`. */
export function treeUrl(hub: Hub, repo: string, commit: string): URL {
  checkRepo(repo);
  checkCommit(commit);
  return url(hub, `/api/models/${repo}/tree/${commit}?recursive=true`);
}

/** `GET /{repo}/resolve/{commit}/{path}`: the file, or a redirect to where it is stored. */
export function resolveUrl(hub: Hub, repo: string, commit: string, path: string): URL {
  checkRepo(repo);
  checkCommit(commit);
  checkPath(path);
  return url(hub, `/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`);
}
