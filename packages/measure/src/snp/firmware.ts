/** What a firmware image tells a VMM: the GUIDed table at its end, and in it the SEV metadata (edk2 OvmfPkg/ResetVector). */
import { BytesError, ByteReader, formatGuid, latin1 } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';

/** Of an SEV metadata section (edk2 OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm, and 0x10 of AmdSev). */
export const sectionType = {
  snpSecMem: 1,
  snpSecrets: 2,
  cpuid: 3,
  svsmCaa: 4,
  kernelHashes: 0x10,
} as const;

/** Guest physical address and size in bytes, both multiples of 4096. */
export interface SnpSection {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly type: number;
}

/** What a measurement takes from a firmware besides its pages. */
export interface SnpFirmwareMetadata {
  readonly sections: readonly SnpSection[];
  /** Where the hash table goes, or 0: then the firmware has no place for it. */
  readonly hashTableGpa: number;
  /** Where other processors than the first begin. */
  readonly resetEip: number;
}

export const firmwareGuid = {
  tableFooter: '96b582de-1fb2-45f7-baea-a366c55a082d',
  sevHashTable: '7255371f-3a3b-4b04-927b-1da6efa8d454',
  sevEsResetBlock: '00f771de-1a7e-4fcb-890e-68c77e2fb44e',
  sevMetadata: 'dc886566-984a-4798-a75e-5585a7bf67cc',
  svsmInfo: 'a789a612-0597-4c4b-a49f-cbb1fe9d1ddd',
  tdxMetadata: 'e47a6535-984a-4798-865e-4685a7bf8ec2',
} as const;

export const pageBytes = 4096;
export const fourGib = 2 ** 32;
const MAX_FIRMWARE_BYTES = 64 * 1024 * 1024;
const MAX_SECTIONS = 64;
const MAX_SECTION_BYTES = 256 * 1024 * 1024;
/** Behind the table: the reset vector and what belongs to it. */
const BYTES_BEHIND_TABLE = 32;
const ENTRY_HEADER_BYTES = 18;

/** The table's entries by GUID. @throws MeasureError FIRMWARE_MALFORMED */
export function readFirmwareTable(firmware: Uint8Array): Map<string, Uint8Array> {
  requireFirmwareSize(firmware);
  const end = firmware.length - BYTES_BEHIND_TABLE;
  const footer = readEntryHeader(firmware, end);
  if (footer.guid !== firmwareGuid.tableFooter)
    throw malformed(`expected the table footer ${firmwareGuid.tableFooter}, found ${footer.guid}`);
  const start = end - footer.lengthBytes;
  const entries = new Map<string, Uint8Array>();
  for (let at = end - ENTRY_HEADER_BYTES; at > start;) {
    const { guid, lengthBytes } = readEntryHeader(firmware, at);
    if (lengthBytes > at - start) throw malformed(`entry ${guid} is longer than the table`);
    if (entries.has(guid)) throw malformed(`entry ${guid} occurs twice`);
    entries.set(guid, firmware.subarray(at - lengthBytes, at - ENTRY_HEADER_BYTES));
    at -= lengthBytes;
  }
  return entries;
}

/** @throws MeasureError FIRMWARE_MALFORMED: not whole pages, or none, or too many */
export function requireFirmwareSize(firmware: Uint8Array): void {
  const { length } = firmware;
  if (length > 0 && length <= MAX_FIRMWARE_BYTES && length % pageBytes === 0) return;
  throw malformed(`expected whole pages of ${pageBytes} bytes, up to ${MAX_FIRMWARE_BYTES}, found ${length}`);
}

