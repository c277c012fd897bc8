/** RTMR0 of a direct boot with QEMU and OVMF: the memory map, the variables, and what depends on the virtual hardware. */
import { concatBytes, parseGuid, sha384 } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';
import { fourGib, malformed } from '../snp/firmware.ts';
import { type RtmrEvent, extendAll } from './rtmr.ts';
import { type TdvfSection, parseTdvf } from './tdvf.ts';

/** Contents, or their SHA-384 (48 bytes). */
export type Sha384Hashed = { readonly bytes: Uint8Array } | { readonly sha384: Uint8Array };

export interface Rtmr0Inputs {
  readonly firmware: Uint8Array;
  /** 64 at least. */
  readonly memoryMib: number;
  /** The configuration volume, where it is not the firmware's own. */
  readonly cfv?: Sha384Hashed | undefined;
  /** QEMU's blobs, which depend on processors and devices: in the order of measurement table loader, RSDP, tables. */
  readonly acpi: readonly [loader: Sha384Hashed, rsdp: Sha384Hashed, tables: Sha384Hashed];
  /** Data of the variables BootOrder and then Boot#### in its order. */
  readonly bootVariables: readonly Sha384Hashed[];
}

const section = { cfv: 1, tdHob: 2, tempMem: 3 } as const;
const LOW_MEMORY_BYTES = 0xb0000000;
const LOW_SPLIT_BYTES = 0x80000000;
const MIB = 1024 * 1024;
const MIN_MEMORY_MIB = 64;
const MAX_MEMORY_MIB = 64 * 1024 * 1024;
const HANDOFF_BYTES = 56;
const RESOURCE_BYTES = 48;
const END_BYTES = 8;
const resource = { accepted: 0, unaccepted: 7 } as const;
const GLOBAL_VARIABLE = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const IMAGE_SECURITY = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
/** All empty: secure boot is off. */
const secureBootVariables = [
  ['SecureBoot', GLOBAL_VARIABLE],
  ['PK', GLOBAL_VARIABLE],
  ['KEK', GLOBAL_VARIABLE],
  ['db', IMAGE_SECURITY],
  ['dbx', IMAGE_SECURITY],
] as const;

/** The last event has the register. @throws MeasureError FIRMWARE_MALFORMED, INPUT_INVALID */
export async function measureRtmr0(inputs: Rtmr0Inputs): Promise<readonly RtmrEvent[]> {
  const { firmware, memoryMib, acpi, bootVariables } = inputs;
  const [loader, rsdp, tables] = acpi;
  const variables = secureBootVariables.map(async ([name, guid]) => {
    return [`variable ${name}`, await emptyVariableDigest(name, guid)] as const;
  });
  return extendAll(0, [
    ['memory map (TD HOB)', await tdHobDigest(firmware, memoryMib)],
    ['configuration volume', await digestOf(inputs.cfv ?? { bytes: readCfv(firmware) })],
    ...(await Promise.all(variables)),
    ['separator', await sha384(new Uint8Array(4))],
    ['ACPI table loader', await digestOf(loader)],
    ['ACPI RSDP', await digestOf(rsdp)],
    ['ACPI tables', await digestOf(tables)],
    ...(await Promise.all(
      bootVariables.map(async (data, at) => {
        return [at === 0 ? 'BootOrder' : `boot entry ${at}`, await digestOf(data)] as const;
      }),
    )),
  ]);
}

/**
 * Of the list of hand-off blocks that QEMU writes (PI specification volume 3, HOB code definitions), without its end.
 * @returns 48 bytes @throws MeasureError FIRMWARE_MALFORMED, INPUT_INVALID
 */
