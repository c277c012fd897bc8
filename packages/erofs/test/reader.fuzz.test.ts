/** Mutated images: each reading ends in a result or an ErofsError, after a bounded number of bytes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ErofsError } from '../src/error.ts';
import {
  BLOCK_SIZE_BYTES,
  sealSuperblock,
  SUPERBLOCK_OFFSET_BYTES,
  SUPERBLOCK_SIZE_BYTES,
} from '../src/format.ts';
import { openImage } from '../src/reader.ts';
import { describeImage } from './comparison.ts';
import { sampleImage } from './edit.ts';
import type { FuzzOutcomes, FuzzRange } from './fuzz.worker.ts';
import { makeImageBytes, memorySource, mkfsMissing, temporaryFolder } from './mkfs.ts';
import { outcomeOf, readAll } from './outcome.ts';

const needsMkfs = { skip: mkfsMissing };
const RUNS = process.env['VITRINE_LONG'] === '1' ? 1_000_000 : 20_000;
/** Another seed explores other mutations; a failure's message names the run's own. */
const FIRST_SEED = Number(process.env['VITRINE_FUZZ_SEED'] ?? 1);
const THREADS = 2;

function imageOf(
  context: TestContext,
  fill: (folder: string) => void,
  words: readonly string[] = [],
): Uint8Array {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(folder);
  fill(folder);
  return makeImageBytes(folder, scratch, words);
}

/** Small images that together have every structure. */
function images(context: TestContext): Uint8Array[] {
  return [
    sampleImage(context),
    imageOf(context, (folder) => {
      // A directory of two blocks and inline data, so with names in order across them.
      for (let i = 0; i < 40; i++) writeFileSync(join(folder, `${i}`.padEnd(200, 'w')), `${i}`);
    }),
    imageOf(
      context,
      (folder) => {
        // Extended inodes, a chain of directories, long targets, hard links.
        const chain = join(folder, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
        mkdirSync(chain, { recursive: true });
        writeFileSync(join(chain, 'leaf'), new Uint8Array(4096));
        symlinkSync('t'.repeat(3000), join(folder, 'a', 'long'));
        symlinkSync('t'.repeat(4090), join(folder, 'a', 'longer'));
        linkSync(join(chain, 'leaf'), join(folder, 'leaf'));
      },
      ['--force-uid=70000'],
    ),
  ];
}

/** A thread's uncaught error rejects here, and so fails the test. */
async function fuzzInThread(range: FuzzRange): Promise<FuzzOutcomes> {
  const worker = new Worker(new URL('./fuzz.worker.ts', import.meta.url), { workerData: range });
  const [outcomes] = (await once(worker, 'message')) as [FuzzOutcomes];
  await worker.terminate();
  return outcomes;
}

test(
  `${RUNS} mutated images end in a result or a typed error, after bounded reads`,
  needsMkfs,
  async (context) => {
    const all = images(context);
    const runs = RUNS / THREADS;
    const ranges = Array.from({ length: THREADS }, (_, i) => ({
      images: all,
      firstSeed: FIRST_SEED + i * runs,
      runs,
    }));
    const outcomes = new Map<string, number>();
    for (const part of await Promise.all(ranges.map(fuzzInThread))) {
      for (const [outcome, count] of part) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    }
    context.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
    for (const outcome of [
      'read',
      'CORRUPT',
      'TRUNCATED',
      'UNSUPPORTED',
      'open CHECKSUM_MISMATCH',
      'open NOT_EROFS',
    ]) {
      assert.ok((outcomes.get(outcome) ?? 0) > RUNS / 2000, `mutations must lead to ${outcome} too`);
    }
  },
);

test(
  'each single bit of the first block is refused from the superblock on, and not read before it',
  needsMkfs,
  async (context) => {
    const original = sampleImage(context);
    const expected = await describeImage(await openImage(memorySource(original)));
    const bytes = Uint8Array.from(original);
    for (let bit = 0; bit < BLOCK_SIZE_BYTES * 8; bit++) {
      const at = bit >>> 3;
      bytes[at]! ^= 1 << (bit & 7);
      if (at >= SUPERBLOCK_OFFSET_BYTES) {
        const outcome = await outcomeOf(() => openImage(memorySource(bytes)));
        assert.notEqual(outcome, 'read', `bit ${bit & 7} of byte ${at}`);
      } else if (bit % 61 === 0) {
        assert.deepEqual(await describeImage(await openImage(memorySource(bytes))), expected);
      }
      bytes[at]! ^= 1 << (bit & 7);
    }
  },
);

test(
  'each single bit of the superblock, sealed again, is refused or leaves the tree as it is',
  needsMkfs,
  async (context) => {
    const original = sampleImage(context);
    const expected = await describeImage(await openImage(memorySource(original)));
    const endBit = (SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_SIZE_BYTES) * 8;
    for (let bit = SUPERBLOCK_OFFSET_BYTES * 8; bit < endBit; bit++) {
      const bytes = Uint8Array.from(original);
      bytes[bit >>> 3]! ^= 1 << (bit & 7);
      sealSuperblock(bytes.subarray(0, BLOCK_SIZE_BYTES));
      try {
        const image = await openImage(memorySource(bytes));
        await readAll(image);
        assert.deepEqual(await describeImage(image), expected, `bit ${bit & 7} of byte ${bit >>> 3}`);
      } catch (error) {
        assert.ok(error instanceof ErofsError, String(error));
      }
    }
  },
);
