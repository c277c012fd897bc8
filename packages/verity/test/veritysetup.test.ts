/** The promise of this package: byte for byte what veritysetup 2.6.1 writes, and its verdicts. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkFile,
  formatFile,
  VerityError,
  type VerityAlgorithm,
  type VerityParameters,
} from '../src/index.node.ts';
import {
  formatWithOracle,
  noise,
  oracleIsMissing,
  temporaryFolder,
  verifyWithOracle,
  type OracleDevice,
} from './veritysetup.ts';

const blockSize = fc.constantFrom(512, 512, 1024, 4096);
const device = fc
  .record({
    algorithm: fc.constantFrom<VerityAlgorithm>('sha256', 'sha512'),
    dataBlockSizeBytes: blockSize,
    hashBlockSizeBytes: blockSize,
    salt: fc.uint8Array({ maxLength: 256, size: 'max' }),
    uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    superblock: fc.boolean(),
    sameFile: fc.boolean(),
    gapBlocks: fc.integer({ min: 0, max: 3 }),
    /** Powers of what one hash block holds are where levels begin. */
    power: fc.integer({ min: 0, max: 3 }),
    beyond: fc.integer({ min: -2, max: 2 }),
  })
  .map(({ power, beyond, superblock, sameFile, gapBlocks, ...rest }) => {
    const perBlock = rest.hashBlockSizeBytes / (rest.algorithm === 'sha256' ? 32 : 64);
    const most = (1024 * 1024) / rest.dataBlockSizeBytes + 1;
    const dataBlockCount = Math.min(Math.max(1, perBlock ** power + beyond), most);
    const parameters: VerityParameters = { hashType: 1, ...rest, dataBlockCount };
    const unitBytes = rest.hashBlockSizeBytes;
    const dataBytes = sameFile ? dataBlockCount * rest.dataBlockSizeBytes : 0;
    const hashOffsetBytes = (Math.ceil(dataBytes / unitBytes) + gapBlocks) * unitBytes;
    return { parameters, superblock, sameFile, hashOffsetBytes };
  });

test(
  'files are formatted to the bytes and the root hash of veritysetup, which verifies them',
  {
    skip: oracleIsMissing,
  },
  async () => {
    using folder = temporaryFolder();
    const property = fc.asyncProperty(device, fc.constantFrom('auto', 'never'), async (made, native) => {
      const { parameters, superblock, sameFile, hashOffsetBytes } = made;
      const data = noise(
        parameters.dataBlockCount * parameters.dataBlockSizeBytes,
        parameters.salt.length + 1,
      );
      const place = (name: string): OracleDevice => {
        const dataPath = folder.path(`${name}.data`);
        const hashPath = sameFile ? dataPath : folder.path(`${name}.hash`);
        writeFileSync(hashPath, '');
        writeFileSync(dataPath, data);
        return { dataPath, hashPath, hashOffsetBytes, superblock, parameters };
      };
      const theirs = place('theirs');
      const ours = place('ours');

      const expected = formatWithOracle(theirs);
      const formatted = await formatFile({
        ...parameters,
        dataPath: ours.dataPath,
        hashPath: ours.hashPath,
        hashOffsetBytes,
        writeSuperblock: superblock,
        native,
      });

      assert.equal(formatted.rootHashHex, expected);
      // veritysetup writes in the file system's blocks, so its file can be longer; ours ends with the tree.
      const written = readFileSync(ours.hashPath);
      const hashFile = readFileSync(theirs.hashPath);
      const { endOffsetBytes, levels } = formatted.geometry;
      if (superblock || levels.length > 0) assert.equal(written.length, endOffsetBytes);
      assert.ok(written.equals(hashFile.subarray(0, written.length)));
      assert.ok(hashFile.subarray(written.length).every((byte) => byte === 0));
      assert.equal(verifyWithOracle(ours, expected).intact, true);
      const checked = await checkFile({
        dataPath: theirs.dataPath,
        hashPath: theirs.hashPath,
        hashOffsetBytes,
        superblock,
        parameters,
        rootHash: formatted.rootHash,
        native,
      });
      assert.equal(checked.intact, true);
    });
    await fc.assert(property, { numRuns: 30 });
  },
);

