/** Maps of a policy file: sections with fixed keys, and maps whose keys are a choice. */
import {
  type Form,
  type JsonSchema,
  type Style,
  type Written,
  closest,
  describe,
  listed,
  refused,
  writtenText,
} from './form.ts';
import type { YamlMap, YamlNode } from './yaml-tree.ts';

/** A key of a section. */
export interface Field<T> {
  /** In kebab-case, or as the vendor's document spells it. */
  readonly key: string;
  readonly form: Form<T>;
  /** One sentence or two: the comment in a written file, the description in the schema. */
  readonly comment: string;
  /** What the key stands for when it is left out. Without: what the form says, else the key is required. */
  readonly absent?: { readonly value: T } | undefined;
}

export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

export interface Section<T> extends Form<T> {
  readonly fields: Fields<T>;
}

export function section<T extends object>(expected: string, fields: Fields<T>): Section<T> {
  const all = Object.entries(fields) as [string, Field<unknown>][];
  const keys = all.map(([, { key }]) => key);
  const required = all.filter(([, field]) => !absentOf(field)).map(([, { key }]) => key);
  return {
    expected,
    fields,
    schema: {
      type: 'object',
      properties: Object.fromEntries(all.map(([, field]) => [field.key, schemaOf(field)])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    },
    absent:
      required.length > 0
        ? undefined
        : { value: Object.fromEntries(all.map(([name, field]) => [name, absentOf(field)!.value])) as T },
    read: (node) => {
      const map = mapOf(node, expected, keys);
      return Object.fromEntries(all.map(([name, field]) => [name, readField(map, field)])) as T;
    },
    write: (value, style) =>
      all.flatMap(([name, field]) => writtenField(field, value[name as keyof T], style)),
  };
}

function absentOf<T>({ absent, form }: Field<T>): { readonly value: T } | undefined {
  return absent ?? form.absent;
}

function readField<T>(map: YamlMap, field: Field<T>): T {
  const entry = map.entries.get(field.key);
  if (entry) return field.form.read(entry.value);
  const absent = absentOf(field);
  if (absent) return absent.value;
  throw refused(map.place, `the key ${field.key}: ${field.form.expected}`, 'none', 'Add it.');
}

function schemaOf<T>(field: Field<T>): JsonSchema {
  const isPlain = field.form.schema.type !== 'object' && field.absent !== undefined;
  return {
    ...field.form.schema,
    description: field.comment,
    ...(isPlain ? { default: defaultOf(field) } : {}),
  };
}

/** As it stands in a file. Null is written as a word. */
function defaultOf<T>({ form, absent }: Field<T>): unknown {
  const value = absent!.value;
  if (value !== null) return value;
  return form.write(value, plainStyle);
}

const plainStyle: Style = { comments: false, notes: {}, path: '' };

function writtenField<T>(field: Field<T>, value: T, style: Style): string[] {
  const path = style.path === '' ? field.key : `${style.path}.${field.key}`;
  const written = field.form.write(value, { ...style, path });
  return [
    ...(style.comments ? [`# ${field.comment}`] : []),
    ...behindKey(field.key, written),
    ...(style.notes[path] ?? []).map((note) => `# ${note}`),
  ];
}

function behindKey(key: string, written: Written): string[] {
  if (typeof written === 'string') return [`${writtenText(key)}: ${written}`];
  if (written.length === 0) return [`${writtenText(key)}: {}`];
  return [`${writtenText(key)}:`, ...written.map((line) => `  ${line}`)];
}

/** A section among others, told from them by a key that they do not have. */
export interface Alternative<T> {
  readonly key: string;
  readonly form: Pick<Form<T>, 'schema' | 'read'>;
  /** Undefined for a value of another. */
  readonly write: (value: T, style: Style) => Written | undefined;
}

export function among<T extends object, S extends T>(
  key: string,
  form: Section<S>,
  is: (value: T) => value is S,
): Alternative<T> {
  return { key, form, write: (value, style) => (is(value) ? form.write(value, style) : undefined) };
}

/** One of several sections. */
export function oneSection<T>(expected: string, alternatives: readonly Alternative<T>[]): Form<T> {
  const keys = alternatives.map(({ key }) => key);
  return {
    expected,
    schema: { type: 'object', anyOf: alternatives.map(({ form }) => form.schema) },
    read: (node) => {
      const own = alternatives.find(({ key }) => node.kind === 'map' && node.entries.has(key));
      if (own) return own.form.read(node);
      const wanted = `${expected}: a map with the key ${listed(keys, 'or')}`;
      if (node.kind !== 'map') throw refused(node.place, wanted, describe(node), 'Say which it is.');
      for (const [key, { place }] of node.entries) {
        const close = closest(key, keys);
        if (close !== undefined) throw refused(place, wanted, keyText(key), `Did you mean ${close}?`);
      }
      throw refused(node.place, wanted, 'none of them', 'Say which it is.');
    },
    write: (value, style) => {
      for (const { write } of alternatives) {
        const written = write(value, style);
        if (written !== undefined) return written;
      }
      return [];
    },
  };
}

/** A map whose keys are some of a few words, each at most once. */
export function keyed<K extends string, T>(
  expected: string,
  forms: Readonly<Partial<Record<K, Form<T>>>>,
  { minimum = 0 }: { readonly minimum?: number } = {},
): Form<Readonly<Partial<Record<K, T>>>> {
  const keys = Object.keys(forms) as K[];
  const formOf = (key: K) => forms[key]!;
  return {
    expected,
    schema: {
      type: 'object',
      properties: Object.fromEntries(keys.map((key) => [key, formOf(key).schema])),
      ...(minimum > 0 ? { minProperties: minimum } : {}),
      additionalProperties: false,
    },
    read: (node) => {
      const { entries, place } = mapOf(node, expected, keys);
      if (entries.size < minimum)
        throw refused(place, expected, 'no key', `Name one of ${listed(keys, 'or')}.`);
      return Object.fromEntries(
        keys.flatMap((key) => {
          const entry = entries.get(key);
          return entry ? [[key, formOf(key).read(entry.value)]] : [];
        }),
      ) as Partial<Record<K, T>>;
    },
    write: (value, style) => {
      const written = keys.flatMap((key): [K, Written][] => {
        const one = value[key];
        return one === undefined ? [] : [[key, formOf(key).write(one, style)]];
      });
      const flow = `{ ${written.map(([key, one]) => `${key}: ${String(one)}`).join(', ')} }`;
      if (written.every(([, one]) => typeof one === 'string' && !one.startsWith('{')) && flow.length <= 70)
        return flow;
      return written.flatMap(([key, one]) => behindKey(key, one));
    },
  };
}

/** @throws PolicyFileError where it is no map, or has a key that is not known */
function mapOf(node: YamlNode, expected: string, known: readonly string[]): YamlMap {
  if (node.kind !== 'map')
    throw refused(
      node.place,
      `a map of keys (${expected})`,
      describe(node),
      `Write keys below it: ${listed(known, 'and')}.`,
    );
  for (const [key, { place }] of node.entries) {
    if (known.includes(key)) continue;
    const close = closest(key, known);
    throw refused(
      place,
      `one of the keys ${listed(known, 'and')}`,
      keyText(key),
      close === undefined ? 'Remove it, or correct its name or its indentation.' : `Did you mean ${close}?`,
    );
  }
  return node;
}

function keyText(key: string): string {
  return `the key ${writtenText(key.slice(0, 60).replace(/[^\x20-\x7e]/g, '?'))}`;
}
