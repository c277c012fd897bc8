/** A lock is a file that names its process: one that a killed process left behind is taken over, by one successor only. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { PackError } from './error.ts';
import { writeFailure } from './file-sink.ts';

/** The locks of this very process. */
const held = new Set<string>();

const ATTEMPTS = 4;
/** A lock is written at once after it was made: an empty one is looked at again before it counts as broken. */
const EMPTY_PAUSE_MS = 50;

/** @throws PackError OUTPUT_BUSY or OUTPUT_UNWRITABLE */
export function takeLock(path: string): void {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (create(path, formatHolder(process.pid))) {
      held.add(resolve(path));
      return;
    }
    const holder = readHolder(path);
    if (holder === undefined && attempt < ATTEMPTS - 1) pause(EMPTY_PAUSE_MS);
    else if (holder !== undefined && isRunning(holder, path)) throw busy(holder, path);
    else removeStale(path);
  }
  throw new PackError('OUTPUT_BUSY', `Another process took ${path} at the same moment. Try again.`);
}

export function releaseLock(path: string): void {
  held.delete(resolve(path));
  rmSync(path, { force: true });
}

/** @returns whether the file is new */
function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    rmSync(path, { force: true }); // A full disk has room for the name, and none for what is in it.
    throw writeFailure(cause);
  }
}

/** Under a guard, so that of several that find the lock stale, none removes what another has just taken. */
function removeStale(path: string): void {
  const guard = `${path}.takeover`;
  if (!create(guard, formatHolder(process.pid))) {
    throw new PackError(
      'OUTPUT_BUSY',
      `Another process is taking over ${path}. Try again; if there is none, remove ${guard}.`,
    );
  }
  try {
    const holder = readHolder(path);
    if (holder === undefined || !isRunning(holder, path)) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as its kernel counts; `-` where that cannot be known. */
  readonly start: string;
}

function formatHolder(pid: number): string {
  return `${pid} ${hostname()} ${startOf(pid)}\n`;
}

/** Undefined when the file is gone, empty, or something else. */
function readHolder(path: string): LockHolder | undefined {
  try {
    const [pid = '', host = '', start = '-'] = readFileSync(path, 'utf8').trim().split(' ');
    return /^[1-9][0-9]{0,9}$/.test(pid) ? { pid: Number(pid), host, start } : undefined;
  } catch {
    return undefined;
  }
}

/** Of another machine nothing is known: its lock is respected. */
function isRunning({ pid, host, start }: LockHolder, path: string): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(resolve(path));
  return exists(pid) && !isAnother(start, startOf(pid));
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Process numbers are given again, soon in a container and after a start of the machine. */
function isAnother(expected: string, found: string): boolean {
  return expected !== '-' && found !== '-' && expected !== found;
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)); the second field may hold spaces and parentheses. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
  } catch {
    return '-';
  }
}

function busy({ pid, host }: LockHolder, path: string): PackError {
  const where = host === hostname() ? '' : ` on ${host}`;
  return new PackError(
    'OUTPUT_BUSY',
    `Process ${pid}${where} is writing this pack. Wait for it; if it is gone, remove ${path}.`,
  );
}

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
