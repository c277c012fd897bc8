/** What devices of one machine share is verified once, and what only looks alike is not taken for it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { equalBytes } from '@vitrine/bytes';
import { type Proof, verifyProof, writeProof } from '../../src/index.ts';
import { type Scene, honestScene } from '../end-to-end/scene.ts';
import { anchorsOf, gather } from '../result/gathered.ts';
import { newWorld } from '../result/results.ts';

const world = await newWorld();

async function proofOf(change: Partial<Scene> = {}): Promise<Proof> {
  return (await gather({ world, scene: { ...honestScene(world), ...change } })).proof;
}

test('no signature of a whole verification with two GPUs is verified twice', async (t) => {
  const proof = await proofOf();
  const bytes = await writeProof(proof);
  const anchors = await anchorsOf(world);
  const honest = crypto.subtle.verify.bind(crypto.subtle);
  const verified: string[] = [];
  t.mock.method(crypto.subtle, 'verify', (...args: Parameters<typeof honest>) => {
    const [, , signature, data] = args;
    const both = [signature, data].map((part) => new Uint8Array(part as Uint8Array<ArrayBuffer>));
    verified.push(both.map((part) => createHash('sha256').update(part).digest('hex')).join(' '));
    return honest(...args);
  });
  assert.equal((await verifyProof(bytes, { anchors })).verdict, 'verified');
  assert.ok(verified.length > 20, `${verified.length} signatures`);
  assert.deepEqual(
    verified.filter((one, at) => verified.indexOf(one) !== at),
    [],
  );
});

test('a second GPU whose certificate differs in its signature alone is refused, the first is not', async () => {
  const [first, second] = world.gpus;
  // The first that both have: an authority below the root.
  const at = second.chain.findIndex((der, index) => equalBytes(der, first.chain[index]!));
  assert.ok(at > 0 && at < second.chain.length - 1);
  const forged = Uint8Array.from(second.chain[at]!);
  forged[forged.length - 1]! ^= 1;
  const proof = await proofOf({ gpus: [first, { ...second, chain: second.chain.with(at, forged) }] });
  const { groups } = await verifyProof(await writeProof(proof), { anchors: await anchorsOf(world) });
  const outcomes = Object.fromEntries(groups[0]!.checks.map(({ rule, outcome }) => [rule, outcome]));
  assert.equal(outcomes['runtime.device.gpu0.evidence'], 'pass');
  assert.equal(outcomes['runtime.device.gpu1.evidence'], 'fail');
});
