/** `vitrine pack`. */
import { existsSync, realpathSync } from 'node:fs';
import {
  type OnPackEvent,
  PackError,
  type PackOptions,
  type PackResult,
  packFolder,
  parsePackName,
} from '@vitrine/modelpack/folder';
import { EXIT, UsageError } from './exit.ts';
import { ProgressLine } from './progress-line.ts';
import { type Terminal, formatBytes, paint, plain } from './terminal.ts';

export interface PackFlags {
  readonly name?: string;
  readonly out: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly revision?: string;
  readonly jobs?: number;
  readonly json?: boolean;
}

export async function packCommand(source: string, flags: PackFlags, terminal: Terminal): Promise<number> {
  const progress = new ProgressLine(terminal);
  const onEvent = flags.json ? jsonEvents(terminal) : textEvents(terminal, progress);
  const options: PackOptions = {
    outFolder: flags.out,
    include: flags.include,
    exclude: flags.exclude,
    onEvent,
    signal: terminal.signal,
    ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
  };
  try {
    const result = await packSource(source, flags, options, terminal);
    progress.clear();
    report(result, flags, terminal);
    return EXIT.ok;
  } finally {
    progress.clear();
  }
}

async function packSource(
  source: string,
  flags: PackFlags,
  options: PackOptions,
  terminal: Terminal,
): Promise<PackResult> {
  if (isFolder(source)) {
    requireExists(source);
    if (flags.name === undefined) {
      throw new UsageError(
        `A folder needs a name, because the root hash depends on it: vitrine pack ${source} --name owner/name@revision`,
      );
    }
    if (flags.revision !== undefined) {
      throw new UsageError("--revision is for the Hub; a folder's revision is part of --name.");
    }
    return packFolder(realpathSync(source), parsePackName(flags.name), options);
  }
  if (flags.name !== undefined) {
    throw new UsageError(
      `--name is for folders, and ${source} is none. A model of the Hub has its own name.`,
    );
  }
  const { repository, revision } = splitHubName(source, flags.revision);
  const { defaultEndpoint, packFromHub } = await import('@vitrine/modelpack');
  const { HF_TOKEN: token, HF_ENDPOINT: endpoint } = terminal.env;
  return packFromHub(repository, revision, {
    ...options,
    hub: {
      endpoint: endpoint === undefined || endpoint === '' ? defaultEndpoint : endpoint,
      fetch: globalThis.fetch,
      ...(token === undefined || token === '' ? {} : { token }),
    },
  });
}

/** A path that exists, or that is written as one; `owner/name` may be both, and then the folder is meant. */
function isFolder(source: string): boolean {
  const [name = ''] = source.split('@', 1);
  return existsSync(source) || /^[./~]/.test(source) || name.split('/').length !== 2;
}

function requireExists(source: string): void {
  if (existsSync(source)) return;
  throw new PackError(
    'SOURCE_MISSING',
    `${source} does not exist. Give a folder, or a model's name on the Hub as owner/name.`,
  );
}

function splitHubName(
  source: string,
  flag: string | undefined,
): { repository: string; revision: string | undefined } {
  const at = source.indexOf('@');
  if (at === -1) return { repository: source, revision: flag };
  const revision = source.slice(at + 1);
  if (flag !== undefined && flag !== revision) {
    throw new UsageError(`The revision is given twice: ${revision} in the name, ${flag} with --revision.`);
  }
  return { repository: source.slice(0, at), revision };
}

function textEvents(terminal: Terminal, progress: ProgressLine): OnPackEvent {
  const say = (text: string): void => {
    progress.clear();
    terminal.stderr.write(`${text}\n`);
  };
  return (event) => {
    switch (event.kind) {
      case 'resolved':
        say(`${event.revision} is commit ${event.commit}`);
        break;
      case 'planned':
        if (terminal.stderr.isTTY) {
          say(
            `${event.files} files, ${formatBytes(event.totalBytes)}; the pack will have ${formatBytes(event.packSizeBytes)}`,
          );
        }
        break;
      case 'resumed':
        say(`An earlier run left ${formatBytes(event.presentBytes)}: going on from there`);
        break;
      case 'progress':
        progress.update('packing', event.doneBytes, event.totalBytes, event.file);
        break;
      case 'warning':
        say(paint(terminal, terminal.stderr, 33, plain(`warning: ${event.message}`)));
        break;
      case 'retry':
        if (terminal.stderr.isTTY)
          say(`${plain(event.message)} Trying again in ${(event.delayMs / 1000).toFixed(1)} s.`);
        break;
    }
  };
}

const JSON_PROGRESS_INTERVAL_MS = 200;

function jsonEvents(terminal: Terminal): OnPackEvent {
  let toldAtMs = -Infinity;
  return (event) => {
    if (event.kind === 'progress') {
      const nowMs = performance.now();
      if (nowMs - toldAtMs < JSON_PROGRESS_INTERVAL_MS && event.doneBytes < event.totalBytes) return;
      toldAtMs = nowMs;
    }
    const { kind, ...details } = event;
    terminal.stdout.write(`${JSON.stringify({ event: kind, ...details })}\n`);
  };
}

function report(result: PackResult, flags: PackFlags, terminal: Terminal): void {
  if (flags.json) {
    const { name, info, infoText, paths, packSizeBytes, fileCount, contentBytes, unchanged } = result;
    const files = { pack: paths.pack, info: paths.info, manifest: paths.manifest };
    const counts = { packSizeBytes, fileCount, contentBytes };
    const line = { event: 'packed', name, ...info, mpk: infoText, files, ...counts, unchanged };
    terminal.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const { leftOut } = result.manifest;
  if (leftOut.length > 0) {
    const shown = leftOut.slice(0, 3).map(plain).join(', ') + (leftOut.length > 3 ? ', …' : '');
    terminal.stderr.write(`left out: ${shown} (${leftOut.length} in all, listed in the manifest)\n`);
  }
  terminal.stdout.write(
    [
      `${result.unchanged ? 'unchanged' : 'packed'}  ${result.name}`,
      `  pack    ${result.paths.pack} (${formatBytes(result.packSizeBytes)}, ${result.fileCount} files)`,
      `  root    ${result.info.rootHash}`,
      `  config  mpk: ${result.infoText}`,
      '',
    ].join('\n'),
  );
}
