/** Text as UTF-8, strictly. */
import { BytesError } from './error.ts';

const encoder = new TextEncoder();
// A byte order mark is kept: what is decoded encodes to the same bytes again.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws BytesError UTF8_INVALID */
export function decodeUtf8(bytes: Uint8Array, what = 'text'): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new BytesError('UTF8_INVALID', `${what}: not valid UTF-8.`, { cause });
  }
}

/** One character a byte, for bytes that were checked to be ASCII, or for messages. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  // Not spread: an array is walked then, which takes seven times as long.
  for (let at = 0; at < bytes.length; at += 4096)
    text += String(Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + 4096)));
  return text;
}
