import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRENT_SIZE_BYTES, encodeDirent, FILE_TYPE } from './format.ts';
import { blockRecords, directoryRecords } from './reader-directory.ts';
import { ImageBytes } from './reader-source.ts';

const SELF = 40n;
const PARENT = 36n;

interface Named {
  readonly name: string | Uint8Array;
  readonly nid?: bigint;
  readonly fileType?: number;
  readonly nameOffsetBytes?: number;
}

const dot: Named = { name: '.', nid: SELF, fileType: FILE_TYPE.directory };
const dotDot: Named = { name: '..', nid: PARENT, fileType: FILE_TYPE.directory };

/** A directory block as it would lie in an image, right or wrong. */
function directoryBlock(entries: readonly Named[], paddingBytes = 0): Uint8Array {
  const names = entries.map(({ name }) => (typeof name === 'string' ? Buffer.from(name) : Buffer.from(name)));
  const head = new Uint8Array(entries.length * DIRENT_SIZE_BYTES);
  let nameOffsetBytes = head.length;
  for (const [i, entry] of entries.entries()) {
    const dirent = { nid: entry.nid ?? 50n, nameOffsetBytes: entry.nameOffsetBytes ?? nameOffsetBytes };
    encodeDirent(new DataView(head.buffer), i * DIRENT_SIZE_BYTES, {
      ...dirent,
      fileType: entry.fileType ?? 1,
    });
    nameOffsetBytes += names[i]!.length;
  }
  return Uint8Array.from(Buffer.concat([head, ...names, new Uint8Array(paddingBytes)]));
}

/** Reads it strictly, as the whole data of directory "dir". */
async function readNames(block: Uint8Array): Promise<string[]> {
  const none = { startBytes: 0, endBytes: 0 };
  const place = {
    inode: none,
    xattrs: none,
    blocks: none,
    inlineTail: { startBytes: 0, endBytes: block.length },
  };
  const padded = new Uint8Array(4096);
  padded.set(block);
  const read = (offset: number, length: number): Uint8Array => padded.subarray(offset, offset + length);
  const bytes = new ImageBytes({ sizeBytes: 4096, read }, 4096, 1);
  const names: string[] = [];
  const report = (error: Error): never => {
    throw error;
  };
  for await (const record of directoryRecords(
    bytes,
    { path: 'dir', nid: SELF, parentNid: PARENT, place },
    report,
  )) {
    names.push(Buffer.from(record.nameBytes).toString());
  }
  return names;
}

test('names are given in order without the two dots; the last one ends at a NUL or at the end', async () => {
  const entries = [{ name: '-' }, dot, dotDot, { name: 'a' }, { name: 'b'.repeat(255) }];
  for (const paddingBytes of [0, 1, 100]) {
    assert.deepEqual(await readNames(directoryBlock(entries, paddingBytes)), ['-', 'a', 'b'.repeat(255)]);
  }
});

const WRONG: Record<string, [readonly Named[], RegExp]> = {
  'names out of order': [[dot, dotDot, { name: 'b' }, { name: 'a' }], /"a" must sort behind "b"/],
  'a name that occurs twice': [[dot, dotDot, { name: 'a' }, { name: 'a' }], /"a" must sort behind "a"/],
  'bytewise order taken as signed': [
    [dot, dotDot, { name: Uint8Array.of(0xff) }, { name: 'a' }],
    /must sort behind/,
  ],
  'an empty name': [[dot, dotDot, { name: '' }, { name: 'a' }], /entry 2: its name must lie between/],
  'an empty last name': [[dot, dotDot, { name: Uint8Array.of(0, 0x61) }], /entry 2: its name is empty/],
  'a name with a slash': [[dot, dotDot, { name: 'a/b' }], /entry 2: its name holds a slash/],
  'a name with a NUL byte that is not the last': [
    [dot, dotDot, { name: 'a\0b' }, { name: 'c' }],
    /holds a NUL/,
  ],
  'a name of 256 bytes': [[dot, dotDot, { name: 'x'.repeat(256) }], /has 256 bytes; 255 are the most/],
  'no "."': [[dotDot, { name: 'a' }], /it has no "\."/],
  'no ".."': [[dot, { name: 'a' }], /it has no "\.\."/],
  'a "." that is another inode': [[{ ...dot, nid: PARENT }, dotDot], /"\." must be inode 40, found 36/],
  'a ".." that is not the parent': [[dot, { ...dotDot, nid: SELF }], /"\.\." must be inode 36, found 40/],
  'a "." that is no directory': [[{ ...dot, fileType: 1 }, dotDot], /"\." must have file type 2/],
  'a second "."': [[dot, dot, dotDot], /"\." must sort behind "\."/],
  'a name that begins before the names': [
    [dot, dotDot, { name: 'a', nameOffsetBytes: 35 }],
    /must lie between/,
  ],
  'a name that begins behind the block': [
    [dot, dotDot, { name: 'a', nameOffsetBytes: 40 }],
    /must lie between/,
  ],
  'a name that begins far outside': [
    [dot, dotDot, { name: 'a', nameOffsetBytes: 0xffff }],
    /must lie between/,
  ],
  'a first name at byte 0': [[{ ...dot, nameOffsetBytes: 0 }, dotDot], /must be a multiple of 12/],
  'a first name within an entry': [[{ ...dot, nameOffsetBytes: 23 }, dotDot], /must be a multiple of 12/],
  'a first name behind the block': [[{ ...dot, nameOffsetBytes: 36 }, dotDot], /must be a multiple of 12/],
};
for (const [what, [entries, message]] of Object.entries(WRONG)) {
  test(`a directory with ${what} is corrupt, and the message says where`, async () => {
    await assert.rejects(readNames(directoryBlock(entries)), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'CORRUPT');
      assert.match(error.message, /^Reading directory "dir": /);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('a directory of fewer bytes than one entry is corrupt', async () => {
  for (let length = 1; length < DIRENT_SIZE_BYTES; length++) {
    await assert.rejects(readNames(directoryBlock([dot, dotDot]).subarray(0, length)), { code: 'CORRUPT' });
  }
  await assert.rejects(readNames(new Uint8Array()), { code: 'CORRUPT' });
});

test('a name that would end behind the block is left out, as is the one that begins there', () => {
  const complaints: string[] = [];
  const block = directoryBlock([dot, { name: 'b' }, { name: 'c', nameOffsetBytes: 0xffff }]);
  const records = [...blockRecords(block, (what) => complaints.push(what))];
  assert.deepEqual(
    records.map(({ nameBytes }) => Buffer.from(nameBytes).toString()),
    ['.'],
  );
  assert.equal(complaints.length, 2);
});

test('a reading that goes on leaves out what is wrong and gives the rest', () => {
  const complaints: string[] = [];
  const block = directoryBlock([
    dot,
    { name: 'a/' },
    { name: 'b' },
    { name: 'c', nameOffsetBytes: 0 },
    { name: 'd' },
  ]);
  const records = [...blockRecords(block, (what) => complaints.push(what))];
  // b is lost too: where it ends is where c begins.
  assert.deepEqual(
    records.map(({ nameBytes }) => Buffer.from(nameBytes).toString()),
    ['.', 'd'],
  );
  assert.equal(complaints.length, 3);
});
