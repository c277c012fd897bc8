import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ImageLayout, type PlannedInode, directorySizeBytes, nidOf, planImage } from './layout.ts';
import type { DirectoryEntry, DirectoryNode, FileNode, SourceNode, SymlinkNode } from './tree.ts';

const uuid = new Uint8Array(16).fill(7);

function file(sizeBytes: number, permissions = 0o644): FileNode<string> {
  return { kind: 'file', permissions, sizeBytes, source: '' };
}

function link(target: string): SymlinkNode {
  return { kind: 'symlink', permissions: 0o777, target: Buffer.from(target) };
}

function directory(
  entries: Readonly<Record<string, SourceNode<string>>>,
  permissions = 0o755,
): DirectoryNode<string> {
  const list = Object.entries(entries).map(([name, node]): DirectoryEntry<string> => ({
    name: Buffer.from(name),
    node,
  }));
  return { kind: 'directory', permissions, entries: list };
}

function inodeAt(layout: ImageLayout<string>, ...path: readonly string[]): PlannedInode<string> {
  return path.reduce(
    (inode, name) => inode.entries.find((entry) => Buffer.from(entry.name).toString() === name)!.inode,
    layout.inodes[0]!,
  );
}

test('an empty folder is one block, its root behind the superblock', () => {
  const layout = planImage(directory({}), uuid);
  assert.equal(layout.blockCount, 1);
  assert.equal(layout.inodes.length, 1);
  // 1152 is the end of the superblock; 1152 / 32 = 36.
  assert.equal(layout.inodes[0]!.inodeOffsetBytes, 1152);
  assert.equal(layout.superblock.rootNid, 36);
});

test('. and .. are entries like others: in order of names, and not always first', () => {
  const layout = planImage(directory({ a: file(0), '-x': file(0), '.-': file(0), '...': file(0) }), uuid);
  const names = layout.inodes[0]!.entries.map(({ name }) => Buffer.from(name).toString());
  assert.deepEqual(names, ['-x', '.', '.-', '..', '...', 'a']);
});

test('.. is the parent, and at the root the root itself', () => {
  const layout = planImage(directory({ d: directory({ e: directory({}) }) }), uuid);
  assert.equal(inodeAt(layout, '..'), layout.inodes[0]);
  assert.equal(inodeAt(layout, 'd', '..'), layout.inodes[0]);
  assert.equal(inodeAt(layout, 'd', 'e', '..'), inodeAt(layout, 'd'));
});

test('serial numbers follow the walk: depth first, in order of names', () => {
  const layout = planImage(
    directory({ b: file(1), a: directory({ z: file(1), y: directory({ x: file(1) }) }) }),
    uuid,
  );
  assert.deepEqual(
    layout.inodes.map(({ serial }) => serial),
    [0, 1, 2, 3, 4, 5],
  );
  const order = [[], ['a'], ['a', 'y'], ['a', 'y', 'x'], ['a', 'z'], ['b']];
  assert.deepEqual(
    order.map((path) => inodeAt(layout, ...path).serial),
    [0, 1, 2, 3, 4, 5],
  );
});

test('a node under several names is one inode that counts them; equal nodes are not', () => {
  const shared = file(10);
  const target = link('x');
  const layout = planImage(
    directory({ a: shared, b: directory({ c: shared, l: target }), d: file(10), m: target }),
    uuid,
  );
  assert.equal(inodeAt(layout, 'a'), inodeAt(layout, 'b', 'c'));
  assert.equal(inodeAt(layout, 'a').linkCount, 2);
  assert.equal(inodeAt(layout, 'm').linkCount, 2);
  assert.equal(inodeAt(layout, 'd').linkCount, 1);
  assert.equal(layout.inodes.length, 5);
});

test('a directory counts its own entry, its parent and its folders; hard links and files do not count', () => {
  const layout = planImage(
    directory({ d: directory({ e: directory({}), f: file(1) }), g: directory({}) }),
    uuid,
  );
  assert.equal(layout.inodes[0]!.linkCount, 4);
  assert.equal(inodeAt(layout, 'd').linkCount, 3);
  assert.equal(inodeAt(layout, 'd', 'e').linkCount, 2);
});

