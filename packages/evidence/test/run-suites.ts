/** Runs suites in Node's test runner. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Suite, SuiteContext } from './suite.ts';

const folder =
  process.env['VITRINE_FIXTURES'] ?? new URL('../../../../shared/fixtures/', import.meta.url).pathname;
const hasFixtures = existsSync(join(folder, 'SHA256SUMS'));
const context: SuiteContext = {
  fixture: (path) => Promise.resolve(new Uint8Array(readFileSync(join(folder, path)))),
  long: process.env['VITRINE_LONG'] === '1',
};

export function runSuites(suites: readonly Suite[]): void {
  for (const { name, cases } of suites) {
    describe(name, () => {
      for (const { name: sentence, needsFixtures, onlyLong, run } of cases) {
        const skip =
          needsFixtures && !hasFixtures
            ? `no fixtures at ${folder}`
            : onlyLong && !context.long && 'npm run test:long runs it';
        test(sentence, { skip }, async () => run(context));
      }
    });
  }
}
