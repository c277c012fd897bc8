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
  const values = new Int8Array(256).fill(-1);
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
  return decodeWords(utf8(text), end, values) ?? decodeSlowly(text, end, values, what);
}

/** Four characters at a time; undefined where there is anything to say against them. */
function decodeWords(codes: Uint8Array, end: number, values: Int8Array): Uint8Array | undefined {
  // A multiple of three, so that the last word is like the others: what is missing of it is zero.
  const bytes = new Uint8Array(Math.ceil(end / 4) * 3);
  const valueAt = (at: number): number => (at < end ? values[codes[at]!]! : 0);
  const whole = end - (end % 4);
  // Negative once a character is none of the alphabet.
  let all = 0;
  let written = 0;
  for (let at = 0; at < whole; at += 4) {
    const a = values[codes[at]!]!;
    const b = values[codes[at + 1]!]!;
    const c = values[codes[at + 2]!]!;
    const d = values[codes[at + 3]!]!;
    all |= a | b | c | d;
    bytes[written] = (a << 2) | (b >> 4);
    bytes[written + 1] = (b << 4) | (c >> 2);
    bytes[written + 2] = (c << 6) | d;
    written += 3;
  }
  if (whole < end) {
    const [a, b, c] = [valueAt(whole), valueAt(whole + 1), valueAt(whole + 2)];
    all |= a | b | c;
    bytes.set([(a << 2) | (b >> 4), (b << 4) | (c >> 2), c << 6], written);
  }
  const sizeBytes = Math.floor((end * 3) / 4);
  const isWhole = all >= 0 && bytes.subarray(sizeBytes).every((unused) => unused === 0);
  if (!isWhole) return undefined;
  return sizeBytes === bytes.length ? bytes : bytes.slice(0, sizeBytes);
}

/** What is wrong, and where. */
function decodeSlowly(text: string, end: number, values: Int8Array, what: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((end * 3) / 4));
  let pending = 0;
  let bits = 0;
  let written = 0;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    const value = code < 256 ? values[code]! : -1;
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
