/** GitLab, of GitLab.com and of servers of one's own, GitHub Enterprise, and every way to look like them. */
import {
  type IdentityPolicy,
  type PipelinePolicy,
  type WorkflowPolicy,
  parseWorkflowUri,
} from '@vitrine/provenance/sigstore';
import { type PipelineRun, type SigningIdentity, githubIssuer, gitlabIssuer } from '@vitrine/simtee/sigstore';
import { type Suite, expectEqual } from '../../../evidence/test/suite.ts';
import { failures, signedBy } from './identity.ts';

const pipeline: PipelineRun = { project: 'owner/team/name', ref: 'refs/tags/v1.0.0' };
const policy: PipelinePolicy = {
  issuer: gitlabIssuer,
  project: 'owner/team/name',
  configuration: '.gitlab-ci.yml',
  ref: { tag: 'v*' },
  runnerEnvironment: 'gitlab-hosted',
};
const own = 'https://gitlab.example.org';
const OTHER_PROJECT = ['WORKFLOW_REPOSITORY_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'];
const NO_PIPELINE = ['WORKFLOW_BUILDER_MISMATCH', 'WORKFLOW_PATH_MISMATCH'];

interface Trial {
  readonly what: string;
  readonly run?: Partial<PipelineRun>;
  readonly policy?: Partial<PipelinePolicy>;
  readonly codes: readonly string[];
}

/** The subject is made up, and every extension says the same. */
const saying = (subject: string): Partial<PipelineRun> => ({ subject });

