/** The kernel shows of a pack what is in the folder that it was made of, and veritysetup vouches for it. */
import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { describeFolder } from '../../erofs/test/writer-description.ts';
import { BOUNDARY_SIZES } from '../../erofs/test/writer-folders.ts';
import { mountObstacle, mounted } from '../../erofs/test/writer-oracle.ts';
import { packFolder } from '../src/pack-folder.ts';
import type { PackResult } from '../src/pack.ts';
import { oracleAccepts, veritysetupObstacle } from './oracle.ts';
import { SAMPLE_NAME, patterned, temporaryFolder } from './sample-pack.ts';

async function packed(context: TestContext): Promise<PackResult & { source: string }> {
  const folder = temporaryFolder(context);
  const source = join(folder, 'source');
  mkdirSync(join(source, 'd', 'e'), { recursive: true });
  for (const sizeBytes of BOUNDARY_SIZES)
    writeFileSync(join(source, 'd', `${sizeBytes}`), patterned(sizeBytes, sizeBytes));
  writeFileSync(join(source, 'large'), patterned(5_000_001));
  symlinkSync('d/4096', join(source, 'link'));
  symlinkSync('t'.repeat(4095), join(source, 'd', 'long-link'));
  linkSync(join(source, 'large'), join(source, 'd', 'e', 'large-too'));
  linkSync(join(source, 'link'), join(source, '-link-too'));
  chmodSync(join(source, 'd', '1'), 0o7001);
  chmodSync(join(source, 'd', 'e'), 0o1777);
  return { ...(await packFolder(source, SAMPLE_NAME, { outFolder: join(folder, 'packs') })), source };
}

test(
  'a mounted pack shows every name, mode, target, hard link and byte of its source',
  { skip: mountObstacle },
  async (context) => {
    const { paths, source } = await packed(context);
    await mounted(paths.pack, (shown) => {
      assert.deepEqual([...describeFolder(shown)], [...describeFolder(source)]);
    });
  },
);

test(
  'veritysetup verifies a pack against its root hash, and no other, and not when it is cut',
  { skip: veritysetupObstacle },
  async (context) => {
    const { paths, info, packSizeBytes } = await packed(context);
    const accepts = (rootHash: string): boolean => oracleAccepts(paths.pack, rootHash, info.hashOffsetBytes);
    assert.equal(accepts(info.rootHash), true);
    assert.equal(accepts(info.rootHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))), false);
    truncateSync(paths.pack, packSizeBytes - 4096);
    assert.equal(accepts(info.rootHash), false);
  },
);
