import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DataExtent, type Extent, dataExtentOf, imageExtents } from './extents.ts';
import { decodeDirent, decodeInode, decodeSuperblock, sealSuperblock, superblockChecksum } from './format.ts';
import { type ImageLayout, type PlannedInode, planImage } from './layout.ts';
import type { DirectoryNode, SourceNode } from './tree.ts';

const uuid = new Uint8Array(16).fill(7);

function layoutOf(entries: Readonly<Record<string, SourceNode<string>>>): ImageLayout<string> {
  return planImage(directory(entries), uuid);
}

function directory(entries: Readonly<Record<string, SourceNode<string>>>): DirectoryNode<string> {
  const list = Object.entries(entries).map(([name, node]) => ({ name: Buffer.from(name), node }));
  return { kind: 'directory', permissions: 0o755, entries: list };
}

function file(sizeBytes: number): SourceNode<string> {
  return { kind: 'file', permissions: 0o640, sizeBytes, source: '' };
}

function manyFiles(count: number, sizeBytes: number): Record<string, SourceNode<string>> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`file-${i}`, file(sizeBytes)]));
}

function isData(extent: Extent<string>): extent is DataExtent<string> {
  return extent.kind === 'data';
}

interface FilePart {
  readonly inode: PlannedInode<string>;
  readonly fileOffsetBytes: number;
  readonly lengthBytes: number;
}

function filePartsOf(extent: Extent<string>): readonly FilePart[] {
  if (!isData(extent)) return extent.tails;
  return [{ inode: extent.inode, fileOffsetBytes: 0, lengthBytes: extent.lengthBytes }];
}

