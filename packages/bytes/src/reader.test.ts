/** The reader of fixed layouts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader } from './reader.ts';

// A view that begins within its buffer, as parts of a message do.
const bytes = Uint8Array.from({ length: 40 }, (_, at) => at).subarray(8);
const reader = (of: Uint8Array = bytes) => new ByteReader(of, 'thing');

describe('ByteReader', () => {
  test('integers are little-endian unless their name says otherwise', () => {
    const read = reader();
    assert.equal(read.u8('a'), 0x08);
    assert.equal(read.u16('b'), 0x0a09);
    assert.equal(read.u24('c'), 0x0d0c0b);
    assert.equal(read.u32('d'), 0x11100f0e);
    assert.equal(read.u64('e'), 0x1918171615141312n);
    assert.equal(read.u16be('f'), 0x1a1b);
    assert.equal(read.u32be('g'), 0x1c1d1e1f);
    assert.equal(read.u64be('h'), 0x2021222324252627n);
    assert.equal(read.offset, 32);
    read.end();
  });

  test('the highest values are not negative', () => {
    const read = reader(new Uint8Array(26).fill(0xff));
    assert.deepEqual(
      [read.u8('a'), read.u16('b'), read.u24('c'), read.u32('d'), read.u32be('e')],
      [255, 65535, 0xffffff, 0xffffffff, 0xffffffff],
    );
    assert.equal(read.u64('f'), 2n ** 64n - 1n);
  });

  test('pieces are views of the input', () => {
    const own = new Uint8Array(4);
    const piece = reader(own).take(2, 'piece');
    own[1] = 7;
    assert.deepEqual(piece, Uint8Array.of(0, 7));
  });

  test('the rest may be empty', () => {
    const read = reader(Uint8Array.of(1));
    assert.equal(read.rest().length, 1);
    assert.equal(read.rest().length, 0);
    read.end();
  });

  test('each integer that does not fit is refused, and nothing is taken', () => {
    for (const [method, size] of [
      ['u8', 1],
      ['u16', 2],
      ['u24', 3],
      ['u32', 4],
      ['u64', 8],
      ['u16be', 2],
      ['u32be', 4],
      ['u64be', 8],
    ] as const) {
      const read = reader(new Uint8Array(size - 1));
      assert.throws(() => read[method]('field'), { code: 'TRUNCATED' });
      assert.equal(read.offset, 0);
    }
  });

  for (const length of [33, -1, 0.5, NaN, Infinity, 2 ** 53])
    test(`a piece of ${length} bytes is refused`, () => {
      const read = reader();
      assert.throws(() => read.take(length, 'field'), { code: 'TRUNCATED' });
      assert.equal(read.remaining, 32);
    });

  test('bytes that are left over are refused', () => {
    const read = reader();
    read.take(31, 'most');
    assert.throws(
      () => {
        read.end();
      },
      { code: 'TRAILING_DATA' },
    );
  });

  test('the error names the structure, the field and the place', () => {
    const read = reader(Uint8Array.of(0));
    assert.throws(() => read.u16('version'), {
      message: /^thing: version needs 2 bytes at byte 0, 1 are left/,
    });
  });
});
