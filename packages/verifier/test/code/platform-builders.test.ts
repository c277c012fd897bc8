/** Who may say which platforms of trust domains are good, where several builders are asked for. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { ResultCheck } from '../../src/index.ts';
import { type PlatformList, createPlatformList, platformRepository } from '../end-to-end/platforms.ts';
import type { Release } from '../end-to-end/release.ts';
import { honestScene } from '../end-to-end/scene.ts';
import { type World, createWorld } from '../end-to-end/world.ts';
import { gather } from '../result/gathered.ts';

const ref = 'refs/tags/v1.2.0';
let world: World;
let bob: Release;
before(async () => {
  world = await createWorld({ now: new Date('2026-03-02T00:00:00Z') });
  bob = await world.issueRelease({ identity: { repository: 'bob/build', ref } });
});

const policyOf = (threshold: number) => `version: 1
name: trust domains
code:
  threshold: ${threshold}
  builders:
    - repository: acme/chat
    - repository: bob/build
`;

async function hardware(threshold: number, platforms: PlatformList): Promise<ResultCheck> {
  const bundles = [world.release.bundle, bob.bundle];
  const scene = {
    ...honestScene(world, 'tinfoil-v3'),
    platform: 'tdx',
    collateral: world.collateral,
    release: { ...world.release, bundles },
    platforms,
  } as const;
  const { result } = await gather({ world, scene, policy: policyOf(threshold) });
  return result.groups.flatMap(({ checks }) => checks).find(({ rule }) => rule === 'consistency.hardware')!;
}

const signedBy = (repository: string) =>
  createPlatformList(world.sigstore, new Date(world.now.getTime() - 86_400_000), { repository, ref });

test('who publishes platforms for all services vouches alone', async () => {
  for (const threshold of [1, 2])
    assert.equal((await hardware(threshold, await signedBy(platformRepository))).outcome, 'pass');
});

test('one builder vouches alone where one is enough, and not where two are asked for', async () => {
  const platforms = await signedBy('bob/build');
  assert.equal((await hardware(1, platforms)).outcome, 'pass');
  const { outcome, code } = await hardware(2, platforms);
  assert.deepEqual([outcome, code], ['fail', 'BUILDERS_TOO_FEW']);
});
