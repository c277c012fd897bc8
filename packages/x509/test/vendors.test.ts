/** The vendors' real certificates and lists: parsed as Node parses them, verified up to their roots. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixturesFolder, hasFixtures } from '../../evidence/test/fixtures.ts';
import {
  type Certificate,
  commonName,
  isSignedBy,
  parseCertificate,
  parseCrl,
  parsePemCertificates,
  requireNotRevoked,
  verifyChain,
  verifyCrl,
} from '../src/index.ts';

const skip = !hasFixtures && `no fixtures at ${fixturesFolder}`;
const bytes = (file: string) => new Uint8Array(readFileSync(join(fixturesFolder, file)));
const pem = (file: string) => parsePemCertificates(readFileSync(join(fixturesFolder, file), 'utf8'));

const chains: readonly (readonly [string, () => Certificate[], string])[] = [
  [
    'AMD Milan',
    () => [parseCertificate(bytes('snp/milan-v2/vcek.der')), ...pem('snp/milan-v2/ask_ark.pem')],
    '2025-01-01T00:00:00Z',
  ],
  [
    'AMD Turin',
    () => [
      parseCertificate(bytes('snp/turin-vcek-only/vcek.der')),
      ...pem('snp/turin-vcek-only/ask_ark.pem'),
    ],
    '2025-06-01T00:00:00Z',
  ],
  ['Intel TCB signing', () => pem('tdx/collateral/2025-06-25/tcb_signing_chain.pem'), '2025-06-26T00:00:00Z'],
  ['NVIDIA Hopper', () => pem('nvidia/hopper/535.86.09/chain.pem'), '2025-06-01T00:00:00Z'],
  ['NVIDIA Hopper, newer', () => pem('nvidia/hopper/550.90.07/chain.pem'), '2025-06-01T00:00:00Z'],
];

describe('a vendor’s chain', { skip }, () => {
  for (const [vendor, read, time] of chains)
    test(`of ${vendor} is accepted under its own root and refused under another`, async () => {
      const chain = read();
      const anchor = chain.at(-1)!;
      const options = { now: new Date(time), what: vendor };
      await verifyChain(chain, { ...options, anchors: [anchor] });
      for (const [, other] of chains.filter(
        ([name]) => !vendor.startsWith(name) && !name.startsWith(vendor),
      )) {
        const stranger = other().at(-1)!;
        await assert.rejects(verifyChain(chain, { ...options, anchors: [stranger] }), {
          code: 'ROOT_UNTRUSTED',
        });
      }
      await assert.rejects(
        verifyChain(chain, { ...options, anchors: [anchor], now: new Date('1999-01-01T00:00:00Z') }),
        {
          code: 'NOT_YET_VALID',
        },
      );
    });

  for (const [vendor, read] of chains)
    test(`of ${vendor} holds what Node finds in it`, async () => {
      for (const certificate of read()) {
        const node = new X509Certificate(certificate.der);
        assert.equal(BigInt(`0x${certificate.serialNumber}`), BigInt(`0x${node.serialNumber}`));
        assert.equal(certificate.notBefore.getTime(), node.validFromDate.getTime());
        assert.equal(certificate.notAfter.getTime(), node.validToDate.getTime());
        assert.ok(node.subject.includes(`CN=${commonName(certificate.subject) ?? ''}`));
        assert.deepEqual(
          new Uint8Array(node.publicKey.export({ type: 'spki', format: 'der' })),
          certificate.subjectPublicKeyInfo,
        );
      }
      const [first, second] = read();
      const isSigned = new X509Certificate(first!.der).verify(new X509Certificate(second!.der).publicKey);
      assert.equal(await isSignedBy(first!, second!), isSigned);
      assert.equal(isSigned, true);
    });
});

describe('a vendor’s list', { skip }, () => {
  test('of Intel’s root is accepted, and refused under another key, too early and too late', async () => {
    const now = new Date('2025-06-26T00:00:00Z');
    const authority = parseCertificate(bytes('anchors/intel/sgx_root_ca.der'));
    const crl = parseCrl(bytes('tdx/collateral/2025-06-25/root_crl.der'));
    const list = await verifyCrl(crl, authority, now);
    const platform = pem('tdx/collateral/2025-06-25/pck_crl_issuer_chain.pem')[0]!;
    requireNotRevoked(platform, list);
    const [testRoot] = pem('tdx/intel-test-root/trustedRootCaCert.pem');
    await assert.rejects(verifyCrl(crl, testRoot!, now), (error: { code?: string }) =>
      /^(ISSUER_MISMATCH|SIGNATURE_INVALID)$/.test(error.code ?? ''),
    );
    await assert.rejects(verifyCrl(crl, authority, new Date('2020-01-01T00:00:00Z')), {
      code: 'CRL_NOT_YET_VALID',
    });
    await assert.rejects(verifyCrl(crl, authority, new Date('2036-01-01T00:00:00Z')), {
      code: 'CRL_EXPIRED',
    });
    const pck = parseCrl(bytes('tdx/collateral/2025-06-25/pck_crl_platform.der'));
    await verifyCrl(pck, platform, now);
    await assert.rejects(verifyCrl(pck, authority, now), { code: 'ISSUER_MISMATCH' });
  });
});

describe('a certificate of old', { skip }, () => {
  test('signed with SHA-1 by a short key is parsed, and verifies nothing', async () => {
    const text = readFileSync(join(fixturesFolder, 'ct/go-ct/ca.pem'), 'utf8');
    // The file lacks a line break between its two blocks, which is no PEM.
    assert.throws(() => parsePemCertificates(text), { code: 'CERTIFICATE_MALFORMED' });
    const [authority] = parsePemCertificates(text.replace('----------', '-----\n-----'));
    const [leaf] = pem('ct/go-ct/cert.pem');
    assert.equal(leaf!.signatureAlgorithm.name, 'unsupported');
    await assert.rejects(
      verifyChain([leaf!, authority!], {
        anchors: [authority!],
        now: new Date('2013-04-05T00:00:00Z'),
        what: 'old',
      }),
      { code: 'ALGORITHM_UNSUPPORTED' },
    );
  });
});
