/** The table of hashes by which a firmware checks what QEMU boots directly (QEMU target/i386/sev.c, "SEV hashes table"). */
import { concatBytes, parseGuid, sha256, utf8 } from '@vitrine/bytes';
import { requireCmdline } from '../cmdline.ts';
import { MeasureError } from '../error.ts';
import { pageBytes } from './firmware.ts';

/** Contents, or their SHA-256 (32 bytes). */
export type Hashed = { readonly bytes: Uint8Array } | { readonly sha256: Uint8Array };

export interface DirectBoot {
  /** The kernel's file as QEMU is given it. */
  readonly kernel: Hashed;
  readonly initrd?: Hashed | undefined;
  readonly cmdline?: string | undefined;
}

const TABLE_GUID = '9438d606-4f22-4cc9-b479-a793d411fd21';
const CMDLINE_GUID = '97d02dd8-bd20-4c94-aa78-e7714d36ab2a';
const INITRD_GUID = '44baf731-3a2f-4bd7-9af1-41e29169781d';
const KERNEL_GUID = '4de79437-abd2-427f-b835-d5b172d2045b';
const TABLE_LENGTH = 168;
const ENTRY_LENGTH = 50;
/** The table filled up to a multiple of 16. */
export const hashTableBytes = 176;

export interface BootHashes {
  readonly cmdline: Uint8Array;
  readonly initrd: Uint8Array;
  readonly kernel: Uint8Array;
}

/** The command line is hashed with the NUL at its end; a missing initrd is an empty one. */
export async function bootHashes(boot: DirectBoot): Promise<BootHashes> {
  return {
    cmdline: await sha256(utf8(`${requireCmdline(boot.cmdline ?? '')}\0`)),
    initrd: boot.initrd ? await hashOf(boot.initrd, 'initrd') : await sha256(new Uint8Array(0)),
    kernel: await hashOf(boot.kernel, 'kernel'),
  };
}

async function hashOf(part: Hashed, name: string): Promise<Uint8Array> {
  if ('bytes' in part) return sha256(part.bytes);
  if (part.sha256.length === 32) return part.sha256;
  throw new MeasureError(
    'INPUT_INVALID',
    `The SHA-256 of the ${name}: expected 32 bytes, found ${part.sha256.length}.`,
  );
}

/** 176 bytes. */
export function hashTable({ cmdline, initrd, kernel }: BootHashes): Uint8Array {
  const table = new Uint8Array(hashTableBytes);
  table.set(
    concatBytes(
      parseGuid(TABLE_GUID),
      u16(TABLE_LENGTH),
      hashEntry(CMDLINE_GUID, cmdline),
      hashEntry(INITRD_GUID, initrd),
      hashEntry(KERNEL_GUID, kernel),
    ),
  );
  return table;
}

/** The page of a KERNEL_HASHES section, the table at its place in it. */
export function hashTablePage(hashes: BootHashes, hashTableGpa: number): Uint8Array {
  const offset = hashTableGpa % pageBytes;
  if (offset + hashTableBytes > pageBytes)
    throw new MeasureError(
      'FIRMWARE_MALFORMED',
      `The firmware: its hash table at 0x${hashTableGpa.toString(16)} does not fit its page.`,
    );
  const page = new Uint8Array(pageBytes);
  page.set(hashTable(hashes), offset);
  return page;
}

function hashEntry(guid: string, hash: Uint8Array): Uint8Array {
  return concatBytes(parseGuid(guid), u16(ENTRY_LENGTH), hash);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
