/** Sigstore bundles: each under the instance that vouches for it, with the statement and the identity that signed it. */
import { latin1 } from '@vitrine/bytes';
import {
  type AuthenticBundle,
  type Identity,
  ProvenanceError,
  type SigstoreBundle,
  type Statement,
  type TrustedRoot,
  authenticateBundle,
  githubRequirements,
  parseSigstoreBundle,
  publicGoodRequirements,
} from '@vitrine/provenance';
import { type Refusal, refusalOf } from '../refusal.ts';

export interface SignedStatement {
  readonly bundle: AuthenticBundle;
  readonly statement: Statement;
  readonly identity: Identity;
}

export interface Authenticated {
  readonly authentic: readonly SignedStatement[];
  readonly refusals: readonly Refusal[];
}

/** Each once, under the first of the trusted instances that vouches for it. Whoever read them bounded their number. */
export async function authenticateAll(
  bundles: readonly Uint8Array[],
  roots: readonly TrustedRoot[],
  now: Date,
): Promise<Authenticated> {
  const outcomes = await Promise.all(
    distinct(bundles).map(async (bytes): Promise<SignedStatement | Refusal> => {
      try {
        return await underAny(parseSigstoreBundle(bytes), roots, now);
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

function distinct(bundles: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(bundles.map((bytes) => [latin1(bytes), bytes])).values()];
}

async function underAny(
  bundle: SigstoreBundle,
  roots: readonly TrustedRoot[],
  now: Date,
): Promise<SignedStatement | Refusal> {
  let refusal: Refusal = {
    code: 'TRUST_ROOT_INVALID',
    message: 'No Sigstore instance is trusted: name one (--trusted-root FILE).',
  };
  for (const trustedRoot of roots) {
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
