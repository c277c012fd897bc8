/** OCSP requests: the question that OpenSSL would ask, and that it understands. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toHex } from '@vitrine/bytes';
import { createOcspRequest, formatPemCertificates } from '../src/index.ts';
import { type Holder, below, root } from './hierarchy.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const skip = !hasOpenssl && 'openssl is not on this machine';
const folder = mkdtempSync(join(tmpdir(), 'vitrine-ocsp-'));
after(() => rmSync(folder, { recursive: true }));
const path = (file: string) => join(folder, file);

function openssl(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8', cwd: folder });
  assert.equal(status, 0, stderr);
  return stdout;
}

async function pair(): Promise<{ readonly issuer: Holder; readonly leaf: Holder }> {
  const issuer = await root();
  const leaf = await below(issuer, 'Leaf');
  writeFileSync(path('issuer.pem'), formatPemCertificates([issuer.certificate]));
  writeFileSync(path('leaf.pem'), formatPemCertificates([leaf.certificate]));
  return { issuer, leaf };
}

describe('OCSP requests', { skip }, () => {
  for (const [hash, word] of [
    ['SHA-1', '-sha1'],
    ['SHA-256', '-sha256'],
    ['SHA-384', '-sha384'],
    ['SHA-512', '-sha512'],
  ] as const)
    test(`with ${hash} are those that OpenSSL makes, byte for byte`, async () => {
      const { issuer, leaf } = await pair();
      openssl(
        'ocsp',
        word,
        '-issuer',
        'issuer.pem',
        '-cert',
        'leaf.pem',
        '-no_nonce',
        '-reqout',
        'request.der',
      );
      const request = await createOcspRequest(leaf.certificate, issuer.certificate, { hash });
      assert.equal(toHex(request), toHex(readFileSync(path('request.der'))));
    });

  test('with a nonce are understood by OpenSSL', async () => {
    const { issuer, leaf } = await pair();
    const nonce = Uint8Array.from({ length: 32 }, (_, at) => at);
    writeFileSync(
      path('nonce.der'),
      await createOcspRequest(leaf.certificate, issuer.certificate, { nonce }),
    );
    const text = openssl('ocsp', '-reqin', 'nonce.der', '-req_text');
    assert.match(text, /OCSP Nonce/);
    assert.match(
      text.replaceAll(/\s/g, ''),
      /0420000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F/,
    );
  });
});

describe('nonces of OCSP requests', () => {
  for (const length of [0, 33])
    test(`of ${length} bytes are refused`, async () => {
      const issuer = await root();
      await assert.rejects(
        createOcspRequest(issuer.certificate, issuer.certificate, { nonce: new Uint8Array(length) }),
        RangeError,
      );
    });
});
