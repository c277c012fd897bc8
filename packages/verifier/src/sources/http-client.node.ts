/** HTTP by Node's own client: for endorsements over ordinary, checked TLS, and as the exchange of a pinned connection. */
import type http from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { VerifierError } from '../error.ts';
import type { FetchRequest, Fetcher, FetchResponse } from './fetcher.ts';
import type { ProxiedClient } from './proxied-client.node.ts';
import { type ProxyRules, proxyFor } from './proxies.node.ts';
import { socketFailure } from './socket-failure.node.ts';

export interface NodeClientOptions {
  /** Roots in PEM to trust instead of the system's: for a mirror with a certificate of its own. */
  readonly caPems?: readonly string[] | undefined;
  readonly proxies?: ProxyRules | undefined;
}

export interface NodeClient {
  readonly fetch: Fetcher;
  /** Lets go of idle connections. */
  close(): void;
}

/** A client for services whose certificates the web's roots vouch for. */
export function createNodeClient({ caPems, proxies = {} }: NodeClientOptions = {}): NodeClient {
  // Loaded here: what only replays a proof starts sooner without them.
  const [http, https] = [process.getBuiltinModule('node:http'), process.getBuiltinModule('node:https')];
  const common = { keepAlive: true, maxSockets: 8 } as const;
  const secure = new https.Agent({
    ...common,
    minVersion: 'TLSv1.2',
    ...(caPems ? { ca: [...caPems] } : {}),
  });
  const plain = new http.Agent(common);
  let proxied: Promise<ProxiedClient> | undefined;
  return {
    fetch: async (request) => {
      const proxy = proxyFor(new URL(request.url), proxies);
      if (proxy) {
        proxied ??= import('./proxied-client.node.ts').then(({ createProxiedClient }) =>
          createProxiedClient(caPems),
        );
        return (await proxied).fetch(request, proxy);
      }
      return request.url.startsWith('https:')
        ? exchange(request, (options) => https.request(request.url, { ...options, agent: secure }))
        : exchange(request, (options) => http.request(request.url, { ...options, agent: plain }));
    },
    close: () => {
      secure.destroy();
      plain.destroy();
      void proxied?.then((client) => client.close());
    },
  };
}

const MAX_HEADER_BYTES = 64 * 1024;

/** What a request needs besides where it goes. */
export interface ExchangeOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxHeaderSize: number;
  readonly signal: AbortSignal;
}

/** Sends the request by what `begin` opens, and answers when the headers are there. */
export function exchange(
  request: FetchRequest,
  begin: (options: ExchangeOptions) => http.ClientRequest,
): Promise<FetchResponse> {
  const peer = new URL(request.url).host;
  return new Promise((resolve, reject) => {
    let failure: unknown;
    const outgoing = begin({
      method: request.method,
      headers: {
        'user-agent': 'vitrine',
        ...request.headers,
        ...(request.body ? { 'content-length': String(request.body.length) } : {}),
      },
      maxHeaderSize: MAX_HEADER_BYTES,
      signal: request.signal,
    });
    outgoing.on('error', (error) => {
      failure ??= error;
      reject(socketFailure(error, peer));
    });
    outgoing.on('response', (incoming) => resolve(responseOf(incoming, request.url, peer, () => failure)));
    // A server that switches protocols, or a proxy's tunnel, is none of what was asked for.
    for (const event of ['upgrade', 'connect'] as const)
      outgoing.on(event, (_, socket: Socket) => {
        socket.destroy();
        reject(new VerifierError('PROTOCOL_ERROR', `${peer}: it leaves HTTP unasked.`));
      });
    outgoing.end(request.body);
  });
}

function responseOf(
  incoming: IncomingMessage,
  url: string,
  peer: string,
  failureOfSocket: () => unknown,
): FetchResponse {
  // Without a listener an error of a body that nobody reads any more would end the process.
  incoming.on('error', () => undefined);
  return {
    status: incoming.statusCode ?? 0,
    headers: headersOf(incoming),
    url,
    isDecoded: false,
    body: chunksOf(incoming, peer, failureOfSocket),
    // What was read to its end leaves the connection to the next request.
    cancel: () => {
      if (!incoming.readableEnded) incoming.destroy();
    },
  };
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  );
  return Object.fromEntries(entries);
}

async function* chunksOf(
  incoming: IncomingMessage,
  peer: string,
  failureOfSocket: () => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    const failure = failureOfSocket();
    if (failure !== undefined) throw socketFailure(failure, peer);
    throw new VerifierError('BODY_TRUNCATED', `${peer}: it hung up before the answer was complete.`, {
      cause,
    });
  }
}
