/** The files of a pack on disk. What is under construction has other names; the final one comes last, at once and whole. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PackError } from './error.ts';
import { writeFailure } from './file-sink.ts';
import { type PackInfo, parseInfo } from './info.ts';
import { releaseLock, takeLock } from './lock.ts';
import type { PackName } from './name.ts';

export interface PackPaths {
  readonly folder: string;
  readonly pack: string;
  readonly info: string;
  readonly manifest: string;
  /** The pack while it is written. */
  readonly partial: string;
  /** What of the partial is there already, for a pack from the network. */
  readonly journal: string;
  /** Names the process that is writing. */
  readonly lock: string;
}

export function packPaths(outFolder: string, { owner, name, revision }: PackName): PackPaths {
  const folder = join(outFolder, owner, name);
  const stem = join(folder, revision);
  return {
    folder,
    pack: `${stem}.mpk`,
    info: `${stem}.info`,
    manifest: `${stem}.json`,
    partial: `${stem}.mpk.partial`,
    journal: `${stem}.mpk.journal`,
    lock: `${stem}.mpk.lock`,
  };
}

export class PackOutput {
  readonly paths: PackPaths;

  /**
   * Makes the folder and takes the lock.
   * @throws PackError OUTPUT_UNWRITABLE or OUTPUT_BUSY
   */
  constructor(paths: PackPaths) {
    this.paths = paths;
    try {
      mkdirSync(paths.folder, { recursive: true });
    } catch (cause) {
      throw writeFailure(cause);
    }
    takeLock(paths.lock);
  }

  /**
   * The finished pack under the final name, if there is one.
   * @throws PackError OUTPUT_EXISTS when it is not ours to judge
   */
  finished(): PackInfo | undefined {
    if (!existsSync(this.paths.pack)) return undefined;
    try {
      return parseInfo(readFileSync(this.paths.info, 'utf8'));
    } catch (cause) {
      throw new PackError(
        'OUTPUT_EXISTS',
        `${this.paths.pack} exists, but no readable .info beside it says what it is. Move it away or choose another --out.`,
        { cause },
      );
    }
  }

  /**
   * Asked before anything is written. What an earlier run left is written over, so its room counts as free.
   * @throws PackError DISK_FULL when the pack cannot fit
   */
  requireRoom(neededBytes: number): void {
    const { blocks, bavail, bsize } = statfsSync(this.paths.folder);
    if (blocks === 0) return; // Some file systems of the network do not say how large they are.
    const freeBytes = bavail * bsize + allocatedBytes(this.paths.partial);
    if (freeBytes >= neededBytes) return;
    throw new PackError(
      'DISK_FULL',
      `The pack needs ${neededBytes} bytes in ${this.paths.folder}, ${freeBytes} are free. Free some, or write elsewhere with --out.`,
    );
  }

  /**
   * Gives the partial its final name. All that could fail for want of room comes first; of the names, the pack's comes
   * last, so that it never lacks the others.
   */
  commit(info: string, manifest: string): void {
    const { paths } = this;
    try {
      writeDurably(temporaryOf(paths.info), info);
      writeDurably(temporaryOf(paths.manifest), manifest);
      renameSync(temporaryOf(paths.info), paths.info);
      renameSync(temporaryOf(paths.manifest), paths.manifest);
      renameSync(paths.partial, paths.pack);
      rmSync(paths.journal, { force: true });
      syncFolder(paths.folder);
    } catch (cause) {
      this.#discardTemporaries();
      throw writeFailure(cause);
    }
  }

  /** Nothing of an unfinished pack is worth keeping. */
  discard(): void {
    this.#discardTemporaries();
    tidyAway(this.paths.partial);
    tidyAway(this.paths.journal);
  }

  release(): void {
    releaseLock(this.paths.lock);
  }

  #discardTemporaries(): void {
    tidyAway(temporaryOf(this.paths.info));
    tidyAway(temporaryOf(this.paths.manifest));
  }
}

/** After a failure, which is to be told, and not that of the tidying. */
function tidyAway(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It stays, under a name that no one takes for a finished pack.
  }
}

function temporaryOf(path: string): string {
  return `${path}.partial`;
}

function writeDurably(path: string, text: string): void {
  const descriptor = openSync(path, 'w', 0o644);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The room that a file takes, holes not counted (stat(2): blocks of 512 bytes); 0 when there is none. */
function allocatedBytes(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
