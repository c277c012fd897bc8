/** docs/attestation-result.md names every rule and every code of the code, and none besides. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const repository = new URL('../../../../', import.meta.url).pathname;
const document = read('docs/attestation-result.md');
const threats = read('docs/threat-model.md');

function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

function sources(...patterns: string[]): string {
  return globSync(patterns, { cwd: repository })
    .filter((path) => !path.endsWith('.test.ts'))
    .map(read)
    .join('\n');
}

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1]!))].sort();
}

const CODE = /'([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)'/g;
const named = (text: string): Set<string> => new Set(text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g));

/** Where checks of a result are made. */
const groups = sources(
  'packages/verifier/src/{runtime,code,consistency,channel}/*.ts',
  'packages/verifier/src/memory/rollback.ts',
  'packages/verifier/src/dialects/blyss/cmdline.ts',
  'packages/verifier/src/verify*.ts',
);
const errors = sources('packages/verifier/src/error.ts');

/** Unions of codes of the packages below. */
const unions = sources(
  'packages/evidence/src/{snp,tdx,nvidia}/error.ts',
  'packages/provenance/src/{sigstore,ct}/error.ts',
  'packages/x509/src/error.ts',
  'packages/bytes/src/error.ts',
);
/** Of NVIDIA's attestation service, of vTPMs and of certificate tables: evidence that no dialect carries. */
const elsewhere =
  /^(EAT_|VTPM_|HCL_|RUNTIME_DATA_|CERTIFICATE_TABLE_|GPU_REVOCATION_UNKNOWN|GPU_FEATURE_|GPU_PROTECTED_)/;

describe('docs/attestation-result.md', () => {
  test('names every rule of every group', () => {
    const rules = matches(groups, /['"`]((?:runtime|code|consistency|channel)\.[a-z.${}-]+)/g)
      .filter((rule) => rule !== 'code.builders')
      .map((rule) => rule.replace(/\$\{(?:device\.)?id\}/, 'ID'));
    assert.ok(rules.length > 25, rules.join());
    for (const rule of rules) assert.ok(document.includes(`\`${rule}\``), rule);
  });

  test('names every code that the groups give, and every code of the errors', () => {
    const codes = named(document);
    for (const code of [...matches(groups, CODE), ...matches(errors, CODE)]) assert.ok(codes.has(code), code);
  });

  test('names every code of the packages below that evidence of a dialect can have', () => {
    const codes = matches(unions, CODE).filter((code) => !elsewhere.test(code));
    assert.ok(codes.length > 150, String(codes.length));
    for (const code of codes) assert.ok(named(document).has(code), code);
  });

  for (const [name, text] of Object.entries({
    'attestation-result.md': document,
    'threat-model.md': threats,
  }))
    test(`names no code that there is none (${name})`, () => {
      const all = sources('packages/{bytes,x509,evidence,provenance,measure,verifier,cli}/src/**/*.ts');
      const known = new Set(all.match(/[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+/g));
      // Names of bits, and of other things than codes.
      const composed = /^(GUEST_POLICY|PLATFORM_INFO)_|^ROOT_OFFSET_UUID$|^HOST_DATA$|^SEV_FEATURES$/;
      for (const code of named(text)) assert.ok(known.has(code) || composed.test(code), code);
    });

  test('names no rule that there is none, nor does the threat model', () => {
    const rules = matches(groups, /['"`]((?:runtime|code|consistency|channel)\.[a-z.${}-]+)/g).map((rule) =>
      rule.replace(/\$\{(?:device\.)?id\}/, 'ID'),
    );
    const documents = ['runtime', 'code', 'consistency', 'channel'].map((id) => `${id}.document`);
    const known = new Set([...rules, ...documents]);
    for (const text of [document, threats])
      for (const rule of matches(text, /`((?:runtime|code|consistency|channel)\.[A-Za-z.-]+)`/g))
        assert.ok(known.has(rule), rule);
  });

  test('says which policy keys drive what, by names that the policy has', () => {
    const policy = read('docs/policy.md');
    for (const key of matches(document, /`((?:require|maximum|minimum|allow)-[a-z-]+)`/g))
      assert.ok(policy.includes(key), key);
  });
});
