/** `vitrine verify` against a whole simulated service, in each dialect. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { toHex } from '@vitrine/bytes';
import type { AttestationResult } from '@vitrine/verifier';
import { policies } from './policies.ts';
import { repository } from './release.ts';
import { type Scene, honestScene } from './scene.ts';
import { type Stage, setUpStage, verifyOnce } from './stage.ts';

let stage: Stage;
before(async () => {
  stage = await setUpStage();
});
after(() => stage.close());

async function resultOf(scene: Scene, words: readonly string[]): Promise<AttestationResult> {
  const { stdout } = await verifyOnce(stage, scene, [...words, '--json']);
  return JSON.parse(stdout) as AttestationResult;
}

/** Rules that did not pass. */
function open({ groups }: AttestationResult): string[] {
  return groups
    .flatMap(({ checks }) => checks)
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ rule }) => rule)
    .sort();
}

test('SNP with two GPUs is verified in the native dialect, and called simulated', async () => {
  const { status, stdout, stderr } = await verifyOnce(stage, honestScene(stage.world));
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /\n✓ VERIFIED, SIMULATED\n$/);
  assert.match(stdout, /SIMULATED: the hardware is software/);
  assert.doesNotMatch(stdout, /✗/);
});

test('with every proof demanded it is still verified, and nothing is left unchecked but what a first visit to a simulation cannot know', async () => {
  const result = await resultOf(honestScene(stage.world), [
    '--policy',
    stage.file('everything.yml', policies.everything),
  ]);
  assert.equal(result.verdict, 'verified');
  // The repository of the public instance has no keys of the simulated one.
  assert.deepEqual(open(result), ['code.rollback', 'code.sigstore-keys']);
  assert.equal(result.hardware.devices.length, 2);
  assert.equal(result.release?.tag, 'v1.2.0');
  assert.equal(result.measurements.recomputed['launchDigest'], result.measurements.evidence['launchDigest']);
});

test('SNP with two GPUs is verified by a Tinfoil document of version 3', async () => {
  const { status, stdout, stderr } = await verifyOnce(stage, honestScene(stage.world, 'tinfoil-v3'));
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /\(tinfoil\)/);
  assert.match(stdout, /VERIFIED, SIMULATED/);
});

test('without a nonce a Tinfoil document of version 2 could be old: it is not verified, and that is why', async () => {
  const release = await stage.world.issueRelease({ gpus: 0 });
  const scene: Scene = { ...honestScene(stage.world, 'tinfoil-v2'), release, gpus: [] };
  const { status, stdout } = await verifyOnce(stage, scene);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /old evidence cannot be told from new/);
  assert.match(stdout, /COULD NOT BE CHECKED: 1 check could not be made \(runtime\.freshness\)/);
});

test('where the policy dispenses with the nonce, the document of version 2 is verified', async () => {
  const release = await stage.world.issueRelease({ gpus: 0 });
  const scene: Scene = { ...honestScene(stage.world, 'tinfoil-v2'), release, gpus: [] };
  const words = ['--policy', stage.file('without-nonce.yml', policies.withoutNonce)];
  const { status, stdout, stderr } = await verifyOnce(stage, scene, words);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /not checked \(not required\): .*old evidence cannot be told from new/);
});

test('GPUs that are declared and that version 2 cannot show are not checked, rather than missing', async () => {
  const words = ['--policy', stage.file('without-nonce.yml', policies.withoutNonce)];
  const { status, stdout } = await verifyOnce(stage, honestScene(stage.world, 'tinfoil-v2'), words);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /2 GPUs are declared/);
});

test('TDX with two GPUs is verified where the platform is known', async () => {
  const scene: Scene = { ...honestScene(stage.world), platform: 'tdx' };
  const words = ['--policy', stage.file('tdx.yml', policies.tdx)];
  const { status, stdout, stderr } = await verifyOnce(stage, scene, words);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /VERIFIED, SIMULATED/);
});

test('TDX is verified with collateral that travels in the document, where Intel cannot be reached', async () => {
  const { collateral } = stage.world;
  const scene: Scene = {
    ...honestScene(stage.world, 'tinfoil-v3'),
    platform: 'tdx',
    collateral,
    mirror: (path) =>
      /^\/(tdx|sgx|IntelSGX)/.test(path) ? (_, response) => void response.writeHead(503).end() : undefined,
  };
  const words = ['--policy', stage.file('tdx.yml', policies.tdx)];
  const { status, stdout, stderr } = await verifyOnce(stage, scene, words);
  assert.equal(status, 0, stdout + stderr);
});

test('TDX is verified by a Tinfoil document whose platform is in the list that Tinfoil signs', async () => {
  const scene: Scene = { ...honestScene(stage.world, 'tinfoil-v3'), platform: 'tdx' };
  const { status, stdout, stderr } = await verifyOnce(stage, scene);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /✓ The firmware and virtual hardware are of a platform that is known/);
});

test('firmware of a trust domain that nobody knows keeps it from being verified', async () => {
  const scene: Scene = { ...honestScene(stage.world), platform: 'tdx' };
  const { status, stdout } = await verifyOnce(stage, scene, ['--repo', repository]);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /PLATFORM_STATEMENT_MISSING/);
});

test('Blyss cannot be verified without the firmware of its protocol, and everything else of it is', async () => {
  const words = ['--policy', stage.file('blyss.yml', policies.blyss)];
  const scene = honestScene(stage.world, 'blyss');
  const { status, stdout } = await verifyOnce(stage, scene, words);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /the firmware of the protocol \(SHA-256 db5f9f3b[0-9a-f]+\) is not at hand/);
  const result = await resultOf(scene, words);
  assert.deepEqual(open(result), [
    'consistency.measurement',
    'consistency.models',
    'runtime.device.gpu0.binding',
    'runtime.device.gpu1.binding',
    'runtime.devices',
    'runtime.freshness',
  ]);
});

test('Blyss is verified by a policy that pins what was launched, and refused once something else is', async () => {
  const scene = honestScene(stage.world, 'blyss');
  const pinned = policies.pinnedBlyss(toHex(scene.release.launchDigest));
  const words = ['--policy', stage.file('pinned-blyss.yml', pinned)];
  const accepted = await verifyOnce(stage, scene, words);
  assert.equal(accepted.status, 0, accepted.stdout + accepted.stderr);
  const other = { ...scene, measurement: new Uint8Array(48).fill(0xbe) };
  const refused = await verifyOnce(stage, other, words);
  assert.equal(refused.status, 1, refused.stdout);
  assert.match(refused.stdout, /MEASUREMENT_MISMATCH/);
});

test('the built-in roots refuse every simulated chip', async () => {
  const words = ['--repo', repository];
  const { status, stdout } = await verifyOnce(stage, honestScene(stage.world), words, {
    withoutHardware: true,
  });
  assert.equal(status, 1, stdout);
  assert.match(stdout, /ARK_UNTRUSTED/);
  assert.doesNotMatch(stdout, /✓ VERIFIED/);
});

test('where nobody says who may build, it is not verified, and the service is not believed about it', async () => {
  const { status, stdout } = await verifyOnce(stage, honestScene(stage.world), []);
  assert.equal(status, 3, stdout);
  assert.match(stdout, /nobody is named who may build it/);
});
