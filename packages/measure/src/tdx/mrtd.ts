/** MRTD: SHA-384 of what the VMM told the TDX module to add (TDX module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND). */
import { sha384, utf8 } from '@vitrine/bytes';
import { pageBytes } from '../snp/firmware.ts';
import { MR_EXTEND, PAGE_AUG, type TdvfSection, parseTdvf } from './tdvf.ts';

/** Add a page, then extend its chunks, page by page; or add all pages of a section, then extend all. */
export type MrtdOrdering = 'single-pass' | 'two-pass';

/** One section that went in, in order. */
export interface MrtdSection extends TdvfSection {
  readonly addedPages: number;
  readonly extendedChunks: number;
}

const RECORD_BYTES = 128;
const CHUNK_BYTES = 256;

/** @returns 48 bytes, and what went in @throws MeasureError FIRMWARE_MALFORMED */
export async function measureMrtd(
  firmware: Uint8Array,
  ordering: MrtdOrdering,
): Promise<{ readonly mrtd: Uint8Array; readonly sections: readonly MrtdSection[] }> {
  const sections = parseTdvf(firmware).map((section) => {
    const addedPages = (section.attributes & PAGE_AUG) === 0 ? section.memorySizeBytes / pageBytes : 0;
    const isExtended = (section.attributes & MR_EXTEND) !== 0;
    return {
      ...section,
      addedPages,
      extendedChunks: isExtended ? addedPages * (pageBytes / CHUNK_BYTES) : 0,
    };
  });
  const stream = new RecordStream(
    sections.reduce(
      (sum, { addedPages, extendedChunks }) =>
        sum + addedPages * RECORD_BYTES + extendedChunks * (RECORD_BYTES + CHUNK_BYTES),
      0,
    ),
  );
  for (const section of sections) writeSection(stream, section, firmware, ordering);
  return { mrtd: await sha384(stream.bytes), sections };
}

function writeSection(
  stream: RecordStream,
  section: MrtdSection,
  firmware: Uint8Array,
  ordering: MrtdOrdering,
): void {
  const contents = new Uint8Array(section.extendedChunks > 0 ? section.memorySizeBytes : 0);
  if (contents.length > 0)
    contents.set(firmware.subarray(section.dataOffset, section.dataOffset + section.rawSizeBytes));
  const add = (page: number): void => stream.record('MEM.PAGE.ADD', section.gpa + page * pageBytes);
  const extend = (page: number): void => {
    for (
      let at = page * pageBytes;
      at < Math.min((page + 1) * pageBytes, contents.length);
      at += CHUNK_BYTES
    ) {
      stream.record('MR.EXTEND', section.gpa + at);
      stream.write(contents.subarray(at, at + CHUNK_BYTES));
    }
  };
  for (let page = 0; page < section.addedPages; page++) {
    add(page);
    if (ordering === 'single-pass') extend(page);
  }
  if (ordering === 'two-pass') for (let page = 0; page < section.addedPages; page++) extend(page);
}

/** The hashed stream; its length is known before. */
class RecordStream {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(lengthBytes: number) {
    this.bytes = new Uint8Array(lengthBytes);
  }

  /** 128 bytes: the operation's name, the address at 16, zeros. */
  record(name: string, gpa: number): void {
    this.bytes.set(utf8(name), this.#at);
    new DataView(this.bytes.buffer).setBigUint64(this.#at + 16, BigInt(gpa), true);
    this.#at += RECORD_BYTES;
  }

  write(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
