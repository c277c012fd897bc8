/** A release of a deployment: configuration, command line, measurements, the signed statement about them. */
import { sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { measureSnp } from '@vitrine/measure';
import type { SigningIdentity, SimulatedSigstore } from '@vitrine/simtee';
import type { SigstoreDefect } from '@vitrine/simtee/sigstore';

export const repository = 'acme/chat';
const predicateType = 'https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1';

export interface ReleaseRequest {
  readonly sigstore: SimulatedSigstore;
  /** When it is signed. */
  readonly at: Date;
  /** Default "v1.2.0". */
  readonly tag?: string;
  /** ROOT_OFFSET_UUID of the one model pack; default `modelInfo`. */
  readonly model?: string;
  /** Default 2. */
  readonly gpus?: number;
  /** Default one that is pinned by its digest. */
  readonly image?: string;
  /** Default that of a GitHub workflow of `repository` on the tag. */
  readonly identity?: SigningIdentity;
  readonly sigstoreDefect?: SigstoreDefect;
  /** Words behind those of the command line, signed. */
  readonly extraWords?: string;
  /** Stands in the statement instead of the configuration whose hash is on the command line. */
  readonly statedConfig?: Uint8Array;
  /** What the statement is about instead of the deployment file, 32 bytes. */
  readonly subject?: Uint8Array;
}

export interface Release {
  readonly repository: string;
  readonly tag: string;
  readonly cmdline: string;
  readonly config: Uint8Array;
  /** tinfoil-deployment.json, exact bytes. */
  readonly deployment: Uint8Array;
  /** SHA-256 of it, 32 bytes. */
  readonly digest: Uint8Array;
  /** Sigstore bundle, JSON. */
  readonly bundle: Uint8Array;
  /** Shown in the place of the one. */
  readonly bundles?: readonly Uint8Array[];
  /** 48 bytes. */
  readonly launchDigest: Uint8Array;
  readonly rtmr1: Uint8Array;
  readonly rtmr2: Uint8Array;
}

/** Of the demo's pack. */
export const modelInfo =
  'be969c34ab61171740151a41f1d22c9a98e46829094b0cbe2c596e61c79aa28b_1056768_39c55a8e-6659-503b-aa99-bb5dec1c85d9';
export const pinnedImage =
  'ghcr.io/acme/inference@sha256:6f5d4c3b2a190817f6e5d4c3b2a19080f7e6d5c4b3a2918070f6e5d4c3b2a190';

export const vcpus = 4;
/** Digest after the pages of a firmware, and metadata laid out as those of OVMF AmdSev. */
const firmware = {
  digest: new Uint8Array(48).fill(0xf1),
  sections: [
    { gpa: 0x800000, sizeBytes: 0x9000, type: 1 },
    { gpa: 0x80d000, sizeBytes: 0x1000, type: 2 },
    { gpa: 0x80e000, sizeBytes: 0x1000, type: 3 },
    { gpa: 0x810000, sizeBytes: 0x1000, type: 0x10 },
    { gpa: 0x811000, sizeBytes: 0xf000, type: 1 },
  ],
  hashTableGpa: 0x810400,
  resetEip: 0x80b004,
};
const kernelSha256 = new Uint8Array(32).fill(0x4b);
const initrdSha256 = new Uint8Array(32).fill(0x1d);
const diskRoot = toHex(new Uint8Array(32).fill(0xd1));

export function configBytes({
  model = modelInfo,
  gpus = 2,
  image = pinnedImage,
}: Partial<ReleaseRequest> = {}) {
  return utf8(`# What runs, and with which model. The hash of these bytes is measured.
cvm-version: 0.11.0
cpus: ${vcpus}
memory: 65536
gpus: ${gpus}
models:
  - name: stories260k
    repo: demo/stories260K@v1
    mpk: ${model}
containers:
  - name: inference
    image: "${image}"
shim:
  upstream-port: 8001
`);
}

export async function cmdlineOf(config: Uint8Array, extraWords?: string): Promise<string> {
  const words = [
    'readonly=on',
    'pci=realloc,nocrs',
    'root=/dev/mapper/root',
    `roothash=${diskRoot}`,
    `tinfoil-config-hash=${toHex(await sha256(config))}`,
    ...(extraWords === undefined ? [] : [extraWords]),
  ];
  return words.join(' ');
}

/** What the processor measures of a launch: 48 bytes. */
export async function launchDigestOf(cmdline: string, processors = vcpus): Promise<Uint8Array> {
  const { launchDigest } = await measureSnp({
    vmm: 'qemu',
    vcpus: processors,
    vcpuType: 'EPYC-v4',
    guestFeatures: 1n,
    firmware,
    boot: { kernel: { sha256: kernelSha256 }, initrd: { sha256: initrdSha256 }, cmdline },
  });
  return launchDigest;
}

export async function createRelease(request: ReleaseRequest): Promise<Release> {
  const { sigstore, at, tag = 'v1.2.0', extraWords } = request;
  const config = configBytes(request);
  const cmdline = await cmdlineOf(config, extraWords);
  const launchDigest = await launchDigestOf(cmdline);
  const registers = { rtmr1: new Uint8Array(48).fill(0x71), rtmr2: new Uint8Array(48).fill(0x72) };
  const file = deploymentOf(request.statedConfig ?? config, cmdline, launchDigest, registers);
  const deployment = utf8(JSON.stringify(file, null, 2));
  const digest = await sha256(deployment);
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'tinfoil-deployment.json', digest: { sha256: toHex(request.subject ?? digest) } }],
    predicateType,
    predicate: file,
  };
  const bundle = await sigstore.signDsse({
    payload: JSON.stringify(statement),
    identity: request.identity ?? { repository, ref: `refs/tags/${tag}` },
    at,
    ...(request.sigstoreDefect ? { defect: request.sigstoreDefect } : {}),
  });
  return {
    repository,
    tag,
    cmdline,
    config,
    deployment,
    digest,
    bundle: utf8(bundle),
    launchDigest,
    ...registers,
  };
}

function deploymentOf(
  config: Uint8Array,
  cmdline: string,
  launchDigest: Uint8Array,
  { rtmr1, rtmr2 }: { rtmr1: Uint8Array; rtmr2: Uint8Array },
): object {
  return {
    snp_measurement: toHex(launchDigest),
    tdx_measurement: { rtmr1: toHex(rtmr1), rtmr2: toHex(rtmr2) },
    cmdline,
    hashes: { root: diskRoot, kernel: toHex(kernelSha256), initrd: toHex(initrdSha256) },
    config: toBase64(config),
    measurement_inputs: {
      snp: {
        vmm: 'qemu',
        vcpus,
        vcpu_type: 'EPYC-v4',
        guest_features: 1,
        firmware_hash_hex: toHex(firmware.digest),
        sections: firmware.sections.map(({ gpa, sizeBytes, type }) => ({ gpa, size: sizeBytes, type })),
        hash_table_gpa: firmware.hashTableGpa,
        reset_eip: firmware.resetEip,
      },
    },
  };
}
