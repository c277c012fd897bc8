/** Keeps a cache folder from growing without end: what has expired goes, and every body that nothing names any more. */
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '@vitrine/bytes';
import { readBounded } from './whole-file.node.ts';

const MAX_INDEX_BYTES = 256 * 1024;
/** A body is written before the index that names it, perhaps by another process at this moment. */
const GRACE_MS = 3600_000;

/**
 * Looks through the folder where it holds more bodies than the limit.
 * @param now of the cache's own clock: what has expired by then goes
 */
export async function sweep(folder: string, now: Date, limitBodies: number): Promise<void> {
  const bodies = await readdir(join(folder, 'bodies'));
  if (bodies.length <= limitBodies) return;
  const needed = new Set<string>();
  for (const name of await readdir(join(folder, 'index'))) {
    const path = join(folder, 'index', name);
    const record = await recordOf(path);
    if (!record) await removeOld(path);
    else if (now < record.expiresAt) needed.add(record.sha256);
    else await remove(path);
  }
  for (const name of bodies) if (!needed.has(name)) await removeOld(join(folder, 'bodies', name));
}

/** @returns undefined for what cannot be read: damaged, or not finished */
async function recordOf(path: string): Promise<{ sha256: string; expiresAt: Date } | undefined> {
  try {
    const bytes = await readBounded(path, MAX_INDEX_BYTES);
    const record = bytes && parseJson(bytes, 'cache');
    return record && { sha256: record.get('sha256').string(), expiresAt: record.get('expiresAt').time() };
  } catch {
    return undefined;
  }
}

async function removeOld(path: string): Promise<void> {
  const age = await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
  if (age > GRACE_MS) await remove(path);
}

/** Another process may have been quicker. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
