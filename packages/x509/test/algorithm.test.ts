/** Algorithm identifiers and public keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Der, contextTag, parseDer } from '@vitrine/bytes';
import {
  derBitString,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
} from '@vitrine/bytes/der-writer';
import { parsePublicKey } from '../src/index.ts';
import { type SignatureAlgorithm, parseSignatureAlgorithm } from '../src/algorithm.ts';
import { p256Key } from './hierarchy.ts';

const parse = (der: Uint8Array): SignatureAlgorithm => parseSignatureAlgorithm(parseDer(der, 'algorithm'));
const sha384 = derSequence(derOid('2.16.840.1.101.3.4.2.2'), derNull());
const sha256 = derSequence(derOid('2.16.840.1.101.3.4.2.1'), derNull());
const sha1 = derSequence(derOid('1.3.14.3.2.26'), derNull());
const mgf1 = (hash: Uint8Array) => derSequence(derOid('1.2.840.113549.1.1.8'), hash);
const field = (number: number, value: Uint8Array) => derElement(contextTag(number), value);
const pss = (...fields: readonly Uint8Array[]) =>
  derSequence(derOid('1.2.840.113549.1.1.10'), derSequence(...fields));
const [hash, mask, salt, trailer] = [
  field(0, sha384),
  field(1, mgf1(sha384)),
  field(2, derInteger(48)),
  field(3, derInteger(1)),
];

describe('RSASSA-PSS parameters', () => {
  const expected = { name: 'RSA-PSS', hash: 'SHA-384', saltLengthBytes: 48 };
  test('are read with and without the trailer field, and with and without the NULLs', () => {
    const bare = derSequence(derOid('2.16.840.1.101.3.4.2.2'));
    assert.deepEqual(parse(pss(hash, mask, salt, trailer)), expected);
    assert.deepEqual(parse(pss(hash, mask, salt)), expected);
    assert.deepEqual(parse(pss(field(0, bare), field(1, mgf1(bare)), salt)), expected);
  });

  const unsupported = {
    'no parameters': derSequence(derOid('1.2.840.113549.1.1.10')),
    'nothing but defaults, which are SHA-1': pss(),
    'the default hash': pss(mask, salt),
    'the default mask': pss(hash, salt),
    'the default salt': pss(hash, mask),
    'SHA-1': pss(field(0, sha1), field(1, mgf1(sha1)), salt),
    'another hash in the mask': pss(hash, field(1, mgf1(sha256)), salt),
    'another mask function': pss(hash, field(1, derSequence(derOid('1.2.3'), sha384)), salt),
    'another trailer': pss(hash, mask, salt, field(3, derInteger(2))),
    'a salt longer than any key': pss(hash, mask, field(2, derInteger(513))),
    'a salt of 2^32 - 2, which may mean "any"': pss(hash, mask, field(2, derInteger(2 ** 32 - 2))),
    'a salt of 2^32 + 48, which may become 48': pss(hash, mask, field(2, derInteger(2 ** 32 + 48))),
  };
  for (const [what, der] of Object.entries(unsupported))
    test(`with ${what} are not supported`, () => {
      assert.deepEqual(parse(der), { name: 'unsupported', oid: '1.2.840.113549.1.1.10' });
    });

  const malformed = {
    'a negative salt': pss(hash, mask, field(2, derInteger(-1))),
    'fields in the wrong order': pss(mask, hash, salt),
    'a field twice': pss(hash, hash, mask, salt),
    'an unknown field': pss(hash, mask, salt, trailer, field(4, derNull())),
    'hash parameters that are not NULL': pss(
      field(0, derSequence(derOid('2.16.840.1.101.3.4.2.2'), derInteger(1))),
      mask,
      salt,
    ),
    'a hash that is no SEQUENCE': pss(field(0, derOid('2.16.840.1.101.3.4.2.2')), mask, salt),
  };
  for (const [what, der] of Object.entries(malformed))
    test(`with ${what} are refused`, () => {
      assert.throws(() => parse(der), { code: 'DER_INVALID' });
    });
});

describe('an algorithm identifier', () => {
  test('of RSA PKCS #1 has NULL', () => {
    const oid = derOid('1.2.840.113549.1.1.12');
    assert.deepEqual(parse(derSequence(oid, derNull())), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' });
    assert.throws(() => parse(derSequence(oid)), { code: 'DER_INVALID' });
    assert.throws(() => parse(derSequence(oid, derInteger(0))), { code: 'DER_INVALID' });
    assert.throws(() => parse(derSequence(oid, derNull(), derNull())), { code: 'DER_INVALID' });
  });

  test('of ECDSA and Ed25519 has no parameters', () => {
    assert.deepEqual(parse(derSequence(derOid('1.2.840.10045.4.3.4'))), { name: 'ECDSA', hash: 'SHA-512' });
    assert.deepEqual(parse(derSequence(derOid('1.3.101.112'))), { name: 'Ed25519' });
    for (const oid of ['1.2.840.10045.4.3.2', '1.3.101.112'])
      assert.deepEqual(parse(derSequence(derOid(oid), derNull())), { name: 'unsupported', oid });
  });

  for (const [what, oid] of Object.entries({
    'MD5 with RSA': '1.2.840.113549.1.1.4',
    'SHA-1 with RSA': '1.2.840.113549.1.1.5',
    'SHA-1 with ECDSA': '1.2.840.10045.4.1',
    'SHA-224 with ECDSA': '1.2.840.10045.4.3.1',
    Ed448: '1.3.101.113',
    DSA: '2.16.840.1.101.3.4.3.2',
  }))
    test(`of ${what} is not supported`, () => {
      assert.deepEqual(parse(derSequence(derOid(oid))), { name: 'unsupported', oid });
    });
});

describe('a public key', () => {
  const key = (algorithm: readonly Uint8Array[], bits: Uint8Array, ...more: readonly Uint8Array[]): Der =>
    parseDer(derSequence(derSequence(...algorithm), derBitString(bits), ...more), 'key');
  const ec = derOid('1.2.840.10045.2.1');
  const p256 = derOid('1.2.840.10045.3.1.7');
  const point = (size: number, first = 4) =>
    Uint8Array.from({ length: size }, (_, at) => (at === 0 ? first : 7));

  test('on a curve is a point that is not compressed', () => {
    const found = parsePublicKey(parseDer(p256Key, 'key'));
    assert.ok(found.kind === 'ec' && found.curve === 'P-256' && found.point.length === 65);
  });

  const unsupported: Readonly<Record<string, Der>> = {
    'a compressed point': key([ec, p256], point(33, 2)),
    'a hybrid point': key([ec, p256], point(65, 6)),
    'the point at infinity': key([ec, p256], Uint8Array.of(0)),
    'no point': key([ec, p256], new Uint8Array(0)),
    'a point of another curve’s size': key([ec, p256], point(97)),
    'a point that is too short': key([ec, p256], point(64)),
    'explicit curve parameters': key([ec, derSequence(derInteger(1))], point(65)),
    'an implicit curve': key([ec, derNull()], point(65)),
    'the curve secp256k1': key([ec, derOid('1.3.132.0.10')], point(65)),
  };
  for (const [what, der] of Object.entries(unsupported))
    test(`with ${what} is not supported`, () => {
      assert.deepEqual(parsePublicKey(der), { kind: 'unsupported', oid: '1.2.840.10045.2.1' });
    });

  const rsa = [derOid('1.2.840.113549.1.1.1'), derNull()];
  const rsaKey = (modulus: bigint, exponent: bigint) =>
    parsePublicKey(key(rsa, derSequence(derInteger(modulus), derInteger(exponent))));
  test('of RSA has the size of its modulus', () => {
    for (const bits of [1, 7, 8, 9, 1024, 2047, 2048, 4096])
      assert.deepEqual(rsaKey(2n ** BigInt(bits) - 1n, 65537n), { kind: 'rsa', modulusBits: bits });
  });
  for (const [what, modulus, exponent] of [
    ['an exponent of 1', 2n ** 2048n - 1n, 1n],
    ['an exponent of 0', 2n ** 2048n - 1n, 0n],
    ['an even exponent', 2n ** 2048n - 1n, 65536n],
    ['a negative exponent', 2n ** 2048n - 1n, -3n],
    ['an even modulus', 2n ** 2047n, 65537n],
    ['a negative modulus', -(2n ** 2048n - 1n), 65537n],
    ['a modulus of 0', 0n, 65537n],
  ] as const)
    test(`of RSA with ${what} is not supported`, () => {
      assert.equal(rsaKey(modulus, exponent).kind, 'unsupported');
    });

  const malformed: Readonly<Record<string, Der>> = {
    'a third field': key([ec, p256], point(65), derNull()),
    'EC without a curve': key([ec], point(65)),
    'EC with two curves': key([ec, p256, p256], point(65)),
    'RSA without NULL': key([derOid('1.2.840.113549.1.1.1')], derSequence(derInteger(3), derInteger(3))),
    'RSA of three integers': key(rsa, derSequence(derInteger(3), derInteger(3), derInteger(3))),
    'RSA of one integer': key(rsa, derSequence(derInteger(3))),
    'Ed25519 with NULL': key([derOid('1.3.101.112'), derNull()], new Uint8Array(32)),
    'a key that is an OCTET STRING': parseDer(
      derSequence(derSequence(ec, p256), derOctetString(point(65))),
      'key',
    ),
  };
  for (const [what, der] of Object.entries(malformed))
    test(`with ${what} is refused`, () => {
      assert.throws(() => parsePublicKey(der), { code: 'DER_INVALID' });
    });

  test('of Ed25519 has 32 bytes', () => {
    assert.equal(parsePublicKey(key([derOid('1.3.101.112')], new Uint8Array(32))).kind, 'ed25519');
    assert.equal(parsePublicKey(key([derOid('1.3.101.112')], new Uint8Array(33))).kind, 'unsupported');
  });
});
