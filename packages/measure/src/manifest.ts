/** What was measured, written down: every input by its SHA-256, the command line as text, and the registers that follow. */
import { type JsonNode, BytesError, parseJson, sha256, toHex } from '@vitrine/bytes';
import { MeasureError } from './error.ts';
import { type SnpMeasurement, type SnpMeasurementInputs, measureSnp } from './snp/measure.ts';
import type { MrtdOrdering } from './tdx/mrtd.ts';
import { type TdxMeasurement, type TdxMeasurementInputs, measureTdx } from './tdx/measure.ts';
import type { RtmrEvent } from './tdx/rtmr.ts';
import { measureRtmr0 } from './tdx/rtmr0.ts';
import type { Vmm } from './snp/vmsa.ts';

const DEFAULT_MEMORY_MIB = 4096;
const MAX_BOOT_VARIABLES = 256;

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
  /** Of the virtual hardware, all or none, and only with a kernel: QEMU's ACPI blobs, BootOrder and its entries. */
  readonly acpiLoader?: MeasuredFile | undefined;
  readonly acpiRsdp?: MeasuredFile | undefined;
  readonly acpiTables?: MeasuredFile | undefined;
  readonly bootVariables?: readonly MeasuredFile[] | undefined;
  /** A configuration volume that is not the firmware's own; only with the ones before. */
  readonly cfv?: MeasuredFile | undefined;
  readonly mrtd: string;
  /** Only with the virtual hardware. */
  readonly rtmr0?: string | undefined;
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

/** What RTMR0 is made of besides firmware and memory. */
export interface VirtualHardware {
  readonly acpiLoader: Uint8Array;
  readonly acpiRsdp: Uint8Array;
  readonly acpiTables: Uint8Array;
  /** Data of BootOrder, then of each entry in its order. */
  readonly bootVariables: readonly Uint8Array[];
  readonly cfv?: Uint8Array | undefined;
}

export type TdxManifestInputs = TdxMeasurementInputs & { readonly hardware?: VirtualHardware | undefined };

/**
 * @returns events of all registers, RTMR0 first
 * @throws MeasureError as `measureTdx` and `measureRtmr0`; INPUT_INVALID: boot variables that are not BootOrder and its
 *   entries, or virtual hardware without a kernel
 */
export async function manifestOfTdx(inputs: TdxManifestInputs): Promise<{
  readonly manifest: TdxManifest;
  readonly measurement: TdxMeasurement;
  readonly events: readonly RtmrEvent[];
}> {
  const measurement = await measureTdx(inputs);
  const { firmware, ordering, boot, hardware } = inputs;
  const hardwareEvents = hardware ? await measureHardware(inputs, hardware) : [];
  const rtmr0 = hardwareEvents.at(-1)?.value;
  const { mrtd, rtmr1, rtmr2 } = measurement;
  const manifest = present<TdxManifest>({
    platform: 'tdx',
    firmware: await measuredFile(firmware),
    ...(boot && (await measuredBoot(boot.kernel, boot.initrd, boot.cmdline))),
    ordering,
    memoryMib: boot && (boot.memoryMib ?? DEFAULT_MEMORY_MIB),
    ...(hardware && (await measuredHardware(hardware))),
    mrtd: toHex(mrtd),
    rtmr0: rtmr0 && toHex(rtmr0),
    rtmr1: rtmr1 && toHex(rtmr1),
    rtmr2: rtmr2 && toHex(rtmr2),
  });
  return { manifest, measurement, events: [...hardwareEvents, ...measurement.events] };
}

async function measureHardware(
  { firmware, boot }: TdxManifestInputs,
  { acpiLoader, acpiRsdp, acpiTables, bootVariables, cfv }: VirtualHardware,
): Promise<readonly RtmrEvent[]> {
  if (!boot) throw invalid('RTMR0 is that of a direct boot: it needs a kernel.');
  const [order] = bootVariables;
  // An entry is named by 16 bits.
  if (!order || order.length === 0 || order.length !== 2 * (bootVariables.length - 1))
    throw invalid(
      `Boot variables: expected BootOrder and each of the entries that it names, found ${bootVariables.length} with a BootOrder of ${order?.length ?? 0} bytes.`,
    );
  return measureRtmr0({
    firmware,
    memoryMib: boot.memoryMib ?? DEFAULT_MEMORY_MIB,
    cfv: cfv && { bytes: cfv },
    acpi: [{ bytes: acpiLoader }, { bytes: acpiRsdp }, { bytes: acpiTables }],
    bootVariables: bootVariables.map((bytes) => ({ bytes })),
  });
}

async function measuredHardware(hardware: VirtualHardware) {
  return {
    acpiLoader: await measuredFile(hardware.acpiLoader),
    acpiRsdp: await measuredFile(hardware.acpiRsdp),
    acpiTables: await measuredFile(hardware.acpiTables),
    bootVariables: await Promise.all(hardware.bootVariables.map(measuredFile)),
    cfv: hardware.cfv && (await measuredFile(hardware.cfv)),
  };
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
  ...['platform', 'firmware', ...bootMembers, 'ordering', 'memoryMib', 'mrtd', 'rtmr0', 'rtmr1', 'rtmr2'],
  ...['acpiLoader', 'acpiRsdp', 'acpiTables', 'bootVariables', 'cfv', 'sections', 'events'],
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
  const [rtmr0, rtmr1, rtmr2] = [register('rtmr0'), register('rtmr1'), register('rtmr2')];
  const hardware = readHardware(node);
  const hasKernel = boot.kernel !== undefined;
  for (const [name, value] of Object.entries({ memoryMib, rtmr1, rtmr2 }))
    if ((value !== undefined) !== hasKernel)
      throw malformed(`The measurement: kernel and ${name} go together.`);
  for (const [name, value] of Object.entries(hardware))
    if (name === 'cfv' ? value && !rtmr0 : (value !== undefined) !== (rtmr0 !== undefined))
      throw malformed(`The measurement: rtmr0 and ${name} go together.`);
  if (rtmr0 && !hasKernel) throw malformed('The measurement: rtmr0 goes with a kernel.');
  return present<TdxManifest>({
    platform: 'tdx',
    firmware: requiredFile(node.get('firmware')),
    ...boot,
    ordering: node.get('ordering').word('single-pass', 'two-pass'),
    memoryMib,
    ...hardware,
    mrtd: toHex(node.get('mrtd').hex(48)),
    rtmr0,
    rtmr1,
    rtmr2,
  });
}

function readHardware(node: JsonNode) {
  return {
    acpiLoader: readFile(node.optional('acpiLoader')),
    acpiRsdp: readFile(node.optional('acpiRsdp')),
    acpiTables: readFile(node.optional('acpiTables')),
    bootVariables: node.optional('bootVariables')?.items(MAX_BOOT_VARIABLES).map(requiredFile),
    cfv: readFile(node.optional('cfv')),
  };
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

function invalid(message: string): MeasureError {
  return new MeasureError('INPUT_INVALID', message);
}

function malformed(message: string, cause?: unknown): MeasureError {
  return new MeasureError('MANIFEST_MALFORMED', message, { cause });
}
