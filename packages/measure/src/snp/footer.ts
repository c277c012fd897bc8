/** The tables at the end of OVMF firmware: GUIDed footer, SEV hash table, reset block, SEV metadata (edk2 OvmfPkg/ResetVector). */
import { ByteReader, formatGuid } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';

/** Types of SEV metadata sections. */
export const sectionType = {
  secMem: 1,
  secrets: 2,
  cpuid: 3,
  svsmCaa: 4,
  kernelHashes: 0x10,
} as const;

export interface FirmwareSection {
  /** Guest physical address, 32 bits. */
  readonly gpa: number;
  /** Bytes. */
  readonly size: number;
  readonly type: number;
}

/** What a measurement needs of a firmware besides its pages. */
export interface FirmwareMetadata {
  readonly sections: readonly FirmwareSection[];
  /** Where the VMM writes the hashes of kernel, initrd and command line; undefined: nowhere. */
  readonly hashTableGpa: number | undefined;
  /** Where the other vCPUs start; undefined without a reset block. */
  readonly resetEip: number | undefined;
}

export const footerGuid = {
  table: '96b582de-1fb2-45f7-baea-a366c55a082d',
  hashTable: '7255371f-3a3b-4b04-927b-1da6efa8d454',
  resetBlock: '00f771de-1a7e-4fcb-890e-68c77e2fb44e',
  sevMetadata: 'dc886566-984a-4798-a75e-5585a7bf67cc',
  tdxMetadata: 'e47a6535-984a-4798-865e-4685a7bf8ec2',
} as const;

const BYTES_AFTER_TABLE = 32;
const ENTRY_HEADER_BYTES = 18;
const SEV_METADATA_MAGIC = 0x56455341; // "ASEV"
const SEV_METADATA_HEADER_BYTES = 16;
const SECTION_BYTES = 12;
const MAX_FIRMWARE_BYTES = 64 << 20;
const MAX_SECTIONS = 256;
const MAX_SECTION_BYTES = 64 << 20;

/**
 * Data of each entry of the footer table, by GUID; empty when the firmware has no table.
 * @throws MeasureError FIRMWARE_MALFORMED
 */
export function parseFooter(firmware: Uint8Array): ReadonlyMap<string, Uint8Array> {
  if (firmware.length > MAX_FIRMWARE_BYTES) throw malformed(`expected at most 64 MiB, found ${firmware.length} bytes`);
  const entries = new Map<string, Uint8Array>();
  const end = firmware.length - BYTES_AFTER_TABLE - ENTRY_HEADER_BYTES;
  if (end < 0 || formatGuid(firmware.subarray(end + 2, end + 18)) !== footerGuid.table) return entries;
  const tableBytes = u16At(firmware, end) - ENTRY_HEADER_BYTES;
  if (tableBytes < 0 || tableBytes > end) throw malformed('the footer table is longer than the firmware, or shorter than its own entry');
  const start = end - tableBytes;
  for (let at = end; at > start; ) {
    if (at - start < ENTRY_HEADER_BYTES) throw malformed('the footer table has bytes that are no entry');
    const size = u16At(firmware, at - ENTRY_HEADER_BYTES);
    if (size < ENTRY_HEADER_BYTES || size > at - start) throw malformed(`a footer entry of ${size} bytes does not fit`);
    const guid = formatGuid(firmware.subarray(at - 16, at));
    if (entries.has(guid)) throw malformed(`the footer entry ${guid} occurs twice`);
    entries.set(guid, firmware.subarray(at - size, at - ENTRY_HEADER_BYTES));
    at -= size;
  }
  return entries;
}

/**
 * SEV metadata of a firmware or SVSM image.
 * @throws MeasureError FIRMWARE_MALFORMED
 */
