/** `tinfoil-deployment.json`: what a release says that it was built from and must measure to. */
import { type JsonNode, fromHex, parseJson } from '@vitrine/bytes';
import type { SnpFirmware, SnpSection, Vmm } from '@vitrine/measure';
import { lowerHex, malformed, matching, maybe, quoted, readPart } from './reading.ts';

export { type MeasuredConfig, readMeasuredConfig } from './measured-config.ts';

export interface Deployment {
  /** Launch digest, 96 hexadecimal digits. */
  readonly snpMeasurement?: string | undefined;
  /** 96 hexadecimal digits each. */
  readonly tdxMeasurement?: { readonly rtmr1: string; readonly rtmr2: string } | undefined;
  readonly cmdline: string;
  /** 64 hexadecimal digits each: verity root of the root disk, SHA-256 of kernel and initrd. */
  readonly hashes: { readonly root: string; readonly kernel: string; readonly initrd: string };
  /** Exact bytes of tinfoil-config.yml. */
  readonly config?: Uint8Array | undefined;
  /** SHA-256 in hexadecimal. */
  readonly firmware?:
    { readonly snpSha256?: string | undefined; readonly tdxSha256?: string | undefined } | undefined;
  readonly vmShape?: VmShape | undefined;
  /** Vitrine's addition: enough to recompute the launch digest from hashes. */
  readonly measurementInputs?: SnpInputs | undefined;
}

export interface VmShape {
  readonly cpus: number;
  readonly memoryMib: number;
  readonly gpus: number;
  readonly disks: number;
}

/** What a launch digest depends on besides kernel, initrd and command line. */
export interface SnpInputs {
  readonly vmm: Vmm;
  readonly vcpus: number;
  /** QEMU's name; or the signature, one of the two. */
  readonly vcpuType?: string | undefined;
  readonly vcpuSignature?: number | undefined;
  /** SEV_FEATURES. */
  readonly guestFeatures: bigint;
  readonly firmware?: SnpFirmware | undefined;
}

const what = 'tinfoil-deployment.json';
export const maximumDeploymentBytes = 4 * 1024 * 1024;
const MAX_CMDLINE = 4096;
const MAX_SECTIONS = 64;
const MAX_VCPUS = 4096;

/** @throws VerifierError DOCUMENT_MALFORMED */
export function parseDeployment(bytes: Uint8Array): Deployment {
  return readPart(what, () =>
    readDeployment(parseJson(bytes, what, { maxBytes: maximumDeploymentBytes, maxDepth: 16 })),
  );
}

/**
 * The same from a signed statement, whose predicate is the whole file.
 * @throws VerifierError DOCUMENT_MALFORMED
 */
export function readDeployment(node: JsonNode | undefined): Deployment {
  if (!node) throw malformed(what, 'an object', 'no predicate');
  return readPart(what, () => {
    node.onlyNames(
      'snp_measurement',
      'tdx_measurement',
      'cmdline',
      'hashes',
      'config',
      'firmware',
      'vm_shape',
      'measurement_inputs',
    );
    return {
      snpMeasurement: maybe(node, 'snp_measurement', (member) => lowerHex(member, 48)),
      tdxMeasurement: maybe(node, 'tdx_measurement', readTdxMeasurement),
      cmdline: readCmdline(node.get('cmdline')),
      hashes: readHashes(node.get('hashes')),
      config: maybe(node, 'config', (member) => member.base64()),
      firmware: maybe(node, 'firmware', readFirmware),
      vmShape: maybe(node, 'vm_shape', readVmShape),
      measurementInputs: maybe(node, 'measurement_inputs', readInputs),
    };
  });
}

function readTdxMeasurement(node: JsonNode): { rtmr1: string; rtmr2: string } {
  node.onlyNames('rtmr1', 'rtmr2');
  return { rtmr1: lowerHex(node.get('rtmr1'), 48), rtmr2: lowerHex(node.get('rtmr2'), 48) };
}

