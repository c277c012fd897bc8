/** The strict defaults, the floors of AMD's TCB and the patterns of refs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SnpProduct } from '@vitrine/evidence';
import { matchesPattern } from '@vitrine/provenance';
import { VerifierError } from '../../src/error.ts';
import {
  builtInTcbFloors,
  defaultPolicy,
  lineOf,
  snpLines,
  tcbFloorOf,
} from '../../src/policy-file/index.ts';

describe('defaultPolicy', () => {
  const policy = defaultPolicy({ repository: 'owner/name' });

  test('accepts both platforms, at VMPL 0, without debugging or migration', () => {
    const { platforms, snp, tdx } = policy.hardware;
    assert.deepEqual(platforms, ['sev-snp', 'tdx']);
    assert.deepEqual(
      [snp.vmpl, snp.allowDebug, snp.allowMigration, tdx.allowDebug],
      [[0], false, false, false],
    );
  });

  test('demands revocation lists, collateral and an up-to-date TCB', () => {
    const { snp, tdx } = policy.hardware;
    assert.deepEqual(
      [snp.requireRevocation, tdx.requireCollateral, tdx.acceptedStatuses, tdx.outOfDateGraceDays],
      [true, true, ['UpToDate'], 0],
    );
  });

  test('demands manifests and binding of GPUs, and says that it does not demand revocation', () => {
    const { requireRims, requireBinding, requireRevocation } = policy.devices;
    assert.deepEqual([requireRims, requireBinding, requireRevocation], [true, true, false]);
  });

  test('takes releases of the repository only, by GitHub, from a tag, on a runner of GitHub', () => {
    assert.deepEqual(policy.code.builders, [
      {
        issuer: 'https://token.actions.githubusercontent.com',
        server: 'https://github.com',
        repository: 'owner/name',
        workflow: null,
        ref: 'refs/tags/*',
        runnerEnvironment: 'github-hosted',
      },
    ]);
    assert.deepEqual(policy.code.predicateTypes, ['https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1']);
    assert.equal(policy.code.allowRollback, false);
  });

  test('names nobody where no repository is given', () => {
    assert.deepEqual(defaultPolicy().code.builders, []);
  });

  test('demands a nonce, pinned images, the attested key, a trusted chain and two operators of logs', () => {
    const { freshness, measurements, channel } = policy;
    assert.equal(freshness.requireNonce, true);
    assert.equal(measurements.requirePinnedImages, true);
    assert.deepEqual([channel.requireAttestedTlsKey, channel.requireTrustedChain], [true, true]);
    assert.deepEqual(channel.ct, { required: true, minimumOperators: 2, requireInclusion: false });
  });

  for (const name of [
    '',
    'owner',
    'owner/',
    '/name',
    'owner/name/more',
    'https://github.com/owner/name',
    'owner/name@v1',
    'owner/*',
    'owner/..',
    'a b/c',
    'owner/name.git',
    'owner/na\nme',
    '-owner/name',
  ])
    test(`a repository ${JSON.stringify(name)} is refused`, () => {
      assert.throws(
        () => defaultPolicy({ repository: name }),
        (error: unknown) => error instanceof VerifierError && error.code === 'ARGUMENT_INVALID',
      );
    });
});

describe('floors of the TCB', () => {
  const policy = defaultPolicy();
  const rows: readonly (readonly [string, SnpProduct, number, number, number, string])[] = [
    ['Milan', 'Milan', 0x19, 0x01, 1, 'Milan'],
    ['Milan-X', 'Milan', 0x19, 0x01, 2, 'Milan-X'],
    ['Genoa', 'Genoa', 0x19, 0x11, 1, 'Genoa'],
    ['Genoa-X', 'Genoa', 0x19, 0x11, 2, 'Genoa-X'],
    ['Bergamo', 'Genoa', 0x19, 0xa0, 2, 'Bergamo'],
    ['an unknown model of Genoa', 'Genoa', 0x19, 0x18, 2, 'Genoa'],
    ['an early stepping of Milan', 'Milan', 0x19, 0x01, 0, 'Milan'],
    ['Turin', 'Turin', 0x1a, 0x02, 1, 'Turin'],
    ['Turin with the stepping of another', 'Turin', 0x1a, 0x11, 2, 'Turin'],
    // Which root signed decides the product; what the report says of its CPU cannot lower the floor to another product's.
    ['Milan that claims the model of Bergamo', 'Milan', 0x19, 0xa0, 2, 'Milan'],
    ['Turin that claims the model of Bergamo', 'Turin', 0x19, 0xa0, 2, 'Turin'],
  ];
  for (const [what, product, family, model, stepping, line] of rows)
    test(`${what}: judged as ${line}`, () => {
      assert.equal(lineOf(product, { family, model, stepping }), line);
      assert.deepEqual(
        tcbFloorOf(policy, product, { family, model, stepping }),
        builtInTcbFloors[line as 'Milan'],
      );
    });

  test('a report that says nothing of its CPU has the highest floor of its product', () => {
    for (const product of ['Milan', 'Genoa', 'Turin'] as const) {
      const floor = tcbFloorOf(policy, product);
      for (const line of snpLines.filter((one) => one.startsWith(product)))
        assert.equal(floor.microcode! >= builtInTcbFloors[line].microcode!, true);
    }
  });

  test('a policy without a floor for the line has the built-in one, and a lower one counts where it is written', () => {
    const { hardware } = policy;
    const bare = { hardware: { ...hardware, snp: { ...hardware.snp, minimumTcb: { Genoa: { snp: 1 } } } } };
    assert.deepEqual(tcbFloorOf(bare, 'Milan'), builtInTcbFloors.Milan);
    assert.deepEqual(tcbFloorOf(bare, 'Genoa'), { bootloader: 7, tee: 0, snp: 1, microcode: 84 });
  });
});

describe('patterns of refs, as docs/policy.md has them', () => {
  const accepted: readonly (readonly [pattern: string, ref: string])[] = [
    ['refs/tags/*', 'refs/tags/v1.0.0'],
    ['refs/tags/v1.*', 'refs/tags/v1.'],
    ['refs/tags/v*.0.*', 'refs/tags/v1.0.0.0.7'],
    ['refs/heads/main', 'refs/heads/main'],
    ['refs/heads/release/*', 'refs/heads/release/1'],
    ['refs/tags/*-*', 'refs/tags/a-b-c'],
    ['refs/tags/a+b', 'refs/tags/a+b'],
  ];
  for (const [pattern, ref] of accepted)
    test(`${pattern} takes ${ref}`, () => assert.equal(matchesPattern(pattern, ref), true));

  const refused: readonly (readonly [pattern: string, ref: string])[] = [
    ['refs/tags/*', 'refs/heads/v1.0.0'],
    ['refs/tags/*', 'refs/tags/a/b'],
    ['refs/tags/*', 'refs/tags'],
    ['refs/tags/*', 'xrefs/tags/v1'],
    ['refs/tags/*', 'refs/heads/refs/tags/v1'],
    ['refs/heads/main', 'refs/heads/main2'],
    ['refs/heads/main', 'refs/heads/xmain'],
    ['refs/heads/main', 'refs/heads/Main'],
    ['refs/tags/v1.*', 'refs/tags/v12'],
    ['refs/tags/v1.0', 'refs/tags/v1x0'],
    ['refs/tags/*-x', 'refs/tags/a-x-y'],
    ['refs/tags/a+', 'refs/tags/aa'],
  ];
  for (const [pattern, ref] of refused)
    test(`${pattern} refuses ${ref}`, () => assert.equal(matchesPattern(pattern, ref), false));

  test('many stars take no time that grows beyond the product of the lengths', () => {
    assert.equal(matchesPattern(`refs/tags/${'*a'.repeat(50)}`, `refs/tags/${'a'.repeat(20_000)}b`), false);
  });
});
