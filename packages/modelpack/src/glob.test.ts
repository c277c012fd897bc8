import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { excludes, matchesGlob, selects } from './glob.ts';

const MATCHES: readonly (readonly [string, string])[] = [
  ['config.json', 'config.json'],
  ['config.json', '*'],
  ['a/b/c.json', '*'],
  ['a/b/c.json', '*.json'],
  ['a/b/c.json', 'a/*'],
  ['a/b/c.json', 'a/'],
  ['a/b/c.json', 'a/b/'],
  ['a/b/c.json', 'a*c.json'],
  ['a/b/c.json', '**/c.json'],
  ['a.bin', '?.bin'],
  ['模.bin', '?.bin'],
  ['🧊.bin', '?.bin'],
  ['a🧊b', 'a*b'],
  ['', ''],
  ['', '*'],
  ['aaa', 'a*a'],
  ['abcabc', '*abc'],
  ['abcabcd', '*abcd'],
  ['a*b', 'a*b'],
];
const DIFFERS: readonly (readonly [string, string])[] = [
  ['config.json', 'config'],
  ['config.json', 'onfig.json'],
  ['config.json', 'CONFIG.json'],
  ['config.json', ''],
  ['', '?'],
  ['a.bin', '??.bin'],
  ['ab', 'a'],
  ['a/b', 'b'],
  ['ab/c', 'a/'],
  ['a', 'a/'],
  ['x/a/b', 'a/'],
  ['aa', 'a*a*a'],
  ['config_json', 'config.json'],
  ['a.json', '[ab].json'],
  ['b', '{a,b}'],
  ['a', '!b'],
  ['a', '^a$'],
  ['é', 'e?'],
];

for (const [path, pattern] of MATCHES) {
  test(`${JSON.stringify(pattern)} matches ${JSON.stringify(path)}`, () =>
    assert.ok(matchesGlob(path, pattern)));
}
for (const [path, pattern] of DIFFERS) {
  test(`${JSON.stringify(pattern)} does not match ${JSON.stringify(path)}`, () =>
    assert.ok(!matchesGlob(path, pattern)));
}

test('a pattern means what the regular expression with .* and . means', () => {
  const path = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '🧊'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*', '?', '🧊'), maxLength: 8 });
  fc.assert(
    fc.property(path, pattern, (text, glob) => {
      const whole = glob.endsWith('/') ? `${glob}*` : glob;
      const source = whole.replace(/[./]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
      assert.equal(matchesGlob(text, glob), new RegExp(`^${source}$`, 'su').test(text));
    }),
    { numRuns: 3000 },
  );
});

test('a pattern of many stars over a long path ends', () => {
  assert.equal(matchesGlob('a'.repeat(3000), `${'a*'.repeat(50)}b`), false);
});

test('without patterns everything is selected but the cache folder at the root', () => {
  const all = { include: [], exclude: [] };
  for (const path of ['a', 'a/b', '.gitattributes', 'a/.cache/b', '.cached', 'x.cache'])
    assert.ok(selects(all, path), path);
  for (const path of ['.cache', '.cache/a', '.cache/a/b']) assert.ok(!selects(all, path), path);
  assert.ok(excludes(all, '.cache'));
  assert.ok(!selects({ include: ['*'], exclude: [] }, '.cache/a'), 'nor with an --include');
});

test('with --include only what matches one of the patterns is selected', () => {
  const selection = { include: ['*.json', 'weights/'], exclude: [] };
  for (const path of ['a.json', 'b/c.json', 'weights/x.bin']) assert.ok(selects(selection, path), path);
  for (const path of ['a.bin', 'weights', 'other/weights/x']) assert.ok(!selects(selection, path), path);
});

test('--exclude wins over --include', () => {
  const selection = { include: ['*.json'], exclude: ['secret.json'] };
  assert.ok(selects(selection, 'a.json'));
  assert.ok(!selects(selection, 'secret.json'));
});

test('an excluded folder takes all that is in it along', () => {
  for (const pattern of ['a/b', 'a/*', 'a']) {
    const selection = { include: [], exclude: [pattern] };
    assert.ok(excludes(selection, 'a/b'), pattern);
    assert.ok(excludes(selection, 'a/b/c/d'), pattern);
    assert.ok(!selects(selection, 'a/b/c/d'), pattern);
  }
  assert.ok(!excludes({ include: [], exclude: ['a/b'] }, 'a/bc'));
  assert.ok(!excludes({ include: [], exclude: ['b'] }, 'a/b'));
});
