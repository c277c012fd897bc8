/**
 * A TLS connection to the service, opened before anything is sent: its certificates are shown to our own checks, and
 * requests then go over this very connection and no other.
 */
import http from 'node:http';
import { X509Certificate, constants } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { equalBytes } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import type { Fetcher } from './fetcher.ts';
import { exchange } from './http-client.node.ts';
import { type Proxy, type ProxyRules, proxyFor } from './proxies.node.ts';
import { socketFailure } from './socket-failure.node.ts';
import { startTimer } from './timer.ts';
import { openTunnel } from './tunnel.node.ts';

export interface ConnectionOptions {
  /** https; of its path nothing is used. */
  readonly url: string | URL;
  readonly signal?: AbortSignal | undefined;
  /** For name, connection and handshake together; default 15 s. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** The connection then goes through a proxy; the certificates are those of the server behind it. */
  readonly proxies?: ProxyRules | undefined;
}

export interface Connection {
  /** Name that was connected to; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** DERs that the server sent, the leaf first, each after it the issuer of the one before. Nobody has judged them. */
  readonly certificates: readonly Uint8Array[];
  /** "TLSv1.3" */
  readonly protocol: string;
  /** Requests to the same origin. After the server has hung up, a new connection must show the same leaf key. */
  readonly fetch: Fetcher;
  close(): void;
}

/**
 * Connects and completes the handshake, whatever the certificate; no byte of a request is sent.
 * @throws VerifierError ARGUMENT_INVALID, ABORTED or a FetchErrorCode
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const target = targetOf(options.url, options.proxies ?? {});
  const first = await handshake(target, options);
  const agent = new PinnedAgent(target, options, first);
  return {
    host: target.host,
    port: target.port,
    certificates: first.certificates,
    protocol: first.socket.getProtocol() ?? '',
    fetch: (request) => agent.fetch(request),
    close: () => agent.close(),
  };
}

interface Target {
  readonly origin: string;
  /** As the Host header has it. */
  readonly authority: string;
  readonly host: string;
  readonly port: number;
  /** undefined: directly. */
  readonly proxy: Proxy | undefined;
}

