/** Who may have signed: issuer, repository, workflow, ref and builder, each by the whole word or an anchored pattern. */
import { type Check, decided, failed, notChecked } from '@vitrine/appraisal';
import type { AuthenticBundle } from './authenticate.ts';
import type { Identity } from './identity.ts';
import { matchesPattern } from './pattern.ts';
import { type StatementExpectation, appraiseStatement } from './statement-policy.ts';

export type IdentityPolicy = WorkflowPolicy | SubjectPolicy;

/** A workflow of GitHub Actions, or of a server that has the same. Patterns: `*` is anything but "/". */
export interface WorkflowPolicy {
  /** Exactly: "https://token.actions.githubusercontent.com". */
  readonly issuer: string;
  /** Exactly: "owner/name". */
  readonly repository: string;
  /** Pattern of the workflow's file: ".github/workflows/release.yml". Left out, any of the repository. */
  readonly workflow?: string | undefined;
  readonly ref: RefPolicy;
  /** Exactly: "github-hosted". Left out, any. */
  readonly runnerEnvironment?: string | undefined;
  /**
   * Pattern of the URI of a reusable workflow that signs for the repository:
   * "https://github.com/owner/builders/.github/workflows/build.yml@refs/tags/v*". Left out, the repository signs itself.
   */
  readonly builder?: string | undefined;
  /** Exactly; it outlives the name, which somebody else may take over. */
  readonly repositoryId?: string | undefined;
  readonly ownerId?: string | undefined;
  /** Default "https://github.com". */
  readonly server?: string | undefined;
}

/** What the workflow ran on: a tag or branch by pattern, one ref exactly, or all that begin with a prefix. */
export type RefPolicy =
  | { readonly tag: string }
  | { readonly branch: string }
  | { readonly ref: string }
  | { readonly prefix: string };

/** Anyone else: a person's address, or a workflow's URI as it is written. */
export interface SubjectPolicy {
  /** Exactly: "https://accounts.google.com". */
  readonly issuer: string;
  /** The subject alternative name exactly. */
  readonly subject: string;
}

const EXTENSIONS = 'Fulcio, OID information';

/**
 * Rule by rule, with the statement's subject and predicate type always among them.
 * @param expected what the statement must be about; what is left out is reported as not checked
 */
export function appraiseIdentity(
  bundle: AuthenticBundle,
  policy: IdentityPolicy,
  expected: StatementExpectation = {},
): Check[] {
  const statement = appraiseStatement(bundle, expected);
  if (bundle.signer.kind === 'key') return [noCertificate(), ...statement];
  return [...appraiseSigner(bundle.signer.identity, policy), ...statement];
}

/** The rules about the certificate alone. */
export function appraiseSigner(identity: Identity, policy: IdentityPolicy): Check[] {
  const issuer = issuerCheck(identity, policy);
  if ('subject' in policy) return [issuer, subjectCheck(identity, policy)];
  return [
    issuer,
    repositoryCheck(identity, policy),
    builderCheck(identity, policy),
    workflowCheck(identity, policy),
    refCheck(identity, policy),
    agreementCheck(identity, policy),
    runnerCheck(identity, policy),
    ...idChecks(identity, policy),
  ];
}

function noCertificate(): Check {
  const rule = {
    rule: 'sigstore.identity.issuer',
    expected: 'a certificate with an identity',
    found: 'a bare key',
    source: 'Sigstore client specification section 4.4',
  };
  return failed(rule, 'IDENTITY_MISSING', 'Demand a bundle that is signed with a certificate.');
}

function issuerCheck({ issuer }: Identity, policy: IdentityPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.issuer',
    expected: policy.issuer,
    found: issuer ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.8 and 1.1`,
  };
  return decided(issuer === policy.issuer, rule, 'OIDC_ISSUER_MISMATCH');
}

function subjectCheck({ subject }: Identity, policy: SubjectPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.subject',
    expected: policy.subject,
    found: subject,
    source: 'RFC 5280 section 4.2.1.6',
  };
  return decided(subject === policy.subject, rule, 'IDENTITY_SUBJECT_MISMATCH');
}

/** The repository whose workflow ran, not the one that a reusable workflow lies in. */
function repositoryCheck(identity: Identity, policy: WorkflowPolicy): Check {
  const found = sourceRepository(identity, policy);
  const rule = {
    rule: 'sigstore.identity.repository',
    expected: policy.repository,
    found: found ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.12 and 1.5`,
  };
  return decided(found === policy.repository, rule, 'WORKFLOW_REPOSITORY_MISMATCH');
}

/** The workflow that signed lies in the repository itself, or is the builder that the policy names. */
function builderCheck({ subject, workflow }: Identity, policy: WorkflowPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.builder',
    expected: policy.builder ?? `a workflow of ${serverOf(policy)}/${policy.repository}`,
    found: subject,
    source: 'Fulcio, subject alternative name of GitHub workflows (job_workflow_ref)',
  };
  const holds =
    policy.builder === undefined
      ? workflow?.server === serverOf(policy) && workflow.repository === policy.repository
      : workflow !== undefined && matchesPattern(policy.builder, subject);
  return decided(holds, rule, 'WORKFLOW_BUILDER_MISMATCH');
}

