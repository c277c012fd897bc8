/** Images of the real mkfs.erofs 1.5, compared with the folders that they were made of. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ownersOfBlock } from '../src/block-owners.ts';
import { checkImage } from '../src/fsck.ts';
import { type ErofsImage, openImage } from '../src/reader.ts';
import { assertSameTree, describeImage } from './comparison.ts';
import { ImageEditor } from './edit.ts';
import {
  fileSource,
  makeImage,
  makeImageBytes,
  memorySource,
  mkfsMissing,
  temporaryFolder,
  UUID,
} from './mkfs.ts';

const needsMkfs = { skip: mkfsMissing };
const needsLong = {
  skip: mkfsMissing || (process.env['VITRINE_LONG'] === '1' ? false : 'long: set VITRINE_LONG=1'),
};

/** Fills a folder, makes an image of it, and gives the image and the folder. */
async function packed(
  context: TestContext,
  fill: (folder: string) => void,
  words: readonly string[] = [],
): Promise<{ image: ErofsImage; folder: string }> {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  fill(folder);
  const image = await openImage(memorySource(makeImageBytes(folder, scratch, words)));
  return { image, folder };
}

/** The image shows the folder, and is sound. */
async function assertReadsBack(context: TestContext, fill: (folder: string) => void): Promise<ErofsImage> {
  const { image, folder } = await packed(context, fill);
  await assertSameTree(image, folder);
  assert.deepEqual((await checkImage(image)).problems, []);
  return image;
}

function patterned(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + (i >>> 8) * 7 + sizeBytes) & 0xff);
}

const BOUNDARY_SIZES = [
  0, 1, 31, 32, 33, 2911, 2912, 2913, 4031, 4032, 4033, 4063, 4064, 4065, 4095, 4096, 4097, 8128, 8159, 8160,
  8161, 8191, 8192, 8193, 12287, 12288, 12289, 100_000,
];

test(
  'files of every size around blocks and inline data read back as they are on disk',
  needsMkfs,
  async (context) => {
    const image = await assertReadsBack(context, (folder) => {
      for (const sizeBytes of BOUNDARY_SIZES)
        writeFileSync(join(folder, `size-${sizeBytes}`), patterned(sizeBytes));
    });
    const layouts = new Set<string>();
    for await (const { inode } of image.readDirectory(image.root)) layouts.add(inode.dataLayout);
    assert.deepEqual(
      [...layouts].sort(),
      ['flatInline', 'flatPlain'],
      'the sizes must reach both data layouts',
    );
  },
);

test('an image of an empty folder has its root and nothing else', needsMkfs, async (context) => {
  const image = await assertReadsBack(context, () => undefined);
  assert.deepEqual([...(await describeImage(image)).keys()], ['']);
  assert.equal(image.superblock.inodeCount, 1);
  assert.equal(Buffer.from(image.superblock.uuid).toString('hex'), UUID.replaceAll('-', ''));
});

test(
  'a directory with thousands of entries reads back in order, in several blocks',
  needsMkfs,
  async (context) => {
    const image = await assertReadsBack(context, (folder) => {
      mkdirSync(join(folder, 'many'));
      for (let i = 0; i < 2500; i++) writeFileSync(join(folder, 'many', `entry-${i}`), `${i}`);
    });
    const directory = await image.stat('many');
    assert.ok(directory.inode.sizeBytes > 10 * 4096);
    assert.equal((await image.stat('many/entry-2499')).inode.sizeBytes, 4);
  },
);

test(
  'inodes that lie before the metadata area, with negative numbers, are found',
  needsMkfs,
  async (context) => {
    const image = await assertReadsBack(context, (folder) => {
      // A root directory of over 2 MiB with a tail too long for block 0: its inode lies beyond what 16 bits address.
      for (let i = 0; i < 7783; i++) writeFileSync(join(folder, `${i}-`.padEnd(250, 'n')), '');
    });
    assert.ok(image.superblock.metaBlockAddress > 0);
    const nids: bigint[] = [];
    for await (const { nid } of image.readDirectory(image.root)) nids.push(nid);
    assert.ok(
      nids.some((nid) => nid > 2n ** 58n),
      'mkfs.erofs must have written a negative nid',
    );
  },
);

const SCRIPTS = [
  'данные',
  '模型',
  'モデル',
  '모델',
  'دفتر',
  'नमूना',
  'ตัวอย่าง',
  'μοντέλο',
  'e\u0301',
  'é',
  '🧊',
  '\ufeffbom',
  'a b',
  "'",
  '"',
];

test('names in many scripts read back, and their paths find them', needsMkfs, async (context) => {
  const image = await assertReadsBack(context, (folder) => {
    for (const name of SCRIPTS) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, name), name);
    }
  });
  for (const name of SCRIPTS) {
    const entry = await image.stat(`/${name}/${name}`);
    assert.equal(entry.path, `${name}/${name}`);
  }
});

