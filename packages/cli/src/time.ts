/** Times on the command line. */
import { UsageError } from './exit.ts';

/** RFC 3339, or Unix seconds. @throws UsageError */
export function parseTime(text: string): Date {
  const time = new Date(/^\d+$/.test(text) ? Number(text) * 1000 : text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(`--at ${text}: expected a time like 2026-03-01T00:00:00Z, or Unix seconds.`);
}
