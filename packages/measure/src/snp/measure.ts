/** The launch measurement that a VM must have: SEV-SNP, and its forerunners SEV and SEV-ES. */
import { concatBytes, sha256 } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';
import {
  type SnpFirmwareMetadata,
  type SnpSection,
  checkedSection,
  fourGib,
  malformed,
  readFirmwareTable,
  readSnpMetadata,
  readSvsmLaunchOffset,
  requireFirmwareSize,
  sectionType,
  firmwareGuid,
} from './firmware.ts';
import { type BootHashes, type DirectBoot, bootHashes, hashTable, hashTablePage } from './kernel-hashes.ts';
import { LaunchDigest, type MeasuredPage, vmsaGpa } from './launch-digest.ts';
import { type Vmm, type VmsaInputs, signatureOfType, svsmVmsaPage, vmsaPage } from './vmsa.ts';

/** The firmware itself, or what a measurement needs of it: the digest after its pages, and its metadata. */
export type SnpFirmware =
  { readonly bytes: Uint8Array } | ({ readonly digest: Uint8Array } & SnpFirmwareMetadata);

export interface SnpMeasurementInputs {
  readonly vmm: Vmm;
  /** 1 to 4096. */
  readonly vcpus: number;
  /** QEMU's name of the processor: "EPYC-Milan-v2". */
  readonly vcpuType?: string | undefined;
  /** RDX at reset, for every VMM; without it QEMU takes the type's, EC2 and GCE 0x600. */
  readonly vcpuSignature?: number | undefined;
  /** SEV_FEATURES; default 0x1. */
  readonly guestFeatures?: bigint | undefined;
  readonly firmware: SnpFirmware;
  readonly boot?: DirectBoot | undefined;
  readonly svsm?:
    | {
        readonly bytes: Uint8Array;
        /** Of the firmware's variables, in bytes. */ readonly varsSizeBytes: number;
      }
    | undefined;
}

export interface SnpMeasurement {
  /** 48 bytes: MEASUREMENT of the report. */
  readonly launchDigest: Uint8Array;
  /** Every page that went in, in its order. */
  readonly pages: readonly MeasuredPage[];
}

const MAX_VCPUS = 4096;
/** What EC2 and GCE leave in RDX. */
const CLOUD_RDX = 0x600;

/** @throws MeasureError FIRMWARE_MALFORMED, KERNEL_HASHES_UNSUPPORTED or INPUT_INVALID */
export async function measureSnp(inputs: SnpMeasurementInputs): Promise<SnpMeasurement> {
  const vmsa = vmsaInputs(inputs);
  const hashes = inputs.boot && (await bootHashes(inputs.boot));
  return inputs.svsm ? measureSvsm(inputs, inputs.svsm, vmsa, hashes) : measureFirmware(inputs, vmsa, hashes);
}

async function measureFirmware(
  { firmware, vmm, vcpus }: SnpMeasurementInputs,
  vmsa: VmsaInputs,
  hashes: BootHashes | undefined,
): Promise<SnpMeasurement> {
  const metadata = metadataOf(firmware);
  const digest = new LaunchDigest('digest' in firmware ? firmware.digest : undefined);
  if ('bytes' in firmware) {
    const gpa = BigInt(fourGib - firmware.bytes.length);
    await digest.addContents('normal', gpa, firmware.bytes, 'firmware');
  }
  await addSections(digest, metadata, hashes, vmm);
  for (let index = 0; index < vcpus; index++) {
    const processor = index === 0 ? 'first' : 'other';
    const page = vmsaPage(vmsa, processor, metadata.resetEip);
    await digest.addContents('vmsa', vmsaGpa, page, `processor ${index + 1} of ${vcpus}`);
  }
  return { launchDigest: digest.value, pages: digest.pages };
}

