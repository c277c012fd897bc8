/** The grammar of JSON (RFC 8259): a text becomes values that know their place in it. */
import { BytesError, type BytesErrorCode } from './error.ts';

export type Value =
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, Parsed> }
  | { readonly kind: 'array'; readonly items: readonly Parsed[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'boolean'; readonly truth: boolean }
  | { readonly kind: 'null' };
/** A value with its place in the text. */
export type Parsed = Value & { readonly from: number; readonly to: number };

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

export class JsonParser {
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
