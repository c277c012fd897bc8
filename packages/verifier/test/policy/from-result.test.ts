/** A first policy from what a service shows: what is taken, what is only told, and what a hostile service can do with it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { defaultPolicy, parsePolicy, policyFromResult } from '../../src/policy-file/index.ts';
import {
  type AttestationResult,
  type ResultCheck,
  groupIds,
  groupTitles,
  resultFormat,
} from '../../src/result.ts';

const at = new Date('2026-03-01T12:00:00Z');
const digest = 'ab'.repeat(48);
const root = 'cd'.repeat(32);

const shown: AttestationResult = {
  format: resultFormat,
  verdict: 'verified',
  simulated: false,
  endpoint: 'https://llm.example.org/v1',
  dialect: 'vitrine',
  verifiedAt: '2026-03-01T12:00:00Z',
  validUntil: null,
  policy: { name: 'built-in default', sha256: '' },
  groups: groupIds.map((id) => ({ id, title: groupTitles[id], outcome: 'pass', checks: [] })),
  measurements: {
    platform: 'sev-snp',
    evidence: { launchDigest: digest },
    signed: {},
    recomputed: {},
    fingerprint: null,
  },
  keys: { tlsSpkiSha256: null, tlsCertificateSha256: null, hpkePublicKey: null, others: {} },
  hardware: {
    cpu: 'Genoa',
    tcb: 'bootloader 10, tee 0, snp 27, microcode 86',
    devices: [
      { id: 'GPU-0', architecture: 'GH100', driver: '570.124.06', firmware: '96.00.74.00.1A' },
      { id: 'GPU-1', architecture: 'GH100', driver: '570.124.06', firmware: null },
      { id: 'SWITCH-0', architecture: 'LS10', driver: null, firmware: null },
    ],
  },
  release: {
    repository: 'owner/name',
    tag: 'v1.4.2',
    digest: 'ef'.repeat(32),
    signers: [
      {
        issuer: 'https://token.actions.githubusercontent.com',
        identity: 'https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1.4.2',
        loggedAt: null,
      },
    ],
  },
  modelPacks: [{ name: 'org/model@main', rootHash: root, info: `${root}_4096_x` }],
  trusted: [],
};

const read = (text: string) => parsePolicy(new TextEncoder().encode(text));
const policyOf = (result: AttestationResult) => read(policyFromResult(result, { at }));

function failing(check: {
  readonly [K in keyof ResultCheck]?: ResultCheck[K] | undefined;
}): AttestationResult {
  const full = {
    rule: 'snp.policy.vmpl',
    outcome: 'fail',
    code: 'VMPL_MISMATCH',
    expected: '0',
    found: '1',
    source: 'ABI',
    title: 'The report comes from VMPL 0.',
    required: true,
    evidence: 'document',
    ...check,
  } as ResultCheck;
  const groups = shown.groups.map((group) => (group.id === 'runtime' ? { ...group, checks: [full] } : group));
  return { ...shown, verdict: 'failed', groups };
}

describe('policyFromResult', () => {
  test('takes platform, product and a TCB that is above the built-in floor', async () => {
    const { hardware } = await policyOf(shown);
    assert.deepEqual(hardware.platforms, ['sev-snp']);
    assert.deepEqual(hardware.snp.products, ['Genoa']);
    assert.deepEqual(hardware.snp.minimumTcb.Genoa, { bootloader: 10, tee: 0, snp: 27, microcode: 86 });
  });

  test('does not lower a floor to what is shown, and says so', async () => {
    const old = {
      ...shown,
      hardware: { ...shown.hardware, tcb: 'bootloader 10, tee 0, snp 14, microcode 72' },
    };
    const text = policyFromResult(old, { at });
    const { hardware } = await read(text);
    assert.deepEqual(hardware.snp.minimumTcb.Genoa, { bootloader: 10, tee: 0, snp: 23, microcode: 84 });
    assert.match(text, /# Its snp is BELOW the built-in floor/);
    assert.match(text, /# Its microcode is BELOW the built-in floor/);
    assert.doesNotMatch(text, /# Its bootloader is BELOW/);
  });

  test('takes the workflow that signed, on any tag', async () => {
    const { code } = await policyOf(shown);
    assert.deepEqual(code.builders, [
      {
        issuer: 'https://token.actions.githubusercontent.com',
        server: 'https://github.com',
        repository: 'owner/name',
        workflow: 'release.yml',
        ref: 'refs/tags/*',
        runnerEnvironment: 'github-hosted',
      },
    ]);
  });

  test('takes a branch exactly, and warns of it', async () => {
    const text = policyFromResult(
      signedBy('https://github.com/owner/name/.github/workflows/x.yml@refs/heads/main'),
      { at },
    );
    const { code } = await read(text);
    const [builder] = code.builders;
    assert.equal(builder && 'ref' in builder && builder.ref, 'refs/heads/main');
    assert.match(text, /# owner\/name was built from a branch/);
  });

  test('takes a pipeline of GitLab, and a server of its own that is the issuer', async () => {
    for (const [issuer, runnerEnvironment] of [
      ['https://gitlab.com', 'gitlab-hosted'],
      ['https://gitlab.example.org:8443/git', null],
    ] as const) {
      const { code } = await policyOf(
        signedBy(`${issuer}/group/team/name//ci/release.yml@refs/tags/v1`, issuer),
      );
      assert.deepEqual(code.builders, [
        {
          issuer,
          project: 'group/team/name',
          configuration: 'ci/release.yml',
          ref: 'refs/tags/*',
          runnerEnvironment,
        },
      ]);
    }
  });

  test('takes the server of GitHub Enterprise along', async () => {
    const { code } = await policyOf(
      signedBy(
        'https://github.example.org/owner/name/.github/workflows/x.yml@refs/tags/v1',
        'https://github.example.org/_services/token',
      ),
    );
    const [builder] = code.builders;
    assert.equal(builder && 'server' in builder && builder.server, 'https://github.example.org');
  });

  const strangers = [
    'someone@example.org',
    'https://gitlab.com/group/name//.gitlab-ci.yml@refs/tags/v1',
    'https://github.com/owner/name//.gitlab-ci.yml@refs/heads/*',
    'https://github.com/owner/name',
    'https://github.com/owner/name/.github/workflows/x.yml@refs/heads/*',
    'https://github.com/owner/name/.github/workflows/x.yml@refs/pull/1/merge',
    'https://github.com/owner/../.github/workflows/x.yml@refs/tags/v1',
    'http://github.com/owner/name/.github/workflows/x.yml@refs/tags/v1',
  ];
  for (const identity of strangers)
    test(`does not make a builder of ${identity}`, async () => {
      const text = policyFromResult(signedBy(identity), { at });
      assert.deepEqual((await read(text)).code.builders, []);
      assert.match(text, /# Signed too, but not by a workflow/);
      assert.match(text, /# The service showed no signature of a workflow/);
    });

  test('a host of the longest name gives a name that a policy may have', async () => {
    const label = 'a'.repeat(60);
    const { name, channel } = await policyOf({
      ...shown,
      endpoint: `https://${label}.${label}.${label}.example`,
    });
    assert.equal(name.length, 100);
    assert.deepEqual(channel.domains, [`${label}.${label}.${label}.example`]);
  });

  test('a processor of another line raises the floor of that line', async () => {
    const bergamo = {
      cpu: 'AMD Genoa, Bergamo',
      tcb: 'bootloader 10, tee 0, snp 27, microcode 27',
      devices: [],
    };
    const text = policyFromResult({ ...shown, hardware: bergamo }, { at });
    const { minimumTcb } = (await read(text)).hardware.snp;
    assert.deepEqual(minimumTcb.Bergamo, { bootloader: 10, tee: 0, snp: 27, microcode: 27 });
    assert.deepEqual(minimumTcb.Genoa, { bootloader: 7, tee: 0, snp: 23, microcode: 84 });
    assert.doesNotMatch(text, /BELOW/);
  });

  test('takes GPUs by number and architecture, switches not counted', async () => {
    const { devices } = await policyOf(shown);
    assert.equal(devices.gpus, 2);
    assert.deepEqual(devices.architectures, ['GH100', 'LS10']);
  });

  test('without GPUs none is expected', async () => {
    const { devices } = await policyOf({ ...shown, hardware: { ...shown.hardware, devices: [] } });
    assert.equal(devices.gpus, 0);
    assert.equal(devices.architectures, null);
  });

  test('takes the roots of the models and the host', async () => {
    const { measurements, channel } = await policyOf(shown);
    assert.deepEqual(measurements.modelRoots, [root]);
    assert.deepEqual(channel.domains, ['llm.example.org']);
  });

  test('writes registers as a pin that is commented out, and works when a person takes the comment away', async () => {
    const text = policyFromResult(shown, { at });
    assert.deepEqual((await read(text)).measurements.pinned, []);
    const lines = text.split('\n');
    const pin = lines.findIndex((line) => /^ *# pinned:$/.test(line));
    const end = lines.findIndex((line, index) => index > pin && !/^ *# {3}/.test(line));
    const unpinned = [
      ...lines.slice(0, pin).filter((line) => !/^ *pinned: \[\]$/.test(line)),
      ...lines.slice(pin, end).map((line) => line.replace('# ', '')),
      ...lines.slice(end),
    ];
    const { measurements } = await read(unpinned.join('\n'));
    assert.deepEqual(measurements.pinned, [{ name: 'v1.4.2', registers: { launchDigest: digest } }]);
  });

  test('a TDX pin has every register that was shown', () => {
    const evidence = { mrtd: '11'.repeat(48), rtmr1: '22'.repeat(48), rtmr2: '33'.repeat(48), rtmr9: 'x' };
    const text = policyFromResult(
      { ...shown, measurements: { ...shown.measurements, platform: 'tdx', evidence } },
      { at },
    );
    assert.match(text, /# +mrtd: "1111/);
    assert.match(text, /# +rtmr2: "3333/);
    assert.doesNotMatch(text, /rtmr9/);
  });

  test('says that nothing was judged', () => {
    assert.match(
      policyFromResult(shown, { at }),
      /^# Policy of https:\/\/llm\.example\.org\/v1, written 2026-03-01T12:00:00\.000Z.*\n# NOTHING WAS JUDGED/,
    );
  });

  test('demands what the defaults demand, though the service did not meet it', async () => {
    const text = policyFromResult(failing({}), { at });
    const { hardware, freshness } = await read(text);
    assert.deepEqual(hardware.snp.vmpl, [0]);
    assert.deepEqual(freshness, defaultPolicy().freshness);
    assert.match(text, /# {3}failed: The report comes from VMPL 0\. \(snp\.policy\.vmpl, VMPL_MISMATCH\)/);
    assert.match(text, /the verdict was FAILED/);
  });

  test('names checks that were required and not made, and not those that passed', () => {
    const text = policyFromResult(failing({ outcome: 'not-checked', code: undefined }), { at });
    assert.match(text, /not checked: The report comes from/);
    assert.doesNotMatch(policyFromResult(failing({ outcome: 'pass' }), { at }), /The report comes from/);
    assert.doesNotMatch(
      policyFromResult(failing({ outcome: 'not-checked', required: false }), { at }),
      /The report comes from/,
    );
  });

  test('simulated evidence says SIMULATED in the first line and in the name', async () => {
    const text = policyFromResult({ ...shown, simulated: true }, { at });
    assert.match(text, /^# SIMULATED: /);
    assert.match((await read(text)).name, /^SIMULATED /);
    assert.doesNotMatch(policyFromResult(shown, { at }), /SIMULATED/);
  });

  test('a result without evidence gives the defaults', async () => {
    const nothing: AttestationResult = {
      ...shown,
      verdict: 'not-checked',
      endpoint: 'saved.json',
      measurements: { platform: null, evidence: {}, signed: {}, recomputed: {}, fingerprint: null },
      hardware: { cpu: null, tcb: null, devices: [] },
      release: null,
      modelPacks: [],
    };
    const policy = await policyOf(nothing);
    const expected = defaultPolicy();
    assert.deepEqual({ ...policy, sha256: '', name: expected.name }, expected);
  });

  test('whatever a service shows, the file is a policy that demands no less than the defaults', async () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom(
        'x\nfreshness: {require-nonce: false}',
        '"\n',
        'a\r\nchannel:\n  require-trusted-chain: false',
        '\u2028name: y',
        '*',
        '&a',
        '../..',
        '-',
        '#',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(nasty, { minLength: 14, maxLength: 14 }),
        fc.constantFrom('sev-snp' as const, 'tdx' as const, null),
        async (texts, platform) => {
          const [
            endpoint,
            cpu,
            tcb,
            id,
            architecture,
            driver,
            repository,
            tag,
            issuer,
            identity,
            model,
            rootHash,
            register,
            title,
          ] = texts as [
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
            string,
          ];
          const policy = await policyOf({
            ...failing({ title, code: title }),
            endpoint,
            measurements: {
              platform,
              evidence: { launchDigest: register, mrtd: register },
              signed: {},
              recomputed: {},
              fingerprint: null,
            },
            hardware: { cpu: `Genoa ${cpu}`, tcb, devices: [{ id, architecture, driver, firmware: null }] },
            release: { repository, tag, digest: null, signers: [{ issuer, identity, loggedAt: null }] },
            modelPacks: [{ name: model, rootHash, info: rootHash }],
          });
          const expected = defaultPolicy();
          assert.deepEqual(policy.freshness, expected.freshness);
          assert.deepEqual({ ...policy.channel, domains: null }, expected.channel);
          assert.deepEqual(policy.hardware.tdx, expected.hardware.tdx);
          assert.deepEqual({ ...policy.code, builders: [] }, expected.code);
          assert.deepEqual(policy.measurements.pinned, []);
          for (const [level, least] of Object.entries(expected.hardware.snp.minimumTcb.Genoa!))
            assert.equal(policy.hardware.snp.minimumTcb.Genoa![level as 'snp']! >= least, true);
        },
      ),
      { numRuns: process.env['VITRINE_LONG'] === '1' ? 5000 : 150 },
    );
  });

  function signedBy(
    identity: string,
    issuer = 'https://token.actions.githubusercontent.com',
  ): AttestationResult {
    return { ...shown, release: { ...shown.release!, signers: [{ issuer, identity, loggedAt: null }] } };
  }
});
