import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { presentBytesOf } from './download.ts';
import type { HubFile } from './hub/index.ts';
import type { PlannedFile } from './image-writer.ts';

const RANGE_BYTES = 8 * 1024 * 1024;

function ofSize(sizeBytes: number): PlannedFile<HubFile> {
  return { placement: { sizeBytes } } as PlannedFile<HubFile>;
}

function present(sizeBytes: number, noted: number | undefined): number {
  return presentBytesOf([ofSize(sizeBytes)], new Map(noted === undefined ? [] : [[0, noted]]))[0]!;
}

test('whole files and starts that end with a range are taken up', () => {
  assert.equal(present(5, 5), 5);
  assert.equal(present(RANGE_BYTES, RANGE_BYTES), RANGE_BYTES);
  assert.equal(present(3 * RANGE_BYTES + 1, 2 * RANGE_BYTES), 2 * RANGE_BYTES);
});

test('what was not noted, ends elsewhere, or is more than the file has, counts for nothing', () => {
  for (const noted of [undefined, 0, 1, 4096, RANGE_BYTES - 1, RANGE_BYTES + 1, 2 ** 53 - 1, 2 ** 53]) {
    assert.equal(present(RANGE_BYTES + 7, noted), 0, String(noted));
  }
  assert.equal(present(0, RANGE_BYTES), 0);
  assert.equal(present(5, RANGE_BYTES), 0);
});

test('whatever a journal says, no more than the file is taken up, and a further range begins where the last one ended', () => {
  fc.assert(
    fc.property(fc.nat(5 * RANGE_BYTES), fc.double({ min: 0, noNaN: true }), (sizeBytes, noted) => {
      const bytes = present(sizeBytes, noted);
      assert.ok(bytes >= 0 && bytes <= sizeBytes);
      assert.ok(bytes === sizeBytes || bytes % RANGE_BYTES === 0);
    }),
  );
});
