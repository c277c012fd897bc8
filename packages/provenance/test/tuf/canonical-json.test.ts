/** One form for each value, whatever the document that it came from looked like. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BytesError, type JsonValue, decodeUtf8, parseJson } from '@vitrine/bytes';
import { canonicalJson } from '@vitrine/provenance/tuf';

const text = (value: JsonValue) => decodeUtf8(canonicalJson(value), 'canonical JSON');

const plain = fc.letrec<{ value: JsonValue; list: JsonValue; object: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n)),
    fc.string({ unit: 'grapheme' }),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 5 }),
})).value;

describe('canonical JSON', () => {
  test('the forms that OLPC describes', () => {
    assert.equal(text({ b: [1, -2, true, null], a: 'x' }), '{"a":"x","b":[1,-2,true,null]}');
    assert.equal(text('line\nbreak\t"quote" \\ é'), '"line\nbreak\t\\"quote\\" \\\\ é"');
    assert.equal(text({}), '{}');
    assert.equal(text([]), '[]');
  });

  test('names are in the order of code points, not of UTF-16 units', () => {
    assert.equal(
      text({ '\u{1f600}': 1, '\uff5e': 2, ab: 3, a: 4 }),
      '{"a":4,"ab":3,"\uff5e":2,"\u{1f600}":1}',
    );
  });

  test('numbers that are no integers, and lone surrogates, have no form', () => {
    for (const value of [0.5, 2 ** 53, NaN, Infinity, -0, '\ud800', { '\udc00': 1 }])
      assert.throws(() => canonicalJson(value), BytesError, JSON.stringify(value));
  });

  test('the order of names and the blanks of a document do not matter', () => {
    fc.assert(
      fc.property(plain, fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const reversed = JSON.stringify(backwards(value), null, indent);
        const read = parseJson(reversed, 'document').value();
        assert.deepEqual(canonicalJson(read), canonicalJson(value));
      }),
    );
  });

  test('two values that differ have two forms', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const isSame = JSON.stringify(backwards(a)) === JSON.stringify(backwards(b));
        if (!isSame && sorted(a) !== sorted(b)) assert.notEqual(text(a), text(b));
      }),
    );
  });
});

function backwards(value: JsonValue): JsonValue {
  return rebuilt(value, (names) => names.reverse());
}

function sorted(value: JsonValue): string {
  return JSON.stringify(rebuilt(value, (names) => names.sort()));
}

function rebuilt(value: JsonValue, order: (names: string[]) => string[]): JsonValue {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => rebuilt(item, order));
  const members = value as { readonly [name: string]: JsonValue };
  return Object.fromEntries(
    order(Object.keys(members)).map((name) => [name, rebuilt(members[name]!, order)]),
  );
}
