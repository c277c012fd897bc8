/** Repositories for tests: contents that are the same every time, on a Hub of the test's own and in plain folders. */
import { createCipheriv, createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HubPackOptions } from '../src/pack-hub.ts';
import { packFromHub } from '../src/pack-hub.ts';
import { packFolder } from '../src/pack-folder.ts';
import { parsePackName } from '../src/name.ts';
import type { PackResult } from '../src/pack.ts';
import type { HubServer, ServedRequest } from './hub-server.ts';

/** What one request brings (`download.ts`). */
export const RANGE_BYTES = 8 * 1024 * 1024;

export type Files = Record<string, Uint8Array | string>;

/** Bytes that look random and are the same for the same seed. */
export function contentOf(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** A folder on disk, gone when the caller's block ends. */
export function scratch(): { readonly path: string; [Symbol.dispose]: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'vitrine-hub-pack-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The modes that a download with the usual umask gives. */
export function writeTree(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, 0o644);
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
  chmodSync(folder, 0o755);
}

/** A file without blocks on disk, and so as long as a test needs time. */
export function hole(path: string, sizeBytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
}

/** What the same files give when they are packed from a folder. */
export async function packedFromFolder(
  scratchFolder: string,
  files: Files,
  name: string,
  selection: { include?: string[]; exclude?: string[] } = {},
): Promise<PackResult> {
  const source = mkdtempSync(join(scratchFolder, 'plain-'));
  writeTree(source, files);
  return packFolder(source, parsePackName(name), {
    outFolder: mkdtempSync(join(scratchFolder, 'expected-')),
    jobs: 1,
    ...selection,
  });
}

/** Tries quickly, and not for long. */
export const IMPATIENT = { attempts: 3, baseDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 20 };

export function packFrom(
  server: HubServer,
  outFolder: string,
  options: Partial<HubPackOptions> & { repository?: string; revision?: string } = {},
): Promise<PackResult> {
  const { repository = 'acme/tiny', revision, hub, ...rest } = options;
  return packFromHub(repository, revision, {
    outFolder,
    jobs: 1,
    ...rest,
    hub: { endpoint: server.endpoint, fetch: globalThis.fetch, retry: IMPATIENT, ...hub },
  });
}

/** Requests for content, of any file or of one. */
export function contentRequests(server: HubServer, path?: string, from = 0): ServedRequest[] {
  return server.requests
    .slice(from)
    .filter((request) => request.path !== undefined && (path === undefined || request.path === path));
}

/** Names below the output folder that a user could take for a finished pack, or for a part of one. */
export function finalNames(outFolder: string): string[] {
  if (!existsSync(outFolder)) return [];
  return readdirSync(outFolder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.(?:mpk|info|json)$/.test(path),
  );
}

/** All names below the output folder but those of the folders. */
export function allNames(outFolder: string): string[] {
  if (!existsSync(outFolder)) return [];
  return readdirSync(outFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
