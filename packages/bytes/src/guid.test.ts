/** GUIDs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatGuid, parseGuid } from './guid.ts';
import { fromHex } from './hex.ts';

describe('GUID', () => {
  test('the first three fields are little-endian', () => {
    const bytes = fromHex('61dfe48bca93d211aa0d00e098032b8c');
    assert.equal(formatGuid(bytes), '8be4df61-93ca-11d2-aa0d-00e098032b8c');
    assert.deepEqual(parseGuid('8BE4DF61-93ca-11d2-aa0d-00e098032b8c'), bytes);
  });

  test('any sixteen bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        assert.deepEqual(parseGuid(formatGuid(bytes)), bytes);
      }),
    );
  });

  for (const length of [0, 15, 17])
    test(`${length} bytes are no GUID`, () => {
      assert.throws(() => formatGuid(new Uint8Array(length)), { code: 'GUID_INVALID' });
    });

  for (const text of [
    '',
    '8be4df6193ca11d2aa0d00e098032b8c',
    '{8be4df61-93ca-11d2-aa0d-00e098032b8c}',
    '8be4df61-93ca-11d2-aa0d-00e098032b8',
    '8be4df61-93ca-11d2-aa0d-00e098032b8cc',
    '8be4df61-93ca-11d2-aa0d-00e098032b8c\n',
    ' 8be4df61-93ca-11d2-aa0d-00e098032b8c',
    '8be4df61-93ca-11d2-aa0d0-0e098032b8c',
    '8be4df6g-93ca-11d2-aa0d-00e098032b8c',
  ])
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parseGuid(text), { code: 'GUID_INVALID' });
    });
});
