/** A process that fills and reads a cache: FOLDER ROUNDS. It prints how often it read something else than was written. */
import { folderCache } from '../../src/index.node.ts';

const [folder = '', rounds = '0'] = process.argv.slice(2);
const store = folderCache(folder);
const storedAt = new Date('2026-01-01T00:00:00Z');
const expiresAt = new Date('2027-01-01T00:00:00Z');
let wrong = 0;
for (let round = 0; round < Number(rounds); round++) {
  // Two bodies take turns under the same keys, of lengths that would show a mixture.
  const digit = round % 2;
  const bytes = new Uint8Array(1000 + 5000 * digit).fill(digit);
  await store.put(`key ${round % 3}`, { bytes, storedAt, expiresAt });
  const entry = await store.get(`key ${(round + 1) % 3}`);
  const found = entry?.bytes;
  if (found && !(found.length === 1000 + 5000 * found[0]! && found.every((byte) => byte === found[0])))
    wrong++;
}
console.log(wrong);
