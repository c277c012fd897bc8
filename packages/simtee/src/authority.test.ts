/** The certification authority in software. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseDer, utf8 } from '@vitrine/bytes';
import { isSignedBy, parseCrl, parseOcspResponse, parsePublicKey, verifyChain } from '@vitrine/x509';
import {
  type KeyKind,
  authorityExtensions,
  generateKey,
  importKey,
  issueCertificate,
  issueCrl,
  issueOcspResponse,
} from './authority.ts';

const data = utf8('data');
const from = new Date('2025-01-01T00:00:00Z');
const to = new Date('2051-01-01T00:00:00Z');
const name = [['CN', 'Root é']] as const;

async function selfSigned(kind: KeyKind, notAfter = to) {
  const key = await generateKey(kind);
  const certificate = await issueCertificate({
    subject: name,
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: name,
    issuerKey: key,
    serialNumber: 1,
    notBefore: from,
    notAfter,
    extensions: authorityExtensions(),
  });
  return { key, certificate };
}

describe('a key of the authority', () => {
  for (const kind of ['P-256', 'P-384', 'RSA-PSS-2048', 'RSA-PKCS1-2048'] satisfies KeyKind[]) {
    test(`of kind ${kind} comes back from PKCS #8 and signs what it signed`, async () => {
      const { key, certificate } = await selfSigned(kind);
      const again = await importKey(kind, await key.exportPkcs8(), key.subjectPublicKeyInfo);
      assert.deepEqual(again.point, key.point);
      const signed = {
        tbs: data,
        signatureAlgorithm: certificate.signatureAlgorithm,
        signature: await again.sign(data),
      };
      assert.equal(await isSignedBy(signed, certificate), true);
      assert.equal(await isSignedBy({ ...signed, tbs: utf8('Data') }, certificate), false);
      const other = await generateKey(kind);
      const publicKey = parsePublicKey(parseDer(other.subjectPublicKeyInfo, 'key'));
      assert.equal(await isSignedBy(signed, { ...other, publicKey }), false);
    });
  }

  test('signs r ‖ s on a curve, as Node verifies it, and refuses to with RSA', async () => {
    const key = await generateKey('P-384');
    const signature = await key.signRaw(data);
    assert.equal(signature.length, 96);
    const spki = createPublicKey({ key: Buffer.from(key.subjectPublicKeyInfo), format: 'der', type: 'spki' });
    assert.ok(verify('sha384', data, { key: spki, dsaEncoding: 'ieee-p1363' }, signature));
    assert.ok(!verify('sha384', utf8('Data'), { key: spki, dsaEncoding: 'ieee-p1363' }, signature));
    await assert.rejects((await generateKey('RSA-PSS-2048')).signRaw(data), RangeError);
  });

  test('of another kind is not imported', async () => {
    const key = await generateKey('P-256');
    const pkcs8 = await key.exportPkcs8();
    await assert.rejects(importKey('P-384', pkcs8, key.subjectPublicKeyInfo));
    await assert.rejects(importKey('RSA-PSS-2048', pkcs8, key.subjectPublicKeyInfo));
    await assert.rejects(importKey('P-256', pkcs8.subarray(1), key.subjectPublicKeyInfo));
  });
});

describe('what the authority issues', () => {
  test('holds the times asked for, also beyond 2049', async () => {
    const { certificate } = await selfSigned('P-256');
    assert.deepEqual([certificate.notBefore, certificate.notAfter], [from, to]);
    const options = { anchors: [certificate], what: 'root' };
    await verifyChain([certificate], { ...options, now: to });
    await assert.rejects(verifyChain([certificate], { ...options, now: new Date(to.getTime() + 1) }), {
      code: 'EXPIRED',
    });
  });

  test('is refused at once where it would not be valid DER', async () => {
    await assert.rejects(selfSigned('P-256', new Date(NaN)), RangeError);
    await assert.rejects(selfSigned('P-256', new Date(Date.UTC(10_000, 0, 1))), RangeError);
    const { key, certificate } = await selfSigned('P-256');
    const list = { issuer: name, issuerKey: key, thisUpdate: new Date(NaN) };
    await assert.rejects(issueCrl(list), RangeError);
    const answer = {
      certificate,
      issuer: certificate,
      responderName: name,
      responderKey: key,
      status: 'good',
    } as const;
    await assert.rejects(issueOcspResponse({ ...answer, thisUpdate: new Date(NaN) }), RangeError);
  });

  test('lists and answers hold what was asked for', async () => {
    const { key, certificate } = await selfSigned('P-256');
    const revoked = [{ serialNumber: 0x80, at: from }];
    const crl = parseCrl(
      await issueCrl({ issuer: name, issuerKey: key, thisUpdate: from, nextUpdate: to, revoked }),
    );
    assert.deepEqual([...crl.revoked], [['0080', from]]);
    assert.deepEqual([crl.thisUpdate, crl.nextUpdate], [from, to]);
    const nonce = Uint8Array.of(9);
    const answer = {
      certificate,
      issuer: certificate,
      responderName: name,
      responderKey: key,
      thisUpdate: from,
      nonce,
    };
    const response = parseOcspResponse(await issueOcspResponse({ ...answer, status: 'unknown' }));
    assert.deepEqual(response.nonce, nonce);
    assert.equal(response.responses[0]!.status.kind, 'unknown');
    assert.equal(response.responses[0]!.nextUpdate, undefined);
  });
});
