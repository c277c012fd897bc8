/** The programs that the writer is held against: mkfs.erofs 1.5, fsck.erofs and the kernel. */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid } from 'node:process';

const MKFS = '/usr/bin/mkfs.erofs';
const FSCK = '/usr/bin/fsck.erofs';

/** Why tests against mkfs.erofs are skipped, or false. Other versions than 1.5 lay images out differently. */
export const mkfsObstacle: string | false = obstacleToMkfs();

function obstacleToMkfs(): string | false {
  if (!existsSync(MKFS)) return `${MKFS} is not installed (Debian package erofs-utils)`;
  const { stdout, stderr } = spawnSync(MKFS, ['-V'], { encoding: 'utf8' });
  const [version = 'unknown'] = /\d+\.\d+(?:\.\d+)?/.exec(stdout + stderr) ?? [];
  return version === '1.5' ? false : `mkfs.erofs has version ${version}, the layout is that of 1.5`;
}

export const fsckObstacle: string | false = existsSync(FSCK)
  ? false
  : `${FSCK} is not installed (Debian package erofs-utils)`;

/** Why tests that mount an image are skipped, or false. */
export const mountObstacle: string | false = obstacleToMount();

function obstacleToMount(): string | false {
  if (getuid?.() !== 0) return 'mounting needs root';
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices';
  if (!/\berofs$/m.test(readFileSync('/proc/filesystems', 'utf8'))) return 'the kernel has no EROFS';
  return false;
}

/** A folder in memory where there is such a file system, so that thousands of small trees cost little. Remove it at once. */
export function scratchFolder(): string {
  return mkdtempSync(join(isWritable('/dev/shm') ? '/dev/shm' : tmpdir(), 'vitrine-writer-'));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs `work` with a folder that is gone afterwards. */
export async function inScratchFolder<T>(
  work: (scratch: string) => T | Promise<T>,
  scratch = scratchFolder(),
): Promise<T> {
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Makes an image as the default layout has it. */
export function runMkfs(folder: string, image: string, uuid: string): void {
  rmSync(image, { force: true });
  execFileSync(MKFS, ['--quiet', '--all-root', '-T0', `-U${uuid}`, image, folder], { stdio: 'pipe' });
}

/**
 * `--extract` without a folder makes it read every byte of every file. It ends with status 0 after some faults too,
 * but is silent about a sound image only.
 * @throws Error with its output when fsck.erofs finds a fault
 */
export function runFsck(image: string): void {
  const { status, stdout, stderr } = spawnSync(FSCK, ['--extract', image], { encoding: 'utf8' });
  if (status !== 0 || stdout + stderr !== '') {
    throw new Error(`fsck.erofs ended with status ${String(status)}:\n${stdout}${stderr}`);
  }
}

/** Shows an image through the kernel for as long as `work` lasts. */
export async function mounted<T>(image: string, work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = `${image}.mounted`;
  mkdirSync(folder);
  execFileSync('mount', ['-o', 'loop,ro', '-t', 'erofs', image, folder], { stdio: 'pipe' });
  try {
    return await work(folder);
  } finally {
    execFileSync('umount', [folder], { stdio: 'pipe' });
  }
}
