/** How long an answer may take: in all, until its headers, and between two pieces of its body. */
import { VerifierError } from '../error.ts';
import type { Timeouts } from './kinds.ts';
import { type Timer, startTimer } from './timer.ts';

/** The time for one resource, all attempts and pauses included. */
export class Deadline {
  readonly #timeouts: Timeouts;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #endsAtMs: number;
  readonly #timer: Timer;
  readonly #onCallerAbort = (): void => this.#controller.abort();
  #isOver = false;

  /** @param caller whose wish to stop ends it too */
  constructor(timeouts: Timeouts, caller: AbortSignal | undefined) {
    this.#timeouts = timeouts;
    this.#caller = caller;
    this.#endsAtMs = performance.now() + timeouts.totalMs;
    this.#timer = startTimer(timeouts.totalMs, () => {
      this.#isOver = true;
      this.#controller.abort();
    });
    if (caller?.aborted) this.#controller.abort();
    else caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  /** Given when the time is over or the caller wants to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The caller wants to stop. */
  get isAborted(): boolean {
    return this.#caller?.aborted ?? false;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get remainingMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  /** What to say where the time is over. */
  get expiredMessage(): string | undefined {
    return this.#isOver ? `no answer within ${this.#timeouts.totalMs} ms in all` : undefined;
  }

  attempt(): Attempt {
    return new Attempt(this, this.#timeouts);
  }

  end(): void {
    this.#timer.stop();
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }
}

/** One exchange within a deadline. */
export class Attempt {
  readonly #deadline: Deadline;
  readonly #timeouts: Timeouts;
  readonly #controller = new AbortController();
  readonly #onDeadline = (): void => this.#controller.abort();
  #timer: Timer | undefined;
  #expiredMessage: string | undefined;

  constructor(deadline: Deadline, timeouts: Timeouts) {
    this.#deadline = deadline;
    this.#timeouts = timeouts;
    if (deadline.signal.aborted) this.#controller.abort();
    else deadline.signal.addEventListener('abort', this.#onDeadline, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get expiredMessage(): string | undefined {
    return this.#deadline.expiredMessage ?? this.#expiredMessage;
  }

  /** The response's headers are due. */
  expectHeaders(): void {
    const { headersMs } = this.#timeouts;
    this.#arm(headersMs, `no answer within ${headersMs} ms`);
  }

  /** The next piece of the body is due. */
  expectChunk(): void {
    const { chunkMs } = this.#timeouts;
    this.#arm(chunkMs, `nothing more came within ${chunkMs} ms`);
  }

  /** The promise, or a rejection as soon as the time is over. */
  within<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const stop = () => reject(new VerifierError('TIMEOUT', `${this.expiredMessage ?? 'stopped'}.`));
      const settled = () => signal.removeEventListener('abort', stop);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
      promise.then(
        (value) => {
          settled();
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  end(): void {
    this.#timer?.stop();
    this.#deadline.signal.removeEventListener('abort', this.#onDeadline);
  }

  #arm(ms: number, message: string): void {
    this.#timer?.stop();
    this.#timer = startTimer(ms, () => {
      this.#expiredMessage = message;
      this.#controller.abort();
    });
  }
}
