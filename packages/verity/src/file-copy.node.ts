/**
 * Files copied into one image by the native addon, off the main thread and on several cores: each block hashed for the
 * tree, each file for itself, in one pass. The same bytes and digests as block hasher and stream make, only sooner.
 */
import process from 'node:process';
import { getSystemErrorMap } from 'node:util';
import { nativeState, streamKernel, type NativeAddon, type NativeCopyAnswer } from './native-addon.node.ts';

/** A file as it was when it was looked at, and where it goes. */
export interface CopiedFile {
  readonly path: Uint8Array;
  readonly sizeBytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /** How many of its bytes lie in blocks of the image that are its own; the last is filled up with zeros. */
  readonly blockBytes: number;
  /** Where these blocks begin; a multiple of the block size. */
  readonly dataOffsetBytes: number;
  /** Where the rest begins. */
  readonly tailOffsetBytes: number;
}

export interface FileCopyOptions {
  readonly salt: Uint8Array;
  /** Divides 262,144. */
  readonly blockSizeBytes: number;
  /** Of the image, open for writing. It must stay open until the copying has ended. */
  readonly descriptor: number;
  /** Where in the image the digest of its block 0 goes. */
  readonly leavesOffsetBytes: number;
  readonly threads: number;
}

/** Why the copying ended early. `index` is the file's, where it is about one. */
export type CopyFailure =
  | { readonly kind: 'stopped' }
  /** An error of the system, as Node would have thrown it. */
  | { readonly kind: 'read'; readonly index: number; readonly cause: NodeJS.ErrnoException }
  | { readonly kind: 'write'; readonly cause: NodeJS.ErrnoException }
  /** The file is not, or no longer, the one that was looked at. */
  | {
      readonly kind: 'changed';
      readonly index: number;
      readonly how: 'replaced' | 'resized' | 'touched' | 'ended' | 'grown';
      /** Its size now, or where it ends. */
      readonly bytes: number;
    };

export type CopyResult =
  /** SHA-256 of each file, in their order. */
  { readonly digests: readonly Uint8Array[] } | { readonly failure: CopyFailure };

export interface FileCopy {
  /** Never rejects but for a defect of the addon. */
  readonly result: Promise<CopyResult>;
  readonly progress: () => { readonly doneBytes: number; readonly index: number };
  /** It ends soon, as stopped. */
  readonly stop: () => void;
}

/** Whether `startFileCopy` works here. */
export function canCopyFiles(): boolean {
  const { addon } = nativeState();
  return addon !== undefined && hasCopy(addon);
}

/**
 * Begins at once. The large files should come first, so that no thread is left with one at last.
 * @throws RangeError for arguments that do not fit, or where `canCopyFiles` says no
 */
export function startFileCopy(files: readonly CopiedFile[], options: FileCopyOptions): FileCopy {
  const { addon } = nativeState();
  if (addon === undefined || !hasCopy(addon))
    throw new RangeError('The native addon cannot copy files on this machine.');
  const { handle, done } = addon.copyFiles(
    options.salt,
    options.blockSizeBytes,
    options.descriptor,
    options.leavesOffsetBytes,
    options.threads,
    joinPaths(files),
    numbersOf(files),
  );
  const stop = (): void => addon.copyStop(handle);
  process.once('exit', stop); // The process does not end before its threads do.
  return {
    result: done.then((answer) => resultOf(answer, files)).finally(() => process.off('exit', stop)),
    progress: () => {
      const [doneBytes, index] = addon.copyProgress(handle);
      return { doneBytes, index };
    },
    stop,
  };
}

function hasCopy(addon: NativeAddon): addon is Required<NativeAddon> {
  return addon.copyFiles !== undefined && addon.kernels.includes(streamKernel);
}

function joinPaths(files: readonly CopiedFile[]): Uint8Array {
  const end = Uint8Array.of(0);
  if (files.some(({ path }) => path.includes(0))) throw new RangeError('A path holds a NUL.');
  return Buffer.concat(files.flatMap(({ path }) => [path, end]));
}

/** In the order of `struct copy_file` in native/copy.h, behind the path. */
function numbersOf(files: readonly CopiedFile[]): BigUint64Array {
  return BigUint64Array.from(
    files.flatMap((file) => [
      BigInt(file.sizeBytes),
      file.device,
      file.inode,
      file.modifiedNs,
      file.changedNs,
      BigInt(file.blockBytes),
      BigInt(file.dataOffsetBytes),
      BigInt(file.tailOffsetBytes),
    ]),
  );
}

function resultOf(answer: NativeCopyAnswer, files: readonly CopiedFile[]): CopyResult {
  const { step, errno, file: index, bytes, digests } = answer;
  switch (step) {
    case 'done':
      return { digests: files.map((_, at) => digests.subarray(at * 32, at * 32 + 32)) };
    case 'stopped':
      return { failure: { kind: 'stopped' } };
    case 'memory':
      return { failure: { kind: 'write', cause: systemError(12, 'malloc') } };
    case 'write':
      return { failure: { kind: 'write', cause: systemError(errno, 'write') } };
    case 'open':
    case 'stat':
    case 'read':
      return { failure: { kind: 'read', index, cause: systemError(errno, step, files[index]?.path) } };
    case 'replaced':
    case 'resized':
    case 'touched':
    case 'ended':
    case 'grown':
      return { failure: { kind: 'changed', index, how: step, bytes } };
    default:
      throw new RangeError(`The native addon ended with "${step}".`);
  }
}

function systemError(errno: number, call: string, path?: Uint8Array): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  const where = path === undefined ? '' : ` '${Buffer.from(path).toString()}'`;
  return Object.assign(new Error(`${code}: ${text}, ${call}${where}`), {
    code,
    errno: -errno,
    syscall: call,
  });
}
