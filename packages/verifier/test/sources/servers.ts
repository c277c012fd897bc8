/** Loopback servers for tests: HTTP, TLS with certificates of a local authority, and bare sockets that misbehave. */
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server } from 'node:net';
import type { TestContext } from 'node:test';
import { formatPem } from '@vitrine/bytes';
import { derElement, derSequence, derIa5String } from '@vitrine/bytes/der-writer';
import {
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
  signerExtensions,
} from '@vitrine/simtee/authority';
import type { Certificate } from '@vitrine/x509';

/** Listens on a free port of the loopback until the test ends; every connection is cut then. */
export async function listen(t: TestContext, server: Server, host = '127.0.0.1'): Promise<number> {
  const open = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export async function serveHttp(t: TestContext, handler: http.RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, http.createServer(handler))}`;
}

/** Each request head that arrives is answered by whatever the function does to the socket. */
export async function serveBytes(
  t: TestContext,
  answer: (socket: net.Socket, requestHead: string) => void,
): Promise<string> {
  const server = net.createServer((socket) => {
    let head = '';
    socket.on('data', (chunk: Uint8Array) => {
      head += new TextDecoder().decode(chunk);
      if (!head.includes('\r\n\r\n')) return;
      const complete = head;
      head = '';
      answer(socket, complete);
    });
  });
  return `http://127.0.0.1:${await listen(t, server)}`;
}

export interface Identity {
  readonly key: SigningKey;
  readonly keyPem: string;
  readonly certificate: Certificate;
  /** Leaf and intermediate. */
  readonly chainPem: string;
}

export interface LocalAuthority {
  readonly rootPem: string;
  readonly intermediate: Certificate;
  issue(options?: {
    readonly names?: readonly string[];
    readonly key?: SigningKey;
    readonly notAfter?: Date;
  }): Promise<Identity>;
}

const name = (common: string): NameParts => [
  ['O', 'Vitrine tests'],
  ['CN', common],
];
const from = new Date('2020-01-01T00:00:00Z');
const to = new Date('2040-01-01T00:00:00Z');
const SUBJECT_ALT_NAME = '2.5.29.17';
let serialNumber = 1;

export async function localAuthority(): Promise<LocalAuthority> {
  const rootKey = await generateKey('P-256');
  const intermediateKey = await generateKey('P-256');
  const common = { issuer: name('Root'), issuerKey: rootKey, notBefore: from, notAfter: to };
  const root = await issueCertificate({
    ...common,
    serialNumber: serialNumber++,
    subject: name('Root'),
    subjectPublicKeyInfo: rootKey.subjectPublicKeyInfo,
    extensions: authorityExtensions(),
  });
  const intermediate = await issueCertificate({
    ...common,
    serialNumber: serialNumber++,
    subject: name('Intermediate'),
    subjectPublicKeyInfo: intermediateKey.subjectPublicKeyInfo,
    extensions: authorityExtensions(0),
  });
  return {
    rootPem: formatPem('CERTIFICATE', root.der),
    intermediate,
    issue: async ({ names = ['localhost'], key, notAfter = to } = {}) => {
      const leafKey = key ?? (await generateKey('P-256'));
      const certificate = await issueCertificate({
        serialNumber: serialNumber++,
        issuer: name('Intermediate'),
        issuerKey: intermediateKey,
        notBefore: from,
        notAfter,
        subject: name(names[0] ?? 'nobody'),
        subjectPublicKeyInfo: leafKey.subjectPublicKeyInfo,
        extensions: [...signerExtensions(), { oid: SUBJECT_ALT_NAME, value: subjectAltNames(names) }],
      });
      return {
        key: leafKey,
        keyPem: formatPem('PRIVATE KEY', await leafKey.exportPkcs8()),
        certificate,
        chainPem: formatPem('CERTIFICATE', certificate.der) + formatPem('CERTIFICATE', intermediate.der),
      };
    },
  };
}

/** dNSName is [2], iPAddress [7] (RFC 5280 section 4.2.1.6). */
function subjectAltNames(names: readonly string[]): Uint8Array {
  return derSequence(
    ...names.map((text) =>
      net.isIPv4(text)
        ? derElement(0x87, Uint8Array.from(text.split('.').map(Number)))
        : derElement(0x82, derIa5String(text).subarray(2)),
    ),
  );
}

export interface TlsServer {
  readonly port: number;
  readonly server: https.Server;
  /** Handshakes that were completed. */
  handshakes: number;
  readonly serverNames: (string | false | null)[];
  readonly requests: string[];
}

export async function serveTls(
  t: TestContext,
  identity: Identity,
  handler: http.RequestListener = answerJson,
  options: https.ServerOptions = {},
  host = '127.0.0.1',
): Promise<TlsServer> {
  const requests: string[] = [];
  const serverNames: (string | false | null)[] = [];
  const server = https.createServer(
    { key: identity.keyPem, cert: identity.chainPem, ...options },
    (request, response) => {
      requests.push(request.url ?? '');
      handler(request, response);
    },
  );
  const result: TlsServer = { port: 0, server, handshakes: 0, serverNames, requests };
  server.on('secureConnection', (socket) => {
    result.handshakes++;
    serverNames.push(socket.servername);
  });
  server.on('tlsClientError', () => undefined);
  return Object.assign(result, { port: await listen(t, server, host) });
}

export function answerJson(_request: unknown, response: http.ServerResponse): void {
  response.setHeader('content-type', 'application/json');
  response.end('{"a":1}');
}
