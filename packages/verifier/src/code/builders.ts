/** Who signed, by a policy's builders. */
import type { Check } from '@vitrine/appraisal';
import { fromHex } from '@vitrine/bytes';
import { type Identity, type IdentityPolicy, type RefPolicy, appraiseIdentity } from '@vitrine/provenance';
import { type Deployment, readDeployment } from '../dialects/deployment.ts';
import { VerifierError } from '../error.ts';
import type { BuilderPolicy, CodePolicy } from '../policy.ts';
import type { SignedStatement } from './bundles.ts';

/** A statement as one of the policy's builders would have signed it, or as near to that as it comes. */
export interface Judged {
  readonly signed: SignedStatement;
  /** Of the identity, the subject and the types, by the builder that fits best. */
  readonly checks: readonly Check[];
  /** The first of the policy's builders that would have signed so; undefined where none would. */
  readonly builder: BuilderPolicy | undefined;
  /** All of them. */
  readonly builders: readonly BuilderPolicy[];
}

const statementTypes = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

/** @param digest SHA-256 that a subject must have, hexadecimal */
export function judge(
  signed: SignedStatement,
  digest: string,
  { builders, predicateTypes }: Pick<CodePolicy, 'builders' | 'predicateTypes'>,
): Judged {
  const attempts = builders.map((builder) => ({
    builder,
    checks: appraiseIdentity(signed.bundle, identityPolicy(builder), {
      subject: { digest: fromHex(digest) },
      predicateTypes,
      statementTypes,
    }),
  }));
  const matches = attempts.filter(({ builder, checks }) =>
    checks.every((check) => check.outcome === 'pass' || isLeftOpen(builder)(check)),
  );
  const [match] = matches;
  return {
    signed,
    checks: (match ?? nearest(attempts)).checks,
    builder: match?.builder,
    builders: matches.map(({ builder }) => builder),
  };
}

/** What most rules speak for; the first of those that are alike. */
export function nearest<T extends { readonly checks: readonly Check[] }>(attempts: readonly T[]): T {
  const failures = ({ checks }: T) => checks.filter(({ outcome }) => outcome === 'fail').length;
  return attempts.reduce((best, one) => (failures(one) < failures(best) ? one : best));
}

/** Rules that were not checked because the policy demands nothing there: any workflow, any runner; ids it never names. */
export function isLeftOpen(builder: BuilderPolicy | undefined): (check: Check) => boolean {
  const open = [
    'sigstore.identity.repository-id',
    'sigstore.identity.owner-id',
    ...(builder && fileOf(builder) === null ? ['sigstore.identity.workflow'] : []),
    ...(builder && 'runnerEnvironment' in builder && builder.runnerEnvironment === null
      ? ['sigstore.identity.runner']
      : []),
  ];
  return ({ rule, outcome }) => outcome === 'not-checked' && open.includes(rule);
}

function fileOf(builder: BuilderPolicy): string | null | undefined {
  if ('repository' in builder) return builder.workflow;
  return 'project' in builder ? builder.configuration : undefined;
}

function identityPolicy(builder: BuilderPolicy): IdentityPolicy {
  const { issuer } = builder;
  if ('subject' in builder) return { issuer, subject: builder.subject };
  const ref = refPolicy(builder.ref);
  const runnerEnvironment = builder.runnerEnvironment ?? undefined;
  if ('project' in builder) {
    const { project, configuration } = builder;
    return { issuer, project, configuration: configuration ?? undefined, ref, runnerEnvironment };
  }
  const { server, repository } = builder;
  const workflow = builder.workflow === null ? undefined : `.github/workflows/${builder.workflow}`;
  return { issuer, server, repository, workflow, ref, runnerEnvironment };
}

/** A pattern of tags or of branches; any other ref is meant as it stands. */
function refPolicy(ref: string): RefPolicy {
  const [, kind, name] = /^refs\/(tags|heads)\/(.+)$/.exec(ref) ?? [];
  if (kind === undefined || name === undefined) return { ref };
  return kind === 'tags' ? { tag: name } : { branch: name };
}

/** "v1.2.3" of what ran on a tag. */
export function tagOf({ sourceRepositoryRef, githubWorkflowRef }: Identity): string | undefined {
  return /^refs\/tags\/(.+)$/.exec(sourceRepositoryRef ?? githubWorkflowRef ?? '')?.[1];
}

/** The deployment that a statement's predicate holds. */
export function readReference({ predicate }: SignedStatement['statement']): Deployment | VerifierError {
  try {
    return readDeployment(predicate);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
}
