/** `veritysetup format` for files, on several cores. */
import { statSync } from 'node:fs';
import { VerityError } from './error.ts';
import { FileStore, readFully, requireSize, withFile, type OpenFile } from './file-store.node.ts';
import { requireNotAborted, runFileTask, type FileWorkOptions } from './file-workers.node.ts';
import { treeGeometry, type HashPlacement, type TreeGeometry } from './geometry.ts';
import { createTreeHashers } from './hasher.node.ts';
import { toHex } from './hex.ts';
import { checkParameters, type VerityAlgorithm, type VerityParameters } from './parameters.ts';
import { encodeSuperblock } from './superblock.ts';
import { finishTree } from './tree.ts';

export interface FormatFileOptions extends FileWorkOptions {
  readonly dataPath: string;
  /** The data file itself where it is left out. Created when it is not there; what it has behind the tree stays. */
  readonly hashPath?: string;
  /** Where the hash area begins in the hash file; 0 where it is left out. */
  readonly hashOffsetBytes?: number;
  /** True where it is left out. */
  readonly writeSuperblock?: boolean;
  /** sha256 where it is left out. */
  readonly algorithm?: VerityAlgorithm;
  /** 4096 where it is left out. */
  readonly dataBlockSizeBytes?: number;
  /** 4096 where it is left out. */
  readonly hashBlockSizeBytes?: number;
  /**
   * Where it is left out: all of the data file, or, when the hash area is in the same file, all before it. That must
   * be whole blocks then.
   */
  readonly dataBlockCount?: number;
  /** 0 to 256 bytes. veritysetup's default is 32 random ones; here the caller decides, so that equal input gives equal bytes. */
  readonly salt: Uint8Array;
  /** 16 bytes for the superblock; zeros where it is left out. */
  readonly uuid?: Uint8Array;
}

export interface FormattedFile {
  readonly rootHash: Uint8Array;
  /** As veritysetup prints it. */
  readonly rootHashHex: string;
  readonly parameters: VerityParameters;
  readonly geometry: TreeGeometry;
  /** What hashed, for reports. */
  readonly implementation: string;
}

/**
 * Writes the hash tree of a data file and, last of all, its superblock. The result's bytes are those of
 * `veritysetup format` 2.6.1 with the same parameters; the bytes between the superblock and the tree become zero.
 * Memory stays flat.
 * @throws VerityError PARAMETER_INVALID, UNSUPPORTED, TRUNCATED (less data than blocks), IO, ABORTED, WORKER_FAILED
 */
export async function formatFile(options: FormatFileOptions): Promise<FormattedFile> {
  const { dataPath, hashPath = dataPath, writeSuperblock = true } = options;
  requireNotAborted(options.signal);
  return withFile(dataPath, 'read', (data) => {
    const shared = isSameFile(data, hashPath);
    const placement = { hashOffsetBytes: options.hashOffsetBytes ?? 0, superblock: writeSuperblock };
    const parameters = parametersFor(options, data, shared ? placement.hashOffsetBytes : undefined);
    const geometry = treeGeometry(parameters, placement);
    if (shared) requireApart(data.path, geometry);
    requireSize(data, `the data (${parameters.dataBlockCount} blocks)`, geometry.dataSizeBytes);
    return withFile(hashPath, shared ? 'write' : 'create', async (hash) => {
      const rootHash = await writeTree(options, data, hash, { parameters, placement, geometry });
      if (writeSuperblock) writeHead(hash, parameters, geometry);
      const { data: hasher } = createTreeHashers(parameters, nativeOf(options));
      return {
        rootHash,
        rootHashHex: toHex(rootHash),
        parameters,
        geometry,
        implementation: hasher.implementation,
      };
    });
  });
}

function isSameFile(data: OpenFile, hashPath: string): boolean {
  if (hashPath === data.path) return true;
  const stat = statSync(hashPath, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && `${stat.dev}:${stat.ino}` === data.identity;
}

function parametersFor(
  options: FormatFileOptions,
  data: OpenFile,
  hashOffsetBytes: number | undefined,
): VerityParameters {
  const { algorithm = 'sha256', dataBlockSizeBytes = 4096, hashBlockSizeBytes = 4096, salt, uuid } = options;
  const parameters: VerityParameters = {
    hashType: 1,
    algorithm,
    dataBlockSizeBytes,
    hashBlockSizeBytes,
    dataBlockCount: options.dataBlockCount ?? 1,
    salt,
    ...(uuid === undefined ? {} : { uuid }),
  };
  checkParameters(parameters);
  if (options.dataBlockCount !== undefined) return parameters;
  const sizeBytes = hashOffsetBytes ?? data.sizeBytes;
  if (sizeBytes === undefined || sizeBytes === 0 || sizeBytes % dataBlockSizeBytes !== 0) {
    throw new VerityError(
      'PARAMETER_INVALID',
      `Formatting ${data.path}: its data (${sizeBytes ?? 'an unknown number of'} bytes) must be one or more whole blocks of ${dataBlockSizeBytes} bytes; pad it, or say dataBlockCount.`,
    );
  }
  return { ...parameters, dataBlockCount: sizeBytes / dataBlockSizeBytes };
}

function requireApart(path: string, geometry: TreeGeometry): void {
  if (geometry.hashOffsetBytes >= geometry.dataSizeBytes) return;
  throw new VerityError(
    'PARAMETER_INVALID',
    `Formatting ${path}: the hash area would begin at byte ${geometry.hashOffsetBytes}, inside of the data, which ends at byte ${geometry.dataSizeBytes}.`,
  );
}

interface Layout {
  readonly parameters: VerityParameters;
  readonly placement: HashPlacement;
  readonly geometry: TreeGeometry;
}

async function writeTree(
  options: FormatFileOptions,
  data: OpenFile,
  hash: OpenFile,
  { parameters, placement, geometry }: Layout,
): Promise<Uint8Array> {
  const hashers = createTreeHashers(parameters, nativeOf(options));
  let leafDigest: Uint8Array | undefined;
  if (geometry.levels.length === 0) {
    const block = new Uint8Array(parameters.dataBlockSizeBytes);
    readFully(data.descriptor, data.path, block, 0);
    leafDigest = new Uint8Array(geometry.digestSizeBytes);
    hashers.data.hashBlocks(block, leafDigest);
  } else {
    const task = { kind: { name: 'format' }, dataPath: data.path, hashPath: hash.path } as const;
    await runFileTask({ ...task, parameters, placement }, options);
  }
  const store = new FileStore(hash.descriptor, hash.path);
  return finishTree({ parameters, geometry, treeHasher: hashers.tree, store, leafDigest });
}

/** The superblock and zeros up to the tree. */
function writeHead(hash: OpenFile, parameters: VerityParameters, geometry: TreeGeometry): void {
  const { hashOffsetBytes, treeOffsetBytes } = geometry;
  const head = new Uint8Array(treeOffsetBytes - hashOffsetBytes);
  head.set(encodeSuperblock(parameters));
  new FileStore(hash.descriptor, hash.path).write(hashOffsetBytes, head);
}

function nativeOf({ native }: FileWorkOptions): { readonly native?: 'auto' | 'never' } {
  return native === undefined ? {} : { native };
}
