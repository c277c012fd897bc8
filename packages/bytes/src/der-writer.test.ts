/** The DER writer, by the reader. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bigEndian } from './arrays.ts';
import {
  derBitString,
  derBoolean,
  derElement,
  derGeneralizedTime,
  derIa5String,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUnsigned,
  derUtf8String,
} from './der-writer.ts';
import { derTag, parseDer } from './der.ts';
import { toHex } from './hex.ts';

const read = (bytes: Uint8Array) => parseDer(bytes, 'written');

describe('the DER writer', () => {
  test('integers come back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }), (value) => {
        assert.equal(read(derInteger(value)).integer(), value);
      }),
    );
    for (const value of [0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768])
      assert.equal(read(derInteger(value)).integer(), BigInt(value));
  });

  test('unsigned bytes become an INTEGER that is not negative', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.equal(read(derUnsigned(bytes)).integer(), bigEndian(bytes));
      }),
    );
    assert.equal(toHex(derUnsigned(new Uint8Array(3))), '020100');
    assert.equal(toHex(derUnsigned(new Uint8Array(0))), '020100');
  });

  test('object identifiers come back', () => {
    const arc = fc.bigInt({ min: 0n, max: 2n ** 70n });
    const top = fc.oneof(
      fc.tuple(fc.constantFrom(0n, 1n), fc.bigInt({ min: 0n, max: 39n })),
      fc.tuple(fc.constant(2n), arc),
    );
    fc.assert(
      fc.property(top, fc.array(arc, { maxLength: 4 }), (first, rest) => {
        const text = [...first, ...rest].join('.');
        assert.equal(read(derOid(text)).oid(), text);
      }),
    );
  });

  for (const text of [
    '',
    '1',
    '1.',
    '1..2',
    '3.1',
    '1.40',
    '0.99',
    '-1.2',
    '1.2.x',
    '1.02',
    '01.2',
    ' 1.2',
    '1.2.0x1',
  ])
    test(`"${text}" is not written as an object identifier`, () => {
      assert.throws(() => derOid(text), RangeError);
    });

  test('times come back to the second, UTCTime from 1950 to 2049', () => {
    const dates = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (at) => {
        const seconds = Math.floor(at.getTime() / 1000) * 1000;
        const year = at.getUTCFullYear();
        assert.equal(read(derTime(at)).time().getTime(), seconds);
        assert.equal(
          read(derTime(at)).tag,
          year >= 1950 && year < 2050 ? derTag.utcTime : derTag.generalizedTime,
        );
        assert.equal(read(derGeneralizedTime(at)).expect(derTag.generalizedTime).time().getTime(), seconds);
      }),
    );
  });

  for (const at of [new Date(NaN), new Date(Date.UTC(10000, 0, 1)), new Date(Date.UTC(-1, 0, 1))])
    test(`the time ${at.getTime()} is not written`, () => {
      assert.throws(() => derTime(at), RangeError);
      assert.throws(() => derGeneralizedTime(at), RangeError);
    });

  test('a SET is sorted by its bytes', () => {
    assert.equal(
      toHex(derSet(derInteger(2), derNull(), derInteger(1), derBoolean(true))),
      '310b0101ff0201010201020500',
    );
    const [long, short] = [derOctetString(Uint8Array.of(1, 0)), derOctetString(Uint8Array.of(9))];
    assert.deepEqual(derSet(long, short), derElement(derTag.set, short, long));
  });

  test('strings come back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), (text, bytes) => {
        assert.equal(read(derUtf8String(text)).text(), text);
        assert.deepEqual(read(derOctetString(bytes)).octetString(), bytes);
        assert.deepEqual(read(derBitString(bytes)).bitStringBytes(), bytes);
      }),
    );
    assert.equal(read(derPrintableString('AB')).text(), 'AB');
    assert.equal(read(derIa5String('a@b')).text(), 'a@b');
    assert.deepEqual(read(derBitString(Uint8Array.of(0x80), 7)).bitString().unusedBits, 7);
  });

  test('what would not be DER is not written', () => {
    assert.throws(() => derPrintableString('é'), RangeError);
    assert.throws(() => derIa5String('é'), RangeError);
    assert.throws(() => derBitString(Uint8Array.of(1), 1), RangeError);
    assert.throws(() => derBitString(Uint8Array.of(0), 8), RangeError);
    assert.throws(() => derBitString(new Uint8Array(0), 1), RangeError);
    assert.throws(() => derInteger(0.5), RangeError);
  });

  test('any tree comes back', () => {
    type Tree = Uint8Array | readonly Tree[];
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.uint8Array({ maxLength: 300 }),
        fc.array(tie('tree'), { maxLength: 4 }),
      ),
    }));
    const write = (node: Tree): Uint8Array =>
      node instanceof Uint8Array ? derOctetString(node) : derSequence(...node.map(write));
    const compare = (bytes: Uint8Array, node: Tree): void => {
      if (node instanceof Uint8Array) {
        assert.deepEqual(read(bytes).octetString(), node);
        return;
      }
      const children = read(bytes).children(derTag.sequence);
      assert.equal(children.length, node.length);
      for (const [index, child] of children.entries()) compare(child.bytes, node[index]!);
    };
    fc.assert(
      fc.property(tree, (node) => {
        compare(write(node), node);
      }),
    );
  });
});
