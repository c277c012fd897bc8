import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HubError } from './error.ts';
import { gitBlobDigest } from './git-blob.ts';

function digestOf(...parts: Uint8Array[]): string {
  const digest = gitBlobDigest(parts.reduce((sum, part) => sum + part.length, 0));
  for (const part of parts) digest.update(part);
  return digest.digestHex();
}

void describe('gitBlobDigest', () => {
  test('gives the ids that git hash-object gives', () => {
    assert.equal(digestOf(), 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
    assert.equal(digestOf(Buffer.from('hello\n')), 'ce013625030ba8dba906f756967f9e9ca394464a');
    assert.equal(digestOf(Buffer.from('test content\n')), 'd670460b4b4aece5915caf5c68d12f560a9fe3e4');
  });

  test('does not depend on how the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }), (parts) => {
        assert.equal(digestOf(...parts), digestOf(Buffer.concat(parts)));
      }),
    );
  });

  test('refuses fewer and more bytes than it was told', () => {
    for (const sizeBytes of [0, 2, 4]) {
      const digest = gitBlobDigest(sizeBytes);
      digest.update(new Uint8Array(3));
      assert.throws(
        () => digest.digestHex(),
        (error) => error instanceof HubError && error.code === 'SIZE_MISMATCH',
      );
    }
  });

  test('refuses sizes that cannot be', () => {
    for (const sizeBytes of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      assert.throws(
        () => gitBlobDigest(sizeBytes),
        (error) => error instanceof HubError && error.code === 'PARAMETER_INVALID',
      );
    }
  });
});
