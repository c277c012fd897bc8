/** Several builders: who counts, how often, whose statement is gone by, and what a service can do with the list it shows. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { utf8 } from '@vitrine/bytes';
import type { SigningIdentity } from '@vitrine/simtee';
import type { AttestationResult, ResultCheck } from '../../src/index.ts';
import { authenticateAll } from '../../src/code/bundles.ts';
import type { Release, ReleaseRequest } from '../end-to-end/release.ts';
import { honestScene } from '../end-to-end/scene.ts';
import { type World, createWorld } from '../end-to-end/world.ts';
import { anchorsOf, gather } from '../result/gathered.ts';

const DAY_MS = 86_400_000;
const garbage = utf8('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}');
const run = (repository: string, ref = 'refs/tags/v1.2.0', workflow?: string): SigningIdentity => ({
  repository,
  ref,
  ...(workflow === undefined ? {} : { workflow: `.github/workflows/${workflow}` }),
});

let world: World;
/** The release, and the same deployment file signed by others. */
let acme: Release;
let bob: Release;
let carol: Release;
before(async () => {
  world = await createWorld({ now: new Date('2026-03-02T00:00:00Z') });
  acme = world.release;
  bob = await signed(run('bob/build'));
  carol = await signed(run('carol/build'));
});

function signed(identity: SigningIdentity, request: Partial<ReleaseRequest> = {}): Promise<Release> {
  return world.issueRelease({ identity, ...request });
}

/** The same digest, another command line. */
const otherwise = (identity: SigningIdentity) =>
  signed(identity, { extraWords: 'quiet', subject: acme.digest });

function policyOf(threshold: number, ...repositories: readonly string[]): string {
  const builders = repositories.map((repository) => `    - repository: ${repository}\n`).join('');
  return `version: 1\nname: ${threshold} of ${repositories.length}\ncode:\n  threshold: ${threshold}\n  builders:\n${builders}`;
}

async function resultOf(
  policy: string,
  releases: readonly (Release | Uint8Array)[],
): Promise<AttestationResult> {
  const bundles = releases.map((one) => (one instanceof Uint8Array ? one : one.bundle));
  const scene = { ...honestScene(world), release: { ...acme, bundles } };
  return (await gather({ world, scene, policy })).result;
}

function checkOf({ groups }: AttestationResult, rule: string): ResultCheck {
  return groups.flatMap(({ checks }) => checks).find((check) => check.rule === rule)!;
}

async function codeOf(policy: string, releases: readonly (Release | Uint8Array)[], rule = 'code.builder') {
  return checkOf(await resultOf(policy, releases), rule).code;
}

const all = ['acme/chat', 'bob/build', 'carol/build'];

describe('so many builders', () => {
  test('two of three are two, in any order and with garbage among them', async () => {
    for (const shown of [
      [acme, bob],
      [bob, garbage, acme],
      [garbage, carol, acme],
    ]) {
      const result = await resultOf(policyOf(2, ...all), shown);
      assert.equal(checkOf(result, 'code.builder').outcome, 'pass');
      assert.equal(result.verdict, 'verified');
    }
  });

  test('one of three is not two, and two are not three', async () => {
    assert.equal(await codeOf(policyOf(2, ...all), [acme]), 'BUILDERS_TOO_FEW');
    assert.equal(await codeOf(policyOf(3, ...all), [acme, carol]), 'BUILDERS_TOO_FEW');
  });

  test('the same bundle again counts for nothing', async () => {
    const shown = Array.from({ length: 8 }, () => acme);
    assert.equal(await codeOf(policyOf(2, ...all), shown), 'BUILDERS_TOO_FEW');
  });

  test('one repository counts once: signed again, on another tag, from another file', async () => {
    const again = await signed(run('acme/chat'), { at: new Date(world.now.getTime() - DAY_MS) });
    const tagged = await signed(run('acme/chat', 'refs/tags/v9'));
    const other = await signed(run('acme/chat', 'refs/tags/v1.2.0', 'other.yml'));
    assert.equal(await codeOf(policyOf(2, ...all), [acme, again, tagged, other]), 'BUILDERS_TOO_FEW');
  });

  test('a stranger counts for nothing, and does no harm', async () => {
    const mallory = await signed(run('mallory/build'));
    assert.equal(await codeOf(policyOf(2, ...all), [mallory, acme]), 'BUILDERS_TOO_FEW');
    assert.equal(await codeOf(policyOf(2, ...all), [mallory, acme, bob]), undefined);
  });

  test('a signature over another digest counts for nothing', async () => {
    const other = await signed(run('bob/build'), { subject: new Uint8Array(32).fill(7) });
    assert.equal(await codeOf(policyOf(2, ...all), [acme, other]), 'BUILDERS_TOO_FEW');
  });

  test('builders that say different things of one digest are none', async () => {
    const other = await otherwise(run('bob/build'));
    for (const shown of [
      [acme, other],
      [other, acme],
      [acme, carol, other],
    ])
      assert.equal(await codeOf(policyOf(2, ...all), shown), 'BUILDERS_DISAGREE');
  });
});