function targetOf(url: string | URL, proxies: ProxyRules): Target {
  if (!URL.canParse(String(url)))
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(String(url).slice(0, 160))} is no address.`,
    );
  const { protocol, origin, host: authority, hostname, port } = new URL(url);
  if (protocol !== 'https:')
    throw new VerifierError('ARGUMENT_INVALID', `${authority}: a secure connection needs an https address.`);
  return {
    origin,
    authority,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 443 : Number(port),
    proxy: proxyFor(new URL(url), proxies),
  };
}

interface Handshake {
  readonly socket: tls.TLSSocket;
  readonly certificates: readonly Uint8Array[];
  /** DER of the leaf's SubjectPublicKeyInfo. */
  readonly key: Uint8Array;
}

const defaultHandshakeTimeoutMs = 15_000;

async function handshake(
  target: Target,
  { signal, handshakeTimeoutMs = defaultHandshakeTimeoutMs }: ConnectionOptions,
): Promise<Handshake> {
  const { proxy } = target;
  if (!proxy) return secure(target, undefined, signal, handshakeTimeoutMs);
  const begunMs = performance.now();
  const tunnel = await openTunnel(proxy, target, { signal, timeoutMs: handshakeTimeoutMs });
  const leftMs = Math.max(1, handshakeTimeoutMs - (performance.now() - begunMs));
  return secure(target, tunnel, signal, Math.ceil(leftMs));
}

/** @param tunnel to the target; undefined: a connection of its own */
function secure(
  { host, port, authority }: Target,
  tunnel: Duplex | undefined,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      tunnel?.destroy();
      reject(aborted(authority));
      return;
    }
    const socket = tls.connect({
      ...(tunnel ? { socket: tunnel } : { host, port }),
      // RFC 6066 section 3: an address is no server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // TLS 1.2 could show another certificate on the same connection.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      // Our own checks judge the chain, and with no roots here none is added to what the server sent.
      rejectUnauthorized: false,
      ca: [],
    });
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      tunnel?.destroy();
      reject(error);
    };
    const onAbort = () => fail(aborted(authority));
    const onError = (error: Error) => fail(socketFailure(error, authority));
    const timer = startTimer(timeoutMs, () =>
      fail(new VerifierError('TIMEOUT', `${authority}: no connection within ${timeoutMs} ms.`)),
    );
    const settle = () => {
      timer.stop();
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      // Errors after this belong to the request that runs into them.
      socket.on('error', () => undefined);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.once('secureConnect', () => {
      settle();
      try {
        const certificates = certificatesOf(socket);
        resolve({ socket, certificates, key: keyOf(certificates[0], authority) });
      } catch (error) {
        socket.destroy();
        reject(socketFailure(error, authority));
      }
    });
  });
}

const MAX_CERTIFICATES = 16;

function certificatesOf(socket: tls.TLSSocket): Uint8Array[] {
  const found: Uint8Array[] = [];
  let current: tls.DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current && (current as Partial<typeof current>).raw && found.length < MAX_CERTIFICATES) {
    found.push(new Uint8Array(current.raw));
    // A root is its own issuer.
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate;
  }
  return found;
}

/** @throws VerifierError TLS_FAILED */
function keyOf(leaf: Uint8Array | undefined, authority: string): Uint8Array {
  if (!leaf) throw new VerifierError('TLS_FAILED', `${authority}: it shows no certificate.`);
  try {
    return new X509Certificate(leaf).publicKey.export({ type: 'spki', format: 'der' });
  } catch (cause) {
    throw new VerifierError('TLS_FAILED', `${authority}: the key of its certificate cannot be read.`, {
      cause,
    });
  }
}

/** Hands out one connection at a time, and another one only with the same key. */
class PinnedAgent extends http.Agent {
  readonly #target: Target;
  readonly #options: ConnectionOptions;
  readonly #key: Uint8Array;
  readonly #closed = new AbortController();
  #socket: tls.TLSSocket | undefined;

  constructor(target: Target, options: ConnectionOptions, first: Handshake) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#target = target;
    this.#options = options;
    this.#key = first.key;
    this.#socket = first.socket;
  }

  readonly fetch: Fetcher = async (request) => {
    const { origin, host, port, authority } = this.#target;
    const url = new URL(request.url);
    if (this.#closed.signal.aborted)
      throw new VerifierError('PROTOCOL_ERROR', `${authority}: the connection was closed.`);
    if (url.origin !== origin)
      throw new VerifierError(
        'PROTOCOL_ERROR',
        `The connection is to ${origin}, a request for ${url.origin} does not belong on it.`,
      );
    return exchange(request, (options) =>
      http.request({
        ...options,
        agent: this,
        host,
        port,
        path: url.pathname + url.search,
        headers: { ...options.headers, host: authority },
      }),
    );
  };

  close(): void {
    this.#closed.abort();
    this.#socket?.destroy();
    this.destroy();
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | undefined {
    const ready = this.#socket;
    this.#socket = undefined;
    if (ready && !ready.destroyed && ready.writable && !ready.readableEnded) return ready;
    ready?.destroy();
    this.#reconnect().then(
      (socket) => callback?.(null, socket),
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    );
    return undefined;
  }

  async #reconnect(): Promise<Duplex> {
    const { signal, ...options } = this.#options;
    const ends = [this.#closed.signal, ...(signal ? [signal] : [])];
    const next = await handshake(this.#target, { ...options, signal: AbortSignal.any(ends) });
    if (equalBytes(next.key, this.#key)) return next.socket;
    next.socket.destroy();
    throw new VerifierError(
      'PROTOCOL_ERROR',
      `${this.#target.authority}: after it hung up, it answers with another key than the one that was verified.`,
    );
  }
}

function aborted(authority: string): VerifierError {
  return new VerifierError('ABORTED', `Stopped while connecting to ${authority}.`);
}