export function parseFirmware(firmware: Uint8Array): FirmwareMetadata {
  if (firmware.length === 0 || firmware.length % 4096 !== 0)
    throw malformed(`expected whole pages of 4096 bytes, found ${firmware.length} bytes`);
  const footer = parseFooter(firmware);
  const hashTable = footer.get(footerGuid.hashTable);
  if (hashTable && hashTable.length !== 8) throw malformed(`the hash-table entry has ${hashTable.length} bytes, not 8`);
  const hashTableGpa = hashTable && u32At(hashTable, 0);
  const reset = footer.get(footerGuid.resetBlock);
  if (reset && reset.length !== 4) throw malformed(`the reset block has ${reset.length} bytes, not 4`);
  return {
    sections: parseSections(firmware, footer.get(footerGuid.sevMetadata)),
    hashTableGpa: hashTableGpa === 0 ? undefined : hashTableGpa,
    resetEip: reset && u32At(reset, 0),
  };
}

function parseSections(firmware: Uint8Array, entry: Uint8Array | undefined): FirmwareSection[] {
  if (!entry) return [];
  const bytes = atOffsetFromEnd(firmware, entry, SEV_METADATA_HEADER_BYTES, 'SEV metadata');
  const reader = new ByteReader(bytes, 'SEV metadata');
  if (reader.u32('magic') !== SEV_METADATA_MAGIC) throw malformed('SEV metadata does not begin with "ASEV"');
  const size = reader.u32('size');
  const version = reader.u32('version');
  const count = reader.u32('count');
  if (version !== 1) throw malformed(`expected SEV metadata of version 1, found ${version}`);
  if (count > MAX_SECTIONS) throw malformed(`expected at most ${MAX_SECTIONS} sections, found ${count}`);
  const needed = SEV_METADATA_HEADER_BYTES + count * SECTION_BYTES;
  if (size < needed || needed > bytes.length)
    throw malformed(`${count} sections do not fit into ${Math.min(size, bytes.length)} bytes`);
  return Array.from({ length: count }, () => ({
    gpa: reader.u32('gpa'),
    size: reader.u32('size'),
    type: reader.u32('type'),
  }));
}

/**
 * Sections that can be measured: whole pages, known types, a bounded size.
 * @throws MeasureError FIRMWARE_MALFORMED
 */
export function requireSections(sections: readonly FirmwareSection[]): void {
  const known: readonly number[] = Object.values(sectionType);
  let total = 0;
  for (const { gpa, size, type } of sections) {
    if (!known.includes(type)) throw malformed(`section type ${type} is not known`);
    if (gpa % 4096 !== 0 || size % 4096 !== 0 || size === 0 || gpa + size > 2 ** 32)
      throw malformed(`a section of ${size} bytes at 0x${gpa.toString(16)} is not whole pages below 4 GiB`);
    if (type !== sectionType.secMem && type !== sectionType.svsmCaa && size !== 4096)
      throw malformed(`a section of type ${type} must be one page, found ${size} bytes`);
    total += size;
  }
  if (total > MAX_SECTION_BYTES) throw malformed(`sections of ${total} bytes are more than 64 MiB`);
}

/** The bytes from where an entry says, counted from the firmware's end. */
export function atOffsetFromEnd(
  firmware: Uint8Array,
  entry: Uint8Array,
  minBytes: number,
  what: string,
): Uint8Array {
  if (entry.length !== 4) throw malformed(`the ${what} entry has ${entry.length} bytes, not 4`);
  const offset = u32At(entry, 0);
  if (offset > firmware.length || offset < minBytes)
    throw malformed(`${what} ${offset} bytes before the end is not in the firmware`);
  return firmware.subarray(firmware.length - offset);
}

export function malformed(reason: string): MeasureError {
  return new MeasureError('FIRMWARE_MALFORMED', `Firmware: ${reason}.`);
}

const u16At = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const u32At = (bytes: Uint8Array, at: number): number => (u16At(bytes, at) | (u16At(bytes, at + 2) << 16)) >>> 0;
