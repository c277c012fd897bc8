/** `vitrine pack owner/name[@revision]`. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { PlannedInode } from '@vitrine/erofs';
import { downloadFiles } from './download.ts';
import { PackError } from './error.ts';
import type { FileDigests } from './file-sink.ts';
import { type Selection, selects } from './glob.ts';
import { type HubFile, type HubOptions, isCommit, listFiles, lookUpRevision, openHub } from './hub/index.ts';
import { type PlannedFile, plannedFiles } from './image-writer.ts';
import { formatInfo } from './info.ts';
import { Journal } from './journal.ts';
import { type Manifest, type PackSource, parseManifest } from './manifest.ts';
import { type PackName, formatPackName, parsePackName } from './name.ts';
import { type PackPaths, packPaths } from './output.ts';
import { type PackOptions, type PackResult, contentBytesOf, makePack, withOutput } from './pack.ts';
import { type PackPlan, planPack } from './plan.ts';
import { treeOfPaths } from './tree.ts';

export interface HubPackOptions extends PackOptions {
  /** Where to ask and how; the signal is {@link PackOptions.signal}. */
  readonly hub: Omit<HubOptions, 'signal'>;
  /** Requests under way at once. */
  readonly connections?: number;
}

const DEFAULT_CONNECTIONS = 8;

/**
 * Packs a repository of the Hub without a second copy on disk: each byte goes from the network into the image.
 * Every file is held against the hash that the Hub lists; an interrupted run goes on where it stopped.
 * @param revision a branch, tag or commit; the default branch if left out
 * @throws PackError, HubError or ErofsError
 */
export async function packFromHub(
  repository: string,
  revision: string | undefined,
  options: HubPackOptions,
): Promise<PackResult> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const hub = openHub({
    ...options.hub,
    signal,
    onRetry: ({ error, delayMs }) => options.onEvent?.({ kind: 'retry', message: error.message, delayMs }),
  });
  try {
    const { commit, canonicalRepo } = await lookUpRevision(hub, repository, revision);
    if (canonicalRepo !== undefined && canonicalRepo !== repository) {
      options.onEvent?.({
        kind: 'warning',
        message: `the Hub calls this model ${canonicalRepo}. The pack is named ${repository}, as asked; under the other name its root hash is another one.`,
      });
    }
    if (revision === undefined || !isCommit(revision)) {
      options.onEvent?.({ kind: 'resolved', revision: revision ?? 'the default branch', commit });
    }
    const name = parsePackName(`${repository}@${commit}`);
    const finished = finishedPack(packPaths(options.outFolder, name), name, options);
    if (finished) return finished;
    const listed = await listFiles(hub, repository, commit);
    const { plan, leftOut } = planFiles(name, listed, options);
    return await withOutput(options.outFolder, plan, async (output) => {
      const files = plannedFiles(plan);
      const { journal, resumed } = Journal.open(output.paths.journal, output.paths.partial, planId(plan, files));
      if (resumed) tellResumed(journal, files, options);
      try {
        return await makePack(
          plan,
          output,
          {
            source: { kind: 'hub', repository, commit },
            leftOut,
            keepContents: resumed,
            resumable: true,
            fill: async (writer) => {
              const digests = await downloadFiles({
                hub,
                repository,
                commit,
                files,
                writer,
                journal,
                connections: options.connections ?? DEFAULT_CONNECTIONS,
                onBytes: byteReporter(plan, options),
                onWarning: (message) => options.onEvent?.({ kind: 'warning', message }),
              });
              const byInode = new Map<PlannedInode<HubFile>, FileDigests>(
                files.map(({ inode }, index) => [inode, digests[index]!]),
              );
              return (inode) => byInode.get(inode)!;
            },
          },
          options,
        );
      } finally {
        journal.close();
      }
    });
  } finally {
    stop.abort();
  }
}

