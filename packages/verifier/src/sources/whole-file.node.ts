/** Files that are whole or not there, read up to a limit. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Names of files that are being written; a reader of the folder passes them over. */
export const unfinishedSuffix = '.unfinished';

export interface ReplaceOptions {
  /** Default: for its owner only. */
  readonly mode?: number | undefined;
  /** On the disk before it takes its place; not for what is checked at each reading and can be had again. Default true. */
  readonly isDurable?: boolean | undefined;
}

/** Writes beside the path, and puts it in the path's place when it is whole. */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  options: ReplaceOptions = {},
): Promise<void> {
  const unfinished = await writeBeside(path, bytes, options);
  try {
    await rename(unfinished, path);
  } catch (error) {
    await unlink(unfinished).catch(() => undefined);
    throw error;
  }
}

async function writeBeside(
  path: string,
  bytes: Uint8Array,
  { mode = 0o600, isDurable = true }: ReplaceOptions,
): Promise<string> {
  const name = `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}${unfinishedSuffix}`;
  const unfinished = join(dirname(path), name);
  const file = await open(unfinished, 'wx', mode);
  try {
    await file.writeFile(bytes);
    if (isDurable) await file.sync();
  } catch (error) {
    await unlink(unfinished).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return unfinished;
}

/** @returns the bytes, or undefined where there are more than the limit @throws the system's error */
export async function readBounded(path: string, maximumBytes: number): Promise<Uint8Array | undefined> {
  const file = await open(path, 'r');
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new Error('it is a folder');
    if (stats.size > maximumBytes) return undefined;
    const buffer = new Uint8Array(maximumBytes > stats.size ? stats.size + 1 : stats.size);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return length <= stats.size ? buffer.slice(0, length) : undefined;
  } finally {
    await file.close();
  }
}

/** Only for its owner. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** @returns undefined where there is no such file */
export async function unlessMissing<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
