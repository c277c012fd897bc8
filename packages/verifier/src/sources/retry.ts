/** When to try again: exponential back-off with jitter, or the time that the server names (RFC 9110 section 10.2.3). */

/** Statuses that a later attempt may change. */
export function isTransientStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status <= 599);
}

export interface BackOff {
  readonly firstMs: number;
  readonly maximumMs: number;
}

export const defaultBackOff: BackOff = { firstMs: 250, maximumMs: 10_000 };

/**
 * The pause before an attempt, in milliseconds.
 * @param attempt 1 for the first retry
 * @param retryAfterMs what the server asked for; it is honoured up to the maximum
 * @param random at least 0, less than 1: clients that failed together must not come back together
 */
export function pauseMs(
  attempt: number,
  retryAfterMs: number | undefined,
  random: number,
  { firstMs, maximumMs }: BackOff = defaultBackOff,
): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, maximumMs);
  const ceiling = Math.min(firstMs * 2 ** (attempt - 1), maximumMs);
  return Math.round(ceiling * (0.5 + random / 2));
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;

/**
 * Retry-After in milliseconds from now: seconds, or a date in the form that RFC 9110 section 5.6.7 prefers.
 * @returns undefined where it is neither
 */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = IMF_FIXDATE.exec(text);
  if (!date) return undefined;
  const [, day, month = '', year, hour, minute, second] = date;
  const at = Date.UTC(
    Number(year),
    MONTHS.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return MONTHS.includes(month) ? Math.max(0, at - now.getTime()) : undefined;
}
