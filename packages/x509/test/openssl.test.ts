/** OpenSSL as an independent judge: it accepts what the authority issues, and what it issues is accepted here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { formatPem, parsePemBlocks } from '@vitrine/bytes';
import {
  type KeyKind,
  authorityExtensions,
  issueCrl,
  issueOcspResponse,
  signerExtensions,
} from '@vitrine/simtee/authority';
import {
  type Certificate,
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
import { below, from, issue, now, root, to } from './hierarchy.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const skip = !hasOpenssl && 'openssl is not on this machine';
const folder = mkdtempSync(join(tmpdir(), 'vitrine-openssl-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const path = (file: string) => join(folder, file);
function write(file: string, content: string | Uint8Array): string {
  writeFileSync(path(file), content);
  return path(file);
}
const writeCertificates = (file: string, ...certificates: readonly Certificate[]) =>
  write(file, formatPemCertificates(certificates));

/** Runs openssl in the folder of this test. */
function openssl(...words: readonly string[]): { readonly isGood: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8', cwd: folder });
  return { isGood: status === 0, output: stdout + stderr };
}
function mustRun(...words: readonly string[]): string {
  const { isGood, output } = openssl(...words);
  assert.ok(isGood, `openssl ${words.join(' ')}: ${output}`);
  return output;
}
const atTime = ['-attime', String(now.getTime() / 1000)];

describe('OpenSSL accepts what the authority issues', { skip }, () => {
  for (const kind of ['P-256', 'P-384', 'RSA-PSS-2048', 'RSA-PKCS1-2048'] satisfies KeyKind[])
    test(`${kind}: a chain, a list and a response, and refuses what is refused here`, async () => {
      const authority = await root(kind);
      const middle = await below(authority, 'Middle', { extensions: authorityExtensions(0) });
      const leaf = await below(middle, 'Leaf', { serialNumber: 77 });
      const rootFile = writeCertificates('root.pem', authority.certificate);
      const middleFile = writeCertificates('middle.pem', middle.certificate);
      const leafFile = writeCertificates('leaf.pem', leaf.certificate);
      assert.match(mustRun('x509', '-in', leafFile, '-noout', '-subject', '-serial'), /Leaf[^]*serial=4D/);
      mustRun('verify', ...atTime, '-CAfile', rootFile, '-untrusted', middleFile, leafFile);

      const impostor = await root(kind);
      writeCertificates('impostor.pem', impostor.certificate);
      const foreign = openssl(
        'verify',
        ...atTime,
        '-CAfile',
        path('impostor.pem'),
        '-untrusted',
        middleFile,
        leafFile,
      );
      assert.ok(!foreign.isGood);
      await assert.rejects(
        verifyChain([leaf.certificate, middle.certificate, impostor.certificate], {
          anchors: [impostor.certificate],
          now,
          what: 'chain',
        }),
        { code: 'SIGNATURE_INVALID' },
      );

      const revoked = [{ serialNumber: BigInt(`0x${middle.certificate.serialNumber}`), at: from }];
      const list = { issuer: authority.name, issuerKey: authority.key, thisUpdate: from, nextUpdate: to };
      write('good.crl', formatPem('X509 CRL', await issueCrl(list)));
      write('revoked.crl', formatPem('X509 CRL', await issueCrl({ ...list, revoked })));
      assert.match(mustRun('crl', '-in', 'good.crl', '-noout', '-CAfile', rootFile), /verify OK/);
      assert.ok(
        !/verify OK/.test(
          openssl('crl', '-in', 'good.crl', '-noout', '-CAfile', path('impostor.pem')).output,
        ),
      );
      const checked = ['verify', ...atTime, '-crl_check', '-CAfile', rootFile, '-CRLfile'];
      mustRun(...checked, 'good.crl', middleFile);
      assert.match(openssl(...checked, 'revoked.crl', middleFile).output, /certificate revoked/);

      const ocspSigning = {
        oid: extensionOid.extendedKeyUsage,
        value: Uint8Array.from(Buffer.from('300a06082b06010505070309', 'hex')),
      };
      const responder = await below(authority, 'Responder', {
        extensions: [...signerExtensions(), ocspSigning],
      });
      const answer = {
        certificate: middle.certificate,
        issuer: authority.certificate,
        responderName: responder.name,
        responderKey: responder.key,
        responderCertificate: responder.certificate,
        status: 'good',
        // OpenSSL's command judges by the clock of the machine, within an hour before and after it.
        thisUpdate: new Date(Date.now() - 60_000),
        nextUpdate: new Date(Date.now() + 3_600_000),
      } as const;
      const ask = (file: string) =>
        openssl(
          'ocsp',
          '-respin',
          file,
          ...atTime,
          '-issuer',
          rootFile,
          '-cert',
          middleFile,
          '-CAfile',
          rootFile,
          '-no_nonce',
        );
      write('good.ocsp', await issueOcspResponse(answer));
      assert.match(ask('good.ocsp').output, /middle\.pem: good[^]*verify OK/);
      write('revoked.ocsp', await issueOcspResponse({ ...answer, status: { revokedAt: from, reason: 6 } }));
      assert.match(ask('revoked.ocsp').output, /revoked[^]*certificateHold/);
      const plain = await below(authority, 'Responder');
      const undelegated = { ...answer, responderKey: plain.key, responderCertificate: plain.certificate };
      write('undelegated.ocsp', await issueOcspResponse(undelegated));
      assert.doesNotMatch(ask('undelegated.ocsp').output, /verify OK/);
    });
});

