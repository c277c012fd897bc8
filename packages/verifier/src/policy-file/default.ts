/** What is demanded where nobody says otherwise: everything that can be checked, and nothing that would need a choice. */
import { snpProducts } from '@vitrine/evidence';
import { VerifierError } from '../error.ts';
import type { VerificationPolicy, WorkflowBuilder } from '../policy.ts';
import { completeFloors } from './tcb-floor.ts';
import { repository as repositoryForm } from './values.ts';

export const githubActionsIssuer = 'https://token.actions.githubusercontent.com';
export const githubServer = 'https://github.com';
export const gitlabIssuer = 'https://gitlab.com';

export const multiplatformPredicateType = 'https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1';

/** A builder of whom only the repository is said: any workflow of it, on a tag, on a runner of GitHub's. */
export function githubReleases(repository: string): WorkflowBuilder {
  return {
    issuer: githubActionsIssuer,
    server: githubServer,
    repository,
    workflow: null,
    ref: 'refs/tags/*',
    runnerEnvironment: 'github-hosted',
  };
}

/**
 * @param repository "owner/name", whose releases are accepted; without it nobody is named, and who built the code cannot be checked
 * @throws VerifierError ARGUMENT_INVALID
 */
export function defaultPolicy({
  repository,
}: { readonly repository?: string | undefined } = {}): VerificationPolicy {
  if (repository !== undefined) requireRepository(repository);
  return {
    name: 'built-in default',
    sha256: '',
    hardware: {
      platforms: ['sev-snp', 'tdx'],
      snp: {
        products: snpProducts,
        minimumTcb: completeFloors(snpProducts, {}),
        vmpl: [0],
        allowDebug: false,
        allowMigration: false,
        // Forbidding it would refuse nearly every machine there is; whoever fears the sibling thread says so.
        allowSmt: true,
        requireRevocation: true,
      },
      tdx: {
        acceptedStatuses: ['UpToDate'],
        outOfDateGraceDays: 0,
        minimumEvaluationDataNumber: null,
        mrSeam: null,
        allowDebug: false,
        requireCollateral: true,
      },
    },
    devices: {
      gpus: null,
      architectures: null,
      minimumDriverVersion: null,
      requireRims: true,
      // NVIDIA's OCSP responder must be asked while the evidence is fresh; documents seldom carry its answers.
      requireRevocation: false,
      requireBinding: true,
    },
    code: {
      builders: repository === undefined ? [] : [githubReleases(repository)],
      threshold: 1,
      predicateTypes: [multiplatformPredicateType],
      allowRollback: false,
      maximumAgeDays: null,
    },
    measurements: {
      pinned: [],
      modelRoots: null,
      // The parts are not published by every service; where they are, the check is made.
      requireRecomputation: false,
      requirePinnedImages: true,
      hardware: null,
    },
    freshness: { requireNonce: true, maximumProofAgeSeconds: null },
    channel: {
      domains: null,
      requireAttestedTlsKey: true,
      requireTrustedChain: true,
      ct: { required: true, minimumOperators: 2, requireInclusion: false },
    },
  };
}

function requireRepository(name: string): void {
  const pattern = new RegExp(repositoryForm.schema.pattern!);
  if (!pattern.test(name))
    throw new VerifierError(
      'ARGUMENT_INVALID',
      `Repository: expected owner/name, found ${JSON.stringify(name.slice(0, 80))}. Write it without https://github.com/ and without a tag.`,
    );
}
