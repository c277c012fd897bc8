/** Verifies a simulated service without a network: the scene's documents and the mirror's answers straight from memory. */
import { fromHex, utf8 } from '@vitrine/bytes';
import { parseLogList, parseTrustedRoot } from '@vitrine/provenance';
import { ctLogListJson } from '@vitrine/simtee/ct';
import {
  type Anchors,
  type Answer,
  type FetchErrorCode,
  type ResourceRequest,
  type Source,
  type Verified,
  VerifierError,
  type VerifyOptions,
  defaultPolicy,
  formatPolicy,
  parsePolicy,
  verifyUrl,
} from '../../src/index.ts';
import { mirrorAnswer } from '../end-to-end/mirror.ts';
import { repository } from '../end-to-end/release.ts';
import { type Scene, writeDocument } from '../end-to-end/scene.ts';
import type { World } from '../end-to-end/world.ts';

export const endpoint = 'https://localhost';

/** Whom a client of this world must be told to believe. */
export async function anchorsOf({ amd, intel, nvidia, sigstore, logs, web, now }: World): Promise<Anchors> {
  return {
    snp: amd.anchors,
    intel: [intel.root.certificate],
    nvidia: { device: [nvidia.deviceRoot.certificate], rim: [nvidia.rimRoot.certificate] },
    sigstore: [parseTrustedRoot(utf8(sigstore.trustedRootJson))],
    ctLogs: await parseLogList(ctLogListJson(logs, { timestamp: now })),
    tlsRoots: [web.root.certificate],
  };
}

export interface GatherRequest {
  readonly world: World;
  readonly scene: Scene;
  /** YAML; default: the built-in policy for the world's repository. */
  readonly policy?: string;
  readonly anchors?: Anchors;
  /** Default 30 s after the world was made: what its logs sign now is not of the future. */
  readonly at?: Date;
  /** The endpoint cannot be reached, for this reason. */
  readonly unreachable?: FetchErrorCode;
  /** Resources that are not there. */
  readonly isMissing?: (request: ResourceRequest) => boolean;
  readonly memory?: VerifyOptions['memory'];
}

export async function gather(request: GatherRequest): Promise<Verified> {
  const { world, scene, policy = defaultPolicyText(), unreachable } = request;
  const policyBytes = utf8(policy);
  return verifyUrl(endpoint, {
    policy: await parsePolicy(policyBytes),
    policyBytes,
    anchors: request.anchors ?? (await anchorsOf(world)),
    clock: () => request.at ?? new Date(world.now.getTime() + 30_000),
    random: (lengthBytes) => new Uint8Array(lengthBytes).fill(0x6e),
    endorsements: endorsementsOf(request),
    ...(request.memory ? { memory: request.memory } : {}),
    connect: () => {
      if (unreachable)
        return Promise.reject(new VerifierError(unreachable, `${endpoint} cannot be reached.`));
      return Promise.resolve({
        seen: { host: 'localhost', port: 443, certificates: scene.tls.chain.map(({ der }) => der) },
        source: endpointOf(world, scene),
        close: () => undefined,
      });
    },
  });
}

export function defaultPolicyText(): string {
  return formatPolicy(defaultPolicy({ repository }));
}

const places: Readonly<Record<Scene['dialect'], string>> = {
  vitrine: '/.well-known/vitrine/attestation',
  'tinfoil-v3': '/.well-known/tinfoil-attestation',
  'tinfoil-v2': '/.well-known/tinfoil-attestation',
  blyss: '/.well-known/appspecific/dev.blyss.enclave/attestation.json',
};

function endpointOf(world: World, scene: Scene): Source {
  return {
    get: async ({ url }) => {
      const { pathname, searchParams } = new URL(url);
      if (pathname !== places[scene.dialect]) return absent(url);
      const nonce = fromHex(searchParams.get('nonce') ?? '00'.repeat(32));
      return { ok: true, bytes: await writeDocument(scene, world, nonce) };
    },
  };
}

function endorsementsOf({ world, scene, isMissing }: GatherRequest): Source {
  return {
    get: async (request) => {
      if (isMissing?.(request)) return absent(request.url);
      const { pathname, search } = URL.parse(request.url) ?? { pathname: '', search: '' };
      const found = await mirrorAnswer(
        scene,
        world,
        `${pathname}${search}`,
        request.body ?? new Uint8Array(0),
      );
      if (!found) return absent(request.url);
      const headers = Object.entries(found.headers)
        .map(([name, value]) => [name.toLowerCase(), value] as const)
        .filter(([name]) => name.endsWith('-issuer-chain'));
      return {
        ok: true,
        bytes: found.body,
        ...(headers.length > 0 ? { headers: Object.fromEntries(headers) } : {}),
      };
    },
  };
}

function absent(url: string): Answer {
  return { ok: false, code: 'HTTP_STATUS', message: `${url} answers with status 404.`, status: 404 };
}
