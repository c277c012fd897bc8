/** Folders that chance would not find, against mkfs.erofs 1.5. */
import assert from 'node:assert/strict';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFolder } from '../src/folder.node.ts';
import { type Inode, type Superblock, decodeInode, decodeSuperblock } from '../src/format.ts';
import { planImage } from '../src/layout.ts';
import { contentOf } from './writer-folders.ts';
import { UUID, UUID_BYTES, assertSameImage, bytesOf, imageOf } from './writer-image.ts';
import { inScratchFolder, mkfsObstacle, runMkfs } from './writer-oracle.ts';

const needsMkfs = { skip: mkfsObstacle };
const needsLong = {
  skip: mkfsObstacle || (process.env['VITRINE_LONG'] === '1' ? false : 'long: set VITRINE_LONG=1'),
};

/** Fills a folder, holds the writer's image of it against mkfs.erofs', and gives the image. */
function assertAsMkfs(fill: (folder: string) => void): Promise<Buffer> {
  return inScratchFolder(async (scratch) => {
    const folder = join(scratch, 'tree');
    mkdirSync(folder);
    fill(folder);
    const ours = await imageOf(folder);
    const oracle = join(scratch, 'oracle.erofs');
    runMkfs(folder, oracle, UUID);
    assertSameImage(ours, readFileSync(oracle));
    return ours;
  });
}

function superblockOf(image: Buffer): Superblock {
  return decodeSuperblock(new Uint8Array(image.subarray(0, 4096)));
}

function emptyFiles(count: number, nameBytes: number): (folder: string) => void {
  return (folder) => {
    for (let i = 0; i < count; i++) writeFileSync(join(folder, `${i}-`.padEnd(nameBytes, 'n')), '');
  };
}

/** With names of 250 bytes, so many entries fill a directory block; 13 more do not fit behind the superblock. */
const ENTRIES_PER_BLOCK = 15;

test(
  'a root inode in the first block that 16 bits cannot address moves the metadata area by one block',
  needsMkfs,
  async () => {
    // The superblock's block, 511 blocks of entries, then the inode with the rest of them.
    const image = await assertAsMkfs(emptyFiles(511 * ENTRIES_PER_BLOCK + 13, 250));
    const { metaBlockAddress, rootNid } = superblockOf(image);
    assert.equal(metaBlockAddress, 1);
    assert.equal(rootNid, (511 * 4096) / 32);
  },
);

test(
  'a root inode in the last block that 16 bits address leaves the metadata area at block 0',
  needsMkfs,
  async () => {
    const image = await assertAsMkfs(emptyFiles(510 * ENTRIES_PER_BLOCK + 13, 250));
    const { metaBlockAddress, rootNid } = superblockOf(image);
    assert.equal(metaBlockAddress, 0);
    assert.equal(rootNid, (511 * 4096) / 32);
  },
);

test(
  'a root directory of more than 2 MiB whose inode fits behind the superblock leaves the metadata area at block 0',
  needsMkfs,
  async () => {
    const image = await assertAsMkfs(emptyFiles(520 * ENTRIES_PER_BLOCK + 4, 250));
    assert.equal(superblockOf(image).metaBlockAddress, 0);
  },
);

test(
  'a directory with thousands of entries, some with inline data, is laid out as by mkfs.erofs',
  needsMkfs,
  async () => {
    await assertAsMkfs((folder) => {
      mkdirSync(join(folder, 'many'));
      for (let i = 0; i < 5000; i++)
        writeFileSync(join(folder, 'many', `entry-${i}`), contentOf(i, (i * 37) % 700));
    });
  },
);

test('every size from 3900 to 4200 bytes is laid out as by mkfs.erofs', needsMkfs, async () => {
  await assertAsMkfs((folder) => {
    for (let sizeBytes = 3900; sizeBytes <= 4200; sizeBytes++) {
      writeFileSync(join(folder, `${sizeBytes}`), contentOf(sizeBytes, sizeBytes));
    }
  });
});

