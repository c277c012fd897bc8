import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { VerityError } from './error.ts';
import type { HashStore } from './tree.ts';

/** Keeps a tree in an open file (read and write). */
export class FileStore implements HashStore {
  readonly #descriptor: number;
  readonly #path: string;
  #buffer = new Uint8Array(0);

  /** @param path only for messages */
  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    writeFully(this.#descriptor, this.#path, bytes, offsetBytes);
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    if (this.#buffer.length < lengthBytes) this.#buffer = new Uint8Array(lengthBytes);
    const into = this.#buffer.subarray(0, lengthBytes);
    readFully(this.#descriptor, this.#path, into, offsetBytes);
    return into;
  }
}

/** @throws VerityError TRUNCATED when the file ends first, IO */
export function readFully(descriptor: number, path: string, into: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < into.length;) {
    let count: number;
    try {
      count = readSync(descriptor, into, done, into.length - done, offsetBytes + done);
    } catch (cause) {
      throw new VerityError('IO', `Reading ${path} at byte ${offsetBytes + done}: ${String(cause)}`, {
        cause,
      });
    }
    if (count === 0) {
      throw new VerityError(
        'TRUNCATED',
        `Reading ${path}: ${into.length} bytes at byte ${offsetBytes} expected, but the file ends at byte ${offsetBytes + done}.`,
      );
    }
    done += count;
  }
}

/** @throws VerityError IO */
export function writeFully(descriptor: number, path: string, bytes: Uint8Array, offsetBytes: number): void {
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    } catch (cause) {
      throw new VerityError('IO', `Writing ${path} at byte ${offsetBytes + done}: ${String(cause)}`, {
        cause,
      });
    }
  }
}

/** An open file and what is known of it. */
export interface OpenFile {
  readonly descriptor: number;
  readonly path: string;
  /** Undefined for what is not a regular file (a block device): then only reading tells where it ends. */
  readonly sizeBytes: number | undefined;
  /** Equal for two paths to one file. */
  readonly identity: string;
}

/**
 * Opens a file, hands it to `use`, and closes it whatever happens.
 * @param mode to read; to read and write; the same, and create it when it is not there
 * @throws VerityError IO; what `use` throws
 */
export async function withFile<T>(
  path: string,
  mode: 'read' | 'write' | 'create',
  use: (file: OpenFile) => T | Promise<T>,
): Promise<T> {
  const descriptor = openFile(path, mode);
  try {
    const stat = fstatSync(descriptor, { bigint: true });
    return await use({
      descriptor,
      path,
      sizeBytes: stat.isFile() ? Number(stat.size) : undefined,
      identity: `${stat.dev}:${stat.ino}`,
    });
  } finally {
    closeSync(descriptor);
  }
}

/** @throws VerityError IO */
export function openFile(path: string, mode: 'read' | 'write' | 'create'): number {
  const { O_RDONLY, O_RDWR, O_CREAT } = constants;
  const flags = { read: O_RDONLY, write: O_RDWR, create: O_RDWR | O_CREAT }[mode];
  try {
    return openSync(path, flags, 0o666);
  } catch (cause) {
    throw new VerityError('IO', `Opening ${path} to ${mode}: ${String(cause)}`, { cause });
  }
}

/** @throws VerityError TRUNCATED when a regular file is shorter than what must be in it */
export function requireSize(file: OpenFile, what: string, sizeBytes: number): void {
  if (file.sizeBytes === undefined || file.sizeBytes >= sizeBytes) return;
  throw new VerityError(
    'TRUNCATED',
    `${file.path} has ${file.sizeBytes} bytes, but ${what} ends at byte ${sizeBytes}: it was cut off, or the parameters are not its own.`,
  );
}
