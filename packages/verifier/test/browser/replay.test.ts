/** A proof that was gathered in Node is replayed in headless Chromium: the same result, byte for byte. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { toBase64 } from '@vitrine/bytes';
import { bundle } from '../../../evidence/test/bundle.ts';
import { type AttestationResult, defaultPolicy, formatPolicy, writeProof } from '../../src/index.ts';
import { repository } from '../end-to-end/release.ts';
import { type Scene, honestScene } from '../end-to-end/scene.ts';
import type { World } from '../end-to-end/world.ts';
import { type GatherRequest, gather } from '../result/gathered.ts';
import { newWorld } from '../result/results.ts';
import { type OpenedPage, anchorTexts, openPage, withoutBrowser } from './opened-page.ts';
import { type AnchorTexts, type ReplayRequest, replayProof, replayWithout } from './page.ts';

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
  let opened: OpenedPage | undefined;

  before(async () => {
    world = await newWorld();
    anchors = anchorTexts(world);
    opened = await openPage();
  });
  after(() => opened?.close());

  async function proofOf(
    change: Partial<Scene>,
    request: Partial<GatherRequest> = {},
  ): Promise<ReplayRequest> {
    const { proof } = await gather({ world, scene: { ...honestScene(world), ...change }, ...request });
    return { proofBase64: toBase64(await writeProof(proof)), anchors, atMs: null, policy: null };
  }

  function inBrowser(request: ReplayRequest): Promise<string> {
    return opened!.page.evaluate((given) => globalThis.replayProof(given), request);
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

  test('has the same failure in every dialect and on both platforms, and the same silence', async () => {
    const attestedTls = await world.issueTls();
    const empty = (document: object): void => {
      for (const name of Object.keys(document)) Reflect.deleteProperty(document, name);
    };
    const changes: readonly (readonly [Partial<Scene>, string])[] = [
      [{ attestedTls }, 'failed'],
      // Of no dialect.
      [{ alter: empty }, 'not-checked'],
    ];
    for (const platform of ['sev-snp', 'tdx'] as const)
      for (const dialect of ['vitrine', 'tinfoil-v3', 'tinfoil-v2', 'blyss'] as const)
        for (const [change, expected] of changes) {
          if (dialect === 'blyss' && platform === 'tdx') continue;
          const verdict = await sameInBoth(await proofOf({ dialect, platform, ...change }));
          assert.equal(verdict, expected, `${dialect} on ${platform}`);
        }
  });

  test('is judged in workers, where there is no document, as it is in a page', async () => {
    for (const change of [{}, { attestedNonce: new Uint8Array(32) }]) {
      const request = await proofOf(change);
      const here = await replayProof(request);
      for (const kind of ['dedicated', 'service'] as const) {
        const there = await opened!.page.evaluate(
          ([inKind, given]) => globalThis.replayInWorker(inKind, given),
          [kind, request] as const,
        );
        assert.equal(there, here);
      }
    }
  });

  test('of simulated parts needs no Ed25519, which older browsers lack', async () => {
    const request = await proofOf({});
    const here = await replayProof(request);
    const there = await opened!.page.evaluate((given) => globalThis.replayWithout('Ed25519', given), request);
    assert.equal(there, here);
  });

  for (const lacked of ['RSA-PSS', 'ECDSA P-384'])
    test(`is not checked where WebCrypto lacks ${lacked}: neither verified nor failed`, async () => {
      const request = await proofOf({});
      const there = await opened!.page.evaluate(([name, given]) => globalThis.replayWithout(name, given), [
        lacked,
        request,
      ] as const);
      assert.equal(there, await replayWithout(lacked, request));
      const { verdict, groups } = JSON.parse(there) as AttestationResult;
      assert.equal(verdict, 'not-checked');
      const checks = groups.flatMap((group) => group.checks);
      assert.deepEqual(
        checks.filter(({ outcome }) => outcome === 'fail'),
        [],
      );
      assert.ok(checks.some(({ code }) => code === 'PLATFORM_LACKS_ALGORITHM'));
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
    const request = { ...(await proofOf({})), anchors: { ...anchors, ark: other.ark, ask: other.ask } };
    assert.equal(await sameInBoth(request), 'failed');
  });
});
