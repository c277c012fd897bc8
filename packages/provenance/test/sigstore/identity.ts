/** Identities and policies: who signed, and every way to look like somebody else. */
import { sha256, utf8 } from '@vitrine/bytes';
import {
  type AuthenticBundle,
  type IdentityPolicy,
  type StatementExpectation,
  type WorkflowPolicy,
  appraiseIdentity,
  authenticateBundle,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import { type SigningIdentity, type WorkflowRun, githubIssuer } from '@vitrine/simtee/sigstore';
import { type Suite, expectEqual, expectRefused } from '../../../evidence/test/suite.ts';
import { later, predicateType, release, run, simulated, statementFor } from './release.ts';

const artifact = utf8('the artifact');
export const policy: WorkflowPolicy = { issuer: githubIssuer, repository: 'owner/name', ref: { tag: 'v*' } };
export const server = 'https://github.com';

export async function signedBy(identity: SigningIdentity, payload?: string): Promise<AuthenticBundle> {
  const sigstore = await simulated(1);
  const bundle = await sigstore.signDsse({
    ...release,
    identity,
    payload: payload ?? (await statementFor(artifact)),
  });
  const trustedRoot = parseTrustedRoot(sigstore.trustedRootJson);
  return authenticateBundle({ bundle, trustedRoot, now: later });
}

/** Codes of the rules that fail. */
export function failures(
  bundle: AuthenticBundle,
  wanted: IdentityPolicy,
  expected: StatementExpectation = {},
): string[] {
  return appraiseIdentity(bundle, wanted, expected).flatMap(({ outcome, code }) =>
    outcome === 'fail' ? [code ?? 'no code'] : [],
  );
}

interface Trial {
  readonly what: string;
  readonly identity?: Partial<WorkflowRun>;
  readonly policy?: Partial<WorkflowPolicy>;
  readonly codes: readonly string[];
}

const trials: readonly Trial[] = [
  { what: 'the workflow that the policy names', codes: [] },
  {
    what: 'another issuer',
    identity: { issuer: 'https://token.actions.githubusercontent.com.evil.example' },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: 'an issuer that only begins alike',
    policy: { issuer: `${githubIssuer}/` },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: 'a certificate without an issuer',
    identity: { extensions: { 1: undefined, 8: undefined } },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: 'the older field for the issuer where the newer one is absent',
    identity: { extensions: { 8: undefined } },
    codes: [],
  },
  {
    what: 'the newer field for the issuer, whatever the older one says',
    identity: { extensions: { 8: 'https://issuer.example' } },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: 'another repository',
    identity: { repository: 'owner/other' },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a repository whose name goes on',
    identity: { repository: 'owner/name-evil' },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a repository in other letters',
    identity: { repository: 'Owner/name' },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a repository of another server',
    identity: { extensions: { 12: 'https://github.example/owner/name' } },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH', 'IDENTITY_INCONSISTENT'],
  },
  {
    what: 'a reusable workflow of somebody else',
    identity: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v1` },
    codes: ['WORKFLOW_BUILDER_MISMATCH', 'IDENTITY_INCONSISTENT'],
  },
  {
    what: 'the builder that the policy names',
    identity: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v1.2` },
    policy: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v*` },
    codes: [],
  },
  {
    what: 'the builder on a branch',
    identity: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/heads/main` },
    policy: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v*` },
    codes: ['WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'the builder for another repository',
    identity: {
      repository: 'owner/other',
      builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v1`,
    },
    policy: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v*` },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH'],
  },
  {
    what: 'a branch where a tag is due',
    identity: { ref: 'refs/heads/main' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a branch named like a tag',
    identity: { ref: 'refs/heads/x@refs/tags/v1.0.0' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a branch whose name has the whole of a tag in it',
    identity: { ref: 'refs/heads/refs/tags/v1.0.0' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a branch in one field and a tag in the other',
    identity: { ref: 'refs/heads/main', extensions: { 14: 'refs/tags/v1.0.0' } },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'a tag in the fields and a branch in the subject',
    identity: {
      builder: `${server}/owner/name/.github/workflows/release.yml@refs/heads/main`,
      extensions: { 9: undefined },
    },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'a build signer that is not the subject',
    identity: { extensions: { 9: `${server}/owner/name/.github/workflows/other.yml@refs/tags/v1.0.0` } },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'two repositories',
    identity: { extensions: { 5: 'owner/other' } },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'no ref at all',
    identity: { extensions: { 6: undefined, 14: undefined } },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'no repository at all',
    identity: { extensions: { 5: undefined, 12: undefined } },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH'],
  },
  { what: 'the workflow by its file', policy: { workflow: '.github/workflows/release.yml' }, codes: [] },
  {
    what: 'another workflow',
    identity: { workflow: '.github/workflows/test.yml' },
    policy: { workflow: '.github/workflows/release.yml' },
    codes: ['WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: 'a workflow whose file only ends alike',
    identity: { workflow: '.github/workflows/evil-release.yml' },
    policy: { workflow: '.github/workflows/release.yml' },
    codes: ['WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: 'the calling workflow under the builder that the policy names',
    identity: { builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/v1` },
    policy: {
      builder: `${server}/other/builders/.github/workflows/build.yml@refs/tags/*`,
      workflow: '.github/workflows/test.yml',
    },
    codes: ['WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: "somebody's own machine where GitHub's is due",
    identity: { runnerEnvironment: 'self-hosted' },
    policy: { runnerEnvironment: 'github-hosted' },
    codes: ['RUNNER_ENVIRONMENT_MISMATCH'],
  },
  {
    what: 'no runner where one is due',
    identity: { extensions: { 11: undefined } },
    policy: { runnerEnvironment: 'github-hosted' },
    codes: ['RUNNER_ENVIRONMENT_MISMATCH'],
  },
  { what: 'the repository by its number', policy: { repositoryId: '424242', ownerId: '4242' }, codes: [] },
  {
    what: 'a repository of another number',
    policy: { repositoryId: '1' },
    codes: ['REPOSITORY_ID_MISMATCH'],
  },
  { what: 'an owner of another number', policy: { ownerId: '1' }, codes: ['REPOSITORY_ID_MISMATCH'] },
];

