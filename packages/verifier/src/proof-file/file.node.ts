/** Proof files on disk: whole or not at all, and beside them the boot parts that are too large to stand in them. */
import { constants } from 'node:fs';
import { access, mkdir, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VerifierError } from '../error.ts';
import type { Proof } from '../proof.ts';
import type { Source } from '../source.ts';
import { bootPartRequest, resourceRules } from '../sources/index.ts';
import { readBounded, replaceFile, unlessMissing } from '../sources/whole-file.node.ts';
import { maximumProofBytes, parseProof } from './parse.ts';
import { type PartReader, partsBeside } from './parts.ts';
import { writeProof } from './write.ts';

/**
 * Nobody ever sees half of it: it is written beside the path and then takes its place. Large boot parts go to the
 * folder `<path>.parts` before it. @throws VerifierError
 */
export async function saveProof(path: string, proof: Proof): Promise<void> {
  const parts = partsBeside(proof);
  const bytes = await writeProof(proof, { parts });
  try {
    await write(path, bytes, parts);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

async function write(path: string, bytes: Uint8Array, parts: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const stats = await unlessMissing(() => stat(path));
  // A pipe or a terminal is written to; another file in its place would be of no use to whoever reads there.
  if (stats && !stats.isFile()) {
    if (parts.size > 0) throw new Error('it is no file, and large boot parts have to stand beside one');
    await writeFile(path, bytes);
    return;
  }
  const place = stats ? await realpath(path) : path;
  if (parts.size > 0) await mkdir(partsFolder(place), { recursive: true });
  for (const [digest, part] of parts)
    await replaceFile(join(partsFolder(place), digest), part, { mode: 0o644 });
  await replaceFile(place, bytes, { mode: 0o644 });
}

/** What can be known before there is a proof: the folder is there and lets itself be written to. @throws VerifierError ARGUMENT_INVALID */
export async function requireSavable(path: string): Promise<void> {
  try {
    const stats = await unlessMissing(() => stat(path));
    if (stats?.isDirectory()) throw new Error('it is a folder');
    if (stats && !stats.isFile()) await access(path, constants.W_OK);
    else await access(dirname(stats ? await realpath(path) : path), constants.W_OK);
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): VerifierError {
  return new VerifierError('ARGUMENT_INVALID', `The proof cannot be written to ${path}: ${reason(cause)}.`, {
    cause,
  });
}

/** @throws VerifierError ARGUMENT_INVALID: it cannot be read; PROOF_MALFORMED */
export async function loadProof(path: string): Promise<Proof> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readBounded(path, maximumProofBytes);
  } catch (cause) {
    throw new VerifierError('ARGUMENT_INVALID', `${path} cannot be read: ${reason(cause)}.`, { cause });
  }
  if (!bytes)
    throw new VerifierError('PROOF_MALFORMED', `${path} is larger than ${maximumProofBytes} bytes.`);
  return parseProof(bytes, partReader(path));
}

/**
 * Reads boot parts from `<path>.parts`.
 * @param others where else they may be (`folderSource`)
 */
export function partReader(path: string, others?: Source): PartReader {
  return async (digest) => {
    const place = await realpath(path).catch(() => path);
    const found = await readPart(join(partsFolder(place), digest));
    if (found || !others) return found;
    const answer = await others.get(bootPartRequest(digest));
    return answer.ok ? answer.bytes : undefined;
  };
}

/** @returns undefined for what is not there, is no file, or cannot be read */
async function readPart(path: string): Promise<Uint8Array | undefined> {
  try {
    if (!(await stat(path)).isFile()) return undefined;
    return await readBounded(path, resourceRules['boot-part'].maximumBytes);
  } catch {
    // As if it had never been there: what hangs on it cannot be checked.
    return undefined;
  }
}

function partsFolder(path: string): string {
  return `${path}.parts`;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
