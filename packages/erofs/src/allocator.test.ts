import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Allocator, type Placement } from './allocator.ts';

const SUPERBLOCK_END = 1152;
const BLOCK = 4096;

test('the first inode lies behind the superblock', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const root = allocator.allocateInode(32, 100)!;
  assert.equal(allocator.mapAll(), 1);
  assert.equal(root.imageOffsetBytes, SUPERBLOCK_END);
});

test('inodes begin at multiples of 32 bytes, whatever the inline data before them', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const first = allocator.allocateInode(32, 1)!;
  const second = allocator.allocateInode(32, 0)!;
  allocator.mapAll();
  assert.equal(second.imageOffsetBytes - first.imageOffsetBytes, 64);
});

test('inline data that no block can hold behind their inode are not placed', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  assert.equal(allocator.allocateInode(32, BLOCK - 31), undefined);
  assert.equal(allocator.allocateInode(64, BLOCK - 63), undefined);
  assert.notEqual(allocator.allocateInode(32, BLOCK - 32), undefined);
  assert.notEqual(allocator.allocateInode(64, BLOCK - 64), undefined);
});

test('a refused inode leaves the image as it was', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  allocator.allocateInode(32, BLOCK);
  assert.equal(allocator.allocateInode(32, 0)!.offsetBytes, SUPERBLOCK_END);
  assert.equal(allocator.mapAll(), 1);
});

test('a placement has no address before it is mapped', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const data = allocator.allocateData(3);
  assert.equal(data.isMapped, false);
  assert.throws(() => data.imageOffsetBytes, RangeError);
  allocator.map(data);
  assert.equal(data.isMapped, true);
  // Block 0 is the superblock's.
  assert.equal(data.imageOffsetBytes, BLOCK);
});

test('mapping again changes nothing', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const data = allocator.allocateData(3);
  allocator.map(data);
  const before = data.imageOffsetBytes;
  const other = allocator.allocateData(1);
  allocator.map(data);
  assert.equal(data.imageOffsetBytes, before);
  assert.equal(other.isMapped, false);
});

test('runs of data follow each other in the order in which they were asked for', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const counts = [3, 1, 7];
  const placements = counts.map((count) => allocator.allocateData(count));
  assert.equal(allocator.mapAll(), 1 + 3 + 1 + 7);
  assert.deepEqual(
    placements.map((placement) => placement.imageOffsetBytes / BLOCK),
    [1, 4, 5],
  );
});

test('data that are extended push what comes later', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const data = allocator.allocateData(1);
  allocator.map(data);
  allocator.extendData(data);
  const next = allocator.allocateData(1);
  assert.equal(allocator.mapAll(), 4);
  assert.equal(next.imageOffsetBytes, 3 * BLOCK);
});

test('an inode goes into the fullest block that still holds it', () => {
  const allocator = new Allocator(SUPERBLOCK_END);
  const nearlyFull = allocator.allocateInode(32, 4096 - 32 - 64)!;
  allocator.map(nearlyFull);
  const roomy = allocator.allocateInode(32, 3500)!;
  allocator.map(roomy);
  assert.notEqual(nearlyFull.imageOffsetBytes >> 12, roomy.imageOffsetBytes >> 12);
  const last = allocator.allocateInode(32, 3900)!;
  allocator.map(last);
  const small = allocator.allocateInode(32, 10)!;
  allocator.map(small);
  assert.equal(small.imageOffsetBytes >> 12, nearlyFull.imageOffsetBytes >> 12);
});

test('whatever is asked for in whatever order, nothing overlaps, and the image ends with the last of it', () => {
  const request = fc.oneof(
    fc.record({
      kind: fc.constant('data' as const),
      blocks: fc.integer({ min: 1, max: 4 }),
      release: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('inode' as const),
      bytes: fc.constantFrom(32, 64),
      inline: fc.oneof(
        fc.constantFrom(0, 1, 2000, 4031, 4032, 4033, 4063, 4064, 4065),
        fc.nat({ max: 4095 }),
      ),
      mapNow: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(fc.array(request, { maxLength: 150, size: 'max' }), (requests) => {
      const allocator = new Allocator(SUPERBLOCK_END);
      const placed: { placement: Placement; bytes: number }[] = [];
      for (const wanted of requests) {
        if (wanted.kind === 'data') {
          const placement = allocator.allocateData(wanted.blocks);
          allocator.map(placement);
          placed.push({ placement, bytes: wanted.blocks * BLOCK });
          if (wanted.release) allocator.releaseData(placement);
        } else {
          const placement = allocator.allocateInode(wanted.bytes, wanted.inline);
          assert.equal(placement === undefined, wanted.bytes + wanted.inline > BLOCK);
          if (placement === undefined) continue;
          if (wanted.mapNow) allocator.map(placement);
          placed.push({ placement, bytes: wanted.bytes + wanted.inline });
        }
      }
      const blockCount = allocator.mapAll();
      const ranges = placed
        .map(({ placement, bytes }) => ({
          from: placement.imageOffsetBytes,
          to: placement.imageOffsetBytes + bytes,
        }))
        .sort((a, b) => a.from - b.from);
      let end = SUPERBLOCK_END;
      for (const { from, to } of ranges) {
        assert.ok(from >= end, `byte ${from} is taken up to ${end}`);
        end = to;
      }
      assert.equal(blockCount, Math.ceil(end / BLOCK));
    }),
    { numRuns: 300 },
  );
});
