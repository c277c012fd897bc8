/** Asking a service: which places, in which order, and what ends the search. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access -- documents are damaged anywhere, also where types say that nothing is */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { toHex, utf8 } from '@vitrine/bytes';
import {
  writeBlyss,
  writeTinfoilBundle,
  writeTinfoilV2,
  writeTinfoilV3,
  writeVitrineDocument,
} from '@vitrine/simtee';
import { formatPemCertificates, parseCertificate } from '@vitrine/x509';
import { parseDocument, readEndpoint } from '../../src/dialects/index.ts';
import type { Answer, Source } from '../../src/source.ts';
import { altered, refused } from './refusal.ts';
import { type Machine, simulatedMachine } from './simulated.ts';

const origin = 'https://chat.acme.example';
const vitrine = '/.well-known/vitrine/attestation';
const tinfoil = '/.well-known/tinfoil-attestation';
const blyss = '/.well-known/appspecific/dev.blyss.enclave/attestation.json';

let machine: Machine;
let nonce: Uint8Array;
const documents: Record<'vitrine' | 'v2' | 'v3' | 'bundle' | 'blyss', Uint8Array> = {} as never;

before(async () => {
  machine = await simulatedMachine();
  nonce = machine.nonce;
  const { keys } = machine;
  const bound = { nonce, keys, attest: machine.snp };
  documents.vitrine = await writeVitrineDocument(bound);
  documents.v3 = await writeTinfoilV3(bound);
  documents.v2 = await writeTinfoilV2(bound);
  documents.blyss = await writeBlyss({ attest: machine.snp, certificate: machine.tlsCertificate });
  documents.bundle = writeTinfoilBundle({
    document: documents.v2,
    domain: 'chat.acme.example',
    digest: new Uint8Array(32),
    sigstoreBundle: machine.bundle,
    certificatePem: formatPemCertificates([parseCertificate(machine.tlsCertificate)]),
  });
});

const absent: Answer = { ok: false, code: 'HTTP_STATUS', message: 'status 404', status: 404 };
const found = (bytes: Uint8Array): Answer => ({ ok: true, bytes });

/** Answers by path; everything else is absent. What was asked stands in `asked`. */
function service(answers: Readonly<Record<string, Answer>>): Source & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    get: ({ kind, url }) => {
      assert.equal(kind, 'endpoint-document');
      asked.push(url.slice(origin.length));
      return Promise.resolve(answers[new URL(url).pathname] ?? absent);
    },
  };
}

describe('a service is asked', () => {
  test('for the native document first, with the nonce', async () => {
    const source = service({ [vitrine]: found(documents.vitrine), [tinfoil]: found(documents.v3) });
    const { presented, documents: answers } = await readEndpoint(source, origin, { nonce });
    assert.equal(presented.dialect, 'vitrine');
    assert.deepEqual(source.asked, [`${vitrine}?nonce=${toHex(nonce)}`]);
    assert.equal(answers.length, 1);
    assert.deepEqual(answers[0]!.request, {
      kind: 'endpoint-document',
      url: `${origin}${vitrine}?nonce=${toHex(nonce)}`,
    });
  });

  test("for Tinfoil's next, whatever version it answers with", async () => {
    for (const [name, form] of [
      ['v3', 'v3'],
      ['v2', 'v2'],
      ['bundle', 'bundle'],
    ] as const) {
      const source = service({ [tinfoil]: found(documents[name]) });
      const { presented, documents: answers } = await readEndpoint(source, `${origin}/`, { nonce });
      assert.equal(`${presented.dialect} ${presented.form}`, `tinfoil ${form}`);
      assert.deepEqual(source.asked, [
        `${vitrine}?nonce=${toHex(nonce)}`,
        `${tinfoil}?nonce=${toHex(nonce)}`,
      ]);
      assert.deepEqual(
        answers.map(({ answer }) => answer.ok),
        [false, true],
      );
    }
  });

  test("for Blyss' last, without a nonce", async () => {
    const gone: Answer = { ok: false, code: 'HTTP_STATUS', message: 'status 410', status: 410 };
    const source = service({ [tinfoil]: gone, [blyss]: found(documents.blyss) });
    const { presented } = await readEndpoint(source, origin, { nonce });
    assert.equal(presented.dialect, 'blyss');
    assert.equal(source.asked[2], blyss);
  });

  test('for nothing but the dialect that is named', async () => {
    for (const [dialect, path, document] of [
      ['vitrine', vitrine, documents.vitrine],
      ['tinfoil', tinfoil, documents.v3],
      ['blyss', blyss, documents.blyss],
    ] as const) {
      const source = service({ [path]: found(document) });
      const { presented } = await readEndpoint(source, origin, { nonce, dialect });
      assert.equal(presented.dialect, dialect);
      assert.equal(source.asked.length, 1);
    }
  });

  test('in vain where it has no document', async () => {
    const source = service({});
    await refused(
      () => readEndpoint(source, origin, { nonce }),
      'DIALECT_UNKNOWN',
      /vitrine.*tinfoil.*blyss/,
    );
    assert.equal(source.asked.length, 3);
  });

  test('in vain where it has no document of the dialect that is named', async () => {
    const source = service({ [vitrine]: found(documents.vitrine) });
    await refused(
      () => readEndpoint(source, origin, { nonce, dialect: 'blyss' }),
      'DIALECT_UNKNOWN',
      /blyss/,
    );
  });
});

