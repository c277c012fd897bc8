/** Group 2, code integrity: who built what runs, where that was logged, and whether something newer was seen. */
import { type Check, decided, passed } from '@vitrine/appraisal';
import type { AuthenticBundle, TrustedRoot } from '@vitrine/provenance';
import { builderName } from '../builder-name.ts';
import { checkBlyssCode } from '../consistency/blyss.ts';
import type { Context } from '../context.ts';
import type { Deployment } from '../dialects/deployment.ts';
import { VerifierError } from '../error.ts';
import { appraiseRollback } from '../memory/rollback.ts';
import type { BuilderPolicy } from '../policy.ts';
import { type Promised, promised, promisedBut, refused, unchecked } from '../promise.ts';
import type { ResultCheck, ResultRelease } from '../result.ts';
import { agreementChecks, fileCheck, inOrder } from './agreement.ts';
import { type Judged, isLeftOpen, judge, nearest, readReference, tagOf } from './builders.ts';
import { type SignedStatement, authenticateAll } from './bundles.ts';
import { type Release, findRelease } from './release.ts';

/** What somebody whom the policy names signed. */
export interface SignedReference {
  readonly deployment: Deployment;
  /** SHA-256 of the deployment file, hexadecimal. */
  readonly digest: string;
}

export interface Code {
  /** Only where the signature, the builder and the digest are as they must be. */
  readonly reference: SignedReference | undefined;
  readonly release: ResultRelease | null;
  readonly loggedAt: Date | undefined;
  readonly trusted: readonly string[];
  readonly checks: readonly ResultCheck[];
}

const signature: Promised = {
  rule: 'code.signature',
  title: 'The deployment statement is signed, and its signing is on record',
  evidence: 'Sigstore bundle',
  expected: 'a bundle that a trusted Sigstore instance vouches for',
  source: 'Sigstore client specification',
};
const builder: Promised = {
  rule: 'code.builder',
  title: 'It was built by whom the policy names',
  evidence: 'Sigstore bundle',
  expected: 'an identity that the policy names',
  source: 'policy, code.builders',
};
const subject: Promised = {
  rule: 'code.subject',
  title: 'The statement is about this very release',
  evidence: 'Sigstore bundle',
  expected: "the release's digest as first subject, a predicate type that is known",
  source: 'in-toto Statement v1',
};
const rollback: Promised = {
  rule: 'code.rollback',
  title: 'No newer release of this service was seen before',
  evidence: 'memory of this client',
  expected: 'the newest release that this client has seen, or a newer one',
  source: 'policy, code.allow-rollback',
};

const witnesses: Promised = {
  rule: 'code.witnesses',
  title: 'Witnesses say that the release is still current',
  required: false,
  evidence: 'document',
  expected: 'a recent statement of a witness about this release',
  source: 'Tinfoil, sigstore-freshness',
};

export async function checkCode(context: Context): Promise<Code> {
  const { policy, presented } = context;
  const isPinned = policy.measurements.pinned.length > 0;
  if (presented.dialect === 'blyss' && !isPinned) return checkBlyssCode(context);
  if (policy.code.builders.length === 0) return withoutBuilder(context);
  const [{ roots }, release] = await Promise.all([context.sigstoreKeys(), findRelease(context)]);
  if ('reason' in release) return nothing(release.reason, release.code);
  const code = await signedCode(release, roots, context);
  return { ...code, checks: [...code.checks, ...witnessCheck(presented)] };
}

/** Shown, so that nobody takes their presence for a proof. */
function witnessCheck({ release, form }: Context['presented']): ResultCheck[] {
  const count = release.freshnessBundles?.length ?? 0;
  if (count === 0) return [];
  const reason = `the document carries ${count === 1 ? 'a statement of a witness' : `${count} statements of witnesses`}, which this verifier does not judge; limit the release's age by the policy (code.maximum-age-days)`;
  return [
    unchecked({ ...witnesses, source: `Tinfoil ${form}, sigstore-freshness` }, reason, 'WITNESS_NOT_JUDGED'),
  ];
}

async function signedCode(release: Release, roots: readonly TrustedRoot[], context: Context): Promise<Code> {
  const bundles = await authenticateAll(release.bundles, roots, context.now);
  if (bundles.authentic.length === 0) {
    const [first] = bundles.refusals;
    const check = first ? refused(signature, first) : unchecked(signature, 'the release has no bundle');
    return { ...nothing('no signature is good'), checks: [check, ...gone('no signature is good')] };
  }
  return appraise(release, bundles.authentic, context);
}

/** Reference values come from the policy, or from nowhere. */
function withoutBuilder({ policy, presented }: Context): Code {
  const empty = { reference: undefined, release: null, loggedAt: undefined, trusted: [] };
  const what: Promised = {
    rule: 'code.reference',
    title: 'What must run is known from somebody other than the service',
    evidence: 'policy',
    expected: 'a builder, or a pinned measurement',
    source: 'policy, code.builders and measurements.pinned',
  };
  const { pinned } = policy.measurements;
  if (pinned.length > 0) {
    const names = pinned.map(({ name }) => name).join(', ');
    const rule = {
      rule: 'policy.pinned',
      expected: what.expected,
      found: `pinned: ${names}`,
      source: what.source,
    };
    return {
      ...empty,
      trusted: [`the measurements that the policy pins (${names})`],
      checks: [promised(what, [passed(rule)])],
    };
  }
  const hint =
    presented.release.repository === undefined
      ? 'name who may build it (--repo owner/name, or a policy)'
      : `the service says it is built from ${presented.release.repository}; say so yourself if you trust that (--repo ${presented.release.repository}, or a policy)`;
  return {
    ...empty,
    checks: [unchecked(what, `nobody is named who may build it: ${hint}`, 'BUILDER_NOT_NAMED')],
  };
}

