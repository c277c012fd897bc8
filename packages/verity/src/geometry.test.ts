import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { treeGeometry } from './geometry.ts';
import type { VerityParameters } from './parameters.ts';

const parameters: VerityParameters = {
  hashType: 1,
  algorithm: 'sha256',
  dataBlockSizeBytes: 4096,
  hashBlockSizeBytes: 4096,
  dataBlockCount: 128 * 128 + 1,
  salt: new Uint8Array(0),
};

test('three levels lie from the top downwards behind the superblock', () => {
  const geometry = treeGeometry(parameters, { hashOffsetBytes: 0, superblock: true });
  assert.deepEqual(geometry.levels, [
    { level: 0, offsetBytes: 4096 * 4, blockCount: 129, digestCount: 128 * 128 + 1 },
    { level: 1, offsetBytes: 4096 * 2, blockCount: 2, digestCount: 129 },
    { level: 2, offsetBytes: 4096, blockCount: 1, digestCount: 2 },
  ]);
  assert.equal(geometry.treeSizeBytes, 4096 * 132);
  assert.equal(geometry.hashAreaSizeBytes, 4096 * 133);
});

test('without a superblock the tree begins at the offset', () => {
  const geometry = treeGeometry(parameters, { hashOffsetBytes: 8192, superblock: false });
  assert.equal(geometry.treeOffsetBytes, 8192);
  assert.equal(geometry.endOffsetBytes, 8192 + 4096 * 132);
});

test('behind a superblock in the middle of a hash block the tree begins with the next one', () => {
  const treeOffset = (hashOffsetBytes: number) =>
    treeGeometry(parameters, { hashOffsetBytes, superblock: true }).treeOffsetBytes;
  assert.deepEqual([0, 512, 3584, 4096, 4608].map(treeOffset), [4096, 4096, 4096, 8192, 8192]);
});

test('a single data block has no tree', () => {
  const geometry = treeGeometry(
    { ...parameters, dataBlockCount: 1 },
    { hashOffsetBytes: 0, superblock: true },
  );
  assert.deepEqual(geometry.levels, []);
  assert.equal(geometry.hashAreaSizeBytes, 4096);
});

test('every level holds exactly the digests of the one below, and levels touch without overlapping', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 2 ** 33 }),
    fc.integer({ min: 9, max: 19 }),
    fc.constantFrom('sha256', 'sha512'),
    (dataBlockCount, power, algorithm) => {
      const hashBlockSizeBytes = 2 ** power;
      const geometry = treeGeometry(
        { ...parameters, algorithm, hashBlockSizeBytes, dataBlockCount },
        { hashOffsetBytes: 0, superblock: false },
      );
      let below = dataBlockCount;
      let end = geometry.endOffsetBytes;
      for (const level of geometry.levels) {
        assert.equal(level.digestCount, below);
        const room = level.blockCount * geometry.digestsPerBlock;
        assert.ok(room >= below && room - geometry.digestsPerBlock < below);
        assert.equal(level.offsetBytes + level.blockCount * hashBlockSizeBytes, end);
        end = level.offsetBytes;
        below = level.blockCount;
      }
      assert.equal(below, 1);
      assert.equal(end, 0);
    },
  );
  fc.assert(property);
});

for (const hashOffsetBytes of [-512, 1, 511, 0.5, NaN, Infinity, 2 ** 53]) {
  test(`a hash offset of ${hashOffsetBytes} is refused`, () => {
    assert.throws(() => treeGeometry(parameters, { hashOffsetBytes, superblock: true }), {
      code: 'PARAMETER_INVALID',
    });
  });
}

test('without a superblock, an offset inside of a hash block is refused', () => {
  assert.throws(() => treeGeometry(parameters, { hashOffsetBytes: 512, superblock: false }), {
    code: 'PARAMETER_INVALID',
  });
});

test('a tree that would end beyond 2^53 - 1 bytes is refused', () => {
  const hashOffsetBytes = 2 ** 53 - 512 * 1024;
  assert.throws(() => treeGeometry(parameters, { hashOffsetBytes, superblock: true }), {
    code: 'PARAMETER_INVALID',
  });
});
