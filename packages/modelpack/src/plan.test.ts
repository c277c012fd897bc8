import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectoryNode } from '@vitrine/erofs';
import { formatUuid, packSalt, packUuid, parsePackName } from './name.ts';
import { planPack } from './plan.ts';

const NAME = parsePackName('a/b@c');

function treeWith(sizeBytes: number): DirectoryNode<string> {
  const node = { kind: 'file' as const, permissions: 0o644, sizeBytes, source: '' };
  return { kind: 'directory', permissions: 0o755, entries: [{ name: Buffer.from('f'), node }] };
}

test('the name gives both superblocks their UUID, and the tree its salt', () => {
  const plan = planPack(NAME, treeWith(10));
  assert.equal(formatUuid(plan.layout.superblock.uuid), formatUuid(packUuid(NAME)));
  assert.equal(formatUuid(plan.verity.uuid!), formatUuid(packUuid(NAME)));
  assert.deepEqual(Buffer.from(plan.verity.salt), Buffer.from(packSalt(NAME)));
});

test('verity follows the image at once, with blocks of 4096 bytes and SHA-256', () => {
  const plan = planPack(NAME, treeWith(10_000));
  assert.equal(plan.imageSizeBytes, plan.layout.blockCount * 4096);
  assert.equal(plan.geometry.hashOffsetBytes, plan.imageSizeBytes);
  assert.equal(plan.geometry.treeOffsetBytes, plan.imageSizeBytes + 4096);
  const { dataBlockCount, dataBlockSizeBytes, hashBlockSizeBytes, algorithm, hashType } = plan.verity;
  assert.deepEqual(
    { dataBlockCount, dataBlockSizeBytes, hashBlockSizeBytes, algorithm, hashType },
    {
      dataBlockCount: plan.layout.blockCount,
      dataBlockSizeBytes: 4096,
      hashBlockSizeBytes: 4096,
      algorithm: 'sha256',
      hashType: 1,
    },
  );
});

test('an image of one block has no tree: its hash is the root hash', () => {
  const plan = planPack(NAME, treeWith(10));
  assert.equal(plan.layout.blockCount, 1);
  assert.equal(plan.geometry.levels.length, 0);
  assert.equal(plan.packSizeBytes, 2 * 4096);
});

test('a pack ends with its tree: a model of 62 GB has one of about 1/127', () => {
  const sizeBytes = 62_578_688_000 - 4096;
  const plan = planPack(NAME, treeWith(sizeBytes));
  assert.equal(plan.imageSizeBytes, 62_578_688_000);
  // 15,278,000 leaves: 119,360 blocks of 128 digests, 933, 8, 1.
  const blocks = [119_360, 933, 8, 1];
  assert.equal(
    plan.packSizeBytes,
    plan.imageSizeBytes + 4096 * (1 + blocks.reduce((sum, count) => sum + count, 0)),
  );
});

test('another revision changes UUID and salt, and no address', () => {
  const one = planPack(NAME, treeWith(10_000));
  const two = planPack(parsePackName('a/b@d'), treeWith(10_000));
  assert.equal(one.packSizeBytes, two.packSizeBytes);
  assert.deepEqual(one.layout.inodes, two.layout.inodes);
  assert.notDeepEqual(one.verity.salt, two.verity.salt);
  assert.notDeepEqual(one.verity.uuid, two.verity.uuid);
});

test('a tree that EROFS cannot hold is refused', () => {
  assert.throws(() => planPack(NAME, treeWith(-1)), { name: 'ErofsError', code: 'TREE_INVALID' });
});
