/** Proof files on disk: whole or not at all. */
import { realpath, stat, writeFile } from 'node:fs/promises';
import { VerifierError } from '../error.ts';
import type { Proof } from '../proof.ts';
import { readBounded, replaceFile, unlessMissing } from '../sources/whole-file.node.ts';
import { maximumProofBytes, parseProof } from './parse.ts';
import { writeProof } from './write.ts';

/** Nobody ever sees half of it: it is written beside the path and then takes its place. @throws VerifierError */
export async function saveProof(path: string, proof: Proof): Promise<void> {
  const bytes = await writeProof(proof);
  try {
    await write(path, bytes);
  } catch (cause) {
    throw new VerifierError('ARGUMENT_INVALID', `The proof cannot be written to ${path}: ${reason(cause)}.`, {
      cause,
    });
  }
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  const stats = await unlessMissing(() => stat(path));
  // A pipe or a terminal is written to; another file in its place would be of no use to whoever reads there.
  if (stats && !stats.isFile()) await writeFile(path, bytes);
  else await replaceFile(stats ? await realpath(path) : path, bytes, { mode: 0o644 });
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
  return parseProof(bytes);
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
