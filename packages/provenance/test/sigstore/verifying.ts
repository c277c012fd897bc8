/** Verifies bundles of a simulated Sigstore under its root, or one that differs in one thing. */
import { utf8 } from '@vitrine/bytes';
import {
  type BundleEvidence,
  type SigstoreErrorCode,
  type TrustedRoot,
  authenticateBundle,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import type { SimulatedSigstore } from '@vitrine/simtee/sigstore';
import { expectRefused } from '../../../evidence/test/suite.ts';
import { later } from './release.ts';

export const artifact = utf8('the artifact');
/** Version 2 of Rekor leaves the time to the authority. */
export const rekorVersions = [1, 2] as const;

/** A service of a trusted root, as far as tests change it. */
export interface Service {
  validFor?: object;
  readonly certChain?: { readonly certificates: unknown[] };
  readonly publicKey?: { validFor?: object };
}

/** Under the root of the instance itself, some months later. */
export function authenticate(
  sigstore: SimulatedSigstore,
  evidence: Partial<BundleEvidence> & Pick<BundleEvidence, 'bundle'>,
) {
  return authenticateBundle({
    trustedRoot: parseTrustedRoot(sigstore.trustedRootJson),
    now: later,
    ...evidence,
  });
}

export async function refused(
  sigstore: SimulatedSigstore,
  evidence: Partial<BundleEvidence> & Pick<BundleEvidence, 'bundle'>,
  code: SigstoreErrorCode,
): Promise<void> {
  await expectRefused(() => authenticate(sigstore, evidence), code);
}

export function changedRoot(
  { trustedRootJson }: SimulatedSigstore,
  change: (root: Record<string, unknown>) => void,
): TrustedRoot {
  const root = JSON.parse(trustedRootJson) as Record<string, unknown>;
  change(root);
  return parseTrustedRoot(JSON.stringify(root));
}
