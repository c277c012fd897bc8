/**
 * Canonical JSON as TUF signs it (OLPC): names in order of their code points, no blanks, of escapes only those of the
 * quotation mark and the backslash, no numbers but integers.
 */
import { BytesError, type JsonValue, utf8 } from '@vitrine/bytes';

/** @throws BytesError JSON_SHAPE for a number that is no integer, or a string that is not well-formed */
export function canonicalJson(value: JsonValue): Uint8Array {
  return utf8(write(value));
}

function write(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    // -0 is written as 0, which another reader of the same document would not sign.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw refused(`the number ${value}`);
    return String(value);
  }
  if (isList(value)) return `[${value.map(write).join(',')}]`;
  const members = Object.keys(value)
    .sort(byCodePoint)
    .map((name) => `${quoted(name)}:${write(value[name]!)}`);
  return `{${members.join(',')}}`;
}

function quoted(text: string): string {
  if (!text.isWellFormed()) throw refused('a lone surrogate');
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** UTF-16 units are in another order above the Basic Multilingual Plane. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = left[at]!.codePointAt(0)! - right[at]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function refused(what: string): BytesError {
  return new BytesError('JSON_SHAPE', `Canonical JSON has no form for ${what}.`);
}