test('up to 4064 bytes of a tail lie behind the inode; a longer one has a block of its own', () => {
  for (const [sizeBytes, dataLayout] of [
    [0, 'flatPlain'],
    [1, 'flatInline'],
    [4064, 'flatInline'],
    [4065, 'flatPlain'],
    [4095, 'flatPlain'],
    [4096, 'flatPlain'],
    [4097, 'flatInline'],
    [8160, 'flatInline'],
    [8161, 'flatPlain'],
  ] as const) {
    const inode = planImage(directory({ f: file(sizeBytes) }), uuid).inodes[1]!;
    assert.equal(inode.dataLayout, dataLayout, `${sizeBytes} bytes`);
    assert.equal(inode.fullBlockCount, Math.floor(sizeBytes / 4096));
    assert.equal(inode.tailOffsetBytes === undefined, sizeBytes % 4096 === 0);
  }
});

test('an extended inode leaves 32 bytes less for inline data', () => {
  const big = 2 ** 32;
  for (const [sizeBytes, dataLayout] of [
    [big + 4032, 'flatInline'],
    [big + 4033, 'flatPlain'],
  ] as const) {
    const inode = planImage(directory({ f: file(sizeBytes) }), uuid).inodes[1]!;
    assert.equal(inode.form, 'extended');
    assert.equal(inode.dataLayout, dataLayout);
  }
});

test('planning takes no time or room for contents: 1000 files of 10 GB each', () => {
  const entries = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, file(10 ** 10)]));
  const layout = planImage(directory(entries), uuid);
  assert.ok(layout.blockCount > 1000 * Math.floor(10 ** 10 / 4096));
});

test('nothing overlaps and nothing lies outside the image, whatever the tree', () => {
  fc.assert(
    fc.property(trees(), (root) => {
      const layout = planImage(root, uuid);
      const taken: { from: number; to: number }[] = [{ from: 1024, to: 1152 }];
      for (const inode of layout.inodes) {
        const inodeBytes = inode.form === 'extended' ? 64 : 32;
        assert.equal(inode.inodeOffsetBytes % 32, 0);
        taken.push({ from: inode.inodeOffsetBytes, to: inode.inodeOffsetBytes + inodeBytes });
        if (inode.fullBlockCount > 0) {
          taken.push({
            from: inode.blockAddress * 4096,
            to: (inode.blockAddress + inode.fullBlockCount) * 4096,
          });
        }
        if (inode.tailOffsetBytes !== undefined) {
          const to = inode.tailOffsetBytes + inode.tailSizeBytes;
          taken.push({ from: inode.tailOffsetBytes, to });
          // The tail, not the inode and the tail: an inode in a block's last slot has its tail in the next block.
          assert.equal(Math.floor(inode.tailOffsetBytes / 4096), Math.floor((to - 1) / 4096), 'one block');
          if (inode.dataLayout === 'flatInline')
            assert.equal(inode.tailOffsetBytes, inode.inodeOffsetBytes + inodeBytes);
        }
      }
      taken.sort((a, b) => a.from - b.from);
      for (let i = 1; i < taken.length; i++) assert.ok(taken[i - 1]!.to <= taken[i]!.from);
      assert.ok(taken.at(-1)!.to <= layout.blockCount * 4096);
      assert.ok(taken.at(-1)!.to > (layout.blockCount - 1) * 4096, 'the image ends with what is in it');
    }),
    { numRuns: 300 },
  );
});

/** Files, links and folders with sizes around blocks and inline data. */
function trees(): fc.Arbitrary<DirectoryNode<string>> {
  const sizes = fc.oneof(
    fc.constantFrom(0, 1, 2000, 4064, 4065, 4095, 4096, 4097, 8160, 8161),
    fc.nat({ max: 20_000 }),
  );
  const { tree } = fc.letrec<{ tree: DirectoryNode<string>; node: SourceNode<string> }>((tie) => ({
    tree: fc
      .array(tie('node'), { maxLength: 40 })
      .map((nodes) =>
        directory(Object.fromEntries(nodes.map((node, i) => [`n${i}`.padEnd(i % 7 === 0 ? 200 : 3), node]))),
      ),
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 6, arbitrary: sizes.map((sizeBytes) => file(sizeBytes)) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 4095 }).map((length) => link('t'.repeat(length))) },
      { weight: 2, arbitrary: tie('tree') },
    ),
  }));
  return tree;
}

