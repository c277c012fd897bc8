import { HubError } from './error.ts';
import type { Hub, Subject } from './hub.ts';
import { printableUrl } from './printable.ts';
import { describe, refusal } from './refusal.ts';
import { get, mediaType, type Answer } from './request.ts';
import { Backoff } from './retry.ts';

export interface JsonAnswer {
  value: unknown;
  headers: Headers;
  /** Where it came from, after all redirects. */
  url: URL;
  sizeBytes: number;
}

/**
 * One document of the Hub's API, at most `maxBytes` long, with retries.
 * @throws {HubError} any code of the network, NOT_JSON, RESPONSE_INVALID, RESPONSE_TOO_LARGE
 */
export async function getJson(hub: Hub, subject: Subject, url: URL, maxBytes: number): Promise<JsonAnswer> {
  const backoff = new Backoff(hub);
  while (true) {
    try {
      const answer = await get(hub, url, { accept: 'application/json' });
      if (answer.status !== 200) throw await refusal(hub, subject, answer);
      return await readJson(subject, answer, maxBytes);
    } catch (failure) {
      await backoff.wait(failure);
    }
  }
}

async function readJson(subject: Subject, answer: Answer, maxBytes: number): Promise<JsonAnswer> {
  const asked = `Asked ${printableUrl(answer.url)} for ${describe(subject)}`;
  const type = mediaType(answer.headers);
  if (type !== 'application/json') {
    answer.drop();
    const found = type === 'text/html' ? 'a web page' : `content of type "${type}"`;
    throw new HubError(
      'NOT_JSON',
      `${asked}: expected JSON, found ${found}. A proxy or a network's login page may be answering instead of the Hub; open the endpoint in a browser to see.`,
    );
  }
  const bytes = await readBounded(answer, maxBytes, asked);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return {
      value: JSON.parse(text) as unknown,
      headers: answer.headers,
      url: answer.url,
      sizeBytes: bytes.length,
    };
  } catch (cause) {
    const found =
      cause instanceof SyntaxError ? 'text that ends early or is not JSON' : 'bytes that are not UTF-8';
    throw new HubError(
      'RESPONSE_INVALID',
      `${asked}: expected JSON, found ${found} (${bytes.length} bytes).`,
      {
        cause,
      },
    );
  }
}

async function readBounded(answer: Answer, maxBytes: number, asked: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.chunks()) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw new HubError(
        'RESPONSE_TOO_LARGE',
        `${asked}: the answer is over the limit of ${maxBytes} bytes.`,
      );
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts, sizeBytes);
}

/** @throws {HubError} RESPONSE_INVALID, naming `field`, what was expected and what was found */
export function invalid(subject: Subject, field: string, expected: string, found: string): HubError {
  return new HubError(
    'RESPONSE_INVALID',
    `Read ${describe(subject)}: ${field} is not ${expected} but ${found}. The endpoint may not be a Hub, or its API has changed.`,
  );
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
