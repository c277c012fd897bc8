/** The writer against mkfs.erofs 1.5 on folders of every kind: the same bytes. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FolderFile, readFolder } from '../src/folder.node.ts';
import { writeImage } from '../src/image.ts';
import { planImage } from '../src/layout.ts';
import { folderSketches, materialise } from './writer-folders.ts';
import { fsckObstacle, inScratchFolder, mkfsObstacle, runFsck, runMkfs } from './writer-oracle.ts';

const UUID = '5d1a1c5e-8d3b-4a2f-9f6e-0c1d2e3f4a5b';
const UUID_BYTES = Buffer.from(UUID.replaceAll('-', ''), 'hex');
const RUNS = process.env['VITRINE_LONG'] === '1' ? 5000 : 250;

test(`${RUNS} generated folders become the very images that mkfs.erofs makes of them`, { skip: mkfsObstacle }, async () => {
  let trees = 0;
  const property = fc.asyncProperty(folderSketches({ anyBytes: true }), (sketch) =>
    inScratchFolder(async (scratch) => {
      const folder = join(scratch, 'tree');
      materialise(sketch, folder);
      const ours = await imageOf(folder);
      const oracle = join(scratch, 'oracle.erofs');
      runMkfs(folder, oracle, UUID);
      assertSameImage(ours, readFileSync(oracle));
      if (trees++ % 20 === 0 && fsckObstacle === false) {
        const image = join(scratch, 'ours.erofs');
        writeFileSync(image, ours);
        runFsck(image);
      }
    }),
  );
  await fc.assert(property, { numRuns: RUNS });
});

async function imageOf(folder: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeImage(planImage(readFolder(folder).root, UUID_BYTES), readPiece)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function readPiece(file: FolderFile, offsetBytes: number, lengthBytes: number): Uint8Array {
  const descriptor = openSync(file.path, 'r');
  try {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, lengthBytes, offsetBytes));
  } finally {
    closeSync(descriptor);
  }
}

/** Says where the images part, rather than all of their bytes. */
function assertSameImage(ours: Buffer, oracle: Buffer): void {
  if (ours.equals(oracle)) return;
  const at = ours.findIndex((byte, index) => byte !== oracle[index]);
  const where = at === -1 ? 'one is the beginning of the other' : `they differ from byte ${at} (block ${at >> 12}) on`;
  assert.fail(`The writer's image has ${ours.length} bytes, mkfs.erofs' has ${oracle.length}; ${where}.`);
}
