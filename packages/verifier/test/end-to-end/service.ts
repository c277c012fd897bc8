/** The service under test: real HTTPS on this machine, and one HTTP server that stands in for vendors, GitHub and logs. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { formatPem, fromHex } from '@vitrine/bytes';
import { mirrorAnswer } from './mirror.ts';
import { type DialectForm, type Scene, writeDocument } from './scene.ts';
import { CT_ORIGIN, type World } from './world.ts';

export interface Service {
  /** "https://localhost:PORT" */
  readonly url: string;
  /** --mirror and the like: words for the command. */
  readonly mirrorWords: readonly string[];
  /** What it shows from the next request on; another certificate from the next connection on. */
  show(scene: Scene): Promise<void>;
  close(): Promise<void>;
}

const origins = [
  'https://kdsintf.amd.com',
  'https://api.trustedservices.intel.com',
  'https://certificates.trustedservices.intel.com',
  'https://rim.attestation.nvidia.com',
  'http://ocsp.ndis.nvidia.com',
  'https://api.github.com',
  'https://github.com',
  'https://tuf-repo-cdn.sigstore.dev',
  CT_ORIGIN,
];

const places: Readonly<Record<DialectForm, string>> = {
  vitrine: '/.well-known/vitrine/attestation',
  'tinfoil-v3': '/.well-known/tinfoil-attestation',
  'tinfoil-v2': '/.well-known/tinfoil-attestation',
  blyss: '/.well-known/appspecific/dev.blyss.enclave/attestation.json',
};

export async function startService(world: World, first: Scene): Promise<Service> {
  let scene = first;
  const secure = https.createServer(await identityOf(scene), (request, response) => {
    answer(response, () => serve(scene, world, request, response));
  });
  const mirror = http.createServer((request, response) => {
    answer(response, () => serveMirror(scene, world, request, response));
  });
  const [end, endMirror] = [sockets(secure), sockets(mirror)];
  const [port, mirrorPort] = [await listen(secure), await listen(mirror)];
  return {
    url: `https://localhost:${port}`,
    mirrorWords: origins.flatMap((origin) => ['--mirror', `${origin}=http://127.0.0.1:${mirrorPort}`]),
    show: async (next) => {
      scene = next;
      secure.setSecureContext(await identityOf(next));
    },
    close: async () => {
      await Promise.all([end(), endMirror()]);
    },
  };
}

async function identityOf({ tls }: Scene): Promise<{ readonly key: string; readonly cert: string }> {
  return { key: formatPem('PRIVATE KEY', await tls.key.exportPkcs8()), cert: tls.chainPem };
}

async function serve(
  scene: Scene,
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
  if (pathname !== places[scene.dialect]) {
    response.writeHead(404).end();
    return;
  }
  const honest = (): Promise<Uint8Array> =>
    writeDocument(scene, world, fromHex(searchParams.get('nonce') ?? '00'.repeat(32)));
  if (scene.respond) return scene.respond(request, response, honest);
  response.writeHead(200, { 'content-type': 'application/json' }).end(await honest());
}

async function serveMirror(
  scene: Scene,
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of request as AsyncIterable<Uint8Array>) pieces.push(piece);
  const path = request.url ?? '/';
  const honest = async (): Promise<Uint8Array> =>
    (await mirrorAnswer(scene, world, path, Buffer.concat(pieces)))?.body ?? new Uint8Array(0);
  const other = scene.mirror?.(path);
  if (other) return other(request, response, honest);
  const found = await mirrorAnswer(scene, world, path, Buffer.concat(pieces));
  if (found) response.writeHead(200, found.headers).end(found.body);
  else response.writeHead(404).end();
}

/** A defect of the service itself must not look like an attack that was noticed. */
function answer(response: ServerResponse, serving: () => Promise<void>): void {
  serving().catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** @returns ends the server and every connection to it */
function sockets(server: Server): () => Promise<void> {
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  };
  server.on('connection', track);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
}
