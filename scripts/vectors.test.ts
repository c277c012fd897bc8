/** docs/vectors/README.md describes every folder of vectors, and names what writes and what tests each. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('..', import.meta.url).pathname;
const folder = join(root, 'docs/vectors');
const text = readFileSync(join(folder, 'README.md'), 'utf8');
const entries = readdirSync(folder, { withFileTypes: true });
const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

test('there is nothing besides the README and folders', () => {
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  assert.deepEqual(files, ['README.md']);
});

test('every folder is described, and every one that is described is there', () => {
  const described = [...text.matchAll(/^\| \[([a-z-]+)\]\(\1\) \|/gm)].map(([, name]) => name);
  assert.deepEqual(described.sort(), folders.sort());
});

test('every folder has a program that writes it and a test that names it, and both are there', () => {
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (.+) \| `(.+\.test\.ts)` \|$/gm)];
  assert.deepEqual(rows.map(([, name]) => name).sort(), folders.sort());
  for (const [, name, writer, tested] of rows) {
    const [program] = /(?:packages|scripts)\/[a-z/-]+\.ts/.exec(writer!) ?? [];
    assert.ok(program !== undefined && existsSync(join(root, program)), `${name}: ${program}`);
    assert.ok(existsSync(join(root, tested!)), `${name}: ${tested}`);
  }
});

test('every link leads to something that is there', () => {
  for (const [, link] of text.matchAll(/\]\(([^)#]+)\)/g)) assert.ok(existsSync(join(folder, link!)), link);
});

test('every schema belongs to vectors', () => {
  for (const name of readdirSync(join(root, 'docs/schemas'))) assert.ok(text.includes(name), name);
});

test('each good policy is there with what it is read to, and nothing else is', () => {
  const names = readdirSync(join(folder, 'policy/good'));
  const stems = (extension: string) =>
    names.filter((name) => name.endsWith(extension)).map((name) => name.slice(0, -extension.length));
  assert.deepEqual(stems('.yml'), stems('.json'));
  assert.equal(names.length, 2 * stems('.yml').length);
});
