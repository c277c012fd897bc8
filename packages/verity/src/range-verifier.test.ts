import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviceInMemory, smallParameters, sourceOf, type MemoryDevice } from '../test/tree-in-memory.ts';
import { dataLevel, VerityError, type Corruption } from './error.ts';
import { treeGeometry } from './geometry.ts';
import type { VerityParameters } from './parameters.ts';
import { RangeVerifier, verifyRange } from './range-verifier.ts';

const intact = deviceInMemory(smallParameters); // 300 blocks; levels of 19, 2 and 1 hash blocks.

/** The device with one byte of data or of the hash area changed. */
function flipped(device: MemoryDevice, area: 'data' | 'tree', at: number, flip = 1): MemoryDevice {
  const bytes = (area === 'data' ? device.dataBytes : device.hashBytes).slice();
  bytes[at]! ^= flip;
  return { ...device, [area]: sourceOf(bytes) };
}

/** What `verifyRange` throws. */
function corruptionOf(
  device: MemoryDevice,
  offsetBytes: number,
  lengthBytes: number,
): Corruption | undefined {
  try {
    verifyRange({ ...device, offsetBytes, lengthBytes });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof VerityError && error.corruption !== undefined, String(error));
    assert.equal(error.code, error.corruption.code);
    return error.corruption;
  }
}

const range = fc
  .tuple(fc.nat(300 * 512), fc.nat(300 * 512))
  .map(([a, b]) => ({ offsetBytes: Math.min(a, b), lengthBytes: Math.abs(a - b) }));

test('every range of an intact device is verified', () => {
  fc.assert(
    fc.property(range, ({ offsetBytes, lengthBytes }) => {
      assert.equal(corruptionOf(intact, offsetBytes, lengthBytes), undefined);
    }),
  );
});