test('the extents are every block of the image once, in order', () => {
  const sizes = fc.array(fc.oneof(fc.constantFrom(0, 100, 4064, 4065, 4096, 9000), fc.nat({ max: 30_000 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(sizes, (given) => {
      const layout = layoutOf(Object.fromEntries(given.map((sizeBytes, i) => [`f${i}`, file(sizeBytes)])));
      let next = 0;
      for (const { firstBlock, blockCount } of imageExtents(layout)) {
        assert.equal(firstBlock, next);
        assert.ok(blockCount > 0);
        next += blockCount;
      }
      assert.equal(next, layout.blockCount);
    }),
  );
});

test('data extents and tails are every byte of every file once', () => {
  const sizes = fc.array(
    fc.oneof(fc.constantFrom(0, 1, 4064, 4065, 4096, 8160, 8161), fc.nat({ max: 30_000 })),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(sizes, (given) => {
      const layout = layoutOf(Object.fromEntries(given.map((sizeBytes, i) => [`f${i}`, file(sizeBytes)])));
      const parts = [...imageExtents(layout)].flatMap(filePartsOf);
      for (const inode of layout.inodes) {
        if (inode.node.kind !== 'file') continue;
        let at = 0;
        // The blocks of a file may lie before or behind its tail.
        const own = parts
          .filter((part) => part.inode === inode)
          .sort((a, b) => a.fileOffsetBytes - b.fileOffsetBytes);
        for (const { fileOffsetBytes, lengthBytes } of own) {
          assert.equal(fileOffsetBytes, at);
          assert.ok(lengthBytes > 0);
          at += lengthBytes;
        }
        assert.equal(at, inode.sizeBytes);
      }
    }),
  );
});

test('only a file with blocks of its own has a data extent', () => {
  const { inodes } = layoutOf({
    empty: file(0),
    inline: file(4064),
    own: file(4065),
    whole: file(8192),
    both: file(4097),
    link: { kind: 'symlink', permissions: 0o777, target: Buffer.from('t'.repeat(4095)) },
    folder: directory(manyFiles(500, 0)),
  });
  const found = inodes[0]!.entries.flatMap(({ name, inode }) => {
    const extent = dataExtentOf(inode);
    return extent ? [[Buffer.from(name).toString(), extent.blockCount, extent.lengthBytes]] : [];
  });
  assert.deepEqual(found, [
    ['both', 1, 4096],
    ['own', 1, 4065],
    ['whole', 2, 8192],
  ]);
});

test('metadata come in extents of at most 256 blocks, also within one large directory', () => {
  const name = (i: number): string => `${i}`.padEnd(250, 'n');
  const entries = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [name(i), file(0)]));
  const layout = layoutOf(entries);
  assert.ok(layout.inodes[0]!.fullBlockCount > 512);
  for (const extent of imageExtents(layout)) {
    assert.ok(extent.blockCount <= 256);
    if (!isData(extent)) assert.equal(extent.render().length, extent.blockCount * 4096);
  }
});

test('metadata are rendered the same however often', () => {
  for (const extent of imageExtents(layoutOf(manyFiles(1000, 17)))) {
    if (!isData(extent)) assert.deepEqual(extent.render(), extent.render());
  }
});

test('tails are left zero for whoever brings them', () => {
  for (const extent of imageExtents(layoutOf(manyFiles(300, 50)))) {
    if (isData(extent)) continue;
    const bytes = extent.render();
    for (const { offsetBytes, lengthBytes } of extent.tails) {
      assert.ok(bytes.subarray(offsetBytes, offsetBytes + lengthBytes).every((byte) => byte === 0));
    }
  }
});

test('the rendered inodes say what the plan says', () => {
  const layout = layoutOf({
    a: file(5),
    b: file(2 ** 32 + 5),
    c: directory({}),
    z: { kind: 'symlink', permissions: 0o777, target: Buffer.from('x') },
  });
  const [extent] = imageExtents(layout);
  assert.ok(extent !== undefined && !isData(extent));
  const bytes = extent.render();
  for (const inode of layout.inodes) {
    const found = decodeInode(bytes.subarray(inode.inodeOffsetBytes, inode.inodeOffsetBytes + 64));
    const { form, dataLayout, linkCount, sizeBytes, serial, blockAddress } = inode;
    assert.partialDeepStrictEqual(found, {
      form,
      dataLayout,
      linkCount,
      sizeBytes,
      serial,
      blockAddress,
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      mtimeNanoseconds: 0,
    });
    assert.equal(found.kind, inode.node.kind);
    assert.equal(found.permissions, inode.node.permissions);
  }
});

test('a directory block begins with its entries, and their names follow', () => {
  const layout = layoutOf({ b: file(1), '-x': file(0) });
  const root = layout.inodes[0]!;
  const [extent] = imageExtents(layout);
  assert.ok(extent !== undefined && !isData(extent));
  const at = root.tailOffsetBytes!;
  const block = extent.render().subarray(at, at + root.sizeBytes);
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const entries = [0, 1, 2, 3].map((i) => decodeDirent(view, i * 12));
  assert.deepEqual(
    entries.map(({ fileType }) => fileType),
    [1, 2, 2, 1],
  );
  assert.deepEqual(
    entries.map(({ nameOffsetBytes }) => nameOffsetBytes),
    [48, 50, 51, 53],
  );
  assert.deepEqual(
    entries.map(({ nid }) => Number(nid) * 32),
    root.entries.map(({ inode }) => inode.inodeOffsetBytes),
  );
  assert.equal(Buffer.from(block.subarray(48)).toString(), '-x...b');
});

test('the checksum of the first block covers the tails that were brought into it', () => {
  const layout = layoutOf({ a: file(5) });
  const [extent] = imageExtents(layout);
  assert.ok(extent !== undefined && !isData(extent));
  const bytes = extent.render();
  bytes.set(Buffer.from('hello'), extent.tails[0]!.offsetBytes);
  assert.throws(() => decodeSuperblock(bytes), { code: 'CHECKSUM_MISMATCH' });
  sealSuperblock(bytes);
  assert.deepEqual(decodeSuperblock(bytes), layout.superblock);
  const before = superblockChecksum(bytes);
  bytes[extent.tails[0]!.offsetBytes]! ^= 1;
  assert.notEqual(superblockChecksum(bytes), before);
  assert.throws(() => decodeSuperblock(bytes), { code: 'CHECKSUM_MISMATCH' });
});
