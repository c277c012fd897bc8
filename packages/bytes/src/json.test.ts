/** JSON from strangers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type JsonNode, parseJson } from './json.ts';
import { utf8 } from './text.ts';

const parse = (text: string): JsonNode => parseJson(text, 'doc');

describe('JSON', () => {
  test('what JSON writes is read as JSON reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, '\t'), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        let node: JsonNode;
        try {
          node = parse(spaced);
        } catch (error) {
          assert.equal((error as { code: string }).code, 'JSON_NUMBER_UNSAFE');
          return;
        }
        assert.equal(JSON.stringify(node.value()), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  test('nothing is accepted that JSON.parse refuses, and nothing is read otherwise', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"a"',
      '"b"',
      ':',
      ',',
      '1',
      '-',
      '0',
      '.5',
      'e3',
      'true',
      'null',
      ' ',
      '"\\u00e9"',
      '\\',
      '"',
      '\t',
    ];
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 9 }), (parts) => {
        const text = parts.join('');
        let found: string;
        try {
          found = JSON.stringify(parse(text).value());
        } catch (error) {
          assert.match((error as { code: string }).code, /^JSON_(INVALID|DUPLICATE_KEY|NUMBER_UNSAFE)$/);
          if ((error as { code: string }).code === 'JSON_INVALID')
            assert.throws(() => JSON.parse(text) as unknown);
          return;
        }
        accepted++;
        assert.equal(found, JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 5000, seed: 20261125 },
    );
    assert.ok(accepted > 100, `${accepted} were accepted`);
  });

  const refused = {
    nothing: '',
    'white space': ' \n',
    'a byte order mark': '\ufeff{}',
    'two documents': '{}{}',
    'text after the document': '{} x',
    'a comma at the end of an object': '{"a":1,}',
    'a comma at the end of an array': '[1,]',
    'two commas': '[1,,2]',
    'no comma': '[1 2]',
    'no colon': '{"a" 1}',
    'a name without quotes': '{a:1}',
    'single quotes': "{'a':1}",
    'a comment': '[1/**/]',
    'an object that does not end': '{"a":1',
    'an array that does not end': '[[1]',
    'a string that does not end': '"a',
    'a line break in a string': '"a\nb"',
    'a NUL in a string': '"\0"',
    'an unknown escape': '"\\x41"',
    'an escape that is cut off': '"\\u00e',
    'an escape with a sign': '"\\u+041"',
    'an escape named like a property of objects': '"\\constructor"',
    'half of a surrogate pair, first': '"\\ud800"',
    'half of a surrogate pair, second': '"\\udc00a"',
    'half of a surrogate pair, bare': '"\ud800"',
    'a zero in front': '01',
    'a plus': '+1',
    'a point without digits before': '.5',
    'a point without digits after': '1.',
    'an exponent without digits': '1e',
    'a hexadecimal number': '0x10',
    'a minus alone': '-',
    NaN: 'NaN',
    Infinity: '-Infinity',
    'a word that is cut off': 'tru',
    'a word in upper case': 'True',
    'a no-break space': '\u00a0{}',
    'a vertical tab': '\v{}',
  };
  for (const [name, text] of Object.entries(refused))
    test(`${name} is refused`, () => {
      assert.throws(() => parse(text), { code: 'JSON_INVALID' });
    });

  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"b":{"":0,"":0}}]',
    '{"__proto__":1,"__proto__":2}',
  ])
    test(`a name that occurs twice is refused: ${text}`, () => {
      assert.throws(() => parse(text), { code: 'JSON_DUPLICATE_KEY' });
    });

  for (const text of [
    '9007199254740992',
    '-9007199254740992',
    '1e16',
    '1e400',
    '-1e400',
    '9007199254740990.9',
    '4.99999999999999999999',
    '1e-400',
    '0.99999999999999999',
    `1${'0'.repeat(400)}`,
  ])
    test(`a number that a double changes is refused: ${text.slice(0, 30)}`, () => {
      assert.throws(() => parse(text), { code: 'JSON_NUMBER_UNSAFE' });
    });

  for (const [text, value] of [
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['1.0', 1],
    ['120e-1', 12],
    ['1.5e1', 15],
    ['0e-400', 0],
    ['-0', -0],
    ['100E+2', 10000],
    ['0.1', 0.1],
  ] as const)
    test(`${text} is exact enough`, () => {
      assert.equal(parse(text).number(), value);
    });

  test('names that mean something to JavaScript are names like others', () => {
    const node = parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}');
    assert.deepEqual(node.names(), ['__proto__', 'constructor', 'toString']);
    assert.equal(node.get('constructor').number(), 2);
    assert.equal(Object.getPrototypeOf(node.value()), null);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    assert.equal(parse('{}').optional('__proto__'), undefined);
  });

  test('too much is refused: bytes, depth, values', () => {
    assert.throws(() => parseJson('"aaaa"', 'doc', { maxBytes: 5 }), { code: 'TOO_LARGE' });
    assert.throws(() => parseJson(utf8('"é"'), 'doc', { maxBytes: 3 }), { code: 'TOO_LARGE' });
    assert.throws(() => parse(' '.repeat(8 * 1024 * 1024 + 1)), { code: 'TOO_LARGE' });
    assert.equal(parse('['.repeat(32) + '1' + ']'.repeat(32)).kind, 'array');
    assert.throws(() => parse('['.repeat(33) + '1' + ']'.repeat(33)), { code: 'TOO_LARGE' });
    assert.throws(() => parse('['.repeat(1_000_000)), { code: 'TOO_LARGE' });
    assert.throws(() => parse('{"a":'.repeat(100_000)), { code: 'TOO_LARGE' });
    assert.throws(() => parse(`[${'1,'.repeat(1 << 18)}1]`), { code: 'TOO_LARGE' });
  });

  test('long strings and long runs of white space are read', () => {
    assert.equal(parse(`"${'a'.repeat(4_000_000)}"`).string().length, 4_000_000);
    assert.equal(parse(`"${'\\n'.repeat(1_000_000)}"`).string().length, 1_000_000);
    assert.equal(parse(`${' '.repeat(4_000_000)}1`).number(), 1);
  });

  test('bytes that are not UTF-8 are refused', () => {
    assert.throws(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22), 'doc'), { code: 'UTF8_INVALID' });
    assert.throws(() => parseJson(Uint8Array.of(0x22, 0xc0, 0xa2, 0x22), 'doc'), { code: 'UTF8_INVALID' });
  });
});

