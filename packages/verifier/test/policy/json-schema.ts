/** As much of JSON Schema 2020-12 as the policy's schema uses, for tests only; an unknown keyword is an error. */
import type { JsonSchema } from '../../src/policy-file/form.ts';
import type { YamlNode } from '../../src/policy-file/yaml-tree.ts';

/** What an editor's YAML reader makes of the file: true, false and decimal integers are typed, everything else is text. */
export function jsonOf(node: YamlNode): unknown {
  if (node.kind === 'map')
    return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, jsonOf(value)]));
  if (node.kind === 'list') return node.items.map(jsonOf);
  if (node.isQuoted) return node.text;
  if (node.text === 'true' || node.text === 'false') return node.text === 'true';
  return /^-?(0|[1-9][0-9]{0,14})$/.test(node.text) ? Number(node.text) : node.text;
}

type Rule = (value: never, expected: never, schema: JsonSchema) => boolean;

const ignored = () => true;
const types = {
  object: (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: (value: unknown) => typeof value === 'string',
  integer: Number.isInteger,
  boolean: (value: unknown) => typeof value === 'boolean',
};

const isObject = types.object as (value: unknown) => value is Record<string, unknown>;

/** A keyword constrains only values of its own type, as the specification says. */
const rules: Readonly<Record<string, Rule>> = {
  $schema: ignored,
  $id: ignored,
  title: ignored,
  description: ignored,
  default: ignored,
  type: (value: unknown, type: keyof typeof types) => types[type](value),
  const: (value: unknown, expected: unknown) => value === expected,
  enum: (value: unknown, words: readonly unknown[]) => words.includes(value),
  pattern: (value: unknown, pattern: string) =>
    typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minimum: (value: unknown, minimum: number) => typeof value !== 'number' || value >= minimum,
  maximum: (value: unknown, maximum: number) => typeof value !== 'number' || value <= maximum,
  items: (value: unknown, items: JsonSchema) =>
    !Array.isArray(value) || value.every((item) => isValid(item, items)),
  minItems: (value: unknown, least: number) => !Array.isArray(value) || value.length >= least,
  maxItems: (value: unknown, most: number) => !Array.isArray(value) || value.length <= most,
  uniqueItems: (value: unknown) =>
    !Array.isArray(value) || new Set(value.map((item) => JSON.stringify(item))).size === value.length,
  properties: (value: unknown, properties: Readonly<Record<string, JsonSchema>>) =>
    !isObject(value) ||
    Object.entries(properties).every(([key, schema]) => !(key in value) || isValid(value[key], schema)),
  required: (value: unknown, keys: readonly string[]) =>
    !isObject(value) || keys.every((key) => key in value),
  minProperties: (value: unknown, least: number) => !isObject(value) || Object.keys(value).length >= least,
  additionalProperties: (value: unknown, _: false, { properties = {} }: JsonSchema) =>
    !isObject(value) || Object.keys(value).every((key) => key in properties),
  anyOf: (value: unknown, schemas: readonly JsonSchema[]) => schemas.some((schema) => isValid(value, schema)),
};

export function isValid(value: unknown, schema: JsonSchema): boolean {
  return Object.entries(schema).every(([keyword, expected]) => {
    const rule = rules[keyword];
    if (!rule) throw new Error(`The test does not know the keyword ${keyword}.`);
    return rule(value as never, expected as never, schema);
  });
}