/** Read backwards: an entry ends with its length, data included, and its GUID. */
function readEntryHeader(firmware: Uint8Array, end: number): { guid: string; lengthBytes: number } {
  const start = end - ENTRY_HEADER_BYTES;
  if (start < 0) throw malformed('its table is cut off');
  const lengthBytes = firmware[start]! | (firmware[start + 1]! << 8);
  if (lengthBytes < ENTRY_HEADER_BYTES || lengthBytes > end)
    throw malformed(`an entry of its table has a length of ${lengthBytes}`);
  return { guid: formatGuid(firmware.subarray(start + 2, end)), lengthBytes };
}

/**
 * @param resetEip for an image without a reset block
 * @throws MeasureError FIRMWARE_MALFORMED
 */
export function readSnpMetadata(firmware: Uint8Array, resetEip?: number): SnpFirmwareMetadata {
  const table = readFirmwareTable(firmware);
  return {
    sections: readSections(firmware, table.get(firmwareGuid.sevMetadata)),
    hashTableGpa: firstWord(table.get(firmwareGuid.sevHashTable)) ?? 0,
    resetEip: resetEip ?? requiredWord(table.get(firmwareGuid.sevEsResetBlock), 'SEV-ES reset block'),
  };
}

/** Offset of the SVSM's first instruction from its own start. @throws MeasureError FIRMWARE_MALFORMED */
export function readSvsmLaunchOffset(svsm: Uint8Array): number {
  return requiredWord(readFirmwareTable(svsm).get(firmwareGuid.svsmInfo), 'SVSM info');
}

/** "ASEV", length, version 1, count; then address, size, type of each section. */
function readSections(firmware: Uint8Array, entry: Uint8Array | undefined): SnpSection[] {
  const offset = requiredWord(entry, 'SEV metadata');
  if (offset > firmware.length) throw malformed('the SEV metadata lie before its beginning');
  try {
    const reader = new ByteReader(firmware.subarray(firmware.length - offset), 'SEV metadata');
    const magic = latin1(reader.take(4, 'signature'));
    const lengthBytes = reader.u32('length');
    const version = reader.u32('version');
    const count = reader.u32('section count');
    if (magic !== 'ASEV' || version !== 1)
      throw malformed(`expected SEV metadata "ASEV" of version 1, found "${magic}" of version ${version}`);
    if (count > MAX_SECTIONS || lengthBytes !== 16 + 12 * count)
      throw malformed(`SEV metadata of ${lengthBytes} bytes cannot hold ${count} sections`);
    return Array.from({ length: count }, () =>
      checkedSection({
        gpa: reader.u32('address'),
        sizeBytes: reader.u32('size'),
        type: reader.u32('type'),
      }),
    );
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause.message, cause);
    throw cause;
  }
}

/** @throws MeasureError FIRMWARE_MALFORMED */
export function checkedSection(section: SnpSection): SnpSection {
  const { gpa, sizeBytes, type } = section;
  const isKnown = (Object.values(sectionType) as number[]).includes(type);
  if (!isKnown) throw malformed(`SEV metadata section of type ${type} is not known`);
  const fits = gpa % pageBytes === 0 && sizeBytes % pageBytes === 0 && gpa + sizeBytes <= fourGib;
  if (!fits || sizeBytes === 0 || sizeBytes > MAX_SECTION_BYTES)
    throw malformed(
      `an SEV metadata section of ${sizeBytes} bytes at 0x${gpa.toString(16)} is not of whole pages`,
    );
  return section;
}

function firstWord(entry: Uint8Array | undefined): number | undefined {
  if (!entry) return undefined;
  if (entry.length < 4) throw malformed('an entry of its table is shorter than a word');
  return new DataView(entry.buffer, entry.byteOffset, 4).getUint32(0, true);
}

function requiredWord(entry: Uint8Array | undefined, name: string): number {
  const word = firstWord(entry);
  if (word === undefined) throw malformed(`its table has no entry for ${name}: it is not made for SEV`);
  return word;
}

export function malformed(why: string, cause?: unknown): MeasureError {
  return new MeasureError('FIRMWARE_MALFORMED', `The firmware: ${why}.`, { cause });
}
