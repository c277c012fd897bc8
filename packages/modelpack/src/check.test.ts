import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { type SamplePack, patterned, samplePack, temporaryFolder } from '../test/sample-pack.ts';
import { type CheckLine, type CheckPackOptions, type PackCheck, checkPack } from './check.ts';
import type { Expectation } from './expectation.ts';
import type { Manifest, ManifestFile } from './manifest.ts';
import { parsePackName } from './name.ts';

const BLOCK = 4096;
const isLong = process.env['VITRINE_LONG'] === '1';

describe('check', () => {
  const cleaning: (() => void)[] = [];
  const suite = { after: (clean: () => void) => void cleaning.push(clean) };
  let pack: SamplePack;
  let other: SamplePack;
  before(async () => {
    // One block of metadata with the small files' bytes in it, two blocks of data; then verity superblock and tree.
    pack = await samplePack(suite, {
      'config.json': '{"model_type": "sample"}',
      'weights/a.safetensors': patterned(BLOCK + 100, 1),
      'weights/b.safetensors': patterned(BLOCK, 2),
    });
    other = await samplePack(suite, { 'config.json': '{}' }, parsePackName('acme/other@1'));
  });
  after(() => {
    for (const clean of cleaning) clean();
  });

  function check(options: CheckPackOptions = {}): Promise<PackCheck> {
    return checkPack(pack.paths.pack, { jobs: 1, ...options });
  }

  /** What the `.info` says. */
  function info(changes: Partial<Expectation> = {}): Expectation {
    return { origin: 'the info', ...pack.info, ...changes };
  }

  /** What the manifest says. */
  function manifest(changes: Partial<Manifest> = {}): Expectation {
    const changed = { ...pack.manifest, ...changes };
    return info({
      rootHash: changed.rootHash,
      hashOffsetBytes: changed.imageSizeBytes,
      uuid: changed.uuid,
      manifest: changed,
    });
  }

  function lineOf(result: PackCheck, name: CheckLine['check']): CheckLine | undefined {
    return result.lines.find((line) => line.check === name);
  }

  /** Changes the pack for as long as `work` lasts. */
  async function changed<T>(change: (descriptor: number) => void, work: () => Promise<T>): Promise<T> {
    const descriptor = openSync(pack.paths.pack, 'r+');
    try {
      change(descriptor);
      return await work();
    } finally {
      truncateSync(pack.paths.pack, pack.bytes.length);
      writeSync(descriptor, pack.bytes, 0, pack.bytes.length, 0);
      closeSync(descriptor);
    }
  }

  function flipped<T>(offsetBytes: number, bit: number, work: () => Promise<T>): Promise<T> {
    const byte = Uint8Array.of(pack.bytes[offsetBytes]! ^ (1 << bit));
    return changed((descriptor) => void writeSync(descriptor, byte, 0, 1, offsetBytes), work);
  }

  /** The first place of some bytes in the pack. */
  function placeOf(content: string | Uint8Array): number {
    const at = pack.bytes.indexOf(content);
    assert.notEqual(at, -1);
    return at;
  }

  test('a pack passes against its info, line by line', async () => {
    const result = await check({ expected: info() });
    assert.equal(result.verdict, 'pass');
    assert.deepEqual(
      result.lines.map(({ check: name, verdict }) => [name, verdict]),
      [
        ['structure', 'pass'],
        ['root', 'pass'],
        ['blocks', 'pass'],
        ['uuid', 'pass'],
      ],
    );
    assert.equal(result.rootHash, pack.info.rootHash);
    assert.deepEqual(result.damaged, []);
  });

  test('a pack passes against its manifest, with its name and its files', async () => {
    const result = await check({ expected: manifest() });
    assert.equal(result.verdict, 'pass');
    assert.equal(lineOf(result, 'name')?.verdict, 'pass');
    assert.match(lineOf(result, 'files')!.message, /3 files and 0 links/);
  });

  test('without anything to hold it against, a pack is sound in itself and its root is not checked', async () => {
    const result = await check();
    assert.equal(result.verdict, 'not-checked');
    assert.equal(lineOf(result, 'root')?.verdict, 'not-checked');
    assert.match(lineOf(result, 'root')!.message, new RegExp(pack.info.rootHash));
    assert.equal(lineOf(result, 'blocks')?.verdict, 'pass');
  });

  test('without anything to hold it against, a damaged pack still fails', async () => {
    const result = await flipped(placeOf(patterned(BLOCK, 2)), 0, () => check());
    assert.equal(result.verdict, 'fail');
  });

  const bits = isLong ? 'every single bit' : 'one bit of every byte';
  test(`${bits} of the pack, flipped, makes it fail`, async () => {
    assert.ok(pack.bytes.length === 5 * BLOCK, 'three blocks of image, verity superblock, tree');
    const expected = info();
    for (let at = 0; at < pack.bytes.length; at++) {
      // Not the same bit everywhere, and the same one in every run of the same pack.
      const chosen = isLong ? [0, 1, 2, 3, 4, 5, 6, 7] : [(at * 5 + (at >>> 3)) & 7];
      for (const bit of chosen) {
        const result = await flipped(at, bit, () => check({ expected }));
        assert.equal(result.verdict, 'fail', `bit ${bit} of byte ${at}`);
      }
    }
  });

  test('with nothing but the root hash, only the UUID of the verity superblock can be changed', async () => {
    const expected: Expectation = { origin: 'the root', rootHash: pack.info.rootHash };
    const undetected: number[] = [];
    const superblock = pack.info.hashOffsetBytes;
    for (let at = superblock; at < superblock + BLOCK; at++) {
      const result = await flipped(at, at & 7, () => check({ expected }));
      if (result.verdict !== 'fail') undetected.push(at - superblock);
    }
    assert.deepEqual(undetected, [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]);
  });

  test('a changed UUID of the verity superblock is told as that', async () => {
    const result = await flipped(pack.info.hashOffsetBytes + 16, 0, () => check({ expected: info() }));
    assert.equal(result.verdict, 'fail');
    assert.equal(lineOf(result, 'uuid')?.code, 'UUID_MISMATCH');
    assert.equal(lineOf(result, 'blocks')?.verdict, 'pass');
  });

  test('a changed byte names the file that it belongs to, and its block', async () => {
    const places: readonly (readonly [number, string, string])[] = [
      [placeOf('model_type'), 'config.json', 'inline'],
      [placeOf(patterned(BLOCK, 2)) + 4095, 'weights/b.safetensors', 'data'],
      [placeOf(patterned(BLOCK, 1).subarray(0, 100)), 'weights/a.safetensors', 'data'],
    ];
    for (const [offsetBytes, path] of places) {
      const result = await flipped(offsetBytes, 3, () => check({ expected: info() }));
      assert.equal(result.verdict, 'fail');
      assert.equal(lineOf(result, 'blocks')?.code, 'DATA_BLOCK_MISMATCH');
      assert.equal(result.corruption?.blockIndex, Math.floor(offsetBytes / BLOCK));
      assert.ok(
        result.damaged.some((damaged) => damaged.path === path),
        `${path} in ${JSON.stringify(result.damaged)}`,
      );
      assert.match(lineOf(result, 'blocks')!.message, /^Damaged: /);
    }
  });

  test('a block that belongs to one file alone names that file alone', async () => {
    const result = await flipped(placeOf(patterned(BLOCK, 2)), 0, () => check({ expected: info() }));
    assert.deepEqual(result.damaged, [{ path: 'weights/b.safetensors', part: 'data' }]);
  });

  test('a changed byte of the tree names no file', async () => {
    const result = await flipped(pack.bytes.length - BLOCK, 0, () => check({ expected: info() }));
    assert.equal(result.verdict, 'fail');
    assert.equal(lineOf(result, 'root')?.code, 'ROOT_MISMATCH');
    assert.match(lineOf(result, 'blocks')!.message, /^The hash tree is damaged/);
    assert.deepEqual(result.damaged, []);
  });

  test('a pack that ends after any number of blocks fails', async () => {
    for (let blocks = 0; blocks < pack.bytes.length / BLOCK; blocks++) {
      for (const more of [0, 1, BLOCK - 1]) {
        const sizeBytes = blocks * BLOCK + more;
        for (const expected of [info(), manifest(), undefined]) {
          const result = await changed(
            () => truncateSync(pack.paths.pack, sizeBytes),
            () => check(expected ? { expected } : {}),
          );
          assert.equal(result.verdict, 'fail', `${sizeBytes} bytes`);
          assert.equal(lineOf(result, 'structure')?.verdict, 'fail');
        }
      }
    }
  });

  test('one byte more, or one block more, behind the tree fails', async () => {
    for (const more of [1, BLOCK]) {
      const result = await changed(
        () => truncateSync(pack.paths.pack, pack.bytes.length + more),
        () => check({ expected: info() }),
      );
      assert.equal(result.verdict, 'fail');
      assert.equal(lineOf(result, 'structure')?.code, 'PACK_INVALID');
      assert.match(lineOf(result, 'structure')!.message, /length in bytes/);
    }
  });

  test('a hole in place of each block fails', async () => {
    for (let block = 0; block < pack.bytes.length / BLOCK; block++) {
      const result = await changed(
        (descriptor) => void writeSync(descriptor, new Uint8Array(BLOCK), 0, BLOCK, block * BLOCK),
        () => check({ expected: info() }),
      );
      assert.equal(result.verdict, 'fail', `block ${block}`);
    }
  });

  test("two data blocks in each other's place fail", async () => {
    const result = await changed(
      (descriptor) => {
        writeSync(descriptor, pack.bytes, 2 * BLOCK, BLOCK, BLOCK);
        writeSync(descriptor, pack.bytes, BLOCK, BLOCK, 2 * BLOCK);
      },
      () => check({ expected: info() }),
    );
    assert.equal(lineOf(result, 'blocks')?.code, 'DATA_BLOCK_MISMATCH');
  });

  test('another root hash fails, though the pack is sound in itself', async () => {
    const rootHash = pack.info.rootHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    const result = await check({ expected: info({ rootHash }) });
    assert.equal(result.verdict, 'fail');
    assert.equal(lineOf(result, 'root')?.code, 'ROOT_MISMATCH');
    assert.equal(result.rootHash, rootHash);
  });

  test('another UUID fails', async () => {
    const result = await check({ expected: info({ uuid: other.info.uuid }) });
    assert.equal(result.verdict, 'fail');
    assert.deepEqual(
      result.lines.filter(({ verdict }) => verdict === 'fail').map(({ code }) => code),
      ['UUID_MISMATCH'],
    );
  });

  test('another hash offset fails: before, behind, in the tree, beyond the end, not on a block', async () => {
    const { hashOffsetBytes } = pack.info;
    for (const wrong of [
      hashOffsetBytes - BLOCK,
      hashOffsetBytes + BLOCK,
      BLOCK,
      pack.bytes.length,
      2 ** 40,
      hashOffsetBytes + 512,
    ]) {
      const result = await check({ expected: info({ hashOffsetBytes: wrong }) });
      assert.equal(result.verdict, 'fail', `offset ${wrong}`);
      assert.equal(lineOf(result, 'structure')?.verdict, 'fail');
    }
  });

  test('the info and the manifest of another pack fail', async () => {
    for (const expected of [
      { origin: 'the other info', ...other.info },
      { origin: 'the other manifest', ...other.info, manifest: other.manifest },
      // Its root hash corrected to the right one: the rest is still another pack's.
      { origin: 'a mixed info', ...pack.info, manifest: other.manifest },
    ]) {
      assert.equal((await check({ expected })).verdict, 'fail', expected.origin);
    }
  });

  test('a manifest with another name fails, because salt and UUID follow from the name', async () => {
    for (const name of ['acme/sample@1', 'acme/Sample@0123456789abcdef0123456789abcdef01234567']) {
      const result = await check({ expected: manifest({ name }) });
      assert.equal(result.verdict, 'fail');
      assert.equal(lineOf(result, 'name')?.code, 'NAME_MISMATCH');
    }
  });

  describe('a manifest that says something else of the files fails:', () => {
    const first = (change: Partial<ManifestFile>) => (files: readonly ManifestFile[]) => [
      { ...files[0]!, ...change },
      ...files.slice(1),
    ];
    const changes: readonly (readonly [
      string,
      (files: readonly ManifestFile[]) => ManifestFile[],
      RegExp,
    ])[] = [
      ['another SHA-256', first({ sha256: '0'.repeat(64) }), /SHA-256/],
      ['another size', first({ size: 25 }), /24 bytes.*the manifest says 25/],
      ['another mode', first({ mode: '0755' }), /mode 0644.*0755/],
      ['another path', first({ path: 'config.JSON' }), /config\.json is in the pack and not in the manifest/],
      ['a file less', (files) => files.slice(1), /config\.json is in the pack and not in the manifest/],
      ['no file', () => [], /not in the manifest/],
      [
        'a file more',
        (files) => [...files, { ...files[0]!, path: 'more' }],
        /more is in the manifest and not in the pack/,
      ],
      ['a file twice', (files) => [...files, files[0]!], /names a path twice/],
      [
        'a folder as a file',
        (files) => [...files, { ...files[0]!, path: 'weights' }],
        /weights is in the manifest and not/,
      ],
    ];
    for (const [what, change, message] of changes) {
      test(what, async () => {
        const result = await check({ expected: manifest({ files: change(pack.manifest.files) }) });
        assert.equal(result.verdict, 'fail');
        assert.equal(lineOf(result, 'files')?.code, 'MANIFEST_MISMATCH');
        assert.match(lineOf(result, 'files')!.message, message);
      });
    }

    test('a link where there is none', async () => {
      const result = await check({
        expected: manifest({ symlinks: [{ path: 'link', target: 'config.json' }] }),
      });
      assert.equal(lineOf(result, 'files')?.code, 'MANIFEST_MISMATCH');
    });

    test('a link in place of a file', async () => {
      const [file, ...files] = pack.manifest.files;
      const result = await check({
        expected: manifest({ files, symlinks: [{ path: file!.path, target: 'x' }] }),
      });
      assert.equal(lineOf(result, 'files')?.code, 'MANIFEST_MISMATCH');
    });

    const { stringify } = JSON;
    for (const change of [
      { packSizeBytes: 5 * BLOCK + 1 },
      { verity: { salt: '00' } },
      { verity: { dataBlockCount: 4 } },
      { verity: { hashOffsetBytes: BLOCK } },
      { verity: { dataBlockSizeBytes: 512 } },
      { verity: { hashBlockSizeBytes: 512 } },
    ]) {
      test(`other parameters: ${stringify(change)}`, async () => {
        const verity = { ...pack.manifest.verity, ...change.verity };
        const result = await check({ expected: manifest({ ...change, verity }) });
        assert.equal(result.verdict, 'fail');
        assert.equal(lineOf(result, 'files')?.code, 'MANIFEST_MISMATCH');
      });
    }
  });

  test('what cannot be opened, or is no regular file, is an error and not a verdict', async (context) => {
    const folder = temporaryFolder(context);
    mkdirSync(join(folder, 'd.mpk'));
    execFileSync('mkfifo', [join(folder, 'pipe.mpk')]);
    symlinkSync('nowhere', join(folder, 'link.mpk'));
    for (const name of ['missing.mpk', 'd.mpk', 'pipe.mpk', 'link.mpk']) {
      await assert.rejects(checkPack(join(folder, name)), { name: 'PackError', code: 'PACK_INVALID' }, name);
    }
  });

  test('other files than packs fail in their structure', async (context) => {
    const path = join(temporaryFolder(context), 'x.mpk');
    for (const content of ['', 'x', 'x'.repeat(BLOCK), patterned(5 * BLOCK), new Uint8Array(5 * BLOCK)]) {
      writeFileSync(path, content);
      for (const expected of [undefined, info()]) {
        const result = await checkPack(path, expected ? { expected } : {});
        assert.equal(result.verdict, 'fail');
        assert.equal(lineOf(result, 'structure')?.verdict, 'fail');
      }
    }
  });
});
