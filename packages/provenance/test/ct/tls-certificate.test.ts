/** The certificate of a TLS server: its chain however it was sent, its names, its usages, its authorities' constraints. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { derBitString, derSequence } from '@vitrine/bytes/der-writer';
import {
  type ExtensionRequest,
  authorityExtensions,
  generateKey,
  issueCertificate,
} from '@vitrine/simtee/authority';
import { createTlsAuthority, usageExtension } from '@vitrine/simtee/ct';
import { type Certificate, parsePemCertificates } from '@vitrine/x509';
import { fixture, withoutFixtures } from './fixtures.ts';
import { judge } from './judged-chain.ts';
import { refuses } from './refusal.ts';
import { endsAt, issue, issuedAt, theAuthority } from './world.ts';

describe('a TLS certificate', () => {
  test('that is in date, for the name, up to an anchor passes every rule', async () => {
    const { failures, checks, path, made, server, acceptable } = await judge();
    assert.deepEqual(failures, []);
    assert.equal(acceptable, true);
    assert.deepEqual(
      checks.map(({ rule }) => rule),
      ['tls.validity', 'tls.chain', 'tls.name', 'tls.name-constraints', 'tls.usage', 'tls.key'],
    );
    assert.deepEqual(path, [server.certificate, made.intermediate.certificate, made.root.certificate]);
  });

  test('is found a path whatever the order, with the root or others along', async () => {
    const { server, made } = await judge();
    const stranger = await createTlsAuthority();
    const [leaf, intermediate] = server.chain;
    const chains = [
      [leaf!, intermediate!, made.root.certificate],
      [leaf!, made.root.certificate, intermediate!],
      [leaf!, stranger.intermediate.certificate, stranger.root.certificate, intermediate!],
      [leaf!, leaf!, intermediate!, intermediate!],
    ];
    for (const chain of chains) assert.deepEqual((await judge({ chain })).failures, []);
  });

  test('may be an anchor itself', async () => {
    const { server } = await judge();
    assert.deepEqual(
      (await judge({ chain: [server.certificate], anchors: [server.certificate] })).failures,
      [],
    );
  });

  test('of an authority that nobody named is refused', async () => {
    const stranger = await createTlsAuthority();
    // The same names, and another key: the signature tells.
    const { failures } = await judge({ anchors: [stranger.root.certificate] });
    assert.deepEqual(failures, ['tls.chain TLS_CHAIN_INVALID']);
    const { server } = await judge();
    assert.deepEqual((await judge({ anchors: [] })).failures, ['tls.chain TLS_ROOT_UNTRUSTED']);
    assert.deepEqual((await judge({ chain: [server.certificate] })).failures, [
      'tls.chain TLS_ROOT_UNTRUSTED',
    ]);
  });

  test('is accepted by the anchor of the right key where others have the same name', async () => {
    const [first, second] = [await createTlsAuthority(), await createTlsAuthority()];
    const { made } = await judge();
    const anchors = [first.root.certificate, second.root.certificate, made.root.certificate];
    assert.deepEqual((await judge({ anchors })).failures, []);
  });

  test('is not checked up to anchors where there are none, and everything else is', async () => {
    const { failures, path, server } = await judge({ anchors: null });
    assert.deepEqual(failures, ['tls.chain ?']);
    assert.deepEqual(path, server.chain);
    const other = await judge({ anchors: null, hostname: 'other.example.org' });
    assert.deepEqual(other.failures, ['tls.chain ?', 'tls.name TLS_NAME_MISMATCH']);
  });

  test('has the issuer whose key signed it also where another of that name came first and nothing is trusted', async () => {
    const { server, made } = await judge();
    const stranger = await createTlsAuthority();
    const chain = [server.certificate, stranger.intermediate.certificate, made.intermediate.certificate];
    for (const anchors of [null, []]) {
      const { path } = await judge({ chain, anchors });
      assert.deepEqual(path, [server.certificate, made.intermediate.certificate]);
    }
  });

  test('that is expired or not yet valid is refused by that code', async () => {
    const after = await judge({ at: new Date(endsAt.getTime() + 1) });
    assert.deepEqual(after.failures, ['tls.validity TLS_CERT_EXPIRED', 'tls.chain ?']);
    const before = await judge({ at: new Date(issuedAt.getTime() - 1) });
    assert.deepEqual(before.failures, ['tls.validity TLS_CERT_NOT_YET_VALID', 'tls.chain ?']);
    assert.deepEqual((await judge({ at: endsAt })).failures, []);
    assert.deepEqual((await judge({ at: issuedAt })).failures, []);
    const noTime = await judge({ at: new Date(NaN) });
    assert.equal(noTime.failures[0], 'tls.validity TLS_CERT_EXPIRED');
  });

  test('of an authority that is expired is refused', async () => {
    const { failures } = await judge({ authority: { notAfter: new Date('2026-11-01T00:00:00Z') } });
    assert.deepEqual(failures, ['tls.chain TLS_CHAIN_INVALID']);
  });

  test('that is issued by a server certificate is refused', async () => {
    const { server, made } = await judge();
    const forged = await issueCertificate({
      subject: [['CN', 'forged']],
      subjectPublicKeyInfo: server.key.subjectPublicKeyInfo,
      issuer: [],
      issuerKey: server.key,
      serialNumber: 9,
      notBefore: issuedAt,
      notAfter: endsAt,
    });
    const { failures } = await judge({ chain: [forged, ...server.chain] });
    assert.ok(failures.includes('tls.chain TLS_CHAIN_INVALID'));
    const tooLong = await subordinate(made);
    const { failures: longer } = await judge({ chain: tooLong });
    assert.ok(
      longer.includes('tls.chain TLS_CHAIN_INVALID'),
      'one authority more than the path length allows',
    );
  });

  test('that is a precertificate is refused', async () => {
    const { server } = await judge();
    const { failures } = await judge({ chain: [server.precertificate, ...server.chain.slice(1)] });
    assert.deepEqual(failures, ['tls.chain TLS_CHAIN_INVALID']);
  });

  test('for another name is refused, and its common name does not count', async () => {
    assert.deepEqual((await judge({ hostname: 'example.org' })).failures, ['tls.name TLS_NAME_MISMATCH']);
    assert.deepEqual((await judge({ hostname: 'api.example.org.evil.test' })).failures, [
      'tls.name TLS_NAME_MISMATCH',
    ]);
    assert.deepEqual((await judge({ hostname: '' })).failures, ['tls.name TLS_NAME_MISMATCH']);
    const key = await generateKey('P-256');
    const made = await theAuthority();
    const named = await issueCertificate({
      subject: [['CN', 'api.example.org']],
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: made.intermediate.name,
      issuerKey: made.intermediate.key,
      serialNumber: 5,
      notBefore: issuedAt,
      notAfter: endsAt,
    });
    const { failures, checks } = await judge({ chain: [named, made.intermediate.certificate] });
    assert.deepEqual(failures, ['tls.name TLS_NAME_MISMATCH']);
    assert.equal(checks.find(({ rule }) => rule === 'tls.name')!.found, 'no names');
  });

  test('whose names cannot all be read is refused, though one of them is right', async () => {
    const right = bytesOf('api.example.org');
    for (const bad of [
      Uint8Array.of(...right, 0, 0x61),
      Uint8Array.of(0xc3, 0xa4),
      Uint8Array.of(...right, 0x20),
    ]) {
      const chain = await issuedWith([{ oid: '2.5.29.17', value: sanOf(right, bad) }]);
      assert.ok((await judge({ chain })).failures.includes('tls.name TLS_NAME_MISMATCH'));
    }
    const good = await issuedWith([{ oid: '2.5.29.17', value: sanOf(bytesOf('a.test'), right) }]);
    assert.deepEqual((await judge({ chain: good })).failures, []);
  });

  test('whose key is for encipherment only is refused', async () => {
    const names = { oid: '2.5.29.17', value: sanOf(bytesOf('api.example.org')) };
    const usage = (bits: number) => ({ oid: '2.5.29.15', value: derBitString(Uint8Array.of(bits), 5) });
    const signing = await issuedWith([names, usage(0xa0)]);
    assert.deepEqual((await judge({ chain: signing })).failures, []);
    const enciphering = await issuedWith([names, usage(0x20)]);
    assert.deepEqual((await judge({ chain: enciphering })).failures, ['tls.usage TLS_USAGE_INVALID']);
  });

  test('that is not for servers, or is under an authority that is not, is refused', async () => {
    const clientAuth = '1.3.6.1.5.5.7.3.2';
    const serverAuth = '1.3.6.1.5.5.7.3.1';
    assert.deepEqual((await judge({ request: { usages: [clientAuth] } })).failures, [
      'tls.usage TLS_USAGE_INVALID',
    ]);
    assert.deepEqual((await judge({ request: { usages: [clientAuth, serverAuth] } })).failures, []);
    assert.deepEqual((await judge({ request: { usages: null } })).failures, []);
    const authority = { intermediateExtensions: [usageExtension([clientAuth])] };
    assert.deepEqual((await judge({ authority })).failures, ['tls.usage TLS_USAGE_INVALID']);
    const both = { intermediateExtensions: [usageExtension([serverAuth, clientAuth])] };
    assert.deepEqual((await judge({ authority: both })).failures, []);
  });

  test('with an RSA key is accepted', async () => {
    assert.deepEqual((await judge({ request: { keyKind: 'RSA-PKCS1-2048' } })).failures, []);
  });

  test('with an RSA key of 1024 bits is refused', { skip: withoutFixtures }, async () => {
    const [leaf] = parsePemCertificates(new TextDecoder().decode(fixture('ct/go-ct/cert.pem')));
    const { checks } = await judge({ chain: [leaf!] });
    assert.equal(checks.find(({ rule }) => rule === 'tls.key')!.code, 'TLS_KEY_UNSUPPORTED');
  });

  test('that is not there is refused', async () => {
    await refuses('CERTIFICATE_ABSENT', () => judge({ chain: [] }));
  });

  test('ends in a verdict however many certificates of the same name came along', async () => {
    const strangers = await Promise.all(Array.from({ length: 10 }, () => createTlsAuthority()));
    const crowd = strangers.flatMap(({ root, intermediate }) => [intermediate.certificate, root.certificate]);
    const { server } = await judge();
    assert.deepEqual((await judge({ chain: [server.certificate, ...crowd] })).failures, [
      'tls.chain TLS_CHAIN_INVALID',
    ]);
  });
});

/** A leaf under an authority that the intermediate, of path length 0, had no right to make. */
async function subordinate({
  intermediate,
}: Awaited<ReturnType<typeof theAuthority>>): Promise<Certificate[]> {
  const key = await generateKey('P-256');
  const validity = { notBefore: issuedAt, notAfter: endsAt };
  const authority = await issueCertificate({
    subject: [['CN', 'one too many']],
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: intermediate.name,
    issuerKey: intermediate.key,
    serialNumber: 6,
    ...validity,
    extensions: authorityExtensions(),
  });
  const leaf = await issueCertificate({
    subject: [['CN', 'leaf']],
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: [['CN', 'one too many']],
    issuerKey: key,
    serialNumber: 7,
    ...validity,
  });
  return [leaf, authority, ...(await issue([])).chain.slice(1)];
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** dNSNames. */
function sanOf(...names: readonly Uint8Array[]): Uint8Array {
  return derSequence(...names.map((name) => Uint8Array.from([0x82, name.length, ...name])));
}

/** A certificate with these extensions and no others, and the authority that issued it. */
async function issuedWith(extensions: readonly ExtensionRequest[]): Promise<Certificate[]> {
  const { intermediate } = await theAuthority();
  const key = await generateKey('P-256');
  const leaf = await issueCertificate({
    subject: [],
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: intermediate.name,
    issuerKey: intermediate.key,
    serialNumber: 5,
    notBefore: issuedAt,
    notAfter: endsAt,
    extensions,
  });
  return [leaf, intermediate.certificate];
}
