/** Results of simulated services: one for each verdict and platform, by name. */
import { toHex } from '@vitrine/bytes';
import {
  type AttestationResult,
  defaultPolicy,
  formatPolicy,
  verifyProof,
  writeProof,
} from '../../src/index.ts';
import { repository } from '../end-to-end/release.ts';
import { tdxPlatform } from '../end-to-end/platforms.ts';
import { type Scene, honestScene } from '../end-to-end/scene.ts';
import { type World, createWorld } from '../end-to-end/world.ts';
import { type GatherRequest, anchorsOf, gather } from './gathered.ts';

export interface NamedResult {
  readonly why: string;
  readonly verdict: AttestationResult['verdict'];
  readonly result: AttestationResult;
}

/** @param world what the logs sign now must not be of the future: it is made now */
export async function makeResults(world: World): Promise<Readonly<Record<string, NamedResult>>> {
  const honest = honestScene(world);
  const gathered = async (
    why: string,
    verdict: AttestationResult['verdict'],
    request: Partial<GatherRequest> & { readonly change?: Partial<Scene> },
  ): Promise<NamedResult> => {
    const { change, ...others } = request;
    const { result } = await gather({ world, scene: { ...honest, ...change }, ...others });
    return { why, verdict, result };
  };
  return {
    'verified-snp': await gathered('SNP and two GPUs, everything as it must be', 'verified', {}),
    'verified-tdx': await gathered('TDX and two GPUs, on a platform that the policy names', 'verified', {
      change: { platform: 'tdx' },
      policy: tdxPolicyText(),
    }),
    'verified-pinned': await gathered('A pinned measurement, no release and no GPU', 'verified', {
      change: { gpus: [] },
      policy: pinnedPolicyText(world),
    }),
    'failed-debug': await gathered('The VM can be debugged', 'failed', {
      change: { report: { policy: 0xb0000n } },
    }),
    'failed-measurement': await gathered('Something else was launched than was signed', 'failed', {
      change: { measurement: new Uint8Array(48).fill(9) },
    }),
    'failed-document': await gathered('The document cannot be read', 'failed', {
      change: { alter: (document) => void (document['nonce'] = 'no digits') },
    }),
    'failed-proof-age': {
      why: 'The proof is older than the policy takes',
      verdict: 'failed',
      result: await replayedLate(world),
    },
    'not-checked-unreachable': await gathered('The service cannot be reached', 'not-checked', {
      unreachable: 'CONNECTION_REFUSED',
    }),
    'not-checked-revocation': await gathered("AMD's revocation list is missing", 'not-checked', {
      isMissing: ({ kind }) => kind === 'amd-crl',
    }),
    'not-checked-builder': await gathered('Nobody is named who may build it', 'not-checked', {
      policy: formatPolicy(defaultPolicy({})),
    }),
    'not-checked-blyss': await gathered('Blyss: no nonce, and its firmware is not at hand', 'not-checked', {
      change: { dialect: 'blyss' },
      policy: formatPolicy(defaultPolicy({})),
    }),
  };
}

export function newWorld(): Promise<World> {
  return createWorld({ now: new Date(Date.now() - 60_000) });
}

function tdxPolicyText(): string {
  const policy = defaultPolicy({ repository });
  const hardware = [{ id: 'simulated', mrtd: toHex(tdxPlatform.mrtd), rtmr0: toHex(tdxPlatform.rtmr0) }];
  return formatPolicy({ ...policy, name: 'TDX', measurements: { ...policy.measurements, hardware } });
}

function pinnedPolicyText({ release }: World): string {
  const policy = defaultPolicy({});
  const pinned = [{ name: 'v1.2.0', registers: { launchDigest: toHex(release.launchDigest) } }];
  return formatPolicy({ ...policy, name: 'pinned', measurements: { ...policy.measurements, pinned } });
}

async function replayedLate(world: World): Promise<AttestationResult> {
  const policy = defaultPolicy({ repository });
  const strict = { ...policy, freshness: { ...policy.freshness, maximumProofAgeSeconds: 3600 } };
  const { proof } = await gather({ world, scene: honestScene(world) });
  const at = new Date(proof.gatheredAt.getTime() + 7200_000);
  return verifyProof(await writeProof(proof), {
    anchors: await anchorsOf(world),
    policy: { ...strict, sha256: '0'.repeat(64) },
    at,
  });
}
