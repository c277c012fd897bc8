import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareNames, isLeftOutByMkfs, sortedEntries, type DirectoryNode, type FileNode } from './tree.ts';

const file: FileNode<null> = { kind: 'file', permissions: 0o644, sizeBytes: 0, source: null };

function directory(...names: readonly (string | Uint8Array)[]): DirectoryNode<null> {
  const entries = names.map((name) => ({
    name: typeof name === 'string' ? Buffer.from(name) : name,
    node: file,
  }));
  return { kind: 'directory', permissions: 0o755, entries };
}

function sortedNames(...names: readonly string[]): string[] {
  return sortedEntries(directory(...names)).map(({ name }) => Buffer.from(name).toString());
}

test('entries are sorted by their bytes, not by characters or case', () => {
  assert.deepEqual(sortedNames('b', 'a', 'B', 'é', 'z', '🙂', '\uffee', '-', 'ab', 'a-'), [
    '-',
    'B',
    'a',
    'a-',
    'ab',
    'b',
    'z',
    'é',
    '\uffee',
    '🙂',
  ]);
});

test('the order of names is that of memory comparison, whatever the bytes', () => {
  const name = fc.uint8Array({ maxLength: 6 });
  fc.assert(
    fc.property(name, name, (a, b) => {
      assert.equal(Math.sign(compareNames(a, b)), Buffer.compare(a, b));
    }),
  );
});

test('the order in which entries are given does not matter, and the directory is not changed', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-c]{1,4}$/), { maxLength: 20 });
  fc.assert(
    fc.property(names, (given) => {
      const reversed = directory(...given.toReversed());
      const before = [...reversed.entries];
      assert.deepEqual(sortedEntries(reversed), sortedEntries(directory(...given)));
      assert.deepEqual(reversed.entries, before);
    }),
  );
});

const refused: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ['an empty name', '', /empty name/],
  ['a name with a slash', 'a/b', /slash or a NUL/],
  ['a name that is a slash', '/', /slash or a NUL/],
  ['a name with a NUL', 'a\0b', /slash or a NUL/],
  ['a name that ends in a NUL', 'a\0', /slash or a NUL/],
  ['the name .', '.', /reserved/],
  ['the name ..', '..', /reserved/],
  ['a name of 256 bytes', 'n'.repeat(256), /256 bytes.*255 at most/],
  ['a name of 86 characters and 258 bytes', '模'.repeat(86), /258 bytes/],
];

for (const [what, name, message] of refused) {
  test(`${what} is refused`, () => {
    assert.throws(() => sortedEntries(directory('a', name, 'z')), {
      name: 'ErofsError',
      code: 'TREE_INVALID',
      message,
    });
  });
}

test('a name that occurs twice is refused, also when it is not UTF-8', () => {
  const twice = { code: 'TREE_INVALID', message: /occurs twice/ };
  assert.throws(() => sortedEntries(directory('b', 'a', 'c', 'a')), twice);
  assert.throws(() => sortedEntries(directory(Uint8Array.of(0xff), Uint8Array.of(0xff))), twice);
});

test('names that only look reserved, equal or too long are taken', () => {
  const composed = 'é';
  const decomposed = 'e\u0301';
  const names = ['...', '.a', '..a', '. ', composed, decomposed, 'n'.repeat(255), '\\', '\n', '\x01'];
  assert.equal(
    sortedEntries(directory(...names, Uint8Array.of(0xff), Uint8Array.of(0xfe))).length,
    names.length + 2,
  );
});

test('exactly the names that begin with lost+found are left out', () => {
  for (const name of ['lost+found', 'lost+found2', 'lost+found.txt'])
    assert.ok(isLeftOutByMkfs(Buffer.from(name)), name);
  for (const name of ['', 'lost', 'lost+foun', 'Lost+found', 'a lost+found', 'lost-found']) {
    assert.ok(!isLeftOutByMkfs(Buffer.from(name)), name);
  }
});