test(
  'a directory with one entry more at a time is laid out as by mkfs.erofs at every length of its last block',
  needsMkfs,
  async () => {
    await assertAsMkfs((folder) => {
      for (let count = 0; count <= 45; count++) {
        mkdirSync(join(folder, `${count}`));
        for (let i = 0; i < count; i++)
          writeFileSync(join(folder, `${count}`, `${i}`.padStart(120, 'n')), '');
      }
    });
  },
);

test('a depth of 200 folders is laid out as by mkfs.erofs', needsMkfs, async () => {
  await assertAsMkfs((folder) => {
    let path = folder;
    for (let depth = 0; depth < 200; depth++) {
      path = join(path, `d${depth}`);
      mkdirSync(path);
      writeFileSync(join(path, 'f'), contentOf(depth, depth * 41));
    }
  });
});

test(
  'an inode in the last slot of a block whose inline data fill the next one is laid out as by mkfs.erofs',
  needsMkfs,
  async () => {
    const outer = 'n0'.padEnd(200);
    const fill = (folder: string): void => {
      mkdirSync(join(folder, outer, outer), { recursive: true });
      writeFileSync(join(folder, outer, outer, 'a'), contentOf(1, 16_289));
      writeFileSync(join(folder, outer, outer, 'b  '), contentOf(2, 4064));
    };
    const image = await assertAsMkfs(fill);
    const inode = image.length - 4096 - 32;
    assert.equal(decodeInode(new Uint8Array(image.subarray(inode, inode + 32))).sizeBytes, 4064);
  },
);

test('names that begin with lost+found are left out and told, as mkfs.erofs leaves them out', needsMkfs, () =>
  inScratchFolder(async (scratch) => {
    const folder = join(scratch, 'tree');
    mkdirSync(join(folder, 'sub', 'lost+found'), { recursive: true });
    mkdirSync(join(folder, 'lost+found'));
    writeFileSync(join(folder, 'lost+found', 'orphan'), 'x');
    writeFileSync(join(folder, 'lost+found.txt'), 'x');
    writeFileSync(join(folder, 'lost+foun'), 'this one stays');
    writeFileSync(join(folder, 'Lost+found'), 'this one too');
    // The link count is that of the names in the image, not that of the folder.
    linkSync(join(folder, 'lost+foun'), join(folder, 'sub', 'lost+found-link'));
    const { root, leftOut } = readFolder(folder);
    assert.deepEqual([...leftOut].sort(), [
      'lost+found',
      'lost+found.txt',
      'sub/lost+found',
      'sub/lost+found-link',
    ]);
    runMkfs(folder, join(scratch, 'oracle.erofs'), UUID);
    assertSameImage(await bytesOf(planImage(root, UUID_BYTES)), readFileSync(join(scratch, 'oracle.erofs')));
  }),
);

test('mkfs.erofs fails for a name of 255 bytes; the writer has it', needsMkfs, () =>
  inScratchFolder(async (scratch) => {
    const folder = join(scratch, 'tree');
    mkdirSync(folder);
    writeFileSync(join(folder, 'n'.repeat(255)), 'x');
    assert.throws(() => runMkfs(folder, join(scratch, 'oracle.erofs'), UUID));
    assert.ok((await imageOf(folder)).includes(Buffer.from('n'.repeat(255))));
  }),
);

test(
  '60,000 entries of the root, and one file less or more around the edge, are laid out as by mkfs.erofs',
  needsLong,
  async () => {
    const addresses = new Set<number>();
    for (let more = 0; more < 90; more += 15) {
      addresses.add(superblockOf(await assertAsMkfs(emptyFiles(60_000 + more, 35))).metaBlockAddress);
    }
    assert.ok(addresses.has(0) && addresses.size > 1, 'the counts must reach both cases');
  },
);

test(
  'more names of a file than a compact inode can count are written as by mkfs.erofs',
  needsLong,
  async () => {
    for (const names of [0xffff, 0x1_0000, 0x1_0003]) {
      await assertAsMkfs((folder) => {
        writeFileSync(join(folder, 'n0'), 'x');
        for (let i = 1; i < names; i++) linkSync(join(folder, 'n0'), join(folder, `n${i}`));
      });
    }
  },
);

