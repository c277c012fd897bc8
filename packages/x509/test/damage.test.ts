/** Every bit of something signed counts, and whatever bytes come, the answer is an answer or a typed error. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  concatBytes,
  formatGuid,
  fromBase64,
  fromHex,
  parseDer,
  parseJson,
  parsePem,
  utf8,
} from '@vitrine/bytes';
import { derSequence, derOid } from '@vitrine/bytes/der-writer';
import {
  type KeyKind,
  type SigningKey,
  issueCrl,
  issueOcspResponse,
  signerExtensions,
} from '@vitrine/simtee/authority';
import { fuzz, withBitFlipped } from '../../evidence/test/mutation.ts';
import { codeOf } from '../../evidence/test/suite.ts';
import {
  extensionOid,
  formatPemCertificates,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  parsePemCertificates,
  requireNotRevoked,
  verifyChain,
  verifyCrl,
  verifyOcspResponse,
} from '../src/index.ts';
import { below, ed25519Key, from, now, root, to } from './hierarchy.ts';

/** Accepts the bytes as they are, and none that differ from them in one bit. */
async function everyBitCounts(
  bytes: Uint8Array,
  verify: (bytes: Uint8Array) => Promise<unknown>,
): Promise<void> {
  await verify(bytes);
  const accepted: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    try {
      await verify(withBitFlipped(bytes, bit));
      accepted.push(bit);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }
  assert.deepEqual(accepted, [], 'bits whose flip was accepted');
}

const kinds: Readonly<Record<string, () => Promise<KeyKind | SigningKey>>> = {
  'P-256': () => Promise.resolve('P-256'),
  'P-384': () => Promise.resolve('P-384'),
  'RSA-PSS': () => Promise.resolve('RSA-PSS-2048'),
  'RSA PKCS #1': () => Promise.resolve('RSA-PKCS1-2048'),
  Ed25519: ed25519Key,
};

const authority = await root();
const rsa = await root('RSA-PSS-2048');
const leaf = (await below(authority, 'Leaf')).certificate;
const ocspSigning = { oid: extensionOid.extendedKeyUsage, value: derSequence(derOid('1.3.6.1.5.5.7.3.9')) };
const responder = await below(authority, 'Responder', { extensions: [...signerExtensions(), ocspSigning] });
const crl = await issueCrl({
  issuer: authority.name,
  issuerKey: authority.key,
  thisUpdate: from,
  nextUpdate: to,
  revoked: [{ serialNumber: 7, at: from }],
});
const ocsp = await issueOcspResponse({
  certificate: leaf,
  issuer: authority.certificate,
  responderName: responder.name,
  responderKey: responder.key,
  responderCertificate: responder.certificate,
  status: 'good',
  thisUpdate: from,
  nextUpdate: to,
  nonce: Uint8Array.of(1, 2, 3, 4),
});

describe('with any one bit flipped', () => {
  for (const [kind, make] of Object.entries(kinds))
    test(`a certificate signed by ${kind} is refused`, async () => {
      const issuer = await root(await make());
      const { certificate } = await below(issuer, 'Leaf');
      await everyBitCounts(certificate.der, (der) =>
        verifyChain([parseCertificate(der), issuer.certificate], {
          anchors: [issuer.certificate],
          now,
          what: 'damaged',
        }),
      );
    });

  test('a root is refused', async () => {
    await everyBitCounts(authority.certificate.der, (der) =>
      verifyChain([leaf, parseCertificate(der)], { anchors: [authority.certificate], now, what: 'damaged' }),
    );
  });

  test('a revocation list is refused', async () => {
    await everyBitCounts(crl, async (der) => {
      requireNotRevoked(leaf, await verifyCrl(parseCrl(der), authority.certificate, now));
    });
  });

  test('an OCSP response of a delegated responder is refused', async () => {
    const options = { certificate: leaf, issuer: authority.certificate, now };
    await everyBitCounts(ocsp, async (der) => verifyOcspResponse(parseOcspResponse(der), options));
  });
});

describe('whatever bytes come', () => {
  const pem = utf8(formatPemCertificates([leaf, authority.certificate]));
  const json = utf8(
    '{"a":[1,-2.5e3,"\\u00e9\\n",true,null,{"b":{"c":"AAAA","d":[]}}],"time":"2025-06-25T00:00:00Z"}',
  );
  const text = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  const parsers: Readonly<Record<string, readonly [readonly Uint8Array[], (bytes: Uint8Array) => unknown]>> =
    {
      certificates: [
        [leaf.der, authority.certificate.der, rsa.certificate.der],
        (bytes) => parseCertificate(bytes),
      ],
      'revocation lists': [[crl], (bytes) => parseCrl(bytes)],
      'OCSP responses': [[ocsp], (bytes) => parseOcspResponse(bytes)],
      'PEM certificates': [[pem], (bytes) => parsePemCertificates(text(bytes))],
      PEM: [[pem], (bytes) => parsePem(text(bytes))],
      JSON: [[json], (bytes) => parseJson(bytes, 'mutant').value()],
      DER: [[leaf.der, crl, ocsp], (bytes) => walk(parseDer(bytes, 'mutant'))],
      base64: [[utf8('Zm9vYmFyZm9vYmE=')], (bytes) => fromBase64(text(bytes))],
      hex: [[utf8('00ff10AB')], (bytes) => fromHex(text(bytes))],
      GUIDs: [[new Uint8Array(16)], (bytes) => formatGuid(bytes)],
    };
  for (const [what, [seeds, parse]] of Object.entries(parsers))
    test(`the parser of ${what} answers or throws a typed error`, async () => {
      await fuzz(seeds, 1200, parse);
    });

  test('the verifiers of certificates, lists and responses answer or throw a typed error', async () => {
    const anchors = [authority.certificate, rsa.certificate];
    const seeds = [leaf.der, authority.certificate.der, rsa.certificate.der];
    await fuzz(seeds, 1000, (bytes) => {
      const issuer = parseCertificate(bytes);
      return verifyChain([leaf, issuer], { anchors: [...anchors, issuer], now, what: 'mutant' });
    });
    await fuzz([crl], 500, async (bytes) => verifyCrl(parseCrl(bytes), authority.certificate, now));
    const options = { certificate: leaf, issuer: authority.certificate, now };
    await fuzz([ocsp], 1000, async (bytes) => verifyOcspResponse(parseOcspResponse(bytes), options));
  });
});

/** Every element, and every way of reading it. */
function walk(element: ReturnType<typeof parseDer>): void {
  const reads = [
    'integer',
    'smallInteger',
    'boolean',
    'octetString',
    'bitString',
    'null',
    'oid',
    'text',
    'time',
  ] as const;
  for (const read of reads)
    try {
      element[read]();
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  if ((element.tag & 0x20) !== 0) for (const child of element.children()) walk(child);
}

test('bytes that were joined differ from each of them', () => {
  assert.throws(() => parseCertificate(concatBytes(leaf.der, leaf.der)), { code: 'CERTIFICATE_MALFORMED' });
});
