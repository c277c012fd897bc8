/**
 * JSON (RFC 8259) from strangers: each name once in an object, integers that a double holds exactly, bounded size and
 * depth, and the exact bytes of a member where a signature covers them.
 */
import { fromBase64 } from './base64.ts';
import { BytesError, type BytesErrorCode } from './error.ts';
import { fromHex } from './hex.ts';
import { decodeUtf8, utf8 } from './text.ts';

export interface JsonLimits {
  /** Default 8 MiB; UTF-16 units where the input is a string. */
  readonly maxBytes?: number;
  /** Nesting of objects and arrays; default 32. */
  readonly maxDepth?: number;
}

type Value =
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, Parsed> }
  | { readonly kind: 'array'; readonly items: readonly Parsed[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'boolean'; readonly truth: boolean }
  | { readonly kind: 'null' };
/** A value with its place in the text. */
type Parsed = Value & { readonly from: number; readonly to: number };

/** Plain values, objects without a prototype. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * @param what names the document in errors: "TCB info"
 * @throws BytesError JSON_INVALID, JSON_DUPLICATE_KEY, JSON_NUMBER_UNSAFE, UTF8_INVALID, TOO_LARGE
 */
export function parseJson(input: Uint8Array | string, what: string, limits: JsonLimits = {}): JsonNode {
  const maxBytes = limits.maxBytes ?? 8 * 1024 * 1024;
  if (input.length > maxBytes) throw new BytesError('TOO_LARGE', `${what}: more than ${maxBytes} bytes.`);
  const text = typeof input === 'string' ? input : decodeUtf8(input, what);
  return new JsonNode(text, new Parser(text, what, limits.maxDepth ?? 32).document(), what);
}

/** A JSON value that is asked for what it should be. Every refusal is BytesError JSON_SHAPE and names the path. */
export class JsonNode {
  readonly #text: string;
  readonly #parsed: Parsed;
  /** Where it is: `TCB info.tcbLevels[0]`. */
  readonly path: string;

  constructor(text: string, parsed: Parsed, path: string) {
    this.#text = text;
    this.#parsed = parsed;
    this.path = path;
  }

  get kind(): Value['kind'] {
    return this.#parsed.kind;
  }

  /** The bytes of the value as they stand in the document. */
  raw(): Uint8Array {
    return utf8(this.#text.slice(this.#parsed.from, this.#parsed.to));
  }

  /** A member that must be there. */
  get(name: string): JsonNode {
    const member = this.optional(name);
    if (!member) throw this.#unexpected(`a member "${name}"`);
    return member;
  }

  /** A member, or undefined. A member that is null is there. */
  optional(name: string): JsonNode | undefined {
    const member = this.#members().get(name);
    return member && new JsonNode(this.#text, member, `${this.path}.${name}`);
  }

  names(): string[] {
    return [...this.#members().keys()];
  }

  /** Refuses members of other names. */
  onlyNames(...allowed: readonly string[]): this {
    const other = this.names().find((name) => !allowed.includes(name));
    if (other !== undefined)
      throw this.#shape(`expected no member besides ${allowed.join(', ')}, found "${other.slice(0, 60)}"`);
    return this;
  }

  items(maxLength = 65536): JsonNode[] {
    if (this.#parsed.kind !== 'array') throw this.#unexpected('an array');
    if (this.#parsed.items.length > maxLength)
      throw this.#shape(`expected at most ${maxLength} items, found ${this.#parsed.items.length}`);
    return this.#parsed.items.map((item, index) => new JsonNode(this.#text, item, `${this.path}[${index}]`));
  }

  string(): string {
    if (this.#parsed.kind !== 'string') throw this.#unexpected('a string');
    return this.#parsed.text;
  }

  number(): number {
    if (this.#parsed.kind !== 'number') throw this.#unexpected('a number');
    return this.#parsed.number;
  }

  /** @param max inclusive */
  integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.number();
    if (!Number.isSafeInteger(value) || value < min || value > max)
      throw this.#shape(`expected an integer from ${min} to ${max}, found ${value}`);
    return value;
  }

  boolean(): boolean {
    if (this.#parsed.kind !== 'boolean') throw this.#unexpected('true or false');
    return this.#parsed.truth;
  }

  isNull(): boolean {
    return this.#parsed.kind === 'null';
  }

  /** A string of hexadecimal digits. */
  hex(lengthBytes?: number): Uint8Array {
    return fromHex(this.string(), this.path, lengthBytes);
  }

  /** A string of base64, padded. */
  base64(): Uint8Array {
    return fromBase64(this.string(), this.path);
  }

  /** A string of RFC 3339 in UTC, as Intel and NVIDIA write it: "2025-06-25T00:00:00Z". */
  time(): Date {
    const text = this.string();
    const at = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text) ? text : NaN);
    // A 30th of February would have become a 2nd of March.
    if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 19) !== text.slice(0, 19))
      throw this.#shape('expected a time like 2025-06-25T00:00:00Z');
    return at;
  }

  /** One of the words. */
  word<const W extends string>(...words: readonly W[]): W {
    const text = this.string();
    const word = words.find((one) => one === text);
    if (word === undefined)
      throw this.#shape(`expected one of ${words.join(', ')}, found "${text.slice(0, 60)}"`);
    return word;
  }

  value(): JsonValue {
    const parsed = this.#parsed;
    switch (parsed.kind) {
      case 'null':
        return null;
      case 'boolean':
        return parsed.truth;
      case 'number':
        return parsed.number;
      case 'string':
        return parsed.text;
      case 'array':
        return this.items(Infinity).map((item) => item.value());
      case 'object': {
        const object = Object.create(null) as Record<string, JsonValue>;
        for (const name of this.names()) object[name] = this.get(name).value();
        return object;
      }
    }
  }

  #members(): ReadonlyMap<string, Parsed> {
    if (this.#parsed.kind !== 'object') throw this.#unexpected('an object');
    return this.#parsed.members;
  }

  #unexpected(expected: string): BytesError {
    const found =
      this.#parsed.kind === 'object' ? 'an object without it' : `a value of kind ${this.#parsed.kind}`;
    return this.#shape(`expected ${expected}, found ${expected === 'an object' ? this.#parsed.kind : found}`);
  }

  #shape(why: string): BytesError {
    return new BytesError('JSON_SHAPE', `${this.path}: ${why}.`);
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// eslint-disable-next-line no-control-regex -- control characters are what RFC 8259 section 7 forbids in a string
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A value takes two characters at least, the object that describes it fifty times as much. */
const MAX_VALUES = 1 << 18;

class Parser {
  readonly #text: string;
  readonly #what: string;
  readonly #maxDepth: number;
  #at = 0;
  #values = 0;

  constructor(text: string, what: string, maxDepth: number) {
    this.#text = text;
    this.#what = what;
    this.#maxDepth = maxDepth;
  }

  document(): Parsed {
    this.#match(SPACE);
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw this.#invalid('expected the end of the document');
    return value;
  }

  #value(depth: number): Parsed {
    if (depth > this.#maxDepth)
      throw new BytesError('TOO_LARGE', `${this.#what}: nested deeper than ${this.#maxDepth}.`);
    if (++this.#values > MAX_VALUES)
      throw new BytesError('TOO_LARGE', `${this.#what}: more than ${MAX_VALUES} values.`);
    const from = this.#at;
    return Object.assign(this.#bare(depth), { from, to: this.#at });
  }

  #bare(depth: number): Value {
    switch (this.#text[this.#at]) {
      case '{':
        return { kind: 'object', members: this.#object(depth) };
      case '[':
        return { kind: 'array', items: this.#array(depth) };
      case '"':
        return { kind: 'string', text: this.#string() };
      case 't':
        return this.#literal('true', { kind: 'boolean', truth: true });
      case 'f':
        return this.#literal('false', { kind: 'boolean', truth: false });
      case 'n':
        return this.#literal('null', { kind: 'null' });
      default:
        return { kind: 'number', number: this.#number() };
    }
  }

  #object(depth: number): Map<string, Parsed> {
    const members = new Map<string, Parsed>();
    this.#at++;
    this.#match(SPACE);
    if (this.#skip('}')) return members;
    do {
      this.#match(SPACE);
      if (this.#text[this.#at] !== '"') throw this.#invalid('expected the name of a member');
      const name = this.#string();
      if (members.has(name))
        throw this.#error('JSON_DUPLICATE_KEY', `the name "${name.slice(0, 60)}" occurs twice`);
      this.#match(SPACE);
      if (!this.#skip(':')) throw this.#invalid('expected a colon');
      this.#match(SPACE);
      members.set(name, this.#value(depth + 1));
      this.#match(SPACE);
    } while (this.#skip(','));
    if (!this.#skip('}')) throw this.#invalid('expected a comma or the end of the object');
    return members;
  }

  #array(depth: number): Parsed[] {
    const items: Parsed[] = [];
    this.#at++;
    this.#match(SPACE);
    if (this.#skip(']')) return items;
    do {
      this.#match(SPACE);
      items.push(this.#value(depth + 1));
      this.#match(SPACE);
    } while (this.#skip(','));
    if (!this.#skip(']')) throw this.#invalid('expected a comma or the end of the array');
    return items;
  }

  #string(): string {
    this.#at++;
    let text = this.#match(PLAIN);
    while (!this.#skip('"')) {
      if (!this.#skip('\\')) throw this.#invalid('a string does not end, or holds a control character');
      text += this.#escape() + this.#match(PLAIN);
    }
    // A lone surrogate would be another character once it is encoded.
    if (!text.isWellFormed()) throw this.#invalid('a string is not well-formed Unicode');
    return text;
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#invalid('an escape is not valid');
      this.#at += 4;
      return String.fromCharCode(parseInt(digits, 16));
    }
    const character = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (character === undefined) throw this.#invalid('an escape is not valid');
    return character;
  }

  #number(): number {
    const text = this.#match(NUMBER);
    if (text === '') throw this.#invalid('expected a value');
    const value = Number(text);
    const isExact = Number.isInteger(value)
      ? Number.isSafeInteger(value) && isWhole(text)
      : Number.isFinite(value);
    if (!isExact)
      throw this.#error('JSON_NUMBER_UNSAFE', `${text.slice(0, 40)} is not held exactly by a double`);
    return value;
  }

  #literal(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#invalid('expected a value');
    this.#at += word.length;
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const matched = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += matched.length;
    return matched;
  }

  #skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #invalid(why: string): BytesError {
    return this.#error('JSON_INVALID', why);
  }

  #error(code: BytesErrorCode, why: string): BytesError {
    return new BytesError(code, `${this.#what}: ${why}, at character ${this.#at + 1}.`);
  }
}

/** Whether the digits of a number say an integer: 1.0 and 120e-1 do, but not 0.99999999999999999, which rounds to one. */
function isWhole(text: string): boolean {
  const [mantissa = '', exponent = '0'] = text.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return end === 0 || end <= whole.length + Number(exponent);
}
