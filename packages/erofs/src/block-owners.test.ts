import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageEditor, sampleImage } from '../test/edit.ts';
import { memorySource, mkfsMissing } from '../test/mkfs.ts';
import { type BlockOwner, ownersOfBlock, ownersOfBlocks } from './block-owners.ts';
import { checkImage } from './fsck.ts';
import { openImage } from './reader.ts';

const needsMkfs = { skip: mkfsMissing };

function shown(owners: readonly BlockOwner[]): string[] {
  return owners.map(({ part, path }) => `${part} ${path}`.trim()).sort();
}

test('each data block is named with its file and the place in the file', needsMkfs, async (context) => {
  const image = await openImage(memorySource(sampleImage(context)));
  const { blocks } = (await image.stat('d/plain')).place;
  for (let i = 0; i < 3; i++) {
    const [owner, ...others] = await ownersOfBlock(image, blocks.startBytes / 4096 + i);
    assert.deepEqual(others, []);
    assert.ok(owner);
    assert.deepEqual(
      [owner.part, owner.path, owner.kind, owner.fileOffsetBytes],
      ['data', 'd/plain', 'file', i * 4096],
    );
    assert.equal(owner.endBytes - owner.startBytes, i < 2 ? 4096 : 4090);
  }
});

test(
  'the first block belongs to the superblock and to all that lies beside it',
  needsMkfs,
  async (context) => {
    const image = await openImage(memorySource(sampleImage(context)));
    assert.deepEqual(shown(await ownersOfBlock(image, 0)), [
      'data',
      'data a',
      'data d',
      'data d/e',
      'data d/e/f',
      'data d/p',
      'data g',
      'data g/hard',
      'data g/link',
      'inode',
      'inode a',
      'inode d',
      'inode d/e',
      'inode d/e/f',
      'inode d/p',
      'inode d/plain',
      'inode g',
      'inode g/hard',
      'inode g/link',
      'superblock',
    ]);
  },
);

test('blocks behind the image, and blocks of no one, have no owner', needsMkfs, async (context) => {
  const bytes = sampleImage(context);
  const image = await openImage(memorySource(bytes));
  assert.deepEqual(await ownersOfBlock(image, bytes.length / 4096), []);
  assert.deepEqual(await ownersOfBlock(image, -1), []);
  assert.deepEqual(await ownersOfBlock(image, 2 ** 40), []);
});

test(
  'several blocks are found in one walk, with what cannot be read as a problem',
  needsMkfs,
  async (context) => {
    const original = sampleImage(context);
    const editor = await new ImageEditor(original).inode('d/e/f', 'format', 0x16);
    const image = await openImage(memorySource(editor.sealed()));
    const { blocks } = (await image.stat('d/p')).place;
    const { owners, problems } = await ownersOfBlocks(image, [blocks.startBytes / 4096, 0]);
    assert.deepEqual(shown(owners.get(blocks.startBytes / 4096) ?? []), ['data d/p']);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['UNSUPPORTED'],
    );
    const damaged = owners.get(0)?.find(({ path }) => path === 'd/e/f');
    assert.deepEqual(
      [damaged?.part, damaged?.kind],
      ['inode', undefined],
      'where it should be is still known',
    );
  },
);

test(
  'a damaged first block can be opened for a diagnosis only, and the check says so',
  needsMkfs,
  async (context) => {
    const bytes = sampleImage(context);
    const image = await openImage(memorySource(bytes));
    const { inlineTail } = (await image.stat('d/e/f')).place;
    bytes[inlineTail.startBytes]! ^= 1;
    await assert.rejects(openImage(memorySource(bytes)), { code: 'CHECKSUM_MISMATCH' });
    const damaged = await openImage(memorySource(bytes), { diagnose: true });
    assert.ok((await ownersOfBlock(damaged, 0)).some(({ path }) => path === 'd/e/f'));
    assert.deepEqual(
      (await checkImage(damaged)).problems.map(({ code }) => code),
      ['CHECKSUM_MISMATCH'],
    );
  },
);

test('a directory whose block is damaged is itself named', needsMkfs, async (context) => {
  const editor = new ImageEditor(sampleImage(context));
  await editor.dirent('d', '.', 'nameOffset', 0xfff0);
  const image = await openImage(memorySource(editor.sealed()));
  const { owners, problems } = await ownersOfBlocks(image, [0]);
  assert.ok(shown(owners.get(0) ?? []).includes('data d'));
  assert.ok(problems.some(({ message }) => message.startsWith('Reading directory "d"')));
});
