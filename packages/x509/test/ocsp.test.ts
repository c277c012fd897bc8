/** OCSP responses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, contextTag, derTag, digest, parseDer, primitiveContextTag } from '@vitrine/bytes';
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
import {
  type OcspRequest,
  type SigningKey,
  encodeName,
  generateKey,
  issueOcspResponse,
  signerExtensions,
} from '@vitrine/simtee/authority';
import { extensionOid, parseOcspResponse, verifyOcspResponse } from '../src/index.ts';
import { type Holder, below, extension, from, noTime, now, root, to } from './hierarchy.ts';

const authority = await root();
const leaf = (await below(authority, 'Leaf')).certificate;
const ocspSigning = { oid: extensionOid.extendedKeyUsage, value: derSequence(derOid('1.3.6.1.5.5.7.3.9')) };
const responder = await below(authority, 'Responder', { extensions: [...signerExtensions(), ocspSigning] });
const options = { certificate: leaf, issuer: authority.certificate, now };
const nonce = Uint8Array.of(1, 2, 3, 4);

const respond = (rest: Partial<OcspRequest> = {}) =>
  issueOcspResponse({
    certificate: leaf,
    issuer: authority.certificate,
    responderName: authority.name,
    responderKey: authority.key,
    status: 'good',
    thisUpdate: from,
    nextUpdate: to,
    ...rest,
  });
const by = (holder: Holder, rest: Partial<OcspRequest> = {}) =>
  respond({
    responderName: holder.name,
    responderKey: holder.key,
    responderCertificate: holder.certificate,
    ...rest,
  });
const verify = async (response: Uint8Array, other: Partial<Parameters<typeof verifyOcspResponse>[1]> = {}) =>
  verifyOcspResponse(parseOcspResponse(response), { ...options, ...other });

describe('an OCSP response', () => {
  test('says of one certificate whether it is good, revoked or unknown', async () => {
    assert.deepEqual(await verify(await respond()), { kind: 'good' });
    assert.deepEqual(await verify(await respond({ status: 'unknown' })), { kind: 'unknown' });
    assert.deepEqual(await verify(await respond({ status: { revokedAt: from } })), {
      kind: 'revoked',
      at: from,
      reason: undefined,
    });
    assert.deepEqual(await verify(await respond({ status: { revokedAt: from, reason: 6 } })), {
      kind: 'revoked',
      at: from,
      reason: 6,
    });
  });

  test('says nothing of other certificates', async () => {
    const other = (await below(authority, 'Leaf', { serialNumber: 7 })).certificate;
    await assert.rejects(verify(await respond(), { certificate: other }), { code: 'OCSP_UNUSABLE' });
    const impostor = await root('P-256');
    const elsewhere = (await below(impostor, 'Leaf')).certificate;
    const theirs = await respond({ certificate: elsewhere, issuer: impostor.certificate });
    await assert.rejects(verify(theirs), { code: 'OCSP_UNUSABLE' });
  });

  test('is refused for a certificate that is not of the issuer', async () => {
    const other = await root('P-256', 'Other');
    const theirs = (await below(other, 'Leaf')).certificate;
    await assert.rejects(verify(await respond(), { certificate: theirs }), { code: 'ISSUER_MISMATCH' });
  });

  test('is good in its first and its last second, and not a millisecond beyond', async () => {
    const response = await respond();
    assert.equal((await verify(response, { now: from })).kind, 'good');
    assert.equal((await verify(response, { now: to })).kind, 'good');
    await assert.rejects(verify(response, { now: new Date(from.getTime() - 1) }), {
      code: 'OCSP_NOT_YET_VALID',
    });
    await assert.rejects(verify(response, { now: new Date(to.getTime() + 1) }), { code: 'OCSP_EXPIRED' });
    await assert.rejects(verify(response, { now: noTime }), { code: 'OCSP_EXPIRED' });
    const endless = await assemble([byName, begin, derSequence(derSequence(id, good, begin))]);
    await assert.rejects(verify(endless), { code: 'OCSP_EXPIRED' });
  });

  test('repeats the nonce that was asked with', async () => {
    assert.equal((await verify(await respond({ nonce }), { nonce })).kind, 'good');
    assert.equal((await verify(await respond({ nonce }))).kind, 'good');
    await assert.rejects(verify(await respond(), { nonce }), { code: 'OCSP_UNUSABLE' });
    await assert.rejects(verify(await respond({ nonce }), { nonce: Uint8Array.of(1, 2, 3) }), {
      code: 'OCSP_UNUSABLE',
    });
  });

  test('by another key in the issuer’s name is refused', async () => {
    const responderKey = await generateKey('P-256');
    await assert.rejects(verify(await respond({ responderKey })), { code: 'SIGNATURE_INVALID' });
    const rsa = await generateKey('RSA-PKCS1-2048');
    await assert.rejects(verify(await respond({ responderKey: rsa })), { code: 'ALGORITHM_UNSUPPORTED' });
  });
});

describe('a delegated responder', () => {
  const refused = async (holder: Holder, code: string, rest: Partial<OcspRequest> = {}) =>
    assert.rejects(verify(await by(holder, rest)), { name: 'X509Error', code });

  test('answers for its issuer', async () => {
    assert.equal((await verify(await by(responder))).kind, 'good');
  });

  test('that the issuer did not sign is refused, though it has the name', async () => {
    const impostor = await root('P-256');
    await refused(await below(impostor, 'Responder', { extensions: [ocspSigning] }), 'SIGNATURE_INVALID');
    const stranger = await root('P-256', 'Stranger');
    await refused(await below(stranger, 'Responder', { extensions: [ocspSigning] }), 'NAME_MISMATCH');
  });

  test('that is signed below the issuer only is refused', async () => {
    const middle = await below(authority, 'Middle', { extensions: [ocspSigning] });
    await refused(await below(middle, 'Responder', { extensions: [ocspSigning] }), 'NAME_MISMATCH');
  });

  test('without the usage spelled out is refused', async () => {
    const usage = (oid: string) => ({ oid: extensionOid.extendedKeyUsage, value: derSequence(derOid(oid)) });
    await refused(await below(authority, 'Responder'), 'KEY_USAGE_INVALID');
    await refused(
      await below(authority, 'Responder', { extensions: [usage('2.5.29.37.0')] }),
      'KEY_USAGE_INVALID',
    );
    await refused(
      await below(authority, 'Responder', { extensions: [usage('1.3.6.1.5.5.7.3.1')] }),
      'KEY_USAGE_INVALID',
    );
    const keyUsage = { oid: extensionOid.keyUsage, value: derBitString(Uint8Array.of(0x20), 5) };
    await refused(
      await below(authority, 'Responder', { extensions: [ocspSigning, keyUsage] }),
      'KEY_USAGE_INVALID',
    );
    const malformed = { oid: extensionOid.extendedKeyUsage, value: derNull() };
    await refused(await below(authority, 'Responder', { extensions: [malformed] }), 'CERTIFICATE_MALFORMED');
  });

  test('with a critical extension that nobody knows is refused', async () => {
    const unknown = { oid: '1.2.3', critical: true, value: derNull() };
    await refused(
      await below(authority, 'Responder', { extensions: [ocspSigning, unknown] }),
      'CRITICAL_EXTENSION_UNKNOWN',
    );
  });

  test('out of date is refused', async () => {
    const extensions = [ocspSigning];
    await refused(await below(authority, 'Responder', { extensions, notAfter: from }), 'EXPIRED');
    await refused(await below(authority, 'Responder', { extensions, notBefore: to }), 'NOT_YET_VALID');
  });

  test('whose certificate does not go along, or is another’s, is refused', async () => {
    await assert.rejects(
      verify(await respond({ responderName: responder.name, responderKey: responder.key })),
      {
        code: 'ISSUER_MISMATCH',
      },
    );
    const other = await below(authority, 'Else', { extensions: [ocspSigning] });
    await refused({ ...responder, certificate: other.certificate }, 'ISSUER_MISMATCH');
    await refused({ ...responder, key: other.key }, 'SIGNATURE_INVALID');
  });

  test('that the caller trusts needs no delegation, and must sign all the same', async () => {
    const own = await root('P-256', 'Own');
    const response = await respond({ responderName: own.name, responderKey: own.key });
    await assert.rejects(verify(response), { code: 'ISSUER_MISMATCH' });
    assert.equal((await verify(response, { responders: [own.certificate] })).kind, 'good');
    const impostor = await root('P-256', 'Own');
    await assert.rejects(verify(response, { responders: [impostor.certificate] }), {
      code: 'SIGNATURE_INVALID',
    });
  });
});

const sha1 = derSequence(derOid('1.3.14.3.2.26'), derNull());
const keyBits = (spki: Uint8Array) => parseDer(spki, 'key').children()[1]!.bitStringBytes();
const certId = async (algorithm = sha1, hash: 'SHA-1' | 'SHA-256' = 'SHA-1') =>
  derSequence(
    algorithm,
    derOctetString(await digest(hash, authority.certificate.subject.der)),
    derOctetString(await digest(hash, keyBits(authority.certificate.subjectPublicKeyInfo))),
    derInteger(0x1234),
  );
const id = await certId();
const [good, unknown] = [derElement(primitiveContextTag(0)), derElement(primitiveContextTag(2))];
const revoked = derElement(contextTag(1), derGeneralizedTime(from));
const [begin, end] = [derGeneralizedTime(from), derElement(contextTag(0), derGeneralizedTime(to))];
const single = (status: Uint8Array, ...more: readonly Uint8Array[]) =>
  derSequence(id, status, begin, end, ...more);
const byName = derElement(contextTag(1), encodeName(authority.name));
const byKey = async (spki = authority.certificate.subjectPublicKeyInfo) =>
  derElement(contextTag(2), derOctetString(await digest('SHA-1', keyBits(spki))));

const basicType = '1.3.6.1.5.5.7.48.1.1';
async function assemble(
  data: readonly Uint8Array[],
  {
    key = authority.key,
    more = [],
    status = 0,
    type = basicType,
  }: { key?: SigningKey; more?: readonly Uint8Array[]; status?: number; type?: string } = {},
): Promise<Uint8Array> {
  const tbs = derSequence(...data);
  const basic = derSequence(tbs, key.algorithmIdentifier, derBitString(await key.sign(tbs)), ...more);
  return derSequence(
    derElement(derTag.enumerated, Uint8Array.of(status)),
    derElement(contextTag(0), derSequence(derOid(type), derOctetString(basic))),
  );
}

describe('a response put together by hand', () => {
  test('may name its responder by the hash of its key', async () => {
    assert.equal(
      (await verify(await assemble([await byKey(), begin, derSequence(single(good))]))).kind,
      'good',
    );
    const other = await root('P-256', 'Root');
    const theirs = await byKey(other.certificate.subjectPublicKeyInfo);
    await assert.rejects(verify(await assemble([theirs, begin, derSequence(single(good))])), {
      code: 'ISSUER_MISMATCH',
    });
    const delegated = derElement(contextTag(0), derSequence(responder.certificate.der));
    const response = await assemble(
      [await byKey(responder.certificate.subjectPublicKeyInfo), begin, derSequence(single(good))],
      { key: responder.key, more: [delegated] },
    );
    assert.equal((await verify(response)).kind, 'good');
  });

  test('may hash with SHA-256, and says nothing where the hash is not known or does not fit', async () => {
    const sha256 = derSequence(derOid('2.16.840.1.101.3.4.2.1'));
    const answer = async (own: Uint8Array) =>
      assemble([byName, begin, derSequence(derSequence(own, good, begin, end))]);
    assert.equal((await verify(await answer(await certId(sha256, 'SHA-256')))).kind, 'good');
    await assert.rejects(verify(await answer(await certId(sha256, 'SHA-1'))), { code: 'OCSP_UNUSABLE' });
    await assert.rejects(verify(await answer(await certId(derSequence(derOid('1.2.3'))))), {
      code: 'OCSP_UNUSABLE',
    });
  });

  test('of several answers gives the worst, wherever it stands', async () => {
    const orders = [
      [good, revoked, unknown],
      [revoked, good],
      [unknown, good, revoked],
    ];
    for (const order of orders) {
      const answers = derSequence(...order.map((status) => single(status)));
      assert.equal((await verify(await assemble([byName, begin, answers]))).kind, 'revoked');
    }
    const answers = derSequence(single(good), single(unknown));
    assert.equal((await verify(await assemble([byName, begin, answers]))).kind, 'unknown');
  });

  test('without an answer says nothing', async () => {
    await assert.rejects(verify(await assemble([byName, begin, derSequence()])), { code: 'OCSP_UNUSABLE' });
  });

  const critical = derBoolean(true);
  const extensions = (...all: readonly Uint8Array[]) => derElement(contextTag(1), derSequence(...all));
  const answers = derSequence(single(good));
  const malformed: Readonly<Record<string, readonly Uint8Array[]>> = {
    'version 2': [derElement(contextTag(0), derInteger(1)), byName, begin, answers],
    'version 1 written out': [derElement(contextTag(0), derInteger(0)), byName, begin, answers],
    'no responder': [begin, answers],
    'a responder of a third kind': [derElement(contextTag(3), derNull()), begin, answers],
    'a local time of production': [byName, derTime(from), answers],
    'a critical extension that nobody knows': [
      byName,
      begin,
      answers,
      extensions(extension('1.2.3', derNull(), critical)),
    ],
    'a nonce that is no OCTET STRING': [
      byName,
      begin,
      answers,
      extensions(extension('1.3.6.1.5.5.7.48.1.2', derNull())),
    ],
    'no extension in the list of them': [byName, begin, answers, extensions()],
    'a field after the extensions': [
      byName,
      begin,
      answers,
      extensions(extension('1.2.3', derNull())),
      derNull(),
    ],
    'an answer with a critical extension': [
      byName,
      begin,
      derSequence(single(good, extensions(extension('1.2.3', derNull(), critical)))),
    ],
    'a good that holds something': [
      byName,
      begin,
      derSequence(single(derElement(primitiveContextTag(0), derNull()))),
    ],
    'an unknown that holds something': [
      byName,
      begin,
      derSequence(single(derElement(primitiveContextTag(2), Uint8Array.of(0)))),
    ],
    'a good that is constructed': [byName, begin, derSequence(single(derElement(contextTag(0))))],
    'a revoked without a time': [byName, begin, derSequence(single(derElement(contextTag(1))))],
    'a revoked with a second time': [
      byName,
      begin,
      derSequence(single(derElement(contextTag(1), begin, begin))),
    ],
    'a status of a fourth kind': [byName, begin, derSequence(single(derElement(primitiveContextTag(3))))],
    'an answer without a beginning': [byName, begin, derSequence(derSequence(id, good, end))],
    'an answer with a UTCTime': [byName, begin, derSequence(derSequence(id, good, derTime(from), end))],
    'an answer without a certificate': [byName, begin, derSequence(derSequence(good, begin, end))],
  };
  for (const [what, data] of Object.entries(malformed))
    test(`with ${what} is refused`, async () => {
      const response = await assemble(data);
      assert.throws(() => parseOcspResponse(response), { name: 'X509Error', code: 'OCSP_MALFORMED' });
    });

  test('of another type, with trailing data, or with a broken certificate is refused', async () => {
    const data = [byName, begin, answers];
    const response = await assemble(data);
    assert.equal((await verify(response)).kind, 'good');
    const typed = await assemble(data, { type: '1.2.3' });
    assert.throws(() => parseOcspResponse(typed), { code: 'OCSP_MALFORMED' });
    assert.throws(() => parseOcspResponse(concatBytes(response, Uint8Array.of(0))), {
      code: 'OCSP_MALFORMED',
    });
    assert.throws(() => parseOcspResponse(new Uint8Array(256 * 1024 + 1)), { code: 'OCSP_MALFORMED' });
    const broken = await assemble(data, { more: [derElement(contextTag(0), derSequence(derSequence()))] });
    assert.throws(() => parseOcspResponse(broken), { code: 'CERTIFICATE_MALFORMED' });
    const stray = await assemble(data, { more: [derNull()] });
    assert.throws(() => parseOcspResponse(stray), { code: 'OCSP_MALFORMED' });
  });

  test('that is an excuse is unusable, whatever goes along', async () => {
    for (const status of [1, 2, 3, 5, 6, 7]) {
      const alone = derSequence(derElement(derTag.enumerated, Uint8Array.of(status)));
      assert.throws(() => parseOcspResponse(alone), { code: 'OCSP_UNUSABLE' });
      const more = await assemble([byName, begin, answers], { status });
      assert.throws(() => parseOcspResponse(more), { code: 'OCSP_UNUSABLE' });
    }
    const nothing = derSequence(derElement(derTag.enumerated, Uint8Array.of(0)));
    assert.throws(() => parseOcspResponse(nothing), { code: 'OCSP_MALFORMED' });
  });
});