describe('the search ends', () => {
  const failures: readonly Extract<Answer, { ok: false }>[] = [
    { ok: false, code: 'TIMEOUT', message: 'no answer' },
    { ok: false, code: 'CONNECTION_RESET', message: 'reset' },
    { ok: false, code: 'CONNECTION_REFUSED', message: 'refused' },
    { ok: false, code: 'TLS_FAILED', message: 'no TLS' },
    { ok: false, code: 'NAME_NOT_RESOLVED', message: 'no name' },
    { ok: false, code: 'CONTENT_TYPE_UNEXPECTED', message: 'text/html' },
    { ok: false, code: 'REDIRECT_REFUSED', message: 'elsewhere' },
    { ok: false, code: 'BODY_TOO_LARGE', message: 'too long' },
    { ok: false, code: 'BODY_TRUNCATED', message: 'too short' },
    { ok: false, code: 'OFFLINE', message: 'offline' },
    { ok: false, code: 'HTTP_STATUS', message: 'status 500', status: 500 },
    { ok: false, code: 'HTTP_STATUS', message: 'status 503', status: 503 },
    { ok: false, code: 'HTTP_STATUS', message: 'status 403', status: 403 },
    { ok: false, code: 'HTTP_STATUS', message: 'status 429', status: 429 },
    { ok: false, code: 'HTTP_STATUS', message: 'some status' },
  ];
  for (const failure of failures)
    test(`with ${failure.code} (${failure.message}): a weaker dialect is not asked instead`, async () => {
      const source = service({ [vitrine]: failure, [tinfoil]: found(documents.v2) });
      await refused(() => readEndpoint(source, origin, { nonce }), failure.code, new RegExp(failure.message));
      assert.equal(source.asked.length, 1);
    });

  test('with a document that is malformed: a weaker dialect is not asked instead', async () => {
    const source = service({
      [vitrine]: found(altered(documents.vitrine, (json) => (json.nonce = ''))),
      [tinfoil]: found(documents.v2),
    });
    await refused(() => readEndpoint(source, origin, { nonce }), 'DOCUMENT_MALFORMED');
    assert.equal(source.asked.length, 1);
  });

  test('with a document of another dialect at its place', () =>
    refused(
      () => readEndpoint(service({ [vitrine]: found(documents.v2) }), origin, { nonce }),
      'DIALECT_UNKNOWN',
      /tinfoil/,
    ));

  test('with a page that is no JSON', () =>
    refused(
      () => readEndpoint(service({ [vitrine]: found(utf8('<html>')) }), origin, { nonce }),
      'DOCUMENT_MALFORMED',
    ));

  test('before it begins where the nonce is too short', () =>
    refused(() => readEndpoint(service({}), origin, { nonce: new Uint8Array(16) }), 'ARGUMENT_INVALID'));

  for (const bad of [
    'chat.acme.example',
    `${origin}/v1`,
    `${origin}?a`,
    'ftp://a',
    'https://user@a.example',
    '',
    'https://',
  ])
    test(`before it begins where the origin is "${bad}"`, () =>
      refused(() => readEndpoint(service({}), bad, { nonce }), 'ARGUMENT_INVALID'));
});

describe('a saved document', () => {
  test('shows by its members what it is', async () => {
    const forms = await Promise.all(
      Object.values(documents).map(async (document) => {
        const { dialect, form } = await parseDocument(document);
        return `${dialect} ${form}`;
      }),
    );
    assert.deepEqual(forms, ['vitrine v1', 'tinfoil v3', 'tinfoil v2', 'blyss v1', 'tinfoil bundle']);
  });

  test('is read as the dialect that is named, or not at all', async () => {
    assert.equal((await parseDocument(documents.v2, { dialect: 'tinfoil' })).form, 'v2');
    await refused(
      () => parseDocument(documents.v2, { dialect: 'vitrine' }),
      'DIALECT_UNKNOWN',
      /vitrine.*tinfoil/,
    );
    await refused(() => parseDocument(documents.vitrine, { dialect: 'blyss' }), 'DIALECT_UNKNOWN');
  });

  for (const text of [
    '{}',
    '[]',
    '"vitrine-evidence/v1"',
    '{"format":1}',
    '{"format":"constructor"}',
    'null',
  ])
    test(`is of no known dialect: ${text}`, () =>
      refused(() => parseDocument(utf8(text)), 'DIALECT_UNKNOWN'));

  test('is malformed where it is no JSON', () =>
    refused(() => parseDocument(utf8('{')), 'DOCUMENT_MALFORMED'));
});