function nothing(reason: string, code?: string): Code {
  return {
    reference: undefined,
    release: null,
    loggedAt: undefined,
    trusted: [],
    checks: [unchecked(signature, reason, code), ...gone(reason)],
  };
}

function gone(reason: string): ResultCheck[] {
  return [builder, subject, rollback].map((each) => unchecked(each, reason));
}

function appraise(release: Release, statements: readonly SignedStatement[], context: Context): Code {
  const { policy, presented } = context;
  const judged = statements.map((signed) => judge(signed, release.digest, policy.code));
  const accepted = inOrder(
    judged.filter(({ builder }) => builder !== undefined),
    policy.code,
  );
  const chosen = accepted[0] ?? nearest(judged);
  const { bundle, statement, identity } = chosen.signed;
  const loggedAt = bundle.observedTimes[0]?.time;
  const deployment = accepted.length > 0 ? readReference(statement) : undefined;
  const readable = deployment instanceof VerifierError ? undefined : deployment;
  const agreement = agreementChecks(accepted, policy.code, readable);
  const file = presented.release.deployment;
  const shown = file && readable ? [fileCheck(file, readable)] : [];
  const isAccepted =
    readable !== undefined && [...agreement, ...shown].every(({ outcome }) => outcome !== 'fail');
  const isIdentity = ({ rule }: Check) => rule.startsWith('sigstore.identity');
  const tag = tagOf(identity);
  const checks = [
    // What the statement is about is the promise after the next.
    // A bundle without enough entries and times was refused before: what one lacks, another has.
    promisedBut(
      signature,
      bundle.checks.filter(({ rule }) => rule !== 'sigstore.artifact'),
      () => true,
      describeLog(bundle),
    ),
    promisedBut(
      builder,
      [...chosen.checks.filter(isIdentity), ...agreement],
      (check) => isLeftOpen(chosen.builder)(check) || agreement.includes(check),
      signersText(accepted),
    ),
    deployment instanceof VerifierError
      ? refused(subject, deployment)
      : promised(
          subject,
          [...chosen.checks.filter((check) => !isIdentity(check)), ...shown],
          `release ${release.digest}`,
        ),
    rollbackCheck({ tag: tag ?? null, digest: release.digest, loggedAt }, isAccepted, context),
    ...ageCheck(loggedAt, context),
  ];
  return {
    reference: isAccepted ? { deployment: readable, digest: release.digest } : undefined,
    release: {
      repository: release.repository,
      tag: tag ?? release.tag ?? null,
      digest: release.digest,
      signers: [...new Set([chosen, ...accepted, ...judged])].map(({ signed }) => ({
        issuer: signed.identity.issuer ?? '',
        identity: signed.identity.subject,
        loggedAt: signed.bundle.observedTimes[0]?.time.toISOString() ?? null,
      })),
    },
    loggedAt,
    trusted: [
      whoIsTrusted(chosen.builder ?? policy.code.builders[0]!),
      'Sigstore: its certificate authority and its transparency log',
    ],
    checks,
  };
}

function whoIsTrusted(builder: BuilderPolicy): string {
  const name = builderName(builder);
  if ('subject' in builder) return `${name}, who signs it, and ${builder.issuer}, which says who that is`;
  const system = 'project' in builder ? `GitLab (${builder.issuer})` : 'GitHub';
  const push = builder.ref.startsWith('refs/heads/') ? 'push to' : 'push a tag to';
  return `the people who can ${push} ${name}, and ${system}, which builds it`;
}

/** The first is gone by. */
function signersText(accepted: readonly Judged[]): string {
  const [first, ...others] = [...new Set(accepted.map(({ signed }) => signed.identity.subject))];
  return others.length === 0 ? (first ?? 'nobody') : `${first}; signed as well by ${others.join(', ')}`;
}

function describeLog({ logEntries, observedTimes }: AuthenticBundle): string {
  const at = observedTimes[0]?.time.toISOString() ?? 'no time';
  return logEntries.length > 0 ? `logged at ${at}, entry ${logEntries[0]!.logIndex}` : `timestamped at ${at}`;
}

interface Seen {
  /** As the certificate says it, not the document. */
  readonly tag: string | null;
  readonly digest: string;
  readonly loggedAt: Date | undefined;
}

function rollbackCheck(
  { tag, digest, loggedAt }: Seen,
  isAccepted: boolean,
  { memory, policy }: Context,
): ResultCheck {
  const what = { ...rollback, required: false };
  if (!isAccepted) return unchecked(what, 'the release is not accepted');
  const loggedAtUnix = loggedAt ? Math.floor(loggedAt.getTime() / 1000) : null;
  return promised(what, [appraiseRollback(memory, { tag, digest, loggedAtUnix }, policy.code.allowRollback)]);
}

const DAY_MS = 86_400_000;

function ageCheck(loggedAt: Date | undefined, { policy, now }: Context): ResultCheck[] {
  const days = policy.code.maximumAgeDays;
  if (days === null) return [];
  const what: Promised = {
    rule: 'code.age',
    title: 'The release is not too old',
    evidence: 'Sigstore bundle',
    expected: `logged in the last ${days} days`,
    source: 'policy, code.maximum-age-days',
  };
  if (!loggedAt) return [unchecked(what, 'no log or timestamp says when it was signed')];
  const age = Math.floor((now.getTime() - loggedAt.getTime()) / DAY_MS);
  const rule = {
    rule: 'policy.code.maximum-age',
    expected: what.expected,
    found: `${age} days ago`,
    source: what.source,
  };
  return [promised(what, [decided(age <= days, rule, 'RELEASE_TOO_OLD')])];
}
