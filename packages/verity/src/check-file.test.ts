import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { sourceOf } from '../test/tree-in-memory.ts';
import { noise, temporaryFolder } from '../test/veritysetup.ts';
import { checkFile, type CheckedFile } from './check-file.node.ts';
import { dataLevel, VerityError, type Corruption } from './error.ts';
import { formatFile, type FormattedFile } from './format-file.node.ts';
import { createTreeHashers } from './hasher.node.ts';
import { RangeVerifier } from './range-verifier.ts';
import { encodeSuperblock } from './superblock.ts';

/** A device in one file: data, then the hash area; 512-byte blocks. */
async function deviceInFile(path: string, dataBlockCount: number): Promise<FormattedFile> {
  const hashOffsetBytes = dataBlockCount * 512;
  writeFileSync(path, noise(hashOffsetBytes));
  return formatFile({ dataPath: path, hashOffsetBytes, ...smallBlocks, salt: noise(32), uuid: noise(16) });
}
const smallBlocks = { dataBlockSizeBytes: 512, hashBlockSizeBytes: 512 } as const;

function flip(path: string, ...places: number[]): void {
  const bytes = readFileSync(path);
  for (const at of places) bytes[at]! ^= 0x04;
  writeFileSync(path, bytes);
}

function without<T extends object, K extends keyof T>(all: T, key: K): Omit<T, K> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== key)) as Omit<T, K>;
}

function corruptionOf(checked: CheckedFile): Corruption {
  assert.ok(!checked.intact);
  return checked.corruption;
}

test('an intact device is found intact, by one thread and by several', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry } = await deviceInFile(dataPath, 5000); // More than is done without threads.
  for (const jobs of [1, 3]) {
    const checked = await checkFile({ dataPath, hashOffsetBytes: geometry.hashOffsetBytes, rootHash, jobs });
    assert.equal(checked.intact, true);
    assert.deepEqual(checked.geometry, geometry);
  }
});

test('however many threads look, the first corruption in the order of the data is reported', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry } = await deviceInFile(dataPath, 5000);
  const { hashOffsetBytes } = geometry;
  const good = readFileSync(dataPath);
  const places = fc.array(fc.nat(geometry.endOffsetBytes - 1), { minLength: 1, maxLength: 5 });
  const outsideOfSuperblock = (at: number) => at < hashOffsetBytes || at >= geometry.treeOffsetBytes;
  const property = fc.asyncProperty(places, fc.integer({ min: 2, max: 4 }), async (wanted, jobs) => {
    writeFileSync(dataPath, good);
    const changed = [...new Set(wanted.filter(outsideOfSuperblock)), 4999 * 512];
    flip(dataPath, ...new Set(changed));
    const bytes = readFileSync(dataPath);
    const checked = await checkFile({ dataPath, hashOffsetBytes, rootHash, jobs });
    const oneByOne = new RangeVerifier({
      parameters: checked.parameters,
      geometry,
      rootHash,
      hashers: createTreeHashers(checked.parameters, { native: 'never' }),
      data: sourceOf(bytes),
      tree: sourceOf(bytes),
    });
    assert.deepEqual(corruptionOf(checked), oneByOne.checkBlocks(0, 5000));
  });
  await fc.assert(property, { numRuns: 12 });
});

test('a changed data byte is reported with its block, its place and both digests, in words too', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry } = await deviceInFile(dataPath, 100);
  flip(dataPath, 42 * 512 + 17);
  const checked = await checkFile({ dataPath, hashOffsetBytes: geometry.hashOffsetBytes, rootHash });
  const corruption = corruptionOf(checked);
  assert.deepEqual(
    {
      ...corruption,
      expectedDigest: corruption.expectedDigest.length,
      foundDigest: corruption.foundDigest.length,
    },
    {
      code: 'DATA_BLOCK_MISMATCH',
      level: dataLevel,
      blockIndex: 42,
      offsetBytes: 42 * 512,
      sizeBytes: 512,
      expectedDigest: 32,
      foundDigest: 32,
      dataOffsetBytes: 42 * 512,
      dataSizeBytes: 512,
    },
  );
  assert.match((checked as { message: string }).message, /Data block 42 .at byte 21504/u);
});

