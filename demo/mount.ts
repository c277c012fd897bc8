/** Mounts a pack with the kernel of this machine and compares what it shows with the folder it was made from. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type MountVerdict =
  | { readonly verdict: 'same'; readonly fileCount: number; readonly sizeBytes: number }
  /** One line for each file, folder or link that is not as in the source. */
  | { readonly verdict: 'differs'; readonly differences: readonly string[] }
  /** This machine cannot mount EROFS images. */
  | { readonly verdict: 'skipped'; readonly reason: string };

export interface MountRequest {
  /** The kernel reads the file system at its start and ignores the hash tree behind it. */
  readonly packPath: string;
  readonly sourceFolder: string;
  /** Takes the mount command before it runs. */
  readonly log?: (line: string) => void;
}

const CHUNK_BYTES = 2 ** 20;
const PERMISSION_BITS = 0o7777;

/**
 * Compares every file's bytes and every entry's kind and mode. Leaves nothing mounted, whatever happens.
 * @throws Error when the machine can mount EROFS but not this image
 */
export function compareMounted({ packPath, sourceFolder, log }: MountRequest): MountVerdict {
  const obstacle = cannotMount();
  if (obstacle !== undefined) return { verdict: 'skipped', reason: obstacle };
  return whileMounted(packPath, log, (mountPoint) => {
    const differences: string[] = [];
    const total = { fileCount: 0, sizeBytes: 0 };
    for (const path of pathsOfBoth(sourceFolder, mountPoint)) {
      const difference = differenceOf(join(sourceFolder, path), join(mountPoint, path), total);
      if (difference !== undefined) differences.push(`${path}: ${difference}`);
    }
    return differences.length > 0 ? { verdict: 'differs', differences } : { verdict: 'same', ...total };
  });
}

/** Says what keeps this machine from mounting EROFS images, or undefined. */
export function cannotMount(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux mounts EROFS';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (!knowsErofs()) spawnSync('modprobe', ['erofs']);
  if (!knowsErofs()) return 'the kernel of this machine has no EROFS';
  const loop = spawnSync('losetup', ['--find'], { encoding: 'utf8' });
  return loop.status === 0 ? undefined : 'there is no loop device on this machine';
}

function knowsErofs(): boolean {
  return /\terofs$/m.test(readFileSync('/proc/filesystems', 'utf8'));
}

function whileMounted<T>(packPath: string, log: MountRequest['log'], read: (mountPoint: string) => T): T {
  const mountPoint = mkdtempSync(join(tmpdir(), 'vitrine-mount-'));
  let interrupted: NodeJS.Signals | undefined;
  const remember = (signal: NodeJS.Signals) => (interrupted = signal);
  // With a handler a signal waits until this function, which never yields, has unmounted.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, remember);
  try {
    const words = ['-t', 'erofs', '-o', 'ro,loop,nodev,nosuid,noexec', packPath, mountPoint];
    log?.(`mount ${words.join(' ')}`);
    const mount = spawnSync('mount', words, { encoding: 'utf8' });
    if (mount.status !== 0) throw new Error(`The kernel does not mount ${packPath}: ${mount.stderr.trim()}`);
    try {
      return read(mountPoint);
    } finally {
      unmount(mountPoint);
    }
  } finally {
    rmdirSync(mountPoint);
    setImmediate(() => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, remember);
      if (interrupted !== undefined) process.kill(process.pid, interrupted);
    });
  }
}

function unmount(mountPoint: string): void {
  if (spawnSync('umount', [mountPoint]).status === 0) return;
  // Something still reads it: out of the tree now, gone when the reader is.
  const lazy = spawnSync('umount', ['--lazy', mountPoint], { encoding: 'utf8' });
  if (lazy.status !== 0) throw new Error(`Cannot unmount ${mountPoint}: ${lazy.stderr.trim()}`);
}

/** The root folder as ''. */
function pathsOfBoth(one: string, other: string): string[] {
  const below = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return ['', ...new Set([...below(one), ...below(other)])].sort();
}

function differenceOf(
  source: string,
  mounted: string,
  total: { fileCount: number; sizeBytes: number },
): string | undefined {
  if (!isThere(source)) return 'not in the source';
  if (!isThere(mounted)) return 'not in the pack';
  const expected = lstatSync(source);
  const found = lstatSync(mounted);
  if ((expected.mode & ~PERMISSION_BITS) !== (found.mode & ~PERMISSION_BITS)) return 'another kind of entry';
  if (expected.isSymbolicLink())
    return readlinkSync(source) === readlinkSync(mounted) ? undefined : 'another target';
  if (expected.mode !== found.mode) {
    return `mode ${octal(found.mode)}, in the source ${octal(expected.mode)}`;
  }
  if (!expected.isFile()) return undefined;
  total.fileCount += 1;
  total.sizeBytes += expected.size;
  if (expected.size !== found.size) return `${found.size} bytes, in the source ${expected.size}`;
  const offsetBytes = firstDifference(source, mounted);
  return offsetBytes === undefined ? undefined : `differs from the source at byte ${offsetBytes}`;
}

function isThere(path: string): boolean {
  return existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function octal(mode: number): string {
  return (mode & PERMISSION_BITS).toString(8).padStart(4, '0');
}

/** Where two files of the same size first differ, or undefined. */
function firstDifference(one: string, other: string): number | undefined {
  const files = [openSync(one, 'r'), openSync(other, 'r')] as const;
  try {
    const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
    for (let position = 0; ;) {
      const count = readSync(files[0], left, 0, CHUNK_BYTES, position);
      let filled = 0;
      while (filled < count) {
        const more = readSync(files[1], right, filled, count - filled, position + filled);
        if (more === 0) return position + filled;
        filled += more;
      }
      if (count === 0) return undefined;
      if (!left.subarray(0, count).equals(right.subarray(0, count))) {
        return position + left.subarray(0, count).findIndex((byte, index) => byte !== right[index]);
      }
      position += count;
    }
  } finally {
    files.forEach((file) => {
      closeSync(file);
    });
  }
}
