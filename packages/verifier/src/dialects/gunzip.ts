/** gzip (RFC 1952), with a limit on what comes out that is kept while it comes. */
import { concatBytes } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import { malformed } from './reading.ts';

/**
 * @param what names the bytes in errors
 * @throws VerifierError DOCUMENT_MALFORMED: not gzip, ends early, goes on behind its end, or unpacks to more than the limit
 */
export async function gunzip(
  compressed: Uint8Array,
  maximumBytes: number,
  what: string,
): Promise<Uint8Array> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  // Its failures are the reader's too; where reading stops at the limit, nobody waits for it.
  const written = writer.write(new Uint8Array(compressed)).then(() => writer.close());
  written.catch(() => undefined);
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > maximumBytes) throw malformed(what, `at most ${maximumBytes} bytes unpacked`, 'more');
      pieces.push(value);
    }
    await written;
  } catch (cause) {
    reader.cancel().catch(() => undefined);
    if (cause instanceof VerifierError) throw cause;
    throw new VerifierError('DOCUMENT_MALFORMED', `${what}: not gzip, or damaged.`, { cause });
  }
  return concatBytes(...pieces);
}
