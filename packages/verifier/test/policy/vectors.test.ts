/** Every vector of docs/vectors/policy, by the parser and by the JSON Schema. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PolicyFileError, formatPolicy, parsePolicy, policySchema } from '../../src/policy-file/index.ts';
import { policyShape } from '../../src/policy-file/shape.ts';
import { parseYamlTree } from '../../src/policy-file/yaml-tree.ts';
import { isValid, jsonOf } from './json-schema.ts';
import { badNames, badVectors, docsFolder, goodNames, readVector } from './vectors.ts';

const schema = policySchema();

describe('good policies', () => {
  for (const file of goodNames) {
    test(`${file} is read to what its .json says`, async () => {
      const expected: unknown = JSON.parse(
        new TextDecoder().decode(readVector(`good/${file.replace(/yml$/, 'json')}`)),
      );
      assert.deepEqual(await parsePolicy(readVector(`good/${file}`)), expected);
    });

    test(`${file} is valid by the JSON Schema`, () => {
      assert.equal(isValid(jsonOf(parseYamlTree(readVector(`good/${file}`))), schema), true);
    });

    test(`${file} written out in full is the same policy`, async () => {
      const policy = await parsePolicy(readVector(`good/${file}`));
      const again = await parsePolicy(new TextEncoder().encode(formatPolicy(policy)));
      assert.deepEqual({ ...again, sha256: policy.sha256 }, policy);
    });
  }
});

describe('bad policies', () => {
  test('each file has its expectation, and each expectation its file', () => {
    assert.deepEqual(
      badVectors()
        .map(({ file }) => file)
        .sort(),
      [...badNames].sort(),
    );
  });

  for (const { file, bytes, line, path, kind } of badVectors()) {
    test(`${file} is refused in line ${line}`, async () => {
      const error = await refusal(bytes);
      assert.equal(error.code, 'POLICY_MALFORMED');
      assert.deepEqual({ line: error.place.line, path: error.place.path }, { line, path });
      assert.match(error.message, new RegExp(`^Policy, line ${line}, column [1-9][0-9]*`));
      assert.match(error.message, /^[\x20-\x7e]{1,700}$/);
      assert.match(error.message, /: expected .+, found .+\. [A-Z].+/s);
    });

    if (kind !== 'yaml')
      test(`${file} is ${kind === 'shape' ? 'refused by the JSON Schema too' : 'beyond what a JSON Schema can say'}`, () => {
        assert.equal(isValid(jsonOf(parseYamlTree(bytes)), schema), kind === 'meaning');
      });
  }
});

describe('the published JSON Schema', () => {
  test('is the one that the table of keys makes', () => {
    const published = readFileSync(join(docsFolder, 'schemas/vitrine-policy.schema.json'), 'utf8');
    assert.deepEqual(JSON.parse(published), JSON.parse(JSON.stringify(schema)));
  });

  test('knows exactly the keys, words and required keys of the parser', () => {
    const properties = Object.keys(schema.properties ?? {});
    assert.deepEqual(
      properties,
      Object.values(policyShape.fields).map(({ key }) => key),
    );
    assert.deepEqual(schema.required, ['version', 'name']);
    assert.equal(schema.additionalProperties, false);
  });

  test('gives as default what the parser takes for a key that is left out', async () => {
    const text = `version: 1\nname: x\n${defaultsAsYaml(schema).join('\n')}\n`;
    const withDefaults = await parsePolicy(new TextEncoder().encode(text));
    const without = await parsePolicy(new TextEncoder().encode('version: 1\nname: x\n'));
    assert.deepEqual({ ...withDefaults, sha256: '' }, { ...without, sha256: '' });
  });
});

/** Every default of the schema, written as flow YAML below its keys. */
function defaultsAsYaml({ properties = {} }: typeof schema): string[] {
  return Object.entries(properties).flatMap(([key, property]) => {
    if (property.type === 'object') {
      const inner = defaultsAsYaml(property);
      return inner.length === 0 ? [] : [`${key}:`, ...inner.map((one) => `  ${one}`)];
    }
    return property.default === undefined ? [] : [`${key}: ${JSON.stringify(property.default)}`];
  });
}

describe('docs/policy.md', () => {
  const text = readFileSync(join(docsFolder, 'policy.md'), 'utf8');

  test('names every key', () => {
    const missing = keysOf(schema).filter((key) => !text.includes(`\`${key}\``));
    assert.deepEqual(missing, []);
  });

  test('shows the examples as the vectors are', () => {
    const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
    const vectors = new Set(goodNames.map((name) => new TextDecoder().decode(readVector(`good/${name}`))));
    assert.equal(blocks.length >= 7, true);
    for (const block of blocks) assert.equal(vectors.has(block!), true, block);
  });
});

function keysOf({ properties = {}, items, anyOf = [] }: typeof schema): string[] {
  return [
    ...Object.entries(properties).flatMap(([key, property]) => [key, ...keysOf(property)]),
    ...(items ? keysOf(items) : []),
    ...anyOf.flatMap(keysOf),
  ];
}

async function refusal(bytes: Uint8Array): Promise<PolicyFileError> {
  try {
    await parsePolicy(bytes);
  } catch (error) {
    if (error instanceof PolicyFileError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'the policy was accepted' });
}
