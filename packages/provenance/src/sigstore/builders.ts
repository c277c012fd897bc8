/** Several builders, one artifact: k of n identities must have signed for the very same digest. */
import { toHex } from '@vitrine/bytes';
import { type Check, decided } from '@vitrine/appraisal';
import type { AuthenticBundle } from './authenticate.ts';
import { type IdentityPolicy, appraiseIdentity } from './identity-policy.ts';
import type { StatementExpectation } from './statement-policy.ts';

export interface BuildersExpectation extends StatementExpectation {
  readonly subject: NonNullable<StatementExpectation['subject']>;
}

/**
 * One check for each policy, and one for their number. A bundle stands for one policy only, and so does an identity:
 * who signs twice, or matches two policies, counts once.
 * @param threshold how many of the policies must be satisfied, from 1 to their number
 */
export function appraiseBuilders(
  bundles: readonly AuthenticBundle[],
  policies: readonly IdentityPolicy[],
  threshold: number,
  expected: BuildersExpectation,
): Check[] {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > policies.length)
    throw new RangeError(`Expected a threshold from 1 to ${policies.length}, found ${threshold}.`);
  const identities = groupByIdentity(bundles);
  const candidates = policies.map((policy) =>
    [...identities]
      .filter(([, own]) => own.some((bundle) => satisfies(bundle, policy, expected)))
      .map(([identity]) => identity),
  );
  const assigned = assign(candidates);
  const satisfied = assigned.filter((identity) => identity !== undefined).length;
  const total = {
    rule: 'sigstore.builders.threshold',
    expected: `${threshold} of ${policies.length} builders for ${toHex(expected.subject.digest)}`,
    found: `${satisfied}`,
    source: 'docs/provenance.md, several builders',
  };
  return [
    ...policies.map((policy, index) => builderCheck(policy, assigned[index], satisfied >= threshold)),
    decided(satisfied >= threshold, total, 'BUILDERS_INSUFFICIENT'),
  ];
}

/** Missing one is no failure by itself when enough others have signed. */
function builderCheck(policy: IdentityPolicy, identity: string | undefined, isEnough: boolean): Check {
  const rule = {
    rule: 'sigstore.builders.builder',
    expected: 'subject' in policy ? policy.subject : `${policy.repository} by ${policy.issuer}`,
    source: 'docs/provenance.md, several builders',
  };
  if (identity === undefined && isEnough)
    return { ...rule, outcome: 'not-checked', found: 'nothing', reason: 'enough others have signed' };
  return decided(identity !== undefined, { ...rule, found: identity ?? 'nothing' }, 'BUILDER_MISSING');
}

function satisfies(bundle: AuthenticBundle, policy: IdentityPolicy, expected: BuildersExpectation): boolean {
  return appraiseIdentity(bundle, policy, expected).every(({ outcome }) => outcome !== 'fail');
}

/** By issuer and subject, of a workflow without its ref: two releases of one workflow are one builder. */
function groupByIdentity(bundles: readonly AuthenticBundle[]): Map<string, AuthenticBundle[]> {
  const groups = new Map<string, AuthenticBundle[]>();
  for (const bundle of bundles) {
    const { signer } = bundle;
    if (signer.kind === 'key') continue;
    const { workflow, subject, issuer, githubWorkflowRepository, sourceRepositoryUri } = signer.identity;
    const who = workflow ? `${workflow.server}/${workflow.repository}/${workflow.path}` : subject;
    // A reusable workflow signs for many repositories.
    const source = sourceRepositoryUri ?? githubWorkflowRepository;
    const name = [who, ...(source === undefined ? [] : [`for ${source}`]), `by ${issuer ?? 'nobody'}`].join(
      ' ',
    );
    groups.set(name, [...(groups.get(name) ?? []), bundle]);
  }
  return groups;
}

/** Each policy gets an identity of its own, as many as can be: augmenting paths (Kuhn 1955). */
function assign(candidates: readonly (readonly string[])[]): (string | undefined)[] {
  const holder = new Map<string, number>();
  const place = (policy: number, tried: Set<string>): boolean => {
    for (const identity of candidates[policy]!) {
      if (tried.has(identity)) continue;
      tried.add(identity);
      const other = holder.get(identity);
      if (other !== undefined && !place(other, tried)) continue;
      holder.set(identity, policy);
      return true;
    }
    return false;
  };
  candidates.forEach((_, policy) => place(policy, new Set()));
  const byPolicy = new Map([...holder].map(([identity, policy]) => [policy, identity]));
  return candidates.map((_, policy) => byPolicy.get(policy));
}
