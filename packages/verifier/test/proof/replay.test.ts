/** What was fetched, saved and loaded again answers as the network did. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNodeClient, loadProof, saveProof } from '../../src/index.node.ts';
import { RecordingSource, ReplayingSource, createNetworkSource } from '../../src/index.ts';
import type { ResourceRequest } from '../../src/source.ts';
import { serveHttp } from '../sources/servers.ts';
import { emptyProof } from './proofs.ts';

test('a proof answers as the network did, failures and headers included, and nothing else', async (t) => {
  const origin = await serveHttp(t, (request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/missing') response.writeHead(404).end();
    else if (request.url === '/page') response.setHeader('content-type', 'text/html').end('<html>');
    else response.setHeader('tcb-info-issuer-chain', 'chain').end(`{"at":"${request.url ?? ''}"}`);
  });
  const client = createNodeClient();
  t.after(() => client.close());
  const mirrors = { 'intel-tcb-info': { 'https://api.trustedservices.intel.com': origin } };
  const source = new RecordingSource(createNetworkSource({ fetch: client.fetch, attempts: 1, mirrors }));
  const requests: readonly ResourceRequest[] = [
    { kind: 'endpoint-document', url: `${origin}/document` },
    { kind: 'endpoint-document', url: `${origin}/missing` },
    { kind: 'endpoint-document', url: `${origin}/page` },
    {
      kind: 'intel-tcb-info',
      url: 'https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=00',
    },
    { kind: 'nvidia-ocsp', url: `${origin}/`, body: Uint8Array.of(1, 2, 3) },
    { kind: 'boot-part', url: `sha256:${'0'.repeat(64)}` },
  ];
  const live = [];
  for (const request of requests) live.push(await source.get(request));
  assert.deepEqual(
    live.map((answer) => (answer.ok ? 'ok' : answer.code)),
    ['ok', 'HTTP_STATUS', 'CONTENT_TYPE_UNEXPECTED', 'ok', 'CONTENT_TYPE_UNEXPECTED', 'OFFLINE'],
  );
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await saveProof(join(folder, 'proof.json'), { ...emptyProof, answers: await source.recorded() });
  const replaying = new ReplayingSource((await loadProof(join(folder, 'proof.json'))).answers);
  for (const [at, request] of requests.entries()) assert.deepEqual(await replaying.get(request), live[at]);
  for (const request of [
    { kind: 'endpoint-document', url: `${origin}/other` },
    { kind: 'amd-crl', url: `${origin}/document` },
    { kind: 'nvidia-ocsp', url: `${origin}/`, body: Uint8Array.of(1, 2) },
  ] as const) {
    const answer = await replaying.get(request);
    assert.equal(!answer.ok && answer.code, 'OFFLINE');
  }
});
