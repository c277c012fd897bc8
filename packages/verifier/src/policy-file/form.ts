/** A form of value: how it is read, how it is written and what its JSON Schema is, in one place so that the three agree. */
import { type Place, PolicyFileError, quoted } from './error.ts';
import type { YamlNode, YamlScalar } from './yaml-tree.ts';

export interface Form<T> {
  /** In words, for a refusal: "true or false". */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** What a key that is left out stands for; none: the key is required. */
  readonly absent?: { readonly value: T } | undefined;
  /** @throws PolicyFileError */
  readonly read: (node: YamlNode) => T;
  readonly write: (value: T, style: Style) => Written;
}

/** One word or flow list behind the key, or lines below it. */
export type Written = string | readonly string[];

export interface Style {
  /** Lines of comment before each key. */
  readonly comments: boolean;
  /** More lines of comment, behind the value of the key at a path: "measurements.pinned". */
  readonly notes: Readonly<Record<string, readonly string[]>>;
  readonly path: string;
}

/** The part of JSON Schema 2020-12 that the policy needs. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly additionalProperties?: false;
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
}

export function refused(place: Place, expected: string, found: string, advice: string): PolicyFileError {
  return new PolicyFileError({ place, expected, found, advice });
}

export function describe(node: YamlNode): string {
  if (node.kind === 'map') return 'a map of keys';
  if (node.kind === 'list') return node.items.length === 0 ? 'an empty list' : 'a list';
  return quoted(node.text);
}

export const flag: Form<boolean> = {
  expected: 'true or false',
  schema: { type: 'boolean' },
  read: (node) => {
    const text = plainText(node, flag.expected);
    if (text === 'true' || text === 'false') return text === 'true';
    throw refused(
      node.place,
      flag.expected,
      describe(node),
      'Only these two words are read, in lower case: not yes, no, on, off, 0 or 1.',
    );
  },
  write: String,
};

/** A whole number in decimal digits. */
export function integer(minimum: number, maximum: number): Form<number> {
  const expected = `a whole number from ${minimum} to ${maximum}`;
  return {
    expected,
    schema: { type: 'integer', minimum, maximum },
    read: (node) => {
      const text = plainText(node, expected);
      const value = /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : NaN;
      if (value >= minimum && value <= maximum) return value;
      const advice = Number.isNaN(value)
        ? 'Write it in decimal digits, without sign, point, exponent or leading zero.'
        : 'Choose one within these bounds.';
      throw refused(node.place, expected, describe(node), advice);
    },
    write: String,
  };
}

/** One of a few words. */
export function choice<T extends string>(words: readonly T[]): Form<T> {
  const expected = listed(words, 'or');
  return {
    expected,
    schema: { enum: words },
    read: (node) => {
      if (node.kind === 'scalar') {
        const word = words.find((one) => one === node.text);
        if (word !== undefined) return word;
      }
      const close = node.kind === 'scalar' ? closest(node.text, words) : undefined;
      throw refused(
        node.place,
        expected,
        describe(node),
        close === undefined ? 'Write one of these, spelled like that.' : `Did you mean ${close}?`,
      );
    },
    write: writtenText,
  };
}

export interface TextRules {
  readonly expected: string;
  /** Anchored. The JSON Schema has it too. */
  readonly pattern: RegExp;
  /** A sentence about what was found, which does not have the pattern. */
  readonly advice: (text: string) => string;
  /** The one spelling of values that are equal. */
  readonly normalized?: ((text: string) => string) | undefined;
}

/** A scalar with a pattern, quoted or not. */
export function text({ expected, pattern, advice, normalized }: TextRules): Form<string> {
  return {
    expected,
    schema: { type: 'string', pattern: pattern.source },
    read: (node) => {
      const scalar = scalarOf(node, expected, advice(''));
      if (!pattern.test(scalar.text))
        throw refused(node.place, expected, describe(node), advice(scalar.text));
      return normalized ? normalized(scalar.text) : scalar.text;
    },
    write: writtenText,
  };
}

export interface ListRules<T> {
  readonly minimum?: number;
  readonly maximum: number;
  /** Two items of one identity are refused. */
  readonly identity: (item: T) => string;
  /** What to do about an empty list, where at least one item is needed. */
  readonly whenEmpty?: string;
}