function planFiles(
  name: PackName,
  listed: readonly HubFile[],
  options: PackOptions,
): { plan: PackPlan<HubFile>; leftOut: string[] } {
  const selection: Selection = { include: options.include ?? [], exclude: options.exclude ?? [] };
  const chosen = listed.filter(({ path }) => selects(selection, path) && !isLeftOut(path));
  const leftOut = listed.filter((file) => !chosen.includes(file)).map(({ path }) => path);
  if (chosen.length === 0) {
    throw new PackError(
      'SOURCE_EMPTY',
      `${formatPackName(name)} has ${listed.length} files, and none is left to pack. Check --include and --exclude.`,
    );
  }
  const files = chosen.map((source) => ({ path: source.path, sizeBytes: source.sizeBytes, source }));
  const plan = planPack(name, treeOfPaths(files));
  options.onEvent?.({
    kind: 'planned',
    files: chosen.length,
    totalBytes: contentBytesOf(plan),
    packSizeBytes: plan.packSizeBytes,
  });
  return { plan, leftOut };
}

/** mkfs.erofs leaves out what is called `lost+found…`, at any depth. */
function isLeftOut(path: string): boolean {
  return path.split('/').some((segment) => segment.startsWith('lost+found'));
}

/** A commit never changes: a finished pack of it with the same selection need not be made again. */
function finishedPack(paths: PackPaths, name: PackName, options: HubPackOptions): PackResult | undefined {
  if ((options.include?.length ?? 0) + (options.exclude?.length ?? 0) > 0) return undefined;
  if (![paths.pack, paths.info, paths.manifest].every((path) => existsSync(path))) return undefined;
  const manifest = parseManifest(readFileSync(paths.manifest, 'utf8'));
  if (!isWhole(manifest.source, manifest, name)) return undefined;
  const info = {
    rootHash: manifest.rootHash,
    hashOffsetBytes: manifest.imageSizeBytes,
    uuid: manifest.uuid,
  };
  const infoText = formatInfo(info);
  if (readFileSync(paths.info, 'utf8') !== infoText) return undefined;
  return {
    name: manifest.name,
    info,
    infoText,
    paths,
    packSizeBytes: manifest.packSizeBytes,
    fileCount: manifest.files.length,
    contentBytes: manifest.files.reduce((sum, { size }) => sum + size, 0),
    unchanged: true,
    manifest,
  };
}

function isWhole(source: PackSource, manifest: Manifest, name: PackName): boolean {
  return source.kind === 'hub' && manifest.name === formatPackName(name) && manifest.leftOut.every(isLeftOut);
}

/** What a partial is a partial of: the name, every address and every promised hash. */
function planId(plan: PackPlan<HubFile>, files: readonly PlannedFile<HubFile>[]): string {
  const hash = createHash('sha256').update(`${formatPackName(plan.name)} ${plan.packSizeBytes}\n`);
  for (const { source, placement } of files) {
    const { sizeBytes, dataOffsetBytes, blockBytes, tailOffsetBytes } = placement;
    const where = [sizeBytes, dataOffsetBytes, blockBytes, tailOffsetBytes].join(' ');
    hash.update(`${source.digest.algorithm} ${source.digest.hex} ${where} ${source.path}\n`);
  }
  return hash.digest('hex');
}

function tellResumed(journal: Journal, files: readonly PlannedFile<HubFile>[], options: PackOptions): void {
  const presentBytes = files.reduce((sum, _, index) => sum + (journal.present.get(index) ?? 0), 0);
  options.onEvent?.({ kind: 'resumed', presentBytes });
}

function byteReporter(plan: PackPlan<HubFile>, options: PackOptions): (count: number, path: string) => void {
  const totalBytes = contentBytesOf(plan);
  let doneBytes = 0;
  return (count, file) => {
    doneBytes += count;
    options.onEvent?.({ kind: 'progress', doneBytes, totalBytes, file });
  };
}