/** Words for genpkey, and for signing. */
const opensslKeys: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  'RSA PKCS #1': [['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], ['-sha256']],
  'RSA-PSS': [
    ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ['-sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
  ],
  'P-256': [['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['-sha256']],
  'P-384': [['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-sha384']],
  'P-521': [['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'], ['-sha512']],
  Ed25519: [['-algorithm', 'ED25519'], []],
};

describe('what OpenSSL issues is accepted', { skip }, () => {
  for (const [kind, [generate, sign]] of Object.entries(opensslKeys))
    test(`${kind}: a chain, a list and a response, and each damaged one is refused`, async () => {
      write(
        'ca.cnf',
        [
          '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=default\ndefault_crl_days=30',
          '[req]\ndistinguished_name=dn\n[dn]',
          '[authority]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash',
          '[leaf]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid',
          '[responder]\nextendedKeyUsage=OCSPSigning\n',
        ].join('\n'),
      );
      const config = ['-config', 'ca.cnf'];
      mustRun('genpkey', ...generate, '-out', 'ca.key');
      mustRun(
        'req',
        ...config,
        '-x509',
        '-key',
        'ca.key',
        ...sign,
        '-subj',
        '/O=Test/CN=OpenSSL root',
        '-days',
        '30',
        '-extensions',
        'authority',
        '-out',
        'ca.pem',
      );
      for (const [who, serial] of [
        ['leaf', '1001'],
        ['revoked', '1002'],
        ['responder', '1003'],
      ] as const) {
        mustRun('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${who}.key`);
        mustRun('req', ...config, '-new', '-key', `${who}.key`, '-subj', `/CN=${who}`, '-out', `${who}.csr`);
        mustRun(
          'x509',
          '-req',
          '-in',
          `${who}.csr`,
          '-CA',
          'ca.pem',
          '-CAkey',
          'ca.key',
          '-set_serial',
          serial,
          '-days',
          '20',
          ...sign,
          '-extfile',
          'ca.cnf',
          '-extensions',
          who === 'responder' ? who : 'leaf',
          '-out',
          `${who}.pem`,
        );
      }
      const certificate = (file: string) => parsePemCertificates(readFileSync(path(file), 'utf8'))[0]!;
      const [authority, leaf, revoked] = [
        certificate('ca.pem'),
        certificate('leaf.pem'),
        certificate('revoked.pem'),
      ];
      // A minute after it was issued: its times are the machine's.
      const soon = new Date(leaf.notBefore.getTime() + 60_000);
      const chain = (certificates: readonly Certificate[]) =>
        verifyChain(certificates, { anchors: [authority], now: soon, what: 'chain' });
      await chain([leaf, authority]);
      const damaged = leaf.der.slice();
      damaged[damaged.length - 1]! ^= 1;
      await assert.rejects(chain([parseCertificate(damaged), authority]), { code: 'SIGNATURE_INVALID' });

      const expiry = '350101000000Z';
      write(
        'index.txt',
        `V\t${expiry}\t\t03E9\tunknown\t/CN=leaf\nR\t${expiry}\t250101000000Z,keyCompromise\t03EA\tunknown\t/CN=revoked\n`,
      );
      write('index.txt.attr', 'unique_subject = no\n');
      write('crlnumber', '01\n');
      mustRun(
        'ca',
        ...config,
        '-gencrl',
        '-keyfile',
        'ca.key',
        '-cert',
        'ca.pem',
        ...(sign[0] ? ['-md', sign[0].slice(1)] : []),
        ...sign.slice(1),
        '-out',
        'ca.crl',
      );
      const [der] = parsePemBlocks(readFileSync(path('ca.crl'), 'utf8'), 'X509 CRL');
      const list = await verifyCrl(parseCrl(der!), authority, soon);
      requireNotRevoked(leaf, list);
      assert.throws(
        () => {
          requireNotRevoked(revoked, list);
        },
        { code: 'REVOKED' },
      );
      const damagedList = der!.slice();
      damagedList[damagedList.length - 1]! ^= 1;
      await assert.rejects(verifyCrl(parseCrl(damagedList), authority, soon), { code: 'SIGNATURE_INVALID' });

      const respond = (who: string) => {
        mustRun(
          'ocsp',
          '-index',
          'index.txt',
          '-CA',
          'ca.pem',
          '-rsigner',
          'responder.pem',
          '-rkey',
          'responder.key',
          '-issuer',
          'ca.pem',
          '-cert',
          `${who}.pem`,
          '-ndays',
          '1',
          '-respout',
          `${who}.ocsp`,
        );
        return parseOcspResponse(new Uint8Array(readFileSync(path(`${who}.ocsp`))));
      };
      const options = { issuer: authority, now: soon };
      assert.equal(
        (await verifyOcspResponse(respond('leaf'), { ...options, certificate: leaf })).kind,
        'good',
      );
      const status = await verifyOcspResponse(respond('revoked'), { ...options, certificate: revoked });
      assert.deepEqual(status, { kind: 'revoked', at: new Date('2025-01-01T00:00:00Z'), reason: 1 });
      await assert.rejects(verifyOcspResponse(respond('revoked'), { ...options, certificate: leaf }), {
        code: 'OCSP_UNUSABLE',
      });
    });

  test('explicit curve parameters, which OpenSSL reads, are not supported here', async () => {
    mustRun(
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-pkeyopt',
      'ec_param_enc:explicit',
      '-out',
      'explicit.key',
    );
    mustRun(
      'req',
      '-x509',
      '-key',
      'explicit.key',
      '-subj',
      '/CN=explicit',
      '-days',
      '30',
      '-out',
      'explicit.pem',
    );
    const explicit = parsePemCertificates(readFileSync(path('explicit.pem'), 'utf8'))[0]!;
    assert.equal(explicit.publicKey.kind, 'unsupported');
    const authority = await root();
    const leaf = await issue({ name: [['CN', 'explicit']], key: authority.key }, authority);
    await assert.rejects(
      verifyChain([leaf, explicit], {
        anchors: [explicit],
        now: new Date(explicit.notBefore.getTime() + 1000),
        what: 'x',
      }),
      (error: { code?: string }) => /^(NAME_MISMATCH|ALGORITHM_UNSUPPORTED|EXPIRED)$/.test(error.code ?? ''),
    );
  });
});
