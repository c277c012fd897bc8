/** Directory blocks: sorted names with the nids that they stand for (erofs.rst, directories). */
import { ErofsError } from './error.ts';
import { BLOCK_SIZE_BYTES, decodeDirent, DIRENT_SIZE_BYTES, FILE_TYPE, NAME_MAX_BYTES } from './format.ts';
import { bytesToPath } from './display-path.ts';
import type { InodePlace } from './reader-inode.ts';
import type { ImageBytes } from './reader-source.ts';
import { compareNames } from './tree.ts';

export interface DirectoryRecord {
  readonly nameBytes: Uint8Array;
  readonly nid: bigint;
  readonly fileType: number;
}

/** What of a directory must be known to read it. */
export interface DirectoryIdentity {
  /** For messages. */
  readonly path: string;
  readonly nid: bigint;
  readonly parentNid: bigint;
  readonly place: InodePlace;
}

/** Throws what it gets (a strict reading), or notes it (then the reading goes on with what is left). */
export type Report = (error: ErofsError) => void;

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * A directory's records in order, without `.` and `..`, whose records are checked. Holds one block at a time.
 * Reports: CORRUPT for every contradiction; an error can come after records were given.
 */
export async function* directoryRecords(
  bytes: ImageBytes,
  directory: DirectoryIdentity,
  report: Report,
): AsyncGenerator<DirectoryRecord, void, undefined> {
  const complain = (what: string): void => {
    report(new ErofsError('CORRUPT', `Reading directory "${directory.path}": ${what}`));
  };
  const dots = new DotRecords(directory, complain);
  let previous: Uint8Array | undefined;
  let blockIndex = 0;
  for (const { startBytes, lengthBytes } of directoryBlocks(directory.place)) {
    // What is shorter than a block mostly lies beside its inode, in a block that is at hand.
    const isWhole = lengthBytes === BLOCK_SIZE_BYTES;
    const block = await (isWhole
      ? bytes.read(startBytes, lengthBytes)
      : bytes.readSmall(startBytes, lengthBytes));
    const where = `block ${blockIndex++} of it (byte ${startBytes} of the image)`;
    for (const record of blockRecords(block, (what) => complain(`${where}, ${what}`))) {
      if (previous !== undefined && compareNames(previous, record.nameBytes) >= 0) {
        complain(
          `${where}, name "${bytesToPath(record.nameBytes)}" must sort behind "${bytesToPath(previous)}", which is before it.`,
        );
      }
      previous = record.nameBytes;
      if (!dots.take(record)) yield record;
    }
  }
  dots.requireBoth();
}

/** The directory's data in pieces of a block, each with its own records. */
function* directoryBlocks({
  blocks,
  inlineTail,
}: InodePlace): Generator<{ startBytes: number; lengthBytes: number }> {
  for (let startBytes = blocks.startBytes; startBytes < blocks.endBytes; startBytes += BLOCK_SIZE_BYTES) {
    yield { startBytes, lengthBytes: Math.min(BLOCK_SIZE_BYTES, blocks.endBytes - startBytes) };
  }
  const lengthBytes = inlineTail.endBytes - inlineTail.startBytes;
  if (lengthBytes > 0) yield { startBytes: inlineTail.startBytes, lengthBytes };
}

/** The records of one directory block; one that is not well-formed is complained of and left out. */
export function* blockRecords(
  block: Uint8Array,
  complain: (what: string) => void,
): Generator<DirectoryRecord, void, undefined> {
  if (block.length < DIRENT_SIZE_BYTES) {
    complain(`${block.length} bytes are left, fewer than one entry has.`);
    return;
  }
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const namesStartBytes = decodeDirent(view, 0).nameOffsetBytes;
  if (namesStartBytes === 0 || namesStartBytes % DIRENT_SIZE_BYTES !== 0 || namesStartBytes >= block.length) {
    complain(
      `the first name's offset must be a multiple of 12 below ${block.length} (it tells how many entries there are), found ${namesStartBytes}.`,
    );
    return;
  }
  for (let offsetBytes = 0; offsetBytes < namesStartBytes; offsetBytes += DIRENT_SIZE_BYTES) {
    const { nid, nameOffsetBytes, fileType } = decodeDirent(view, offsetBytes);
    const next = offsetBytes + DIRENT_SIZE_BYTES;
    const isLast = next === namesStartBytes;
    const endBytes = isLast ? block.length : decodeDirent(view, next).nameOffsetBytes;
    const place = `entry ${offsetBytes / DIRENT_SIZE_BYTES}`;
    if (nameOffsetBytes < namesStartBytes || nameOffsetBytes >= endBytes || endBytes > block.length) {
      complain(
        `${place}: its name must lie between bytes ${namesStartBytes} and ${block.length}, found ${nameOffsetBytes} to ${endBytes}.`,
      );
      continue;
    }
    const slot = block.subarray(nameOffsetBytes, endBytes);
    // Only the last name may end before its slot does: the block's rest is filled with NUL.
    const nul = isLast ? slot.indexOf(0) : -1;
    const nameBytes = nul < 0 ? slot : slot.subarray(0, nul);
    const fault = nameFault(nameBytes);
    if (fault === undefined) yield { nameBytes, nid, fileType };
    else complain(`${place}: its name ${fault}.`);
  }
}

function nameFault(name: Uint8Array): string | undefined {
  if (name.length === 0) return 'is empty';
  if (name.length > NAME_MAX_BYTES) return `has ${name.length} bytes; ${NAME_MAX_BYTES} are the most`;
  if (name.includes(0)) return 'holds a NUL byte';
  if (name.includes(SLASH)) return 'holds a slash';
  return undefined;
}

/** Every directory holds itself as `.` and its parent as `..` (the root: itself). */
class DotRecords {
  readonly #expected: Map<string, bigint>;
  readonly #complain: (what: string) => void;

  constructor(directory: DirectoryIdentity, complain: (what: string) => void) {
    this.#expected = new Map([
      ['.', directory.nid],
      ['..', directory.parentNid],
    ]);
    this.#complain = complain;
  }

  /** @returns whether the record is one of the two: then it is not an entry of its own */
  take({ nameBytes, nid, fileType }: DirectoryRecord): boolean {
    if (nameBytes.length > 2 || nameBytes.some((byte) => byte !== DOT)) return false;
    const name = '.'.repeat(nameBytes.length);
    const expected = this.#expected.get(name);
    // A second one was complained of by the order of names.
    if (expected === undefined) return true;
    this.#expected.delete(name);
    if (nid !== expected) {
      this.#complain(`its "${name}" must be inode ${expected.toString()}, found ${nid.toString()}.`);
    }
    if (fileType !== FILE_TYPE.directory) {
      this.#complain(
        `its "${name}" must have file type ${FILE_TYPE.directory} (directory), found ${fileType}.`,
      );
    }
    return true;
  }

  requireBoth(): void {
    for (const name of this.#expected.keys()) this.#complain(`it has no "${name}".`);
  }
}
