/** The platform's fetch (Fetch Standard) as a fetcher, for browsers and workers: no certificates, no codes of its own. */
import { VerifierError } from '../error.ts';
import type { Fetcher } from './fetcher.ts';

/** As much of the Fetch Standard as is used. */
export type PlatformFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: Uint8Array<ArrayBuffer>;
    readonly redirect: 'error' | 'follow';
    readonly credentials: 'omit';
    readonly cache: 'no-store';
    readonly referrerPolicy: 'no-referrer';
    readonly signal: AbortSignal;
  },
) => Promise<PlatformResponse>;

export interface PlatformResponse {
  readonly status: number;
  readonly url: string;
  readonly headers: { forEach(each: (value: string, name: string) => void): void };
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Headers that a script may not set. */
const forbidden = ['accept-encoding', 'host', 'connection', 'content-length'];

export function browserFetch(fetch: PlatformFetch): Fetcher {
  return async (request) => {
    const response = await begin(fetch, request);
    const reader = response.body?.getReader();
    const headers: Record<string, string> = {};
    response.headers.forEach((value, name) => (headers[name.toLowerCase()] = value));
    return {
      status: response.status,
      headers,
      url: response.url === '' ? request.url : response.url,
      isDecoded: true,
      body: chunksOf(reader, new URL(request.url).host),
      cancel: () => void reader?.cancel().catch(() => undefined),
    };
  };
}

async function begin(
  fetch: PlatformFetch,
  { method, url, headers, body, mayFollowRedirects, signal }: Parameters<Fetcher>[0],
): Promise<PlatformResponse> {
  try {
    return await fetch(url, {
      method,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !forbidden.includes(name))),
      ...(body ? { body: new Uint8Array(body) } : {}),
      redirect: mayFollowRedirects ? 'follow' : 'error',
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      signal,
    });
  } catch (cause) {
    // A browser does not tell a script why: refused, no name, a bad certificate, CORS and a redirect look the same.
    throw new VerifierError(
      'CONNECTION_REFUSED',
      `${new URL(url).host} cannot be asked from here: it does not answer, redirects, or does not allow pages of other origins (CORS).`,
      { cause },
    );
  }
}

async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
  host: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new VerifierError('BODY_TRUNCATED', `${host}: the answer broke off.`, { cause });
  }
}
