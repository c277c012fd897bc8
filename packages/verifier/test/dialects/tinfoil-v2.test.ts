/** Tinfoil's version 2 and the bundle: read back, refused, and never unpacked beyond a limit. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { concatBytes, decodeUtf8, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { gzip, writeTinfoilBundle, writeTinfoilV2 } from '@vitrine/simtee';
import { formatPemCertificates, parseCertificate } from '@vitrine/x509';
import { parseTinfoilBundle, parseTinfoilV2 } from '../../src/dialects/index.ts';
import { type Json, altered, refused, textAltered } from './refusal.ts';
import { type Machine, attestedIn, simulatedMachine } from './simulated.ts';

let machine: Machine;
let snp: Uint8Array;
let tdx: Uint8Array;
let bundle: Uint8Array;
let pem: string;

before(async () => {
  machine = await simulatedMachine();
  const { keys } = machine;
  snp = await writeTinfoilV2({ keys, attest: machine.snp });
  tdx = await writeTinfoilV2({ keys, attest: machine.tdx });
  pem = formatPemCertificates([parseCertificate(machine.tlsCertificate)]);
  bundle = writeTinfoilBundle({
    document: snp,
    domain: 'chat.acme.example',
    digest: await sha256(machine.release.deployment!),
    sigstoreBundle: machine.bundle,
    vcek: Uint8Array.of(0x30, 0x00),
    certificatePem: pem,
  });
});

const body = (change: () => Uint8Array | Promise<Uint8Array>) => async (): Promise<Uint8Array> => {
  const bytes = await change();
  return altered(snp, (json) => (json.body = toBase64(bytes)));
};

describe('a Tinfoil v2 document', () => {
  test('gives the keys that its evidence attests, and the hash that certificates commit to', async () => {
    for (const document of [snp, tdx]) {
      const presented = await parseTinfoilV2(document);
      assert.equal(`${presented.dialect} ${presented.form}`, 'tinfoil v2');
      assert.equal(presented.keys.tlsSpkiSha256, toHex(machine.keys.tlsSpkiSha256));
      assert.equal(presented.keys.hpkePublicKey, toHex(machine.keys.hpkePublicKey!));
      assert.deepEqual(presented.binding.expectedReportData, attestedIn(presented.cpu));
      assert.equal(presented.binding.nonce, undefined);
      assert.equal(presented.binding.coversDevices, false);
      const { format, body: text } = JSON.parse(decodeUtf8(document)) as { format: string; body: string };
      assert.equal(presented.documentSha256, toHex(await sha256(utf8(format + text))));
    }
  });

  test('loses what the firmware interface gave behind the report', async () => {
    const cpu = await machine.snp(new Uint8Array(64));
    assert.ok(cpu.platform === 'sev-snp');
    const evidence = concatBytes(cpu.report, new Uint8Array(2816));
    const document = await writeTinfoilV2({ keys: machine.keys, attest: machine.snp, defects: { evidence } });
    const presented = await parseTinfoilV2(document);
    assert.ok(presented.cpu.platform === 'sev-snp');
    assert.deepEqual(presented.cpu.report, cpu.report);
  });

  test('without an HPKE key has none: zeros are no key', async () => {
    const { tlsSpkiSha256 } = machine.keys;
    const document = await writeTinfoilV2({ keys: { tlsSpkiSha256 }, attest: machine.tdx });
    assert.equal((await parseTinfoilV2(document)).keys.hpkePublicKey, undefined);
  });

  test('with evidence for other keys gives other keys', async () => {
    const reportData = Uint8Array.from({ length: 64 }, (_, at) => at);
    const document = await writeTinfoilV2({
      keys: machine.keys,
      attest: machine.tdx,
      defects: { reportData },
    });
    const { keys } = await parseTinfoilV2(document);
    assert.equal(keys.tlsSpkiSha256! + keys.hpkePublicKey!, toHex(reportData));
  });

  const bomb = async (): Promise<Uint8Array> => gzip(new Uint8Array(8 * 1024 * 1024));
  const bodies: readonly [name: string, document: () => Promise<Uint8Array>, about: RegExp][] = [
    ['a body that is no gzip', body(() => new Uint8Array(40)), /gzip/],
    ['a body that ends early', body(async () => (await gzip(new Uint8Array(2000))).slice(0, -9)), /gzip/],
    ['a body with another checksum', body(async () => flipped(await gzip(new Uint8Array(1184)), -5)), /gzip/],
    [
      'bytes behind the compressed ones',
      body(async () => concatBytes(await gzip(new Uint8Array(1184)), utf8('x'))),
      /gzip/,
    ],
    ['a body that unpacks to 8 MiB', body(bomb), /65536/],
    ['a body that unpacks to nothing', body(() => gzip(new Uint8Array(0))), /1184/],
    ['a report that is too short', body(() => gzip(new Uint8Array(1183))), /1184/],
  ];
  for (const [name, document, about] of bodies)
    test(`is refused with ${name}`, async () => {
      const bytes = await document();
      await refused(() => parseTinfoilV2(bytes), 'DOCUMENT_MALFORMED', about);
    });

  test('is refused before the whole of a bomb is unpacked', async () => {
    const compressed = await gzip(new Uint8Array(32 * 1024 * 1024));
    const native = globalThis.DecompressionStream;
    let unpacked = 0;
    const counting = function (format: 'gzip') {
      const { readable, writable } = new native(format);
      const count = new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) => {
          unpacked += piece.length;
          controller.enqueue(piece);
        },
      });
      return { writable, readable: (readable as ReadableStream<Uint8Array>).pipeThrough(count) };
    };
    globalThis.DecompressionStream = counting as never;
    try {
      const document = altered(snp, (json) => (json.body = toBase64(compressed)));
      await refused(() => parseTinfoilV2(document), 'DOCUMENT_MALFORMED', /65536/);
    } finally {
      globalThis.DecompressionStream = native;
    }
    assert.ok(unpacked > 0 && unpacked < 4 * 1024 * 1024, `${unpacked} bytes were unpacked`);
  });

  const changes: readonly [name: string, change: (json: Json) => void][] = [
    ['another member', (json) => (json.extra = 1)],
    ['no body', (json) => delete json.body],
    ['an empty body', (json) => (json.body = '')],
    ['a body that is no text', (json) => (json.body = 1)],
    ['a body without padding', (json) => (json.body = (json.body as string).replace(/=*$/, '') + 'A')],
    ['a format that is no text', (json) => (json.format = ['https://tinfoil.sh/predicate/sev-snp-guest/v2'])],
    ['a format of somebody else', (json) => (json.format = 'https://example.org/sev-snp-guest/v2')],
    ['a format that is a name of every object', (json) => (json.format = 'constructor')],
    [
      'a quote that says it is a report',
      (json) => (json.body = JSON.parse(decodeUtf8(tdx)).body.slice(0, 400)),
    ],
  ];
  for (const [name, change] of changes)
    test(`is refused with ${name}`, () =>
      refused(() => parseTinfoilV2(altered(snp, change)), 'DOCUMENT_MALFORMED'));

  test('is refused as TDX where the quote has a version that has no such layout', async () => {
    const quote = new Uint8Array(1200);
    quote[0] = 3;
    const bytes = toBase64(await gzip(quote));
    await refused(
      () => parseTinfoilV2(altered(tdx, (json) => (json.body = bytes))),
      'DOCUMENT_MALFORMED',
      /version 3/,
    );
  });

  for (const [version, bytes] of [
    [4, 631],
    [5, 637],
  ] as const)
    test(`is refused as TDX where the quote of version ${version} ends within REPORTDATA`, async () => {
      const quote = new Uint8Array(bytes);
      quote[0] = version;
      const body = toBase64(await gzip(quote));
      await refused(
        () => parseTinfoilV2(altered(tdx, (json) => (json.body = body))),
        'DOCUMENT_MALFORMED',
        new RegExp(`${bytes + 1} to 65536`),
      );
    });

  test('finds REPORTDATA of a quote of version 5 behind its descriptor', async () => {
    const quote = Uint8Array.from({ length: 700 }, (_, at) => at & 0xff);
    quote.set([5, 0]);
    const body = toBase64(await gzip(quote));
    const { keys } = await parseTinfoilV2(altered(tdx, (json) => (json.body = body)));
    assert.equal(keys.tlsSpkiSha256, toHex(quote.slice(574, 606)));
  });

  for (const format of ['dummy/v2', 'sev-snp-guest/v1', 'tdx-guest/v1', 'aws-nitro-enclave/v1'])
    test(`of the format ${format} is unsupported, not malformed`, () =>
      refused(
        () =>
          parseTinfoilV2(altered(snp, (json) => (json.format = `https://tinfoil.sh/predicate/${format}`))),
        'EVIDENCE_UNSUPPORTED',
      ));

  test('is refused with its body twice', () =>
    refused(
      () => parseTinfoilV2(textAltered(snp, '{', '{"body":"",')),
      'DOCUMENT_MALFORMED',
      /twice|duplicate|body/i,
    ));
});

describe('a Tinfoil bundle', () => {
  test('gives evidence, digest, signature, endorsement and certificate', async () => {
    const presented = await parseTinfoilBundle(bundle);
    assert.equal(presented.form, 'bundle');
    assert.equal(presented.domain, 'chat.acme.example');
    assert.equal(presented.release.digest, toHex(await sha256(machine.release.deployment!)));
    assert.deepEqual(presented.release.bundles, [machine.bundle]);
    assert.ok(presented.cpu.platform === 'sev-snp');
    assert.deepEqual(presented.cpu.vcek, Uint8Array.of(0x30, 0x00));
    assert.equal(decodeUtf8(presented.certificate!), pem);
    assert.equal(presented.documentSha256, (await parseTinfoilV2(snp)).documentSha256);
  });

  test('may have members that this reader does not know', async () => {
    const presented = await parseTinfoilBundle(altered(bundle, (json) => (json.region = 'eu')));
    assert.equal(presented.domain, 'chat.acme.example');
  });

  test('keeps the exact bytes of the signature, white space too', async () => {
    const text = textAltered(bundle, '"dsseEnvelope":{}', '"dsseEnvelope": { }');
    assert.match(decodeUtf8((await parseTinfoilBundle(text)).release.bundles[0]!), /"dsseEnvelope": \{ \}/);
  });

  const changes: readonly [name: string, change: (json: Json) => void, about: RegExp][] = [
    ['no domain', (json) => delete json.domain, /domain/],
    ['a domain that is a URL', (json) => (json.domain = 'https://chat.acme.example'), /domain/],
    ['a domain with a port', (json) => (json.domain = 'chat.acme.example:443'), /domain/],
    ['a wildcard as domain', (json) => (json.domain = '*.acme.example'), /domain/],
    ['a digest of 31 bytes', (json) => (json.digest = 'ab'.repeat(31)), /digest/],
    ['a digest in upper case', (json) => (json.digest = 'AB'.repeat(32)), /digest/],
    ['no signature', (json) => delete json.sigstoreBundle, /sigstoreBundle/],
    ['a signature that is a text', (json) => (json.sigstoreBundle = '{}'), /sigstoreBundle/],
    ['no certificate', (json) => delete json.enclaveCert, /enclaveCert/],
    ['a certificate that is no PEM', (json) => (json.enclaveCert = 'AA=='), /enclaveCert/],
    [
      'a key instead of a certificate',
      (json) => (json.enclaveCert = (json.enclaveCert as string).replaceAll('CERTIFICATE', 'PRIVATE KEY')),
      /enclaveCert/,
    ],
    ['an empty VCEK', (json) => (json.vcek = ''), /vcek/],
    ['no document', (json) => delete json.enclaveAttestationReport, /enclaveAttestationReport/],
    ['another member in its document', (json) => (json.enclaveAttestationReport.nonce = 'ab'), /nonce/],
  ];
  for (const [name, change, about] of changes)
    test(`is refused with ${name}`, () =>
      refused(() => parseTinfoilBundle(altered(bundle, change)), 'DOCUMENT_MALFORMED', about));
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[bytes.length + at]! ^= 1;
  return copy;
}
