import assert from 'node:assert/strict';
import { createHash, hash, randomFillSync } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CopiedFile, type CopyResult, canCopyFiles, startFileCopy } from './file-copy.node.ts';

const skip = !canCopyFiles() && 'no native addon with SHA-NI here';
const BLOCK_BYTES = 4096;
const LEAVES_OFFSET = 64 * 1024 * 1024;
const salt = Uint8Array.from({ length: 32 }, (_, at) => at);
const folder = mkdtempSync(join(tmpdir(), 'vitrine-file-copy-'));
after(() => rmSync(folder, { recursive: true }));
let imageCount = 0;

/** The file with all but its last `tailBytes` in blocks from `firstBlock`. */
function fileAt(name: string, firstBlock: number, tailBytes = 0): CopiedFile {
  const path = join(folder, name);
  const stats = statSync(path, { bigint: true });
  const sizeBytes = Number(stats.size);
  return {
    path: Buffer.from(path),
    sizeBytes,
    device: stats.dev,
    inode: stats.ino,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
    blockBytes: sizeBytes - tailBytes,
    dataOffsetBytes: firstBlock * BLOCK_BYTES,
    tailOffsetBytes: 60 * 1024 * 1024 + firstBlock * BLOCK_BYTES,
  };
}

function make(name: string, sizeBytes: number): Uint8Array {
  const contents = randomFillSync(new Uint8Array(sizeBytes));
  writeFileSync(join(folder, name), contents);
  return contents;
}

async function copy(
  files: readonly CopiedFile[],
  threads = 2,
): Promise<{ result: CopyResult; image: Buffer }> {
  const path = join(folder, `image-${imageCount++}`);
  const descriptor = openSync(path, 'w+');
  try {
    const options = {
      salt,
      blockSizeBytes: BLOCK_BYTES,
      leavesOffsetBytes: LEAVES_OFFSET,
      threads,
      descriptor,
    };
    const result = await startFileCopy(files, options).result;
    return { result, image: readFileSync(path) };
  } finally {
    closeSync(descriptor);
    unlinkSync(path);
  }
}

function requireCopied(image: Buffer, file: CopiedFile, contents: Uint8Array): void {
  const blocks = Buffer.alloc(Math.ceil(file.blockBytes / BLOCK_BYTES) * BLOCK_BYTES);
  blocks.set(contents.subarray(0, file.blockBytes));
  const { dataOffsetBytes, tailOffsetBytes } = file;
  assert.ok(image.subarray(dataOffsetBytes, dataOffsetBytes + blocks.length).equals(blocks));
  const tail = contents.subarray(file.blockBytes);
  assert.ok(image.subarray(tailOffsetBytes, tailOffsetBytes + tail.length).equals(tail));
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) {
    const expected = hash('sha256', Buffer.concat([salt, blocks.subarray(at, at + BLOCK_BYTES)]), 'hex');
    const leaf = LEAVES_OFFSET + ((dataOffsetBytes + at) / BLOCK_BYTES) * 32;
    assert.equal(image.subarray(leaf, leaf + 32).toString('hex'), expected);
  }
}

test(
  'files of every size around blocks and pieces are copied and hashed as node:crypto does',
  { skip },
  async () => {
    const piece = 131_072;
    const sizes = [
      0,
      1,
      63,
      64,
      65,
      4095,
      4096,
      4097,
      8192,
      piece - 1,
      piece,
      piece + 1,
      3 * piece + 5000,
      5_000_001,
    ];
    let block = 1;
    const files = sizes.map((size, index) => {
      const contents = make(`size-${index}`, size);
      const file = fileAt(`size-${index}`, block, size % 3 === 0 ? size % BLOCK_BYTES : 0);
      block += Math.ceil(size / BLOCK_BYTES) + 2;
      return { file, contents };
    });
    for (const threads of [1, 2, 7]) {
      const { result, image } = await copy(
        files.map(({ file }) => file),
        threads,
      );
      assert.ok('digests' in result);
      for (const [index, { file, contents }] of files.entries()) {
        requireCopied(image, file, contents);
        const expected = createHash('sha256').update(contents).digest('hex');
        assert.equal(Buffer.from(result.digests[index]!).toString('hex'), expected);
      }
    }
  },
);

test('no file at all is copied at once', { skip }, async () => {
  assert.deepEqual((await copy([])).result, { digests: [] });
});

test('thousands of small files keep their own digests', { skip }, async () => {
  const contents = Array.from({ length: 3000 }, (_, index) => make(`small-${index}`, index % 200));
  const files = contents.map((_, index) => fileAt(`small-${index}`, index + 1, 0));
  const { result, image } = await copy(files);
  assert.ok('digests' in result);
  for (const [index, file] of files.entries()) {
    requireCopied(image, file, contents[index]!);
    const expected = hash('sha256', contents[index]!, 'hex');
    assert.equal(Buffer.from(result.digests[index]!).toString('hex'), expected);
  }
});

/** What the copying of one file comes to that was changed after it was looked at. */
async function failureAfter(name: string, change: (path: string) => void): Promise<unknown> {
  make(name, 300_000);
  const file = fileAt(name, 1);
  change(join(folder, name));
  const { result } = await copy([file]);
  assert.ok('failure' in result, 'expected a failure');
  return result.failure;
}