test('an entry and its name never cross a directory block', () => {
  assert.equal(directorySizeBytes([]), 0);
  assert.equal(directorySizeBytes([1, 2]), 27);
  // 16 entries of 12 + 244 bytes fill a block to the last byte; the 17th begins the next.
  const full = new Array<number>(16).fill(244);
  assert.equal(directorySizeBytes(full), 4096);
  assert.equal(directorySizeBytes([...full, 1]), 4096 + 13);
  // 15 entries of 262 bytes leave 166: too few for the 16th.
  assert.equal(directorySizeBytes(new Array<number>(16).fill(250)), 4096 + 262);
});

test('the number of an inode before the metadata area wraps around at 64 bits', () => {
  assert.equal(nidOf(1152, 0), 36n);
  assert.equal(nidOf(4096 + 32, 1), 1n);
  // 2^64 - 4096 + 32 bytes, in slots of 32.
  assert.equal(nidOf(32, 1), (2n ** 64n - 4096n + 32n) / 32n);
});

test('a UUID that is not 16 bytes is refused', () => {
  for (const length of [0, 15, 17, 36]) {
    assert.throws(() => planImage(directory({}), new Uint8Array(length)), {
      code: 'TREE_INVALID',
      message: /16 bytes/,
    });
  }
});

test('the layout keeps a UUID of its own', () => {
  const given = new Uint8Array(16);
  const { superblock } = planImage(directory({}), given);
  given[0] = 1;
  assert.equal(superblock.uuid[0], 0);
});

for (const permissions of [-1, 0o10000, 0o100644, 1.5, Number.NaN, Infinity]) {
  test(`permissions ${permissions} are refused, of a file, a link, a folder and the root`, () => {
    const refused = { name: 'ErofsError', code: 'TREE_INVALID', message: /Permissions are 0 to 07777/ };
    assert.throws(() => planImage(directory({ f: file(0, permissions) }), uuid), refused);
    assert.throws(() => planImage(directory({ l: { ...link('x'), permissions } }), uuid), refused);
    assert.throws(() => planImage(directory({ d: directory({}, permissions) }), uuid), refused);
    assert.throws(() => planImage(directory({}, permissions), uuid), refused);
  });
}

for (const sizeBytes of [-1, -4096, 0.5, Number.NaN, Infinity, 2 ** 53, 2 ** 64]) {
  test(`a file size of ${sizeBytes} is refused`, () => {
    const tree = directory({ d: directory({ f: file(sizeBytes) }) });
    assert.throws(() => planImage(tree, uuid), { code: 'TREE_INVALID', message: /not a count of bytes/ });
  });
}

test('more blocks than EROFS can number are refused', () => {
  const limitBytes = (2 ** 32 - 1) * 4096;
  assert.throws(() => planImage(directory({ f: file(limitBytes) }), uuid), {
    code: 'TREE_INVALID',
    message: /2\^32 - 1 at most/,
  });
  assert.equal(planImage(directory({ f: file(limitBytes - 4096) }), uuid).blockCount, 2 ** 32 - 1);
});

test('an empty link target is refused', () => {
  const tree = directory({ d: directory({ l: link('') }) });
  assert.throws(() => planImage(tree, uuid), { code: 'TREE_INVALID', message: /empty target/ });
});

test('a bad name is refused at any depth', () => {
  for (const name of ['', '.', '..', 'a/b', 'a\0', 'n'.repeat(256)]) {
    const tree = directory({ d: directory({ e: directory({ [name]: file(0) }) }) });
    assert.throws(() => planImage(tree, uuid), { code: 'TREE_INVALID' }, JSON.stringify(name));
  }
});

test('a name that occurs twice is refused at any depth', () => {
  const twice: DirectoryNode<string> = {
    kind: 'directory',
    permissions: 0o755,
    entries: [file(0), directory({})].map((node) => ({ name: Buffer.from('a'), node })),
  };
  assert.throws(() => planImage(directory({ d: twice }), uuid), {
    code: 'TREE_INVALID',
    message: /"a" occurs twice/,
  });
});

test('a depth of 20,000 folders is planned', () => {
  let tree = directory({ f: file(1) });
  for (let depth = 0; depth < 20_000; depth++) tree = directory({ d: tree });
  assert.equal(planImage(tree, uuid).inodes.length, 20_002);
});
