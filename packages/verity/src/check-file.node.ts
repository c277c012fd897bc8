/** `veritysetup verify` for files, on several cores, and with an answer that says what is wrong where. */
import { describeCorruption } from './corruption.ts';
import { VerityError, type Corruption } from './error.ts';
import { readFully, requireSize, withFile, type OpenFile } from './file-store.node.ts';
import { requireNotAborted, runFileTask, type FileWorkOptions } from './file-workers.node.ts';
import { treeGeometry, type TreeGeometry } from './geometry.ts';
import type { VerityParameters } from './parameters.ts';
import { requireRootHash } from './range-verifier.ts';
import { decodeSuperblock, encodeSuperblock, superblockSizeBytes } from './superblock.ts';

export interface CheckFileOptions extends FileWorkOptions {
  readonly dataPath: string;
  /** The data file itself where it is left out. */
  readonly hashPath?: string;
  /** Where the hash area begins in the hash file; 0 where it is left out. */
  readonly hashOffsetBytes?: number;
  /** True where it is left out: there is a superblock, and it must be a valid one. */
  readonly superblock?: boolean;
  /**
   * Needed where there is no superblock. Where there is one, it must be the superblock of these parameters (of any
   * UUID, if they have none). Without them the superblock is taken at its word: see the note at `checkFile`.
   */
  readonly parameters?: VerityParameters;
  /** From somewhere that is trusted. */
  readonly rootHash: Uint8Array;
}

/** The verdict, and the parameters it holds for. */
export type CheckedFile = {
  readonly parameters: VerityParameters;
  readonly geometry: TreeGeometry;
} & (
  | { readonly intact: true }
  | {
      readonly intact: false;
      /** The first one in the order of the data, then from the root downwards; the same whatever `jobs` is. */
      readonly corruption: Corruption;
      /** The corruption as a sentence. */
      readonly message: string;
    }
);

/**
 * Checks all data blocks, and every hash block between them and the root hash. A corruption is an answer; what keeps
 * the check from being made is an error.
 *
 * A root hash does not say how high its tree is: a device whose data are another device's hash blocks, with a fitting
 * superblock, has the same root hash. Whoever relies on more than "these blocks belong to this root" compares the
 * answered `parameters.dataBlockCount` with what it should be, or gives `parameters`.
 * @throws VerityError NOT_VERITY, SUPERBLOCK_INVALID, SUPERBLOCK_MISMATCH, UNSUPPORTED, PARAMETER_INVALID, TRUNCATED, IO,
 *   ABORTED, WORKER_FAILED
 */
export async function checkFile(options: CheckFileOptions): Promise<CheckedFile> {
  const { dataPath, hashPath = dataPath, hashOffsetBytes = 0, superblock = true, rootHash } = options;
  requireNotAborted(options.signal);
  return withFile(hashPath, 'read', (hash) =>
    withFile(dataPath, 'read', async (data) => {
      const placement = { hashOffsetBytes, superblock };
      const parameters = superblock
        ? readParameters(hash, hashOffsetBytes, options.parameters)
        : requireParameters(options.parameters, hashPath);
      const geometry = treeGeometry(parameters, placement);
      requireRootHash(rootHash, geometry);
      if (geometry.levels.length > 0) requireSize(hash, 'the hash tree', geometry.endOffsetBytes);
      requireSize(data, `the data (${parameters.dataBlockCount} blocks)`, geometry.dataSizeBytes);

      const task = { kind: { name: 'check', rootHash: rootHash.slice() }, dataPath, hashPath } as const;
      const corruption = await runFileTask({ ...task, parameters, placement }, options);
      const checked = { parameters, geometry };
      if (corruption === undefined) return { ...checked, intact: true };
      return { ...checked, intact: false, corruption, message: describeCorruption(corruption) };
    }),
  );
}

/**
 * Reads the superblock of an open hash file, and holds it against what the caller expects.
 * @throws VerityError NOT_VERITY, SUPERBLOCK_INVALID, SUPERBLOCK_MISMATCH, UNSUPPORTED, TRUNCATED, IO
 */
function readParameters(
  hash: OpenFile,
  hashOffsetBytes: number,
  expected: VerityParameters | undefined,
): VerityParameters {
  requireOffset(hashOffsetBytes);
  requireSize(hash, 'the superblock', hashOffsetBytes + superblockSizeBytes);
  const bytes = new Uint8Array(superblockSizeBytes);
  readFully(hash.descriptor, hash.path, bytes, hashOffsetBytes);
  const found = decodeSuperblock(bytes);
  if (expected !== undefined) {
    const wanted = encodeSuperblock({ ...expected, uuid: expected.uuid ?? found.uuid });
    if (!wanted.every((byte, index) => byte === bytes[index])) {
      throw new VerityError(
        'SUPERBLOCK_MISMATCH',
        `Checking ${hash.path}: its superblock says ${describe(found)}; expected ${describe(expected)}, or another salt or UUID.`,
      );
    }
  }
  return found;
}

function requireParameters(parameters: VerityParameters | undefined, path: string): VerityParameters {
  if (parameters !== undefined) return parameters;
  throw new VerityError(
    'PARAMETER_INVALID',
    `Checking ${path}: without a superblock the parameters must be given.`,
  );
}

function requireOffset(offsetBytes: number): void {
  if (Number.isSafeInteger(offsetBytes) && offsetBytes >= 0 && offsetBytes % 512 === 0) return;
  throw new VerityError('PARAMETER_INVALID', `The hash offset ${offsetBytes} is not a multiple of 512.`);
}

function describe(parameters: VerityParameters): string {
  const { algorithm, dataBlockCount, dataBlockSizeBytes, hashBlockSizeBytes, salt } = parameters;
  return `${algorithm}, ${dataBlockCount} data blocks of ${dataBlockSizeBytes} bytes, hash blocks of ${hashBlockSizeBytes}, a salt of ${salt.length} bytes`;
}