test(
  'a file that became shorter, longer, another or newer is told from the one that was looked at',
  { skip },
  async () => {
    const shorter = await failureAfter('shorter', (path) => truncateSync(path, 1000));
    assert.deepEqual(shorter, { kind: 'changed', index: 0, how: 'resized', bytes: 1000 });
    const longer = await failureAfter('longer', (path) => appendFileSync(path, 'x'));
    assert.deepEqual(longer, { kind: 'changed', index: 0, how: 'resized', bytes: 300_001 });
    const replaced = await failureAfter('replaced', (path) => {
      writeFileSync(`${path}.new`, Buffer.alloc(300_000));
      renameSync(`${path}.new`, path);
    });
    assert.deepEqual(replaced, { kind: 'changed', index: 0, how: 'replaced', bytes: 0 });
    const touched = await failureAfter('touched', (path) => utimesSync(path, 1, 1));
    assert.deepEqual(touched, { kind: 'changed', index: 0, how: 'touched', bytes: 0 });
  },
);

test('a file that cannot be opened fails with the error of the system', { skip }, async () => {
  const failureOf = async (name: string, change: (path: string) => void): Promise<string | undefined> => {
    const failure = (await failureAfter(name, change)) as { kind: string; cause: NodeJS.ErrnoException };
    assert.equal(failure.kind, 'read');
    assert.match(failure.cause.message, new RegExp(`^${failure.cause.code!}: .+, open '.*${name}'$`));
    return failure.cause.code;
  };
  assert.equal(await failureOf('removed', (path) => unlinkSync(path)), 'ENOENT');
  const linked = await failureOf('linked', (path) => {
    unlinkSync(path);
    symlinkSync('size-1', path);
  });
  assert.equal(linked, 'ELOOP');
});

test('an image that cannot be written fails with the error of the system', { skip }, async () => {
  make('plain', 10_000);
  const descriptor = openSync(join(folder, 'plain'), 'r');
  const options = { salt, blockSizeBytes: BLOCK_BYTES, leavesOffsetBytes: 0, threads: 2, descriptor };
  const result = await startFileCopy([fileAt('plain', 1)], options).result;
  closeSync(descriptor);
  assert.ok('failure' in result && result.failure.kind === 'write');
  assert.equal(result.failure.cause.code, 'EBADF');
});

test('a copying that is stopped ends as stopped', { skip }, async () => {
  make('large', 30_000_000);
  const descriptor = openSync(join(folder, 'stopped'), 'w+');
  const options = {
    salt,
    blockSizeBytes: BLOCK_BYTES,
    leavesOffsetBytes: LEAVES_OFFSET,
    threads: 2,
    descriptor,
  };
  const copying = startFileCopy([fileAt('large', 1), fileAt('large', 9000)], options);
  copying.stop();
  const result = await copying.result;
  closeSync(descriptor);
  assert.deepEqual(result, { failure: { kind: 'stopped' } });
});

test('progress ends with every byte', { skip }, async () => {
  make('counted', 1_000_000);
  const descriptor = openSync(join(folder, 'progress'), 'w+');
  const options = {
    salt,
    blockSizeBytes: BLOCK_BYTES,
    leavesOffsetBytes: LEAVES_OFFSET,
    threads: 1,
    descriptor,
  };
  const copying = startFileCopy([fileAt('counted', 1)], options);
  assert.ok('digests' in (await copying.result));
  closeSync(descriptor);
  assert.deepEqual(copying.progress(), { doneBytes: 1_000_000, index: 0 });
});

test('what does not fit is refused before anything is done', { skip }, () => {
  make('fits', 10_000);
  const file = fileAt('fits', 1);
  const options = { salt, blockSizeBytes: BLOCK_BYTES, leavesOffsetBytes: 0, threads: 1, descriptor: 0 };
  const refused: (() => unknown)[] = [
    () => startFileCopy([file], { ...options, threads: 0 }),
    () => startFileCopy([file], { ...options, threads: 257 }),
    () => startFileCopy([file], { ...options, descriptor: -1 }),
    () => startFileCopy([file], { ...options, leavesOffsetBytes: -1 }),
    () => startFileCopy([file], { ...options, leavesOffsetBytes: 2 ** 62 }),
    () => startFileCopy([file], { ...options, blockSizeBytes: 100 }),
    () => startFileCopy([file], { ...options, blockSizeBytes: 192 }),
    () => startFileCopy([file], { ...options, blockSizeBytes: 262_144 }),
    () => startFileCopy([file], { ...options, salt: new Uint8Array(257) }),
    () => startFileCopy([{ ...file, dataOffsetBytes: 4097 }], options),
    () => startFileCopy([{ ...file, dataOffsetBytes: 2 ** 62 }], options),
    () => startFileCopy([{ ...file, tailOffsetBytes: 2 ** 62 }], options),
    () => startFileCopy([{ ...file, sizeBytes: 2 ** 62 }], options),
    () => startFileCopy([{ ...file, blockBytes: 10_001 }], options),
    () => startFileCopy([{ ...file, path: Uint8Array.of(47, 0, 47) }], options),
  ];
  for (const [index, attempt] of refused.entries()) assert.throws(attempt, RangeError, `attempt ${index}`);
});
