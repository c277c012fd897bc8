/** Firmware, SVSM and kernel images of our own making, as small as their formats allow. */
import { concatBytes, parseGuid, utf8 } from '@vitrine/bytes';
import { firmwareGuid } from '@vitrine/measure/snp';

export const page = 4096;

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

/** Little-endian words. */
export function u32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  for (const [at, value] of values.entries()) new DataView(bytes.buffer).setUint32(4 * at, value, true);
  return bytes;
}

/** Pages of noise that end with the GUIDed table. */
export function imageWith(
  pages: number,
  entries: readonly (readonly [guid: string, data: Uint8Array])[],
): Uint8Array {
  const image = new Uint8Array(pages * page).map((_, at) => (at * 7 + (at >> 8)) & 0xff);
  const body = concatBytes(
    ...entries.map(([guid, data]) => concatBytes(data, u16(data.length + 18), parseGuid(guid))),
  );
  const table = concatBytes(body, u16(body.length + 18), parseGuid(firmwareGuid.tableFooter));
  image.set(table, image.length - 32 - table.length);
  return image;
}

/** [data offset, raw size, address, memory size, attributes, type] */
export type TdvfRow = readonly [number, number, number, number, number, number?];

export function tdxImage(pages: number, rows: readonly TdvfRow[]): Uint8Array {
  // The descriptor lies a page before the end.
  const image = imageWith(pages, [[firmwareGuid.tdxMetadata, u32(page)]]);
  const sections = rows.map(([offset, raw, gpa, size, attributes, type = 0]) =>
    u32(offset, raw, gpa, 0, size, 0, type, attributes),
  );
  image.set(
    concatBytes(utf8('TDVF'), u32(16 + 32 * rows.length, 1, rows.length), ...sections),
    image.length - page,
  );
  return image;
}

export type SnpRow = readonly [gpa: number, sizeBytes: number, type: number];

/** SEV metadata a page before the end. */
export function snpImage(
  pages: number,
  rows: readonly SnpRow[],
  entries: readonly (readonly [guid: string, data: Uint8Array])[],
): Uint8Array {
  const image = imageWith(pages, [[firmwareGuid.sevMetadata, u32(page)], ...entries]);
  image.set(
    concatBytes(utf8('ASEV'), u32(16 + 12 * rows.length, 1, rows.length), ...rows.map((row) => u32(...row))),
    image.length - page,
  );
  return image;
}

export interface KernelForm {
  readonly protocol?: number;
  readonly loadflags?: number;
  readonly xloadflags?: number;
  readonly initrdMax?: number;
  /** Bytes behind the last section, and how many of them are the certificate table. */
  readonly trailingBytes?: number;
  readonly certificateBytes?: number;
}

/** A setup header, and a PE32+ image of one section. */
export function kernelImage(form: KernelForm = {}): Uint8Array {
  const { protocol = 0x20f, loadflags = 1, xloadflags = 0, initrdMax = 0x7fffffff } = form;
  const kernel = new Uint8Array(0x800 + (form.trailingBytes ?? 0)).map((_, at) => (at * 13) & 0xff);
  kernel.fill(0, 0, 0x400);
  const view = new DataView(kernel.buffer);
  kernel.set(utf8('MZ'));
  view.setUint32(0x3c, 0x40, true);
  view.setUint32(0x40, 0x4550, true);
  view.setUint16(0x46, 1, true); // sections
  view.setUint16(0x54, 160, true); // optional header
  view.setUint16(0x58, 0x20b, true); // PE32+
  view.setUint32(0x58 + 60, 0x400, true); // size of headers
  view.setUint32(0x58 + 64, 0xc0ffee, true); // checksum
  view.setUint32(0x58 + 108, 6, true); // directories
  view.setUint32(0x58 + 112 + 36, form.certificateBytes ?? 0, true);
  view.setUint32(0xf8 + 16, 0x400, true); // the section: raw size, raw offset
  view.setUint32(0xf8 + 20, 0x400, true);
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, protocol, true);
  view.setUint8(0x210, 0x11);
  view.setUint8(0x211, loadflags);
  view.setUint32(0x22c, initrdMax, true);
  view.setUint16(0x236, xloadflags, true);
  return kernel;
}