export const identity: Suite = {
  name: 'identities and policies',
  cases: [
    ...trials.map(({ what, identity: changes = {}, policy: wishes = {}, codes }) => ({
      name: `${what}: ${codes.length === 0 ? 'accepted' : codes.join(', ')}`,
      run: async () => {
        const bundle = await signedBy({ ...run, ...changes });
        expectEqual(failures(bundle, { ...policy, ...wishes }), codes);
      },
    })),
    {
      name: 'people sign with addresses and names, exactly theirs',
      run: async () => {
        const issuer = 'https://accounts.example';
        for (const kind of ['email', 'name', 'uri'] as const) {
          const subject = kind === 'uri' ? 'https://example.org/me' : 'me@example.org';
          const bundle = await signedBy({ issuer, kind, subject });
          expectEqual(bundle.identity?.subjectKind, kind);
          expectEqual(failures(bundle, { issuer, subject }), []);
          expectEqual(failures(bundle, { issuer, subject: `x${subject}` }), ['IDENTITY_SUBJECT_MISMATCH']);
          expectEqual(failures(bundle, { issuer: 'https://other.example', subject }), [
            'OIDC_ISSUER_MISMATCH',
          ]);
        }
      },
    },
    {
      name: 'what a policy does not name is reported as not checked',
      run: async () => {
        const checks = appraiseIdentity(await signedBy(run), policy);
        const open = checks.flatMap(({ rule, outcome }) => (outcome === 'not-checked' ? [rule] : []));
        expectEqual(open, [
          'sigstore.identity.workflow',
          'sigstore.identity.runner',
          'sigstore.identity.repository-id',
          'sigstore.identity.owner-id',
          'sigstore.statement.subject',
          'sigstore.statement.type',
          'sigstore.statement.predicate-type',
        ]);
      },
    },
    {
      name: 'subject, predicate type and statement type are as expected, or refused',
      run: async () => {
        const bundle = await signedBy(run, await statementFor(utf8('first'), artifact));
        const digest = await sha256(artifact);
        const type = 'https://in-toto.io/Statement/v1';
        const good = { subject: { digest }, predicateTypes: ['x', predicateType], statementTypes: [type] };
        expectEqual(failures(bundle, policy, good), []);
        const first = { ...good, subject: { digest, which: 'first' } } as const;
        expectEqual(failures(bundle, policy, first), ['SUBJECT_DIGEST_MISMATCH']);
        const other = { ...good, subject: { digest: new Uint8Array(32) } };
        expectEqual(failures(bundle, policy, other), ['SUBJECT_DIGEST_MISMATCH']);
        const longer = { ...good, subject: { digest: new Uint8Array(64) } };
        expectEqual(failures(bundle, policy, longer), ['SUBJECT_MISSING']);
        expectEqual(failures(bundle, policy, { ...good, predicateTypes: [] }), [
          'PREDICATE_TYPE_NOT_ALLOWED',
        ]);
        expectEqual(failures(bundle, policy, { ...good, predicateTypes: [`${predicateType}/x`] }), [
          'PREDICATE_TYPE_NOT_ALLOWED',
        ]);
        expectEqual(failures(bundle, policy, { ...good, statementTypes: ['x'] }), [
          'IN_TOTO_STATEMENT_TYPE_NOT_ALLOWED',
        ]);
        expectEqual(failures(bundle, policy, { ...good, payloadType: 'x' }), ['PAYLOAD_TYPE_MISMATCH']);
      },
    },
    {
      name: 'extensions with line breaks in them are refused',
      run: async () => {
        const broken = { ...run, extensions: { 4: 'Release\nrefs/tags/v1' } };
        await expectRefused(() => signedBy(broken), 'CERT_IDENTITY_MALFORMED');
      },
    },
  ],
};
