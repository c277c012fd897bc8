/** Runs a file task on several cores. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { VerityError, type Corruption, type VerityErrorCode } from './error.ts';
import {
  ClaimBoard,
  cutIntoClaims,
  workOnClaims,
  type ClaimedCorruption,
  type FileTask,
} from './file-task.node.ts';

/** How a file is worked on; the same for formatting and checking. */
export interface FileWorkOptions {
  /** Worker threads, 1 to 256; the number of usable cores where it is left out. */
  readonly jobs?: number;
  readonly native?: 'auto' | 'never';
  /** Called now and then, and at the end of the data, with bytes of data. */
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  /** Stops the work: all threads end, and the call fails with ABORTED. */
  readonly signal?: AbortSignal;
}

/** What a worker posts, once. */
export type WorkerAnswer =
  | { readonly found: ClaimedCorruption | undefined }
  | { readonly error: { readonly code: VerityErrorCode; readonly message: string } };

/** Data of up to this size is worked on at once, without a thread. */
const inlineSizeBytes = 1024 * 1024;
const progressIntervalMs = 100;
const maxJobs = 256;

const workerUrl = new URL(
  `./file.worker.node${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
);

/**
 * Does a task to the end.
 * @returns the first corruption in the order of the data, however many threads looked
 * @throws VerityError IO, TRUNCATED, ABORTED, WORKER_FAILED, PARAMETER_INVALID (jobs)
 */
export async function runFileTask(
  what: Omit<FileTask, 'claimBlocks' | 'claimCount' | 'native'>,
  options: FileWorkOptions,
): Promise<Corruption | undefined> {
  const { signal, onProgress, native = 'auto' } = options;
  requireNotAborted(signal);
  const { parameters } = what;
  const totalBytes = parameters.dataBlockCount * parameters.dataBlockSizeBytes;
  const jobs = requireJobs(options.jobs ?? availableParallelism());
  const task: FileTask = { ...what, native, ...cutIntoClaims(parameters, jobs) };
  const board = new ClaimBoard();
  const report = () => {
    const doneBytes = board.doneCount * task.claimBlocks * parameters.dataBlockSizeBytes;
    onProgress?.({ doneBytes: Math.min(doneBytes, totalBytes), totalBytes });
  };

  let found: ClaimedCorruption | undefined;
  if (totalBytes <= inlineSizeBytes) {
    found = workOnClaims(task, board);
  } else {
    const timer = onProgress && setInterval(report, progressIntervalMs);
    try {
      found = await runWorkers(task, board, Math.min(jobs, task.claimCount), signal);
    } finally {
      clearInterval(timer);
    }
  }
  report();
  return found?.corruption;
}

async function runWorkers(
  task: FileTask,
  board: ClaimBoard,
  jobs: number,
  signal: AbortSignal | undefined,
): Promise<ClaimedCorruption | undefined> {
  const workers: Worker[] = [];
  const onAbort = Promise.withResolvers<never>();
  const abort = () => {
    onAbort.reject(aborted(signal));
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    while (workers.length < jobs) {
      workers.push(new Worker(workerUrl, { workerData: { task, shared: board.shared } }));
    }
    const answers = Promise.all(workers.map((worker) => answerOf(worker, task)));
    const found = await Promise.race([answers, onAbort.promise]);
    return found.reduce(
      (lowest, next) => ((next?.claim ?? Infinity) < (lowest?.claim ?? Infinity) ? next : lowest),
      undefined,
    );
  } finally {
    signal?.removeEventListener('abort', abort);
    board.stop();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function answerOf(worker: Worker, task: FileTask): Promise<ClaimedCorruption | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      reject(new VerityError('WORKER_FAILED', `A worker on ${task.dataPath} ${why}.`, { cause }));
    };
    worker.once('message', (answer: WorkerAnswer) => {
      if ('found' in answer) resolve(answer.found);
      else reject(new VerityError(answer.error.code, answer.error.message));
    });
    worker.once('error', (cause) => {
      fail(`failed: ${String(cause)}`, cause);
    });
    worker.once('exit', (status) => {
      fail(`ended with status ${status} and without an answer`);
    });
  });
}

/** @throws VerityError ABORTED */
export function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal);
}

function aborted(signal: AbortSignal | undefined): VerityError {
  return new VerityError('ABORTED', `Working on a dm-verity device was stopped: ${String(signal?.reason)}`, {
    cause: signal?.reason,
  });
}

function requireJobs(jobs: number): number {
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= maxJobs) return jobs;
  throw new VerityError(
    'PARAMETER_INVALID',
    `The number of jobs must be from 1 to ${maxJobs}, found ${jobs}.`,
  );
}
