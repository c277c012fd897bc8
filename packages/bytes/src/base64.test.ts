/** Base64 and its URL variant. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromBase64, fromBase64Url, toBase64, toBase64Url } from './base64.ts';

// RFC 4648 section 10.
const vectors = [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
] as const;

describe('base64', () => {
  for (const [plain, encoded] of vectors)
    test(`"${plain}" is "${encoded}"`, () => {
      const bytes = new Uint8Array(Buffer.from(plain));
      assert.equal(toBase64(bytes), encoded);
      assert.deepEqual(fromBase64(encoded), bytes);
      assert.equal(toBase64Url(bytes), encoded.replaceAll('=', ''));
      assert.deepEqual(fromBase64Url(encoded.replaceAll('=', '')), bytes);
    });

  test('any bytes come back, and are written as Node writes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
        assert.equal(toBase64Url(bytes), Buffer.from(bytes).toString('base64url'));
        assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
        assert.deepEqual(fromBase64Url(toBase64Url(bytes)), bytes);
      }),
    );
  });

  const refused = {
    'without padding': 'Zg',
    'half of the padding': 'Zg=',
    'padding only': '====',
    'three signs of padding': 'Z===',
    'padding in the middle': 'Zg==Zg==',
    'padding before the end': 'Z=g=',
    'white space': 'Zm9v Zm9v',
    'a line break': 'Zm9v\nZm8',
    'a line break at the end': 'Zm9\n',
    'an unused bit after one byte': 'Zh==',
    'an unused bit after two bytes': 'Zm9=',
    'a letter of the URL alphabet': 'Zm9-',
    'a letter beyond ASCII': 'Zm9é',
    'a letter that is K elsewhere': 'Zm9\u212a',
    'a NUL': 'Zm9\0',
  };
  for (const [name, text] of Object.entries(refused))
    test(`${name} is refused`, () => {
      assert.throws(() => fromBase64(text), { code: 'BASE64_INVALID' });
    });

  const refusedUrl = {
    padding: 'Zg==',
    'one letter': 'Z',
    'five letters': 'Zm9vZ',
    'a letter of the other alphabet': 'Zm9+',
    'a slash': 'Zm9/',
    'an unused bit after one byte': 'Zh',
    'an unused bit after two bytes': 'Zm9',
    'white space': 'Zm 9',
  };
  for (const [name, text] of Object.entries(refusedUrl))
    test(`base64url: ${name} is refused`, () => {
      assert.throws(() => fromBase64Url(text), { code: 'BASE64_INVALID' });
    });

  test('nothing is accepted that is written otherwise', () => {
    const letters = fc.string({
      unit: fc.constantFrom(...'A B w x y z 0 5 9 + / - _ = \n'.split(' '), ' '),
      maxLength: 12,
    });
    fc.assert(
      fc.property(letters, (text) => {
        for (const [decode, encode] of [
          [fromBase64, toBase64],
          [fromBase64Url, toBase64Url],
        ] as const) {
          let bytes: Uint8Array;
          try {
            bytes = decode(text);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'BASE64_INVALID');
            continue;
          }
          assert.equal(encode(bytes), text);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
