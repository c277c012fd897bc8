/** A way through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6). What comes out of it is believed no more than the network. */
import net, { isIP } from 'node:net';
import tls from 'node:tls';
import { VerifierError } from '../error.ts';
import { type Proxy, proxyName } from './proxies.node.ts';
import { startTimer } from './timer.ts';
import { socketFailure } from './socket-failure.node.ts';

export interface TunnelOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
}

const MAX_HEAD_BYTES = 16 * 1024;

/** @param target to which the proxy shall connect @throws VerifierError PROXY_FAILED or ABORTED */
export async function openTunnel(
  proxy: Proxy,
  target: { readonly host: string; readonly port: number },
  options: TunnelOptions,
): Promise<net.Socket> {
  const authority = `${isIP(target.host) === 6 ? `[${target.host}]` : target.host}:${target.port}`;
  return establish(proxy, options, (socket, done, fail) => {
    const authorization = proxy.authorization ? `Proxy-Authorization: ${proxy.authorization}\r\n` : '';
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`);
    let head = Buffer.alloc(0);
    const onReadable = (): void => {
      for (let piece = read(socket); piece; piece = read(socket)) {
        head = Buffer.concat([head, piece]);
        const end = head.indexOf('\r\n\r\n');
        if (end === -1 && head.length <= MAX_HEAD_BYTES) continue;
        socket.off('readable', onReadable);
        const complaint =
          end === -1 || end > MAX_HEAD_BYTES
            ? `its answer has more than ${MAX_HEAD_BYTES} bytes of headers`
            : complaintOf(head, end, authority);
        if (complaint === undefined) done();
        else fail(complaint);
        return;
      }
    };
    socket.on('readable', onReadable);
  });
}

/** A connection to the proxy itself, for requests of plain http. @throws VerifierError PROXY_FAILED or ABORTED */
export function connectToProxy(proxy: Proxy, options: TunnelOptions): Promise<net.Socket> {
  return establish(proxy, options, (_, done) => done());
}

function establish(
  proxy: Proxy,
  { signal, timeoutMs }: TunnelOptions,
  afterConnect: (socket: net.Socket, done: () => void, fail: (why: string) => void) => void,
): Promise<net.Socket> {
  const { host, port, isSecure } = proxy;
  const name = proxyName(proxy);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(stopped(name));
      return;
    }
    const socket = isSecure
      ? tls.connect({ host, port, minVersion: 'TLSv1.2', ...(isIP(host) === 0 ? { servername: host } : {}) })
      : net.connect({ host, port });
    const settle = (): void => {
      timer.stop();
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      // Errors after this belong to whoever uses the way.
      socket.on('error', () => undefined);
    };
    const end = (error: VerifierError): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const fail = (why: string, cause?: unknown): void => end(proxyFailure(name, why, cause));
    const onAbort = (): void => end(stopped(name));
    const onError = (error: Error): void =>
      fail(socketFailure(error, 'it').message.replace(/^it: |\.$/g, ''), error);
    const onEnd = (): void => fail('it hung up before there was a way through');
    const timer = startTimer(timeoutMs, () => fail(`no way through it within ${timeoutMs} ms`));
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.once(isSecure ? 'secureConnect' : 'connect', () =>
      afterConnect(
        socket,
        () => {
          settle();
          resolve(socket);
        },
        fail,
      ),
    );
  });
}

function read(socket: net.Socket): Buffer | undefined {
  const piece: unknown = socket.read();
  return Buffer.isBuffer(piece) ? piece : undefined;
}

/** @returns what is wrong with the answer, undefined for a way that is open */
function complaintOf(head: Buffer, end: number, authority: string): string | undefined {
  const [, status] =
    /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |\r\n)/.exec(`${head.toString('latin1', 0, end)}\r\n`) ?? [];
  if (status === undefined) return 'what it answers is no HTTP';
  if (status === '407') return 'it wants another name and password, or any (status 407)';
  if (!status.startsWith('2')) return `it does not connect to ${authority} (status ${status})`;
  // In TLS the client speaks first: whatever is here is not the server's.
  return head.length > end + 4 ? 'it sends more than its answer' : undefined;
}

export function proxyFailure(name: string, why: string, cause?: unknown): VerifierError {
  return new VerifierError('PROXY_FAILED', `The proxy ${name}: ${why}.`, { cause });
}

function stopped(name: string): VerifierError {
  return new VerifierError('ABORTED', `Stopped while connecting to the proxy ${name}.`);
}
