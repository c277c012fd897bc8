/** The DER reader. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatBytes } from './arrays.ts';
import { derElement, derSequence } from './der-writer.ts';
import { type Der, contextTag, derTag, parseDer, parseFirstDer } from './der.ts';
import { fromHex, toHex } from './hex.ts';
import { utf8 } from './text.ts';

const der = (hex: string): Der => parseDer(fromHex(hex.replaceAll(' ', '')), 'test');

/** Each of these is refused with the code when it is read by `read`. */
function refuses(
  read: (element: Der) => unknown,
  inputs: Readonly<Record<string, string>>,
  code = 'DER_INVALID',
) {
  for (const [name, hex] of Object.entries(inputs))
    test(`${name} is refused`, () => {
      assert.throws(() => read(der(hex)), { code });
    });
}

describe('DER elements', () => {
  test('have a tag, contents and their own bytes', () => {
    const element = der('30 03 02 01 05');
    assert.equal(element.tag, derTag.sequence);
    assert.equal(toHex(element.contents), '020105');
    assert.equal(toHex(element.bytes), '3003020105');
    assert.equal(toHex(element.only(derTag.sequence).bytes), '020105');
  });

  test('may have a length of up to four bytes', () => {
    for (const length of [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000])
      assert.equal(
        parseDer(derElement(derTag.octetString, new Uint8Array(length)), 'x').octetString().length,
        length,
      );
  });

  refuses(
    (element) => element,
    { nothing: '', 'a tag alone': '30', 'contents that are cut off': '04 02 00' },
    'TRUNCATED',
  );
  refuses(
    (element) => element,
    {
      'a length that is cut off': '04 82 01',
      'a length of four gigabytes': '04 84 ff ff ff ff 00',
      'contents one byte short, long form': '04 81 80 00',
    },
    'TRUNCATED',
  );
  refuses(
    (element) => element,
    { 'a byte after the element': '05 00 00', 'two elements': '05 00 05 00' },
    'TRAILING_DATA',
  );
  refuses((element) => element, {
    'an indefinite length': '30 80 00 00',
    'a short length in the long form': '04 81 01 00',
    'a length with a zero in front': '04 82 00 80 00',
    'a length of five bytes': '04 85 01 00 00 00 00',
    'a length of 127 bytes': '04 ff 00',
    'a high tag number': '1f 81 00 00',
    'a high tag number, constructed': 'bf 21 00',
    'end-of-contents': '00 00',
  });

  test('the first of several can be read', () => {
    assert.equal(parseFirstDer(fromHex('0500ff'), 'x').bytes.length, 2);
    assert.throws(() => parseFirstDer(fromHex('0501'), 'x'), { code: 'TRUNCATED' });
  });

  test('a primitive one has no elements inside', () => {
    assert.throws(() => der('04 02 05 00').children(), { code: 'DER_INVALID' });
    assert.throws(() => der('10 02 05 00').fields(derTag.sequence), { code: 'DER_INVALID' });
  });

  test('another tag than wanted is refused', () => {
    assert.throws(() => der('31 00').fields(derTag.sequence), { code: 'DER_INVALID' });
    assert.throws(() => der('05 00').expect(derTag.integer), { code: 'DER_INVALID' });
    assert.throws(() => der('24 04 04 02 00 00').octetString(), { code: 'DER_INVALID' });
    assert.throws(() => der('23 05 03 03 00 00 00').bitString(), { code: 'DER_INVALID' });
  });

  test('an explicit tag holds one element', () => {
    assert.equal(der('a0 03 02 01 02').only(contextTag(0)).smallInteger(), 2);
    assert.throws(() => der('a0 00').only(), { code: 'DER_INVALID' });
    assert.throws(() => der('a0 04 05 00 05 00').only(), { code: 'DER_INVALID' });
  });

  test('all fields are taken, in their order, or it is refused', () => {
    const fields = der('30 08 02 01 01 05 00 01 01 ff').fields(derTag.sequence);
    assert.equal(fields.optional(derTag.null), undefined);
    assert.equal(fields.next(derTag.integer).smallInteger(), 1);
    fields.optional(derTag.null)!.null();
    assert.throws(
      () => {
        fields.end();
      },
      { code: 'DER_INVALID' },
    );
    assert.ok(fields.next().boolean());
    fields.end();
    assert.throws(() => fields.next(), { code: 'DER_INVALID' });
  });

  test('what is inside may not be longer than what is around it', () => {
    assert.throws(() => der('30 03 04 02 00').children(), { code: 'TRUNCATED' });
    assert.throws(() => der('30 01 04').children(), { code: 'TRUNCATED' });
  });

  test('more elements than 65,536 are taken one at a time only', () => {
    const many = derElement(
      derTag.sequence,
      Uint8Array.from({ length: 2 * 65537 }, (_, at) => (at % 2 ? 0 : 5)),
    );
    assert.throws(() => parseDer(many, 'x').children(), { code: 'TOO_LARGE' });
    let count = 0;
    for (const element of parseDer(many, 'x').elements()) count += element.bytes.length;
    assert.equal(count, 2 * 65537);
  });

  test('nesting costs the reader nothing that it was not asked for', () => {
    let nested = new Uint8Array(0);
    for (let depth = 0; depth < 5000; depth++) nested = new Uint8Array(derSequence(nested));
    let element = parseDer(nested, 'x');
    for (let depth = 1; depth < 5000; depth++) element = element.only();
    assert.equal(element.contents.length, 0);
  });
});

