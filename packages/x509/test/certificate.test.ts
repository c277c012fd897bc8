/** Certificates, parsed. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { concatBytes, contextTag, derTag, primitiveContextTag, toHex, utf8 } from '@vitrine/bytes';
import {
  derBitString,
  derBoolean,
  derElement,
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTime,
} from '@vitrine/bytes/der-writer';
import { signerExtensions } from '@vitrine/simtee/authority';
import {
  basicConstraints,
  commonName,
  extendedKeyUsage,
  extensionOid,
  formatPemCertificates,
  hasKeyUsage,
  parseCertificate,
  parsePemCertificates,
  sameCertificate,
  subjectKeyIdentifier,
} from '../src/index.ts';
import { type Parts, assemble, below, extension, extensionsField, from, root, to } from './hierarchy.ts';

const empty = new Uint8Array(0);
const version = (value: number) => derElement(contextTag(0), derInteger(value));
const oneExtension = extensionsField(extension('1.2.3', derNull()));

describe('a certificate', () => {
  test('is parsed to what Node finds in it', async () => {
    const authority = await root();
    for (const serialNumber of [0, 1, 0x80, 2n ** 159n - 1n]) {
      const { certificate } = await below(authority, 'Leaf', {
        serialNumber,
        extensions: signerExtensions(),
      });
      const node = new X509Certificate(certificate.der);
      assert.equal(BigInt(`0x${certificate.serialNumber}`), BigInt(`0x${node.serialNumber}`));
      assert.equal(certificate.notBefore.getTime(), Date.parse(node.validFrom));
      assert.equal(certificate.notAfter.getTime(), Date.parse(node.validTo));
      assert.equal(node.subject, 'C=DE\nCN=Leaf');
      assert.equal(commonName(certificate.subject), 'Leaf');
      assert.equal(commonName(certificate.issuer), 'Root');
      const spki = node.publicKey.export({ type: 'spki', format: 'der' });
      assert.deepEqual(certificate.subjectPublicKeyInfo, new Uint8Array(spki));
      assert.equal(certificate.version, 3);
      assert.ok(node.verify(new X509Certificate(authority.certificate.der).publicKey));
    }
  });

  test('may leave out extensions, and may be of version 1', () => {
    const old = parseCertificate(assemble({ version: empty }));
    assert.equal(old.version, 1);
    assert.equal(old.extensions.size, 0);
    assert.equal(parseCertificate(assemble()).version, 3);
  });

  test('may have a negative serial number, which is another than the positive one', () => {
    assert.equal(parseCertificate(assemble({ serial: derInteger(-1) })).serialNumber, 'ff');
    assert.equal(parseCertificate(assemble({ serial: derInteger(255) })).serialNumber, '00ff');
  });

  test('may be valid from year 0 to 9999', () => {
    const validity = derSequence(
      derElement(derTag.generalizedTime, utf8('00000101000000Z')),
      derElement(derTag.generalizedTime, utf8('99991231235959Z')),
    );
    const certificate = parseCertificate(assemble({ validity }));
    assert.equal(certificate.notBefore.toISOString(), '0000-01-01T00:00:00.000Z');
    assert.equal(certificate.notAfter.toISOString(), '9999-12-31T23:59:59.000Z');
  });

  test('may have unique identifiers from version 2 on', () => {
    const uniqueIds = concatBytes(
      derElement(primitiveContextTag(1), Uint8Array.of(0, 1)),
      derElement(primitiveContextTag(2), Uint8Array.of(7, 0x80)),
    );
    assert.equal(parseCertificate(assemble({ version: version(1), uniqueIds })).version, 2);
  });

  test('may have an extension whose value is bare bytes', () => {
    const bare = parseCertificate(
      assemble({ extensions: extensionsField(extension('1.2.3', Uint8Array.of(4, 9))) }),
    );
    assert.equal(toHex(bare.extensions.get('1.2.3')!.value), '0409');
  });

  const malformed: Readonly<Record<string, Parts>> = {
    'version 4': { version: version(3) },
    'version 0': { version: version(-1) },
    'version 1 written out': { version: version(0) },
    'a version of 2^64': { version: derElement(contextTag(0), derInteger(2n ** 64n)) },
    'two versions': { version: derElement(contextTag(0), derInteger(2), derInteger(2)) },
    'a version that is an OCTET STRING': {
      version: derElement(contextTag(0), derOctetString(Uint8Array.of(2))),
    },
    'no serial number': { serial: empty },
    'an empty serial number': { serial: derElement(derTag.integer) },
    'a padded serial number': { serial: derElement(derTag.integer, Uint8Array.of(0, 1)) },
    'a serial number padded with ones': { serial: derElement(derTag.integer, Uint8Array.of(0xff, 0xff)) },
    'another algorithm inside than outside': { algorithm: derSequence(derOid('1.2.840.10045.4.3.3')) },
    'the same algorithm with NULL inside': {
      algorithm: derSequence(derOid('1.2.840.10045.4.3.2'), derNull()),
    },
    'the same algorithm with NULL outside': {
      outerAlgorithm: derSequence(derOid('1.2.840.10045.4.3.2'), derNull()),
    },
    'no algorithm inside': { algorithm: empty },
    'an issuer that is a SET': { issuer: derElement(derTag.set) },
    'one time': { validity: derSequence(derTime(from)) },
    'three times': { validity: derSequence(derTime(from), derTime(to), derTime(to)) },
    'a time that does not exist': {
      validity: derSequence(derElement(derTag.utcTime, utf8('250230000000Z')), derTime(to)),
    },
    'a time without seconds': {
      validity: derSequence(derElement(derTag.utcTime, utf8('2501010000Z')), derTime(to)),
    },
    'a time with a fraction': {
      validity: derSequence(derTime(from), derElement(derTag.generalizedTime, utf8('20500101000000.5Z'))),
    },
    'no key': { key: empty },
    'a key of spare bits': {
      key: derSequence(
        derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')),
        derBitString(Uint8Array.of(4, 0), 1),
      ),
    },
    'a unique identifier in version 1': {
      version: empty,
      uniqueIds: derElement(primitiveContextTag(1), Uint8Array.of(0, 1)),
    },
    'a unique identifier that is no BIT STRING': {
      uniqueIds: derElement(primitiveContextTag(2), Uint8Array.of(8, 0)),
    },
    'unique identifiers in the wrong order': {
      uniqueIds: concatBytes(
        derElement(primitiveContextTag(2), Uint8Array.of(0)),
        derElement(primitiveContextTag(1), Uint8Array.of(0)),
      ),
    },
    'extensions in version 1': { version: empty, extensions: oneExtension },
    'extensions in version 2': { version: version(1), extensions: oneExtension },
    'extensions of none': { extensions: extensionsField() },
    'two lists of extensions': { extensions: concatBytes(oneExtension, oneExtension) },
    'an extension twice': {
      extensions: extensionsField(extension('1.2.3', derNull()), extension('1.2.3', derNull())),
    },
    'an extension that says it is not critical': {
      extensions: extensionsField(extension('1.2.3', derNull(), derBoolean(false))),
    },
    'an extension that is critical by 01': {
      extensions: extensionsField(
        extension('1.2.3', derNull(), derElement(derTag.boolean, Uint8Array.of(1))),
      ),
    },
    'an extension without a value': { extensions: extensionsField(derSequence(derOid('1.2.3'))) },
    'an extension with two values': {
      extensions: extensionsField(derSequence(derOid('1.2.3'), derOctetString(empty), derOctetString(empty))),
    },
    'a field after the extensions': { extensions: oneExtension, more: derNull() },
    'a field after the signature': { trailer: derNull() },
    'a signature of spare bits': { signature: derBitString(Uint8Array.of(0x30, 0), 1) },
    'a signature that is an OCTET STRING': { signature: derOctetString(Uint8Array.of(1)) },
    'no signature': { signature: empty },
  };
  for (const [what, parts] of Object.entries(malformed))
    test(`with ${what} is refused`, () => {
      assert.throws(() => parseCertificate(assemble(parts)), {
        name: 'X509Error',
        code: 'CERTIFICATE_MALFORMED',
      });
    });

  test('with a byte before, after or less is refused', () => {
    const der = assemble();
    for (const bytes of [
      concatBytes(der, Uint8Array.of(0)),
      concatBytes(Uint8Array.of(0), der),
      der.subarray(0, -1),
      der.subarray(1),
      empty,
    ])
      assert.throws(() => parseCertificate(bytes), { code: 'CERTIFICATE_MALFORMED' });
  });

  test('of more than 64 KiB is refused', () => {
    const extensions = extensionsField(extension('1.2.3', new Uint8Array(65536)));
    assert.throws(() => parseCertificate(assemble({ extensions })), { code: 'CERTIFICATE_MALFORMED' });
  });

  test('cut at any length is refused', () => {
    const der = assemble({ extensions: oneExtension });
    for (let length = 0; length < der.length; length++)
      assert.throws(() => parseCertificate(der.subarray(0, length)), { code: 'CERTIFICATE_MALFORMED' });
  });

  test('comes back from PEM, and only from PEM of certificates', () => {
    const [a, b] = [assemble(), assemble({ serial: derInteger(2) })].map((der) => parseCertificate(der));
    const pem = formatPemCertificates([a!, b!]);
    const [first, second] = parsePemCertificates(pem);
    assert.ok(sameCertificate(first!, a!) && sameCertificate(second!, b!) && !sameCertificate(a!, b!));
    assert.throws(() => parsePemCertificates(''), { code: 'CERTIFICATE_MALFORMED' });
    assert.throws(() => parsePemCertificates(pem.replaceAll('CERTIFICATE', 'X509 CRL')), {
      code: 'CERTIFICATE_MALFORMED',
    });
    assert.throws(() => parsePemCertificates(pem.replace('MI', 'M!')), { code: 'CERTIFICATE_MALFORMED' });
  });

  test('names itself in errors as the caller names it', () => {
    assert.throws(() => parseCertificate(empty, 'VCEK'), { message: /^VCEK: / });
    assert.throws(() => parsePemCertificates('', 'PCK chain'), { message: /^PCK chain: / });
  });
});

describe('an extension of a certificate', () => {
  const of = (oid: string, value: Uint8Array) =>
    parseCertificate(assemble({ extensions: extensionsField(extension(oid, value)) })).extensions;
  const {
    basicConstraints: constraints,
    keyUsage,
    extendedKeyUsage: usages,
    subjectKeyIdentifier: id,
  } = extensionOid;

  test('says whether it is an authority, and of what depth', () => {
    assert.deepEqual(basicConstraints(of(constraints, derSequence())), {
      isCa: false,
      pathLength: undefined,
    });
    assert.deepEqual(basicConstraints(of(constraints, derSequence(derBoolean(true), derInteger(0)))), {
      isCa: true,
      pathLength: 0,
    });
    assert.equal(basicConstraints(new Map()), undefined);
  });

  for (const [what, value] of Object.entries({
    'FALSE written out': derSequence(derBoolean(false)),
    'a negative path length': derSequence(derBoolean(true), derInteger(-1)),
    'a third field': derSequence(derBoolean(true), derInteger(0), derInteger(0)),
    'fields in the wrong order': derSequence(derInteger(0), derBoolean(true)),
    'bytes after it': concatBytes(derSequence(), derNull()),
    nothing: empty,
  }))
    test(`basic constraints with ${what} are refused`, () => {
      assert.throws(() => basicConstraints(of(constraints, value)));
    });

  test('says what its key is for, bit by bit', () => {
    const extensions = of(keyUsage, derBitString(Uint8Array.of(0x06), 1));
    assert.equal(hasKeyUsage(extensions, 'keyCertSign'), true);
    assert.equal(hasKeyUsage(extensions, 'cRLSign'), true);
    assert.equal(hasKeyUsage(extensions, 'digitalSignature'), false);
    assert.equal(hasKeyUsage(of(keyUsage, derBitString(empty)), 'digitalSignature'), false);
    assert.equal(hasKeyUsage(new Map(), 'digitalSignature'), undefined);
    assert.throws(
      () => hasKeyUsage(of(keyUsage, derElement(derTag.bitString, Uint8Array.of(1, 7))), 'cRLSign'),
      {
        code: 'DER_INVALID',
      },
    );
  });

  test('lists extended usages and the identifier of the key', () => {
    assert.deepEqual(extendedKeyUsage(of(usages, derSequence(derOid('1.3.6.1.5.5.7.3.9')))), [
      '1.3.6.1.5.5.7.3.9',
    ]);
    assert.equal(extendedKeyUsage(new Map()), undefined);
    assert.equal(subjectKeyIdentifier(of(id, derOctetString(Uint8Array.of(0xab)))), 'ab');
    assert.throws(() => subjectKeyIdentifier(of(id, Uint8Array.of(0xab))), { code: 'TRUNCATED' });
    assert.throws(() => extendedKeyUsage(of(usages, derSequence(derNull()))), { code: 'DER_INVALID' });
  });

  test('a GeneralizedTime before 2050 is read, as RFC 5280 section 4.1.2.5 wants of who reads', () => {
    const validity = derSequence(derGeneralizedTime(from), derGeneralizedTime(to));
    assert.deepEqual(parseCertificate(assemble({ validity })).notBefore, from);
  });
});
