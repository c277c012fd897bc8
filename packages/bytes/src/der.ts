/** DER (X.690): one strict reader for certificates, CRLs, OCSP responses and what hides in their extensions. */
import { bigEndian } from './arrays.ts';
import { BytesError } from './error.ts';
import { decodeUtf8, latin1 } from './text.ts';

/** Identifier octets (X.690 section 8.1.2) of the universal class, constructed where the type is. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** [number], constructed: an explicit tag, or an implicit one of a constructed type. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** [number], primitive. */
export function primitiveContextTag(number: number): number {
  return 0x80 | number;
}

/** An element takes two bytes at least, the object that describes it a hundred times as much. */
const MAX_CHILDREN = 65536;

/** One element; its parts are views of the input. */
export class Der {
  /** The identifier octet. */
  readonly tag: number;
  readonly #input: Uint8Array;
  readonly #at: number;
  readonly #contentsAt: number;
  readonly #end: number;
  readonly #what: string;

  /** Of the input from `at` to `end`; the contents octets begin at `contentsAt`. */
  constructor(tag: number, input: Uint8Array, at: number, contentsAt: number, end: number, what: string) {
    this.tag = tag;
    this.#input = input;
    this.#at = at;
    this.#contentsAt = contentsAt;
    this.#end = end;
    this.#what = what;
  }

  /** The whole element with its header. */
  get bytes(): Uint8Array {
    return this.#input.subarray(this.#at, this.#end);
  }

  /** The contents octets. */
  get contents(): Uint8Array {
    return this.#input.subarray(this.#contentsAt, this.#end);
  }

  /** Of the whole element. */
  get lengthBytes(): number {
    return this.#end - this.#at;
  }

