/** Firmware, kernels and initrds that the person who asks has on disk, found by their SHA-256. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { VerifierError } from '../error.ts';
import type { Answer, ResourceRequest, Source } from '../source.ts';
import { resourceRules } from './kinds.ts';
import { readBounded } from './whole-file.node.ts';

/**
 * @param paths files, or folders whose files are looked at (not those of folders in them)
 * @throws VerifierError ARGUMENT_INVALID: one of them cannot be read
 */
export async function folderSource(paths: readonly string[]): Promise<Source> {
  const files = await filesOf(paths);
  let byDigest: Promise<ReadonlyMap<string, string>> | undefined;
  return {
    get: async (request) => {
      if (request.kind !== 'boot-part') return missing(request);
      // Only when something is asked for: an initrd takes a second to hash.
      byDigest ??= hashed(files);
      const digest = request.url.replace(/^sha256:/, '');
      const path = (await byDigest).get(digest);
      return path === undefined ? missing(request) : read(request, path, digest);
    },
  };
}

async function filesOf(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    try {
      const isFolder = (await stat(path)).isDirectory();
      const inside = isFolder ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
      for (const file of inside) if ((await stat(file)).isFile()) files.push(file);
    } catch (cause) {
      throw new VerifierError('ARGUMENT_INVALID', `${path} cannot be read: ${reason(cause)}.`, { cause });
    }
  }
  return files;
}

async function hashed(files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const byDigest = new Map<string, string>();
  for (const file of files) {
    const digest = await hashFile(file);
    if (digest !== undefined) byDigest.set(digest, file);
  }
  return byDigest;
}

/** @returns undefined for what is too large to be a boot part, or cannot be read */
async function hashFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    if ((await stat(path)).size > resourceRules['boot-part'].maximumBytes) return undefined;
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
    return hash.digest('hex');
  } catch {
    // Another file of the folder, perhaps: what is asked for and not found is reported.
    return undefined;
  }
}

/** Read once more, and hashed once more: the file may have changed. */
async function read(request: ResourceRequest, path: string, digest: string): Promise<Answer> {
  try {
    const bytes = await readBounded(path, resourceRules['boot-part'].maximumBytes);
    if (bytes && createHash('sha256').update(bytes).digest('hex') === digest) return { ok: true, bytes };
  } catch {
    // As if it had never been there.
  }
  return missing(request);
}

function missing({ url }: ResourceRequest): Answer {
  return { ok: false, code: 'OFFLINE', message: `None of the files that were given is ${url}.` };
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
