import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageEditor, sampleImage } from '../test/edit.ts';
import { memorySource, mkfsMissing } from '../test/mkfs.ts';
import { openImage, type OpenImageOptions } from './reader.ts';

const needsMkfs = { skip: mkfsMissing };

async function walkedPaths(bytes: Uint8Array, options?: OpenImageOptions): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of (await openImage(memorySource(bytes), options)).walk()) paths.push(path);
  return paths;
}

test(
  'a walk gives the root first, each directory before what is in it, names in order',
  needsMkfs,
  async (context) => {
    assert.deepEqual(await walkedPaths(sampleImage(context)), [
      '',
      'a',
      'd',
      'd/e',
      'd/e/f',
      'd/p',
      'd/plain',
      'g',
      'g/hard',
      'g/link',
    ]);
  },
);

test('a directory that holds its own ancestor ends the walk as corrupt', needsMkfs, async (context) => {
  const original = sampleImage(context);
  for (const ancestor of ['', 'd']) {
    const editor = new ImageEditor(original);
    await editor.dirent('d', 'e', 'nid', await editor.nid(ancestor));
    await assert.rejects(walkedPaths(editor.sealed()), { code: 'CORRUPT', message: /"d\/e".*own ancestor/ });
  }
});

test('a directory that two parents hold ends the walk as corrupt', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.dirent('', 'g', 'nid', await editor.nid('d'));
  await assert.rejects(walkedPaths(editor.sealed()), {
    code: 'CORRUPT',
    message: /"g".*already directory "d"/,
  });
});

test('a second number for the same inode is corrupt: it would hide a loop', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.dirent('d', 'e', 'nid', (await editor.nid('d')) + 2n ** 59n);
  await assert.rejects(walkedPaths(editor.sealed()), { code: 'CORRUPT', message: /more than 59 bits/ });
});

test('an entry whose file type contradicts its inode is corrupt', needsMkfs, async (context) => {
  const original = sampleImage(context);
  for (const fileType of [0, 2, 3, 7, 255]) {
    const editor = await new ImageEditor(original).dirent('', 'a', 'fileType', fileType);
    await assert.rejects(walkedPaths(editor.sealed()), { code: 'CORRUPT', message: /"a".*file type 1/ });
  }
});

test('an inode outside of the image, or data there, is named with its path', needsMkfs, async (context) => {
  const original = sampleImage(context);
  const blockCount = original.length / 4096;
  const edits: [string, (editor: ImageEditor) => Promise<unknown>, string][] = [
    ['d/p', (editor) => editor.dirent('d', 'p', 'nid', 2n ** 58n), 'TRUNCATED'],
    ['d/p', (editor) => editor.dirent('d', 'p', 'nid', BigInt(original.length / 32)), 'TRUNCATED'],
    ['d/p', (editor) => editor.inode('d/p', 'blockAddress', blockCount), 'TRUNCATED'],
    ['d/p', (editor) => editor.inode('d/p', 'blockAddress', 0xffffffff), 'TRUNCATED'],
    ['d/p', (editor) => editor.inode('d/p', 'blockAddress', 0), 'CORRUPT'],
    ['d/plain', (editor) => editor.inode('d/plain', 'size', 0xffffffff), 'TRUNCATED'],
    ['d/plain', (editor) => editor.inode('d/plain', 'blockAddress', blockCount - 2), 'TRUNCATED'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'size', 4096), 'CORRUPT'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'xattrCount', 0xffff), 'TRUNCATED'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'format', 0x14), 'UNSUPPORTED'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'format', 0x6), 'UNSUPPORTED'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'format', 0x8), 'UNSUPPORTED'],
    ['d/e/f', (editor) => editor.inode('d/e/f', 'mode', 0o060644), 'UNSUPPORTED'],
  ];
  for (const [path, edit, code] of edits) {
    const editor = new ImageEditor(original);
    await edit(editor);
    await assert.rejects(walkedPaths(editor.sealed()), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(`"${path}"`), error.message);
      return true;
    });
  }
});

test(
  'directories that together are larger than the image share bytes, and end the walk',
  needsMkfs,
  async (context) => {
    const original = sampleImage(context);
    const editor = new ImageEditor(original);
    // Both say that they fill nearly the whole image; the first one's own records come first, so the walk gets to the second.
    for (const path of ['d', 'd/e']) {
      await editor.inode(path, 'format', 0);
      await editor.inode(path, 'size', original.length - 4096);
      await editor.inode(path, 'blockAddress', 1);
    }
    const image = await openImage(memorySource(original));
    const { inlineTail } = (await image.stat('d')).place;
    editor.bytes.set(original.subarray(inlineTail.startBytes, inlineTail.endBytes), 4096);
    await assert.rejects(walkedPaths(editor.sealed()), {
      code: 'CORRUPT',
      message: /"d\/e".*some share their bytes/,
    });
  },
);

test('limits of entries and of path lengths hold', needsMkfs, async (context) => {
  const bytes = sampleImage(context);
  assert.equal((await walkedPaths(bytes, { limits: { maxEntries: 9 } })).length, 10);
  await assert.rejects(walkedPaths(bytes, { limits: { maxEntries: 8 } }), { code: 'LIMIT_EXCEEDED' });
  assert.equal((await walkedPaths(bytes, { limits: { maxPathBytes: 7 } })).length, 10);
  await assert.rejects(walkedPaths(bytes, { limits: { maxPathBytes: 6 } }), { code: 'LIMIT_EXCEEDED' });
  for (const value of [0, -1, 0.5, Number.NaN, Infinity]) {
    await assert.rejects(openImage(memorySource(bytes), { limits: { maxEntries: value } }), RangeError);
  }
});