test('a changed data byte is found exactly by the ranges that touch its block', () => {
  const property = fc.property(
    range,
    fc.nat(300 * 512 - 1),
    fc.integer({ min: 1, max: 255 }),
    (ask, at, flip) => {
      const found = corruptionOf(flipped(intact, 'data', at, flip), ask.offsetBytes, ask.lengthBytes);
      const block = Math.floor(at / 512);
      const end = ask.offsetBytes + ask.lengthBytes;
      const touches = ask.lengthBytes > 0 && ask.offsetBytes < (block + 1) * 512 && end > block * 512;
      assert.equal(found !== undefined, touches);
      if (found === undefined) return;
      assert.equal(found.code, 'DATA_BLOCK_MISMATCH');
      assert.equal(found.level, dataLevel);
      assert.equal(found.blockIndex, block);
      assert.equal(found.offsetBytes, block * 512);
      assert.deepEqual([found.dataOffsetBytes, found.dataSizeBytes], [block * 512, 512]);
      const leaves = intact.geometry.levels[0]!.offsetBytes;
      assert.deepEqual(
        found.expectedDigest,
        intact.hashBytes.slice(leaves + block * 32, leaves + block * 32 + 32),
      );
      assert.notDeepEqual(found.foundDigest, found.expectedDigest);
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test('a changed byte of the tree, also behind the last digest, is found with its level, index and data', () => {
  const { levels, treeOffsetBytes, treeSizeBytes } = intact.geometry;
  const spans = [16 * 512, 256 * 512, 300 * 512];
  for (let at = treeOffsetBytes; at < treeOffsetBytes + treeSizeBytes; at += 37) {
    const level = levels.find(({ offsetBytes }) => offsetBytes <= at)!;
    const blockIndex = Math.floor((at - level.offsetBytes) / 512);
    const found = corruptionOf(flipped(intact, 'tree', at), 0, 300 * 512);
    assert.ok(found, `byte ${at}`);
    assert.equal(found.code, level.level === 2 ? 'ROOT_MISMATCH' : 'HASH_BLOCK_MISMATCH');
    assert.deepEqual([found.level, found.blockIndex], [level.level, blockIndex]);
    assert.equal(found.offsetBytes, level.offsetBytes + blockIndex * 512);
    const span = spans[level.level]!;
    assert.equal(found.dataOffsetBytes, blockIndex * span);
    assert.equal(found.dataSizeBytes, Math.min(span, 300 * 512 - blockIndex * span));
  }
});

test('a digest in the tree is not believed when its block is not what the root says', () => {
  // Data block 40 and its digest in level 0 are changed together.
  const data = intact.dataBytes.slice();
  data[40 * 512]! ^= 1;
  const forged = deviceInMemory(smallParameters, data);
  const leaf = intact.geometry.levels[0]!.offsetBytes + 40 * 32;
  const hashBytes = intact.hashBytes.slice();
  hashBytes.set(forged.hashBytes.subarray(leaf, leaf + 32), leaf);
  const found = corruptionOf({ ...intact, data: sourceOf(data), tree: sourceOf(hashBytes) }, 40 * 512, 1);
  assert.deepEqual([found?.code, found?.level, found?.blockIndex], ['HASH_BLOCK_MISMATCH', 0, 2]);
  // And with the whole tree replaced, only the root hash can tell.
  const whole = corruptionOf({ ...forged, rootHash: intact.rootHash }, 0, 1);
  assert.deepEqual([whole?.code, whole?.level], ['ROOT_MISMATCH', 2]);
});

test('of several changed bytes the first in the order of the data is reported', () => {
  const property = fc.property(fc.uniqueArray(fc.nat(299), { minLength: 1, maxLength: 6 }), (blocks) => {
    const bytes = intact.dataBytes.slice();
    for (const block of blocks) bytes[block * 512 + 7]! ^= 0x10;
    const found = corruptionOf({ ...intact, data: sourceOf(bytes) }, 0, 300 * 512);
    assert.equal(found?.blockIndex, Math.min(...blocks));
  });
  fc.assert(property, { numRuns: 50 });
});

test('a wrong root hash is a mismatch of the top block; of a single data block, of that block', () => {
  const rootHash = intact.rootHash.slice();
  rootHash[31]! ^= 0x80;
  const found = corruptionOf({ ...intact, rootHash }, 0, 1);
  assert.deepEqual([found?.code, found?.level, found?.blockIndex], ['ROOT_MISMATCH', 2, 0]);
  assert.deepEqual(found?.expectedDigest, rootHash);
  assert.deepEqual(found.foundDigest, intact.rootHash);

  const single = deviceInMemory({ ...smallParameters, dataBlockCount: 1 });
  assert.equal(corruptionOf(single, 0, 512), undefined);
  const other = corruptionOf({ ...single, rootHash }, 0, 512);
  assert.deepEqual([other?.code, other?.level, other?.blockIndex], ['DATA_BLOCK_MISMATCH', dataLevel, 0]);
});

test('a tree that was made for more data blocks than are claimed is refused though its root fits', () => {
  // 300 and 290 blocks: as many hash blocks, but digests where zeros must be.
  const parameters: VerityParameters = { ...smallParameters, dataBlockCount: 290 };
  const geometry = treeGeometry(parameters, { hashOffsetBytes: 0, superblock: true });
  const found = corruptionOf({ ...intact, parameters, geometry }, 0, 290 * 512);
  assert.deepEqual([found?.code, found?.level, found?.blockIndex], ['PADDING_NOT_ZERO', 0, 18]);
});

test('a verifier that met a corruption meets it again, and still verifies the rest', () => {
  const device = flipped(intact, 'tree', intact.geometry.levels[0]!.offsetBytes + 5 * 512);
  const verifier = new RangeVerifier(device);
  assert.equal(verifier.checkBlocks(80, 1)?.blockIndex, 5);
  assert.equal(verifier.checkBlocks(79, 1), undefined);
  assert.equal(verifier.checkBlocks(80, 1)?.blockIndex, 5);
  assert.equal(verifier.checkBlocks(0, 300)?.level, 0);
});

test('ranges outside of the data are refused', () => {
  for (const [offsetBytes, lengthBytes] of [
    [-1, 1],
    [0, 300 * 512 + 1],
    [300 * 512, 1],
    [0.5, 1],
    [0, NaN],
    [2 ** 53, 1],
  ] as const) {
    assert.throws(() => verifyRange({ ...intact, offsetBytes, lengthBytes }), { code: 'PARAMETER_INVALID' });
  }
});

test('a root hash of another length is refused, not compared in part', () => {
  for (const sizeBytes of [0, 31, 33, 64]) {
    const rootHash = new Uint8Array(sizeBytes);
    assert.throws(() => verifyRange({ ...intact, rootHash, offsetBytes: 0, lengthBytes: 1 }), {
      code: 'PARAMETER_INVALID',
    });
  }
});

test('a root hash that lies anywhere in a larger array is compared rightly', () => {
  const larger = new Uint8Array(40);
  larger.set(intact.rootHash, 3);
  assert.equal(corruptionOf({ ...intact, rootHash: larger.subarray(3, 35) }, 0, 1024), undefined);
});

test('data and hash blocks of different sizes, and SHA-512, are verified block by block', () => {
  const sizes = fc.constantFrom(512, 1024, 4096);
  const property = fc.property(
    sizes,
    sizes,
    fc.constantFrom('sha256', 'sha512'),
    fc.integer({ min: 2, max: 200 }),
    fc.nat(),
    (dataBlockSizeBytes, hashBlockSizeBytes, algorithm, dataBlockCount, where) => {
      const device = deviceInMemory({
        ...smallParameters,
        dataBlockSizeBytes,
        hashBlockSizeBytes,
        algorithm,
        dataBlockCount,
      });
      const sizeBytes = device.geometry.dataSizeBytes;
      assert.equal(corruptionOf(device, 0, sizeBytes), undefined);
      const at = where % sizeBytes;
      const found = corruptionOf(flipped(device, 'data', at), 0, sizeBytes);
      assert.equal(found?.blockIndex, Math.floor(at / dataBlockSizeBytes));
    },
  );
  fc.assert(property, { numRuns: 60 });
});
