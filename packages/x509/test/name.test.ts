/** Distinguished names. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { derTag, parseDer, utf8 } from '@vitrine/bytes';
import {
  derElement,
  derNull,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derUtf8String,
} from '@vitrine/bytes/der-writer';
import { attributeValues, commonName, formatName, parseCertificate, sameName } from '../src/index.ts';
import { assemble } from './hierarchy.ts';

const CN = '2.5.4.3';
const attribute = (oid: string, value: Uint8Array) => derSequence(derOid(oid), value);
const subjectOf = (...relative: readonly Uint8Array[]) =>
  parseCertificate(assemble({ subject: derSequence(...relative) })).subject;

describe('a name', () => {
  test('keeps its attributes in their order, those of one relative name too', () => {
    const name = subjectOf(
      derSet(attribute('2.5.4.10', derPrintableString('Org'))),
      derSet(attribute(CN, derUtf8String('é')), attribute('1.2.3', derPrintableString('x'))),
    );
    assert.equal(formatName(name), 'O=Org, 1.2.3=x, CN=é');
    assert.equal(commonName(name), 'é');
    assert.deepEqual(attributeValues(name, 'O'), ['Org']);
    assert.deepEqual(attributeValues(name, 'undefined'), []);
  });

  test('may be empty', () => {
    assert.equal(formatName(subjectOf()), '');
    assert.equal(commonName(subjectOf()), undefined);
  });

  test('with two common names has no common name', () => {
    const one = derSet(attribute(CN, derPrintableString('a')));
    assert.equal(commonName(subjectOf(one, derSet(attribute(CN, derPrintableString('b'))))), undefined);
  });

  test('is the same only byte for byte: not in another string type, order or case', () => {
    const name = (value: Uint8Array) => subjectOf(derSet(attribute(CN, value)));
    assert.ok(sameName(name(derPrintableString('a')), name(derPrintableString('a'))));
    assert.ok(!sameName(name(derPrintableString('a')), name(derUtf8String('a'))));
    assert.ok(!sameName(name(derPrintableString('a')), name(derPrintableString('A'))));
    assert.ok(!sameName(name(derPrintableString('a')), name(derPrintableString('a '))));
    assert.ok(!sameName(name(derPrintableString('a')), subjectOf()));
  });

  test('with a NUL is not the name before the NUL', () => {
    assert.equal(commonName(subjectOf(derSet(attribute(CN, derUtf8String('a\0.b'))))), 'a\0.b');
  });

  test('shows control characters in messages as U+FFFD', () => {
    assert.equal(
      formatName(subjectOf(derSet(attribute(CN, derUtf8String('a\u001b[2J\n\u202eb'))))),
      'CN=a\ufffd[2J\ufffd\ufffdb',
    );
  });

  const refused = {
    'a relative name of nothing': derElement(derTag.set),
    'an attribute outside a set': attribute(CN, derPrintableString('a')),
    'an attribute without a value': derSet(derSequence(derOid(CN))),
    'an attribute of two values': derSet(
      derSequence(derOid(CN), derPrintableString('a'), derPrintableString('b')),
    ),
    'a value that is no string': derSet(attribute(CN, derNull())),
    'a value that is not UTF-8': derSet(attribute(CN, derElement(derTag.utf8String, Uint8Array.of(0xff)))),
    'a value that is not ASCII': derSet(attribute(CN, derElement(derTag.printableString, utf8('é')))),
    'attributes of a set out of order': derElement(
      derTag.set,
      attribute(CN, derPrintableString('b')),
      attribute(CN, derPrintableString('a')),
    ),
  };
  for (const [what, relative] of Object.entries(refused))
    test(`with ${what} is refused`, () => {
      assert.throws(() => subjectOf(relative), { code: 'CERTIFICATE_MALFORMED' });
    });

  test('keeps the DER that stands in the document', () => {
    const name = subjectOf(derSet(attribute(CN, derPrintableString('a'))));
    assert.equal(parseDer(name.der, 'name').children(derTag.sequence).length, 1);
  });
});
