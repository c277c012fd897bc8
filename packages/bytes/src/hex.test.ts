/** Hexadecimal digits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from './hex.ts';

describe('hex', () => {
  test('bytes become lower-case digits and come back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.equal(toHex(bytes), Buffer.from(bytes).toString('hex'));
        assert.deepEqual(fromHex(toHex(bytes)), bytes);
      }),
    );
  });

  test('digits of either case are read', () => {
    assert.deepEqual(fromHex('aBCd09'), Uint8Array.of(0xab, 0xcd, 0x09));
  });

  test('no digits are no bytes', () => {
    assert.deepEqual(fromHex(''), new Uint8Array(0));
  });

  for (const text of ['a', 'abc', '0x00', 'zz', ' 00', '00 ', '00\n', '0 0', '+1', '-1', '٠٠'])
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => fromHex(text), { code: 'HEX_INVALID' });
    });

  test('another length than expected is refused', () => {
    assert.throws(() => fromHex('0011', 'x', 1), { code: 'HEX_INVALID' });
    assert.throws(() => fromHex('0011', 'x', 3), { code: 'HEX_INVALID' });
    assert.throws(() => fromHex('', 'x', 1), { code: 'HEX_INVALID' });
  });

  test('what is accepted is what the bytes are written as, but for the case', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0 1 8 9 a b e f A B E F g x -'.split(' '), ' ') }),
        (text) => {
          let bytes: Uint8Array;
          try {
            bytes = fromHex(text);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'HEX_INVALID');
            return;
          }
          assert.equal(toHex(bytes), text.toLowerCase());
        },
      ),
    );
  });

  test('megabytes are read', () => {
    assert.equal(fromHex('5a'.repeat(4_000_000)).length, 4_000_000);
  });

  test('the error names what was read', () => {
    assert.throws(() => fromHex('x', 'FMSPC'), { message: /^FMSPC: / });
  });
});
