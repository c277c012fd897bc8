/** Revocation lists. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, contextTag, derTag, utf8 } from '@vitrine/bytes';
import {
  derBitString,
  derBoolean,
  derElement,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTime,
} from '@vitrine/bytes/der-writer';
import { authorityExtensions, encodeName, issueCrl } from '@vitrine/simtee/authority';
import { extensionOid, parseCrl, requireNotRevoked, verifyCrl } from '../src/index.ts';
import { below, ecdsaSha256, extension, from, issue, name, noTime, now, root, to } from './hierarchy.ts';

const authority = await root();
const issuerParts = { issuer: authority.name, issuerKey: authority.key };
const list = (
  revoked: readonly (bigint | number)[] = [],
  rest: { thisUpdate?: Date; nextUpdate?: Date } = {},
) =>
  issueCrl({
    ...issuerParts,
    thisUpdate: from,
    nextUpdate: to,
    revoked: revoked.map((serialNumber) => ({ serialNumber, at: from })),
    ...rest,
  });
const verified = async (revoked: readonly (bigint | number)[] = []) =>
  verifyCrl(parseCrl(await list(revoked)), authority.certificate, now);
const withSerial = async (serialNumber: bigint | number) =>
  (await below(authority, 'Leaf', { serialNumber })).certificate;

const leafOf = new Map<bigint | number, Awaited<ReturnType<typeof withSerial>>>();
for (const serial of [5, 6, 0x80, 0x8000, 2n ** 159n - 1n, 2n ** 159n - 2n])
  leafOf.set(serial, await withSerial(serial));

const goodTbs = {
  version: derInteger(1),
  algorithm: ecdsaSha256,
  issuer: encodeName(name('Root')),
  thisUpdate: derTime(from),
  nextUpdate: derTime(to),
  entries: new Uint8Array(0),
  extensions: new Uint8Array(0),
  more: new Uint8Array(0),
};
type Parts = Partial<Record<keyof typeof goodTbs | 'outerAlgorithm' | 'signature', Uint8Array>>;
const empty = new Uint8Array(0);
function assemble(parts: Parts = {}): Uint8Array {
  const tbs = Object.entries(goodTbs).map(([part, good]) => parts[part as keyof typeof goodTbs] ?? good);
  return derSequence(
    derSequence(...tbs),
    parts.outerAlgorithm ?? ecdsaSha256,
    parts.signature ?? derBitString(derSequence(derInteger(1), derInteger(1))),
  );
}
const entry = (serialNumber: Uint8Array, ...more: readonly Uint8Array[]) =>
  derSequence(serialNumber, derTime(from), ...more);
const extensions = (...all: readonly Uint8Array[]) => derElement(contextTag(0), derSequence(...all));
const critical = derBoolean(true);

describe('a revocation list', () => {
  test('refuses the certificates that it lists, and no others', async () => {
    const crl = await verified([5, 0x80, 2n ** 159n - 1n]);
    for (const serial of [5, 0x80, 2n ** 159n - 1n])
      assert.throws(
        () => {
          requireNotRevoked(leafOf.get(serial)!, crl);
        },
        { code: 'REVOKED', message: /was revoked at 2025-01-01/ },
      );
    for (const serial of [6, 0x8000, 2n ** 159n - 2n]) requireNotRevoked(leafOf.get(serial)!, crl);
  });

  test('tells a negative serial number from the positive one of the same bytes', async () => {
    const crl = await verified([-128]);
    requireNotRevoked(leafOf.get(0x80)!, crl);
    const negative = await withSerial(-128);
    assert.throws(
      () => {
        requireNotRevoked(negative, crl);
      },
      { code: 'REVOKED' },
    );
  });

  test('refuses a serial number of 0 when it lists it', async () => {
    const zero = await withSerial(0);
    requireNotRevoked(zero, await verified([1]));
    const crl = await verified([0]);
    assert.throws(
      () => {
        requireNotRevoked(zero, crl);
      },
      { code: 'REVOKED' },
    );
  });

  test('says nothing of another issuer’s certificates', async () => {
    const other = await root('P-256', 'Other');
    const crl = await verified([]);
    const certificate = (await below(other, 'Leaf')).certificate;
    assert.throws(
      () => {
        requireNotRevoked(certificate, crl);
      },
      { code: 'ISSUER_MISMATCH' },
    );
  });

  test('may list a certificate twice, and then it is revoked', () => {
    const entries = derSequence(entry(derInteger(5)), entry(derInteger(5)));
    assert.equal(parseCrl(assemble({ entries })).revoked.get('05')?.getTime(), from.getTime());
  });

  test('is in force in its first and its last second, and not a millisecond beyond', async () => {
    const crl = parseCrl(await list());
    await verifyCrl(crl, authority.certificate, from);
    await verifyCrl(crl, authority.certificate, to);
    await assert.rejects(verifyCrl(crl, authority.certificate, new Date(from.getTime() - 1)), {
      code: 'CRL_NOT_YET_VALID',
    });
    await assert.rejects(verifyCrl(crl, authority.certificate, new Date(to.getTime() + 1)), {
      code: 'CRL_EXPIRED',
    });
    await assert.rejects(verifyCrl(crl, authority.certificate, noTime), {
      code: 'CRL_EXPIRED',
      message: /not a time/,
    });
  });

  test('without an end is refused', async () => {
    const endless = parseCrl(await issueCrl({ ...issuerParts, thisUpdate: from }));
    assert.equal(endless.nextUpdate, undefined);
    await assert.rejects(verifyCrl(endless, authority.certificate, now), { code: 'CRL_EXPIRED' });
  });

  test('of another issuer, another key of the same name, or a key that may not sign it is refused', async () => {
    const crl = parseCrl(await list());
    const other = await root('P-256', 'Other');
    await assert.rejects(verifyCrl(crl, other.certificate, now), { code: 'ISSUER_MISMATCH' });
    const impostor = await root('P-256');
    await assert.rejects(verifyCrl(crl, impostor.certificate, now), { code: 'SIGNATURE_INVALID' });
    const rsa = await root('RSA-PKCS1-2048');
    await assert.rejects(verifyCrl(crl, rsa.certificate, now), { code: 'ALGORITHM_UNSUPPORTED' });
    const constraints = authorityExtensions()[0]!;
    const usage = (value: Uint8Array) => ({ oid: extensionOid.keyUsage, value });
    const silent = await issue(authority, { ...authority, extensions: [constraints] });
    await verifyCrl(crl, silent, now);
    const certificatesOnly = await issue(authority, {
      ...authority,
      extensions: [constraints, usage(derBitString(Uint8Array.of(4), 2))],
    });
    await assert.rejects(verifyCrl(crl, certificatesOnly, now), { code: 'KEY_USAGE_INVALID' });
    const malformed = await issue(authority, { ...authority, extensions: [constraints, usage(derNull())] });
    await assert.rejects(verifyCrl(crl, malformed, now), { code: 'CERTIFICATE_MALFORMED' });
  });

  test('may be of version 1, then without extensions, and may give reasons', () => {
    assert.equal(parseCrl(assemble({ version: empty })).revoked.size, 0);
    const reason = extension(extensionOid.crlReason, derElement(derTag.enumerated, Uint8Array.of(1)));
    const entries = derSequence(entry(derInteger(5), derSequence(reason)));
    assert.equal(parseCrl(assemble({ entries })).revoked.size, 1);
  });

  const number = extension(extensionOid.crlNumber, derInteger(1));
  const malformed: Readonly<Record<string, Parts>> = {
    'version 1 written out': { version: derInteger(0) },
    'version 3': { version: derInteger(2) },
    'a negative version': { version: derInteger(-1) },
    'extensions in version 1': { version: empty, extensions: extensions(number) },
    'extensions of an entry in version 1': {
      version: empty,
      entries: derSequence(entry(derInteger(1), derSequence(extension('1.2.3', derNull())))),
    },
    'no extension in the list of them': { extensions: extensions() },
    'an extension twice': { extensions: extensions(number, number) },
    'a critical extension that nobody knows': {
      extensions: extensions(extension('1.2.3', derNull(), critical)),
    },
    'a delta to another list': {
      extensions: extensions(extension(extensionOid.deltaCrlIndicator, derInteger(1), critical)),
    },
    'a delta that says it is not critical': {
      extensions: extensions(extension(extensionOid.deltaCrlIndicator, derInteger(1))),
    },
    'a part of the certificates': {
      extensions: extensions(extension(extensionOid.issuingDistributionPoint, derSequence(), critical)),
    },
    'a part that says it is not critical': {
      extensions: extensions(extension(extensionOid.issuingDistributionPoint, derSequence())),
    },
    'an entry of another issuer': {
      entries: derSequence(
        entry(derInteger(1), derSequence(extension(extensionOid.certificateIssuer, derSequence(), critical))),
      ),
    },
    'an entry of another issuer that says it is not critical': {
      entries: derSequence(
        entry(derInteger(1), derSequence(extension(extensionOid.certificateIssuer, derSequence()))),
      ),
    },
    'an entry with a critical extension that nobody knows': {
      entries: derSequence(entry(derInteger(1), derSequence(extension('1.2.3', derNull(), critical)))),
    },
    'an entry without a time': { entries: derSequence(derSequence(derInteger(1))) },
    'an entry with a fourth field': {
      entries: derSequence(entry(derInteger(1), derSequence(extension('1.2.3', derNull())), derNull())),
    },
    'an entry that is no SEQUENCE': { entries: derSequence(derInteger(1)) },
    'a serial number that is padded': {
      entries: derSequence(entry(derElement(derTag.integer, Uint8Array.of(0, 5)))),
    },
    'a serial number that is empty': { entries: derSequence(entry(derElement(derTag.integer))) },
    'a serial number that is an OCTET STRING': {
      entries: derSequence(entry(derOctetString(Uint8Array.of(5)))),
    },
    'no beginning': { thisUpdate: empty, nextUpdate: empty },
    'a beginning that does not exist': { thisUpdate: derElement(derTag.utcTime, utf8('250230000000Z')) },
    'an end that does not exist': { nextUpdate: derElement(derTag.utcTime, utf8('251301000000Z')) },
    'another algorithm inside than outside': { algorithm: derSequence(derOid('1.2.840.10045.4.3.3')) },
    'a field after the extensions': { extensions: extensions(number), more: derNull() },
    'a signature of spare bits': { signature: derBitString(Uint8Array.of(0x30, 0), 1) },
    'no signature': { signature: empty },
  };
  for (const [what, parts] of Object.entries(malformed))
    test(`with ${what} is refused`, () => {
      assert.throws(() => parseCrl(assemble(parts)), { name: 'X509Error', code: 'CRL_MALFORMED' });
    });

  test('with a byte more or less, or longer than 16 MiB, is refused', () => {
    const der = assemble();
    assert.throws(() => parseCrl(concatBytes(der, Uint8Array.of(0))), { code: 'CRL_MALFORMED' });
    assert.throws(() => parseCrl(der.subarray(0, -1)), { code: 'CRL_MALFORMED' });
    assert.throws(() => parseCrl(new Uint8Array(16 * 1024 * 1024 + 1)), { code: 'CRL_MALFORMED' });
  });

  test('of a hundred thousand entries is read', () => {
    const one = entry(derInteger(0x10000));
    const entries = new Uint8Array(100_000 * one.length);
    for (let at = 0; at < 100_000; at++) {
      entries.set(one, at * one.length);
      entries.set([1 + (at >> 16), (at >> 8) & 0xff, at & 0xff], at * one.length + 4);
    }
    assert.equal(parseCrl(assemble({ entries: derSequence(entries) })).revoked.size, 100_000);
  });

  test('that is nothing but empty elements is refused', () => {
    const nulls = Uint8Array.from({ length: 2 << 20 }, (_, at) => (at % 2 ? 0 : derTag.null));
    assert.throws(() => parseCrl(derSequence(nulls)), { code: 'CRL_MALFORMED' });
    assert.throws(() => parseCrl(assemble({ entries: derSequence(nulls) })), { code: 'CRL_MALFORMED' });
  });
});
