import assert from 'node:assert/strict';
import type { HubServer } from '../../../test/hub-server.ts';
import { HubError, type HubErrorCode } from '../error.ts';
import { openHub, type Hub, type HubOptions } from '../hub.ts';
import type { RetryEvent } from '../retry.ts';

export interface WatchedHub extends Hub {
  /** The waits the client asked for; none of them takes any time. */
  waitsMs: number[];
  retries: RetryEvent[];
}

export function hubOf(server: Pick<HubServer, 'endpoint'>, options: Partial<HubOptions> = {}): WatchedHub {
  const waitsMs: number[] = [];
  const retries: RetryEvent[] = [];
  const hub = openHub({
    endpoint: server.endpoint,
    fetch,
    retry: { attempts: 4, baseDelayMs: 100, maxDelayMs: 1000 },
    sleep: (delayMs) => Promise.resolve(void waitsMs.push(delayMs)),
    random: () => 0.5,
    onRetry: (event) => void retries.push(event),
    ...options,
  });
  return { ...hub, waitsMs, retries };
}

/** Holds a promise to a HubError with this code, whose message has all of `words`. */
export async function refuses(
  promise: Promise<unknown>,
  code: HubErrorCode,
  ...words: (string | RegExp)[]
): Promise<HubError> {
  let found: unknown = 'no error';
  await promise.catch((error: unknown) => (found = error));
  assert(found instanceof HubError, `expected ${code}, found ${String(found)}`);
  assert.equal(found.code, code, found.message);
  for (const word of words) assert.match(found.message, typeof word === 'string' ? literal(word) : word);
  return found;
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Bytes that differ from place to place, so that a misplaced range shows. */
export function patterned(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff;
  return bytes;
}