/** With a builder of its own, the file is the one that called it: it stands in the build config's URI. */
function workflowCheck(identity: Identity, policy: WorkflowPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.workflow',
    expected: policy.workflow ?? 'any workflow of the repository',
    source: `${EXTENSIONS}, subject alternative name and 1.3.6.1.4.1.57264.1.18`,
  };
  if (policy.workflow === undefined) return notChecked(rule, 'the policy names no workflow');
  const found = policy.builder === undefined ? identity.workflow?.path : configPath(identity, policy);
  const holds = found !== undefined && matchesPattern(policy.workflow, found);
  return decided(holds, { ...rule, found: found ?? 'none' }, 'WORKFLOW_PATH_MISMATCH');
}

function configPath({ buildConfigUri }: Identity, policy: WorkflowPolicy): string | undefined {
  const start = `${serverOf(policy)}/${policy.repository}/`;
  if (!buildConfigUri?.startsWith(start)) return undefined;
  return buildConfigUri.slice(start.length).split('@')[0];
}

function refCheck({ ref }: Identity, { ref: policy }: WorkflowPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.ref',
    expected: describeRef(policy),
    found: ref ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.14 and 1.6`,
  };
  return decided(ref !== undefined && matchesRef(policy, ref), rule, 'WORKFLOW_REF_PREFIX_MISMATCH');
}

function matchesRef(policy: RefPolicy, ref: string): boolean {
  if ('tag' in policy) return matchesPattern(`refs/tags/${policy.tag}`, ref);
  if ('branch' in policy) return matchesPattern(`refs/heads/${policy.branch}`, ref);
  return 'ref' in policy ? ref === policy.ref : ref.startsWith(policy.prefix);
}

function describeRef(policy: RefPolicy): string {
  if ('tag' in policy) return `the tag ${policy.tag}`;
  if ('branch' in policy) return `the branch ${policy.branch}`;
  return 'ref' in policy ? policy.ref : `${policy.prefix}…`;
}

/** What a certificate says twice it says the same both times: another way to say a branch is a tag. */
function agreementCheck(identity: Identity, policy: WorkflowPolicy): Check {
  const { ref, sourceRepositoryRef, githubWorkflowRef, workflow } = identity;
  const { sourceRepositoryUri: uri, githubWorkflowRepository: name } = identity;
  const pairs: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['refs', sourceRepositoryRef, githubWorkflowRef],
    ['repositories', uri, name && `${serverOf(policy)}/${name}`],
    // A builder of another repository has a ref of its own.
    ['ref and subject', ref, policy.builder === undefined ? workflow?.ref : undefined],
    ['build signer and subject', identity.buildSignerUri, identity.subject],
  ];
  const [disagreement] = pairs.filter(([, a, b]) => a !== undefined && b !== undefined && a !== b);
  const rule = {
    rule: 'sigstore.identity.agreement',
    expected: 'refs, repositories and subject agree wherever they are said twice',
    found: disagreement ? `${disagreement[0]}: ${disagreement[1]!} and ${disagreement[2]!}` : 'they agree',
    source: EXTENSIONS,
  };
  return decided(disagreement === undefined, rule, 'IDENTITY_INCONSISTENT');
}

function runnerCheck({ runnerEnvironment }: Identity, policy: WorkflowPolicy): Check {
  const rule = {
    rule: 'sigstore.identity.runner',
    expected: policy.runnerEnvironment ?? 'any runner',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.11`,
  };
  if (policy.runnerEnvironment === undefined) return notChecked(rule, 'the policy names no runner');
  const found = runnerEnvironment ?? 'none';
  return decided(found === policy.runnerEnvironment, { ...rule, found }, 'RUNNER_ENVIRONMENT_MISMATCH');
}

function idChecks(identity: Identity, policy: WorkflowPolicy): Check[] {
  const ids = [
    ['repository-id', 15, policy.repositoryId, identity.sourceRepositoryIdentifier],
    ['owner-id', 17, policy.ownerId, identity.sourceRepositoryOwnerIdentifier],
  ] as const;
  return ids.map(([word, number, wanted, found = 'none']) => {
    const rule = {
      rule: `sigstore.identity.${word}`,
      expected: wanted ?? 'any',
      source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.${number}`,
    };
    if (wanted === undefined) return notChecked(rule, 'the policy names none');
    return decided(found === wanted, { ...rule, found }, 'REPOSITORY_ID_MISMATCH');
  });
}

/** "owner/name"; undefined for a repository of another server. */
function sourceRepository(
  { sourceRepositoryUri, githubWorkflowRepository }: Identity,
  policy: WorkflowPolicy,
): string | undefined {
  if (sourceRepositoryUri === undefined) return githubWorkflowRepository;
  const start = `${serverOf(policy)}/`;
  return sourceRepositoryUri.startsWith(start) ? sourceRepositoryUri.slice(start.length) : undefined;
}

function serverOf({ server = 'https://github.com' }: WorkflowPolicy): string {
  return server;
}
