/** A written policy reads back, whatever the policy. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VerifierError } from '../../src/error.ts';
import type { BuilderPolicy, VerificationPolicy } from '../../src/policy.ts';
import {
  defaultPolicy,
  explainPolicy,
  formatPolicy,
  parsePolicy,
  policySchema,
} from '../../src/policy-file/index.ts';
import { parseYamlTree } from '../../src/policy-file/yaml-tree.ts';
import { isValid, jsonOf } from './json-schema.ts';
import { policies } from './policies.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const runs = process.env['VITRINE_LONG'] === '1' ? 5000 : 200;

/** The generator's objects have no prototype. */
const plain = (policy: VerificationPolicy): unknown => JSON.parse(JSON.stringify(policy));

describe('formatPolicy', () => {
  test('any policy is written so that it reads back equal, but for the hash of the file', async () => {
    await fc.assert(
      fc.asyncProperty(policies, async (policy) => {
        const again = await parsePolicy(utf8(formatPolicy(policy)));
        assert.deepEqual({ ...again, sha256: '' }, plain(policy));
      }),
      { numRuns: runs },
    );
  });

  test('any written policy is valid by the JSON Schema', () => {
    const schema = policySchema();
    fc.assert(
      fc.property(policies, (policy) => isValid(jsonOf(parseYamlTree(utf8(formatPolicy(policy)))), schema)),
      { numRuns: runs },
    );
  });

  test('every key has its comment above it', () => {
    const lines = formatPolicy(defaultPolicy({ repository: 'owner/name' })).split('\n');
    const bare = lines.filter(
      (line, at) =>
        /^ *(- )?[a-z-]+:/.test(line) && !line.includes('{ ') && !/^ *(- )?# /.test(lines[at - 1]!),
    );
    assert.deepEqual(bare, []);
  });

  test('a policy that leaves floors to the built-in ones is written with them', async () => {
    const policy = defaultPolicy();
    const bare = {
      ...policy,
      hardware: { ...policy.hardware, snp: { ...policy.hardware.snp, minimumTcb: { Genoa: { snp: 27 } } } },
    };
    const { hardware } = await parsePolicy(utf8(formatPolicy(bare)));
    assert.deepEqual(hardware.snp.minimumTcb, {
      ...policy.hardware.snp.minimumTcb,
      Genoa: { ...policy.hardware.snp.minimumTcb.Genoa, snp: 27 },
    });
  });

  test('a pinned register that a file cannot hold is refused, not left out', () => {
    const policy = defaultPolicy();
    const pinned = [{ name: 'x', registers: { launchDigest: 'ab'.repeat(48), rtmr4: 'cd'.repeat(48) } }];
    assert.throws(
      () => formatPolicy({ ...policy, measurements: { ...policy.measurements, pinned } }),
      (error: unknown) => error instanceof VerifierError && error.code === 'ARGUMENT_INVALID',
    );
  });

  test('a line break in a header or a note stays in its comment', async () => {
    const policy = defaultPolicy();
    const text = formatPolicy(policy, {
      header: ['harmless\nfreshness: {require-nonce: false}', 'x\u2028y\u0085z'],
      notes: { 'devices.gpus': ['a\rname: other'] },
    });
    assert.deepEqual({ ...(await parsePolicy(utf8(text))), sha256: '' }, policy);
  });
});

