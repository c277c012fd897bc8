/** A Linux kernel as the firmware measures it: patched by QEMU (hw/i386/x86-common.c), then hashed as Authenticode does. */
import { concatBytes, sha384 } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';

/** Sizes in bytes. */
export interface LoadInputs {
  readonly memoryBytes: number;
  readonly initrdBytes: number;
}

const SETUP_HEADER_END = 0x268;
const LOW_MEMORY_BYTES = 0xb0000000;
const ACPI_BYTES = 0x28000;
const MAX_KERNEL_BYTES = 512 * 1024 * 1024;

/** A copy, as QEMU hands it over. @throws MeasureError KERNEL_MALFORMED, INPUT_INVALID */
export function patchKernel(kernel: Uint8Array, { memoryBytes, initrdBytes }: LoadInputs): Uint8Array {
  if (kernel.length < SETUP_HEADER_END || kernel.length > MAX_KERNEL_BYTES)
    throw malformed(`expected ${SETUP_HEADER_END} bytes to 512 MiB, found ${kernel.length}`);
  const patched = new Uint8Array(kernel);
  const view = new DataView(patched.buffer);
  if (view.getUint32(0x202, true) !== 0x53726448) throw malformed('its setup header does not say "HdrS"');
  const protocol = view.getUint16(0x206, true);
  const isHigh = (view.getUint8(0x211) & 1) !== 0;
  const [realAddress, cmdlineAddress] = isHigh ? [0x10000, 0x20000] : [0x90000, 0x9a000];
  const initrdMax =
    protocol >= 0x20c && (view.getUint16(0x236, true) & 0x40) !== 0
      ? 0xffffffff
      : (protocol >= 0x203 && view.getUint32(0x22c, true)) || 0x37ffffff;
  view.setUint8(0x210, 0xb0);
  if (protocol >= 0x201) {
    view.setUint8(0x211, view.getUint8(0x211) | 0x80);
    view.setUint32(0x224, cmdlineAddress - realAddress - 0x200, true);
  }
  if (protocol >= 0x202) view.setUint32(0x228, cmdlineAddress, true);
  if (initrdBytes > 0) {
    view.setUint32(0x218, initrdAddress(initrdMax, memoryBytes, initrdBytes), true);
    view.setUint32(0x21c, initrdBytes, true);
  }
  return patched;
}

function initrdAddress(initrdMax: number, memoryBytes: number, initrdBytes: number): number {
  const below4g = memoryBytes < LOW_MEMORY_BYTES ? memoryBytes : 0x80000000;
  const max = initrdMax >= below4g - ACPI_BYTES ? below4g - ACPI_BYTES - 1 : initrdMax;
  if (initrdBytes >= max)
    throw new MeasureError(
      'INPUT_INVALID',
      `An initrd of ${initrdBytes} bytes does not fit into the memory.`,
    );
  // No bit operations: an address has 32 bits.
  return max - initrdBytes - ((max - initrdBytes) % 4096);
}

/** SHA-384 of a PE file (Windows Authenticode PE Signature Format, "Calculating the PE Image Hash"). @throws MeasureError KERNEL_MALFORMED */
export async function authenticodeSha384(file: Uint8Array): Promise<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const need = (end: number, what: string): void => {
    if (end > file.length) throw malformed(`its ${what} lies outside of it`);
  };
  need(0x40, 'DOS header');
  const pe = view.getUint32(0x3c, true);
  need(pe + 24, 'PE header');
  if (view.getUint16(0, true) !== 0x5a4d || view.getUint32(pe, true) !== 0x4550)
    throw malformed('it is no PE file: it needs an EFI stub');
  const sectionCount = view.getUint16(pe + 6, true);
  const optionalBytes = view.getUint16(pe + 20, true);
  const optional = pe + 24;
  need(optional + optionalBytes, 'optional header');
  if (optionalBytes < 2) throw malformed('it has no optional header');
  const magic = view.getUint16(optional, true);
  if (magic !== 0x10b && magic !== 0x20b)
    throw malformed(`its optional header has the magic 0x${magic.toString(16)}`);
  const directories = optional + (magic === 0x20b ? 112 : 96);
  if (directories > optional + optionalBytes) throw malformed('its optional header is cut off');
  const checksum = optional + 64;
  const headersBytes = view.getUint32(optional + 60, true);
  const security = directories + 4 * 8;
  const hasSecurity = view.getUint32(directories - 4, true) > 4;
  const sectionTable = optional + optionalBytes;
  need(headersBytes, 'header area');
  if (headersBytes < sectionTable + sectionCount * 40)
    throw malformed('its section table is longer than its headers');
  if (hasSecurity && security + 8 > sectionTable) throw malformed('its data directories are cut off');
  const certificateBytes = hasSecurity ? view.getUint32(security + 4, true) : 0;
  const parts = [file.subarray(0, checksum)];
  if (hasSecurity)
    parts.push(file.subarray(checksum + 4, security), file.subarray(security + 8, headersBytes));
  else parts.push(file.subarray(checksum + 4, headersBytes));
  let hashed = headersBytes;
  const sections = Array.from({ length: sectionCount }, (_, index) => {
    const at = sectionTable + index * 40;
    return { size: view.getUint32(at + 16, true), offset: view.getUint32(at + 20, true) };
  })
    .filter(({ size }) => size > 0)
    .sort((a, b) => a.offset - b.offset);
  for (const { offset, size } of sections) {
    need(offset + size, 'section');
    if (offset < hashed) throw malformed('its sections overlap');
    parts.push(file.subarray(offset, offset + size));
    hashed = offset + size;
  }
  const total = sections.reduce((sum, { size }) => sum + size, headersBytes);
  const trailing = file.length - certificateBytes - total;
  if (trailing < 0) throw malformed('its certificate table is longer than what follows the sections');
  parts.push(file.subarray(total, total + trailing), new Uint8Array((8 - (file.length % 8)) % 8));
  return sha384(concatBytes(...parts));
}

function malformed(why: string): MeasureError {
  return new MeasureError('KERNEL_MALFORMED', `The kernel: ${why}.`);
}
