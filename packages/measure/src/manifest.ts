/** What was measured, written down: every input by its SHA-256, the command line as text, and the registers that follow. */
import { type JsonNode, BytesError, parseJson, sha256, toHex } from '@vitrine/bytes';
import { MeasureError } from './error.ts';
import { type SnpMeasurement, type SnpMeasurementInputs, measureSnp } from './snp/measure.ts';
import type { MrtdOrdering } from './tdx/mrtd.ts';
import { type TdxMeasurement, type TdxMeasurementInputs, measureTdx } from './tdx/measure.ts';
import type { Vmm } from './snp/vmsa.ts';

/** A file that went in. */
export interface MeasuredFile {
  /** Hexadecimal, lower case. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

interface MeasuredBoot {
  readonly kernel?: MeasuredFile | undefined;
  readonly initrd?: MeasuredFile | undefined;
  /** As given to the kernel; only with one. */
  readonly cmdline?: string | undefined;
}

/** Registers are hexadecimal, lower case. */
export interface SnpManifest extends MeasuredBoot {
  readonly platform: 'sev-snp';
  readonly firmware: MeasuredFile;
  readonly svsm?: MeasuredFile | undefined;
  readonly varsSizeBytes?: number | undefined;
  readonly vmm: Vmm;
  readonly vcpus: number;
  readonly vcpuType?: string | undefined;
  readonly vcpuSignature?: number | undefined;
  /** SEV_FEATURES: "0x1". */
  readonly guestFeatures: string;
  readonly launchDigest: string;
}

export interface TdxManifest extends MeasuredBoot {
  readonly platform: 'tdx';
  readonly firmware: MeasuredFile;
  readonly ordering: MrtdOrdering;
  /** Only with a kernel. */
  readonly memoryMib?: number | undefined;
  readonly mrtd: string;
  readonly rtmr1?: string | undefined;
  readonly rtmr2?: string | undefined;
}

export type MeasurementManifest = SnpManifest | TdxManifest;

/** Of which every file is there: a manifest names files by what they hold. */
export type SnpManifestInputs = Omit<SnpMeasurementInputs, 'firmware' | 'boot'> & {
  readonly firmware: { readonly bytes: Uint8Array };
  readonly boot?:
    | {
        readonly kernel: { readonly bytes: Uint8Array };
        readonly initrd?: { readonly bytes: Uint8Array } | undefined;
        readonly cmdline?: string | undefined;
      }
    | undefined;
};

/** @throws MeasureError as `measureSnp` */
export async function manifestOfSnp(
  inputs: SnpManifestInputs,
): Promise<{ readonly manifest: SnpManifest; readonly measurement: SnpMeasurement }> {
  const measurement = await measureSnp(inputs);
  const { firmware, svsm, boot, vmm, vcpus, vcpuType, vcpuSignature, guestFeatures = 1n } = inputs;
  const manifest = present<SnpManifest>({
    platform: 'sev-snp',
    firmware: await measuredFile(firmware.bytes),
    svsm: svsm && (await measuredFile(svsm.bytes)),
    varsSizeBytes: svsm?.varsSizeBytes,
    ...(boot && (await measuredBoot(boot.kernel.bytes, boot.initrd?.bytes, boot.cmdline))),
    vmm,
    vcpus,
    vcpuType,
    vcpuSignature,
    guestFeatures: `0x${guestFeatures.toString(16)}`,
    launchDigest: toHex(measurement.launchDigest),
  });
  return { manifest, measurement };
}

/** @throws MeasureError as `measureTdx` */
export async function manifestOfTdx(
  inputs: TdxMeasurementInputs,
): Promise<{ readonly manifest: TdxManifest; readonly measurement: TdxMeasurement }> {
  const measurement = await measureTdx(inputs);
  const { firmware, ordering, boot } = inputs;
  const { mrtd, rtmr1, rtmr2 } = measurement;
  const manifest = present<TdxManifest>({
    platform: 'tdx',
    firmware: await measuredFile(firmware),
    ...(boot && (await measuredBoot(boot.kernel, boot.initrd, boot.cmdline))),
    ordering,
    memoryMib: boot && (boot.memoryMib ?? 4096),
    mrtd: toHex(mrtd),
    rtmr1: rtmr1 && toHex(rtmr1),
    rtmr2: rtmr2 && toHex(rtmr2),
  });
  return { manifest, measurement };
}

async function measuredBoot(
  kernel: Uint8Array,
  initrd: Uint8Array | undefined,
  cmdline = '',
): Promise<MeasuredBoot> {
  return { kernel: await measuredFile(kernel), initrd: initrd && (await measuredFile(initrd)), cmdline };
}

