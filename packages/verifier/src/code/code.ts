/** Group 2, code integrity: who built what runs, where that was logged, and whether something newer was seen. */
import { type Check, decided, passed } from '@vitrine/appraisal';
import { fromHex, sha256, toHex } from '@vitrine/bytes';
import {
  type AuthenticBundle,
  type Identity,
  type IdentityPolicy,
  ProvenanceError,
  type RefPolicy,
  type SigstoreBundle,
  type Statement,
  type TrustedRoot,
  appraiseIdentity,
  authenticateBundle,
  githubRequirements,
  parseSigstoreBundle,
  publicGoodRequirements,
} from '@vitrine/provenance';
import { checkBlyssCode } from '../consistency/blyss.ts';
import { type Context, type Missing, askFor } from '../context.ts';
import { type Deployment, readDeployment } from '../dialects/deployment.ts';
import { VerifierError } from '../error.ts';
import { appraiseRollback } from '../memory/rollback.ts';
import type { BuilderPolicy } from '../policy.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type Refusal, refusalOf } from '../refusal.ts';
import type { ResultCheck, ResultRelease } from '../result.ts';
import { parseAttestationsAnswer, parseReleaseHash } from '../sources/endorsements/answers.ts';
import { githubAttestationsRequest, releaseAssetRequest } from '../sources/endorsements/requests.ts';

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

