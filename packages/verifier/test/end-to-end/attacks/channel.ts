/** Attacks on the connection: other keys, certificates that nobody logged, and answers that never end. */
import { gzipSync } from 'node:zlib';
import { createTlsAuthority, issueTlsCertificate } from '@vitrine/simtee/ct';
import { policies } from '../policies.ts';
import { type Respond, type Scene, honestScene } from '../scene.ts';
import type { World } from '../world.ts';
import { type Attack, once } from './attack.ts';

const native = (change: (scene: Scene, world: World) => Scene | Promise<Scene>) =>
  once(change, (world) => honestScene(world));
const answering = (respond: Respond) => native((scene) => ({ ...scene, respond }));

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const json = { 'content-type': 'application/json' };

export const channelAttacks: readonly Attack[] = [
  {
    name: 'another-tls-key',
    deed: 'stands between client and enclave with a key and a certificate of its own, good for the same name',
    visits: native(async (scene, world) => ({
      ...scene,
      tls: await world.issueTls(),
      attestedTls: world.tls,
    })),
    isOnTheNetwork: true,
    exit: 1,
    code: 'TLS_KEY_MISMATCH',
    says: 'somebody stands between you and the enclave',
  },
  {
    name: 'forged-sct',
    deed: "makes up a log's promise, so that nobody sees the certificate in public",
    visits: native(async (scene, world) => ({
      ...scene,
      tls: await world.issueTls({ sctDefects: [{}, { forged: true, withheld: true }] }),
    })),
    exit: 1,
    code: 'SCT_SIGNATURE_INVALID',
    says: 'The timestamp was made up',
  },
  {
    name: 'certificate-in-one-log',
    deed: 'has the certificate logged by one operator, who is in league with it',
    visits: native(async (scene, world) => ({
      ...scene,
      tls: await world.issueTls({ logs: world.logs.slice(0, 1) }),
    })),
    exit: 1,
    code: 'SCT_INSUFFICIENT',
    says: 'The certificate is on public record',
  },
  {
    name: 'certificate-in-no-log',
    deed: 'uses a certificate that was never logged',
    visits: native(async (scene, world) => ({ ...scene, tls: await world.issueTls({ logs: [] }) })),
    exit: 1,
    code: 'SCT_ABSENT',
    says: 'The certificate was not logged',
  },
  {
    name: 'broken-promise',
    deed: 'is in league with both logs, which promised to show the certificate and hide it',
    visits: native(async (scene, world) => ({
      ...scene,
      tls: await world.issueTls({ sctDefects: [{ withheld: true }, { withheld: true }] }),
    })),
    policy: () => policies.everything,
    exit: 3,
    code: 'channel.inclusion',
    says: 'The logs show the certificate to everyone',
  },
  {
    name: 'certificate-of-another-name',
    deed: 'answers with a certificate for another name',
    visits: native(async (scene, world) => ({
      ...scene,
      tls: await world.issueTls({ names: ['evil.example.org'] }),
    })),
    exit: 1,
    code: 'TLS_NAME_MISMATCH',
    says: 'evil.example.org',
  },
  {
    name: 'own-certification-authority',
    deed: 'issues the certificate with a certification authority of its own',
    visits: native(async (scene, { now, logs }) => ({
      ...scene,
      tls: await issueTlsCertificate(await createTlsAuthority(), {
        names: ['localhost'],
        notBefore: new Date(now.getTime() - DAY_MS),
        notAfter: new Date(now.getTime() + 60 * DAY_MS),
        logs: logs.slice(0, 2),
      }),
    })),
    exit: 1,
    code: 'TLS_CHAIN_INVALID',
    says: 'from a certification authority that is trusted',
  },
  {
    name: 'oversized-response',
    deed: 'answers with more bytes than any evidence has',
    visits: answering((_, response) => {
      response.writeHead(200, { ...json, 'content-length': String(1024 * MIB) });
      response.write('{'.padEnd(64 * 1024));
    }),
    isOnTheNetwork: true,
    exit: 3,
    code: 'BODY_TOO_LARGE',
    says: 'more than 16777216 bytes, which it never has',
  },
  {
    name: 'gzip-bomb',
    deed: 'answers with a few kilobytes that unpack to a hundred megabytes',
    visits: answering((_, response) => {
      response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb());
    }),
    isOnTheNetwork: true,
    exit: 3,
    code: 'BODY_TOO_LARGE',
    says: 'more than 16777216 bytes, which it never has',
  },
  {
    name: 'gzip-bomb-in-the-document',
    deed: 'hides such a bomb inside the document, where evidence is compressed',
    visits: once(
      (scene) => ({ ...scene, alter: (document) => void (document['body'] = bomb().toString('base64')) }),
      (world) => honestScene(world, 'tinfoil-v2'),
    ),
    policy: () => policies.withoutNonce,
    exit: 1,
    code: 'DOCUMENT_MALFORMED',
    says: 'bytes',
  },
  {
    name: 'slow-response',
    deed: 'sends its answer one byte at a time, to hold the client for ever',
    visits: answering((_, response) => {
      response.writeHead(200, json);
      const timer = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(timer));
    }),
    words: ['--timeout', '2'],
    isOnTheNetwork: true,
    exit: 3,
    code: 'TIMEOUT',
    says: 'no answer within 2000 ms',
  },
  {
    name: 'redirect-to-another-host',
    deed: 'sends the client to another host for its evidence',
    visits: answering((_, response) => {
      response.writeHead(302, { location: 'https://evil.example.org/attestation' }).end();
    }),
    isOnTheNetwork: true,
    exit: 3,
    code: 'REDIRECT_REFUSED',
    says: 'redirects to https://evil.example.org',
  },
  {
    name: 'something-else-than-evidence',
    deed: 'answers with JSON that is no evidence',
    visits: answering((_, response) => void response.writeHead(200, json).end('{"status":"ok"}')),
    exit: 3,
    code: 'DIALECT_UNKNOWN',
    says: 'none of the known ones',
  },
  {
    name: 'document-cut-off',
    deed: 'cuts its document in two and sends the first half',
    visits: answering(async (_, response, honest) => {
      const document = await honest();
      response.writeHead(200, json).end(document.subarray(0, document.length / 2));
    }),
    isOnTheNetwork: true,
    exit: 1,
    code: 'DOCUMENT_MALFORMED',
    says: 'The service shows what it is',
  },
];

function bomb(): Buffer {
  return gzipSync(new Uint8Array(100 * MIB));
}