describe('explainPolicy', () => {
  test('any policy is explained in sentences of one printable line', () => {
    fc.assert(
      fc.property(policies, (policy) => {
        for (const sentence of explainPolicy(policy)) assert.match(sentence, /^[A-Z][^\n\r]*\.$/);
      }),
      { numRuns: runs },
    );
  });

  test('the sentences come in the order of a result: runtime, code, consistency, channel', () => {
    const subjects = explainPolicy(defaultPolicy({ repository: 'a/b' })).map((one) => one.split(':')[0]!);
    const order = ['SEV-SNP', 'TDX', 'GPUs', 'Freshness', 'Code', 'Measurement', 'Connection'];
    const first = order.map((subject) => subjects.indexOf(subject));
    assert.deepEqual(
      first,
      [...first].sort((a, b) => a - b),
    );
  });

  const strict = defaultPolicy({ repository: 'owner/name' });
  const changes: readonly (readonly [what: string, policy: VerificationPolicy, says: RegExp])[] = [
    [
      'debugging',
      changed('hardware', { snp: { ...strict.hardware.snp, allowDebug: true } }),
      /DEBUGGING IS ALLOWED/,
    ],
    [
      'migration',
      changed('hardware', { snp: { ...strict.hardware.snp, allowMigration: true } }),
      /may move the VM/,
    ],
    [
      'VMPL 1',
      changed('hardware', { snp: { ...strict.hardware.snp, vmpl: [0, 1] } }),
      /level 0 or 1 .*trusted too/,
    ],
    [
      'no hyperthreading',
      changed('hardware', { snp: { ...strict.hardware.snp, allowSmt: false } }),
      /hyperthreading must be forbidden/,
    ],
    [
      'no revocation',
      changed('hardware', { snp: { ...strict.hardware.snp, requireRevocation: false } }),
      /revocation list is not required/,
    ],
    ['one platform', changed('hardware', { platforms: ['tdx'] }), /confidential VM of Intel TDX\./],
    [
      'grace',
      changed('hardware', { tdx: { ...strict.hardware.tdx, outOfDateGraceDays: 1 } }),
      /passes for one day/,
    ],
    [
      'no collateral',
      changed('hardware', { tdx: { ...strict.hardware.tdx, requireCollateral: false } }),
      /TCB info and revocation lists are not required/,
    ],
    ['no GPU', changed('devices', { gpus: 0 }), /none is expected/],
    ['one GPU', changed('devices', { gpus: 1 }), /exactly one/],
    ['no RIMs', changed('devices', { requireRims: false }), /it is not required that firmware and driver/],
    ['no binding', changed('devices', { requireBinding: false }), /may have been taken elsewhere/],
    ['nobody named', changed('code', { builders: [] }), /who built the code is not checked/],
    ['rollback', changed('code', { allowRollback: true }), /older release than one seen before is accepted/],
    ['age of a release', changed('code', { maximumAgeDays: 30 }), /more than 30 days ago/],
    [
      'a pin',
      changed('measurements', { pinned: [{ name: 'mine', registers: { launchDigest: 'ab'.repeat(48) } }] }),
      /pinned is mine \(launchDigest abab/,
    ],
    ['no models', changed('measurements', { modelRoots: [] }), /Models: none may be attached/],
    ['images by tag', changed('measurements', { requirePinnedImages: false }), /need not be named by digest/],
    [
      'known platforms',
      changed('measurements', { hardware: [{ id: 'h200', mrtd: '', rtmr0: '' }] }),
      /must be those of h200/,
    ],
    ['no nonce', changed('freshness', { requireNonce: false }), /a recording of an earlier day would pass/],
    ['age of a proof', changed('freshness', { maximumProofAgeSeconds: 7200 }), /older than 2 hours/],
    [
      'domains',
      changed('channel', { domains: ['a.example', 'b.example'] }),
      /must be for a\.example or b\.example/,
    ],
    [
      'another TLS key',
      changed('channel', { requireAttestedTlsKey: false }),
      /somebody else may be at the other end/,
    ],
    [
      'no chain',
      changed('channel', { requireTrustedChain: false }),
      /not required that the certificate leads/,
    ],
    [
      'no transparency',
      changed('channel', { ct: { required: false, minimumOperators: 0, requireInclusion: false } }),
      /not required that the certificate is in public logs/,
    ],
    [
      'inclusion',
      changed('channel', { ct: { required: true, minimumOperators: 1, requireInclusion: true } }),
      /also have proved/,
    ],
  ];
  for (const [what, policy, says] of changes)
    test(`${what}: the strict default does not say so, and the policy with it does`, () => {
      assert.doesNotMatch(explainPolicy(strict).join('\n'), says);
      assert.match(explainPolicy(policy).join('\n'), says);
    });

  function changed<K extends 'hardware' | 'devices' | 'code' | 'measurements' | 'freshness' | 'channel'>(
    group: K,
    change: Partial<VerificationPolicy[K]>,
  ): VerificationPolicy {
    return { ...strict, [group]: { ...strict[group], ...change } };
  }

  test('a pin beside builders does not take the place of their signature', () => {
    const pinned = [{ name: 'mine', registers: { launchDigest: 'ab'.repeat(48) } }];
    const both = changed('measurements', { pinned });
    assert.match(explainPolicy(both).join('\n'), /the signature is required as well/);
    const alone = { ...both, code: { ...both.code, builders: [] } };
    assert.match(explainPolicy(alone).join('\n'), /no signature is required/);
  });

  test('neither pin nor builder: the sentences say that nothing is demanded of what runs', () => {
    assert.match(explainPolicy(changed('code', { builders: [] })).join('\n'), /nothing says what must run/);
  });

  const said: readonly (readonly [BuilderPolicy, RegExp])[] = [
    [
      {
        issuer: 'https://gitlab.com',
        project: 'group/team/name',
        configuration: '.gitlab-ci.yml',
        ref: 'refs/tags/v*',
        runnerEnvironment: 'gitlab-hosted',
      },
      /signed by the pipeline \.gitlab-ci\.yml of the GitLab project group\/team\/name, run on a tag that matches v\*, on a gitlab-hosted runner, as GitLab\.com says\.$/,
    ],
    [
      {
        issuer: 'https://gitlab.example.org',
        project: 'group/name',
        configuration: null,
        ref: 'refs/tags/*',
        runnerEnvironment: 'self-hosted',
      },
      /any pipeline of the GitLab project https:\/\/gitlab\.example\.org\/group\/name, run on a tag, on a self-hosted runner, as https:\/\/gitlab\.example\.org says\.$/,
    ],
    [
      {
        issuer: 'https://github.example.org/_services/token',
        server: 'https://github.example.org',
        repository: 'a/b',
        workflow: 'release.yml',
        ref: 'refs/heads/main',
        runnerEnvironment: null,
      },
      /the workflow release\.yml of https:\/\/github\.example\.org\/a\/b, run on the branch main, on any runner/,
    ],
    [
      { issuer: 'https://accounts.google.com', subject: 'me@example.org' },
      /signed by me@example\.org, exactly, as https:\/\/accounts\.google\.com says\.$/,
    ],
  ];
  for (const [builder, sentence] of said)
    test(`a builder in words: ${sentence.source.slice(0, 60)}`, () => {
      const text = explainPolicy(changed('code', { builders: [builder] }));
      assert.ok(
        text.some((line) => sentence.test(line)),
        text.join('\n'),
      );
    });

  test('two of three builders are named one by one', () => {
    const [builder] = strict.code.builders;
    const builders = ['a/b', 'c/d', 'e/f'].map((repository) => ({
      ...builder!,
      repository,
      ref: 'refs/heads/main',
    }));
    const text = explainPolicy(changed('code', { builders, threshold: 2 })).join('\n');
    assert.match(text, /at least 2 of the following 3/);
    assert.match(
      text,
      /any workflow of c\/d, run on the branch main, on a github-hosted runner, as GitHub Actions says counts/,
    );
  });
});