/** The firmware's pages, those of the SVSM below them, and the SVSM's own metadata. */
async function measureSvsm(
  { firmware, vmm, vcpus }: SnpMeasurementInputs,
  svsm: NonNullable<SnpMeasurementInputs['svsm']>,
  vmsa: VmsaInputs,
  hashes: BootHashes | undefined,
): Promise<SnpMeasurement> {
  if (!('bytes' in firmware)) throw invalid('With an SVSM the firmware itself is needed, not its digest.');
  requireFirmwareSize(firmware.bytes);
  const { varsSizeBytes } = svsm;
  if (
    !Number.isInteger(varsSizeBytes) ||
    varsSizeBytes < 0 ||
    varsSizeBytes % 4096 !== 0 ||
    varsSizeBytes > fourGib / 2
  )
    throw invalid(`The size of the variables must be of whole pages, found ${varsSizeBytes}.`);
  const firmwareGpa = fourGib - firmware.bytes.length;
  // Between the two lie the firmware's variables, which are not measured.
  const svsmGpa = firmwareGpa - varsSizeBytes - svsm.bytes.length;
  if (svsmGpa < 0) throw invalid('The SVSM does not fit below the firmware.');
  const metadata = readSvsmMetadata(svsm.bytes);
  const digest = new LaunchDigest();
  await digest.addContents('normal', BigInt(firmwareGpa), firmware.bytes, 'firmware');
  await digest.addContents('normal', BigInt(svsmGpa), svsm.bytes, 'SVSM');
  await addSections(digest, metadata, hashes, vmm);
  const page = svsmVmsaPage(vmsa, svsmGpa + readSvsmLaunchOffset(svsm.bytes));
  for (let index = 0; index < vcpus; index++)
    await digest.addContents('vmsa', vmsaGpa, page, `processor ${index + 1} of ${vcpus}`);
  return { launchDigest: digest.value, pages: digest.pages };
}

/** An SVSM has no reset block: its processors begin where SVSM info says. */
function readSvsmMetadata(svsm: Uint8Array): SnpFirmwareMetadata {
  const hasResetBlock = readFirmwareTable(svsm).has(firmwareGuid.sevEsResetBlock);
  return readSnpMetadata(svsm, hasResetBlock ? undefined : 0);
}

function metadataOf(firmware: SnpFirmware): SnpFirmwareMetadata {
  if ('bytes' in firmware) return readSnpMetadata(firmware.bytes);
  if (firmware.digest.length !== 48)
    throw invalid(`The digest of the firmware: expected 48 bytes, found ${firmware.digest.length}.`);
  for (const section of firmware.sections) checkedSection(section);
  return firmware;
}

async function addSections(
  digest: LaunchDigest,
  { sections, hashTableGpa }: SnpFirmwareMetadata,
  hashes: BootHashes | undefined,
  vmm: Vmm,
): Promise<void> {
  if (hashes) requireKernelHashes(sections, hashTableGpa);
  const isCpuid = ({ type }: SnpSection): boolean => type === sectionType.cpuid;
  // EC2 adds the CPUID pages after all others.
  const ordered =
    vmm === 'ec2' ? [...sections.filter((one) => !isCpuid(one)), ...sections.filter(isCpuid)] : sections;
  for (const section of ordered) await addSection(digest, section, hashTableGpa, hashes, vmm);
}

function requireKernelHashes(sections: readonly SnpSection[], hashTableGpa: number): void {
  const section = sections.find(({ type }) => type === sectionType.kernelHashes);
  if (section && hashTableGpa !== 0) {
    if (hashTableGpa >= section.gpa && hashTableGpa < section.gpa + section.sizeBytes) return;
    throw malformed('its hash table does not lie in the section for it');
  }
  throw new MeasureError(
    'KERNEL_HASHES_UNSUPPORTED',
    'A kernel is given, but the firmware has no place for its hashes: it would boot any kernel. Use a firmware of the AmdSev kind.',
  );
}

