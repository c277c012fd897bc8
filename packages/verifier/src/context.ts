/** What every group of checks is given: one appraisal's inputs, none of them global. */
import type { Anchors } from './anchors.ts';
import type { SigstoreKeys } from './code/sigstore-keys.ts';
import { VerifierError } from './error.ts';
import type { VerificationPolicy } from './policy.ts';
import type { Presented } from './presented.ts';
import type { ProofConnection, ReleaseMemory } from './proof.ts';
import type { Answer, ResourceRequest, Source } from './source.ts';

export interface Context {
  readonly presented: Presented;
  readonly policy: VerificationPolicy;
  readonly anchors: Anchors;
  readonly source: Source;
  /** Found out when somebody first asks, and once. */
  readonly sigstoreKeys: () => Promise<SigstoreKeys>;
  /** Every time comparison is made with it. */
  readonly now: Date;
  /** 32 bytes that this client sent; null where nobody asked for the document. */
  readonly nonce: Uint8Array | null;
  readonly connection: ProofConnection | null;
  readonly memory: ReleaseMemory | null;
  /** As given by the person who asks. */
  readonly endpoint: string;
  /** "owner/name" as given by the person who asks. */
  readonly repository: string | null;
}

/** Why something is not there, for a check that could not be made. */
export interface Missing {
  readonly reason: string;
  readonly code: string;
}

/**
 * The resource, read; or why it is not there. A service that answers with something else than it should is as good as
 * one that does not answer.
 */
export async function askFor<T>(
  { source }: Pick<Context, 'source'>,
  request: ResourceRequest,
  read: (bytes: Uint8Array, answer: Extract<Answer, { ok: true }>) => T | Promise<T>,
): Promise<{ readonly value: T } | Missing> {
  const answer = await source.get(request);
  if (!answer.ok) return { reason: answer.message, code: answer.code };
  try {
    return { value: await read(answer.bytes, answer) };
  } catch (error) {
    if (error instanceof VerifierError && error.code === 'ENDORSEMENT_MALFORMED')
      return { reason: error.message, code: error.code };
    throw error;
  }
}
