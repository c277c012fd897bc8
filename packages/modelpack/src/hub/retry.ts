import { HubError, type HubErrorCode } from './error.ts';
import type { Hub } from './hub.ts';

export interface RetryPolicy {
  /** Tries in a row without any progress before the last error is thrown; 1 means no retry. */
  attempts: number;
  /** The first wait; it doubles with every further failure. */
  baseDelayMs: number;
  /** The longest wait of our own choice. */
  maxDelayMs: number;
  /** The longest wait a server may ask for; the Hub counts requests in windows of five minutes. */
  maxRetryAfterMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  baseDelayMs: 500,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 310_000,
};

export interface RetryEvent {
  /** What failed, as it would be thrown if there were no more tries. */
  error: HubError;
  /** Failures in a row so far, from 1. */
  failures: number;
  attempts: number;
  delayMs: number;
  /** For a file: from which byte it will go on. */
  fromByte?: number;
}

/** A failure that another try may mend. */
export class Setback extends Error {
  readonly error: HubError;
  /** The wait that the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** A download host refused the link it was given: only a new link helps. */
  readonly linkRefused: boolean;

  constructor(
    code: HubErrorCode,
    message: string,
    details: { cause?: unknown; retryAfterMs?: number | undefined; linkRefused?: boolean } = {},
  ) {
    const error = new HubError(code, message, details.cause === undefined ? {} : { cause: details.cause });
    super(message, { cause: error });
    this.error = error;
    this.retryAfterMs = details.retryAfterMs;
    this.linkRefused = details.linkRefused ?? false;
  }
}

/** Counts failures in a row, and waits between tries. */
export class Backoff {
  private failures = 0;
  private refusedLinks = 0;
  private readonly hub: Hub;

  constructor(hub: Hub) {
    this.hub = hub;
  }

  /** Something arrived: the count starts again. */
  progressed(): void {
    this.failures = 0;
    this.refusedLinks = 0;
  }

  /**
   * Waits for the next try.
   * @throws the setback's own error when the tries are used up, HubError ABORTED when the caller's signal fires, and
   *   `failure` itself when it is not a setback
   */
  async wait(failure: unknown, fromByte?: number): Promise<void> {
    if (!(failure instanceof Setback)) throw failure;
    const { hub } = this;
    this.failures += 1;
    if (failure.linkRefused) this.refusedLinks += 1;
    // A fresh link that is refused again and again is a refusal, not an expiry.
    if (this.failures >= hub.retry.attempts || this.refusedLinks > maxRefusedLinks) {
      throw giveUp(failure.error, this.failures);
    }
    const delayMs = this.delayMs(failure);
    hub.onRetry({
      error: failure.error,
      failures: this.failures,
      attempts: hub.retry.attempts,
      delayMs,
      ...(fromByte === undefined ? {} : { fromByte }),
    });
    try {
      if (delayMs > 0) await hub.sleep(delayMs, hub.signal);
    } catch (cause) {
      throw aborted(hub) ?? cause;
    }
    const stop = aborted(hub);
    if (stop) throw stop;
  }

  private delayMs(setback: Setback): number {
    const { retry, random } = this.hub;
    if (setback.retryAfterMs !== undefined) return Math.min(setback.retryAfterMs, retry.maxRetryAfterMs);
    // The first refused link has most likely expired: a new one can be had at once.
    if (setback.linkRefused && this.failures === 1) return 0;
    const ceilingMs = Math.min(retry.maxDelayMs, retry.baseDelayMs * 2 ** (this.failures - 1));
    return Math.round(ceilingMs * (0.5 + random() / 2));
  }
}

const maxRefusedLinks = 2;

function giveUp(error: HubError, tries: number): HubError {
  if (tries === 1) return error;
  return new HubError(error.code, `${error.message} Gave up after ${tries} tries.`, { cause: error.cause });
}

export function aborted(hub: Hub): HubError | undefined {
  if (!hub.signal?.aborted) return undefined;
  return new HubError('ABORTED', 'The caller ended the transfer from the Hub.', { cause: hub.signal.reason });
}

/**
 * How long a server asks us to wait: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), or else the seconds
 * until the window ends in `RateLimit: "resolvers";r=0;t=55` (draft-ietf-httpapi-ratelimit-headers-09), which is what
 * the Hub sends with 429.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value !== undefined && /^\d{1,9}$/.test(value)) return Number(value) * 1000;
  if (value !== undefined && httpDate.test(value)) {
    const atMs = Date.parse(value);
    if (!Number.isNaN(atMs)) return Math.max(0, atMs - nowMs);
  }
  const reset = /;\s*t=(\d{1,9})\s*(?:;|,|$)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? undefined : Number(reset) * 1000;
}

/** IMF-fixdate, RFC 9110 §5.6.7. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
