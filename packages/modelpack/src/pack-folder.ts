/** `vitrine pack FOLDER --name owner/name@revision`. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type PlannedInode, type SourceNode } from '@vitrine/erofs';
import { type FolderFile, readFolder } from '@vitrine/erofs/node';
import { PackError } from './error.ts';
import type { FileDigests } from './file-sink.ts';
import { type Selection, excludes, selects } from './glob.ts';
import { plannedFiles } from './image-writer.ts';
import { pathsOf } from './manifest.ts';
import type { PackName } from './name.ts';
import {
  type PackOptions,
  type PackResult,
  contentBytesOf,
  makePack,
  requireNotAborted,
  withOutput,
} from './pack.ts';
import { type PackPlan, planPack } from './plan.ts';
import { withoutEmptyFolders } from './tree.ts';

/**
 * Packs a folder. The bytes depend on the name and on the names, modes and contents of what is in it, and on nothing else.
 * @throws PackError or ErofsError (SOURCE_UNREADABLE, SOURCE_UNSUPPORTED, TREE_INVALID)
 */
export async function packFolder(folder: string, name: PackName, options: PackOptions): Promise<PackResult> {
  requireFolder(folder);
  const selection: Selection = { include: options.include ?? [], exclude: options.exclude ?? [] };
  requireOutside(folder, options.outFolder, selection);
  const { root, leftOut } = readFolder(folder, {
    exclude: (path, kind) => (kind === 'directory' ? excludes(selection, path) : !selects(selection, path)),
  });
  const filtered = selection.include.length + selection.exclude.length > 0;
  const plan = planPack(name, filtered ? withoutEmptyFolders(root) : root);
  requireFiles(plan.layout.inodes, folder);
  warnOfLinks(root, options);
  requireNameable(plan);
  const files = plannedFiles(plan);
  options.onEvent?.({
    kind: 'planned',
    files: files.length,
    totalBytes: contentBytesOf(plan),
    packSizeBytes: plan.packSizeBytes,
  });
  requireNotAborted(options.signal);
  return withOutput(options.outFolder, plan, (output) =>
    makePack(
      plan,
      output,
      {
        source: { kind: 'folder' },
        leftOut,
        keepContents: false,
        resumable: false,
        fill: async (writer) => {
          const digests = await writer.copyFiles(files);
          const byInode = new Map<PlannedInode<FolderFile>, FileDigests>(
            files.map(({ inode }, index) => [inode, digests[index]!]),
          );
          return (inode) => byInode.get(inode)!;
        },
      },
      options,
    ),
  );
}

function requireFolder(folder: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  throw new PackError(
    'SOURCE_MISSING',
    `${folder} ${stats ? 'is not a folder' : 'does not exist'}. Give a folder, or a model's name on the Hub as owner/name.`,
  );
}

/** Packed into itself, a folder would be another one the next time. */
function requireOutside(folder: string, outFolder: string, selection: Selection): void {
  const path = relative(realpathSync(folder), realPathOf(resolve(outFolder)));
  const isOutside = path === '..' || path.startsWith('../') || isAbsolute(path);
  if (isOutside || (path !== '' && excludes(selection, path))) return;
  throw new PackError(
    'OUTPUT_IN_SOURCE',
    `${outFolder} lies in ${folder}, and what is written there would be packed the next time. Write elsewhere with --out${path === '' ? '' : `, or leave it out with --exclude ${path}`}.`,
  );
}

/** Without links, as far as the path exists. */
function realPathOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const above = dirname(path);
  return above === path ? path : join(realPathOf(above), basename(path));
}

function requireFiles(inodes: readonly { readonly node: SourceNode<unknown> }[], folder: string): void {
  if (inodes.some(({ node }) => node.kind !== 'directory')) return;
  throw new PackError(
    'SOURCE_EMPTY',
    `There is no file to pack in ${folder}. Check the path, --include and --exclude.`,
  );
}

/** Every path must be one that a manifest can hold: found out now, not after the last byte. */
function requireNameable(plan: PackPlan<FolderFile>): void {
  const paths = pathsOf(plan);
  while (paths.next().done !== true);
}

/** A pack holds a link as a link: one that leads out of the folder leads nowhere in the VM. */
function warnOfLinks(root: SourceNode<FolderFile>, options: PackOptions): void {
  let leadingOut = 0;
  const open: { node: SourceNode<FolderFile>; depth: number }[] = [{ node: root, depth: 0 }];
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    if (top.node.kind === 'directory') {
      for (const { node } of top.node.entries) open.push({ node, depth: top.depth + 1 });
    } else if (
      top.node.kind === 'symlink' &&
      leadsOut(Buffer.from(top.node.target).toString(), top.depth - 1)
    ) {
      leadingOut++;
    }
  }
  if (leadingOut === 0) return;
  options.onEvent?.({
    kind: 'warning',
    message: `${leadingOut} symbolic links lead out of the folder; they are packed as links and will lead nowhere. (A download tool's cache is made of such links: pack a plain copy.)`,
  });
}

function leadsOut(target: string, depth: number): boolean {
  if (target.startsWith('/')) return true;
  let at = depth;
  for (const part of target.split('/')) {
    if (part === '..') at--;
    else if (part !== '.' && part !== '') at++;
    if (at < 0) return true;
  }
  return false;
}
