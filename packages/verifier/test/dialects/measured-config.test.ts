/** The measured configuration: both forms read, and nothing that two readers could read in two ways. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { readMeasuredConfig } from '../../src/dialects/index.ts';
import { refused } from './refusal.ts';

const root = 'ab'.repeat(32);
const info = `${root}_62578688000_b95cea04-c624-5c05-a8bb-cac9a951e480`;
const digest = `@sha256:${'cd'.repeat(32)}`;

const of2025 = `
cvm-version: 0.3.1
ovmf-version: v0.0.3
shim-version: v0.2.0@sha256:${'ef'.repeat(32)}
cpus: 16
memory: 65536
models:
  - name: "gemma"
    mpk: ${info}
vllm-args: "--max-model-len 8192"
shim:
  domains: [chat.acme.example, "chat2.acme.example"]
  listen-port: 443
  upstream-port: 8080
  paths:
    - /v1/chat/completions
`;
const current = `
# A comment
cvm-version: 0.11.0
cpus: 8
memory: 32768
gpus: 1
networks:
  web: {egress: open}
models:
  - name: gemma
    repo: google/gemma@0123456789012345678901234567890123456789
    mwp: ${info}
  - repo: acme/private@main
    emwp: ${info}
    key-secret: MODEL_KEY
containers:
  - name: app
    image: ghcr.io/acme/app${digest}
    command: ["--port", "8001"]
    healthcheck:
      test: |
        curl -f
        http://localhost
  - name: sidecar
    image: ghcr.io/acme/sidecar:latest
    env:
      - DEBUG: "yes"
shim:
  upstream-port: 8001
  tls-mode: acme
  tls-wildcard: true
  dummy-attestation: false
`;

describe('a measured configuration', () => {
  test('of the form of 2025 gives its facts', () => {
    assert.deepEqual(readMeasuredConfig(utf8(of2025)), {
      cvmVersion: '0.3.1',
      cpus: 16,
      memoryMib: 65536,
      gpus: 0,
      models: [
        {
          name: 'gemma',
          repo: undefined,
          kind: 'mpk',
          info,
          rootHash: root,
          hashOffsetBytes: 62578688000,
          uuid: 'b95cea04-c624-5c05-a8bb-cac9a951e480',
        },
      ],
      containers: [],
      shim: {
        domains: ['chat.acme.example', 'chat2.acme.example'],
        tlsMode: undefined,
        isWildcard: false,
        isOwnSanDomain: false,
        publishesAttestation: true,
      },
      isDummyAttestation: false,
    });
  });

  test('of the current form gives its facts', () => {
    const config = readMeasuredConfig(utf8(current));
    assert.equal(config.gpus, 1);
    assert.deepEqual(
      config.models.map(({ kind, name, repo }) => `${kind} ${name} ${repo?.split('@')[0]}`),
      ['mwp gemma google/gemma', 'emwp undefined acme/private'],
    );
    assert.deepEqual(config.containers, [
      { name: 'app', image: `ghcr.io/acme/app${digest}`, isPinned: true },
      { name: 'sidecar', image: 'ghcr.io/acme/sidecar:latest', isPinned: false },
    ]);
    assert.equal(config.shim.tlsMode, 'acme');
    assert.equal(config.shim.isWildcard, true);
  });

  test('may have lines that end as in a DOS file', () => {
    assert.deepEqual(
      readMeasuredConfig(utf8(current.replaceAll('\n', '\r\n'))),
      readMeasuredConfig(utf8(current)),
    );
  });

  test('says that attestation is a dummy', () => {
    const config = readMeasuredConfig(
      utf8(current.replace('dummy-attestation: false', 'dummy-attestation: true')),
    );
    assert.equal(config.isDummyAttestation, true);
  });

  test('without models and containers has none, also where their keys are empty', () => {
    const { models, containers, gpus } = readMeasuredConfig(
      utf8('cpus: 2\nmemory: 8192\nmodels:\ncontainers: ~\ngpus: null\nshim:\n'),
    );
    assert.deepEqual([models, containers, gpus], [[], [], 0]);
  });

  for (const [image, isPinned] of [
    [`a/b${digest}`, true],
    [`a/b:v1${digest}`, true],
    ['a/b:v1', false],
    [`a/b${digest}0`, false],
    [`a/b@sha256:${'CD'.repeat(32)}`, false],
    [`a/b@sha512:${'cd'.repeat(32)}`, false],
    [digest, false],
  ] as const)
    test(`has an image ${image.slice(0, 20)} that is ${isPinned ? '' : 'not '}pinned`, () => {
      const { containers } = readMeasuredConfig(
        utf8(`cpus: 2\nmemory: 8192\ncontainers:\n  - {name: a, image: "${image}"}\n`),
      );
      assert.equal(containers[0]!.isPinned, isPinned);
    });
});

const base = 'cpus: 2\nmemory: 8192\n';
const refusals: readonly [name: string, yaml: string | Uint8Array, about?: RegExp][] = [
  ['no processors', 'memory: 8192\n', /cpus/],
  ['processors as a text', 'cpus: "2"\nmemory: 8192\n', /cpus/],
  ['processors in hexadecimal', 'cpus: 0x10\nmemory: 8192\n', /cpus/],
  ['processors in octal', 'cpus: 010\nmemory: 8192\n', /cpus/],
  ['processors with an underscore', 'cpus: 1_0\nmemory: 8192\n', /cpus/],
  ['half a processor', 'cpus: 2.5\nmemory: 8192\n', /cpus/],
  ['no memory', 'cpus: 2\n', /memory/],
  ['memory with a unit', 'cpus: 2\nmemory: 8GiB\n', /memory/],
  ['a negative number of GPUs', `${base}gpus: -1\n`, /gpus/],
  ['GPUs as a word', `${base}gpus: all\n`, /gpus/],
  ['a flag that is yes', `${base}shim: {dummy-attestation: yes}\n`, /true or false/],
  ['a flag that is on', `${base}shim: {dummy-attestation: on}\n`, /true or false/],
  ['a flag in capitals', `${base}shim: {dummy-attestation: True}\n`, /true or false/],
  ['a flag as a text', `${base}shim: {dummy-attestation: "true"}\n`, /true or false/],
  ['a flag that is a number', `${base}shim: {dummy-attestation: 1}\n`, /true or false/],
  ['a key twice', `${base}cpus: 4\n`, /twice/],
  ['a key twice, once in quotes', `${base}"cpus": 4\n`, /twice/],
  ['a key twice further in', `${base}shim: {a: 1, a: 2}\n`, /twice/],
  ['an anchor', `${base}x: &a 1\n`, /anchor/],
  ['an alias', `${base}x: &a 1\ny: *a\n`, /anchor/],
  ['an alias as key', `${base}x: &a b\n*a : 1\n`, /anchor/],
  ['a merge key', `${base}shim:\n  <<: {dummy-attestation: true}\n`, /merge/],
  ['a merge key in quotes', `${base}shim:\n  "<<": {dummy-attestation: true}\n`, /merge/],
  ['a next-line sign, which ends a comment for some readers', `${base}# a\u0085gpus: 8\n`, /U\+0085/],
  ['a line separator', `${base}# a\u2028gpus: 8\n`, /U\+2028/],
  ['a paragraph separator', `${base}# a\u2029gpus: 8\n`, /U\+2029/],
  ['a carriage return alone', `${base}# a\rgpus: 8\n`, /U\+000D/],
  ['a byte order mark', `\ufeff${base}`, /U\+FEFF/],
  ['a NUL', `${base}# \0\n`, /U\+0000/],
  ['a tag', `${base}x: !!str 1\n`, /tag/],
  ['a tag of its own', `${base}x: !evil 1\n`],
  ['a directive', `%YAML 1.1\n---\n${base}`, /directives/],
  ['a second document', `${base}---\n${base}`, /second/],
  ['a list at the top', '- cpus: 2\n', /map/],
  ['nothing', '', /map/],
  ['a map as key', `${base}{a: 1}: 2\n`, /keys/],
  ['a tab for indentation', 'cpus: 2\nmemory: 8192\nshim:\n\ta: 1\n'],
  ['an open quote', `${base}x: "a\n`],
  ['65 levels of nesting', `${base}x: ${'['.repeat(65)}${']'.repeat(65)}\n`, /nesting/],
  ['100000 levels of nesting', `${base}x: ${'['.repeat(100_000)}`, /nesting/],
  ['more values than the limit', `${base}x: [${'1,'.repeat(16_400)}1]\n`, /16384 values/],
  ['more than 1 MiB', utf8(`${base}#${'x'.repeat(1024 * 1024)}\n`), /1048576/],
  ['bytes that are no UTF-8', Uint8Array.of(0x61, 0x3a, 0x20, 0xff)],
  ['models that are a map', `${base}models: {a: 1}\n`, /models/],
  ['a model that is a word', `${base}models: [gemma]\n`, /models/],
  ['a model without a pack', `${base}models: [{name: a}]\n`, /none/],
  ['a model with two packs', `${base}models: [{mpk: ${info}, mwp: ${info}}]\n`, /mpk and mwp/],
  ['a root hash in upper case', `${base}models: [{mpk: ${info.toUpperCase()}}]\n`, /ROOT_OFFSET_UUID/],
  [
    'an offset between blocks',
    `${base}models: [{mpk: ${info.replace('_62578688000_', '_62578688001_')}}]\n`,
    /whole blocks/,
  ],
  [
    'an offset of nothing',
    `${base}models: [{mpk: ${info.replace('_62578688000_', '_0_')}}]\n`,
    /whole blocks/,
  ],
  ['a pack without a UUID', `${base}models: [{mpk: ${root}_4096}]\n`, /ROOT_OFFSET_UUID/],
  ['65 models', `${base}models: [${`{mpk: ${info}},`.repeat(65)}]\n`, /64/],
  ['a container without an image', `${base}containers: [{name: a}]\n`, /image/],
  ['a name of 4097 signs', `${base}containers: [{name: ${'a'.repeat(4097)}, image: b}]\n`, /4096/],
  ['comments without end', `${base}${'# a\n'.repeat(100_000)}`, /words and signs/],
  ['an empty key', `${base}: 1\n`, /key/],
  ['a question mark for a key', `${base}?\n: 1\n`, /key/],
  ['a container without a name', `${base}containers: [{image: a}]\n`, /name/],
  ['an image that is a list', `${base}containers: [{name: a, image: [b]}]\n`, /image/],
  ['a domain that is a map', `${base}shim: {domains: [{a: b}]}\n`, /domains/],
];

describe('a measured configuration is refused with', () => {
  for (const [name, yaml, about] of refusals)
    test(name, () =>
      refused(
        () => readMeasuredConfig(typeof yaml === 'string' ? utf8(yaml) : yaml),
        'DOCUMENT_MALFORMED',
        about,
      ),
    );
});
