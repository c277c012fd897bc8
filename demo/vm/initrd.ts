import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { type Kernel, readModules } from './kernel.ts';

/** What the machine has to bring, beside a kernel. */
export const BUSYBOX = '/bin/busybox';
export const VERITYSETUP = '/usr/sbin/veritysetup';

/**
 * Builds the initial RAM disk of the demo's virtual machine: busybox, the kernel's modules, veritysetup with the
 * shared libraries that it loads (dm-verity is a module in Debian's kernels, so the command line cannot set it up),
 * and init.sh. The same machine gives the same bytes. Uncompressed: unpacking costs more than reading under emulation.
 */
export function buildInitrd(kernel: Kernel): Uint8Array {
  const files = new Map<string, { mode: number; content: Uint8Array }>();
  const add = (path: string, mode: number, content: Uint8Array) =>
    files.set(path.replace(/^\//, ''), { mode, content });
  add('/init', 0o755, readFileSync(join(import.meta.dirname, 'init.sh')));
  add('/bin/busybox', 0o755, readFileSync(BUSYBOX));
  const libraries = [BUSYBOX, VERITYSETUP].flatMap(sharedLibrariesOf);
  for (const path of [VERITYSETUP, ...libraries]) add(path, 0o755, readFileSync(path));
  readModules(kernel).forEach(({ name, content }, index) => {
    add(`/modules/${String(index).padStart(2, '0')}-${name}.ko`, 0o644, content);
  });
  const folders = [...new Set([...files.keys()].flatMap(foldersAbove))].sort();
  const entries: CpioEntry[] = folders.map((path) => ({ path, mode: 0o755 }));
  for (const [path, file] of files) entries.push({ path, ...file });
  return writeCpio(entries);
}

function foldersAbove(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [...foldersAbove(folder), folder];
}

/** Absolute paths, as the dynamic loader will look for them, the loader itself included; none for a static program. */
function sharedLibrariesOf(program: string): string[] {
  const run = spawnSync('ldd', [program], { encoding: 'utf8' });
  if (`${run.stdout}${run.stderr}`.includes('not a dynamic executable')) return [];
  if (run.status !== 0)
    throw new Error(`Cannot list the shared libraries of ${program}: ${run.stderr.trim()}`);
  return [...run.stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1]!).sort();
}
