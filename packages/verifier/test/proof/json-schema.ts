/** As much of JSON Schema 2020-12 as the schema of proof files uses, for tests only; an unknown keyword is an error. */

export interface Schema {
  readonly [keyword: string]: unknown;
}

type Members = Readonly<Record<string, unknown>>;
type Rule = (value: unknown, expected: never, schema: Schema, root: Schema) => boolean;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: isText,
  integer: Number.isInteger,
  null: (value) => value === null,
};

const ignored: Rule = () => true;

/** A keyword constrains only values of its own type, as the specification says. */
const rules: Readonly<Record<string, Rule>> = {
  $schema: ignored,
  $id: ignored,
  $defs: ignored,
  title: ignored,
  description: ignored,
  $ref: (value, name: string, _, root) => isValid(value, definition(root, name), root),
  type: (value, name: string) => types[name]!(value),
  const: (value, expected: unknown) => value === expected,
  enum: (value, words: readonly unknown[]) => words.includes(value),
  pattern: (value, pattern: string) => !isText(value) || new RegExp(pattern, 'u').test(value),
  minLength: (value, least: number) => !isText(value) || Array.from(value).length >= least,
  maxLength: (value, most: number) => !isText(value) || Array.from(value).length <= most,
  minimum: (value, least: number) => typeof value !== 'number' || value >= least,
  maximum: (value, most: number) => typeof value !== 'number' || value <= most,
  items: (value, schema: Schema, _, root) =>
    !Array.isArray(value) || value.every((item) => isValid(item, schema, root)),
  minItems: (value, least: number) => !Array.isArray(value) || value.length >= least,
  maxItems: (value, most: number) => !Array.isArray(value) || value.length <= most,
  required: (value, names: readonly string[]) => !isObject(value) || names.every((name) => name in value),
  properties: (value, schemas: Readonly<Record<string, Schema>>, _, root) =>
    !isObject(value) ||
    Object.entries(schemas).every(([name, schema]) => !(name in value) || isValid(value[name], schema, root)),
  minProperties: (value, least: number) => !isObject(value) || Object.keys(value).length >= least,
  maxProperties: (value, most: number) => !isObject(value) || Object.keys(value).length <= most,
  propertyNames: (value, schema: Schema, _, root) =>
    !isObject(value) || Object.keys(value).every((name) => isValid(name, schema, root)),
  additionalProperties: (value, allowed: false | Schema, { properties = {} }, root) =>
    !isObject(value) ||
    Object.keys(value).every(
      (name) => name in (properties as Members) || (allowed !== false && isValid(value[name], allowed, root)),
    ),
  anyOf: (value, schemas: readonly Schema[], _, root) =>
    schemas.some((schema) => isValid(value, schema, root)),
};

export function isValid(value: unknown, schema: Schema, root: Schema = schema): boolean {
  return Object.entries(schema).every(([keyword, expected]) => {
    const rule = rules[keyword];
    if (!rule) throw new Error(`The test does not know the keyword ${keyword}.`);
    return rule(value, expected as never, schema, root);
  });
}

function definition(root: Schema, reference: string): Schema {
  const found = (root['$defs'] as Readonly<Record<string, Schema>>)[reference.replace('#/$defs/', '')];
  if (!found) throw new Error(`There is no ${reference}.`);
  return found;
}
