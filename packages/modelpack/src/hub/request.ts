import { Connection } from './connection.ts';
import { HubError } from './error.ts';
import type { Hub } from './hub.ts';
import { printable, printableUrl } from './printable.ts';

/** The head of an answer that is not a redirect; its body can be read once, or be dropped. */
export interface Answer {
  status: number;
  headers: Headers;
  /** Where the answer came from, after all redirects. */
  url: URL;
  /** It came from another origin than the Hub's endpoint. */
  foreign: boolean;
  /** The body. Leaving the loop early drops the connection. */
  chunks(): AsyncGenerator<Uint8Array, void, void>;
  drop(): void;
}

const maxRedirects = 5;
const redirectStatuses = [301, 302, 303, 307, 308];

/**
 * A GET whose redirects are followed by hand, for three reasons: the access token goes to the endpoint's own origin
 * and not one step further, not even when a chain comes back to it; https never becomes http; and `inspect` sees the
 * headers of every step on the endpoint's origin (the Hub states commit and size on the redirect, not at its end).
 * @throws {HubError} REDIRECT_REFUSED, CONNECTION_FAILED, ABORTED
 * @throws {Setback} CONNECTION_FAILED, TIMEOUT
 */
export async function get(
  hub: Hub,
  start: URL,
  headers: Record<string, string>,
  inspect: (headers: Headers) => void = () => undefined,
): Promise<Answer> {
  const connection = new Connection(hub);
  try {
    let url = start;
    let trusted = start.origin === hub.endpoint.origin;
    for (let hops = 0; ; hops++) {
      const authorization =
        trusted && hub.token !== undefined ? { authorization: `Bearer ${hub.token}` } : {};
      const response = await connection.wait(
        url,
        hub.fetch(url, {
          redirect: 'manual',
          signal: connection.signal,
          headers: { 'user-agent': 'vitrine', ...headers, ...authorization },
        }),
      );
      if (trusted) inspect(response.headers);
      if (!redirectStatuses.includes(response.status)) return answer(hub, connection, url, response);
      await connection.wait(url, readAway(response));
      if (hops === maxRedirects) {
        throw new HubError(
          'REDIRECT_REFUSED',
          `${printableUrl(start)} leads through more than ${maxRedirects} redirects, the last to ${printableUrl(url)}. The server is misconfigured; try another endpoint.`,
        );
      }
      url = nextHop(url, response.headers.get('location'));
      trusted &&= url.origin === hub.endpoint.origin;
    }
  } catch (failure) {
    connection.drop();
    throw failure;
  }
}

const maxReadAwayBytes = 16 * 1024;

/** Reads the few words of a redirect, so that the connection can be used again; cuts it when they are not few. */
async function readAway(response: Response): Promise<void> {
  let seenBytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    seenBytes += chunk.length;
    if (seenBytes > maxReadAwayBytes) return;
  }
}

function nextHop(from: URL, location: string | null): URL {
  const refuse = (found: string): never => {
    throw new HubError(
      'REDIRECT_REFUSED',
      `${printableUrl(from)} redirects to ${found}, which is not followed. Check the endpoint, and what is between it and this machine.`,
    );
  };
  const to = location === null ? null : URL.parse(location, from.href);
  if (to === null)
    return refuse(location === null ? 'nowhere (no Location header)' : 'something that is not a URL');
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    return refuse(`the scheme ${printable(to.protocol)}`);
  if (to.protocol === 'http:' && from.protocol === 'https:') return refuse(`unencrypted ${printableUrl(to)}`);
  if (to.username !== '' || to.password !== '') return refuse('a URL with a user name or password');
  to.hash = '';
  return to;
}

function answer(hub: Hub, connection: Connection, url: URL, response: Response): Answer {
  return {
    status: response.status,
    headers: response.headers,
    url,
    foreign: url.origin !== hub.endpoint.origin,
    drop: () => connection.drop(),
    async *chunks() {
      let complete = false;
      try {
        const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
        while (reader) {
          const { done, value } = await connection.wait(url, reader.read());
          if (done) break;
          yield value;
        }
        complete = true;
      } finally {
        if (complete) connection.finish();
        else connection.drop();
      }
    },
  };
}

/** The media type without its parameters, in lower case; empty when there is none. */
export function mediaType(headers: Headers): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
}
