import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type CopiedFile, type CopyResult, canCopyFiles, startFileCopy } from './file-copy.node.ts';

const skip = !canCopyFiles() && 'no native addon with SHA-NI here';
const BLOCK_BYTES = 4096;
/** A file system's times may be no finer than the kernel's clock ticks: two changes within one look like one. */
const KERNEL_TICK_MS = 20;
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
    const piece = 262_144;
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

test(
  'blocks may be as small as a piece of the hash, and as large as a piece of the copy',
  { skip },
  async () => {
    const contents = make('blocks', 600_000);
    for (const blockSizeBytes of [64, 262_144]) {
      const path = join(folder, `blocks-of-${blockSizeBytes}`);
      const descriptor = openSync(path, 'w+');
      const file = { ...fileAt('blocks', 0), dataOffsetBytes: 262_144 };
      const options = { salt, blockSizeBytes, leavesOffsetBytes: LEAVES_OFFSET, threads: 1, descriptor };
      const { result } = startFileCopy([file], options);
      assert.deepEqual(await result, {
        digests: [new Uint8Array(hash('sha256', contents, 'buffer'))],
      });
      closeSync(descriptor);
      const image = readFileSync(path);
      const blocks = Buffer.alloc(Math.ceil(contents.length / blockSizeBytes) * blockSizeBytes);
      blocks.set(contents);
      const leaves = Array.from({ length: blocks.length / blockSizeBytes }, (_, index) => {
        const block = blocks.subarray(index * blockSizeBytes, (index + 1) * blockSizeBytes);
        return hash('sha256', Buffer.concat([salt, block]), 'buffer');
      });
      assert.ok(image.subarray(262_144, 262_144 + blocks.length).equals(blocks));
      const first = LEAVES_OFFSET + (262_144 / blockSizeBytes) * 32;
      assert.ok(image.subarray(first, first + leaves.length * 32).equals(Buffer.concat(leaves)));
      unlinkSync(path);
    }
  },
);

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

/** What the copying of a large file comes to that is changed under way. */
async function failureDuring(name: string, change: (path: string) => void): Promise<unknown> {
  make(name, 60_000_000);
  await delay(KERNEL_TICK_MS);
  const image = join(folder, `${name}-image`);
  const descriptor = openSync(image, 'w+');
  const options = {
    salt,
    blockSizeBytes: BLOCK_BYTES,
    leavesOffsetBytes: LEAVES_OFFSET,
    threads: 1,
    descriptor,
  };
  const copying = startFileCopy([fileAt(name, 1)], options);
  while (copying.progress().doneBytes === 0) await delay(0);
  change(join(folder, name));
  const result = await copying.result;
  closeSync(descriptor);
  unlinkSync(image);
  unlinkSync(join(folder, name));
  assert.ok('failure' in result, 'expected a failure');
  return result.failure;
}

test(
  'a file that ends sooner, goes on or is written to while it is copied is noticed',
  { skip },
  async () => {
    const shorter = await failureDuring('shrinking', (path) => truncateSync(path, 59_000_000));
    assert.deepEqual(shorter, { kind: 'changed', index: 0, how: 'ended', bytes: 59_000_000 });
    const longer = await failureDuring('growing', (path) => appendFileSync(path, 'x'));
    assert.deepEqual(longer, { kind: 'changed', index: 0, how: 'grown', bytes: 0 });
    const written = await failureDuring('written', (path) => {
      const descriptor = openSync(path, 'r+');
      writeSync(descriptor, 'x', 59_000_000);
      closeSync(descriptor);
    });
    assert.deepEqual(written, { kind: 'changed', index: 0, how: 'touched', bytes: 0 });
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

test('a process that ends does not wait for the copying', { skip }, () => {
  const sizeBytes = 2 ** 30;
  const image = join(folder, 'left');
  writeFileSync(join(folder, 'hole'), '');
  truncateSync(join(folder, 'hole'), sizeBytes);
  const module = JSON.stringify(new URL('./file-copy.node.ts', import.meta.url).href);
  const file = { ...fileAt('hole', 1), path: join(folder, 'hole') };
  const literal = JSON.stringify(file, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  ).replaceAll(/"(\d+n)"/gu, '$1');
  const run = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { startFileCopy } from ${module};
       import { openSync } from 'node:fs';
       const file = ${literal};
       const copying = startFileCopy([{ ...file, path: Buffer.from(file.path) }], {
         salt: new Uint8Array(32), blockSizeBytes: ${BLOCK_BYTES}, leavesOffsetBytes: ${2 * sizeBytes}, threads: 1,
         descriptor: openSync(${JSON.stringify(image)}, 'w+'),
       });
       while (copying.progress().doneBytes === 0);
       process.exit(7);`,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(run.status, 7, run.stderr);
  assert.ok(statSync(image).blocks * 512 < sizeBytes, 'all of it was copied');
  unlinkSync(image);
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
    () => startFileCopy([file], { ...options, blockSizeBytes: 524_288 }),
    () => startFileCopy([file], { ...options, threads: 1.5 }),
    () => startFileCopy([file], { ...options, threads: NaN }),
    () => startFileCopy([file], { ...options, descriptor: 0.5 }),
    () => startFileCopy([file], { ...options, leavesOffsetBytes: NaN }),
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