describe('DER integers', () => {
  test('are two’s complement', () => {
    for (const [hex, value] of [
      ['02 01 00', 0n],
      ['02 01 7f', 127n],
      ['02 02 00 80', 128n],
      ['02 01 80', -128n],
      ['02 01 ff', -1n],
      ['02 02 ff 7f', -129n],
      ['02 09 00 ff ff ff ff ff ff ff ff', 2n ** 64n - 1n],
    ] as const)
      assert.equal(der(hex).integer(), value);
  });

  refuses((element) => element.integer(), {
    'an empty INTEGER': '02 00',
    'an INTEGER with a zero in front': '02 02 00 7f',
    'zero in two bytes': '02 02 00 00',
    'minus one in two bytes': '02 02 ff ff',
    'minus 128 in two bytes': '02 02 ff 80',
  });
  refuses((element) => element.smallInteger(), {
    'minus one for a count': '02 01 ff',
    '2^53 for a count': '02 07 20 00 00 00 00 00 00',
    'a kilobyte for a count': `02 82 04 00 01${'00'.repeat(1023)}`,
  });

  test('the largest exact count is read', () => {
    assert.equal(der('02 07 1f ff ff ff ff ff ff').smallInteger(), Number.MAX_SAFE_INTEGER);
  });

  test('a megabyte takes no time that grows with its square', () => {
    const large = parseDer(derElement(derTag.integer, Uint8Array.of(1), new Uint8Array(1 << 20)), 'x');
    assert.equal(large.integer(), 1n << 8_388_608n);
  });
});

describe('DER booleans, nulls and strings', () => {
  test('true is FF and false is 00', () => {
    assert.equal(der('01 01 ff').boolean(), true);
    assert.equal(der('01 01 00').boolean(), false);
  });
  refuses((element) => element.boolean(), {
    'true as 01': '01 01 01',
    'a BOOLEAN without a byte': '01 00',
    'a BOOLEAN of two bytes': '01 02 ff ff',
  });
  refuses(
    (element) => {
      element.null();
    },
    { 'a NULL with contents': '05 01 00' },
  );

  test('a BIT STRING counts its unused bits', () => {
    assert.deepEqual(der('03 02 01 06').bitString(), { bytes: Uint8Array.of(6), unusedBits: 1 });
    assert.deepEqual(der('03 01 00').bitString(), { bytes: new Uint8Array(0), unusedBits: 0 });
    assert.deepEqual(der('03 02 00 ff').bitStringBytes(), Uint8Array.of(0xff));
  });
  refuses((element) => element.bitString(), {
    'a BIT STRING without a count': '03 00',
    'eight unused bits': '03 02 08 00',
    'unused bits of no byte': '03 01 01',
    'an unused bit that is one': '03 02 01 01',
    'the highest unused bit that is one': '03 02 07 40',
  });
  refuses((element) => element.bitStringBytes(), {
    'a BIT STRING of seven bits where bytes are wanted': '03 02 01 06',
  });

  test('the string types of names are read', () => {
    assert.equal(der('0c 02 c3 a9').text(), 'é');
    assert.equal(der('13 01 41').text(), 'A');
    assert.equal(der('16 01 40').text(), '@');
    assert.equal(der('14 01 e9').text(), 'é');
  });
  refuses((element) => element.text(), {
    'a PrintableString that is not ASCII': '13 01 e9',
    'an IA5String that is not ASCII': '16 01 80',
    'a BMPString': '1e 02 00 41',
    'an OCTET STRING as text': '04 01 41',
  });
  refuses((element) => element.text(), { 'a UTF8String that is latin 1': '0c 01 e9' }, 'UTF8_INVALID');
});

