/** The writer against mkfs.erofs 1.5 on generated folders: the same bytes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { folderSketches, materialise } from './writer-folders.ts';
import { UUID, assertSameImage, imageOf } from './writer-image.ts';
import { fsckObstacle, inScratchFolder, mkfsObstacle, runFsck, runMkfs } from './writer-oracle.ts';

const RUNS = process.env['VITRINE_LONG'] === '1' ? 5000 : 250;
/** fsck.erofs looks at one image in so many. */
const SAMPLE_INTERVAL = 20;

test(
  `${RUNS} generated folders become the very images that mkfs.erofs makes of them`,
  { skip: mkfsObstacle },
  async () => {
    let images = 0;
    const property = fc.asyncProperty(folderSketches({ anyBytes: true }), (sketch) =>
      inScratchFolder(async (scratch) => {
        const folder = join(scratch, 'tree');
        materialise(sketch, folder);
        const ours = await imageOf(folder);
        const oracle = join(scratch, 'oracle.erofs');
        runMkfs(folder, oracle, UUID);
        assertSameImage(ours, readFileSync(oracle));
        if (images++ % SAMPLE_INTERVAL !== 0 || fsckObstacle !== false) return;
        const image = join(scratch, 'ours.erofs');
        writeFileSync(image, ours);
        runFsck(image);
      }),
    );
    await fc.assert(property, { numRuns: RUNS });
  },
);
