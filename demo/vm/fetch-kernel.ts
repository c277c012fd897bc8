/** Gets a Debian kernel without installing it: the package's hooks would rebuild the host's initrd and boot menu. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The package that always depends on the newest cloud kernel. */
export const KERNEL_PACKAGE = 'linux-image-cloud-amd64';

/** Runs a program to its end and answers its status and everything it printed; never throws. */
export type Run = (
  program: string,
  words: readonly string[],
  folder?: string,
) => { readonly status: number; readonly output: string };

/**
 * Downloads the newest cloud kernel that apt knows of (apt checks it against the signed lists) and unpacks it below
 * the cache folder, where findKernel() sees it. Needs no root. Answers why it could not be done, or undefined.
 */
export function fetchKernel(cacheFolder: string, run: Run): string | undefined {
  const shown = run('apt-cache', ['show', '--no-all-versions', KERNEL_PACKAGE]);
  const [, name, version] = /^Depends: (linux-image-[\w.+-]+) \(= ([\w.+~:-]+)\)/m.exec(shown.output) ?? [];
  if (name === undefined || version === undefined) return `apt's lists have no ${KERNEL_PACKAGE}`;
  const destination = join(cacheFolder, `${name}_${version.replaceAll(':', '-')}`);
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'fetch-'));
  try {
    // As root apt would change to a user who cannot write here.
    const words = ['-o', 'APT::Sandbox::User=root', 'download', `${name}=${version}`];
    const download = run('apt-get', words, folder);
    const archive = readdirSync(folder).find((file) => file.endsWith('.deb'));
    if (download.status !== 0 || archive === undefined) return lastComplaint(download.output);
    const tree = join(folder, 'tree');
    const unpack = run('dpkg-deb', ['-x', join(folder, archive), tree]);
    if (unpack.status !== 0) return lastComplaint(unpack.output);
    if (!existsSync(destination)) renameSync(tree, destination);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The last line in which apt or dpkg says what is wrong. */
export function lastComplaint(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return (
    lines.filter((line) => /^E:|^dpkg|error/i.test(line)).at(-1) ??
    lines.filter((line) => line !== '').at(-1) ??
    'no message'
  );
}
