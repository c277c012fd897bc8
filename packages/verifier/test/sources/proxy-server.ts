/** A CONNECT proxy on the loopback, honest or not. */
import http from 'node:http';
import net, { type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { listen } from './servers.ts';

export interface ProxyServer {
  readonly port: number;
  readonly url: string;
  /** "CONNECT localhost:443" and what was asked for in full. */
  readonly requests: string[];
  readonly authorizations: (string | undefined)[];
}

export interface ProxyOptions {
  /** Whatever is asked for, the client comes out here. */
  readonly leadTo?: number;
  /** "Basic …" that is asked for. */
  readonly password?: string;
}

export async function serveProxy(
  t: TestContext,
  { leadTo, password }: ProxyOptions = {},
): Promise<ProxyServer> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const isKnown = (request: http.IncomingMessage): boolean => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const given = request.headers['proxy-authorization'];
    authorizations.push(given);
    return password === undefined || given === password;
  };
  const server = http.createServer((request, response) => {
    if (!isKnown(request)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="x"' }).end();
      return;
    }
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const { hostname, port, pathname, search } = new URL(request.url ?? '');
    const onward = http.request(
      { host: hostname, port: leadTo ?? port, path: pathname + search, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined);
    if (!isKnown(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${request.url ?? ''}`);
    const onward = net.connect(
      leadTo ?? Number(port || 80),
      leadTo ? '127.0.0.1' : hostname.replace(/^\[|\]$/g, ''),
    );
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    onward.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    socket.on('close', () => onward.destroy());
    t.after(() => onward.destroy());
  });
  const port = await listen(t, server);
  return { port, url: `http://127.0.0.1:${port}`, requests, authorizations };
}

/** What a proxy may do in place of opening a way; the head of the request has arrived. */
export const proxyFaults: readonly {
  readonly name: string;
  readonly behave: (socket: Socket) => void;
  readonly says: RegExp;
}[] = [
  { name: 'wants a password', behave: (s) => s.end('HTTP/1.1 407 Who\r\n\r\n'), says: /status 407/ },
  { name: 'cannot connect', behave: (s) => s.end('HTTP/1.1 502 Bad\r\n\r\n'), says: /status 502/ },
  {
    name: 'redirects',
    behave: (s) => s.end('HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\n\r\n'),
    says: /status 302/,
  },
  { name: 'only informs', behave: (s) => s.end('HTTP/1.1 100 Continue\r\n\r\n'), says: /status 100/ },
  { name: 'speaks no HTTP', behave: (s) => s.end('220 mail.example ESMTP\r\n\r\n'), says: /no HTTP/ },
  { name: 'answers with junk', behave: (s) => s.end(new Uint8Array(20_000).fill(7)), says: /16384 bytes/ },
  {
    name: 'never ends its headers',
    behave: (socket) => {
      const line = `X: ${'a'.repeat(4000)}\r\n`;
      socket.write('HTTP/1.1 200 OK\r\n' + line.repeat(10));
    },
    says: /16384 bytes/,
  },
  { name: 'hangs up', behave: (socket) => socket.end(), says: /hung up/ },
  {
    name: 'hangs up in the middle of its answer',
    behave: (socket) => socket.end('HTTP/1.1 200 Conn'),
    says: /hung up/,
  },
  { name: 'resets', behave: (socket) => socket.resetAndDestroy(), says: /cut|hung up/ },
  {
    name: 'speaks in place of the server',
    behave: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
    says: /more than its answer/,
  },
  { name: 'says nothing', behave: () => undefined, says: /no way through it within/ },
  {
    name: 'answers a byte at a time',
    behave: (socket) => {
      const timer = setInterval(() => socket.write('H'), 50);
      socket.on('close', () => clearInterval(timer));
    },
    says: /no way through it within/,
  },
];

export async function serveFault(t: TestContext, behave: (socket: Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    let head = '';
    socket.on('data', (piece: Uint8Array) => {
      const before = head;
      head += new TextDecoder('latin1').decode(piece);
      if (!before.includes('\r\n\r\n') && head.includes('\r\n\r\n')) behave(socket);
    });
  });
  return `http://127.0.0.1:${await listen(t, server)}`;
}
