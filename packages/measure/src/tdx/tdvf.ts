/** TDVF metadata of a firmware: which parts of it a TD starts with (Intel TDX Virtual Firmware Design Guide, section 11). */
import { BytesError, ByteReader, latin1 } from '@vitrine/bytes';
import { firmwareGuid, fourGib, malformed, pageBytes, readFirmwareTable } from '../snp/firmware.ts';

/** Addresses and sizes in bytes. */
export interface TdvfSection {
  readonly dataOffset: number;
  readonly rawSizeBytes: number;
  readonly gpa: number;
  readonly memorySizeBytes: number;
  readonly type: number;
  /** Bit 0 MR.EXTEND: contents are measured. Bit 1 PAGE.AUG: added later, not measured. */
  readonly attributes: number;
}

export const MR_EXTEND = 1;
export const PAGE_AUG = 2;
const MAX_SECTIONS = 64;
/** Of one firmware: 16384 pages. */
const MAX_ADDED_BYTES = 64 * 1024 * 1024;

/** @throws MeasureError FIRMWARE_MALFORMED */
export function parseTdvf(firmware: Uint8Array): readonly TdvfSection[] {
  const entry = readFirmwareTable(firmware).get(firmwareGuid.tdxMetadata);
  if (!entry) throw malformed('its table has no TDX metadata: it is not made for TDX');
  try {
    const offsetReader = new ByteReader(entry, 'TDX metadata entry');
    const offset = offsetReader.u32('offset');
    offsetReader.end();
    if (offset > firmware.length) throw malformed('the TDX metadata lie before its beginning');
    return readDescriptor(firmware, firmware.length - offset);
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause.message, cause);
    throw cause;
  }
}

function readDescriptor(firmware: Uint8Array, at: number): TdvfSection[] {
  const reader = new ByteReader(firmware.subarray(at), 'TDVF descriptor');
  const magic = latin1(reader.take(4, 'signature'));
  const lengthBytes = reader.u32('length');
  const version = reader.u32('version');
  const count = reader.u32('section count');
  if (magic !== 'TDVF' || version !== 1)
    throw malformed(`expected a TDVF descriptor of version 1, found "${magic}" of version ${version}`);
  if (count === 0 || count > MAX_SECTIONS || lengthBytes !== 16 + 32 * count)
    throw malformed(`a TDVF descriptor of ${lengthBytes} bytes cannot hold ${count} sections`);
  const sections = Array.from({ length: count }, () => ({
    dataOffset: reader.u32('data offset'),
    rawSizeBytes: reader.u32('raw size'),
    gpa: Number(reader.u64('memory address')),
    memorySizeBytes: Number(reader.u64('memory size')),
    type: reader.u32('type'),
    attributes: reader.u32('attributes'),
  }));
  for (const section of sections) requireSection(section, firmware.length);
  const added = sections.filter(({ attributes }) => (attributes & PAGE_AUG) === 0);
  if (added.reduce((sum, { memorySizeBytes }) => sum + memorySizeBytes, 0) > MAX_ADDED_BYTES)
    throw malformed('its TDVF sections add more than 64 MiB');
  return sections;
}

function requireSection(section: TdvfSection, firmwareBytes: number): void {
  const { dataOffset, rawSizeBytes, gpa, memorySizeBytes, attributes } = section;
  const isPaged =
    gpa % pageBytes === 0 && memorySizeBytes % pageBytes === 0 && gpa + memorySizeBytes <= fourGib;
  const isAug = (attributes & PAGE_AUG) !== 0;
  if (!isPaged && !isAug)
    throw malformed(`a TDVF section at 0x${gpa.toString(16)} is not of whole pages below 4 GiB`);
  if (dataOffset + rawSizeBytes > firmwareBytes) throw malformed('a TDVF section lies outside of it');
  if (rawSizeBytes > memorySizeBytes && !isAug) throw malformed('a TDVF section has more data than memory');
  if (isAug && (attributes & MR_EXTEND) !== 0) throw malformed('a TDVF section is measured, and added later');
}
