/** Endorsements: which address has what, what is wrapped around it, and how long it is good. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  concatBytes,
  formatPem,
  fromHex,
  latin1,
  parsePemBlocks,
  sha256,
  toBase64,
  toHex,
  utf8,
} from '@vitrine/bytes';
import { parseSnpReport, parseVek } from '@vitrine/evidence';
import {
  authorityExtensions,
  generateKey,
  issueCertificate,
  issueCrl,
  issueOcspResponse,
  signerExtensions,
} from '@vitrine/simtee/authority';
import { type Certificate, parseCertificate } from '@vitrine/x509';
import { fixturesFolder, hasFixtures } from '../../../evidence/test/fixtures.ts';
import { mutated, randomNumbers } from '../../../evidence/test/mutation.ts';
import type { ResourceKind, ResourceRequest } from '../../src/source.ts';
import {
  amdCertificateChainRequest,
  amdCrlRequest,
  amdVekRequest,
  bootPartRequest,
  ctLogListRequest,
  expiryOf,
  githubAttestationsRequest,
  intelIssuerChain,
  intelPckCrlRequest,
  intelQeIdentityRequest,
  intelRootCrlRequest,
  intelTcbInfoRequest,
  nvidiaOcspRequest,
  nvidiaRimRequest,
  parseAttestationsAnswer,
  parseReleaseHash,
  parseRimAnswer,
  releaseAssetRequest,
} from '../../src/sources/index.ts';

const skip = !hasFixtures && `no fixtures at ${fixturesFolder}`;
const fixture = (path: string) => new Uint8Array(readFileSync(join(fixturesFolder, path)));
const digest = 'ab'.repeat(32);
const invalid = { name: 'VerifierError', code: 'ARGUMENT_INVALID' };
const malformed = { name: 'VerifierError', code: 'ENDORSEMENT_MALFORMED' };

describe('addresses of endorsements', () => {
  const pcs = 'https://api.trustedservices.intel.com';
  const cases: readonly [request: ResourceRequest, kind: ResourceKind, url: string][] = [
    [
      amdCertificateChainRequest('Genoa', 'VCEK'),
      'amd-cert-chain',
      'https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain',
    ],
    [
      amdCertificateChainRequest('Milan', 'VLEK'),
      'amd-cert-chain',
      'https://kdsintf.amd.com/vlek/v1/Milan/cert_chain',
    ],
    [amdCrlRequest('Turin', 'VCEK'), 'amd-crl', 'https://kdsintf.amd.com/vcek/v1/Turin/crl'],
    [
      intelTcbInfoRequest(fromHex('90c06f000000')),
      'intel-tcb-info',
      `${pcs}/tdx/certification/v4/tcb?fmspc=90c06f000000`,
    ],
    [intelQeIdentityRequest(), 'intel-qe-identity', `${pcs}/tdx/certification/v4/qe/identity`],
    [
      intelPckCrlRequest('platform'),
      'intel-pck-crl',
      `${pcs}/sgx/certification/v4/pckcrl?ca=platform&encoding=der`,
    ],
    [
      intelPckCrlRequest('processor'),
      'intel-pck-crl',
      `${pcs}/sgx/certification/v4/pckcrl?ca=processor&encoding=der`,
    ],
    [
      intelRootCrlRequest(),
      'intel-root-crl',
      'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
    ],
    [
      nvidiaRimRequest('NV_GPU_DRIVER_GH100_550.90.07'),
      'nvidia-rim',
      'https://rim.attestation.nvidia.com/v1/rim/NV_GPU_DRIVER_GH100_550.90.07',
    ],
    [
      githubAttestationsRequest('owner/na.me_x', digest),
      'sigstore-bundle',
      `https://api.github.com/repos/owner/na.me_x/attestations/sha256:${digest}`,
    ],
    [
      releaseAssetRequest('owner/name', null, 'tinfoil.hash'),
      'release-asset',
      'https://github.com/owner/name/releases/latest/download/tinfoil.hash',
    ],
    [
      releaseAssetRequest('owner/name', 'v1.0/a b', 'tinfoil-deployment.json'),
      'release-asset',
      'https://github.com/owner/name/releases/download/v1.0%2Fa%20b/tinfoil-deployment.json',
    ],
    [ctLogListRequest(), 'ct-log-list', 'https://www.gstatic.com/ct/log_list/v3/log_list.json'],
    [bootPartRequest(digest), 'boot-part', `sha256:${digest}`],
  ];
  for (const [request, kind, url] of cases)
    test(`${kind}: ${url.slice(0, 90)}`, () => assert.deepEqual(request, { kind, url }));

  test('of a report have the chip and the TCB that it reports', { skip }, () => {
    const report = parseSnpReport(fixture('snp/milan-v2/report.bin'));
    const { tcb, hwid } = parseVek(fixture('snp/milan-v2/vcek.der'));
    const { kind, url } = amdVekRequest('Milan', report);
    assert.equal(kind, 'amd-vcek');
    const { pathname, searchParams } = new URL(url);
    assert.equal(pathname, `/vcek/v1/Milan/${toHex(hwid!)}`);
    assert.equal(Number(searchParams.get('ucodeSPL')), tcb.microcode);
    assert.equal(Number(searchParams.get('blSPL')), tcb.bootloader);
  });

  test('of a report that a VLEK signed name no chip', { skip }, () => {
    const report = parseSnpReport(fixture('snp/milan-v2/report.bin'));
    const { url } = amdVekRequest('Milan', {
      ...report,
      signerInfo: { ...report.signerInfo, signingKey: 'VLEK' },
    });
    assert.match(url, /^https:\/\/kdsintf\.amd\.com\/vlek\/v1\/Milan\/cert\?blSPL=/);
  });

  for (const repository of [
    'name',
    '/name',
    'owner/',
    'a/b/c',
    '../..',
    'owner/..',
    'owner/.',
    'ow ner/name',
    'owner/na?me',
    'owner/na#me',
    'o_w/name',
    `${'o'.repeat(40)}/name`,
    'owner/name\n',
    '',
  ])
    test(`no repository: ${JSON.stringify(repository)}`, () => {
      assert.throws(() => githubAttestationsRequest(repository, digest), invalid);
      assert.throws(() => releaseAssetRequest(repository, 'v1', 'x'), invalid);
    });

  for (const other of ['', 'ab', digest.toUpperCase(), `${digest}0`, `sha256:${digest}`])
    test(`no digest: ${JSON.stringify(other.slice(0, 20))}`, () => {
      assert.throws(() => githubAttestationsRequest('owner/name', other), invalid);
      assert.throws(() => bootPartRequest(other), invalid);
    });

  for (const text of ['', '.', '..', 'a\nb', 'a\0b', '\ud800', 'x'.repeat(256)])
    test(`no tag and no file name: ${JSON.stringify(text.slice(0, 20))}`, () => {
      assert.throws(() => releaseAssetRequest('owner/name', text, 'x'), invalid);
      assert.throws(() => releaseAssetRequest('owner/name', 'v1', text), invalid);
    });

  for (const id of ['', '..', 'a/b', 'a?b', 'a b', 'a%2fb', 'x'.repeat(129)])
    test(`no manifest's name: ${JSON.stringify(id.slice(0, 20))}`, () =>
      assert.throws(() => nvidiaRimRequest(id), invalid));

  test('no FMSPC: five bytes', () => assert.throws(() => intelTcbInfoRequest(new Uint8Array(5)), invalid));
});

describe("NVIDIA's answer with a manifest", () => {
  const id = 'NV_GPU_DRIVER_GH100_550.90.07';
  const xml = utf8('<SoftwareIdentity/>');
  const answer = async (change: Readonly<Record<string, unknown>> = {}) =>
    utf8(
      JSON.stringify({
        id,
        rim: toBase64(xml),
        sha256: toHex(await sha256(xml)),
        last_updated: '2025-01-01T00:00:00Z',
        rim_format: 'TEXT',
        request_id: 'x',
        ...change,
      }),
    );

  test('is the manifest', async () => {
    assert.deepEqual(await parseRimAnswer(await answer(), id), xml);
  });

  test('is the manifest too where the hash is of its base64', async () => {
    const text = toHex(await sha256(utf8(toBase64(xml))));
    assert.deepEqual(await parseRimAnswer(await answer({ sha256: text }), id), xml);
  });

  test('has the hash of each published manifest', { skip }, async () => {
    const manifest = fixture('nvidia/rim/attestation-sdk/NV_GPU_DRIVER_GH100_550.144.03.xml');
    const wrapped = await answer({ rim: toBase64(manifest), sha256: toHex(await sha256(manifest)) });
    assert.deepEqual(await parseRimAnswer(wrapped), manifest);
  });

  for (const [name, change] of [
    ['of another name', { id: 'NV_GPU_DRIVER_GH100_550.90.08' }],
    ['without a name', { id: undefined }],
    ['without a manifest', { rim: undefined }],
    ['whose manifest is no base64', { rim: '<xml/>' }],
    ['whose manifest is a number', { rim: 1 }],
    ['with another hash', { sha256: '0'.repeat(64) }],
    ['with a short hash', { sha256: 'ab' }],
    ['without a hash', { sha256: undefined }],
  ] as const)
    test(`is refused ${name}`, async () => {
      await assert.rejects(parseRimAnswer(await answer(change), id), malformed);
    });

  for (const text of ['', '[]', 'null', '<html>', '{"id":"a","id":"b"}'])
    test(`is refused as ${JSON.stringify(text)}`, async () => {
      await assert.rejects(parseRimAnswer(utf8(text), id), malformed);
    });
});

describe("GitHub's list of attestations", () => {
  test('is its bundles, to the byte', () => {
    const text = '{"attestations":[{"bundle": {"b" : 1},"repository_id":1,"bundle_url":"x"},{"bundle":{}}]}';
    assert.deepEqual(parseAttestationsAnswer(utf8(text)), [utf8('{"b" : 1}'), utf8('{}')]);
  });

  test('may be empty', () => assert.deepEqual(parseAttestationsAnswer(utf8('{"attestations":[]}')), []));

  for (const text of [
    '',
    '{}',
    '[]',
    '{"attestations":{}}',
    '{"attestations":null}',
    '{"attestations":[1]}',
    '{"attestations":[{}]}',
    '{"attestations":[{"bundle":null,"bundle_url":"https://evil.example/"}]}',
    '{"attestations":[{"bundle":"e30="}]}',
    '{"attestations":[],"attestations":[{"bundle":{}}]}',
    `{"attestations":[${Array(101).fill('{"bundle":{}}').join()}]}`,
  ])
    test(`is refused as ${text.slice(0, 70) || 'nothing'}`, () => {
      assert.throws(() => parseAttestationsAnswer(utf8(text)), malformed);
    });
});

describe("Intel's issuer chain in a header", () => {
  const answerOf = (value: string | undefined) => ({
    ok: true as const,
    bytes: utf8('{}'),
    ...(value === undefined ? {} : { headers: { 'tcb-info-issuer-chain': value } }),
  });

  test('is decoded to the PEM that was published', { skip }, () => {
    const pem = new TextDecoder().decode(fixture('tdx/collateral/2025-06-25/tcb_signing_chain.pem'));
    for (const encoded of [encodeURIComponent(pem), encodeURI(pem)]) {
      const chain = intelIssuerChain('intel-tcb-info', answerOf(encoded));
      assert.equal(chain, pem);
      assert.equal(parsePemBlocks(chain, 'CERTIFICATE').length, 2);
    }
  });

  for (const [name, value] of [
    ['is missing', undefined],
    ['is empty', ''],
    ['is no PEM', 'hello'],
    ['is cut off', '-----BEGIN%20CERTIFICATE-----%0AMIIB'],
    ['is not URL-encoded', '-----BEGIN%2'],
    ['is no UTF-8', '%ff%fe'],
    ['holds another thing', '-----BEGIN%20PRIVATE%20KEY-----%0AAAAA%0A-----END%20PRIVATE%20KEY-----%0A'],
    ['is too long', 'a'.repeat(40_000)],
  ] as const)
    test(`is refused where it ${name}`, () => {
      assert.throws(() => intelIssuerChain('intel-tcb-info', answerOf(value)), malformed);
    });

  test('of one kind is not taken for another', () => {
    assert.throws(() => intelIssuerChain('intel-qe-identity', answerOf('x')), malformed);
  });
});

describe('a release digest', () => {
  for (const end of ['', '\n', '\r\n'])
    test(`is read with ${JSON.stringify(end)} at its end`, () =>
      assert.equal(parseReleaseHash(utf8(digest + end)), digest));
  for (const text of [
    '',
    digest.slice(1),
    digest.toUpperCase(),
    ` ${digest}`,
    `${digest}\n\n`,
    `${digest}  file\n`,
    `${digest}\n${digest}\n`,
    '<html>',
  ])
    test(`is refused as ${JSON.stringify(text.slice(0, 12))} of ${text.length}`, () => {
      assert.throws(() => parseReleaseHash(utf8(text)), malformed);
    });
  test('is refused where it is no UTF-8', () =>
    assert.throws(() => parseReleaseHash(Uint8Array.of(0xff)), malformed));
});

describe('damaged at random', () => {
  const random = randomNumbers(20261125);
  const seeds: readonly [name: string, seed: string, read: (bytes: Uint8Array) => unknown][] = [
    [
      "NVIDIA's answer",
      JSON.stringify({ id: 'x', rim: toBase64(utf8('<a/>')), sha256: digest }),
      (bytes) => parseRimAnswer(bytes),
    ],
    [
      "GitHub's list",
      '{"attestations":[{"bundle":{"a":[1,"b"]},"repository_id":1}]}',
      (bytes) => parseAttestationsAnswer(bytes),
    ],
    ['a release digest', `${digest}\n`, (bytes) => parseReleaseHash(bytes)],
    [
      "Intel's chain",
      encodeURIComponent(formatPem('CERTIFICATE', utf8('some certificate'))),
      (bytes) =>
        intelIssuerChain('intel-pck-crl', {
          ok: true,
          bytes,
          headers: { 'sgx-pck-crl-issuer-chain': latin1(bytes) },
        }),
    ],
  ];
  for (const [name, seed, read] of seeds)
    test(`${name} is read, or refused by its code`, async () => {
      for (let round = 0; round < 500; round++) {
        try {
          await read(mutated(utf8(seed), random));
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, 'ENDORSEMENT_MALFORMED', String(error));
        }
      }
    });
});

describe('until when a body is good', async () => {
  const from = new Date('2026-01-01T00:00:00Z');
  const end = new Date('2026-06-01T00:00:00Z');
  const key = await generateKey('P-256');
  const name = [['CN', 'Root']] as const;
  const certificateUntil = (notAfter: Date, extensions = signerExtensions()): Promise<Certificate> =>
    issueCertificate({
      subject: name,
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: name,
      issuerKey: key,
      serialNumber: 7,
      notBefore: from,
      notAfter,
      extensions,
    });
  const root = await certificateUntil(new Date('2036-01-01T00:00:00Z'), authorityExtensions());
  const leaf = await certificateUntil(end);
  const common = { issuer: name, issuerKey: key, thisUpdate: from };
  const ocsp = (nextUpdate?: Date) =>
    issueOcspResponse({
      certificate: leaf,
      issuer: root,
      responderName: name,
      responderKey: key,
      status: 'good',
      thisUpdate: from,
      ...(nextUpdate ? { nextUpdate } : {}),
    });
  const expiry = (kind: ResourceKind, bytes: Uint8Array, url = 'https://a.example/') =>
    expiryOf({ kind, url }, bytes);
  const openEnd = new Date(8.64e15);

  test('is what certificates, lists and responses say', async () => {
    assert.deepEqual(await expiry('amd-vcek', leaf.der), end);
    assert.deepEqual(await expiry('amd-crl', await issueCrl({ ...common, nextUpdate: end })), end);
    assert.deepEqual(await expiry('intel-pck-crl', await issueCrl({ ...common, nextUpdate: end })), end);
    assert.deepEqual(await expiry('nvidia-ocsp', await ocsp(end)), end);
  });

  test('is the earliest of a chain', async () => {
    const { formatPemCertificates } = await import('@vitrine/x509');
    assert.deepEqual(await expiry('amd-cert-chain', utf8(formatPemCertificates([root, leaf, root]))), end);
  });

  test("is what Intel's documents say", { skip }, async () => {
    const folder = 'tdx/collateral/2025-06-25';
    const tcbInfo = await expiry('intel-tcb-info', fixture(`${folder}/tcb_info_90c06f000000.json`));
    const identity = await expiry('intel-qe-identity', fixture(`${folder}/qe_identity.json`));
    for (const found of [tcbInfo, identity]) assert.match(found?.toISOString() ?? '', /^2025-07-/);
    for (const [kind, file] of [
      ['intel-root-crl', 'root_crl.der'],
      ['intel-pck-crl', 'pck_crl_platform.der'],
    ] as const)
      assert.match((await expiry(kind, fixture(`${folder}/${file}`)))?.toISOString() ?? '', /^202[56]-/);
  });

  test("is that of AMD's certificates", { skip }, async () => {
    const vcek = fixture('snp/milan-v2/vcek.der');
    assert.deepEqual(await expiry('amd-vcek', vcek), parseCertificate(vcek).notAfter);
    assert.ok(existsSync(join(fixturesFolder, 'snp/milan-v2/ask_ark.pem')));
    assert.ok(await expiry('amd-cert-chain', fixture('snp/milan-v2/ask_ark.pem')));
  });

  test('is open for what names none, once it is what it should be', async () => {
    assert.deepEqual(await expiry('sigstore-bundle', utf8('{"attestations":[{"bundle":{}}]}')), openEnd);
    assert.deepEqual(
      await expiry('boot-part', utf8('x'), `sha256:${toHex(await sha256(utf8('x')))}`),
      openEnd,
    );
    assert.deepEqual(await expiry('ct-log-list', utf8('{}')), openEnd);
  });

  const nothing: readonly [name: string, kind: ResourceKind, bytes: Uint8Array][] = [
    ['a list without an end', 'amd-crl', await issueCrl(common)],
    ['a response without an end', 'nvidia-ocsp', await ocsp()],
    ['a certificate with something behind it', 'amd-vcek', concatBytes(leaf.der, Uint8Array.of(0))],
    ['no certificate', 'amd-vcek', utf8('x')],
    ['a chain without a certificate', 'amd-cert-chain', utf8('')],
    ['a list in place of a certificate', 'amd-vcek', await issueCrl({ ...common, nextUpdate: end })],
    ['no TCB info', 'intel-tcb-info', utf8('{}')],
    ['no identity', 'intel-qe-identity', utf8('{"enclaveIdentity":{}}')],
    ['no attestations yet', 'sigstore-bundle', utf8('{"attestations":[]}')],
    ['no manifest', 'nvidia-rim', utf8('{"id":"x"}')],
    ['another file than was asked for', 'boot-part', utf8('x')],
    ["the service's document", 'endpoint-document', utf8('{}')],
    ['a proof of a log', 'ct-log-entry', utf8('{}')],
  ];
  for (const [what, kind, bytes] of nothing)
    test(`is never for ${what}`, async () => assert.equal(await expiry(kind, bytes), undefined));

  test('of a certificate is asked for with a question that OCSP knows', async () => {
    const request = await nvidiaOcspRequest(leaf, root);
    assert.equal(request.url, 'http://ocsp.ndis.nvidia.com/');
    assert.equal(request.body?.[0], 0x30);
    assert.deepEqual(await nvidiaOcspRequest(leaf, root), request);
  });
});
