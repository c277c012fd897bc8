/** Makes images with the real mkfs.erofs, and shows them to the reader in memory or from a file. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockSource } from '../src/reader-source.ts';

const MKFS = '/usr/bin/mkfs.erofs';
export const UUID = '5d1a1c5e-8d3b-4a2f-9f6e-0c1d2e3f4a5b';

/** Why tests with mkfs.erofs are skipped, or false. */
export const mkfsMissing: string | false = existsSync(MKFS)
  ? false
  : `${MKFS} is not installed (Debian package erofs-utils)`;

/** A folder that is gone after the test. */
export function temporaryFolder(test: { after(clean: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-erofs-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs mkfs.erofs as the default layout does, with more words if wanted, and gives the image's path. */
export function makeImage(folder: string, scratch: string, words: readonly string[] = []): string {
  const image = join(scratch, 'image.erofs');
  rmSync(image, { force: true });
  execFileSync(MKFS, ['--quiet', '--all-root', '-T0', `-U${UUID}`, ...words, image, folder], {
    stdio: 'pipe',
  });
  return image;
}

export function makeImageBytes(folder: string, scratch: string, words: readonly string[] = []): Uint8Array {
  return new Uint8Array(readFileSync(makeImage(folder, scratch, words)));
}

export interface CountingSource extends BlockSource {
  readBytes: number;
  reads: number;
}

/** Refuses reads outside of it, so that an over-read of the reader is an error. */
export function memorySource(bytes: Uint8Array): CountingSource {
  return {
    sizeBytes: bytes.length,
    readBytes: 0,
    reads: 0,
    read(offsetBytes, lengthBytes) {
      requireWithin(bytes.length, offsetBytes, lengthBytes);
      this.readBytes += lengthBytes;
      this.reads++;
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}

export function fileSource(path: string): BlockSource & Disposable {
  const file = openSync(path, 'r');
  const sizeBytes = statSync(path).size;
  return {
    sizeBytes,
    read(offsetBytes, lengthBytes) {
      requireWithin(sizeBytes, offsetBytes, lengthBytes);
      const bytes = new Uint8Array(lengthBytes);
      const found = readSync(file, bytes, 0, lengthBytes, offsetBytes);
      return bytes.subarray(0, found);
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

function requireWithin(sizeBytes: number, offsetBytes: number, lengthBytes: number): void {
  if (Number.isSafeInteger(offsetBytes) && Number.isSafeInteger(lengthBytes)) {
    if (offsetBytes >= 0 && lengthBytes > 0 && offsetBytes + lengthBytes <= sizeBytes) return;
  }
  throw new Error(
    `The reader read ${lengthBytes} bytes at ${offsetBytes} of a source of ${sizeBytes} bytes.`,
  );
}