test(
  'names that are no UTF-8, or steer a terminal, keep their bytes and are shown escaped',
  needsMkfs,
  async (context) => {
    const names = [
      [0xff],
      [0x80, 0x41],
      [0xc3],
      [0xed, 0xa0, 0x80],
      [0x1b, 0x5b, 0x31, 0x6d],
      [0x61, 0x0a],
      [0x5c],
      [0x5c, 0x78, 0x66, 0x66],
    ];
    const image = await assertReadsBack(context, (folder) => {
      for (const name of names)
        writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]), 'x');
    });
    const shown: string[] = [];
    for await (const entry of image.readDirectory(image.root)) {
      shown.push(entry.path);
      assert.equal((await image.stat(entry.path)).nid, entry.nid);
      assert.equal((await image.stat(entry.pathBytes)).nid, entry.nid);
    }
    assert.deepEqual(shown, [
      '\\x1b[1m',
      '\\x5c',
      '\\x5cxff',
      'a\\x0a',
      '\\x80A',
      '\\xc3',
      '\\xed\\xa0\\x80',
      '\\xff',
    ]);
  },
);

test('the longest names and deep folders read back', needsMkfs, async (context) => {
  await assertReadsBack(context, (folder) => {
    writeFileSync(join(folder, 'x'.repeat(254)), 'the longest that mkfs.erofs 1.5 takes');
    const deep = join(folder, ...Array.from({ length: 250 }, (_, i) => `d${i}`));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'leaf'), 'deep');
  });
});

test('hard links are one inode with all their names', needsMkfs, async (context) => {
  const image = await assertReadsBack(context, (folder) => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'one'), patterned(5000));
    for (const name of ['sub/two', 'three', 'sub/four']) linkSync(join(folder, 'one'), join(folder, name));
    symlinkSync('one', join(folder, 'soft'));
    linkSync(join(folder, 'soft'), join(folder, 'sub', 'soft too'));
  });
  const one = await image.stat('one');
  assert.equal((await image.stat('sub/four')).nid, one.nid);
  assert.equal(one.inode.linkCount, 4);
});

test('symbolic links of every length read back, and none is followed', needsMkfs, async (context) => {
  const image = await assertReadsBack(context, (folder) => {
    for (const length of [1, 100, 2912, 2913, 4031, 4032, 4033, 4063, 4064, 4065, 4095]) {
      symlinkSync('t'.repeat(length), join(folder, `to-${length}`));
    }
    symlinkSync('.', join(folder, 'here'));
    symlinkSync(Buffer.from([0xff, 0x2f, 0xfe]), join(folder, 'bytes'));
  });
  await assert.rejects(image.stat('here/here'), { code: 'WRONG_KIND' });
});

test('every permission bit reads back, with set-uid, set-gid and sticky', needsMkfs, async (context) => {
  await assertReadsBack(context, (folder) => {
    const modes = [0, 0o1, 0o777, 0o7777, 0o4755, 0o2755, 0o1777, 0o6000];
    for (let bit = 1; bit <= 0o4000; bit <<= 1) modes.push(bit);
    for (const mode of new Set(modes)) {
      writeFileSync(join(folder, `f${mode.toString(8)}`), '');
      mkdirSync(join(folder, `d${mode.toString(8)}`));
      chmodSync(join(folder, `f${mode.toString(8)}`), mode);
      chmodSync(join(folder, `d${mode.toString(8)}`), mode);
    }
  });
});

test('owners and times of extended inodes read back, also before 1970', needsMkfs, async (context) => {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  writeFileSync(join(folder, 'old'), 'x');
  execFileSync('touch', ['-d', '1965-03-02T01:00:00Z', join(folder, 'old')]);
  const words = ['--force-uid=70000', '--force-gid=80000'];
  const fixed = await openImage(memorySource(makeImageBytes(folder, scratch, words)));
  const { inode, mtimeSeconds } = await fixed.stat('old');
  assert.deepEqual([inode.form, inode.uid, inode.gid, mtimeSeconds], ['extended', 70000, 80000, 0]);
  execFileSync('mkfs.erofs', ['--quiet', join(scratch, 'own-times.erofs'), folder], { stdio: 'pipe' });
  const own = await openImage(memorySource(new Uint8Array(readFileSync(join(scratch, 'own-times.erofs')))));
  assert.equal((await own.stat('old')).mtimeSeconds, Date.parse('1965-03-02T01:00:00Z') / 1000);
});

test('a compact inode has the time of the image', needsMkfs, async (context) => {
  const { image } = await packed(context, (folder) => writeFileSync(join(folder, 'f'), ''), ['-T1234567890']);
  const entry = await image.stat('f');
  assert.deepEqual([entry.inode.form, entry.mtimeSeconds], ['compact', 1234567890]);
});

