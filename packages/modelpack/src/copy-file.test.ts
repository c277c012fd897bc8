import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FolderFile } from '@vitrine/erofs/node';
import { copyFile, newCopyBuffer } from './copy-file.ts';
import type { FileSink } from './file-sink.ts';

const PIECE_BYTES = newCopyBuffer().length;
const SIZE_BYTES = 3 * PIECE_BYTES + 100;
/** A file system's times may be no finer than the kernel's clock ticks: two changes within one look like one. */
const KERNEL_TICK_MS = 20;
const CONTENT = Buffer.alloc(SIZE_BYTES, 'content ');

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-copy-'));
  path = join(folder, 'model.bin');
  writeFileSync(path, CONTENT);
  await delay(KERNEL_TICK_MS);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The file as a look at the folder finds it. */
function look(at = path): FolderFile {
  const stats = lstatSync(at, { bigint: true });
  return {
    path: Buffer.from(at),
    displayPath: 'model.bin',
    device: stats.dev,
    inode: stats.ino,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
}

/** Copies, and lets something happen to the file after so many pieces; the sink gets what was read. */
function copy(source: FolderFile, happening: () => void = () => undefined, afterPieces = 0): Buffer {
  const pieces: Buffer[] = [];
  if (afterPieces === 0) happening();
  const sink = {
    write: (bytes: Uint8Array) => {
      pieces.push(Buffer.from(bytes));
      if (pieces.length === afterPieces) happening();
    },
  } as unknown as FileSink;
  copyFile(source, SIZE_BYTES, sink, newCopyBuffer(), () => undefined);
  return Buffer.concat(pieces);
}

const changed = { code: 'SOURCE_CHANGED', message: /^model\.bin changed while it was packed/ };

test('a file that stays as it is is copied whole, in pieces of blocks', () => {
  assert.ok(copy(look()).equals(CONTENT));
});

test('progress adds up to the size', () => {
  let sum = 0;
  const sink = { write: () => undefined } as unknown as FileSink;
  copyFile(look(), SIZE_BYTES, sink, newCopyBuffer(), (count) => (sum += count));
  assert.equal(sum, SIZE_BYTES);
});

const happenings: [string, () => void][] = [
  ['shrinks', () => truncateSync(path, SIZE_BYTES - 1)],
  ['shrinks to nothing', () => truncateSync(path, 0)],
  ['grows by a byte', () => appendFileSync(path, 'x')],
  ['is written to in place', () => writeFileSync(path, CONTENT)],
  ['is touched', () => utimesSync(path, 1, 1)],
  ['gets another name', () => linkSync(path, join(folder, 'second'))],
];

for (const [what, happening] of happenings) {
  const reading = what.startsWith('shrinks') ? 1 : 2;
  test(`a file that ${what} before it is opened is noticed`, () => {
    const source = look();
    assert.throws(() => copy(source, happening), changed);
  });
  test(`a file that ${what} while it is read is noticed`, () => {
    const source = look();
    assert.throws(() => copy(source, happening, reading), changed);
  });
}

test('a file that is written to after its last byte was read, and before its end, is noticed', () => {
  const source = look();
  assert.throws(() => copy(source, () => appendFileSync(path, 'x'), 4), changed);
});

test('a file of the same size and time that has taken the place is noticed', () => {
  const source = look();
  const { atime, mtime } = statSync(path);
  const other = join(folder, 'other');
  writeFileSync(other, CONTENT);
  utimesSync(other, atime, mtime);
  renameSync(other, path);
  assert.throws(() => copy(source), { code: 'SOURCE_CHANGED', message: /another file has taken its place/ });
});

test('a symbolic link that has taken the place is not followed', () => {
  const source = look();
  renameSync(path, join(folder, 'aside'));
  symlinkSync(join(folder, 'aside'), path);
  assert.throws(() => copy(source), { code: 'SOURCE_CHANGED', message: /a link has taken its place/ });
});

test('a FIFO that has taken the place does not block', () => {
  const source = look();
  rmSync(path);
  execFileSync('mkfifo', [path]);
  assert.throws(() => copy(source), { code: 'SOURCE_CHANGED', message: /another file has taken its place/ });
});

test('a file that is gone is unreadable, and its name is said', () => {
  const source = look();
  rmSync(path);
  assert.throws(() => copy(source), { code: 'SOURCE_UNREADABLE', message: /model\.bin.*ENOENT/ });
});

test('an error of the sink is passed on as it is', () => {
  const failure = new Error('the disk is full');
  const sink = {
    write: () => {
      throw failure;
    },
  } as unknown as FileSink;
  assert.throws(() => copyFile(look(), SIZE_BYTES, sink, newCopyBuffer(), () => undefined), failure);
});
