/** The packer's worker threads, and questions to them as promises. */
import { Worker } from 'node:worker_threads';
import { PackError } from './error.ts';
import type { Answers, FromWorker, Request, WorkerSetUp } from './protocol.ts';

/** From source the worker is TypeScript; compiled, it lies beside this file as JavaScript. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './image.worker.ts' : './image.worker.js',
  import.meta.url,
);

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class ImageWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: PackError | undefined;

  constructor(setUp: WorkerSetUp, onBytes: (count: number, file: string) => void) {
    this.#worker = new Worker(WORKER_URL, { workerData: setUp });
    this.#worker.on('message', (message: FromWorker) => {
      if ('copiedBytes' in message) onBytes(message.copiedBytes, message.file);
      else this.#settle(message);
    });
    this.#worker.on('error', (cause) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#fail(new PackError('WORKER_FAILED', `A worker thread ended: ${reason}`, { cause }));
    });
    this.#worker.on('exit', (code) => {
      this.#fail(
        new PackError('WORKER_FAILED', `A worker thread ended with status ${code} and without an answer.`),
      );
    });
  }

  /** How many questions are open: the least loaded worker gets the next file. */
  get load(): number {
    return this.#pending.size;
  }

  /** @throws PackError the worker's own error, or WORKER_FAILED */
  ask<R extends Request>(request: R, transfer: readonly ArrayBuffer[] = []): Promise<Answers[R['kind']]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request }, [...transfer]);
    });
  }

  async stop(): Promise<void> {
    this.#fail(new PackError('ABORTED', 'The packing was stopped.'));
    await this.#worker.terminate();
  }

  #settle(message: Exclude<FromWorker, { copiedBytes: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (!pending) return;
    if ('value' in message) {
      pending.resolve(message.value as never);
    } else {
      const { code, message: text } = message.failure;
      pending.reject(new PackError(code ?? 'WORKER_FAILED', text));
    }
  }

  #fail(error: PackError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
