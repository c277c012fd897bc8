/** Writes what is made from other files: the JSON Schema, and what each good vector is read to. Look at the difference before it is committed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePolicy, policySchema } from '../../src/policy-file/index.ts';
import { docsFolder, goodNames, readVector } from './vectors.ts';

function write(path: string, value: unknown): void {
  writeFileSync(join(docsFolder, path), `${JSON.stringify(value, null, 2)}\n`);
}

write('schemas/vitrine-policy.schema.json', policySchema());
for (const name of goodNames)
  write(`vectors/policy/good/${name.replace(/yml$/, 'json')}`, await parsePolicy(readVector(`good/${name}`)));
