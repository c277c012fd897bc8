import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectoryNode, SourceNode } from '@vitrine/erofs';
import { treeOfPaths, withoutEmptyFolders } from './tree.ts';

function namesOf(directory: DirectoryNode<unknown>, prefix = ''): string[] {
  return directory.entries
    .flatMap(({ name, node }) => {
      const path = prefix + Buffer.from(name).toString();
      return node.kind === 'directory' ? [`${path}/`, ...namesOf(node, `${path}/`)] : [path];
    })
    .sort();
}

function directory(
  entries: Readonly<Record<string, SourceNode<null>>>,
  permissions = 0o755,
): DirectoryNode<null> {
  const list = Object.entries(entries).map(([name, node]) => ({ name: Buffer.from(name), node }));
  return { kind: 'directory', permissions, entries: list };
}

const file: SourceNode<null> = { kind: 'file', permissions: 0o600, sizeBytes: 1, source: null };
const link: SourceNode<null> = { kind: 'symlink', permissions: 0o777, target: Buffer.from('x') };

test('paths become folders with files of mode 0644 in folders of mode 0755', () => {
  const paths = ['b', 'a/x', 'a/y', 'a/deep/er/z'];
  const root = treeOfPaths(paths.map((path, index) => ({ path, sizeBytes: index, source: path })));
  assert.deepEqual(namesOf(root), ['a/', 'a/deep/', 'a/deep/er/', 'a/deep/er/z', 'a/x', 'a/y', 'b']);
  const open: SourceNode<string>[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    assert.equal(node.permissions, node.kind === 'directory' ? 0o755 : 0o644);
    if (node.kind === 'file') assert.equal(paths[node.sizeBytes], node.source);
    if (node.kind === 'directory') open.push(...node.entries.map((entry) => entry.node));
  }
});

test('no path is a root without entries', () => {
  assert.deepEqual(treeOfPaths([]), { kind: 'directory', permissions: 0o755, entries: [] });
});

test('names of objects are names like others', () => {
  const paths = ['__proto__/x', 'constructor', 'toString/y'];
  const root = treeOfPaths(paths.map((path) => ({ path, sizeBytes: 0, source: null })));
  assert.deepEqual(namesOf(root), ['__proto__/', '__proto__/x', 'constructor', 'toString/', 'toString/y']);
});

test('folders that hold nothing are dropped, also those that hold only such folders', () => {
  const root = directory({
    a: directory({ b: directory({}) }),
    c: directory({ d: file, e: directory({}) }),
    f: directory({ l: link }),
  });
  assert.deepEqual(namesOf(withoutEmptyFolders(root)), ['c/', 'c/d', 'f/', 'f/l']);
});

test('dropping folders keeps modes, the same nodes, and the tree that was given', () => {
  const root = directory({ c: directory({ d: file, e: directory({}) }, 0o700) }, 0o711);
  const before = namesOf(root);
  const kept = withoutEmptyFolders(root);
  assert.equal(kept.permissions, 0o711);
  const { node } = kept.entries[0]!;
  assert.ok(node.kind === 'directory');
  assert.equal(node.permissions, 0o700);
  assert.equal(node.entries[0]!.node, file, 'a hard link is told by the node');
  assert.deepEqual(namesOf(root), before);
});

test('an empty root stays', () => {
  assert.deepEqual(withoutEmptyFolders(directory({ a: directory({}) })).entries, []);
});
