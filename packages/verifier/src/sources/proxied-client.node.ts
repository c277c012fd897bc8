/** Requests through a proxy: https in a tunnel, with the server's own TLS checked inside it; http as RFC 9112 section 3.2.2 has it. */
import http from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { FetchRequest, FetchResponse } from './fetcher.ts';
import { type ExchangeOptions, exchange } from './http-client.node.ts';
import { type Proxy, proxyName } from './proxies.node.ts';
import { connectToProxy, openTunnel, proxyFailure } from './tunnel.node.ts';

export interface ProxiedClient {
  fetch(request: FetchRequest, proxy: Proxy): Promise<FetchResponse>;
  /** Lets go of idle connections. */
  close(): void;
}

/** The request itself has a time of its own, and a signal. */
const TUNNEL_TIMEOUT_MS = 60_000;

/** @param caPems roots of servers, instead of this machine's */
export function createProxiedClient(caPems: readonly string[] | undefined): ProxiedClient {
  // By target: what was opened for one server serves no other.
  const agents = new Map<string, ProxyAgent>();
  return {
    fetch: async (request, proxy) => {
      const url = new URL(request.url);
      const isSecure = url.protocol === 'https:';
      const key = `${proxy.isSecure ? 'https' : 'http'} ${proxyName(proxy)} ${isSecure ? url.origin : 'http'}`;
      const agent = agents.get(key) ?? new ProxyAgent(proxy, isSecure ? url : undefined, caPems);
      agents.set(key, agent);
      const response = await exchange(request, (options) => agent.begin(url, options));
      if (isSecure || response.status !== 407) return response;
      response.cancel();
      throw proxyFailure(proxyName(proxy), 'it wants another name and password, or any (status 407)');
    },
    close: () => {
      for (const agent of agents.values()) agent.close();
    },
  };
}

interface Wish {
  /** Given when nobody waits for the way any more. */
  readonly unwanted?: AbortSignal | undefined;
}

class ProxyAgent extends http.Agent {
  readonly #proxy: Proxy;
  /** undefined: the proxy itself is asked. */
  readonly #target: URL | undefined;
  readonly #caPems: readonly string[] | undefined;
  readonly #closed = new AbortController();

  constructor(proxy: Proxy, target: URL | undefined, caPems: readonly string[] | undefined) {
    super({ keepAlive: true, maxSockets: 8 });
    this.#proxy = proxy;
    this.#target = target;
    this.#caPems = caPems;
  }

  begin(url: URL, options: ExchangeOptions): http.ClientRequest {
    const { authorization } = this.#proxy;
    const identity = authorization && !this.#target ? { 'proxy-authorization': authorization } : {};
    const request: http.RequestOptions & Wish = {
      ...options,
      // The agent hands on everything but the request's own signal.
      unwanted: options.signal,
      agent: this,
      host: url.hostname,
      port: portOf(url),
      path: this.#target ? url.pathname + url.search : url.href,
      headers: { ...options.headers, ...identity, host: url.host },
    };
    return http.request(request);
  }

  close(): void {
    this.#closed.abort();
    this.destroy();
  }

  override createConnection(
    { unwanted }: http.ClientRequestArgs & Wish,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | undefined {
    this.#connect(unwanted).then(
      (socket) => callback?.(null, socket),
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    );
    return undefined;
  }

  async #connect(unwanted: AbortSignal | undefined): Promise<Duplex> {
    const signal = AbortSignal.any([this.#closed.signal, ...(unwanted ? [unwanted] : [])]);
    const options = { signal, timeoutMs: TUNNEL_TIMEOUT_MS };
    const target = this.#target;
    if (!target) return connectToProxy(this.#proxy, options);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const socket = await openTunnel(this.#proxy, { host, port: portOf(target) }, options);
    return this.#secure(socket, host);
  }

  #secure(socket: Duplex, host: string): tls.TLSSocket {
    return tls.connect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      ...(this.#caPems ? { ca: [...this.#caPems] } : {}),
    });
  }
}

function portOf({ protocol, port }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
