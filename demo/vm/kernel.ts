import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/** A Debian kernel that can be booted in a virtual machine: installed, or unpacked below the cache folder. */
export interface Kernel {
  /** What `uname -r` prints under it. */
  readonly release: string;
  readonly imagePath: string;
  readonly modulesFolder: string;
}

/**
 * Modules that a virtio disk, dm-verity and EROFS need, each after those it depends on. A package that was unpacked
 * and not installed has no modules.dep, so the order is written down. What a kernel does not have as a module is
 * taken for built in; if it is not, the stage of the boot that needs it fails.
 */
const MODULES = [
  ...['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk'],
  ...['libcrc32c', 'dm-mod', 'dm-bufio', 'reed_solomon', 'dm-verity', 'erofs'],
];

const KERNEL_NAME = /^vmlinuz-(.+-cloud-amd64)$/;

/** Where unpacked kernels are kept: one folder per Debian package version. */
export function kernelCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vitrine', 'kernel');
}

/** Answers the newest Debian cloud kernel of the machine or of the cache folder, or undefined. */
export function findKernel(systemRoot = '/', cacheFolder = kernelCacheFolder()): Kernel | undefined {
  const cached = namesIn(cacheFolder).map((name) => join(cacheFolder, name));
  const found = [systemRoot, ...cached].flatMap(kernelsBelow);
  const byRelease = new Intl.Collator('en', { numeric: true });
  return found.sort((a, b) => byRelease.compare(a.release, b.release)).at(-1);
}

function kernelsBelow(root: string): Kernel[] {
  return namesIn(join(root, 'boot')).flatMap((name) => {
    const release = KERNEL_NAME.exec(name)?.[1];
    if (release === undefined) return [];
    // Debian 13 moved the modules below /usr.
    const modulesFolder = ['lib/modules', 'usr/lib/modules']
      .map((folder) => join(root, folder, release))
      .find((folder) => existsSync(folder));
    return modulesFolder === undefined
      ? []
      : [{ release, imagePath: join(root, 'boot', name), modulesFolder }];
  });
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Reads the modules that the boot needs, uncompressed, in the order in which they must be loaded. */
export function readModules(kernel: Kernel): { name: string; content: Uint8Array }[] {
  const pathOf = new Map<string, string>();
  for (const entry of readdirSync(join(kernel.modulesFolder, 'kernel'), {
    recursive: true,
    encoding: 'utf8',
  })) {
    const name = /^(.+)\.ko(\.xz|\.gz|\.zst)?$/.exec(basename(entry))?.[1];
    if (name !== undefined) pathOf.set(canonical(name), join(kernel.modulesFolder, 'kernel', entry));
  }
  return MODULES.flatMap((name) => {
    const path = pathOf.get(canonical(name));
    return path === undefined ? [] : [{ name, content: uncompressed(path) }];
  });
}

/** To the kernel `-` and `_` are the same in a module's name; file names use either. */
function canonical(name: string): string {
  return name.replaceAll('-', '_');
}

function uncompressed(path: string): Uint8Array {
  if (path.endsWith('.gz')) return gunzipSync(readFileSync(path));
  if (path.endsWith('.zst')) return zstdDecompressSync(readFileSync(path));
  if (!path.endsWith('.xz')) return readFileSync(path);
  const run = spawnSync('busybox', ['xz', '-dc', path], { maxBuffer: 64 * 2 ** 20 });
  if (run.status !== 0)
    throw new Error(`Cannot decompress the kernel module ${path}: ${run.stderr.toString().trim()}`);
  return run.stdout;
}
