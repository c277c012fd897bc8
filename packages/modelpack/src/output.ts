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
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PackError } from './error.ts';
import { writeFailure } from './file-sink.ts';
import { type PackInfo, parseInfo } from './info.ts';
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

  /** The finished pack under the final name, if there is one. @throws PackError OUTPUT_EXISTS when it is not ours to judge */
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

  /** @throws PackError DISK_FULL before anything is written, when it cannot fit */
  requireRoom(neededBytes: number): void {
    const { bavail, bsize } = statfsSync(this.paths.folder);
    const freeBytes = bavail * bsize;
    if (freeBytes >= neededBytes) return;
    throw new PackError(
      'DISK_FULL',
      `The pack needs ${neededBytes} bytes in ${this.paths.folder}, ${freeBytes} are free. Free some, or write elsewhere with --out.`,
    );
  }

  /** Gives the partial its final name: info and manifest first, the pack last, so that it never lacks them. */
  commit(info: string, manifest: string): void {
    try {
      writeDurably(this.paths.info, info);
      writeDurably(this.paths.manifest, manifest);
      renameSync(this.paths.partial, this.paths.pack);
      rmSync(this.paths.journal, { force: true });
      syncFolder(this.paths.folder);
    } catch (cause) {
      throw writeFailure(cause);
    }
  }

  /** Nothing of an unfinished pack is worth keeping. */
  discard(): void {
    rmSync(this.paths.partial, { force: true });
    rmSync(this.paths.journal, { force: true });
  }

  release(): void {
    rmSync(this.paths.lock, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  const temporary = `${path}.partial`;
  const descriptor = openSync(temporary, 'w', 0o644);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A lock is a file that names its process: one that a killed process left behind is taken over. */
function takeLock(path: string): void {
  const mine = `${process.pid} ${hostname()}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeFailure(cause);
    }
    const holder = readLock(path);
    if (holder !== undefined && isRunning(holder)) {
      throw new PackError(
        'OUTPUT_BUSY',
        `Process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`} is writing this pack. Wait for it; if it is gone, remove ${path}.`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new PackError('OUTPUT_BUSY', `Another process took ${path} at the same moment. Try again.`);
}

interface LockHolder {
  readonly pid: number;
  readonly host: string;
}

function readLock(path: string): LockHolder | undefined {
  try {
    const [pid = '', host = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return /^[1-9][0-9]*$/.test(pid) ? { pid: Number(pid), host } : undefined;
  } catch {
    return undefined;
  }
}

/** Of another machine nothing is known: its lock is respected. */
function isRunning({ pid, host }: LockHolder): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
