/** The JSON Schema of a policy file, made of the same table as the parser. */
import type { JsonSchema } from './form.ts';
import { policyShape } from './shape.ts';

/** JSON Schema 2020-12. What it cannot say (contradictions, YAML's own rules) is in docs/policy.md. */
export function policySchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:vitrine:policy:v1',
    title: 'Vitrine policy',
    description: 'What a relying party accepts: vitrine-policy.yml.',
    ...policyShape.schema,
  };
}
