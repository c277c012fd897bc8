import { readSync, writeSync } from 'node:fs';
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
