/** Hexadecimal digits, two a byte. */
import { BytesError } from './error.ts';

const DIGITS_ONLY = /^[0-9a-fA-F]*$/;
const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += digits[byte]!;
  return text;
}

/**
 * Hexadecimal digits of either case, nothing else.
 * @param lengthBytes when given, exactly so many bytes are expected
 * @throws BytesError HEX_INVALID
 */
export function fromHex(text: string, what = 'hexadecimal text', lengthBytes?: number): Uint8Array {
  if (text.length % 2 !== 0 || !DIGITS_ONLY.test(text)) {
    throw new BytesError('HEX_INVALID', `${what}: expected pairs of hexadecimal digits and nothing else.`);
  }
  if (lengthBytes !== undefined && text.length !== lengthBytes * 2) {
    throw new BytesError(
      'HEX_INVALID',
      `${what}: expected ${lengthBytes * 2} hexadecimal digits, found ${text.length}.`,
    );
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}
