import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviceInMemory, smallParameters } from '../test/tree-in-memory.ts';
import { noise } from '../test/veritysetup.ts';
import { HashTreeBuilder } from './builder.ts';
import { treeGeometry } from './geometry.ts';
import { createTreeHashers } from './hasher.node.ts';
import { MemoryStore } from './memory-store.ts';
import type { VerityParameters } from './parameters.ts';
import { finishTree } from './tree.ts';

function emptyBuilder(parameters: VerityParameters) {
  const geometry = treeGeometry(parameters, { hashOffsetBytes: 0, superblock: true });
  const store = new MemoryStore(geometry);
  const hashers = createTreeHashers(parameters);
  return { builder: new HashTreeBuilder({ parameters, geometry, hashers, store }), store, geometry, hashers };
}

/** Cuts [0, size) at the wanted places. */
function runs(size: number, cuts: readonly number[]): { first: number; end: number }[] {
  const edges = [...new Set([0, ...cuts.map((cut) => cut % size), size])].sort((a, b) => a - b);
  return edges.slice(1).map((end, index) => ({ first: edges[index]!, end }));
}

test('blocks and digests that arrive in any order give the same tree and root', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 600 }),
    fc.array(fc.nat(), { maxLength: 20 }),
    fc.array(fc.nat(), { minLength: 21, maxLength: 21 }),
    (dataBlockCount, cuts, order) => {
      const parameters = { ...smallParameters, dataBlockCount };
      const expected = deviceInMemory(parameters);
      const { builder, store, geometry, hashers } = emptyBuilder(parameters);
      const keyed = runs(dataBlockCount, cuts).map((run, index) => ({ ...run, key: order[index]! }));
      for (const { first, end, key } of keyed.sort((a, b) => a.key - b.key)) {
        const blocks = expected.dataBytes.subarray(first * 512, end * 512);
        if (key % 2 === 0) {
          builder.addBlocks(first, blocks);
        } else {
          const digests = new Uint8Array((end - first) * 32);
          hashers.data.hashBlocks(blocks, digests);
          builder.addDigests(first, digests);
        }
      }
      assert.equal(builder.missingCount, 0);
      assert.deepEqual(builder.finish(), expected.rootHash);
      assert.deepEqual(
        store.bytes.subarray(geometry.treeOffsetBytes),
        expected.hashBytes.subarray(geometry.treeOffsetBytes),
      );
    },
  );
  fc.assert(property, { numRuns: 60 });
});

test('a tree of two levels is what its definition says', () => {
  const salted = (bytes: Uint8Array) =>
    createHash('sha256').update(smallParameters.salt).update(bytes).digest();
  const { dataBytes, rootHash } = deviceInMemory({ ...smallParameters, dataBlockCount: 17 });
  const leaf = (index: number) => salted(dataBytes.subarray(index * 512, index * 512 + 512));
  const first = Buffer.concat(Array.from({ length: 16 }, (_, index) => leaf(index)));
  const second = Buffer.concat([leaf(16), Buffer.alloc(512 - 32)]);
  const top = Buffer.concat([salted(first), salted(second), Buffer.alloc(512 - 64)]);
  assert.deepEqual(Buffer.from(rootHash), salted(top));
});

test('the root hash of a single data block is its digest', () => {
  const { dataBytes, rootHash } = deviceInMemory({ ...smallParameters, dataBlockCount: 1 });
  const expected = createHash('sha256').update(smallParameters.salt).update(dataBytes).digest();
  assert.deepEqual(Buffer.from(rootHash), expected);
});

test('levels are finished over digests that someone else wrote, whatever lies behind the last one', () => {
  const expected = deviceInMemory(smallParameters);
  const { geometry } = expected;
  const store = new MemoryStore(geometry);
  const leaves = geometry.levels[0]!;
  const written = expected.hashBytes.subarray(leaves.offsetBytes);
  store.write(geometry.treeOffsetBytes, new Uint8Array(geometry.treeSizeBytes).fill(0xee));
  store.write(leaves.offsetBytes, written.subarray(0, leaves.digestCount * 32));
  const { hashers } = emptyBuilder(smallParameters);
  const root = finishTree({ parameters: smallParameters, geometry, treeHasher: hashers.tree, store });
  assert.deepEqual(root, expected.rootHash);
  assert.deepEqual(store.bytes.subarray(4096), expected.hashBytes.subarray(4096));
});

test('a tree with a missing block can not be finished, and the first one is named', () => {
  const { builder } = emptyBuilder(smallParameters);
  builder.addBlocks(0, noise(5 * 512));
  builder.addBlocks(6, noise(294 * 512));
  assert.throws(() => builder.finish(), { code: 'LEAF_MISSING', message: /1 of 300 .* block 5\./u });
});

test('a block that comes twice is refused, whole or in part, and changes nothing', () => {
  const { builder } = emptyBuilder(smallParameters);
  builder.addBlocks(10, noise(10 * 512));
  for (const [first, count] of [
    [10, 10],
    [5, 6],
    [19, 2],
    [0, 300],
  ] as const) {
    assert.throws(() => builder.addBlocks(first, new Uint8Array(count * 512)), { code: 'LEAF_TWICE' });
  }
  assert.equal(builder.missingCount, 290);
});

test('blocks outside of the image, and parts of blocks or digests, are refused', () => {
  const { builder } = emptyBuilder(smallParameters);
  const refused = { code: 'PARAMETER_INVALID' };
  assert.throws(() => builder.addBlocks(-1, new Uint8Array(512)), refused);
  assert.throws(() => builder.addBlocks(300, new Uint8Array(512)), refused);
  assert.throws(() => builder.addBlocks(299, new Uint8Array(1024)), refused);
  assert.throws(() => builder.addBlocks(0.5, new Uint8Array(512)), refused);
  assert.throws(() => builder.addBlocks(NaN, new Uint8Array(512)), refused);
  assert.throws(() => builder.addBlocks(0, new Uint8Array(511)), refused);
  assert.throws(() => builder.addDigests(0, new Uint8Array(33)), refused);
});

test('hashers for other blocks or another algorithm are refused', () => {
  const { geometry, store } = emptyBuilder(smallParameters);
  for (const change of [
    { dataBlockSizeBytes: 1024 },
    { hashBlockSizeBytes: 1024 },
    { algorithm: 'sha512' as const },
  ]) {
    const hashers = createTreeHashers({ ...smallParameters, ...change });
    const make = () => new HashTreeBuilder({ parameters: smallParameters, geometry, hashers, store });
    assert.throws(make, { code: 'PARAMETER_INVALID' });
  }
});

test('finishing the tree of a single block without its digest is refused', () => {
  const parameters = { ...smallParameters, dataBlockCount: 1 };
  const { geometry, hashers, store } = emptyBuilder(parameters);
  for (const leafDigest of [undefined, new Uint8Array(31)]) {
    assert.throws(() => finishTree({ parameters, geometry, treeHasher: hashers.tree, store, leafDigest }), {
      code: 'PARAMETER_INVALID',
    });
  }
});