  /** The elements inside a constructed one, at most 65,536. */
  children(tag?: number): Der[] {
    this.#expectConstructed(tag);
    const children: Der[] = [];
    for (let at = this.#contentsAt; at < this.#end;) {
      if (children.length === MAX_CHILDREN)
        throw new BytesError('TOO_LARGE', `${this.#what}: more than ${MAX_CHILDREN} elements in one.`);
      const child = readElement(this.#input, at, this.#end, this.#what);
      children.push(child);
      at = child.#end;
    }
    return children;
  }

  /** The same, one at a time, for lists without a bound. */
  *elements(tag?: number): Generator<Der, void> {
    this.#expectConstructed(tag);
    for (let at = this.#contentsAt; at < this.#end;) {
      const child = readElement(this.#input, at, this.#end, this.#what);
      yield child;
      at = child.#end;
    }
  }

  #expectConstructed(tag: number | undefined): void {
    if (tag !== undefined) this.expect(tag);
    if ((this.tag & 0x20) === 0) throw this.#invalid(`tag ${hex(this.tag)} is not constructed`);
  }

  /** A reader over the elements inside a constructed one. */
  fields(tag: number): DerFields {
    return new DerFields(this.children(tag), this.#what);
  }

  /** The only element inside, as in an explicit tag. */
  only(tag?: number): Der {
    const children = this.children(tag);
    if (children.length !== 1) throw this.#invalid(`expected one element, found ${children.length}`);
    return children[0]!;
  }

  expect(tag: number): this {
    if (this.tag !== tag) throw this.#invalid(`expected tag ${hex(tag)}, found ${hex(this.tag)}`);
    return this;
  }

  /** The contents octets of an INTEGER: two's complement, as short as can be. */
  integerBytes(tag: number = derTag.integer): Uint8Array {
    this.expect(tag);
    const { contents } = this;
    const first = contents[0];
    const second = contents[1];
    if (first === undefined) throw this.#invalid('an INTEGER is empty');
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw this.#invalid('an INTEGER is longer than need be');
    return contents;
  }

  integer(tag: number = derTag.integer): bigint {
    const bytes = this.integerBytes(tag);
    return BigInt.asIntN(bytes.length * 8, bigEndian(bytes));
  }

  /** An INTEGER from 0 to 2^53-1. */
  smallInteger(tag: number = derTag.integer): number {
    const isShort = this.integerBytes(tag).length <= 8;
    const value = isShort ? this.integer(tag) : -1n;
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
      throw this.#invalid('an INTEGER is negative or too large');
    return Number(value);
  }

  boolean(tag: number = derTag.boolean): boolean {
    const { contents } = this.expect(tag);
    const value = contents[0];
    if (contents.length !== 1 || (value !== 0 && value !== 0xff))
      throw this.#invalid('a BOOLEAN is neither 00 nor FF');
    return value === 0xff;
  }

  octetString(tag: number = derTag.octetString): Uint8Array {
    return this.expect(tag).contents;
  }

  /** A BIT STRING of whole bytes. */
  bitStringBytes(tag: number = derTag.bitString): Uint8Array {
    const { bytes, unusedBits } = this.bitString(tag);
    if (unusedBits !== 0) throw this.#invalid('a BIT STRING is not of whole bytes');
    return bytes;
  }

  /** The unused bits of the last byte are zero. */
  bitString(tag: number = derTag.bitString): { readonly bytes: Uint8Array; readonly unusedBits: number } {
    const { contents } = this.expect(tag);
    const unusedBits = contents[0];
    const bytes = contents.subarray(1);
    const last = bytes.at(-1) ?? 0;
    if (unusedBits === undefined || unusedBits > 7 || (bytes.length === 0 && unusedBits !== 0))
      throw this.#invalid('a BIT STRING has a wrong count of unused bits');
    if ((last & ((1 << unusedBits) - 1)) !== 0)
      throw this.#invalid('unused bits of a BIT STRING are not zero');
    return { bytes, unusedBits };
  }

  null(): void {
    if (this.expect(derTag.null).contents.length !== 0) throw this.#invalid('a NULL is not empty');
  }

  /** "1.2.840.10045.4.3.3". */
  oid(tag: number = derTag.oid): string {
    this.expect(tag);
    const { contents } = this;
    if (contents.length === 0 || contents.length > 64 || contents.at(-1)! >= 0x80)
      throw this.#invalid('an OBJECT IDENTIFIER is empty, too long or cut off');
    let text = '';
    let arc = 0;
    let isLong = false;
    let isFirstByte = true;
    for (const byte of contents) {
      if (isFirstByte && byte === 0x80) throw this.#invalid('an OBJECT IDENTIFIER is longer than need be');
      if (arc > MAX_NUMBER_ARC) isLong = true;
      arc = arc * 128 + (byte & 0x7f);
      isFirstByte = byte < 0x80;
      if (!isFirstByte) continue;
      const top = arc < 80 ? Math.floor(arc / 40) : 2;
      text += text === '' ? `${top}.${arc - top * 40}` : `.${arc}`;
      arc = 0;
    }
    return isLong ? longOid(contents) : text;
  }

  /** Any of the string types that names are made of. */
  text(): string {
    switch (this.tag) {
      case derTag.utf8String:
        return decodeUtf8(this.contents, this.#what);
      case derTag.printableString:
      case derTag.ia5String:
      case derTag.visibleString:
        if (!isAscii(this.contents)) throw this.#invalid('a string is not ASCII');
        return latin1(this.contents);
      case derTag.t61String:
        return latin1(this.contents);
      default:
        throw this.#invalid(`tag ${hex(this.tag)} is no string that is supported`);
    }
  }

  /** UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 has them: seconds, UTC. */
  time(): Date {
    const { contents } = this;
    const yearDigits = this.tag === derTag.utcTime ? 2 : this.tag === derTag.generalizedTime ? 4 : 0;
    const isDigit = (byte: number, at: number) =>
      (byte >= 0x30 && byte <= 0x39) || at === contents.length - 1;
    if (
      yearDigits === 0 ||
      contents.length !== yearDigits + 11 ||
      contents.at(-1) !== 0x5a ||
      !contents.every(isDigit)
    )
      throw this.#invalid('a time is not of the form that RFC 5280 demands');
    const pair = (at: number): number => (contents[at]! - 0x30) * 10 + contents[at + 1]! - 0x30;
    const short = pair(yearDigits - 2);
    const year = yearDigits === 4 ? pair(0) * 100 + short : short + (short < 50 ? 2000 : 1900);
    const month = pair(yearDigits);
    const day = pair(yearDigits + 2);
    const at = new Date(0);
    at.setUTCFullYear(year, month - 1, day);
    // A 31st of April would have become a 1st of May.
    const isDay = at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
    const [hour, minute, second] = [pair(yearDigits + 4), pair(yearDigits + 6), pair(yearDigits + 8)];
    if (!isDay || hour > 23 || minute > 59 || second > 59) throw this.#invalid('a time does not exist');
    at.setUTCHours(hour, minute, second);
    return at;
  }

  #invalid(why: string): BytesError {
    return new BytesError('DER_INVALID', `${this.#what}: ${why}.`);
  }
}

/** The elements of a SEQUENCE, taken one after the other; all of them must be taken. */
export class DerFields {
  readonly #elements: readonly Der[];
  readonly #what: string;
  #next = 0;

  constructor(elements: readonly Der[], what: string) {
    this.#elements = elements;
    this.#what = what;
  }

  get remaining(): number {
    return this.#elements.length - this.#next;
  }

  /** The next element, which must be there. */
  next(tag?: number): Der {
    const element = this.#elements[this.#next++];
    if (!element)
      throw new BytesError('DER_INVALID', `${this.#what}: a SEQUENCE ends before its last field.`);
    return tag === undefined ? element : element.expect(tag);
  }

  /** The next element if it has one of the tags, else undefined. */
  optional(...tags: readonly number[]): Der | undefined {
    const element = this.#elements[this.#next];
    if (!element || !tags.includes(element.tag)) return undefined;
    this.#next++;
    return element;
  }

  end(): void {
    if (this.remaining > 0)
      throw new BytesError('DER_INVALID', `${this.#what}: ${this.remaining} more fields than expected.`);
  }
}

/**
 * The one element that the bytes are.
 * @param what names it in errors: "VCEK"
 * @throws BytesError DER_INVALID, TRUNCATED or TRAILING_DATA
 */
export function parseDer(bytes: Uint8Array, what: string): Der {
  const element = readElement(bytes, 0, bytes.length, what);
  if (element.lengthBytes !== bytes.length) {
    throw new BytesError(
      'TRAILING_DATA',
      `${what}: ${bytes.length - element.lengthBytes} bytes follow the DER element.`,
    );
  }
  return element;
}

/** The element that the bytes begin with, for lists of concatenated DER. */
export function parseFirstDer(bytes: Uint8Array, what: string): Der {
  return readElement(bytes, 0, bytes.length, what);
}

/** The element at `at` of an input that ends at `limit`. */
function readElement(bytes: Uint8Array, at: number, limit: number, what: string): Der {
  if (at + 2 > limit) throw new BytesError('TRUNCATED', `${what}: a DER element ends in its header.`);
  const tag = bytes[at]!;
  const first = bytes[at + 1]!;
  // Tag number 0 of the universal class ends an indefinite length (X.690 section 8.1.5), which DER does not have.
  if ((tag & 0xdf) === 0) throw new BytesError('DER_INVALID', `${what}: a tag is 0.`);
  if ((tag & 0x1f) === 0x1f)
    throw new BytesError('DER_INVALID', `${what}: tag numbers over 30 are not supported.`);
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4)
      throw new BytesError('DER_INVALID', `${what}: a length is indefinite, or of more than four bytes.`);
    if (start + count > limit)
      throw new BytesError('TRUNCATED', `${what}: a DER element ends in its header.`);
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + bytes[start + index]!;
    start += count;
    if (length < 0x80 || length < 2 ** (8 * (count - 1)))
      throw new BytesError('DER_INVALID', `${what}: a length is written longer than need be.`);
  }
  const end = start + length;
  if (end > limit)
    throw new BytesError('TRUNCATED', `${what}: a DER element of ${length} bytes has only ${limit - start}.`);
  return new Der(tag, bytes, at, start, end, what);
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte >= 0x80) return false;
  return true;
}

/** Of an arc that grows by seven bits and stays a safe integer. */
const MAX_NUMBER_ARC = Number.MAX_SAFE_INTEGER / 128 - 1;

/** An identifier that passed the checks of `oid` and has an arc beyond 2^53. */
function longOid(contents: Uint8Array): string {
  const arcs: bigint[] = [0n];
  for (const byte of contents) {
    arcs.push((arcs.pop()! << 7n) | BigInt(byte & 0x7f));
    if (byte < 0x80) arcs.push(0n);
  }
  const [joint = 0n, ...others] = arcs.slice(0, -1);
  const top = joint < 80n ? joint / 40n : 2n;
  return [top, joint - top * 40n, ...others].join('.');
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
