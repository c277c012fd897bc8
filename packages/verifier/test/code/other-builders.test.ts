/** Releases that GitLab, GitHub Enterprise or a person built and signed, by a policy file, and those who look like them. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { SigningIdentity } from '@vitrine/simtee';
import type { AttestationResult, ResultCheck } from '../../src/index.ts';
import { honestScene } from '../end-to-end/scene.ts';
import { type World, createWorld } from '../end-to-end/world.ts';
import { gather } from '../result/gathered.ts';

let world: World;
before(async () => {
  world = await createWorld({ now: new Date('2026-03-02T00:00:00Z') });
});

const policyOf = (builder: string, rest = '') =>
  `version: 1\nname: another builder\ncode:\n  builders:\n    - ${builder.trim().split('\n').join('\n      ')}\n${rest}`;

async function resultOf(policy: string, identity: SigningIdentity): Promise<AttestationResult> {
  const scene = { ...honestScene(world), release: await world.issueRelease({ identity }) };
  return (await gather({ world, scene, policy })).result;
}

function checkOf({ groups }: AttestationResult, rule: string): ResultCheck {
  return groups.flatMap(({ checks }) => checks).find((check) => check.rule === rule)!;
}

const gitlab = policyOf('project: acme/team/chat\nconfiguration: .gitlab-ci.yml');
const ownGitlab = policyOf(
  'project: acme/chat\nissuer: https://gitlab.example.org\nrunner-environment: self-hosted',
);
const enterprise = policyOf(
  'repository: acme/chat\nissuer: https://github.example.org/_services/token\nserver: https://github.example.org\nrunner-environment: self-hosted',
);
const person = policyOf('subject: release@example.org\nissuer: https://accounts.google.com');
const service = policyOf('subject: spiffe://example.org/build\nissuer: https://spiffe.example.org');
const ref = 'refs/tags/v1.2.0';

const accepted: readonly (readonly [string, string, SigningIdentity, RegExp])[] = [
  [
    'a pipeline of GitLab.com',
    gitlab,
    { project: 'acme/team/chat', ref },
    /push a tag to https:\/\/gitlab\.com\/acme\/team\/chat, and GitLab/,
  ],
  [
    'a pipeline of a GitLab server',
    ownGitlab,
    { project: 'acme/chat', issuer: 'https://gitlab.example.org', ref, runnerEnvironment: 'self-hosted' },
    /GitLab \(https:\/\/gitlab\.example\.org\), which builds it/,
  ],
  [
    'a workflow of GitHub Enterprise',
    enterprise,
    {
      repository: 'acme/chat',
      issuer: 'https://github.example.org/_services/token',
      server: 'https://github.example.org',
      ref,
      runnerEnvironment: 'self-hosted',
    },
    /push a tag to https:\/\/github\.example\.org\/acme\/chat, and GitHub/,
  ],
  [
    'a person',
    person,
    { kind: 'email', subject: 'release@example.org', issuer: 'https://accounts.google.com' },
    /release@example\.org, who signs it, and https:\/\/accounts\.google\.com/,
  ],
  [
    'a service account',
    service,
    { kind: 'uri', subject: 'spiffe://example.org/build', issuer: 'https://spiffe.example.org' },
    /spiffe:\/\/example\.org\/build, who signs it/,
  ],
];

const refused: readonly (readonly [string, string, SigningIdentity, string])[] = [
  ['GitHub, for GitLab', gitlab, { repository: 'acme/chat', ref }, 'OIDC_ISSUER_MISMATCH'],
  ['another project', gitlab, { project: 'acme/team/chat-evil', ref }, 'WORKFLOW_REPOSITORY_MISMATCH'],
  [
    'the project of another server',
    gitlab,
    { project: 'acme/team/chat', issuer: 'https://gitlab.com.example', ref },
    'OIDC_ISSUER_MISMATCH',
  ],
  [
    'another file',
    gitlab,
    { project: 'acme/team/chat', configuration: 'test.yml', ref },
    'WORKFLOW_PATH_MISMATCH',
  ],
  [
    'a branch',
    gitlab,
    { project: 'acme/team/chat', ref: 'refs/heads/v1.2.0' },
    'WORKFLOW_REF_PREFIX_MISMATCH',
  ],
  [
    'a runner of its own',
    gitlab,
    { project: 'acme/team/chat', ref, runnerEnvironment: 'self-hosted' },
    'RUNNER_ENVIRONMENT_MISMATCH',
  ],
  [
    'a project of GitLab.com, for the own server',
    ownGitlab,
    { project: 'acme/chat', ref },
    'OIDC_ISSUER_MISMATCH',
  ],
  [
    'GitHub.com, for GitHub Enterprise',
    enterprise,
    { repository: 'acme/chat', ref, runnerEnvironment: 'self-hosted' },
    'OIDC_ISSUER_MISMATCH',
  ],
  [
    'another address',
    person,
    { kind: 'email', subject: 'release@example.org.evil.example', issuer: 'https://accounts.google.com' },
    'IDENTITY_SUBJECT_MISMATCH',
  ],
  [
    'the address by another issuer',
    person,
    { kind: 'email', subject: 'release@example.org', issuer: 'https://github.com/login/oauth' },
    'OIDC_ISSUER_MISMATCH',
  ],
  [
    'a name that is the URI of a service account',
    service,
    { kind: 'name', subject: 'spiffe://example.org/build', issuer: 'https://spiffe.example.org' },
    'IDENTITY_SUBJECT_MISMATCH',
  ],
];

describe('builders other than a workflow of GitHub.com', () => {
  for (const [what, policy, identity, trusted] of accepted)
    test(`${what} is verified, and who is trusted for it is said`, async () => {
      const result = await resultOf(policy, identity);
      assert.equal(result.verdict, 'verified', JSON.stringify(checkOf(result, 'code.builder')));
      assert.ok(
        result.trusted.some((line) => trusted.test(line)),
        result.trusted.join('\n'),
      );
    });

  for (const [what, policy, identity, code] of refused)
    test(`${what}: ${code}`, async () => {
      const result = await resultOf(policy, identity);
      assert.equal(result.verdict, 'failed');
      assert.equal(checkOf(result, 'code.builder').code, code);
      assert.deepEqual(result.measurements.signed, {});
    });

  test('a release that the service does not show is looked up nowhere but on GitHub.com', async () => {
    const freshness = 'freshness:\n  require-nonce: false\n';
    for (const builder of [
      'project: acme/chat',
      'subject: release@example.org\nissuer: https://accounts.google.com',
    ]) {
      const asked: string[] = [];
      const { result } = await gather({
        world,
        scene: { ...honestScene(world, 'tinfoil-v2'), gpus: [] },
        policy: policyOf(builder, freshness),
        isMissing: ({ url }) => {
          asked.push(url);
          return false;
        },
      });
      const { outcome, code } = checkOf(result, 'code.signature');
      assert.deepEqual([outcome, code], ['not-checked', 'RELEASE_NOT_SHOWN']);
      assert.equal(
        asked.some((url) => url.includes('github.com')),
        false,
      );
    }
  });
});