/** Printable ASCII: what a kernel, a shell and a person read the same way. */
function readCmdline(node: JsonNode): string {
  const text = node.string();
  if (text.length > MAX_CMDLINE || !/^[\x20-\x7e]*$/.test(text))
    throw malformed(node.path, `at most ${MAX_CMDLINE} printable ASCII characters`, quoted(text));
  return text;
}

function readHashes(node: JsonNode): Deployment['hashes'] {
  // Releases of the 2025 form say besides which image it was, its own hash, and when it was built: nothing that is measured.
  node.onlyNames('root', 'kernel', 'initrd', 'raw', 'version', 'built_at');
  maybe(node, 'raw', (member) => lowerHex(member, 32));
  for (const text of ['version', 'built_at']) node.optional(text)?.string();
  return {
    root: lowerHex(node.get('root'), 32),
    kernel: lowerHex(node.get('kernel'), 32),
    initrd: lowerHex(node.get('initrd'), 32),
  };
}

function readFirmware(node: JsonNode): Deployment['firmware'] {
  node.onlyNames('sev_snp', 'tdx');
  const sha256 = (name: string): string | undefined =>
    maybe(node, name, (part) => {
      part.onlyNames('type', 'version', 'sha256');
      for (const text of ['type', 'version']) part.optional(text)?.string();
      return lowerHex(part.get('sha256'), 32);
    });
  return { snpSha256: sha256('sev_snp'), tdxSha256: sha256('tdx') };
}

function readVmShape(node: JsonNode): VmShape {
  node.onlyNames('cpus', 'memory_mb', 'gpus', 'disks');
  return {
    cpus: node.get('cpus').integer(1, MAX_VCPUS),
    memoryMib: node.get('memory_mb').integer(1, 2 ** 26),
    gpus: node.optional('gpus')?.integer(0, 64) ?? 0,
    disks: node.optional('disks')?.integer(0, 256) ?? 0,
  };
}

function readInputs(node: JsonNode): SnpInputs {
  const snp = node.onlyNames('snp').get('snp');
  snp.onlyNames(
    'vmm',
    'vcpus',
    'vcpu_type',
    'vcpu_signature',
    'guest_features',
    'firmware_hash_hex',
    'sections',
    'hash_table_gpa',
    'reset_eip',
  );
  const vcpuType = maybe(snp, 'vcpu_type', (member) =>
    matching(member, /^[A-Za-z0-9-]{1,40}$/, 'a processor'),
  );
  const vcpuSignature = maybe(snp, 'vcpu_signature', (member) => member.integer(1, 2 ** 32 - 1));
  if ((vcpuType === undefined) === (vcpuSignature === undefined))
    throw malformed(snp.path, 'either vcpu_type or vcpu_signature', vcpuType === undefined ? 'none' : 'both');
  return {
    vmm: snp.get('vmm').word('qemu', 'ec2', 'gce'),
    vcpus: snp.get('vcpus').integer(1, MAX_VCPUS),
    vcpuType,
    vcpuSignature,
    guestFeatures: BigInt(snp.get('guest_features').integer(0)),
    firmware: {
      digest: fromHex(lowerHex(snp.get('firmware_hash_hex'), 48)),
      sections: snp.get('sections').items(MAX_SECTIONS).map(readSection),
      hashTableGpa: snp.get('hash_table_gpa').integer(0, 2 ** 32 - 1),
      resetEip: snp.get('reset_eip').integer(0, 2 ** 32 - 1),
    },
  };
}

function readSection(node: JsonNode): SnpSection {
  node.onlyNames('gpa', 'size', 'type');
  return {
    gpa: node.get('gpa').integer(0, 2 ** 32 - 1),
    sizeBytes: node.get('size').integer(1, 2 ** 32 - 1),
    type: node.get('type').integer(0, 255),
  };
}
