/** Who signed, by a policy's builders; and whether enough of them say the same. */
import { type Check, decided } from '@vitrine/appraisal';
import { equalBytes, fromHex } from '@vitrine/bytes';
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
  /** Which of the policy's builders signed it; undefined where none did. */
  readonly builder: BuilderPolicy | undefined;
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
  const match = attempts.find(({ builder, checks }) =>
    checks.every((check) => check.outcome === 'pass' || isLeftOpen(builder)(check)),
  );
  return { signed, checks: (match ?? attempts[0]!).checks, builder: match?.builder };
}

/** Rules that were not checked because the policy demands nothing there: any workflow, any runner; ids it never names. */
export function isLeftOpen(builder: BuilderPolicy | undefined): (check: Check) => boolean {
  const open = [
    'sigstore.identity.repository-id',
    'sigstore.identity.owner-id',
    ...(builder?.workflow === null ? ['sigstore.identity.workflow'] : []),
    ...(builder?.runnerEnvironment === null ? ['sigstore.identity.runner'] : []),
  ];
  return ({ rule, outcome }) => outcome === 'not-checked' && open.includes(rule);
}

function identityPolicy({
  issuer,
  repository,
  workflow,
  ref,
  runnerEnvironment,
}: BuilderPolicy): IdentityPolicy {
  return {
    issuer,
    repository,
    ref: refPolicy(ref),
    ...(workflow === null ? {} : { workflow: `.github/workflows/${workflow}` }),
    ...(runnerEnvironment === null ? {} : { runnerEnvironment }),
  };
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

/** So many builders of the policy, each counted once however often it signed, and all of them say the same. */
export function agreementChecks(
  acceptable: readonly Judged[],
  threshold: number,
  reference: Deployment | undefined,
): Check[] {
  if (threshold === 1) return [];
  const source = 'policy, code.threshold';
  const builders = new Set(acceptable.map(({ builder }) => builder));
  const enough = decided(
    builders.size >= threshold,
    {
      rule: 'policy.code.threshold',
      expected: `${threshold} different builders`,
      found: String(builders.size),
      source,
    },
    'BUILDERS_TOO_FEW',
  );
  const dissenters = acceptable.filter(({ signed }) => !agrees(signed, reference));
  const agree = decided(
    dissenters.length === 0,
    {
      rule: 'policy.code.agreement',
      expected: 'every builder signed the same measurement, command line and configuration',
      found: dissenters.map(({ signed }) => signed.identity.subject).join(', ') || 'the same',
      source,
    },
    'BUILDERS_DISAGREE',
  );
  return [enough, agree];
}

function agrees({ statement }: SignedStatement, reference: Deployment | undefined): boolean {
  const own = readReference(statement);
  if (own instanceof VerifierError || !reference) return false;
  const said = ({ snpMeasurement, tdxMeasurement, cmdline, hashes }: Deployment) =>
    JSON.stringify([snpMeasurement, tdxMeasurement, cmdline, hashes]);
  const none = new Uint8Array(0);
  return said(own) === said(reference) && equalBytes(own.config ?? none, reference.config ?? none);
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
