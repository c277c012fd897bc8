/** As much of JSON Schema 2020-12 as the schema of results uses, for tests only; an unknown keyword is an error. */

export interface Schema {
  readonly [keyword: string]: unknown;
}

type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

interface Place {
  readonly schema: Schema;
  readonly root: Schema;
}
/** Whether the keyword holds of the value; a keyword says nothing of values of another type than its own. */
type Keyword = (value: unknown, expected: never, place: Place) => boolean;

const annotations = ['$schema', '$id', '$defs', 'title', 'description'];
const keywords: Readonly<Record<string, Keyword>> = {
  $ref: (value, reference: string, { root }) => isValid(value, definition(root, reference), root),
  type: (value, name: string) => types[name]!(value),
  const: (value, expected: unknown) => value === expected,
  enum: (value, words: readonly unknown[]) => words.includes(value),
  pattern: (value, pattern: string) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minLength: (value, least: number) => typeof value !== 'string' || Array.from(value).length >= least,
  maxLength: (value, most: number) => typeof value !== 'string' || Array.from(value).length <= most,
  minItems: (value, least: number) => !Array.isArray(value) || value.length >= least,
  maxItems: (value, most: number) => !Array.isArray(value) || value.length <= most,
  prefixItems: (value, schemas: readonly Schema[], { root }) =>
    !Array.isArray(value) ||
    schemas.every((schema, at) => at >= value.length || isValid(value[at], schema, root)),
  // Here every item: what the prefix says of an item is said besides.
  items: (value, item: Schema, { root }) =>
    !Array.isArray(value) || value.every((each) => isValid(each, item, root)),
  required: (value, names: readonly string[]) =>
    !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  properties: (value, schemas: Readonly<Record<string, Schema>>, { root }) =>
    !isObject(value) ||
    Object.entries(schemas).every(
      ([name, each]) => !Object.hasOwn(value, name) || isValid(value[name], each, root),
    ),
  propertyNames: (value, names: Schema, { root }) =>
    !isObject(value) || Object.keys(value).every((name) => isValid(name, names, root)),
  additionalProperties: (value, allowed: false | Schema, { schema, root }) =>
    !isObject(value) ||
    Object.keys(value).every(
      (name) =>
        Object.hasOwn((schema['properties'] ?? {}) as Members, name) ||
        (allowed !== false && isValid(value[name], allowed, root)),
    ),
  allOf: (value, schemas: readonly Schema[], { root }) => schemas.every((each) => isValid(value, each, root)),
  anyOf: (value, schemas: readonly Schema[], { root }) => schemas.some((each) => isValid(value, each, root)),
  not: (value, other: Schema, { root }) => !isValid(value, other, root),
};

export function isValid(value: unknown, schema: Schema, root: Schema = schema): boolean {
  return Object.entries(schema).every(([keyword, expected]) => {
    if (annotations.includes(keyword)) return true;
    const holds = keywords[keyword];
    if (!holds) throw new Error(`The test does not know the keyword ${keyword}.`);
    return holds(value, expected as never, { schema, root });
  });
}

function definition(root: Schema, reference: string): Schema {
  const found = (root['$defs'] as Readonly<Record<string, Schema>>)[reference.replace('#/$defs/', '')];
  if (!found) throw new Error(`There is no ${reference}.`);
  return found;
}
