/** Reads a response's body: limits while it arrives, gzip undone, nothing missing at the end. */
import { concatBytes } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import type { FetchResponse } from './fetcher.ts';

export interface BodyOptions {
  /** In words: "AMD's revocation list". */
  readonly what: string;
  /** As it comes over the wire, and decompressed. */
  readonly maximumBytes: number;
  /** Called for each piece that arrives: a clock between pieces starts anew. */
  readonly onChunk: () => void;
}

/** @throws VerifierError BODY_TOO_LARGE, BODY_TRUNCATED, PROTOCOL_ERROR, or what the client throws */
export async function readBody(response: FetchResponse, options: BodyOptions): Promise<Uint8Array> {
  const announcedBytes = contentLength(response, options);
  const encoding = response.isDecoded ? 'identity' : (response.headers['content-encoding'] ?? 'identity');
  const wire = limited(response.body, announcedBytes, options);
  switch (encoding.trim().toLowerCase()) {
    case 'identity':
      return collect(wire, options);
    case 'gzip':
    case 'x-gzip':
      return collect(gunzipped(wire, options), options);
    default:
      throw new VerifierError(
        'PROTOCOL_ERROR',
        `${options.what}: it is compressed by ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for.`,
      );
  }
}

function contentLength(
  { headers, isDecoded }: FetchResponse,
  { what, maximumBytes }: BodyOptions,
): number | undefined {
  const text = headers['content-length'];
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new VerifierError('PROTOCOL_ERROR', `${what}: its announced length is no number.`);
  if (Number(text) > maximumBytes) throw tooLarge(what, maximumBytes);
  // Of what the wire carried, which is not seen here.
  return isDecoded ? undefined : Number(text);
}

async function* limited(
  body: AsyncIterable<Uint8Array>,
  announcedBytes: number | undefined,
  { what, maximumBytes, onChunk }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  for await (const chunk of body) {
    onChunk();
    read += chunk.length;
    if (read > maximumBytes) throw tooLarge(what, maximumBytes);
    yield chunk;
  }
  if (announcedBytes !== undefined && read < announcedBytes)
    throw new VerifierError(
      'BODY_TRUNCATED',
      `${what}: ${announcedBytes} bytes were announced, ${read} arrived.`,
    );
}

async function collect(
  chunks: AsyncIterable<Uint8Array>,
  { what, maximumBytes }: BodyOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > maximumBytes) throw tooLarge(what, maximumBytes);
    parts.push(chunk);
  }
  return concatBytes(...parts);
}

/** Pieces go in one at a time and what comes out is counted before the next, so that a bomb ends at the limit. */
async function* gunzipped(
  wire: AsyncIterable<Uint8Array>,
  { what }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  let cause: unknown;
  let hasEnded = false;
  const feeding = (async () => {
    for await (const chunk of wire) await writer.write(new Uint8Array(chunk));
    hasEnded = true;
    await writer.close();
  })().catch(async (error: unknown) => {
    cause ??= error;
    await writer.abort(error).catch(() => undefined);
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value;
    }
    await feeding;
  } catch (error) {
    await feeding;
    throw cause instanceof VerifierError ? cause : damaged(what, hasEnded, error);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function damaged(what: string, hasEnded: boolean, cause: unknown): VerifierError {
  return hasEnded
    ? new VerifierError('BODY_TRUNCATED', `${what}: its compression ends early or is damaged.`, { cause })
    : new VerifierError('PROTOCOL_ERROR', `${what}: its compression is damaged.`, { cause });
}

function tooLarge(what: string, maximumBytes: number): VerifierError {
  return new VerifierError('BODY_TOO_LARGE', `${what}: more than ${maximumBytes} bytes, which it never has.`);
}
