/** Writes docs/vectors/attestation-result anew: a new simulated world, so new keys and times in every file. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeResults, newWorld } from './results.ts';
import { type Mutable, damages, vectorsFolder } from './vectors.ts';

const results = await makeResults(await newWorld());
/** The shortest. */
const verified = results['verified-pinned']!.result;
rmSync(vectorsFolder, { recursive: true, force: true });
for (const folder of ['good', 'bad']) mkdirSync(join(vectorsFolder, folder), { recursive: true });

for (const [name, { result }] of Object.entries(results)) write(`good/${name}.json`, result);
for (const [name, { spoil }] of Object.entries(damages)) {
  const spoilt = structuredClone(verified) as unknown as Mutable;
  spoil(spoilt);
  write(`bad/${name}.json`, spoilt);
}
write('vectors.json', {
  good: listed(results, ({ why, verdict }) => ({ why, verdict })),
  bad: listed(damages, ({ why, refusedBy }) => ({ why, refusedBy })),
});

function listed<T>(entries: Readonly<Record<string, T>>, of: (entry: T) => object): object {
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [`${name}.json`, of(entry)]));
}

function write(path: string, value: unknown): void {
  writeFileSync(join(vectorsFolder, path), `${JSON.stringify(value, null, 2)}\n`);
}
