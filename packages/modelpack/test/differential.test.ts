/** Packs against mkfs.erofs 1.5 and veritysetup on folders of every kind: the same bytes, the same root hash. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FolderSketch, folderSketches, materialise } from '../../erofs/test/writer-folders.ts';
import { fsckObstacle, inScratchFolder, runFsck } from '../../erofs/test/writer-oracle.ts';
import { parsePackName } from '../src/name.ts';
import { type PackOptions } from '../src/pack.ts';
import { packFolder } from '../src/pack-folder.ts';
import { oracleObstacle, packWithOracle, verifyWithOracle } from './oracle.ts';

const TREES = process.env['VITRINE_LONG'] === '1' ? 5000 : 200;
/** Starting a packer's threads costs more than a small tree, so that several trees share a pack. */
const TREES_PER_PACK = 5;
/** fsck.erofs and veritysetup look at one pack in so many. */
const SAMPLE_INTERVAL = 4;

const names = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z0-9_]{1,20}$/),
    fc.stringMatching(/^[A-Za-z0-9_]{1,20}$/),
    fc.stringMatching(/^[0-9a-f]{40}$/),
  )
  .map(([owner, name, revision]) => parsePackName(`${owner}/${name}@${revision}`));
const forests = fc.array(folderSketches(), { minLength: 1, maxLength: 2 * TREES_PER_PACK - 1, size: 'max' });
const settings = fc.record({ jobs: fc.constantFrom(1, 1, 2), native: fc.constantFrom('auto', 'never') });

test(
  `${TREES} generated folders become the packs that the reference tools make of them`,
  { skip: oracleObstacle },
  async () => {
    let packs = 0;
    const property = fc.asyncProperty(forests, names, settings, (forest, name, { jobs, native }) =>
      inScratchFolder(async (scratch) => {
        const folder = join(scratch, 'tree');
        const files = plant(forest, folder);
        const options: PackOptions = { outFolder: join(scratch, 'packs'), jobs, native };
        if (files === 0) {
          await assert.rejects(packFolder(folder, name, options), { code: 'SOURCE_EMPTY' });
          return;
        }
        const ours = await packFolder(folder, name, options);
        const oracle = packWithOracle(folder, scratch, name);
        assert.equal(ours.info.rootHash, oracle.rootHash);
        assert.equal(readFileSync(ours.paths.info, 'utf8'), oracle.info);
        assert.ok(
          readFileSync(ours.paths.pack).equals(oracle.bytes),
          'the packs differ, and their root hashes do not',
        );
        if (packs++ % SAMPLE_INTERVAL !== 0) return;
        verifyWithOracle(ours.paths.pack, ours.info.rootHash, ours.info.hashOffsetBytes);
        if (fsckObstacle === false) runFsck(ours.paths.pack);
      }),
    );
    await fc.assert(property, { numRuns: TREES / TREES_PER_PACK });
  },
);

/** The first tree is the folder itself, the others lie in it. @returns how many files and links there are */
function plant(forest: readonly FolderSketch[], folder: string): number {
  return forest
    .map((sketch, index) => materialise(sketch, index === 0 ? folder : join(folder, `#tree${index}`)))
    .reduce((sum, files) => sum + files, 0);
}