test(
  'with one byte changed anywhere, veritysetup and we give the same verdict',
  {
    skip: oracleIsMissing,
  },
  async () => {
    using folder = temporaryFolder();
    const property = fc.asyncProperty(
      device.filter(({ superblock }) => superblock),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (made, where, flip, inData) => {
        const { parameters, superblock, hashOffsetBytes } = made;
        const dataPath = folder.path('data');
        const hashPath = folder.path('hash');
        const data = noise(parameters.dataBlockCount * parameters.dataBlockSizeBytes);
        writeFileSync(dataPath, data);
        writeFileSync(hashPath, '');
        const { rootHash, rootHashHex, geometry } = await formatFile({
          ...parameters,
          dataPath,
          hashPath,
          hashOffsetBytes,
        });
        const path = inData || geometry.levels.length === 0 ? dataPath : hashPath;
        const bytes = readFileSync(path);
        const from = path === dataPath ? 0 : geometry.treeOffsetBytes;
        bytes[from + (where % (bytes.length - from))]! ^= flip;
        writeFileSync(path, bytes);

        const verdict = verifyWithOracle(
          { dataPath, hashPath, hashOffsetBytes, superblock, parameters },
          rootHashHex,
        );
        const checked = await checkFile({ dataPath, hashPath, hashOffsetBytes, rootHash });
        assert.equal(verdict.intact, false);
        assert.equal(checked.intact, false);
      },
    );
    await fc.assert(property, { numRuns: 15 });
  },
);

test(
  'the hash area ends where veritysetup ends it, for tens of thousands of blocks',
  {
    skip: oracleIsMissing,
  },
  async () => {
    using folder = temporaryFolder();
    const parameters: VerityParameters = {
      hashType: 1,
      algorithm: 'sha512',
      dataBlockSizeBytes: 512,
      hashBlockSizeBytes: 512,
      dataBlockCount: 8 ** 5 + 1,
      salt: noise(3),
      uuid: noise(16),
    };
    const dataPath = folder.path('data');
    writeFileSync(dataPath, noise(parameters.dataBlockCount * 512));
    const theirs = {
      dataPath,
      hashPath: folder.path('theirs'),
      hashOffsetBytes: 0,
      superblock: true,
      parameters,
    };
    writeFileSync(theirs.hashPath, '');
    const expected = formatWithOracle(theirs);
    const ours = await formatFile({ ...parameters, dataPath, hashPath: folder.path('ours'), jobs: 3 });
    assert.equal(ours.geometry.levels.length, 6);
    assert.equal(ours.rootHashHex, expected);
    const written = readFileSync(folder.path('ours'));
    assert.equal(written.length, ours.geometry.endOffsetBytes);
    assert.ok(written.equals(readFileSync(theirs.hashPath).subarray(0, written.length)));
  },
);

test('what veritysetup refuses to format, we refuse', { skip: oracleIsMissing }, async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, new Uint8Array(8192));
  writeFileSync(hashPath, '');
  const good = {
    algorithm: 'sha256',
    dataBlockSizeBytes: 512,
    hashBlockSizeBytes: 512,
    salt: noise(4),
  } as const;
  const bad = [
    { ...good, dataBlockSizeBytes: 256 },
    { ...good, hashBlockSizeBytes: 256 },
    { ...good, dataBlockSizeBytes: 1536 },
    { ...good, hashBlockSizeBytes: 1024 * 1024 },
    { ...good, dataBlockSizeBytes: 1024 * 1024 },
    { ...good, salt: noise(257) },
    { ...good, dataBlockCount: 17 },
    { ...good, hashOffsetBytes: 100 },
  ];
  for (const words of bad) {
    const parameters: VerityParameters = { hashType: 1, dataBlockCount: 1, ...words };
    const hashOffsetBytes = 'hashOffsetBytes' in words ? words.hashOffsetBytes : 0;
    assert.throws(() =>
      formatWithOracle({ dataPath, hashPath, hashOffsetBytes, superblock: true, parameters }),
    );
    await assert.rejects(
      formatFile({ dataPath, hashPath, ...words }),
      (error) => error instanceof VerityError && ['PARAMETER_INVALID', 'TRUNCATED'].includes(error.code),
    );
  }
});

test('an empty data file is refused, as by veritysetup', { skip: oracleIsMissing }, async () => {
  using folder = temporaryFolder();
  const dataPath = folder.path('data');
  const hashPath = folder.path('hash');
  writeFileSync(dataPath, '');
  writeFileSync(hashPath, '');
  const parameters: VerityParameters = {
    hashType: 1,
    algorithm: 'sha256',
    dataBlockSizeBytes: 4096,
    hashBlockSizeBytes: 4096,
    dataBlockCount: 0,
    salt: new Uint8Array(0),
  };
  assert.throws(() =>
    formatWithOracle({ dataPath, hashPath, hashOffsetBytes: 0, superblock: true, parameters }),
  );
  await assert.rejects(formatFile({ dataPath, hashPath, salt: parameters.salt }), {
    code: 'PARAMETER_INVALID',
  });
  await assert.rejects(formatFile({ ...parameters, dataPath, hashPath }), { code: 'PARAMETER_INVALID' });
});