test(
  'extended attributes are skipped: names, data and links are as without them',
  needsMkfs,
  async (context) => {
    const scratch = temporaryFolder(context);
    const folder = join(scratch, 'tree');
    mkdirSync(join(folder, 'sub'), { recursive: true });
    const paths = ['sub', ...[0, 1, 3900, 4000, 4064, 5000, 8192].map((sizeBytes) => `sub/f${sizeBytes}`)];
    for (const path of paths.slice(1)) {
      writeFileSync(join(folder, path), patterned(Number(path.slice('sub/f'.length))));
    }
    const fault = setAttributes(paths.map((path) => join(folder, path)));
    if (fault !== undefined) {
      context.skip(fault);
      return;
    }
    const image = await openImage(memorySource(makeImageBytes(folder, scratch)));
    assert.ok((await image.stat('sub/f1')).inode.xattrSizeBytes > 0);
    await assertSameTree(image, folder);
    assert.deepEqual((await checkImage(image)).problems, []);
  },
);

const SET_IN_PYTHON = `import os, sys
for path in sys.argv[1:]:
    os.setxattr(path, 'user.shared', b'the same for all')
    os.setxattr(path, 'user.own', path.encode())`;

/** One attribute that all files share, and one of the file's own. @returns why there is no way to set them */
function setAttributes(paths: readonly string[]): string | undefined {
  const quiet = { stdio: 'pipe' } as const;
  const ways = [
    () => {
      execFileSync('setfattr', ['-n', 'user.shared', '-v', 'the same for all', ...paths], quiet);
      for (const path of paths) execFileSync('setfattr', ['-n', 'user.own', '-v', path, path], quiet);
    },
    () => execFileSync('python3', ['-c', SET_IN_PYTHON, ...paths], quiet),
  ];
  for (const set of ways) {
    try {
      set();
      return undefined;
    } catch {
      // The next way; when there is none left, that is the reason to skip.
    }
  }
  return 'extended attributes cannot be set here: neither setfattr nor python3 does it in this folder';
}

test('ranges of a file are the bytes that a slice of it has', needsMkfs, async (context) => {
  const content = patterned(10_000);
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  writeFileSync(join(folder, 'f'), content);
  const source = memorySource(makeImageBytes(folder, scratch));
  const image = await openImage(source, { limits: { pieceBytes: 1000 } });
  const file = await image.stat('f');
  for (const [start, end] of [
    [0, 0],
    [0, 1],
    [4095, 4097],
    [8191, 8193],
    [8192, 10_000],
    [9999, 10_000],
    [10_000, 10_000],
    [3, 9999],
  ] as const) {
    const pieces: Uint8Array[] = [];
    for await (const piece of image.readFile(file, { start, end })) pieces.push(piece);
    assert.ok(pieces.every((piece) => piece.length <= 1000 && piece.length > 0));
    assert.deepEqual(new Uint8Array(Buffer.concat(pieces)), content.slice(start, end), `${start} to ${end}`);
  }
  for (const range of [
    { start: -1 },
    { end: 10_001 },
    { start: 5, end: 4 },
    { start: 0.5 },
    { start: Number.NaN },
  ]) {
    await assert.rejects(image.readFile(file, range).next(), RangeError);
  }
});

test('what is not there, or of another kind, is refused by name', needsMkfs, async (context) => {
  const { image } = await packed(context, (folder) => {
    mkdirSync(join(folder, 'd'));
    writeFileSync(join(folder, 'f'), 'x');
  });
  for (const path of ['g', 'd/g', 'F', '.', '..', 'd/..', 'f\0']) {
    await assert.rejects(image.stat(path), { name: 'ErofsError', code: 'NOT_FOUND' }, path);
  }
  await assert.rejects(image.stat('f/x'), { code: 'WRONG_KIND' });
  const [file, directory] = [await image.stat('f'), await image.stat('d')];
  await assert.rejects(image.readDirectory(file).next(), { code: 'WRONG_KIND' });
  await assert.rejects(image.readFile(directory).next(), { code: 'WRONG_KIND' });
  await assert.rejects(image.readLink(file), { code: 'WRONG_KIND' });
});

test('a compressed image is refused as unsupported, by the feature it needs', needsMkfs, async (context) => {
  const fill = (folder: string): void => writeFileSync(join(folder, 'zeros'), new Uint8Array(100_000));
  await assert.rejects(packed(context, fill, ['-zlz4']), { code: 'UNSUPPORTED', message: /LZ4_0PADDING/ });
});

