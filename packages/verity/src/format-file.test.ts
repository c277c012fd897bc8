import assert from 'node:assert/strict';
import { existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { noise, temporaryFolder } from '../test/veritysetup.ts';
import { deviceInMemory, smallParameters } from '../test/tree-in-memory.ts';
import { checkFile } from './check-file.node.ts';
import { formatFile } from './format-file.node.ts';

const { dataBlockSizeBytes, hashBlockSizeBytes, salt } = smallParameters;
const small = { dataBlockSizeBytes, hashBlockSizeBytes, salt };

test('however many threads work, with the addon or without, the file is the same', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const parameters = { ...smallParameters, dataBlockCount: 9001 };
  const expected = deviceInMemory(parameters);
  writeFileSync(dataPath, expected.dataBytes);
  for (const native of ['auto', 'never'] as const) {
    for (const jobs of [1, 2, 5]) {
      const hashPath = folder.path(`${native}-${jobs}`);
      const made = await formatFile({ ...small, dataPath, hashPath, jobs, native });
      assert.deepEqual(made.rootHash, expected.rootHash);
      assert.ok(readFileSync(hashPath).equals(expected.hashBytes));
    }
  }
});

test('data of the default block size are formatted and checked by threads', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  writeFileSync(dataPath, noise(3 * 1024 * 1024));
  const hashOffsetBytes = 3 * 1024 * 1024;
  const { rootHash, parameters } = await formatFile({ dataPath, hashOffsetBytes, salt });
  assert.equal(parameters.dataBlockCount, 768);
  assert.equal((await checkFile({ dataPath, hashOffsetBytes, rootHash })).intact, true);
});

test('progress only grows, and ends with all bytes', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const totalBytes = 8 * 1024 * 1024;
  writeFileSync(dataPath, noise(totalBytes));
  for (const size of ['small', 'large'] as const) {
    const seen: number[] = [];
    await formatFile({
      dataPath,
      hashPath: folder.path(`hash-${size}`),
      salt,
      ...(size === 'small' ? { dataBlockCount: 5 } : {}),
      onProgress: (progress) => {
        assert.equal(progress.totalBytes, size === 'small' ? 5 * 4096 : totalBytes);
        seen.push(progress.doneBytes);
      },
    });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(seen.at(-1), size === 'small' ? 5 * 4096 : totalBytes);
  }
});

test('bytes in front of the hash area and behind the tree stay as they are', async () => {
  using folder = temporaryFolder();
  const path = folder.path('device');
  const before = noise(100 * 512 + 64 * 1024);
  writeFileSync(path, before);
  const { geometry } = await formatFile({
    ...small,
    dataPath: path,
    dataBlockCount: 90,
    hashOffsetBytes: 100 * 512,
  });
  const after = readFileSync(path);
  assert.ok(after.subarray(0, 100 * 512).equals(before.subarray(0, 100 * 512)));
  assert.ok(after.subarray(geometry.endOffsetBytes).equals(before.subarray(geometry.endOffsetBytes)));
});

test('a hash area inside of the data is refused, by whatever name the file goes, and nothing is written', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const before = noise(64 * 512);
  writeFileSync(dataPath, before);
  symlinkSync(dataPath, folder.path('symbolic'));
  linkSync(dataPath, folder.path('hard'));
  for (const hashPath of [dataPath, folder.path('symbolic'), folder.path('hard')]) {
    const words = { ...small, dataPath, hashPath, dataBlockCount: 64 };
    for (const hashOffsetBytes of [0, 512, 63 * 512]) {
      await assert.rejects(formatFile({ ...words, hashOffsetBytes }), { code: 'PARAMETER_INVALID' });
    }
  }
  assert.ok(readFileSync(dataPath).equals(before));
});

test('data that are no whole blocks are refused, and no hash file is made', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  for (const sizeBytes of [0, 1, 511, 513]) {
    writeFileSync(dataPath, noise(sizeBytes));
    await assert.rejects(formatFile({ ...small, dataPath, hashPath }), { code: 'PARAMETER_INVALID' });
  }
  await assert.rejects(formatFile({ ...small, dataPath, hashPath, dataBlockCount: 2 }), {
    code: 'TRUNCATED',
  });
  assert.equal(existsSync(hashPath), false);
});

test('files that can not be opened are IO errors with their cause', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  writeFileSync(dataPath, noise(2048));
  const nowhere = folder.path('no/such/folder');
  for (const change of [{ dataPath: nowhere }, { hashPath: nowhere }, { hashPath: folder.path('.') }]) {
    const words = { ...small, dataPath, hashPath: folder.path('hash'), ...change };
    await assert.rejects(formatFile(words), (error: Error & { code?: string }) => {
      return error.code === 'IO' && error.cause instanceof Error;
    });
  }
});

test('an aborted format fails with ABORTED and the reason, and leaves no superblock', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  writeFileSync(dataPath, noise(32 * 1024 * 1024));
  const reason = new Error('the user went away');
  const hashPath = folder.path('hash');
  const controller = new AbortController();
  const work = formatFile({ dataPath, hashPath, salt, jobs: 2, native: 'never', signal: controller.signal });
  setImmediate(() => {
    controller.abort(reason);
  });
  await assert.rejects(work, (error: Error & { code?: string }) => {
    return error.code === 'ABORTED' && error.cause === reason;
  });
  const start = readFileSync(hashPath).subarray(0, 512);
  assert.ok(start.every((byte) => byte === 0));
});

test('a data file that loses its end while threads read it ends in TRUNCATED, not in a root hash', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  writeFileSync(dataPath, noise(16 * 1024 * 1024));
  const work = formatFile({ dataPath, hashPath: folder.path('hash'), salt, jobs: 2 });
  writeFileSync(dataPath, noise(8192)); // Before the threads have started.
  await assert.rejects(work, { name: 'VerityError', code: 'TRUNCATED' });
});
