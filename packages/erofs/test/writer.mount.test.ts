/** The kernel shows of an image what is in the folder that it was made of. */
import assert from 'node:assert/strict';
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeFolder } from './writer-description.ts';
import { folderSketches, materialise } from './writer-folders.ts';
import { imageOf } from './writer-image.ts';
import { inScratchFolder, mountObstacle, mounted } from './writer-oracle.ts';

const RUNS = process.env['VITRINE_LONG'] === '1' ? 500 : 25;

test(
  'every name, mode, target, hard link and byte of a folder is in the mounted image, and nothing else',
  { skip: mountObstacle },
  async () => {
    const property = fc.asyncProperty(folderSketches({ anyBytes: true }), (sketch) =>
      inScratchFolder(async (scratch) => {
        const folder = join(scratch, 'tree');
        materialise(sketch, folder);
        const image = join(scratch, 'image.erofs');
        writeFileSync(image, await imageOf(folder));
        await mounted(image, (shown) => {
          assert.deepEqual([...describeFolder(shown)], [...describeFolder(folder)]);
          const { uid, gid, mtimeMs } = lstatSync(shown);
          assert.deepEqual({ uid, gid, mtimeMs }, { uid: 0, gid: 0, mtimeMs: 0 });
        });
      }),
    );
    await fc.assert(property, { numRuns: RUNS });
  },
);