export async function checkCode(context: Context): Promise<Code> {
  const { policy, presented } = context;
  const isPinned = policy.measurements.pinned.length > 0;
  if (presented.dialect === 'blyss' && !isPinned) return checkBlyssCode(context);
  if (policy.code.builders.length === 0) return withoutBuilder(context);
  const release = await findRelease(context);
  if ('reason' in release) return nothing(release.reason, release.code);
  const bundles = await authenticateAll(release.bundles, context);
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

interface Release {
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string;
  readonly bundles: readonly Uint8Array[];
}

/** The document's, or the repository's latest. */
async function findRelease(context: Context): Promise<Release | Missing> {
  const { presented, policy } = context;
  const { tag, deployment, bundles } = presented.release;
  const repository = context.repository ?? policy.code.builders[0]!.repository;
  const own = presented.release.digest ?? (deployment && toHex(await sha256(deployment)));
  const found = own === undefined ? await latestDigest(repository, context) : { value: own };
  if (!('value' in found)) return found;
  const digest = found.value;
  if (bundles.length > 0) return { repository, tag, digest, bundles };
  const request = githubAttestationsRequest(repository, digest);
  const published = await askFor(context, request, parseAttestationsAnswer);
  if ('value' in published) return { repository, tag, digest, bundles: published.value };
  const reason = `the signatures of ${repository}, release ${digest.slice(0, 12)}…, are missing: ${published.reason}`;
  return { reason, code: published.code };
}

async function latestDigest(
  repository: string,
  context: Context,
): Promise<{ readonly value: string } | Missing> {
  const answer = await askFor(
    context,
    releaseAssetRequest(repository, null, 'tinfoil.hash'),
    parseReleaseHash,
  );
  if ('value' in answer) return answer;
  return {
    reason: `the digest of the latest release of ${repository} is missing: ${answer.reason}`,
    code: answer.code,
  };
}

function readOr<T>(step: () => T): { readonly value: T } | VerifierError {
  try {
    return { value: step() };
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
}

interface SignedStatement {
  readonly bundle: AuthenticBundle;
  readonly statement: Statement;
  readonly identity: Identity;
}

interface Authenticated {
  readonly authentic: readonly SignedStatement[];
  readonly refusals: readonly Refusal[];
}

const MAX_BUNDLES = 16;

/** Each under the first of the trusted instances that vouches for it. */
async function authenticateAll(bundles: readonly Uint8Array[], context: Context): Promise<Authenticated> {
  const outcomes = await Promise.all(
    bundles.slice(0, MAX_BUNDLES).map(async (bytes): Promise<SignedStatement | Refusal> => {
      try {
        return await underAny(parseSigstoreBundle(bytes), context);
      } catch (error) {
        return refusalOf(error);
      }
    }),
  );
  return {
    authentic: outcomes.filter((outcome): outcome is SignedStatement => 'statement' in outcome),
    refusals: outcomes.filter((outcome): outcome is Refusal => 'message' in outcome),
  };
}

async function underAny(
  bundle: SigstoreBundle,
  { anchors, now }: Context,
): Promise<SignedStatement | Refusal> {
  let refusal: Refusal = {
    code: 'TRUST_ROOT_INVALID',
    message: 'No Sigstore instance is trusted: name one (--trusted-root FILE).',
  };
  for (const trustedRoot of anchors.sigstore) {
    try {
      return await statementUnder(bundle, trustedRoot, now);
    } catch (error) {
      refusal = refusalOf(error);
    }
  }
  return refusal;
}

/** @throws ProvenanceError */
async function statementUnder(
  bundle: SigstoreBundle,
  trustedRoot: TrustedRoot,
  now: Date,
): Promise<SignedStatement> {
  // An instance without logs (GitHub's, for private repositories) vouches with its timestamps alone.
  const requirements = trustedRoot.tlogs.length === 0 ? githubRequirements : publicGoodRequirements;
  const authentic = await authenticateBundle({ bundle, trustedRoot, now, requirements });
  const { statement, signer } = authentic;
  if (!statement)
    throw new ProvenanceError('PAYLOAD_TYPE_MISMATCH', 'The bundle signs no in-toto statement.');
  if (signer.kind !== 'certificate')
    throw new ProvenanceError(
      'IDENTITY_MISSING',
      'The bundle is signed with a bare key, by nobody who is named.',
    );
  return { bundle: authentic, statement, identity: signer.identity };
}

function appraise(release: Release, bundles: readonly SignedStatement[], context: Context): Code {
  const { policy } = context;
  const judged = bundles.map((each) => ({ each, checks: identityChecks(each, release, context) }));
  const acceptable = judged.filter(({ checks }) => checks.every(({ outcome }) => outcome === 'pass'));
  const chosen = acceptable[0] ?? judged[0]!;
  const { bundle, statement, identity } = chosen.each;
  const loggedAt = bundle.observedTimes[0]?.time;
  const isAccepted = acceptable.length > 0 && acceptable.length >= policy.code.threshold;
  const reference = isAccepted ? readReference(statement, release.digest) : undefined;
  const isIdentity = ({ rule }: Check) => rule.startsWith('sigstore.identity');
  const checks = [
    promised(signature, bundle.checks, describeLog(bundle)),
    builderCheck(
      chosen.checks.filter(isIdentity),
      acceptable.map(({ each }) => each),
      context,
    ),
    reference instanceof VerifierError
      ? refused(subject, reference)
      : promised(
          subject,
          chosen.checks.filter((check) => !isIdentity(check)),
          `release ${release.digest}`,
        ),
    rollbackCheck(release, loggedAt, isAccepted, context),
    ...ageCheck(loggedAt, context),
  ];
  return {
    reference: reference instanceof VerifierError ? undefined : reference,
    release: {
      repository: release.repository,
      tag: tagOf(identity) ?? release.tag ?? null,
      digest: release.digest,
      signers: judged.map(({ each }) => ({
        issuer: each.identity.issuer ?? '',
        identity: each.identity.subject,
        loggedAt: each.bundle.observedTimes[0]?.time.toISOString() ?? null,
      })),
    },
    loggedAt,
    trusted: [
      `the people who can push a tag to ${release.repository}, and GitHub, which builds it`,
      'Sigstore: its certificate authority and its transparency log',
    ],
    checks,
  };
}

/** "v1.2.3" of what ran on a tag. */
function tagOf({ sourceRepositoryRef, githubWorkflowRef }: Identity): string | undefined {
  return /^refs\/tags\/(.+)$/.exec(sourceRepositoryRef ?? githubWorkflowRef ?? '')?.[1];
}

/** By the builder of the policy that fits best: one that fails nowhere, or else the first. */
function identityChecks({ bundle }: SignedStatement, release: Release, { policy }: Context): Check[] {
  const attempts = policy.code.builders.map((one) =>
    appraiseIdentity(bundle, identityPolicy(one), {
      subject: { digest: fromHex(release.digest) },
      predicateTypes: policy.code.predicateTypes,
    }),
  );
  return attempts.find((checks) => checks.every(({ outcome }) => outcome === 'pass')) ?? attempts[0]!;
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
    ...(workflow === null ? {} : { workflow }),
    ...(runnerEnvironment === null ? {} : { runnerEnvironment }),
  };
}

/** A pattern of tags or of branches; any other ref is meant as it stands. */
function refPolicy(ref: string): RefPolicy {
  const [, kind, name] = /^refs\/(tags|heads)\/(.+)$/.exec(ref) ?? [];
  if (kind === undefined || name === undefined) return { ref };
  return kind === 'tags' ? { tag: name } : { branch: name };
}

function builderCheck(
  checks: readonly Check[],
  acceptable: readonly SignedStatement[],
  { policy }: Context,
): ResultCheck {
  const { threshold } = policy.code;
  const identities = new Set(acceptable.map(({ identity }) => identity.subject));
  const details =
    threshold > 1
      ? [
          ...checks,
          decided(
            identities.size >= threshold,
            {
              rule: 'policy.code.threshold',
              expected: `${threshold} different builders`,
              found: String(identities.size),
              source: 'policy, code.threshold',
            },
            'BUILDERS_TOO_FEW',
          ),
        ]
      : checks;
  return promised(builder, details, [...identities].join(', '));
}

function readReference(statement: Statement, digest: string): SignedReference | VerifierError {
  const outcome = readOr(() => readDeployment(statement.predicate));
  return outcome instanceof VerifierError ? outcome : { deployment: outcome.value, digest };
}

function describeLog({ logEntries, observedTimes }: AuthenticBundle): string {
  const at = observedTimes[0]?.time.toISOString() ?? 'no time';
  return logEntries.length > 0 ? `logged at ${at}, entry ${logEntries[0]!.logIndex}` : `timestamped at ${at}`;
}

function rollbackCheck(
  release: Release,
  loggedAt: Date | undefined,
  isAccepted: boolean,
  { memory, policy }: Context,
): ResultCheck {
  const what = { ...rollback, required: false };
  if (!isAccepted) return unchecked(what, 'the release is not accepted');
  if (!memory) return unchecked(what, 'this client keeps no memory of releases');
  const check = appraiseRollback(memory, {
    tag: release.tag ?? null,
    digest: release.digest,
    loggedAtUnix: loggedAt ? Math.floor(loggedAt.getTime() / 1000) : null,
  });
  if (check.outcome === 'fail' && policy.code.allowRollback)
    return unchecked(what, `the policy allows it: ${check.found}`);
  return promised(what, [check]);
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
