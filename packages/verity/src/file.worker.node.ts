/** A worker thread's main: one task, one answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { VerityError } from './error.ts';
import { ClaimBoard, workOnClaims, type FileTask } from './file-task.node.ts';
import type { WorkerAnswer } from './file-workers.node.ts';

const { task, shared } = workerData as {
  readonly task: FileTask;
  readonly shared: Int32Array<SharedArrayBuffer>;
};

parentPort?.postMessage(answer());

function answer(): WorkerAnswer {
  try {
    return { found: workOnClaims(task, new ClaimBoard(shared)) };
  } catch (error) {
    // Classes do not survive the way between threads.
    if (error instanceof VerityError) return { error: { code: error.code, message: error.message } };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { error: { code: 'WORKER_FAILED', message: `A worker on ${task.dataPath} failed: ${text}` } };
  }
}
