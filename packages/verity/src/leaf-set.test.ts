import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LeafSet } from './leaf-set.ts';

test('a leaf set answers as a plain set does, also across its pages', () => {
  const size = 70_000;
  const runs = fc.array(fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 33_000 })), { maxLength: 12 });
  const property = fc.property(runs, (wanted) => {
    const leaves = new LeafSet(size);
    const model = new Uint8Array(size);
    for (const [first, length] of wanted) {
      const count = Math.min(length, size - first);
      const present = model.subarray(first, first + count).indexOf(1);
      assert.equal(leaves.firstPresent(first, count), present < 0 ? -1 : first + present);
      if (present >= 0) continue;
      leaves.add(first, count);
      model.fill(1, first, first + count);
      assert.equal(leaves.firstMissing(), model.indexOf(0));
      assert.equal(
        leaves.missingCount,
        model.reduce((sum, bit) => sum + 1 - bit, 0),
      );
      assert.equal(leaves.isComplete, !model.includes(0));
    }
  });
  fc.assert(property, { numRuns: 40 });
});

test('a set that was filled leaf by leaf, backwards, is complete', () => {
  const leaves = new LeafSet(40_000);
  for (let index = 39_999; index >= 0; index -= 1) {
    assert.equal(leaves.isComplete, false);
    leaves.add(index, 1);
  }
  assert.equal(leaves.isComplete, true);
  assert.equal(leaves.firstMissing(), -1);
});
