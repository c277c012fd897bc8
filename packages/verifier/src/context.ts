/** What every group of checks is given: one appraisal's inputs, none of them global. */
import type { Anchors } from './anchors.ts';
import type { VerificationPolicy } from './policy.ts';
import type { Presented } from './presented.ts';
import type { ProofConnection, ReleaseMemory } from './proof.ts';
import type { Answer, ResourceRequest, Source } from './source.ts';

export interface Context {
  readonly presented: Presented;
  readonly policy: VerificationPolicy;
  readonly anchors: Anchors;
  readonly source: Source;
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

/** The bytes, or why they are not there. */
export async function ask(context: Context, request: ResourceRequest): Promise<Answer> {
  return context.source.get(request);
}
