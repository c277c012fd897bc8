/**
 * Runs one range of seeds of the fuzz test, in a thread of its own: the test runner follows every promise of its thread,
 * which takes more time than what is tested.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { ownersOfBlock } from '../src/block-owners.ts';
import { BLOCK_SIZE_BYTES } from '../src/format.ts';
import { checkImage } from '../src/fsck.ts';
import { type ErofsImage, openImage } from '../src/reader.ts';
import { memorySource } from './mkfs.ts';
import { type FuzzTarget, fuzzTarget, mutated, Random } from './mutation.ts';
import { outcomeOf, readAll } from './outcome.ts';

export interface FuzzRange {
  readonly images: readonly Uint8Array[];
  readonly firstSeed: number;
  readonly runs: number;
}

/** How often each outcome came. */
export type FuzzOutcomes = ReadonlyMap<string, number>;

async function fuzzRange({ images, firstSeed, runs }: FuzzRange): Promise<FuzzOutcomes> {
  const targets = await Promise.all(images.map(fuzzTarget));
  const outcomes = new Map<string, number>();
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const outcome = await outcomeOfSeed(targets, seed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

async function outcomeOfSeed(targets: readonly FuzzTarget[], seed: number): Promise<string> {
  const random = new Random(seed);
  try {
    return await fuzzOnce(random.pick(targets), random);
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`VITRINE_FUZZ_SEED=${seed} shows it: ${what}`, { cause: error });
  }
}

async function fuzzOnce(target: FuzzTarget, random: Random): Promise<string> {
  const bytes = mutated(target, random);
  const sizeBytes = bytes.length;
  const source = memorySource(bytes);
  let image: ErofsImage | undefined;
  const opened = await outcomeOf(async () => {
    image = await openImage(source, { diagnose: random.below(16) === 0 });
  });
  if (image === undefined) return `open ${opened}`;
  const whole = image;

  const check = await checkImage(whole);
  const links = check.inodes.symlink;
  // The superblock twice; each inode's block once, as the cache holds them all; no directory twice; each target once.
  const mostBytes = 2 * BLOCK_SIZE_BYTES + 2 * sizeBytes + links * BLOCK_SIZE_BYTES;
  assert.ok(
    source.readBytes <= mostBytes,
    `a check read ${source.readBytes} bytes of an image of ${sizeBytes}`,
  );

  await ownersOfBlock(whole, random.below(sizeBytes / BLOCK_SIZE_BYTES));
  const outcome = await outcomeOf(() => readAll(whole));
  assert.ok(
    outcome === 'read' || check.problemCount > 0,
    `reading found ${outcome}, the check found nothing`,
  );
  return outcome;
}

parentPort?.postMessage(await fuzzRange(workerData as FuzzRange));
