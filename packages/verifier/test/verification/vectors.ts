/** The vectors of docs/vectors/verification: whole proofs of simulated services, and what each must be found to be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseLogList, parseTrustedRoot } from '@vitrine/provenance';
import { ctLogListJson } from '@vitrine/simtee/ct';
import { formatPemCertificates, parsePemCertificates } from '@vitrine/x509';
import {
  type Anchors,
  type AttestationResult,
  defaultPolicy,
  formatPolicy,
  verifyProof,
  writeProof,
} from '../../src/index.ts';
import { repository } from '../end-to-end/release.ts';
import { type Scene, honestScene } from '../end-to-end/scene.ts';
import type { World } from '../end-to-end/world.ts';
import { type GatherRequest, anchorsOf, gather } from '../result/gathered.ts';

export const vectorsFolder = new URL('../../../../docs/vectors/verification/', import.meta.url).pathname;

export interface Expectation {
  readonly why: string;
  /** When it is judged, counted from the proof's `gatheredAt`. */
  readonly afterSeconds: number;
  readonly verdict: AttestationResult['verdict'];
  /** By rule: "pass", "fail CODE", "not-checked", "not-checked CODE". */
  readonly checks: Readonly<Record<string, string>>;
}

export interface MadeVector {
  readonly proof: Uint8Array;
  readonly expect: Expectation;
}

interface Plan extends Partial<Omit<GatherRequest, 'world' | 'scene'>> {
  readonly why: string;
  readonly change?: Partial<Scene>;
  readonly afterSeconds?: number;
}

const YEAR_SECONDS = 366 * 86_400;

/** @param world a new one: its logs sign now, and its keys are its own, so that proofs differ and expectations do not */
export async function makeVectors(world: World): Promise<ReadonlyMap<string, MadeVector>> {
  const anchors = await anchorsOf(world);
  const made = new Map<string, MadeVector>();
  for (const [name, plan] of Object.entries(await plans(world))) {
    const { why, change, afterSeconds = 0, ...request } = plan;
    const { proof } = await gather({ world, scene: { ...honestScene(world), ...change }, ...request });
    const bytes = await writeProof(proof);
    const result = await judge(bytes, anchors, afterSeconds, proof.gatheredAt);
    made.set(name, { proof: bytes, expect: { why, afterSeconds, ...found(result) } });
  }
  return made;
}

async function plans(world: World): Promise<Readonly<Record<string, Plan>>> {
  const withoutGpus = { release: await world.issueRelease({ gpus: 0 }), gpus: [] };
  const withGpu = { release: await world.issueRelease({ gpus: 1 }), gpus: [world.gpus[0]] };
  const policy = defaultPolicy({ repository });
  const ofAnother = defaultPolicy({ repository: 'someone/else' });
  const strict = { ...policy, freshness: { ...policy.freshness, maximumProofAgeSeconds: 3600 } };
  return {
    'snp-gpu': { why: 'SNP and a GPU, everything as it must be', change: withGpu },
    snp: { why: 'SNP without a GPU, everything as it must be', change: withoutGpus },
    'tinfoil-v3': {
      why: 'The same in the third form of Tinfoil',
      change: { ...withoutGpus, dialect: 'tinfoil-v3' },
    },
    'tinfoil-v2': {
      why: 'The second form of Tinfoil, which has no nonce',
      change: { ...withoutGpus, dialect: 'tinfoil-v2' },
    },
    blyss: { why: 'Blyss, whose firmware is not in the proof', change: { dialect: 'blyss', gpus: [] } },
    tdx: {
      why: 'TDX on a machine of which nobody has said how it measures',
      change: { ...withoutGpus, platform: 'tdx' },
    },
    'snp-debug': {
      why: 'The VM can be debugged',
      change: { ...withoutGpus, report: { policy: 0xb0000n } },
    },
    'snp-measurement': {
      why: 'Something else was launched than was signed',
      change: { ...withoutGpus, measurement: new Uint8Array(48).fill(9) },
    },
    'snp-nonce': {
      why: "REPORTDATA covers another nonce than the document's",
      change: { ...withoutGpus, attestedNonce: new Uint8Array(32) },
    },
    'snp-tls': {
      why: 'Another TLS key is attested than the connection has',
      change: { ...withoutGpus, attestedTls: await world.issueTls() },
    },
    'snp-document': {
      why: 'The document is of the dialect and cannot be read',
      change: { ...withoutGpus, alter: (document) => void (document['nonce'] = 'no digits') },
    },
    'snp-builder': {
      why: 'Someone else signed the release than the policy names',
      change: withoutGpus,
      policy: formatPolicy(ofAnother),
    },
    'snp-late': {
      why: 'Judged a year later, when what it relies on is out of date',
      change: withoutGpus,
      afterSeconds: YEAR_SECONDS,
    },
    'snp-old': {
      why: 'Judged two hours later by a policy that takes proofs of one hour',
      change: withoutGpus,
      policy: formatPolicy(strict),
      afterSeconds: 7200,
    },
    'snp-crl': {
      why: "AMD's revocation list is not in the proof",
      change: withoutGpus,
      isMissing: ({ kind }) => kind === 'amd-crl',
    },
    'snp-gpus-missing': {
      why: 'The measured configuration declares a GPU, and none is shown',
      change: { ...withGpu, gpus: [] },
    },
    'gpu-nonce': {
      why: 'The report of the GPU is of another conversation',
      change: { ...withGpu, gpuReport: () => ({ nonce: new Uint8Array(32) }) },
    },
    unreachable: { why: 'Nobody answered', unreachable: 'CONNECTION_REFUSED' },
  };
}

