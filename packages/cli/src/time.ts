/** Times on the command line. */
import { UsageError } from './exit.ts';

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const MIN_MS = 1000;
const MAX_MS = 24 * 3_600_000;

/** "30s", "5m", "1h" in milliseconds. @throws UsageError */
export function parseInterval(text: string): number {
  const match = /^(\d{1,5})([smh])$/.exec(text);
  const ms = match ? Number(match[1]) * units[match[2]!]! : NaN;
  if (ms >= MIN_MS && ms <= MAX_MS) return ms;
  throw new UsageError(`--watch ${text}: expected a time between 1s and 24h, like 30s, 5m or 1h.`);
}

/** RFC 3339, or Unix seconds. @throws UsageError */
export function parseTime(text: string): Date {
  const time = new Date(/^\d+$/.test(text) ? Number(text) * 1000 : text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(`--at ${text}: expected a time like 2026-03-01T00:00:00Z, or Unix seconds.`);
}
