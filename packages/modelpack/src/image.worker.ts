/** A worker of the packer: reads, hashes and writes files, so that every core has one to do. */
import { closeSync, openSync, readSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createBlockHasher } from '@vitrine/verity/hasher';
import { copyFile, newCopyBuffer } from './copy-file.ts';
import { PackError } from './error.ts';
import { BLOCK_BYTES, FileSink, type FilePlacement, type ImageTarget } from './file-sink.ts';
import type { Answers, FromWorker, LocalFile, Request, WorkerSetUp } from './protocol.ts';

/** Progress is told in steps of this size: a message for every piece would cost more than the piece. */
const PROGRESS_STEP_BYTES = 16 * 1024 * 1024;

const port: MessagePort = parentPort!;
const setUp = workerData as WorkerSetUp;
const target: ImageTarget = {
  descriptor: openSync(setUp.packPath, 'r+'),
  hasher: createBlockHasher({
    algorithm: 'sha256',
    salt: setUp.salt,
    blockSizeBytes: BLOCK_BYTES,
    native: setUp.native,
  }),
  leavesOffsetBytes: setUp.leavesOffsetBytes,
};
const buffer = newCopyBuffer();
const open = new Map<number, FileSink>();
let untoldBytes = 0;

port.on('message', ({ id, request }: { id: number; request: Request }) => {
  try {
    const value = perform(request);
    port.postMessage({ id, value } satisfies FromWorker, value instanceof ArrayBuffer ? [value] : []);
  } catch (error) {
    port.postMessage({ id, failure: describe(error) } satisfies FromWorker);
  }
});
port.on('close', () => closeSync(target.descriptor));

function perform(request: Request): Answers[keyof Answers] {
  switch (request.kind) {
    case 'copy':
      return copyAll(request.files);
    case 'begin': {
      const sink = new FileSink(target, request.placement, { gitBlob: request.gitBlob });
      readBack(sink, request.placement, request.presentBytes);
      open.set(request.file, sink);
      return null;
    }
    case 'piece':
      sinkOf(request.file).write(new Uint8Array(request.buffer, 0, request.lengthBytes));
      return request.buffer;
    case 'end': {
      const digests = sinkOf(request.file).finish();
      open.delete(request.file);
      return digests;
    }
  }
}

function copyAll(files: readonly LocalFile[]): Answers['copy'] {
  const digests = files.map(copy);
  const last = files.at(-1);
  if (last) tell(last.source.displayPath);
  return digests;
}

function copy({ source, placement }: LocalFile): Answers['end'] {
  const sink = new FileSink(target, placement, { gitBlob: false });
  copyFile(source, placement.sizeBytes, sink, buffer, (count) => {
    untoldBytes += count;
    if (untoldBytes >= PROGRESS_STEP_BYTES) tell(source.displayPath);
  });
  return sink.finish();
}

function tell(file: string): void {
  if (untoldBytes === 0) return;
  port.postMessage({ copiedBytes: untoldBytes, file } satisfies FromWorker);
  untoldBytes = 0;
}

/** What an earlier run left of the file: its own blocks first, then the tail behind its inode. */
function readBack(sink: FileSink, placement: FilePlacement, presentBytes: number): void {
  const { blockBytes, dataOffsetBytes, tailOffsetBytes } = placement;
  for (let at = 0; at < presentBytes;) {
    const inBlocks = at < blockBytes;
    const end = Math.min(presentBytes, inBlocks ? blockBytes : presentBytes, at + buffer.length);
    const piece = buffer.subarray(0, end - at);
    const offsetBytes = inBlocks ? dataOffsetBytes + at : tailOffsetBytes + at - blockBytes;
    const count = readSync(target.descriptor, piece, 0, piece.length, offsetBytes);
    piece.fill(0, count); // A shorter file than expected: what is not there will not match.
    sink.write(piece);
    at = end;
  }
}

function sinkOf(file: number): FileSink {
  const sink = open.get(file);
  if (!sink) throw new RangeError(`File ${file} was not begun.`);
  return sink;
}

function describe(error: unknown): { code: PackError['code'] | undefined; message: string } {
  if (error instanceof PackError) return { code: error.code, message: error.message };
  return {
    code: undefined,
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
