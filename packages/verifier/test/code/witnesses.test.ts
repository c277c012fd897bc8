/** Statements of witnesses that are not judged are shown as that, and never as a proof. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import { defaultPolicy } from '@vitrine/verifier';
import { checkCode } from '../../src/code/code.ts';
import type { Context } from '../../src/context.ts';

const bundle = utf8('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}');

async function witnessesOf(freshnessBundles: readonly Uint8Array[] | undefined) {
  const release = {
    digest: '5b'.repeat(32),
    bundles: [bundle],
    platformBundles: [],
    ...(freshnessBundles ? { freshnessBundles } : {}),
  };
  const context: Partial<Context> = {
    policy: defaultPolicy({ repository: 'acme/chat' }),
    presented: { dialect: 'tinfoil', form: 'v3', release } as unknown as Context['presented'],
    sigstoreKeys: () => Promise.resolve({ roots: [], checks: [] }),
    now: new Date('2026-11-25T12:00:00Z'),
    repository: null,
    memory: null,
  };
  const { checks } = await checkCode(context as Context);
  return checks.filter(({ rule }) => rule === 'code.witnesses');
}

test('what witnesses say is not checked, and says so', async () => {
  const [check, ...others] = await witnessesOf([bundle, bundle]);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [check?.outcome, check?.required, check?.code],
    ['not-checked', false, 'WITNESS_NOT_JUDGED'],
  );
  assert.match(check?.reason ?? '', /2 statements of witnesses, which this verifier does not judge/);
});

test('where there are none, nothing is said', async () => {
  assert.deepEqual(await witnessesOf(undefined), []);
  assert.deepEqual(await witnessesOf([]), []);
});
