/**
 * The rollback memory in the user's state folder: for each service a folder under the SHA-256 of its name, in it a
 * small JSON for each release. A release is one file that is written whole and never changed, so that processes that
 * remember at the same time keep both, without a lock.
 */
import { createHash } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson, utf8 } from '@vitrine/bytes';
import { VerifierError, readAs } from '../error.ts';
import type { ReleaseMemory, RememberedRelease } from '../proof.ts';
import {
  makeFolder,
  readBounded,
  replaceFile,
  unfinishedSuffix,
  unlessMissing,
} from '../sources/whole-file.node.ts';
import { mergeMemories } from './rollback.ts';

export interface ReleaseStore {
  /** What was remembered of the service; no entries where nothing was. @throws VerifierError STATE_UNUSABLE */
  read(service: string): Promise<ReleaseMemory>;
  /** @returns the memory with the release @throws VerifierError STATE_UNUSABLE or ARGUMENT_INVALID */
  remember(service: string, release: RememberedRelease): Promise<ReleaseMemory>;
}

const format = 'vitrine-release/v1';
const MAX_FILE_BYTES = 4096;
const MAX_NAME_CHARACTERS = 255;
/** Processes that remember at once may leave more than are kept in the end. */
const MAX_FILES = 4096;

/** The user's state (XDG Base Directory Specification): $XDG_STATE_HOME/vitrine or ~/.local/state/vitrine. */
export function stateFolder(environment: NodeJS.ProcessEnv, home: string): string {
  const base = environment['XDG_STATE_HOME'];
  return base?.startsWith('/') ? join(base, 'vitrine') : join(home, '.local', 'state', 'vitrine');
}

/** @param folder `stateFolder`; made when something is remembered */
export function folderMemory(folder: string): ReleaseStore {
  const folderOf = (service: string) => join(folder, 'releases', hashOf(utf8(service)));
  return {
    read: async (service) => (await readAll(service, folderOf(service))).memory,
    remember: async (service, release) => {
      const bytes = recordOf(service, release);
      const path = folderOf(service);
      // Before anything is written: what cannot be read is not to be covered up.
      await readAll(service, path);
      await inState(path, async () => {
        await makeFolder(path);
        await replaceFile(join(path, `${hashOf(bytes)}.json`), bytes);
      });
      return prune(service, path);
    },
  };
}

interface Read {
  readonly memory: ReleaseMemory;
  /** By file name. */
  readonly files: ReadonlyMap<string, RememberedRelease>;
}

async function readAll(service: string, folder: string): Promise<Read> {
  const names = (await inState(folder, () => unlessMissing(() => readdir(folder)))) ?? [];
  const finished = names.filter((name) => !name.endsWith(unfinishedSuffix));
  if (finished.length > MAX_FILES) throw unusable(folder, `it holds ${finished.length} files`);
  const files = new Map<string, RememberedRelease>();
  for (const name of finished) {
    const release = await readOne(service, folder, name);
    if (release) files.set(name, release);
  }
  return {
    memory: mergeMemories({ service, entries: [...files.values()] }, { service, entries: [] }),
    files,
  };
}

/** @returns undefined where another process has just removed it as too old */
async function readOne(
  service: string,
  folder: string,
  name: string,
): Promise<RememberedRelease | undefined> {
  const path = join(folder, name);
  const bytes = await inState(path, () =>
    unlessMissing(async () => (await readBounded(path, MAX_FILE_BYTES)) ?? new Uint8Array()),
  );
  if (!bytes) return undefined;
  if (name !== `${hashOf(bytes)}.json`) throw unusable(path, 'it was changed or damaged');
  return readAs('STATE_UNUSABLE', path, () => parseRecord(bytes, service, path));
}

function parseRecord(bytes: Uint8Array, service: string, path: string): RememberedRelease {
  const record = parseJson(bytes, 'release').onlyNames('format', 'service', 'tag', 'digest', 'loggedAtUnix');
  record.get('format').word(format);
  if (record.get('service').string() !== service) throw unusable(path, 'it is of another service');
  const tag = record.get('tag');
  const loggedAtUnix = record.get('loggedAtUnix');
  const digest = record.get('digest').string();
  if (!/^[0-9a-f]{64}$/.test(digest)) throw unusable(path, 'its digest is no SHA-256');
  return {
    tag: tag.isNull() ? null : tag.string(),
    digest,
    loggedAtUnix: loggedAtUnix.isNull() ? null : loggedAtUnix.integer(0),
  };
}

/** @throws VerifierError ARGUMENT_INVALID for what could not be read again */
function recordOf(service: string, { tag, digest, loggedAtUnix }: RememberedRelease): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(digest) || !isSeconds(loggedAtUnix))
    throw new VerifierError('ARGUMENT_INVALID', 'A release is remembered by its SHA-256 and whole seconds.');
  for (const name of tag === null ? [service] : [service, tag])
    if (name === '' || name.length > MAX_NAME_CHARACTERS || !name.isWellFormed())
      throw new VerifierError(
        'ARGUMENT_INVALID',
        `A service and its tag have names of 1 to ${MAX_NAME_CHARACTERS} characters.`,
      );
  return utf8(`${JSON.stringify({ format, service, tag, digest, loggedAtUnix })}\n`);
}

function isSeconds(at: number | null): boolean {
  return at === null || (Number.isSafeInteger(at) && at >= 0);
}

/** What is beyond the newest goes. Whatever one process sees as too old is so for all, since others only add. */
async function prune(service: string, folder: string): Promise<ReleaseMemory> {
  const { memory, files } = await readAll(service, folder);
  for (const [name, release] of files)
    if (!memory.entries.includes(release)) await unlink(join(folder, name)).catch(() => undefined);
  return memory;
}

async function inState<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw unusable(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function unusable(path: string, why: string, cause?: unknown): VerifierError {
  return new VerifierError(
    'STATE_UNUSABLE',
    `What was remembered of earlier releases cannot be used: ${path}: ${why}. Remove it to begin anew, if you know why it changed.`,
    { cause },
  );
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