const trials: readonly Trial[] = [
  { what: 'the pipeline that the policy names', codes: [] },
  {
    what: 'any file and any runner',
    policy: { configuration: undefined, runnerEnvironment: undefined },
    codes: [],
  },
  {
    what: 'a file in a folder, by pattern',
    run: { configuration: 'ci/release.yml' },
    policy: { configuration: 'ci/*.yml' },
    codes: [],
  },
  { what: "a server of one's own", run: { issuer: own }, policy: { issuer: own }, codes: [] },
  {
    what: "a server of one's own that Fulcio was told of",
    run: { issuer: own, extensions: { 12: `${own}/owner/team/name` } },
    policy: { issuer: own },
    codes: [],
  },
  {
    what: 'a server in a folder, with a port',
    run: { issuer: `${own}:8443/git`, extensions: { 12: `${own}:8443/git/owner/team/name` } },
    policy: { issuer: `${own}:8443/git` },
    codes: [],
  },
  {
    what: 'another issuer',
    run: { issuer: own, ...saying(`${gitlabIssuer}/owner/team/name//.gitlab-ci.yml@refs/tags/v1.0.0`) },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: "GitLab.com, where a server of one's own is named",
    policy: { issuer: own },
    codes: ['OIDC_ISSUER_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'an issuer that goes on',
    run: { issuer: 'https://gitlab.com.evil.example' },
    codes: ['OIDC_ISSUER_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a subject on a host that goes on',
    run: saying('https://gitlab.com.evil.example/owner/team/name//.gitlab-ci.yml@refs/tags/v1.0.0'),
    codes: ['WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a subject whose host is only a user',
    run: saying('https://gitlab.com@evil.example/owner/team/name//.gitlab-ci.yml@refs/tags/v1.0.0'),
    codes: [...NO_PIPELINE],
  },
  { what: 'a project whose name goes on', run: { project: 'owner/team/name-evil' }, codes: OTHER_PROJECT },
  { what: 'a project below', run: { project: 'owner/team/name/evil' }, codes: OTHER_PROJECT },
  { what: 'a project above', run: { project: 'owner/team' }, codes: OTHER_PROJECT },
  {
    what: 'a project below a group that is named alike',
    run: { project: 'evil/owner/team/name' },
    codes: OTHER_PROJECT,
  },
  { what: 'a project in other letters', run: { project: 'Owner/team/name' }, codes: OTHER_PROJECT },
  {
    what: 'the repository of another server',
    run: { extensions: { 12: `${own}/owner/team/name` } },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH'],
  },
  {
    what: 'no repository at all, or only the field of GitHub',
    run: { extensions: { 5: 'owner/team/name', 12: undefined } },
    codes: ['WORKFLOW_REPOSITORY_MISMATCH'],
  },
  {
    what: 'the file of another project, for this one',
    run: saying(`${gitlabIssuer}/evil/name//.gitlab-ci.yml@refs/tags/v1.0.0`),
    codes: ['WORKFLOW_BUILDER_MISMATCH'],
  },
  { what: 'another file', run: { configuration: 'evil.yml' }, codes: ['WORKFLOW_PATH_MISMATCH'] },
  {
    what: 'a file whose name begins before',
    run: { configuration: 'x.gitlab-ci.yml' },
    codes: ['WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: 'a file of that name in a folder',
    run: { configuration: 'evil/.gitlab-ci.yml' },
    codes: ['WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: 'a file whose name goes on with a ref',
    run: { configuration: '.gitlab-ci.yml@refs/tags/v1.0.0.yml', ref: 'refs/heads/main' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH', 'IDENTITY_INCONSISTENT'],
  },
  ...[
    '//evil//.gitlab-ci.yml',
    '///.gitlab-ci.yml',
    '/.gitlab-ci.yml',
    '//../other//.gitlab-ci.yml',
    '//./.gitlab-ci.yml',
    '//evil/../.gitlab-ci.yml',
  ].map((rest): Trial => ({
    what: `${rest} behind the project`,
    run: saying(`${gitlabIssuer}/owner/team/name${rest}@refs/tags/v1.0.0`),
    codes: NO_PIPELINE,
  })),
  {
    what: '// within the project',
    run: saying(`${gitlabIssuer}/owner//team/name//.gitlab-ci.yml@refs/tags/v1.0.0`),
    codes: NO_PIPELINE,
  },
  {
    what: '// within the project, that makes a shorter one',
    run: saying(`${gitlabIssuer}/owner/team//name/.gitlab-ci.yml@refs/tags/v1.0.0`),
    codes: ['WORKFLOW_BUILDER_MISMATCH', 'WORKFLOW_PATH_MISMATCH'],
  },
  {
    what: 'a branch where a tag is due',
    run: { ref: 'refs/heads/main' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a branch named like a tag',
    run: { ref: 'refs/heads/v1.0.0' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a branch whose name has the whole of a tag in it',
    run: { ref: 'refs/heads/x@refs/tags/v1.0.0' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a tag with a folder, where none is due',
    run: { ref: 'refs/tags/v1/evil' },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH'],
  },
  {
    what: 'a tag in the extension and a branch in the subject',
    run: saying(`${gitlabIssuer}/owner/team/name//.gitlab-ci.yml@refs/heads/main`),
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'a branch in the extension and a tag in the subject',
    run: { extensions: { 14: 'refs/heads/main' } },
    codes: ['WORKFLOW_REF_PREFIX_MISMATCH', 'IDENTITY_INCONSISTENT'],
  },
  { what: 'no ref at all', run: { extensions: { 14: undefined } }, codes: ['WORKFLOW_REF_PREFIX_MISMATCH'] },
  {
    what: 'a build signer that is not the subject',
    run: { extensions: { 9: `${gitlabIssuer}/owner/team/name//evil.yml@refs/tags/v1.0.0` } },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: 'a build configuration that is not the subject',
    run: { extensions: { 18: `${gitlabIssuer}/owner/team/name//evil.yml@refs/tags/v1.0.0` } },
    codes: ['IDENTITY_INCONSISTENT'],
  },
  {
    what: "somebody's own runner",
    run: { runnerEnvironment: 'self-hosted' },
    codes: ['RUNNER_ENVIRONMENT_MISMATCH'],
  },
  {
    what: "GitHub's word for its runners",
    run: { runnerEnvironment: 'github-hosted' },
    codes: ['RUNNER_ENVIRONMENT_MISMATCH'],
  },
  { what: 'the project by its number', policy: { repositoryId: '515151', ownerId: '5151' }, codes: [] },
  { what: 'a project of another number', policy: { repositoryId: '1' }, codes: ['REPOSITORY_ID_MISMATCH'] },
];

const enterprise = 'https://github.example.org';
const ofEnterprise: WorkflowPolicy = {
  issuer: `${enterprise}/_services/token`,
  server: enterprise,
  repository: 'owner/name',
  ref: { tag: 'v*' },
};

const elsewhere: readonly {
  readonly what: string;
  readonly identity: SigningIdentity;
  readonly policy: IdentityPolicy;
  readonly codes: readonly string[];
}[] = [
  {
    what: 'a server of GitHub Enterprise',
    identity: {
      issuer: ofEnterprise.issuer,
      server: enterprise,
      repository: 'owner/name',
      ref: 'refs/tags/v1',
    },
    policy: ofEnterprise,
    codes: [],
  },
  {
    what: 'GitHub.com, where a server of GitHub Enterprise is named',
    identity: { repository: 'owner/name', ref: 'refs/tags/v1' },
    policy: ofEnterprise,
    codes: [
      'OIDC_ISSUER_MISMATCH',
      'WORKFLOW_REPOSITORY_MISMATCH',
      'WORKFLOW_BUILDER_MISMATCH',
      'IDENTITY_INCONSISTENT',
    ],
  },
  {
    what: 'the server of GitHub Enterprise, whose repository is said to be of GitHub.com',
    identity: { issuer: ofEnterprise.issuer, repository: 'owner/name', ref: 'refs/tags/v1' },
    policy: ofEnterprise,
    codes: ['WORKFLOW_REPOSITORY_MISMATCH', 'WORKFLOW_BUILDER_MISMATCH', 'IDENTITY_INCONSISTENT'],
  },
  {
    what: 'an enterprise of GitHub.com with an issuer of its own',
    identity: { issuer: `${githubIssuer}/acme`, repository: 'owner/name', ref: 'refs/tags/v1' },
    policy: { issuer: `${githubIssuer}/acme`, repository: 'owner/name', ref: { tag: 'v*' } },
    codes: [],
  },
  {
    what: 'another enterprise of GitHub.com',
    identity: { issuer: `${githubIssuer}/acme-evil`, repository: 'owner/name', ref: 'refs/tags/v1' },
    policy: { issuer: `${githubIssuer}/acme`, repository: 'owner/name', ref: { tag: 'v*' } },
    codes: ['OIDC_ISSUER_MISMATCH'],
  },
  {
    what: 'a pipeline, where a workflow is due, by one issuer',
    identity: { project: 'owner/name', ref: 'refs/tags/v1' },
    policy: { issuer: gitlabIssuer, server: gitlabIssuer, repository: 'owner/name', ref: { tag: 'v*' } },
    codes: ['WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a workflow, where a pipeline is due, by one issuer',
    identity: { issuer: gitlabIssuer, server: gitlabIssuer, repository: 'owner/name', ref: 'refs/tags/v1' },
    policy: { issuer: gitlabIssuer, project: 'owner/name', ref: { tag: 'v*' } },
    codes: ['WORKFLOW_BUILDER_MISMATCH'],
  },
  {
    what: 'a SPIFFE ID',
    identity: { issuer: own, kind: 'uri', subject: 'spiffe://example.org/build' },
    policy: { issuer: own, subject: 'spiffe://example.org/build' },
    codes: [],
  },
  ...(['email', 'name'] as const).map((kind) => ({
    what: `a SPIFFE ID that is the ${kind} of a person`,
    identity: { issuer: own, kind, subject: 'spiffe://example.org/build' },
    policy: { issuer: own, subject: 'spiffe://example.org/build' },
    codes: ['IDENTITY_SUBJECT_MISMATCH'],
  })),
  {
    what: 'a SPIFFE ID that goes on',
    identity: { issuer: own, kind: 'uri', subject: 'spiffe://example.org/build/evil' },
    policy: { issuer: own, subject: 'spiffe://example.org/build' },
    codes: ['IDENTITY_SUBJECT_MISMATCH'],
  },
  {
    what: 'an address that is a URI',
    identity: { issuer: own, kind: 'uri', subject: 'mailto:me@example.org' },
    policy: { issuer: own, subject: 'mailto:me@example.org' },
    codes: ['IDENTITY_SUBJECT_MISMATCH'],
  },
];

const uris: readonly (readonly [string, string | undefined])[] = [
  [`${gitlabIssuer}/o/n//.gitlab-ci.yml@refs/tags/v1`, 'o/n .gitlab-ci.yml refs/tags/v1'],
  [`${gitlabIssuer}/o/t/n//a/b.yaml@refs/heads/x@refs/tags/v1`, 'o/t/n a/b.yaml refs/heads/x@refs/tags/v1'],
  [`${gitlabIssuer}/o/n//.gitlab-ci.yml@v1`, undefined],
  [`${gitlabIssuer}/o/n//.gitlab-ci.yml`, undefined],
  [`${gitlabIssuer}/o/n//.gitlab-ci.yml@refs/tags/v1 x`, undefined],
  [`${gitlabIssuer}/o/n//.gitlab-ci.sh@refs/tags/v1`, undefined],
  [`${gitlabIssuer}/n//.gitlab-ci.yml@refs/tags/v1`, undefined],
  [`${gitlabIssuer}/o/../n//.gitlab-ci.yml@refs/tags/v1`, undefined],
  [`${gitlabIssuer}/o/n%2f//.gitlab-ci.yml@refs/tags/v1`, undefined],
  [`http://gitlab.com/o/n//.gitlab-ci.yml@refs/tags/v1`, undefined],
];

export const pipelines: Suite = {
  name: 'pipelines, and servers of their own',
  cases: [
    ...trials.map(({ what, run = {}, policy: wishes = {}, codes }) => ({
      name: `${what}: ${codes.length === 0 ? 'accepted' : codes.join(', ')}`,
      run: async () => {
        const bundle = await signedBy({ ...pipeline, ...run });
        expectEqual(failures(bundle, { ...policy, ...wishes }), codes);
      },
    })),
    ...elsewhere.map(({ what, identity, policy: wanted, codes }) => ({
      name: `${what}: ${codes.length === 0 ? 'accepted' : codes.join(', ')}`,
      run: async () => expectEqual(failures(await signedBy(identity), wanted), codes),
    })),
    {
      name: 'the URI of a pipeline is split at // and at the first @ behind it, and nothing else is one',
      run: () => {
        for (const [uri, parts] of uris) {
          const found = parseWorkflowUri(uri);
          expectEqual(found && `${found.repository} ${found.path} ${found.ref}`, parts, uri);
        }
      },
    },
  ],
};
