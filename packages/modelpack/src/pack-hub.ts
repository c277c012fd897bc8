/** `vitrine pack owner/name[@revision]`. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { PlannedInode } from '@vitrine/erofs';
import { downloadFiles, presentBytesOf } from './download.ts';
import { PackError } from './error.ts';
import type { FileDigests } from './file-sink.ts';
import { type Selection, selects } from './glob.ts';
import {
  type Hub,
  type HubFile,
  type HubOptions,
  isCommit,
  listFiles,
  lookUpRevision,
  openHub,
} from './hub/index.ts';
import { printable } from './hub/printable.ts';
import { type ImageWriter, type PlannedFile, plannedFiles } from './image-writer.ts';
import { formatInfo } from './info.ts';
import { Journal } from './journal.ts';
import { type Manifest, type PackSource, parseManifest } from './manifest.ts';
import { type PackName, formatPackName, parsePackName } from './name.ts';
import { type PackOutput, type PackPaths, packPaths } from './output.ts';
import {
  type PackOptions,
  type PackResult,
  contentBytesOf,
  makePack,
  progressReporter,
  withOutput,
} from './pack.ts';
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
    const name = await lookUpName(hub, repository, revision, options);
    const listed = await listFiles(hub, repository, name.revision);
    const { plan, leftOut } = planFiles(name, listed, options);
    const source: HubSource = { kind: 'hub', repository, commit: name.revision };
    const files = plannedFiles(plan);
    const finished = finishedPack(packPaths(options.outFolder, name), plan, files, source);
    if (finished) return finished;
    return await withOutput(options.outFolder, plan, (output) =>
      packInto(output, { hub, source, plan, files, leftOut }, options),
    );
  } finally {
    stop.abort();
  }
}

type HubSource = Extract<PackSource, { kind: 'hub' }>;

/** What is known before the first byte of contents. */
interface HubPlan {
  readonly hub: Hub;
  readonly source: HubSource;
  readonly plan: PackPlan<HubFile>;
  readonly files: readonly PlannedFile<HubFile>[];
  readonly leftOut: readonly string[];
}

async function lookUpName(
  hub: Hub,
  repository: string,
  revision: string | undefined,
  { onEvent }: PackOptions,
): Promise<PackName> {
  const { commit, canonicalRepo } = await lookUpRevision(hub, repository, revision);
  if (canonicalRepo !== undefined && canonicalRepo !== repository) {
    onEvent?.({
      kind: 'warning',
      message: `the Hub calls this model ${printable(canonicalRepo)}. The pack is named ${repository}, as asked; under the other name its root hash is another one.`,
    });
  }
  if (revision === undefined || !isCommit(revision)) {
    onEvent?.({ kind: 'resolved', revision: revision ?? 'the default branch', commit });
  }
  return parsePackName(`${repository}@${commit}`);
}

async function packInto(
  output: PackOutput,
  { hub, source, plan, files, leftOut }: HubPlan,
  options: HubPackOptions,
): Promise<PackResult> {
  const { journal, resumed } = Journal.open(output.paths.journal, output.paths.partial, planId(plan, files));
  const present = presentBytesOf(files, journal.present);
  const presentBytes = present.reduce((sum, bytes) => sum + bytes, 0);
  if (presentBytes > 0) options.onEvent?.({ kind: 'resumed', presentBytes });
  const fill = async (
    writer: ImageWriter<HubFile>,
  ): Promise<(inode: PlannedInode<HubFile>) => FileDigests> => {
    const digests = await downloadFiles({
      hub,
      repository: source.repository,
      commit: source.commit,
      files,
      present,
      writer,
      journal,
      connections: options.connections ?? DEFAULT_CONNECTIONS,
      onBytes: progressReporter(plan, options.onEvent),
      onWarning: (message) => options.onEvent?.({ kind: 'warning', message }),
    });
    const byInode = new Map<PlannedInode<HubFile>, FileDigests>(
      files.map(({ inode }, index) => [inode, digests[index]!]),
    );
    return (inode) => byInode.get(inode)!;
  };
  try {
    return await makePack(
      plan,
      output,
      { source, leftOut, keepContents: resumed, resumable: true, fill },
      options,
    );
  } finally {
    journal.close();
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

/**
 * A commit never changes: a pack of the same files of it need not be made again. What is there is believed when its
 * three files agree with one another and with the listing; to prove it is the business of a check.
 */
function finishedPack(
  paths: PackPaths,
  plan: PackPlan<HubFile>,
  files: readonly PlannedFile<HubFile>[],
  source: HubSource,
): PackResult | undefined {
  const manifest = readManifest(paths);
  if (manifest?.source.kind !== 'hub') return undefined;
  const { repository, commit } = manifest.source;
  if (repository !== source.repository || commit !== source.commit) return undefined;
  if (!holdsFiles(manifest, files) || manifest.packSizeBytes !== plan.packSizeBytes) return undefined;
  const info = { rootHash: manifest.rootHash, hashOffsetBytes: manifest.imageSizeBytes, uuid: manifest.uuid };
  const infoText = formatInfo(info);
  if (readFileSync(paths.info, 'utf8') !== infoText) return undefined;
  return {
    name: manifest.name,
    info,
    infoText,
    paths,
    packSizeBytes: manifest.packSizeBytes,
    fileCount: manifest.files.length,
    contentBytes: contentBytesOf(plan),
    unchanged: true,
    manifest,
  };
}

/** Undefined when one of the three files is missing, the pack is not as long as it says, or it cannot be read. */
function readManifest(paths: PackPaths): Manifest | undefined {
  if (![paths.pack, paths.info, paths.manifest].every((path) => existsSync(path))) return undefined;
  try {
    const manifest = parseManifest(readFileSync(paths.manifest, 'utf8'));
    return statSync(paths.pack).size === manifest.packSizeBytes ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function holdsFiles(manifest: Manifest, files: readonly PlannedFile<HubFile>[]): boolean {
  if (manifest.files.length !== files.length) return false;
  const packed = new Map(manifest.files.map((file) => [file.path, file]));
  return files.every(({ source: { path, sizeBytes, digest } }) => {
    const file = packed.get(path);
    const found = digest.algorithm === 'sha256' ? file?.sha256 : file?.gitBlobSha1;
    return file?.size === sizeBytes && found === digest.hex;
  });
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