test(
  'more folders in a folder than a compact inode can count are written as by mkfs.erofs',
  needsLong,
  async () => {
    for (const folders of [0xffff - 2, 0xffff - 1]) {
      await assertAsMkfs((folder) => {
        for (let i = 0; i < folders; i++) mkdirSync(join(folder, `d${i}`));
      });
    }
  },
);

/** Where mkfs.erofs 1.5 puts a file of 4 GiB + 5 bytes and two small ones beside it. */
const BESIDE_4_GIB = [
  {
    name: 'a',
    sizeBytes: 5,
    form: 'compact',
    dataLayout: 'flatInline',
    serial: 1,
    inodeOffsetBytes: 1280,
    blockAddress: 0xffffffff,
  },
  {
    name: 'big',
    sizeBytes: 2 ** 32 + 5,
    form: 'extended',
    dataLayout: 'flatInline',
    serial: 2,
    inodeOffsetBytes: 1344,
    blockAddress: 1,
  },
  {
    name: 'z',
    sizeBytes: 5000,
    form: 'compact',
    dataLayout: 'flatInline',
    serial: 3,
    inodeOffsetBytes: 1440,
    blockAddress: 1_048_577,
  },
] as const;
const BLOCKS_BESIDE_4_GIB = 1_048_578;

test('a file of more than 4 GiB gets the addresses that mkfs.erofs gives it', () => {
  const entries = BESIDE_4_GIB.map(({ name, sizeBytes }) => ({
    name: Buffer.from(name),
    node: { kind: 'file' as const, permissions: 0o644, sizeBytes, source: name },
  }));
  const layout = planImage({ kind: 'directory', permissions: 0o755, entries }, UUID_BYTES);
  const planned = layout.inodes[0]!.entries.flatMap(({ name: bytes, inode }) => {
    const name = Buffer.from(bytes).toString();
    const { sizeBytes, form, dataLayout, serial, inodeOffsetBytes, blockAddress } = inode;
    return name.startsWith('.')
      ? []
      : [{ name, sizeBytes, form, dataLayout, serial, inodeOffsetBytes, blockAddress }];
  });
  assert.deepEqual(planned, BESIDE_4_GIB);
  assert.equal(layout.blockCount, BLOCKS_BESIDE_4_GIB);
});

test('a file of exactly 2^32 - 1 bytes has a compact inode, one of 2^32 an extended one', () => {
  for (const [sizeBytes, form] of [
    [2 ** 32 - 1, 'compact'],
    [2 ** 32, 'extended'],
  ] as const) {
    const node = { kind: 'file' as const, permissions: 0o644, sizeBytes, source: '' };
    const layout = planImage(
      { kind: 'directory', permissions: 0o755, entries: [{ name: Buffer.from('f'), node }] },
      UUID_BYTES,
    );
    assert.equal(layout.inodes[1]!.form, form);
  }
});

test(
  "mkfs.erofs' own image of a file of more than 4 GiB has the addresses that the plan is held against",
  needsLong,
  () =>
    inScratchFolder(
      (scratch) => {
        const folder = join(scratch, 'tree');
        mkdirSync(folder);
        for (const { name, sizeBytes } of BESIDE_4_GIB) {
          writeFileSync(join(folder, name), '');
          truncateSync(join(folder, name), sizeBytes);
        }
        const image = join(scratch, 'oracle.erofs');
        runMkfs(folder, image, UUID);
        assert.equal(statSync(image).size, BLOCKS_BESIDE_4_GIB * 4096);
        for (const { name, inodeOffsetBytes, ...expected } of BESIDE_4_GIB) {
          const { form, dataLayout, sizeBytes, serial, blockAddress } = inodeAt(image, inodeOffsetBytes);
          assert.deepEqual({ sizeBytes, form, dataLayout, serial, blockAddress }, expected, name);
        }
      },
      mkdtempSync(join(tmpdir(), 'vitrine-writer-')),
    ),
);

function inodeAt(image: string, offsetBytes: number): Inode {
  const descriptor = openSync(image, 'r');
  try {
    const bytes = new Uint8Array(64);
    readSync(descriptor, bytes, 0, bytes.length, offsetBytes);
    return decodeInode(bytes);
  } finally {
    closeSync(descriptor);
  }
}
