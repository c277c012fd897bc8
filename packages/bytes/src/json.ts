/**
 * JSON (RFC 8259) from strangers: each name once in an object, integers that a double holds exactly, bounded size and
 * depth, and the exact bytes of a member where a signature covers them.
 */
import { fromBase64 } from './base64.ts';
import { BytesError } from './error.ts';
import { fromHex } from './hex.ts';
import { type Parsed, type Value, JsonParser } from './json-parser.ts';
import { decodeUtf8, utf8 } from './text.ts';

export interface JsonLimits {
  /** Default 8 MiB; UTF-16 units where the input is a string. */
  readonly maxBytes?: number;
  /** Nesting of objects and arrays; default 32. */
  readonly maxDepth?: number;
}

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
  return new JsonNode(text, new JsonParser(text, what, limits.maxDepth ?? 32).document(), what);
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
