/** Writes DER (X.690). */
import { concatBytes } from './arrays.ts';
import { derTag } from './der.ts';
import { utf8 } from './text.ts';

/** One element: identifier octet, length, contents. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag), derLength(body.length), body);
}

export function derSequence(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(derTag.sequence, ...elements);
}

/** The elements in the order that DER demands (X.690 section 11.6). */
export function derSet(...elements: readonly Uint8Array[]): Uint8Array {
  return derElement(derTag.set, ...[...elements].sort(compare));
}

/** Two's complement, as short as can be. */
export function derInteger(value: bigint | number): Uint8Array {
  const wanted = BigInt(value);
  let count = 1;
  while (BigInt.asIntN(count * 8, wanted) !== wanted) count++;
  const unsigned = BigInt.asUintN(count * 8, wanted);
  return derElement(
    derTag.integer,
    Uint8Array.from({ length: count }, (_, at) => Number((unsigned >> BigInt(8 * (count - 1 - at))) & 0xffn)),
  );
}

/** An INTEGER that is not negative, from its bytes. */
export function derUnsigned(bigEndianBytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bigEndianBytes.length - 1 && bigEndianBytes[start] === 0) start++;
  const significant = bigEndianBytes.subarray(start);
  const needsSign = significant.length === 0 || significant[0]! >= 0x80;
  return derElement(derTag.integer, needsSign ? Uint8Array.of(0) : new Uint8Array(0), significant);
}

/** @throws RangeError for what is no object identifier */
export function derOid(text: string): Uint8Array {
  if (!/^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/.test(text))
    throw new RangeError(`"${text}" is not an object identifier.`);
  const [top = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  const bytes = [top * 40n + second, ...rest].flatMap((arc) => {
    const groups = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 0x7fn) | 0x80);
    return groups;
  });
  return derElement(derTag.oid, Uint8Array.from(bytes));
}

export function derBoolean(value: boolean): Uint8Array {
  return derElement(derTag.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function derNull(): Uint8Array {
  return derElement(derTag.null);
}

export function derOctetString(bytes: Uint8Array): Uint8Array {
  return derElement(derTag.octetString, bytes);
}

export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  if (unusedBits > 7 || ((bytes.at(-1) ?? 0xff) & ((1 << unusedBits) - 1)) !== 0)
    throw new RangeError('Unused bits of a BIT STRING are up to seven, and zero.');
  return derElement(derTag.bitString, Uint8Array.of(unusedBits), bytes);
}

export function derUtf8String(text: string): Uint8Array {
  return derElement(derTag.utf8String, utf8(text));
}

export function derPrintableString(text: string): Uint8Array {
  return derElement(derTag.printableString, ascii(text));
}

export function derIa5String(text: string): Uint8Array {
  return derElement(derTag.ia5String, ascii(text));
}

function ascii(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.some((byte) => byte >= 0x80)) throw new RangeError(`"${text}" is not ASCII.`);
  return bytes;
}

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
export function derTime(at: Date): Uint8Array {
  const digits = timeDigits(at);
  const isUtcTime = at.getUTCFullYear() >= 1950 && at.getUTCFullYear() < 2050;
  return isUtcTime
    ? derElement(derTag.utcTime, utf8(digits.slice(2)))
    : derElement(derTag.generalizedTime, utf8(digits));
}

export function derGeneralizedTime(at: Date): Uint8Array {
  return derElement(derTag.generalizedTime, utf8(timeDigits(at)));
}

/** @throws RangeError for what is no time of the years 0 to 9999 */
function timeDigits(at: Date): string {
  const text = at.toISOString();
  if (text.length !== 24) throw new RangeError(`DER cannot hold the time ${text}.`);
  return text.replaceAll(/[-:T]|\.\d+/g, '');
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) if (a[at] !== b[at]) return a[at]! - b[at]!;
  return a.length - b.length;
}