test('every changed byte of the tree is reported with the level and index of its block', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry } = await deviceInFile(dataPath, 300);
  const { hashOffsetBytes, treeOffsetBytes, endOffsetBytes, levels } = geometry;
  const good = readFileSync(dataPath);
  for (let at = treeOffsetBytes; at < endOffsetBytes; at += 129) {
    writeFileSync(dataPath, good);
    flip(dataPath, at);
    const { code, level, blockIndex } = corruptionOf(
      await checkFile({ dataPath, hashOffsetBytes, rootHash }),
    );
    const expected = levels.find(({ offsetBytes }) => offsetBytes <= at)!;
    assert.equal(level, expected.level);
    assert.equal(blockIndex, Math.floor((at - expected.offsetBytes) / 512));
    assert.equal(code, level === 2 ? 'ROOT_MISMATCH' : 'HASH_BLOCK_MISMATCH');
  }
});

test('of all single flipped bits of the superblock, only those of the UUID leave a device intact', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, noise(130 * 512));
  const { rootHash } = await formatFile({
    dataPath,
    hashPath,
    ...smallBlocks,
    salt: noise(20),
    uuid: noise(16),
  });
  const good = readFileSync(hashPath);
  for (let bit = 0; bit < 512 * 8; bit += 1) {
    const at = bit >> 3;
    if (at >= 120 && at < 505 && bit % 8 !== 3) continue; // Padding: one bit of each byte is enough.
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1 << (bit & 7);
    writeFileSync(hashPath, bytes);
    const intact = await checkFile({ dataPath, hashPath, rootHash }).then(
      (checked) => checked.intact,
      (error: unknown) => {
        assert.ok(error instanceof VerityError, String(error));
        return false;
      },
    );
    assert.equal(intact, at >= 16 && at < 32, `bit ${bit}`);
  }
});

test('a superblock other than that of the given parameters is refused, the UUID only where one is given', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry, parameters } = await deviceInFile(dataPath, 20);
  const where = { dataPath, hashOffsetBytes: geometry.hashOffsetBytes, rootHash };
  const unnamed = without(parameters, 'uuid');
  assert.equal((await checkFile({ ...where, parameters })).intact, true);
  assert.equal((await checkFile({ ...where, parameters: unnamed })).intact, true);
  for (const change of [
    { dataBlockCount: 19 },
    { salt: noise(31) },
    { salt: noise(32, 2) },
    { uuid: noise(16, 2) },
    { algorithm: 'sha512' as const },
    { hashBlockSizeBytes: 1024 },
  ]) {
    await assert.rejects(checkFile({ ...where, parameters: { ...parameters, ...change } }), {
      code: 'SUPERBLOCK_MISMATCH',
    });
  }
});

test("a device made of another device's hash blocks has its root hash, and is refused where parameters are given", async () => {
  using folder = temporaryFolder();
  const honestPath = folder.path('honest');
  const { rootHash, geometry, parameters } = await deviceInFile(honestPath, 256);
  const bytes = readFileSync(honestPath);
  const [leaves, top] = geometry.levels;
  const fewer = { ...parameters, dataBlockCount: leaves!.blockCount };
  const dataPath = folder.path('forged');
  writeFileSync(
    dataPath,
    Buffer.concat([
      bytes.subarray(leaves!.offsetBytes, geometry.endOffsetBytes),
      encodeSuperblock(fewer),
      bytes.subarray(top!.offsetBytes, leaves!.offsetBytes),
    ]),
  );
  const where = { dataPath, hashOffsetBytes: leaves!.blockCount * 512, rootHash };
  const checked = await checkFile(where);
  assert.equal(checked.intact, true);
  assert.equal(checked.parameters.dataBlockCount, 16);
  await assert.rejects(checkFile({ ...where, parameters }), { code: 'SUPERBLOCK_MISMATCH' });
});

