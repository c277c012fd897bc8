/** A proof that was gathered in Node is replayed in headless Chromium: the same result, byte for byte. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { toBase64 } from '@vitrine/bytes';
import { ctLogListJson } from '@vitrine/simtee/ct';
import { formatPemCertificates } from '@vitrine/x509';
import { type Browser, type Page, chromium } from 'playwright-core';
import { bundle } from '../../../evidence/test/bundle.ts';
import { defaultPolicy, formatPolicy, writeProof } from '../../src/index.ts';
import { repository } from '../end-to-end/release.ts';
import { type Scene, honestScene } from '../end-to-end/scene.ts';
import type { World } from '../end-to-end/world.ts';
import { type GatherRequest, gather } from '../result/gathered.ts';
import { newWorld } from '../result/results.ts';
import { type AnchorTexts, type ReplayRequest, replayProof } from './page.ts';

const chromiumPath = '/usr/bin/chromium';
const withoutBrowser = !existsSync(chromiumPath) && `no ${chromiumPath} (Debian package chromium)`;
const MAX_BUNDLE_BYTES = 256 * 1024;

/** What a page loads of the verifier, YAML included. */
test('the verifier is one script without anything of Node, and a page can afford it', async () => {
  const code = await bundle(new URL('../../src/index.ts', import.meta.url).pathname, { minify: true });
  const gzipBytes = gzipSync(code, { level: 9 }).length;
  assert.ok(gzipBytes < MAX_BUNDLE_BYTES, `${code.length} bytes, ${gzipBytes} gzipped`);
});

describe('a proof replayed in Chromium', { skip: withoutBrowser, concurrency: false }, () => {
  let world: World;
  let anchors: AnchorTexts;
  let browser: Browser | undefined;
  let page: Page;
  let server: ReturnType<typeof createServer>;

  before(async () => {
    world = await newWorld();
    anchors = anchorTexts(world);
    const code = await bundle(new URL('page.ts', import.meta.url).pathname);
    server = createServer((request, response) => {
      const isScript = request.url === '/replay.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? code : '<!doctype html><script type="module" src="/replay.js"></script>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({
      executablePath: chromiumPath,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => typeof globalThis.replayProof === 'function');
  });
  after(async () => {
    await browser?.close();
    server.close();
  });

  async function proofOf(
    change: Partial<Scene>,
    request: Partial<GatherRequest> = {},
  ): Promise<ReplayRequest> {
    const { proof } = await gather({ world, scene: { ...honestScene(world), ...change }, ...request });
    return { proofBase64: toBase64(await writeProof(proof)), anchors, atMs: null, policy: null };
  }

  function inBrowser(request: ReplayRequest): Promise<string> {
    return page.evaluate((given) => globalThis.replayProof(given), request);
  }

  /** @returns the verdict that both came to */
  async function sameInBoth(request: ReplayRequest): Promise<string> {
    const [here, there] = await Promise.all([replayProof(request), inBrowser(request)]);
    assert.equal(there, here);
    return (JSON.parse(there) as { verdict: string }).verdict;
  }

  test('has the same result, byte for byte, in every dialect and on both platforms', async () => {
    assert.equal(await sameInBoth(await proofOf({})), 'verified');
    for (const platform of ['sev-snp', 'tdx'] as const)
      for (const dialect of ['vitrine', 'tinfoil-v3', 'tinfoil-v2'] as const)
        await sameInBoth(await proofOf({ dialect, platform }));
    assert.equal(await sameInBoth(await proofOf({ dialect: 'blyss' })), 'not-checked');
  });

  test('has the same failure, byte for byte, where something was wrong', async () => {
    const changes: Partial<Scene>[] = [
      { report: { policy: 0xb0000n } },
      { measurement: new Uint8Array(48).fill(9) },
      { attestedNonce: new Uint8Array(32) },
      { gpuReport: () => ({ nonce: new Uint8Array(32) }) },
      { gpus: [world.gpus[0], world.otherGpu].slice(0, 1) },
      { alter: (document) => void (document['nonce'] = 'no digits') },
      { attestedTls: await world.issueTls() },
    ];
    for (const change of changes) assert.equal(await sameInBoth(await proofOf(change)), 'failed');
  });

  test('could not be checked in either, where something was missing', async () => {
    const missing = await proofOf({}, { isMissing: ({ kind }) => kind === 'amd-crl' });
    assert.equal(await sameInBoth(missing), 'not-checked');
    assert.equal(await sameInBoth(await proofOf({}, { unreachable: 'TIMEOUT' })), 'not-checked');
  });

  test('is judged by another policy and for another time alike', async () => {
    const policy = defaultPolicy({ repository });
    const strict = { ...policy, name: 'strict', devices: { ...policy.devices, gpus: 8 } };
    const request = await proofOf({});
    assert.equal(await sameInBoth({ ...request, policy: formatPolicy(strict) }), 'failed');
    const yearLater = world.now.getTime() + 366 * 86_400_000;
    assert.equal(await sameInBoth({ ...request, atMs: yearLater }), 'failed');
  });

  test('that was altered is malformed in both', async () => {
    const request = await proofOf({});
    const bytes = Buffer.from(request.proofBase64, 'base64');
    const blob = bytes.indexOf('"blobs"') + 100;
    bytes[blob] = bytes[blob] === 0x41 ? 0x42 : 0x41;
    const altered = { ...request, proofBase64: bytes.toString('base64') };
    assert.equal(await inBrowser(altered), 'PROOF_MALFORMED');
    assert.equal(await replayProof(altered), 'PROOF_MALFORMED');
  });

  test('is refused under another root in both', async () => {
    const other = anchorTexts(await newWorld());
    const request = { ...(await proofOf({})), anchors: { ...anchors, ark: other.ark } };
    assert.equal(await sameInBoth(request), 'failed');
  });
});

function anchorTexts({ amd, intel, nvidia, sigstore, logs, web, now }: World): AnchorTexts {
  return {
    ark: formatPemCertificates([amd.ark]),
    intel: formatPemCertificates([intel.root.certificate]),
    nvidiaDevice: formatPemCertificates([nvidia.deviceRoot.certificate]),
    nvidiaRim: formatPemCertificates([nvidia.rimRoot.certificate]),
    sigstore: sigstore.trustedRootJson,
    ctLogs: new TextDecoder().decode(ctLogListJson(logs, { timestamp: now })),
    tls: formatPemCertificates([web.root.certificate]),
  };
}
