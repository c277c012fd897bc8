/**
 * Runs every test of the workspace with Node's own runner.
 * usage: scripts/test.ts [--long] [PATH...]; PATH limits the run to test files whose path contains it.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { relative } from 'node:path';
import { setUp } from './setup.ts';

const root = new URL('..', import.meta.url).pathname;
const words = process.argv.slice(2);
const long = words.includes('--long');
const wanted = words.filter((word) => !word.startsWith('--'));

setUp(['oracles', 'machine', 'browser']);

const files = globSync(['packages/*/{src,test}/**/*.test.ts', 'scripts/**/*.test.ts', 'demo/**/*.test.ts'], {
  cwd: root,
})
  .filter((file) => (file.endsWith('.long.test.ts') ? long : true))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(' ')}.`);
  process.exit(2);
}
console.error(`${files.length} test files below ${relative(process.cwd(), root) || '.'}`);
const run = spawnSync(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', '--test', '--test-concurrency=2', ...files],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(long ? { VITRINE_LONG: '1' } : {}) } },
);
process.exit(run.status ?? 1);