test('a chunked image is refused as unsupported, by the feature it needs', needsMkfs, async (context) => {
  const fill = (folder: string): void => writeFileSync(join(folder, 'zeros'), new Uint8Array(100_000));
  await assert.rejects(packed(context, fill, ['--chunksize=4096']), {
    code: 'UNSUPPORTED',
    message: /CHUNKED_FILE/,
  });
});

test('a device node or a pipe is refused as unsupported, with its path', needsMkfs, async (context) => {
  const { image } = await packed(context, (folder) => execFileSync('mkfifo', [join(folder, 'pipe')]));
  await assert.rejects(describeImage(image), { code: 'UNSUPPORTED', message: /"pipe".*mode 010/ });
  assert.deepEqual((await checkImage(image)).problems.map(({ code, path }) => [code, path])[0], [
    'UNSUPPORTED',
    'pipe',
  ]);
});

test(
  'a source that is longer than the image is read; a shorter one is refused',
  needsMkfs,
  async (context) => {
    const scratch = temporaryFolder(context);
    const folder = join(scratch, 'tree');
    mkdirSync(folder);
    writeFileSync(join(folder, 'f'), patterned(9000));
    const bytes = makeImageBytes(folder, scratch);
    const withTree = new Uint8Array(bytes.length + 8192).fill(0xee);
    withTree.set(bytes);
    await assertSameTree(await openImage(memorySource(withTree)), folder);
    for (const length of [0, 1, 1023, 1024, 4095, 4096, bytes.length - 4096, bytes.length - 1]) {
      await assert.rejects(
        openImage(memorySource(bytes.slice(0, length))),
        { code: 'TRUNCATED' },
        `${length}`,
      );
    }
  },
);

test('a source that gives fewer bytes than asked is noticed', needsMkfs, async (context) => {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  writeFileSync(join(folder, 'f'), patterned(9000));
  const bytes = makeImageBytes(folder, scratch);
  const short = (offset: number, length: number): Uint8Array =>
    bytes.subarray(offset, offset + length - (offset === 4096 ? 1 : 0));
  const image = await openImage({ sizeBytes: bytes.length, read: short });
  await assert.rejects(describeImage(image), { code: 'TRUNCATED' });
});

test('bytes around and behind 4 GiB of a file are found where they lie', needsMkfs, async (context) => {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  writeFileSync(join(folder, 'f'), patterned(8192));
  const base = makeImageBytes(folder, scratch, ['--force-uid=70000']);
  const small = await (await openImage(memorySource(base))).stat('f');
  assert.equal(small.inode.form, 'extended');
  const fileBytes = 5 * 2 ** 30 + 5;
  const baseBlocks = base.length / 4096;
  const editor = new ImageEditor(base)
    .superblock('blockCount', baseBlocks + Math.ceil(fileBytes / 4096))
    .put(small.place.inode.startBytes, 2, 1)
    .put(small.place.inode.startBytes + 8, 8, fileBytes)
    .put(small.place.inode.startBytes + 16, 4, baseBlocks);
  const sealed = editor.sealed();
  // The source makes the file's bytes up as they are read.
  const made = (at: number): number => (at % 251) ^ (Math.floor(at / 2 ** 30) * 16);
  const image = await openImage({
    sizeBytes: sealed.length + Math.ceil(fileBytes / 4096) * 4096,
    read: (offset, length) =>
      offset < sealed.length
        ? sealed.subarray(offset, offset + length)
        : Uint8Array.from({ length }, (_, i) => made(offset - sealed.length + i)),
  });
  const file = await image.stat('f');
  assert.equal(file.inode.sizeBytes, fileBytes);
  for (const start of [2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32, fileBytes - 6]) {
    const pieces: Uint8Array[] = [];
    for await (const piece of image.readFile(file, { start, end: start + 6 })) pieces.push(piece);
    assert.deepEqual(
      new Uint8Array(Buffer.concat(pieces)),
      Uint8Array.from({ length: 6 }, (_, i) => made(start + i)),
    );
  }
  const [owner] = await ownersOfBlock(image, baseBlocks + 2 ** 20);
  assert.deepEqual([owner?.path, owner?.fileOffsetBytes], ['f', 2 ** 32]);
  assert.deepEqual((await checkImage(image)).problems, []);
});

test('a file of over 4 GiB keeps its size and its ends', needsLong, async (context) => {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  const sizeBytes = 2 ** 32 + 12_345;
  const file = openSync(join(folder, 'huge'), 'w');
  writeSync(file, 'begin', 0);
  writeSync(file, 'end', sizeBytes - 3);
  closeSync(file);
  truncateSync(join(folder, 'huge'), sizeBytes);
  const path = makeImage(folder, scratch);
  assert.ok(statSync(path).size > sizeBytes);
  using source = fileSource(path);
  const image = await openImage(source);
  await assertSameTree(image, folder);
  assert.deepEqual((await checkImage(image)).problems, []);
});
