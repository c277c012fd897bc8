/**
 * A cache in a folder: bodies under their SHA-256, which is checked at each reading, and beside them who asked for
 * them. Several processes may use it at once: every file is whole, and who comes last wins.
 */
import { createHash } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type JsonNode, parseJson, utf8 } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import type { CacheEntry, CacheStore } from './cache.ts';
import { sweep } from './folder-sweep.node.ts';
import { makeFolder, readBounded, replaceFile, unlessMissing } from './whole-file.node.ts';

const MAX_INDEX_BYTES = 256 * 1024;
const MAX_BODY_BYTES = 512 * 1024 * 1024;

export interface FolderCacheOptions {
  /** So many bodies may lie there before those that nothing needs are looked for; default 256. */
  readonly sweepAboveBodies?: number | undefined;
}

/** @param folder made when something is kept; `cacheFolder` says which is usual */
export function folderCache(folder: string, { sweepAboveBodies = 256 }: FolderCacheOptions = {}): CacheStore {
  const paths = {
    index: (key: string) => join(folder, 'index', `${hashOf(utf8(key))}.json`),
    body: (digest: string) => join(folder, 'bodies', digest),
  };
  return {
    get: (key) => get(key, paths),
    put: async (key, entry) => {
      try {
        await makeFolder(join(folder, 'index'));
        await makeFolder(join(folder, 'bodies'));
        await put(key, entry, paths);
        await sweep(folder, entry.storedAt, sweepAboveBodies);
      } catch (cause) {
        throw unusable(folder, cause);
      }
    },
  };
}

/** The user's cache (XDG Base Directory Specification): $XDG_CACHE_HOME/vitrine or ~/.cache/vitrine. */
export function cacheFolder(environment: NodeJS.ProcessEnv, home: string): string {
  const base = environment['XDG_CACHE_HOME'];
  // "All paths must be absolute. If […] relative […] ignore it."
  return base?.startsWith('/') ? join(base, 'vitrine') : join(home, '.cache', 'vitrine');
}

interface Paths {
  readonly index: (key: string) => string;
  readonly body: (digest: string) => string;
}

async function get(key: string, paths: Paths): Promise<CacheEntry | undefined> {
  const indexPath = paths.index(key);
  const index = await readOr(indexPath, MAX_INDEX_BYTES);
  if (index === 'missing') return undefined;
  const record = index === 'damaged' ? undefined : parseRecord(index, key);
  if (!record) {
    await remove(indexPath);
    return undefined;
  }
  const bodyPath = paths.body(record.sha256);
  const bytes = await readOr(bodyPath, MAX_BODY_BYTES);
  if (typeof bytes !== 'string' && hashOf(bytes) === record.sha256) return { bytes, ...record.rest };
  await remove(indexPath);
  if (bytes !== 'missing') await remove(bodyPath);
  return undefined;
}

async function put(key: string, entry: CacheEntry, paths: Paths): Promise<void> {
  const sha256 = hashOf(entry.bytes);
  // The body first: an index never names what is not there.
  await replaceFile(paths.body(sha256), entry.bytes, { isDurable: false });
  const record = {
    key,
    sha256,
    storedAt: entry.storedAt.toISOString(),
    expiresAt: entry.expiresAt.toISOString(),
    headers: entry.headers ?? null,
  };
  await replaceFile(paths.index(key), utf8(`${JSON.stringify(record)}\n`), { isDurable: false });
}

interface CacheRecord {
  readonly sha256: string;
  readonly rest: Omit<CacheEntry, 'bytes'>;
}

/** @returns undefined for what is damaged, or is another key's */
function parseRecord(bytes: Uint8Array, key: string): CacheRecord | undefined {
  try {
    const record = parseJson(bytes, 'cache').onlyNames('key', 'sha256', 'storedAt', 'expiresAt', 'headers');
    const sha256 = record.get('sha256').string();
    if (record.get('key').string() !== key || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
    const headers = record.get('headers');
    return {
      sha256,
      rest: {
        storedAt: record.get('storedAt').time(),
        expiresAt: record.get('expiresAt').time(),
        ...(headers.isNull() ? {} : { headers: headersOf(headers) }),
      },
    };
  } catch {
    // Whatever is wrong with it, it is no answer.
    return undefined;
  }
}

function headersOf(node: JsonNode): Record<string, string> {
  return Object.fromEntries(node.names().map((name) => [name, node.get(name).string()]));
}

async function readOr(path: string, maximumBytes: number): Promise<Uint8Array | 'missing' | 'damaged'> {
  try {
    return (
      (await unlessMissing(async () => (await readBounded(path, maximumBytes)) ?? 'damaged')) ?? 'missing'
    );
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** Another process may have been quicker. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function unusable(path: string, cause: unknown): VerifierError {
  return new VerifierError(
    'STATE_UNUSABLE',
    `The cache at ${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
    { cause },
  );
}
