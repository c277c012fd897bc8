/** Writes docs/vectors/verification anew: a new simulated world, so new keys and times in every proof, and the same expectations. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newWorld } from '../result/results.ts';
import { anchorFiles, makeVectors, vectorsFolder } from './vectors.ts';

const world = await newWorld();
const vectors = await makeVectors(world);
rmSync(vectorsFolder, { recursive: true, force: true });
for (const folder of ['anchors', 'proofs']) mkdirSync(join(vectorsFolder, folder), { recursive: true });
for (const [name, content] of Object.entries(anchorFiles(world)))
  writeFileSync(join(vectorsFolder, 'anchors', name), content);
for (const [name, { proof }] of vectors) writeFileSync(join(vectorsFolder, 'proofs', `${name}.json`), proof);
const list = Object.fromEntries([...vectors].map(([name, { expect }]) => [`${name}.json`, expect]));
writeFileSync(join(vectorsFolder, 'vectors.json'), `${JSON.stringify(list, null, 2)}\n`);
