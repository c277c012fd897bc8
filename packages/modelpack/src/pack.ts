/** What both kinds of source share: the frame around a pack's making, and its result. */
import { availableParallelism } from 'node:os';
import { existsSync } from 'node:fs';
import type { PlannedInode } from '@vitrine/erofs';
import { PackError } from './error.ts';
import type { FileDigests } from './file-sink.ts';
import { ImageWriter } from './image-writer.ts';
import { type PackInfo, formatInfo } from './info.ts';
import { type Manifest, type PackSource, formatManifest, makeManifest } from './manifest.ts';
import { formatPackName, formatUuid } from './name.ts';
import { PackOutput, type PackPaths, packPaths } from './output.ts';
import type { PackPlan } from './plan.ts';
import type { OnPackEvent } from './progress.ts';

export interface PackOptions {
  /** The pack's folder is made below it. */
  readonly outFolder: string;
  /** Worker threads; by default one for each core, up to eight. */
  readonly jobs?: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly onEvent?: OnPackEvent;
  readonly signal?: AbortSignal;
  readonly native?: 'auto' | 'never';
}

export interface PackResult {
  readonly name: string;
  readonly info: PackInfo;
  /** As in the `.info` file and a deployment's `models[].mpk`. */
  readonly infoText: string;
  readonly paths: PackPaths;
  readonly packSizeBytes: number;
  readonly fileCount: number;
  /** Of all files together. */
  readonly contentBytes: number;
  /** The same pack was there already. */
  readonly unchanged: boolean;
  readonly manifest: Manifest;
}

/** What a source does between plan and tree. */
export interface Filling<S> {
  readonly source: PackSource;
  readonly leftOut: readonly string[];
  /** Whether the partial holds something of an earlier run of the same plan. */
  readonly keepContents: boolean;
  /** Whether a partial is worth keeping after a failure. */
  readonly resumable: boolean;
  /** Brings every file into the image. */
  fill(writer: ImageWriter<S>): Promise<(inode: PlannedInode<S>) => FileDigests>;
}

const DEFAULT_JOBS_LIMIT = 8;

export function requireNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PackError('ABORTED', 'The packing was stopped.');
}

/**
 * Takes the lock for as long as `work` lasts.
 * @throws PackError OUTPUT_EXISTS when the final name is taken by a pack that cannot be this one
 */
export async function withOutput<T>(
  outFolder: string,
  plan: PackPlan<unknown>,
  work: (output: PackOutput) => Promise<T>,
): Promise<T> {
  const output = new PackOutput(packPaths(outFolder, plan.name));
  try {
    requireAgreement(plan, output);
    return await work(output);
  } finally {
    output.release();
  }
}

/** What the plan alone tells: found out before the first byte of contents, not after the last. */
function requireAgreement(plan: PackPlan<unknown>, output: PackOutput): void {
  const existing = output.finished();
  if (existing === undefined || existing.hashOffsetBytes === plan.imageSizeBytes) return;
  throw taken(
    output,
    existing,
    `its image has ${existing.hashOffsetBytes} bytes, this one ${plan.imageSizeBytes}`,
  );
}

function taken(output: PackOutput, existing: PackInfo, difference: string): PackError {
  return new PackError(
    'OUTPUT_EXISTS',
    `${output.paths.pack} holds another pack of this name (root ${existing.rootHash}): ${difference}. Move it away, or choose another name or --out.`,
  );
}

/**
 * Makes the pack under its temporary name, then gives it its final one.
 * @throws PackError OUTPUT_EXISTS when the final name is taken by other contents, and all that the steps throw
 */
export async function makePack<S>(
  plan: PackPlan<S>,
  output: PackOutput,
  filling: Filling<S>,
  options: PackOptions,
): Promise<PackResult> {
  const existing = output.finished();
  try {
    output.requireRoom(plan.packSizeBytes);
    const { rootHash, digestsOf } = await writeImage(plan, output, filling, options);
    const manifest = makeManifest(plan, {
      source: filling.source,
      rootHash,
      leftOut: filling.leftOut,
      digestsOf,
    });
    return finish(plan, output, manifest, existing);
  } catch (error) {
    if (!filling.resumable || !existsSync(output.paths.partial)) output.discard();
    throw error;
  }
}

async function writeImage<S>(
  plan: PackPlan<S>,
  output: PackOutput,
  filling: Filling<S>,
  options: PackOptions,
): Promise<{ rootHash: string; digestsOf: (inode: PlannedInode<S>) => FileDigests }> {
  const report = progressReporter(plan, options.onEvent);
  const writer = new ImageWriter(plan, {
    packPath: output.paths.partial,
    jobs: options.jobs ?? Math.min(availableParallelism(), DEFAULT_JOBS_LIMIT),
    keepContents: filling.keepContents,
    native: options.native ?? 'auto',
    onBytes: report,
  });
  try {
    const digestsOf = await stoppable(filling.fill(writer), options.signal);
    requireNotAborted(options.signal);
    const rootHash = Buffer.from(writer.finish()).toString('hex');
    return { rootHash, digestsOf };
  } finally {
    await writer.close();
  }
}

/** Ends the waiting when the signal comes; the workers are stopped by whoever started them. */
function stoppable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new PackError('ABORTED', 'The packing was stopped.'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Counts bytes as they come, and tells how far it is. */
export function progressReporter(
  plan: PackPlan<unknown>,
  onEvent: OnPackEvent | undefined,
): (count: number, file: string) => void {
  const totalBytes = contentBytesOf(plan);
  let doneBytes = 0;
  return (count, file) => {
    doneBytes += count;
    onEvent?.({ kind: 'progress', doneBytes, totalBytes, file });
  };
}

export function contentBytesOf(plan: PackPlan<unknown>): number {
  return plan.layout.inodes.reduce(
    (sum, { node, sizeBytes }) => sum + (node.kind === 'file' ? sizeBytes : 0),
    0,
  );
}

function finish<S>(
  plan: PackPlan<S>,
  output: PackOutput,
  manifest: Manifest,
  existing: PackInfo | undefined,
): PackResult {
  const info: PackInfo = {
    rootHash: manifest.rootHash,
    hashOffsetBytes: plan.imageSizeBytes,
    uuid: formatUuid(plan.layout.superblock.uuid),
  };
  const infoText = formatInfo(info);
  const unchanged =
    existing !== undefined && formatInfo(existing) === infoText && existsSync(output.paths.manifest);
  if (existing !== undefined && formatInfo(existing) !== infoText) {
    output.discard();
    throw taken(output, existing, `this one's root is ${info.rootHash}`);
  }
  output.commit(infoText, formatManifest(manifest));
  return {
    name: formatPackName(plan.name),
    info,
    infoText,
    paths: output.paths,
    packSizeBytes: plan.packSizeBytes,
    fileCount: manifest.files.length,
    contentBytes: contentBytesOf(plan),
    unchanged,
    manifest,
  };
}
