import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageEditor, sampleImage } from '../test/edit.ts';
import { memorySource, mkfsMissing } from '../test/mkfs.ts';
import { checkImage, type ImageCheck } from './fsck.ts';
import { openImage } from './reader.ts';

const needsMkfs = { skip: mkfsMissing };

async function checked(bytes: Uint8Array): Promise<ImageCheck> {
  return checkImage(await openImage(memorySource(bytes)));
}

async function assertProblems(bytes: Uint8Array, expected: readonly [string, RegExp][]): Promise<void> {
  const { problems, problemCount } = await checked(bytes);
  const shown = problems.map(({ path, message }) => `${path}: ${message}`).join('\n');
  for (const [path, message] of expected) {
    assert.ok(
      problems.some((problem) => problem.path === path && message.test(problem.message)),
      shown,
    );
  }
  assert.equal(problemCount, expected.length, shown);
}

test('a sound image has no problem, and its inodes are counted', needsMkfs, async (context) => {
  assert.deepEqual(await checked(sampleImage(context)), {
    problems: [],
    problemCount: 0,
    inodes: { file: 4, directory: 4, symlink: 1 },
    fileBytes: 5 + 4 + 5000 + 12_282,
  });
});

test('link counts that differ from the names are found', needsMkfs, async (context) => {
  const original = sampleImage(context);
  const file = await new ImageEditor(original).inode('a', 'linkCount', 1);
  await assertProblems(file.sealed(), [['a', /must have 2 links, its inode says 1/]]);
  const directory = await new ImageEditor(original).inode('d', 'linkCount', 2);
  await assertProblems(directory.sealed(), [['d', /must have 3 links, its inode says 2/]]);
  const link = await new ImageEditor(original).inode('g/link', 'linkCount', 0);
  await assertProblems(link.sealed(), [['g/link', /must have 1 links, its inode says 0/]]);
});

test(
  'a link count of 1 is fine for a directory, whose subdirectories were too many to count',
  needsMkfs,
  async (context) => {
    const editor = await new ImageEditor(sampleImage(context)).inode('d', 'linkCount', 1);
    await assertProblems(editor.sealed(), []);
  },
);

test('an inode count that differs from the superblock is found', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context)).superblock('inodeCount', 10);
  await assertProblems(editor.sealed(), [['', /says 10 inodes, the tree reaches 9/]]);
});

test(
  'two files that share a block are found, also one that is shared only behind the last byte',
  needsMkfs,
  async (context) => {
    const original = sampleImage(context);
    const image = await openImage(memorySource(original));
    const { blocks } = (await image.stat('d/plain')).place;
    for (const sharedBlock of [0, 2]) {
      const editor = new ImageEditor(original);
      await editor.inode('d/p', 'blockAddress', blocks.startBytes / 4096 + sharedBlock);
      await assertProblems(editor.sealed(), [
        [sharedBlock === 0 ? 'd/plain' : 'd/p', /belongs to the data of .* and to the data of/],
      ]);
    }
  },
);

test("an inode in the rest of a file's last block is found", needsMkfs, async (context) => {
  const original = sampleImage(context);
  const image = await openImage(memorySource(original));
  const { blocks } = (await image.stat('d/plain')).place;
  const { inode, inlineTail } = (await image.stat('d/e/f')).place;
  const restStartBytes = blocks.startBytes + 8192 + 2048;
  const editor = new ImageEditor(original);
  editor.bytes.set(original.subarray(inode.startBytes, inlineTail.endBytes), restStartBytes);
  await editor.inode('d/plain', 'size', 8192 + 100);
  await editor.dirent('d/e', 'f', 'nid', restStartBytes / 32);
  const { problems } = await checked(editor.sealed());
  const shown = JSON.stringify(problems);
  assert.ok(
    problems.some(({ message }) => message.includes('data of "d/plain" and to the inode of "d/e/f"')),
    shown,
  );
});

test('data that lies over the inodes is found', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.inode('d/e/f', 'size', 200);
  const { problems } = await checked(editor.sealed());
  assert.ok(
    problems.some(({ message }) =>
      /data of "d\/e\/f" and to the inode of|inode of .* and to the data of "d\/e\/f"/.test(message),
    ),
    JSON.stringify(problems),
  );
});

test('several problems are all told, and what is below them is still checked', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.dirent('', 'a', 'nid', 2n ** 40n);
  await editor.inode('d/p', 'format', 0x14);
  await editor.inode('d/plain', 'linkCount', 7);
  await editor.dirent('g', 'link', 'fileType', 1);
  await assertProblems(editor.sealed(), [
    ['a', /Inode 1099511627776 would lie at byte/],
    ['d/p', /unknown format bits/],
    ['d/plain', /must have 1 links/],
    ['g/link', /file type 7/],
    ['g/hard', /must have 1 links, its inode says 2/],
    ['', /says 9 inodes, the tree reaches 8/],
  ]);
});

test('a loop of directories is a problem and no endless check', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.dirent('d', 'e', 'nid', await editor.nid(''));
  const { problems } = await checked(editor.sealed());
  assert.ok(
    problems.some(
      ({ path, code, message }) => path === 'd/e' && code === 'CORRUPT' && /ancestor/.test(message),
    ),
  );
});

test('a symbolic link with an impossible target is found', needsMkfs, async (context) => {
  const original = sampleImage(context);
  const empty = await new ImageEditor(original).inode('g/link', 'size', 0);
  await assertProblems(empty.sealed(), [['g/link', /1 to 4095 bytes, found 0/]]);
  const image = await openImage(memorySource(original));
  const target = (await image.stat('g/link')).place.inlineTail;
  const withNul = new ImageEditor(original).put(target.startBytes + 1, 1, 0);
  await assertProblems(withNul.sealed(), [['g/link', /NUL/]]);
});

test('problems beyond the limit are counted, not kept', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  for (const path of ['a', 'd/p', 'd/plain', 'd/e/f']) await editor.inode(path, 'linkCount', 99);
  const { problems, problemCount } = await checkImage(await openImage(memorySource(editor.sealed())), {
    maxProblems: 1,
  });
  assert.equal(problems.length, 1);
  assert.equal(problemCount, 4);
});

test('a walk that was cut short by a limit accuses nothing of wrong counts', needsMkfs, async (context) => {
  const image = await openImage(memorySource(sampleImage(context)), { limits: { maxEntries: 3 } });
  const { problems } = await checkImage(image);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['LIMIT_EXCEEDED'],
  );
});

test('a source that cannot be read is no finding about the image', needsMkfs, async (context) => {
  const bytes = sampleImage(context);
  const source = memorySource(bytes);
  const image = await openImage(source);
  source.read = () => Promise.reject(new Error('the disk is gone'));
  await assert.rejects(checkImage(image), { message: 'the disk is gone' });
});
