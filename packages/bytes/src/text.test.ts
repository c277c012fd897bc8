/** UTF-8 and byte arrays. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bigEndian, concatBytes, equalBytes, isZero, reversed } from './arrays.ts';
import { fromHex } from './hex.ts';
import { decodeUtf8, latin1, utf8 } from './text.ts';

describe('UTF-8', () => {
  test('any well-formed text comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(decodeUtf8(utf8(text)), text);
      }),
    );
  });

  test('a byte order mark is kept', () => {
    assert.equal(decodeUtf8(fromHex('efbbbf41')), '\ufeffA');
  });

  const refused = {
    'a byte that begins nothing': '80',
    'a character that is cut off': 'e282',
    'NUL in two bytes': 'c080',
    'a slash in two bytes': 'c0af',
    'a slash in three bytes': 'e080af',
    'half of a surrogate pair': 'eda080',
    'a surrogate pair in six bytes': 'eda081edb080',
    'a character over 10FFFF': 'f4908080',
    'five bytes': 'f888808080',
    FF: 'ff',
    'latin 1': '4be96c',
  };
  for (const [name, hex] of Object.entries(refused))
    test(`${name} is refused`, () => {
      assert.throws(() => decodeUtf8(fromHex(hex)), { code: 'UTF8_INVALID' });
    });

  test('what is accepted is encoded to the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        let text: string;
        try {
          text = decodeUtf8(bytes);
        } catch {
          return;
        }
        assert.deepEqual(utf8(text), bytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('latin 1 is one character a byte, however many there are', () => {
    const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at & 0xff);
    assert.equal(latin1(bytes), Buffer.from(bytes).toString('latin1'));
  });
});

describe('byte arrays', () => {
  test('are equal when length and bytes are', () => {
    assert.ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(0, 1, 2).subarray(1)));
    assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
    assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)));
    assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
    assert.ok(equalBytes(new Uint8Array(0), new Uint8Array(0)));
  });

  test('a difference in the first, the last or the highest bit is a difference', () => {
    const bytes = new Uint8Array(33);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const other = bytes.slice();
      other[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok(!equalBytes(bytes, other));
      assert.ok(!isZero(other));
    }
    assert.ok(isZero(bytes));
  });

  test('joined, the parts follow each other', () => {
    assert.deepEqual(concatBytes(), new Uint8Array(0));
    assert.deepEqual(
      concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)),
      Uint8Array.of(1, 2, 3),
    );
  });

  test('reversed, the input stays as it was', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    assert.deepEqual(reversed(bytes), Uint8Array.of(3, 2, 1));
    assert.deepEqual(bytes, Uint8Array.of(1, 2, 3));
  });

  test('big-endian integers of any length', () => {
    assert.equal(bigEndian(new Uint8Array(0)), 0n);
    assert.equal(bigEndian(Uint8Array.of(0, 0x80, 1)), 0x8001n);
    assert.equal(bigEndian(new Uint8Array(1 << 20).fill(0xff)), (1n << 8_388_608n) - 1n);
  });
});
