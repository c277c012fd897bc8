/** Where the real evidence lies, for tests in Node. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const fixturesFolder =
  process.env['VITRINE_FIXTURES'] ?? new URL('../../../../shared/fixtures/', import.meta.url).pathname;
export const hasFixtures = existsSync(join(fixturesFolder, 'SHA256SUMS'));
