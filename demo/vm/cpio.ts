/** One entry of an initial RAM disk; what it is follows from which of the optional fields is there. */
export interface CpioEntry {
  /** Path without a leading slash; its folders must come earlier in the list. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Content of a regular file; absent for a folder. */
  readonly content?: Uint8Array;
}

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const ALIGNMENT_BYTES = 4;

/**
 * Writes a cpio archive in the "newc" format that the kernel unpacks as its initial RAM disk
 * (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). The same entries give the same bytes:
 * owner and times are zero, inode numbers count up in the order of the list.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const records = entries.map((entry, index) =>
    record(entry.path, index + 1, (entry.content ? S_IFREG : S_IFDIR) | entry.mode, entry.content),
  );
  return Buffer.concat([...records, record('TRAILER!!!', 0, 0, undefined)]);
}

function record(path: string, inode: number, mode: number, content: Uint8Array = new Uint8Array(0)): Buffer {
  const name = Buffer.from(`${path}\0`);
  const links = 1;
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  const gap = -bytes.length & (ALIGNMENT_BYTES - 1);
  return gap === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(gap)]);
}
