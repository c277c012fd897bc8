/** Base64 (RFC 4648), strictly: section 4 with padding, section 5 (URL) without; unused bits are zero. */
import { BytesError } from './error.ts';
import { decodeUtf8, utf8 } from './text.ts';

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const standardCodes = utf8(STANDARD);
const urlCodes = utf8(URL_SAFE);
const standardValues = valuesOf(STANDARD);
const urlValues = valuesOf(URL_SAFE);

function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let value = 0; value < 64; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}

/** With padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, standardCodes);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** For URLs and JOSE: `-` and `_`, no padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, urlCodes);
}

/** @throws BytesError BASE64_INVALID: another character, white space, missing or wrong padding, unused bits that are not zero */
export function fromBase64(text: string, what = 'base64 text'): Uint8Array {
  if (text.length % 4 !== 0) {
    throw new BytesError(
      'BASE64_INVALID',
      `${what}: expected a multiple of four characters, found ${text.length}.`,
    );
  }
  const end = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  return decode(text, end, standardValues, what);
}

/** @throws BytesError BASE64_INVALID: as `fromBase64`, and for padding */
export function fromBase64Url(text: string, what = 'base64url text'): Uint8Array {
  if (text.length % 4 === 1)
    throw new BytesError(
      'BASE64_INVALID',
      `${what}: ${text.length} characters are no whole number of bytes.`,
    );
  return decode(text, text.length, urlValues, what);
}

/** By way of bytes: a string that grows by a character at a time takes ten times as long. */
function encode(bytes: Uint8Array, alphabet: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil((bytes.length * 4) / 3));
  let written = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    // What lies beyond the end is not stored.
    codes[written++] = alphabet[word >> 18]!;
    codes[written++] = alphabet[(word >> 12) & 63]!;
    codes[written++] = alphabet[(word >> 6) & 63]!;
    codes[written++] = alphabet[word & 63]!;
  }
  return decodeUtf8(codes);
}

function decode(text: string, end: number, values: Int8Array, what: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((end * 3) / 4));
  let pending = 0;
  let bits = 0;
  let written = 0;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    const value = code < 128 ? values[code]! : -1;
    if (value < 0)
      throw new BytesError('BASE64_INVALID', `${what}: character ${at + 1} is not of the alphabet.`);
    pending = ((pending << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[written++] = (pending >> bits) & 0xff;
    }
  }
  if ((pending & ((1 << bits) - 1)) !== 0)
    throw new BytesError('BASE64_INVALID', `${what}: the unused bits of the last character are not zero.`);
  return bytes;
}
