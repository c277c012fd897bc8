/** Copies one file of a folder into a sink, and notices when it is not (or no longer) the file that was looked at. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FolderFile } from '@vitrine/erofs/node';
import type { CopyFailure } from '@vitrine/verity/node';
import { PackError } from './error.ts';
import { type FileSink, writeFailure } from './file-sink.ts';

/** Small enough that a piece is still in the processor's cache when it is hashed and written. */
const PIECE_BYTES = 512 * 1024;

/** Not blocking, should the name lead to a FIFO by now; not through a link that took the file's place. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * @param onBytes told how many bytes were copied since it was last told
 * @throws PackError SOURCE_CHANGED, SOURCE_UNREADABLE, DISK_FULL or OUTPUT_UNWRITABLE
 */
export function copyFile(
  source: FolderFile,
  sizeBytes: number,
  sink: FileSink,
  buffer: Uint8Array,
  onBytes: (count: number) => void,
): void {
  const descriptor = attempt(source, () => openSync(Buffer.from(source.path), OPEN_FLAGS));
  try {
    requireSame(source, sizeBytes, statOf(descriptor, source));
    for (let at = 0; at < sizeBytes;) {
      const piece = buffer.subarray(0, Math.min(PIECE_BYTES, sizeBytes - at));
      readFully(descriptor, piece, at, source, sizeBytes);
      sink.write(piece);
      at += piece.length;
      onBytes(piece.length);
    }
    requireEnd(descriptor, source, sizeBytes);
    requireSame(source, sizeBytes, statOf(descriptor, source));
  } finally {
    closeSync(descriptor);
  }
}

export function newCopyBuffer(): Uint8Array {
  return new Uint8Array(PIECE_BYTES);
}

function statOf(descriptor: number, source: FolderFile): BigIntStats {
  return attempt(source, () => fstatSync(descriptor, { bigint: true }));
}

function requireSame(source: FolderFile, sizeBytes: number, found: BigIntStats): void {
  if (!found.isFile() || found.dev !== source.device || found.ino !== source.inode) {
    throw changed(source, 'another file has taken its place');
  }
  if (found.size !== BigInt(sizeBytes)) {
    throw changed(source, `it had ${sizeBytes} bytes, now it has ${found.size.toString()}`);
  }
  if (found.mtimeNs !== source.modifiedNs || found.ctimeNs !== source.changedNs) {
    throw changed(source, 'its time of change is another');
  }
}

function readFully(
  descriptor: number,
  into: Uint8Array,
  at: number,
  source: FolderFile,
  sizeBytes: number,
): void {
  for (let done = 0; done < into.length;) {
    const count = attempt(source, () => readSync(descriptor, into, done, into.length - done, at + done));
    if (count === 0) throw changed(source, `it had ${sizeBytes} bytes, now it ends at byte ${at + done}`);
    done += count;
  }
}

/** What a copy by the native addon came to, as the same errors. */
export function copyError(failure: CopyFailure, sources: readonly CopySource[]): PackError {
  switch (failure.kind) {
    case 'stopped':
      return new PackError('ABORTED', 'The packing was stopped.');
    case 'write':
      return writeFailure(failure.cause);
    case 'read':
      return readFailure(sources[failure.index]!.source, failure.cause);
    case 'changed': {
      const { source, sizeBytes } = sources[failure.index]!;
      const how = {
        replaced: 'another file has taken its place',
        resized: `it had ${sizeBytes} bytes, now it has ${failure.bytes}`,
        touched: 'its time of change is another',
        ended: `it had ${sizeBytes} bytes, now it ends at byte ${failure.bytes}`,
        grown: `it had ${sizeBytes} bytes and has grown`,
      }[failure.how];
      return changed(source, how);
    }
  }
}

interface CopySource {
  readonly source: FolderFile;
  readonly sizeBytes: number;
}

function requireEnd(descriptor: number, source: FolderFile, sizeBytes: number): void {
  const more = attempt(source, () => readSync(descriptor, new Uint8Array(1), 0, 1, sizeBytes));
  if (more > 0) throw changed(source, `it had ${sizeBytes} bytes and has grown`);
}

function changed(source: FolderFile, how: string): PackError {
  return new PackError(
    'SOURCE_CHANGED',
    `${source.displayPath} changed while it was packed: ${how}. Pack again when nothing writes to the folder.`,
  );
}

function attempt<T>(source: FolderFile, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw readFailure(source, cause as NodeJS.ErrnoException);
  }
}

function readFailure(source: FolderFile, cause: NodeJS.ErrnoException): PackError {
  if (cause.code === 'ELOOP') return changed(source, 'a link has taken its place');
  return new PackError('SOURCE_UNREADABLE', `Reading ${source.displayPath}: ${cause.message}.`, { cause });
}