export async function tdHobDigest(firmware: Uint8Array, memoryMib: number): Promise<Uint8Array> {
  if (!(Number.isInteger(memoryMib) && memoryMib >= MIN_MEMORY_MIB && memoryMib <= MAX_MEMORY_MIB))
    throw invalid(`Memory: expected ${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB} MiB, found ${memoryMib}.`);
  const sections = parseTdvf(firmware);
  const list = sections.find(({ type }) => type === section.tdHob);
  if (!list) throw malformed('its TDX metadata have no section for the TD HOB');
  const ranges = memoryRanges(sections, memoryMib * MIB);
  const endGpa = list.gpa + HANDOFF_BYTES + ranges.length * RESOURCE_BYTES + END_BYTES;
  return sha384(concatBytes(handoff(endGpa), ...ranges.map(resourceBlock)));
}

interface MemoryRange {
  readonly type: number;
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** What the firmware has at its start is accepted; the rest, up to the end of memory, is not. */
function memoryRanges(sections: readonly TdvfSection[], memoryBytes: number): MemoryRange[] {
  const lowEnd = memoryBytes < LOW_MEMORY_BYTES ? memoryBytes : LOW_SPLIT_BYTES;
  const accepted = sections
    .filter(({ type }) => type === section.tdHob || type === section.tempMem)
    .sort((a, b) => a.gpa - b.gpa);
  const ranges: MemoryRange[] = [];
  let at = 0;
  const addUnaccepted = (end: number): void => {
    if (end > at) ranges.push({ type: resource.unaccepted, gpa: at, sizeBytes: end - at });
  };
  for (const { gpa, memorySizeBytes } of accepted) {
    if (gpa < at || gpa + memorySizeBytes > lowEnd)
      throw malformed('its temporary memory overlaps, or lies outside of the memory');
    addUnaccepted(gpa);
    ranges.push({ type: resource.accepted, gpa, sizeBytes: memorySizeBytes });
    at = gpa + memorySizeBytes;
  }
  addUnaccepted(lowEnd);
  if (memoryBytes > lowEnd)
    ranges.push({ type: resource.unaccepted, gpa: fourGib, sizeBytes: memoryBytes - lowEnd });
  return ranges;
}

/** EFI_HOB_HANDOFF_INFO_TABLE, version 9; only the end of the list is filled in. */
function handoff(endGpa: number): Uint8Array {
  const bytes = new Uint8Array(HANDOFF_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 1, true);
  view.setUint16(2, HANDOFF_BYTES, true);
  view.setUint32(8, 9, true);
  view.setBigUint64(48, BigInt(endGpa), true);
  return bytes;
}

/** EFI_HOB_RESOURCE_DESCRIPTOR; attributes present, initialized, tested. */
function resourceBlock({ type, gpa, sizeBytes }: MemoryRange): Uint8Array {
  const bytes = new Uint8Array(RESOURCE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 3, true);
  view.setUint16(2, RESOURCE_BYTES, true);
  view.setUint32(24, type, true);
  view.setUint32(28, 7, true);
  view.setBigUint64(32, BigInt(gpa), true);
  view.setBigUint64(40, BigInt(sizeBytes), true);
  return bytes;
}

function readCfv(firmware: Uint8Array): Uint8Array {
  const cfv = parseTdvf(firmware).find(({ type }) => type === section.cfv);
  if (!cfv) throw malformed('its TDX metadata have no configuration volume');
  return firmware.subarray(cfv.dataOffset, cfv.dataOffset + cfv.rawSizeBytes);
}

/** UEFI_VARIABLE_DATA (TCG PC Client Platform Firmware Profile, section 10): GUID, lengths, name, no data. */
function emptyVariableDigest(name: string, guid: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(32 + 2 * name.length);
  const view = new DataView(bytes.buffer);
  bytes.set(parseGuid(guid));
  view.setBigUint64(16, BigInt(name.length), true);
  for (let at = 0; at < name.length; at++) view.setUint16(32 + 2 * at, name.charCodeAt(at), true);
  return sha384(bytes);
}

async function digestOf(part: Sha384Hashed): Promise<Uint8Array> {
  if ('bytes' in part) return sha384(part.bytes);
  if (part.sha384.length === 48) return part.sha384;
  throw invalid(`A SHA-384: expected 48 bytes, found ${part.sha384.length}.`);
}

function invalid(message: string): MeasureError {
  return new MeasureError('INPUT_INVALID', message);
}
