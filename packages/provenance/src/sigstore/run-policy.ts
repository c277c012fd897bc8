/** The rules about a run of GitHub Actions or of GitLab CI: repository, file, ref, runner, and that they belong together. */
import { type Check, decided, notChecked } from '@vitrine/appraisal';
import type { RefPolicy, WorkflowPolicy } from './identity-policy.ts';
import type { Identity } from './identity.ts';
import { matchesPattern } from './pattern.ts';

/** What a policy demands of a run, whichever system it is of. */
export interface Run extends Omit<WorkflowPolicy, 'issuer' | 'server'> {
  readonly system: 'github' | 'gitlab';
  /** "https://github.com" */
  readonly server: string;
}

const EXTENSIONS = 'Fulcio, OID information';
/** What Fulcio's template puts before the project of whatever GitLab: the server is in the subject, and in the issuer. */
const GITLAB_TEMPLATE = 'https://gitlab.com';

export function appraiseRun(identity: Identity, run: Run): Check[] {
  return [
    repositoryCheck(identity, run),
    builderCheck(identity, run),
    workflowCheck(identity, run),
    refCheck(identity, run),
    agreementCheck(identity, run),
    runnerCheck(identity, run),
    ...idChecks(identity, run),
  ];
}

/** The repository whose workflow ran, not the one that a reusable workflow lies in. */
function repositoryCheck(identity: Identity, run: Run): Check {
  const found = sourceRepository(identity, run);
  const rule = {
    rule: 'sigstore.identity.repository',
    expected: run.repository,
    found: found ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.12 and 1.5`,
  };
  return decided(found === run.repository, rule, 'WORKFLOW_REPOSITORY_MISMATCH');
}

/** The workflow that signed lies in the repository itself, or is the builder that the policy names. */
function builderCheck({ subject, workflow }: Identity, run: Run): Check {
  const own = `${run.server}/${run.repository}`;
  const rule = {
    rule: 'sigstore.identity.builder',
    expected: run.builder ?? `a ${run.system === 'github' ? 'workflow' : 'pipeline'} of ${own}`,
    found: subject,
    source: 'Fulcio, subject alternative name (job_workflow_ref of GitHub, ci_config_ref_uri of GitLab)',
  };
  const holds =
    workflow?.system === run.system &&
    (run.builder === undefined
      ? `${workflow.server}/${workflow.repository}` === own
      : matchesPattern(run.builder, subject));
  return decided(holds, rule, 'WORKFLOW_BUILDER_MISMATCH');
}

/** With a builder of its own, the file is the one that called it: it stands in the build config's URI. */
function workflowCheck(identity: Identity, run: Run): Check {
  const rule = {
    rule: 'sigstore.identity.workflow',
    expected: run.workflow ?? 'any workflow of the repository',
    source: `${EXTENSIONS}, subject alternative name and 1.3.6.1.4.1.57264.1.18`,
  };
  if (run.workflow === undefined) return notChecked(rule, 'the policy names no workflow');
  const found = run.builder === undefined ? identity.workflow?.path : configPath(identity, run);
  const holds = found !== undefined && matchesPattern(run.workflow, found);
  return decided(holds, { ...rule, found: found ?? 'none' }, 'WORKFLOW_PATH_MISMATCH');
}

function configPath({ buildConfigUri }: Identity, { server, repository }: Run): string | undefined {
  const start = `${server}/${repository}/`;
  if (!buildConfigUri?.startsWith(start)) return undefined;
  return buildConfigUri.slice(start.length).split('@')[0];
}

function refCheck({ ref }: Identity, run: Run): Check {
  const rule = {
    rule: 'sigstore.identity.ref',
    expected: describeRef(run.ref),
    found: ref ?? 'none',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.14 and 1.6`,
  };
  return decided(ref !== undefined && matchesRef(run.ref, ref), rule, 'WORKFLOW_REF_PREFIX_MISMATCH');
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
function agreementCheck(identity: Identity, run: Run): Check {
  const { ref, sourceRepositoryRef, githubWorkflowRef, workflow, subject } = identity;
  const { sourceRepositoryUri: uri, githubWorkflowRepository: name } = identity;
  const pairs: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['refs', sourceRepositoryRef, githubWorkflowRef],
    ['repositories', uri, name && `${run.server}/${name}`],
    // A builder of another repository has a ref of its own.
    ['ref and subject', ref, run.builder === undefined ? workflow?.ref : undefined],
    ['build signer and subject', identity.buildSignerUri, subject],
    // Of GitHub it is the workflow that called.
    ['build config and subject', identity.buildConfigUri, run.system === 'gitlab' ? subject : undefined],
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

function runnerCheck({ runnerEnvironment }: Identity, run: Run): Check {
  const rule = {
    rule: 'sigstore.identity.runner',
    expected: run.runnerEnvironment ?? 'any runner',
    source: `${EXTENSIONS}, 1.3.6.1.4.1.57264.1.11`,
  };
  if (run.runnerEnvironment === undefined) return notChecked(rule, 'the policy names no runner');
  const found = runnerEnvironment ?? 'none';
  return decided(found === run.runnerEnvironment, { ...rule, found }, 'RUNNER_ENVIRONMENT_MISMATCH');
}

function idChecks(identity: Identity, run: Run): Check[] {
  const ids = [
    ['repository-id', 15, run.repositoryId, identity.sourceRepositoryIdentifier],
    ['owner-id', 17, run.ownerId, identity.sourceRepositoryOwnerIdentifier],
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
  { sourceRepositoryUri: uri, githubWorkflowRepository }: Identity,
  { system, server }: Run,
): string | undefined {
  if (uri === undefined) return system === 'github' ? githubWorkflowRepository : undefined;
  const servers = system === 'github' ? [server] : [server, GITLAB_TEMPLATE];
  const own = servers.find((one) => uri.startsWith(`${one}/`));
  return own === undefined ? undefined : uri.slice(own.length + 1);
}
