/** The same verdict again, from what was saved: no network, another machine, later. */
import type { Anchors } from './anchors.ts';
import { VerifierError } from './error.ts';
import type { VerificationPolicy } from './policy.ts';
import { parsePolicy } from './policy-file/index.ts';
import type { Proof } from './proof.ts';
import { parseProof } from './proof-file/index.ts';
import type { AttestationResult } from './result.ts';
import { ReplayingSource } from './source.ts';
import { type ProgressEvent, appraiseEndpoint } from './verify-url.ts';
import { resultWithoutDocument } from './verify.ts';

export interface ReplayOptions {
  readonly anchors: Anchors;
  /** Left out, the policy that the proof holds: whoever made the proof has chosen it. */
  readonly policy?: VerificationPolicy | undefined;
  /** The time to judge for; left out, the time at which the proof was gathered, by the clock of whoever made it. */
  readonly at?: Date | undefined;
  /** "owner/name"; left out, the one that the proof holds. */
  readonly repository?: string | undefined;
  readonly onEvent?: ((event: ProgressEvent) => void) | undefined;
}

/** @throws VerifierError PROOF_MALFORMED or POLICY_MALFORMED */
export async function verifyProof(bytes: Uint8Array, options: ReplayOptions): Promise<AttestationResult> {
  return replay(await parseProof(bytes), options);
}

/** @throws VerifierError POLICY_MALFORMED, or PROOF_MALFORMED where the endpoint is no address */
export async function replay(proof: Proof, options: ReplayOptions): Promise<AttestationResult> {
  const policy = options.policy ?? (await parsePolicy(proof.policy));
  const now = options.at ?? proof.gatheredAt;
  const { endpoint } = proof;
  const tooOld = ageRefusal(proof, policy, now);
  if (tooOld) return resultWithoutDocument({ endpoint, policy, now }, tooOld, 'fail');
  if (proof.answers.length === 0) {
    const empty = new VerifierError(
      'OFFLINE',
      'The proof holds no document: the endpoint could not be reached when it was made.',
    );
    return resultWithoutDocument({ endpoint, policy, now }, empty, 'not-checked');
  }
  return appraiseEndpoint({
    endpoint,
    origin: originOf(endpoint),
    policy,
    anchors: options.anchors,
    source: new ReplayingSource(proof.answers),
    now,
    nonce: proof.nonce,
    connection: proof.connection,
    memory: proof.memory,
    repository: options.repository ?? proof.repository,
    dialect: proof.requestedDialect ?? undefined,
    onEvent: options.onEvent,
  });
}

function originOf(endpoint: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`;
  if (!URL.canParse(text))
    throw new VerifierError('PROOF_MALFORMED', 'The endpoint of the proof is no address.');
  return new URL(text).origin;
}

function ageRefusal(
  { gatheredAt }: Proof,
  { freshness }: VerificationPolicy,
  now: Date,
): { readonly code: string; readonly message: string } | undefined {
  const limit = freshness.maximumProofAgeSeconds;
  const age = Math.floor((now.getTime() - gatheredAt.getTime()) / 1000);
  if (age < 0)
    return {
      code: 'PROOF_FROM_FUTURE',
      message: `The proof was gathered at ${gatheredAt.toISOString()}, after the time given.`,
    };
  if (limit === null || age <= limit) return undefined;
  return { code: 'PROOF_TOO_OLD', message: `The proof is ${age} s old; the policy allows ${limit} s.` };
}
