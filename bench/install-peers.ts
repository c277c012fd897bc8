/** The packages that a user would install instead: in a folder of their own, by their own lock file. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = new URL('peers/', import.meta.url).pathname;

/** @returns whether they are there */
export function installPeers(): boolean {
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return true;
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-workspaces', '--loglevel=error'];
  const { status } = spawnSync('npm', words, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) console.log('The peers cannot be installed here: no ratio.');
  return status === 0;
}

/** @param path behind node_modules/ */
export function peerModule(path: string): Promise<Record<string, unknown>> {
  return import(join(folder, 'node_modules', path)) as Promise<Record<string, unknown>>;
}