/** By the policy of the proof. */
export function judge(
  proof: Uint8Array,
  anchors: Anchors,
  afterSeconds: number,
  gatheredAt: Date,
): Promise<AttestationResult> {
  return verifyProof(proof, { anchors, at: new Date(gatheredAt.getTime() + afterSeconds * 1000) });
}

export function found({ verdict, groups }: AttestationResult): Pick<Expectation, 'verdict' | 'checks'> {
  const checks = groups.flatMap((group) => group.checks);
  return {
    verdict,
    checks: Object.fromEntries(
      checks.map(({ rule, outcome, code }) => [rule, code === undefined ? outcome : `${outcome} ${code}`]),
    ),
  };
}

/** Files of the folder `anchors`, by name. */
export function anchorFiles(world: World): Readonly<Record<string, string | Uint8Array>> {
  const { amd, intel, nvidia, sigstore, logs, web, now } = world;
  return {
    'amd-genoa-ark.pem': formatPemCertificates([amd.ark]),
    'amd-genoa-ask.pem': formatPemCertificates([amd.ask]),
    'intel.pem': formatPemCertificates([intel.root.certificate]),
    'nvidia-device.pem': formatPemCertificates([nvidia.deviceRoot.certificate]),
    'nvidia-rim.pem': formatPemCertificates([nvidia.rimRoot.certificate]),
    'sigstore-trusted-root.json': sigstore.trustedRootJson,
    'ct-logs.json': ctLogListJson(logs, { timestamp: now }),
    'tls.pem': formatPemCertificates([web.root.certificate]),
  };
}

/** @param folder default the published ones */
export async function readAnchors(folder = join(vectorsFolder, 'anchors')): Promise<Anchors> {
  const bytes = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
  const pem = (name: string) => parsePemCertificates(readFileSync(join(folder, name), 'utf8'), name);
  return {
    snp: { Genoa: { ark: pem('amd-genoa-ark.pem')[0]!, ask: pem('amd-genoa-ask.pem')[0]! } },
    intel: pem('intel.pem'),
    nvidia: { device: pem('nvidia-device.pem'), rim: pem('nvidia-rim.pem') },
    sigstore: [parseTrustedRoot(bytes('sigstore-trusted-root.json'))],
    ctLogs: await parseLogList(bytes('ct-logs.json')),
    tlsRoots: pem('tls.pem'),
  };
}