async function measuredFile(bytes: Uint8Array): Promise<MeasuredFile> {
  return { sha256: toHex(await sha256(bytes)), sizeBytes: bytes.length };
}

/** Without the members that are undefined, as JSON has them. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

const bootMembers = ['kernel', 'initrd', 'cmdline'] as const;
/** An explanation may stand in the file: it follows from the inputs and is not read. */
const snpMembers = [
  ...['platform', 'firmware', 'svsm', 'varsSizeBytes', ...bootMembers, 'vmm', 'vcpus', 'vcpuType'],
  ...['vcpuSignature', 'guestFeatures', 'launchDigest', 'pages'],
];
const tdxMembers = [
  ...['platform', 'firmware', ...bootMembers, 'ordering', 'memoryMib', 'mrtd', 'rtmr1', 'rtmr2'],
  ...['sections', 'events'],
];

/** Refuses members of other names, and those that do not go together. @throws MeasureError MANIFEST_MALFORMED */
export function parseMeasurementManifest(json: Uint8Array | string): MeasurementManifest {
  try {
    const node = parseJson(json, 'measurement');
    return node.get('platform').word('sev-snp', 'tdx') === 'tdx' ? readTdx(node) : readSnp(node);
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause.message, cause);
    throw cause;
  }
}

function readSnp(node: JsonNode): SnpManifest {
  node.onlyNames(...snpMembers);
  const svsm = readFile(node.optional('svsm'));
  const varsSizeBytes = node.optional('varsSizeBytes')?.integer(0);
  if ((svsm === undefined) !== (varsSizeBytes === undefined))
    throw malformed('The measurement: svsm and varsSizeBytes go together.');
  const guestFeatures = node.get('guestFeatures').string();
  if (!/^0x(?:0|[1-9a-f][0-9a-f]{0,15})$/.test(guestFeatures))
    throw malformed('The measurement: guestFeatures is no number like 0x1.');
  return present<SnpManifest>({
    platform: 'sev-snp',
    firmware: requiredFile(node.get('firmware')),
    svsm,
    varsSizeBytes,
    ...readBoot(node),
    vmm: node.get('vmm').word('qemu', 'ec2', 'gce'),
    vcpus: node.get('vcpus').integer(1, 4096),
    vcpuType: node.optional('vcpuType')?.string(),
    vcpuSignature: node.optional('vcpuSignature')?.integer(0, 2 ** 32 - 1),
    guestFeatures,
    launchDigest: toHex(node.get('launchDigest').hex(48)),
  });
}

function readTdx(node: JsonNode): TdxManifest {
  node.onlyNames(...tdxMembers);
  const boot = readBoot(node);
  const register = (name: string): string | undefined => {
    const value = node.optional(name)?.hex(48);
    return value && toHex(value);
  };
  const memoryMib = node.optional('memoryMib')?.integer(1);
  const [rtmr1, rtmr2] = [register('rtmr1'), register('rtmr2')];
  const hasKernel = boot.kernel !== undefined;
  for (const [name, value] of Object.entries({ memoryMib, rtmr1, rtmr2 }))
    if ((value !== undefined) !== hasKernel)
      throw malformed(`The measurement: kernel and ${name} go together.`);
  return present<TdxManifest>({
    platform: 'tdx',
    firmware: requiredFile(node.get('firmware')),
    ...boot,
    ordering: node.get('ordering').word('single-pass', 'two-pass'),
    memoryMib,
    mrtd: toHex(node.get('mrtd').hex(48)),
    rtmr1,
    rtmr2,
  });
}

function readBoot(node: JsonNode): MeasuredBoot {
  const kernel = readFile(node.optional('kernel'));
  const initrd = readFile(node.optional('initrd'));
  const cmdline = node.optional('cmdline')?.string();
  if ((kernel === undefined) !== (cmdline === undefined) || (initrd && !kernel))
    throw malformed('The measurement: initrd and cmdline go with a kernel, and a kernel with a cmdline.');
  return { kernel, initrd, cmdline };
}

function readFile(node: JsonNode | undefined): MeasuredFile | undefined {
  return node && requiredFile(node);
}

function requiredFile(node: JsonNode): MeasuredFile {
  node.onlyNames('sha256', 'sizeBytes');
  return { sha256: toHex(node.get('sha256').hex(32)), sizeBytes: node.get('sizeBytes').integer(0) };
}

function malformed(message: string, cause?: unknown): MeasureError {
  return new MeasureError('MANIFEST_MALFORMED', message, { cause });
}
