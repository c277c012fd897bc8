import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type DigestName, digest, digestSizeBytes } from './digest.ts';
import { hashNow as elsewhere } from './hash-now.ts';

const names = Object.keys(digestSizeBytes) as DigestName[];

for (const name of names)
  test(`${name} is the same for little, which Node hashes at once, and for much, which WebCrypto does`, async () => {
    for (const length of [0, 1, 65, 16 * 1024, 16 * 1024 + 1, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 31) % 251);
      const expected = createHash(name.replace('-', '')).update(bytes).digest('hex');
      const found = await digest(name, bytes);
      assert.equal(Buffer.from(found).toString('hex'), expected);
      assert.equal(found.length, digestSizeBytes[name]);
      assert.equal(found.constructor, Uint8Array, 'no Buffer, whose slice is a view');
    }
  });

test('a part of a larger array is hashed, not the array', async () => {
  const whole = Uint8Array.from({ length: 64 }, (_, at) => at);
  const part = whole.subarray(8, 24);
  assert.deepEqual(await digest('SHA-256', part), await digest('SHA-256', new Uint8Array(part)));
});

test('where there is no Node nothing is hashed at once', () => {
  assert.equal(elsewhere, undefined);
});