describe('a JSON value', () => {
  test('keeps the bytes that it stands for in the document', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: 'grapheme' }), (value, name) => {
        const written = JSON.stringify(value, null, 1);
        const text = ` { "before" : "é🙂" ,\n${JSON.stringify(`x${name}`)} :\t${written} , "after":[ ] } `;
        let node: JsonNode;
        try {
          node = parseJson(utf8(text), 'doc');
        } catch (error) {
          assert.equal((error as { code: string }).code, 'JSON_NUMBER_UNSAFE');
          return;
        }
        assert.deepEqual(node.get(`x${name}`).raw(), utf8(written));
        assert.deepEqual(node.raw(), utf8(text.trim()));
      }),
    );
  });

  const shapes: Readonly<Record<string, () => unknown>> = {
    'a member that is missing': () => parse('{"a":1}').get('b'),
    'a member of an array': () => parse('[1]').get('0'),
    'a member of null': () => parse('null').optional('a'),
    'a name that is not allowed': () => parse('{"a":1,"b":2}').onlyNames('a'),
    'names of a string': () => parse('"a"').names(),
    'an object as an array': () => parse('{"length":0}').items(),
    'more items than allowed': () => parse('[1,2]').items(1),
    'a number as a string': () => parse('1').string(),
    'a string as a number': () => parse('"1"').number(),
    'null as a number': () => parse('null').number(),
    'a fraction as an integer': () => parse('1.5').integer(),
    'an integer below the minimum': () => parse('-1').integer(0),
    'an integer above the maximum': () => parse('256').integer(0, 255),
    'a number as a boolean': () => parse('0').boolean(),
    'a string as a boolean': () => parse('"true"').boolean(),
    'a word that is none of them': () => parse('"toString"').word('good', 'bad'),
    'a number as hexadecimal': () => parse('10').hex(),
    'a time without a zone': () => parse('"2025-06-25T00:00:00"').time(),
    'a time of another zone': () => parse('"2025-06-25T00:00:00+01:00"').time(),
    'a date': () => parse('"2025-06-25"').time(),
    'a 30th of February': () => parse('"2025-02-30T00:00:00Z"').time(),
    'a 29th of February 2025': () => parse('"2025-02-29T00:00:00Z"').time(),
    'a 31st of June': () => parse('"2025-06-31T00:00:00Z"').time(),
    'a 13th month': () => parse('"2025-13-01T00:00:00Z"').time(),
    'a 24th hour': () => parse('"2025-06-25T24:00:00Z"').time(),
    'a 60th second': () => parse('"2025-06-25T00:00:60Z"').time(),
    'a time in lower case': () => parse('"2025-06-25t00:00:00z"').time(),
    'a time with a line break': () => parse('"2025-06-25T00:00:00Z\\n"').time(),
    'a number as a time': () => parse('0').time(),
  };
  for (const [name, read] of Object.entries(shapes))
    test(`${name} is refused`, () => {
      assert.throws(read, { code: 'JSON_SHAPE' });
    });

  test('is read as what it is', () => {
    const node = parse(
      '{"a":[1,"00ff","Zg=="],"t":"2024-02-29T23:59:59.123456Z","n":null,"b":true,"w":"good"}',
    );
    const [number, hex, base64] = node.get('a').items();
    assert.equal(number!.integer(1, 1), 1);
    assert.deepEqual(hex!.hex(2), Uint8Array.of(0, 255));
    assert.deepEqual(base64!.base64(), Uint8Array.of(0x66));
    assert.equal(node.get('t').time().toISOString(), '2024-02-29T23:59:59.123Z');
    assert.ok(node.get('n').isNull());
    assert.ok(node.get('b').boolean());
    assert.equal(node.get('w').word('bad', 'good'), 'good');
    assert.throws(() => hex!.hex(3), { code: 'HEX_INVALID' });
    assert.throws(() => hex!.base64().length === 0 || base64!.hex(), { code: 'HEX_INVALID' });
  });

  test('names its path when it is refused', () => {
    assert.throws(() => parse('{"levels":[{"svn":"1"}]}').get('levels').items()[0]!.get('svn').integer(), {
      code: 'JSON_SHAPE',
      message: /^doc\.levels\[0\]\.svn: /,
    });
  });
});