describe('DER object identifiers', () => {
  test('are dotted decimals', () => {
    assert.equal(der('06 08 2a 86 48 ce 3d 04 03 03').oid(), '1.2.840.10045.4.3.3');
    assert.equal(der('06 01 00').oid(), '0.0');
    assert.equal(der('06 01 27').oid(), '0.39');
    assert.equal(der('06 01 28').oid(), '1.0');
    assert.equal(der('06 01 4f').oid(), '1.39');
    assert.equal(der('06 01 50').oid(), '2.0');
    assert.equal(der('06 03 88 37 03').oid(), '2.999.3');
    assert.equal(der('06 0a 69 83 ff ff ff ff ff ff ff 7f').oid(), `2.25.${(2n ** 58n - 1n) | (3n << 56n)}`);
  });
  refuses((element) => element.oid(), {
    'an empty OBJECT IDENTIFIER': '06 00',
    'an arc that is cut off': '06 02 2a 86',
    'an arc with a zero in front': '06 03 2a 80 01',
    'a first arc with a zero in front': '06 02 80 01',
    'an OBJECT IDENTIFIER of 65 bytes': `06 41 ${'01'.repeat(65)}`,
  });
});

describe('DER times', () => {
  const time = (tag: number, text: string) => parseDer(derElement(tag, utf8(text)), 'test').time();
  test('two digits of a year are 1950 to 2049', () => {
    assert.equal(time(derTag.utcTime, '491231235959Z').toISOString(), '2049-12-31T23:59:59.000Z');
    assert.equal(time(derTag.utcTime, '500101000000Z').toISOString(), '1950-01-01T00:00:00.000Z');
    assert.equal(time(derTag.utcTime, '000229120000Z').toISOString(), '2000-02-29T12:00:00.000Z');
  });
  test('four digits are the year, also below 100', () => {
    assert.equal(time(derTag.generalizedTime, '00500101000000Z').toISOString(), '0050-01-01T00:00:00.000Z');
    assert.equal(time(derTag.generalizedTime, '00000101000000Z').toISOString(), '0000-01-01T00:00:00.000Z');
    assert.equal(time(derTag.generalizedTime, '99991231235959Z').toISOString(), '9999-12-31T23:59:59.000Z');
  });
  for (const text of [
    '250229000000Z',
    '000230000000Z',
    '250431000000Z',
    '251301000000Z',
    '250001000000Z',
    '250100000000Z',
    '250101240000Z',
    '250101006000Z',
    '250101000060Z',
    '2501010000Z',
    '250101000000',
    '250101000000+0000',
    '250101000000Z ',
    '250101000000z',
    '250101000000.5Z',
    '+50101000000Z',
    '20250101000000Z',
    '',
  ])
    test(`UTCTime "${text}" is refused`, () => {
      assert.throws(() => time(derTag.utcTime, text), { code: 'DER_INVALID' });
    });
  for (const text of [
    '20250229000000Z',
    '21000229000000Z',
    '20250101000000.0Z',
    '20250101000000+0100',
    '202501010000Z',
    '250101000000Z',
    '020250101000000Z',
    `20250101000000Z${'0'.repeat(100_000)}`,
  ])
    test(`GeneralizedTime "${text.slice(0, 30)}" is refused`, () => {
      assert.throws(() => time(derTag.generalizedTime, text), { code: 'DER_INVALID' });
    });
  test('another tag is no time', () => {
    assert.throws(() => time(derTag.printableString, '250101000000Z'), { code: 'DER_INVALID' });
  });
});

describe('the DER reader', () => {
  test('accepts nothing that is written otherwise', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .array(fc.constantFrom(0x30, 0x04, 0x02, 0x05, 0x00, 0x01, 0x03, 0x80, 0x81, 0xa0), { maxLength: 12 })
        .map((values) => Uint8Array.from(values)),
    );
    let accepted = 0;
    fc.assert(
      fc.property(bytes, (input) => {
        let rewritten: Uint8Array;
        try {
          rewritten = rewrite(parseDer(input, 'x'));
        } catch (error) {
          assert.match((error as { code: string }).code, /^(DER_INVALID|TRUNCATED|TRAILING_DATA)$/);
          return;
        }
        accepted++;
        assert.deepEqual(rewritten, input);
      }),
      { numRuns: 5000, seed: 20261125 },
    );
    assert.ok(accepted > 10, `${accepted} were accepted`);
  });
});

function rewrite(element: Der): Uint8Array {
  if ((element.tag & 0x20) === 0) return derElement(element.tag, element.contents);
  return derElement(element.tag, concatBytes(...element.children().map(rewrite)));
}
