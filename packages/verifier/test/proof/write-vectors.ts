/** Writes docs/vectors/proof-file anew: `node packages/verifier/test/proof/write-vectors.ts`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { damages, goodFiles } from './proofs.ts';
import { vectorsFolder } from './vectors.ts';

for (const part of ['good', 'bad']) {
  rmSync(join(vectorsFolder, part), { recursive: true, force: true });
  mkdirSync(join(vectorsFolder, part), { recursive: true });
}
const good = await goodFiles();
for (const { name, bytes } of good) writeFileSync(join(vectorsFolder, 'good', `${name}.json`), bytes);
const bad = await damages();
for (const { name, bytes } of bad) writeFileSync(join(vectorsFolder, 'bad', `${name}.json`), bytes);
const list = {
  good: Object.fromEntries(good.map(({ name, why, isCanonical }) => [`${name}.json`, { why, isCanonical }])),
  bad: Object.fromEntries(bad.map(({ name, why, kind }) => [`${name}.json`, { why, kind }])),
};
writeFileSync(join(vectorsFolder, 'vectors.json'), `${JSON.stringify(list, null, 2)}\n`);