describe('one builder of several', () => {
  test('the statement of the first that the policy names is gone by, whatever the order it is shown in', async () => {
    for (const shown of [
      [bob, carol, acme],
      [acme, bob, carol],
      [carol, acme, bob],
    ]) {
      const result = await resultOf(policyOf(1, ...all), shown);
      assert.deepEqual(
        result.release?.signers.map(({ identity }) => /com\/([a-z]+)/.exec(identity)![1]),
        ['acme', 'bob', 'carol'],
      );
      assert.match(
        checkOf(result, 'code.builder').found,
        /^https:\/\/github\.com\/acme\/.*signed as well by/,
      );
      assert.equal(result.verdict, 'verified');
    }
  });

  test('of one builder the latest signature is gone by', async () => {
    const latest = new Date(world.now.getTime() - DAY_MS);
    const again = await signed(run('acme/chat', 'refs/tags/v1.2.0', 'other.yml'), { at: latest });
    for (const shown of [
      [acme, again],
      [again, acme],
    ]) {
      const result = await resultOf(policyOf(1, 'acme/chat'), shown);
      assert.equal(result.release?.signers[0]?.loggedAt?.slice(0, 10), latest.toISOString().slice(0, 10));
    }
  });

  test('another that says otherwise is told, and changes nothing', async () => {
    const other = await otherwise(run('bob/build'));
    for (const shown of [
      [acme, other],
      [other, acme],
    ]) {
      const result = await resultOf(policyOf(1, ...all), shown);
      const { outcome, details } = checkOf(result, 'code.builder');
      assert.equal(outcome, 'pass');
      const agreement = details.find(({ rule }) => rule === 'policy.code.agreement');
      assert.equal(agreement?.outcome, 'not-checked');
      assert.match(agreement.reason ?? '', /acme\/chat.* is gone by.*bob\/build.* signed otherwise/);
      assert.equal(result.verdict, 'verified');
    }
  });

  test('nobody of them: the failure is that of the signature that comes nearest', async () => {
    const branch = await signed(run('bob/build', 'refs/heads/main'));
    const mallory = await signed(run('mallory/build', 'refs/heads/main'));
    for (const shown of [
      [mallory, branch],
      [branch, mallory],
    ])
      assert.equal(await codeOf(policyOf(1, ...all), shown), 'WORKFLOW_REF_PREFIX_MISMATCH');
  });
});

describe('the list of bundles', () => {
  test('of garbage alone is refused', async () => {
    assert.equal(
      await codeOf(policyOf(1, 'acme/chat'), [garbage, garbage], 'code.signature'),
      'BUNDLE_MALFORMED',
    );
  });

  test('has no place that is not looked at, and each once', async () => {
    const anchors = await anchorsOf(world);
    const noise = Array.from({ length: 40 }, (_, at) => utf8(`{"noise":${at}}`));
    const { authentic, refusals } = await authenticateAll(
      [...noise, acme.bundle, acme.bundle, noise[0]!],
      anchors.sigstore,
      world.now,
    );
    assert.equal(authentic.length, 1);
    assert.equal(refusals.length, 40);
  });
});

describe('the deployment file', () => {
  test('must say what was signed of its digest', async () => {
    const other = await otherwise(run('acme/chat'));
    const result = await resultOf(policyOf(1, 'acme/chat'), [other]);
    const { code, found, outcome } = checkOf(result, 'code.subject');
    assert.deepEqual(
      [outcome, code, found],
      ['fail', 'DEPLOYMENT_MISMATCH', 'another snpMeasurement, cmdline'],
    );
    assert.equal(checkOf(result, 'code.rollback').outcome, 'not-checked');
    assert.deepEqual(result.measurements.signed, {});
  });

  test('that is none is refused, though its digest was signed', async () => {
    const deployment = utf8('{"cmdline":"readonly=on"}');
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', deployment));
    const release = { ...(await signed(run('acme/chat'), { subject: digest })), deployment };
    const scene = { ...honestScene(world), release };
    const { result } = await gather({ world, scene, policy: policyOf(1, 'acme/chat') });
    assert.equal(checkOf(result, 'code.subject').code, 'DEPLOYMENT_MISMATCH');
  });
});