export function list<T>(item: Form<T>, rules: ListRules<T>): Form<readonly T[]> {
  const { minimum = 0, maximum, identity, whenEmpty = 'Name one, or remove the key.' } = rules;
  const expected = minimum > 0 ? `a list of at least one: ${item.expected}` : `a list of: ${item.expected}`;
  return {
    expected,
    schema: {
      type: 'array',
      items: item.schema,
      ...(minimum > 0 ? { minItems: minimum } : {}),
      maxItems: maximum,
      ...(item.schema.type === 'object' ? {} : { uniqueItems: true }),
    },
    read: (node) => {
      if (node.kind !== 'list')
        throw refused(
          node.place,
          expected,
          describe(node),
          'Write it as a list: [a, b], or lines that begin with "- ".',
        );
      if (node.items.length < minimum) throw refused(node.place, expected, describe(node), whenEmpty);
      if (node.items.length > maximum)
        throw refused(node.place, `at most ${maximum} of them`, `${node.items.length}`, 'Remove some.');
      const values = node.items.map((one) => item.read(one));
      refuseTwins(values.map(identity), node.items);
      return values;
    },
    write: (values, style) => writtenList(item, values, style),
  };
}

function refuseTwins(identities: readonly string[], nodes: readonly YamlNode[]): void {
  const seen = new Map<string, YamlNode>();
  identities.forEach((identity, at) => {
    const node = nodes[at]!;
    const twin = seen.get(identity);
    if (twin)
      throw refused(
        node.place,
        'each item once',
        `the same again as in line ${twin.place.line}`,
        'Remove one of them.',
      );
    seen.set(identity, node);
  });
}

function writtenList<T>(item: Form<T>, values: readonly T[], style: Style): Written {
  if (values.length === 0) return '[]';
  const items = values.map((value, at) =>
    item.write(value, { ...style, comments: style.comments && at === 0, path: `${style.path}[]` }),
  );
  const flow = `[${items.join(', ')}]`;
  if (items.every((one) => typeof one === 'string') && flow.length <= 70) return flow;
  return items.flatMap((one) =>
    typeof one === 'string' ? [`- ${one}`] : one.map((line, at) => (at === 0 ? `- ${line}` : `  ${line}`)),
  );
}

/** A word in place of the value, which stands for null. */
export function orWord<T>(word: string, form: Form<T>): Form<T | null> {
  const expected = `${word}, or ${form.expected}`;
  return {
    expected,
    schema: { anyOf: [{ const: word }, form.schema] },
    read: (node) => {
      if (node.kind === 'scalar' && node.text === word) return null;
      if (node.kind === 'scalar' && /^(null|~|any|none|all|\*)$/i.test(node.text))
        throw refused(node.place, expected, describe(node), `The word here is ${word}.`);
      return form.read(node);
    },
    write: (value, style) => (value === null ? word : form.write(value, style)),
  };
}

/** @throws PolicyFileError where it is a map or a list */
export function scalarOf(node: YamlNode, expected: string, advice: string): YamlScalar {
  if (node.kind === 'scalar') return node;
  throw refused(node.place, expected, describe(node), advice);
}

/** Of a number or a truth value: quoted, it is text. */
function plainText(node: YamlNode, expected: string): string {
  const scalar = scalarOf(node, expected, 'Write one value.');
  if (!scalar.isQuoted) return scalar.text;
  throw refused(node.place, expected, `the text ${quoted(scalar.text)}`, 'Remove the quotes.');
}

/** Quoted unless no reader of YAML could take it for anything but text. */
export function writtenText(value: string): string {
  const isBare =
    /^[A-Za-z][A-Za-z0-9._/-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return isBare ? value : JSON.stringify(value);
}

/** "a, b or c" */
export function listed(words: readonly string[], conjunction: 'and' | 'or'): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)!}`;
}

/** The known word that was probably meant: another case or other hyphens, or two letters off. */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 60) return undefined;
  const bare = (one: string) => one.toLowerCase().replace(/[^a-z0-9]/g, '');
  const same = known.find((one) => bare(one) === bare(word));
  if (same !== undefined) return same;
  const distances = known.map((one) => ({ one, distance: editDistance(bare(word), bare(one)) }));
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  return best && best.distance <= 2 && best.distance < best.one.length / 2 ? best.one : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