test('without a superblock, parameters are needed, and enough', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, noise(40 * 512));
  const made = await formatFile({
    dataPath,
    hashPath,
    ...smallBlocks,
    salt: noise(5),
    writeSuperblock: false,
  });
  const where = { dataPath, hashPath, superblock: false, rootHash: made.rootHash };
  assert.equal((await checkFile({ ...where, parameters: made.parameters })).intact, true);
  await assert.rejects(checkFile(where), { code: 'PARAMETER_INVALID' });
  await assert.rejects(checkFile({ ...where, superblock: true }), { code: 'NOT_VERITY' });
});

test('a device that was cut off anywhere is TRUNCATED, not corrupt', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  const dataBytes = noise(100 * 512);
  writeFileSync(dataPath, dataBytes);
  const { rootHash, geometry } = await formatFile({ dataPath, hashPath, ...smallBlocks, salt: noise(5) });
  const hashBytes = readFileSync(hashPath);
  for (const sizeBytes of [0, 1, 511, 512, 513, 1024, geometry.endOffsetBytes - 1]) {
    writeFileSync(hashPath, hashBytes.subarray(0, sizeBytes));
    await assert.rejects(
      checkFile({ dataPath, hashPath, rootHash }),
      { code: 'TRUNCATED' },
      `hash ${sizeBytes}`,
    );
  }
  writeFileSync(hashPath, hashBytes);
  for (const sizeBytes of [0, 1, 512, 100 * 512 - 1]) {
    truncateSync(dataPath, sizeBytes);
    await assert.rejects(
      checkFile({ dataPath, hashPath, rootHash }),
      { code: 'TRUNCATED' },
      `data ${sizeBytes}`,
    );
    writeFileSync(dataPath, dataBytes);
  }
});

test('a superblock that claims petabytes is refused at once, without the memory for them', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, noise(4096));
  const rootHash = new Uint8Array(32);
  const before = process.memoryUsage().rss;
  for (const sizeBytes of [512, 4096, 512 * 1024]) {
    for (const dataBlockCount of [2 ** 20, 2 ** 30, Math.floor((2 ** 53 - 1) / sizeBytes)]) {
      const superblock = encodeSuperblock({
        hashType: 1,
        algorithm: 'sha256',
        dataBlockSizeBytes: sizeBytes,
        hashBlockSizeBytes: sizeBytes,
        dataBlockCount,
        salt: new Uint8Array(0),
      });
      writeFileSync(hashPath, Buffer.concat([superblock, Buffer.alloc(8192)]));
      await assert.rejects(checkFile({ dataPath, hashPath, rootHash }), (error) => {
        assert.ok(error instanceof VerityError);
        return ['TRUNCATED', 'PARAMETER_INVALID'].includes(error.code);
      });
    }
  }
  assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
});

test('what can not be read, and what can not be meant, is refused with a code', async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('device');
  const { rootHash, geometry } = await deviceInFile(dataPath, 20);
  const good = { dataPath, hashOffsetBytes: geometry.hashOffsetBytes, rootHash };
  const bad: [object, string][] = [
    [{ dataPath: folder.path('nothing') }, 'IO'],
    [{ hashPath: folder.path('nothing') }, 'IO'],
    [{ dataPath: folder.path('.'), hashPath: dataPath }, 'IO'],
    [{ hashPath: folder.path('.') }, 'IO'],
    [{ hashOffsetBytes: 0 }, 'NOT_VERITY'],
    [{ hashOffsetBytes: -512 }, 'PARAMETER_INVALID'],
    [{ hashOffsetBytes: 513 }, 'PARAMETER_INVALID'],
    [{ hashOffsetBytes: NaN }, 'PARAMETER_INVALID'],
    [{ rootHash: rootHash.subarray(1) }, 'PARAMETER_INVALID'],
    [{ rootHash: new Uint8Array(0) }, 'PARAMETER_INVALID'],
    [{ jobs: 0 }, 'PARAMETER_INVALID'],
    [{ jobs: 257 }, 'PARAMETER_INVALID'],
    [{ signal: AbortSignal.abort() }, 'ABORTED'],
  ];
  for (const [change, code] of bad) {
    await assert.rejects(
      checkFile({ ...good, ...change }),
      { name: 'VerityError', code },
      JSON.stringify(change),
    );
  }
});