async function addSection(
  digest: LaunchDigest,
  { gpa, sizeBytes, type }: SnpSection,
  hashTableGpa: number,
  hashes: BootHashes | undefined,
  vmm: Vmm,
): Promise<void> {
  const at = BigInt(gpa);
  switch (type) {
    case sectionType.snpSecMem:
      return digest.addBlank(vmm === 'gce' ? 'unmeasured' : 'zero', at, sizeBytes, 'SEC memory');
    case sectionType.snpSecrets:
      return digest.addBlank('secrets', at, 4096, 'secrets');
    case sectionType.cpuid:
      return digest.addBlank('cpuid', at, 4096, 'CPUID');
    case sectionType.svsmCaa:
      return digest.addBlank('zero', at, sizeBytes, 'SVSM calling area');
    case sectionType.kernelHashes:
      if (!hashes) return digest.addBlank('zero', at, sizeBytes, 'kernel hashes (none)');
      if (sizeBytes !== 4096) throw malformed('the section for kernel hashes is not one page');
      return digest.addContents('normal', at, hashTablePage(hashes, hashTableGpa), 'kernel hashes');
    default:
      throw malformed(`SEV metadata section of type ${type} is not known`);
  }
}

function vmsaInputs({
  vmm,
  vcpus,
  vcpuType,
  vcpuSignature,
  guestFeatures = 1n,
}: SnpMeasurementInputs): VmsaInputs {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS)
    throw invalid(`The number of processors must be from 1 to ${MAX_VCPUS}, found ${vcpus}.`);
  if (guestFeatures < 0n || guestFeatures >= 1n << 64n) throw invalid('The guest features must be 64 bits.');
  if (vcpuSignature !== undefined && !isWord(vcpuSignature))
    throw invalid(`The CPUID signature must have 32 bits, found ${vcpuSignature}.`);
  return { vmm, guestFeatures, rdx: vcpuSignature ?? defaultRdx(vmm, vcpuType) };
}

function isWord(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function defaultRdx(vmm: Vmm, vcpuType: string | undefined): number {
  if (vmm !== 'qemu') return CLOUD_RDX;
  if (vcpuType === undefined) throw invalid('QEMU needs the type of the processor, or its CPUID signature.');
  const signature = signatureOfType(vcpuType);
  if (signature !== undefined) return signature;
  throw invalid(
    `The processor type "${vcpuType.slice(0, 60)}" is not known: expected EPYC, EPYC-Rome, EPYC-Milan, EPYC-Genoa or EPYC-Turin, with or without a version; or give its CPUID signature.`,
  );
}

/** SEV: SHA-256 of the firmware and, for a kernel, the hash table. SEV-ES adds the processors' first states. */
export interface SevMeasurementInputs {
  readonly firmware: Uint8Array;
  readonly boot?: DirectBoot | undefined;
  /** SEV-ES: its processors. Without, plain SEV. */
  readonly es?: {
    readonly vmm: Vmm;
    readonly vcpus: number;
    readonly vcpuType?: string;
    readonly vcpuSignature?: number;
  };
}

/** 32 bytes. @throws MeasureError FIRMWARE_MALFORMED, KERNEL_HASHES_UNSUPPORTED or INPUT_INVALID */
export async function measureSev({ firmware, boot, es }: SevMeasurementInputs): Promise<Uint8Array> {
  const metadata = readSnpMetadata(firmware);
  if (boot && metadata.hashTableGpa === 0)
    throw new MeasureError(
      'KERNEL_HASHES_UNSUPPORTED',
      'A kernel is given, but the firmware has no place for its hashes: it would boot any kernel.',
    );
  const parts = [firmware];
  if (boot) parts.push(hashTable(await bootHashes(boot)));
  if (es) {
    const vmsa = vmsaInputs({ ...es, firmware: { bytes: firmware }, guestFeatures: 0n });
    for (let index = 0; index < es.vcpus; index++)
      parts.push(vmsaPage(vmsa, index === 0 ? 'first' : 'other', metadata.resetEip));
  }
  return sha256(concatBytes(...parts));
}

/** The digest after the firmware's pages: with its metadata it stands for the firmware. @throws MeasureError FIRMWARE_MALFORMED */
export async function firmwareDigest(firmware: Uint8Array): Promise<Uint8Array> {
  requireFirmwareSize(firmware);
  const digest = new LaunchDigest();
  await digest.addContents('normal', BigInt(fourGib - firmware.length), firmware, 'firmware');
  return digest.value;
}

function invalid(message: string): MeasureError {
  return new MeasureError('INPUT_INVALID', message);
}
