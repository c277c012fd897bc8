/** Lists of timestamps and the entries that logs sign: every length, every bit. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, parseDer } from '@vitrine/bytes';
import { derNull, derOctetString, derSequence, derUnsigned } from '@vitrine/bytes/der-writer';
import {
  type Sct,
  ctOid,
  embeddedScts,
  parseSct,
  parseSctList,
  precertEntry,
  precertSignedData,
  verifySct,
  x509SignedData,
} from '@vitrine/provenance/ct';
import { type SigningKey, generateKey, issueCertificate } from '@vitrine/simtee/authority';
import { encodeSct, encodeSctList, sctExtension } from '@vitrine/simtee/ct';
import { type Certificate, parseCertificate } from '@vitrine/x509';
import fc from 'fast-check';
import { verificationKey } from './keys.ts';
import { flipped, refuses } from './refusal.ts';
import { issue, issuedAt, endsAt, log, theAuthority } from './world.ts';

async function sample() {
  const first = await log('Alder');
  const second = await log('Birch', { kind: 'static-ct' });
  const { certificate, precertificate } = await issue([first, second]);
  const { intermediate } = await theAuthority();
  const value = certificate.extensions.get(ctOid.sctList)!.value;
  const list = parseDer(value, 'list').octetString();
  return { first, second, certificate, precertificate, issuer: intermediate.certificate, list };
}

describe('lists of signed certificate timestamps', () => {
  test('a list says what its logs signed', async () => {
    const { list, first, second, certificate } = await sample();
    const scts = parseSctList(list);
    assert.deepEqual(
      scts.map(({ logId }) => logId),
      [first.logId, second.logId],
    );
    assert.deepEqual(
      scts.map(({ timestampMs, version, hash, signatureAlgorithm }) => [
        timestampMs,
        version,
        hash,
        signatureAlgorithm,
      ]),
      Array.from({ length: 2 }, () => [issuedAt.getTime(), 0, 4, 3]),
    );
    assert.deepEqual(
      scts.map(({ extensions }) => extensions.length),
      [0, 8],
    );
    assert.deepEqual(embeddedScts(certificate), scts);
    assert.deepEqual(encodeSctList(scts.map(encodeSct)), new Uint8Array(list));
  });

  test('every truncation and one byte more are refused', async () => {
    const { list } = await sample();
    for (let length = 0; length < list.length; length++)
      await refuses('SCT_LIST_MALFORMED', () => parseSctList(list.subarray(0, length)), `${length} bytes`);
    await refuses('SCT_LIST_MALFORMED', () => parseSctList(concatBytes(list, Uint8Array.of(0))));
    const sct = encodeSct(parseSctList(list)[0]!);
    for (let length = 1; length < sct.length; length++)
      await refuses('SCT_LIST_MALFORMED', () => parseSct(sct.subarray(0, length)), `${length} bytes`);
    await refuses('SCT_LIST_MALFORMED', () => parseSct(concatBytes(sct, Uint8Array.of(0))));
    await refuses('SCT_LIST_MALFORMED', () =>
      parseSctList(encodeSctList([concatBytes(sct, Uint8Array.of(0))])),
    );
  });

  test('an empty list, too many timestamps and a time beyond every date are refused', async () => {
    const [sct] = parseSctList((await sample()).list);
    await refuses('SCT_LIST_MALFORMED', () => parseSctList(Uint8Array.of(0, 0)));
    await refuses('SCT_LIST_MALFORMED', () => parseSctList(encodeSctList([new Uint8Array(0)])));
    const many = Array.from({ length: 65 }, () => encodeSct(sct!));
    await refuses('SCT_LIST_MALFORMED', () => parseSctList(encodeSctList(many)));
    assert.equal(parseSctList(encodeSctList(many.slice(1))).length, 64);
    const late = new Uint8Array(encodeSct(sct!));
    late.fill(0xff, 33, 41);
    await refuses('SCT_LIST_MALFORMED', () => parseSct(late));
  });

  test('another version is refused by its own code', async () => {
    const [sct] = parseSctList((await sample()).list);
    for (const version of [1, 2, 255]) {
      const bytes = new Uint8Array(encodeSct(sct!));
      bytes[0] = version;
      await refuses('SCT_VERSION_UNSUPPORTED', () => parseSct(bytes));
      await refuses('SCT_VERSION_UNSUPPORTED', () => parseSctList(encodeSctList([encodeSct(sct!), bytes])));
    }
  });

  test('whatever the bytes, there is an answer or a typed refusal', async () => {
    const { list } = await sample();
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        fc.boolean(),
        async (noise, seed, spliced) => {
          const at = seed % list.length;
          const bytes = spliced
            ? concatBytes(list.subarray(0, at), noise, list.subarray(at + noise.length))
            : noise;
          try {
            assert.ok(parseSctList(bytes).length > 0);
          } catch (error) {
            assert.match((error as { code: string }).code, /^SCT_(LIST_MALFORMED|VERSION_UNSUPPORTED)$/);
          }
          return Promise.resolve();
        },
      ),
      { numRuns: 500, seed: 3 },
    );
  });

  test('an extension that is no OCTET STRING in an OCTET STRING is refused', async () => {
    const { list } = await sample();
    await refuses('SCT_LIST_MALFORMED', async () =>
      embeddedScts(await withExtensions([{ oid: ctOid.sctList, value: list }])),
    );
    await refuses('SCT_LIST_MALFORMED', async () =>
      embeddedScts(
        await withExtensions([{ oid: ctOid.sctList, value: concatBytes(derOctetString(list), derNull()) }]),
      ),
    );
    await refuses('SCT_LIST_MALFORMED', async () =>
      embeddedScts(await withExtensions([sctExtension(concatBytes(list, Uint8Array.of(0)))])),
    );
  });
});

describe('what a log signs', () => {
  test('the certificate without its timestamps is the precertificate without its poison', async () => {
    const { certificate, precertificate, issuer } = await sample();
    const entry = await precertEntry(certificate, issuer.subjectPublicKeyInfo);
    assert.deepEqual(entry, await precertEntry(precertificate, issuer.subjectPublicKeyInfo));
    // entry_type, issuer key hash, length, then the very bytes of the TBSCertificate with shorter lengths in front.
    assert.deepEqual([entry[0], entry[1]], [0, 1]);
    const tbs = entry.subarray(2 + 32 + 3);
    assert.equal((entry[34]! << 16) | (entry[35]! << 8) | entry[36]!, tbs.length);
    const [outer, inner] = [parseDer(certificate.tbs, 'tbs').children(), parseDer(tbs, 'tbs').children()];
    assert.deepEqual(
      inner.slice(0, -1).map(({ bytes }) => bytes),
      outer.slice(0, -1).map(({ bytes }) => bytes),
    );
    const extensions = (list: typeof outer) =>
      list
        .at(-1)!
        .only()
        .children()
        .map(({ bytes }) => bytes);
    assert.deepEqual(extensions(inner), extensions(outer).slice(0, -1));
  });

  test('extensions in front of and behind the timestamps stay in their order', async () => {
    const extension = (oid: string) => ({ oid, value: derNull() });
    const scts = sctExtension((await sample()).list);
    const [with_, without] = [
      await withExtensions([extension('1.2.3'), scts, extension('1.2.4')]),
      await withExtensions([extension('1.2.3'), extension('1.2.4')]),
    ];
    const spki = without.subjectPublicKeyInfo;
    assert.deepEqual(await precertEntry(with_, spki), await precertEntry(without, spki));
  });

  test('where the timestamps were the only extension there are none left', async () => {
    const scts = sctExtension((await sample()).list);
    const [with_, without] = [await withExtensions([scts]), await withExtensions([])];
    const spki = without.subjectPublicKeyInfo;
    assert.deepEqual(await precertEntry(with_, spki), await precertEntry(without, spki));
  });

  test('a certificate that is a precertificate too is refused', async () => {
    const { list, issuer } = await sample();
    const both = await withExtensions([
      sctExtension(list),
      { oid: ctOid.poison, critical: true, value: derNull() },
    ]);
    const [sct] = embeddedScts(both);
    await refuses('CERTIFICATE_NOT_LOGGABLE', () =>
      precertSignedData(sct!, both, issuer.subjectPublicKeyInfo),
    );
  });

  test('each flipped bit of a timestamp is another timestamp, which does not verify', async () => {
    const { first, certificate, issuer, list } = await sample();
    const key = verificationKey(first.key.subjectPublicKeyInfo);
    const [sct] = parseSctList(list);
    const verifies = async (one: Sct) =>
      verifySct(one, await precertSignedData(one, certificate, issuer.subjectPublicKeyInfo), key);
    assert.equal(await verifies(sct!), true);
    const bytes = encodeSct(sct!);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      let damaged: Sct;
      try {
        damaged = parseSct(flipped(bytes, bit));
      } catch (error) {
        assert.match((error as { code: string }).code, /^SCT_/, `bit ${bit}`);
        continue;
      }
      // The log's name is not under the signature: it says whose key to take.
      const isLogId = bit >= 8 && bit < 33 * 8;
      assert.equal(await verifies(damaged), isLogId, `bit ${bit}`);
    }
  });

  test('each flipped byte of the certificate makes the timestamp not verify, or is no certificate', async () => {
    const { first, certificate, issuer, list } = await sample();
    const key = verificationKey(first.key.subjectPublicKeyInfo);
    const [sct] = parseSctList(list);
    const sctsAt = indexOf(certificate.tbs, list);
    for (let at = 0; at < certificate.tbs.length; at++) {
      // In the extension that is left out a change changes nothing that was signed.
      if (at >= sctsAt - 24 && at < sctsAt + list.length) continue;
      const der = replaced(certificate, flipped(certificate.tbs, at * 8 + (at % 8)));
      let damaged: Certificate;
      let data: Uint8Array;
      try {
        damaged = parseCertificate(der);
        data = await precertSignedData(sct!, damaged, issuer.subjectPublicKeyInfo);
      } catch (error) {
        assert.match((error as Error).name, /^(X509|Provenance)Error$/);
        continue;
      }
      assert.equal(await verifySct(sct!, data, key), false, `byte ${at}`);
    }
  });

  test('a timestamp of a precertificate is none of the certificate as it is, nor the other way round', async () => {
    const { first, certificate, list } = await sample();
    const [sct] = parseSctList(list);
    const key = verificationKey(first.key.subjectPublicKeyInfo);
    assert.equal(await verifySct(sct!, x509SignedData(sct!, certificate), key), false);
  });

  test('RSA logs verify, and a key of another curve or kind verifies nothing', async () => {
    const rsa = await log('Cedar', { key: await generateKey('RSA-PKCS1-2048') });
    const { certificate } = await issue([rsa]);
    const { intermediate } = await theAuthority();
    const [sct] = embeddedScts(certificate);
    const data = await precertSignedData(sct!, certificate, intermediate.certificate.subjectPublicKeyInfo);
    assert.equal(sct!.signatureAlgorithm, 1);
    const key = verificationKey(rsa.key.subjectPublicKeyInfo);
    assert.equal(await verifySct(sct!, data, key), true);
    assert.equal(await verifySct({ ...sct!, signatureAlgorithm: 3 }, data, key), false);
    assert.equal(await verifySct({ ...sct!, signature: flipped(sct!.signature, 77) }, data, key), false);
    for (const kind of ['P-256', 'P-384', 'RSA-PKCS1-2048'] as const) {
      const other = verificationKey((await generateKey(kind)).subjectPublicKeyInfo);
      assert.equal(await verifySct(sct!, data, other), false, kind);
    }
    const p384 = await generateKey('P-384');
    for (const hash of ['SHA-256', 'SHA-384']) {
      const other = { ...sct!, signatureAlgorithm: 3, signature: await p384Signature(p384, hash, data) };
      assert.equal(await verifySct(other, data, verificationKey(p384.subjectPublicKeyInfo)), false, hash);
    }
  });
});

/** As a log with a key of the wrong curve would make it. */
async function p384Signature(key: SigningKey, hash: string, data: Uint8Array): Promise<Uint8Array> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-384' };
  const imported = await crypto.subtle.importKey('pkcs8', await key.exportPkcs8(), algorithm, false, [
    'sign',
  ]);
  const bare = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash }, imported, data));
  return derSequence(derUnsigned(bare.subarray(0, 48)), derUnsigned(bare.subarray(48)));
}

async function withExtensions(
  extensions: readonly { oid: string; critical?: boolean; value: Uint8Array }[],
): Promise<Certificate> {
  const { intermediate } = await theAuthority();
  return issueCertificate({
    subject: [],
    subjectPublicKeyInfo: intermediate.key.subjectPublicKeyInfo,
    issuer: intermediate.name,
    issuerKey: intermediate.key,
    serialNumber: 7,
    notBefore: issuedAt,
    notAfter: endsAt,
    extensions,
  });
}

/** The certificate's DER with another TBSCertificate of the same length. */
function replaced({ der, tbs }: Certificate, other: Uint8Array): Uint8Array {
  const copy = new Uint8Array(der);
  copy.set(other, indexOf(der, tbs));
  return copy;
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at++)
    if (part.every((byte, offset) => bytes[at + offset] === byte)) return at;
  throw new RangeError('It is not there.');
}
