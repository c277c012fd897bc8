/** Reads a folder's names, modes and sizes into the tree that {@link planImage} wants; no file is opened. */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { ErofsError } from './error.ts';
import {
  type DirectoryEntry,
  type DirectoryNode,
  type FileNode,
  type SourceNode,
  type SymlinkNode,
  isLeftOutByMkfs,
} from './tree.ts';

/** A file as it was when the folder was read: whoever reads its bytes compares, and so notices a change in between. */
export interface FolderFile {
  /** Bytes, because a name need not be UTF-8. */
  readonly path: Buffer;
  /** From the folder, with `/`; a name that is not UTF-8 shows U+FFFD. */
  readonly displayPath: string;
  readonly device: bigint;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface Folder {
  readonly root: DirectoryNode<FolderFile>;
  /** Paths that are not in the tree, from the folder: those that the caller excludes and mkfs.erofs' `lost+found*`. */
  readonly leftOut: readonly string[];
}

export interface FolderOptions {
  /** Asked with the path from the folder; a directory that is excluded is not entered. */
  readonly exclude?: (displayPath: string, kind: 'file' | 'directory' | 'symlink') => boolean;
}

const SLASH = Buffer.from('/');

/**
 * Takes every regular file, directory and symbolic link; hard links come out as the same node.
 * @throws ErofsError SOURCE_UNREADABLE or SOURCE_UNSUPPORTED, naming the path
 */
export function readFolder(path: string, options: FolderOptions = {}): Folder {
  const top = Buffer.from(path);
  // The folder itself may be named through a link; links in it are contents.
  const stats = attempt(path, () => statSync(top, { bigint: true }));
  if (!stats.isDirectory()) throw new ErofsError('SOURCE_UNREADABLE', `${path} is not a folder.`);
  const reader = new FolderReader(options);
  const root = reader.readDirectory(top, '', stats);
  return { root, leftOut: reader.leftOut };
}

class FolderReader {
  readonly leftOut: string[] = [];
  readonly #options: FolderOptions;
  readonly #linked = new Map<string, FileNode<FolderFile> | SymlinkNode>();

  constructor(options: FolderOptions) {
    this.#options = options;
  }

  readDirectory(path: Buffer, displayPath: string, stats: BigIntStats): DirectoryNode<FolderFile> {
    const entries: DirectoryEntry<FolderFile>[] = [];
    for (const name of namesIn(path, displayPath)) {
      const childPath = Buffer.concat([path, SLASH, name]);
      const childDisplay = displayPath === '' ? name.toString() : `${displayPath}/${name.toString()}`;
      const childStats = statOf(childPath, childDisplay);
      if (isLeftOutByMkfs(name) || this.#isExcluded(childDisplay, childStats)) {
        this.leftOut.push(childDisplay);
        continue;
      }
      entries.push({ name, node: this.#readNode(childPath, childDisplay, childStats) });
    }
    return { kind: 'directory', permissions: permissionsOf(stats), entries };
  }

  #isExcluded(displayPath: string, stats: BigIntStats): boolean {
    const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : 'file';
    return this.#options.exclude?.(displayPath, kind) ?? false;
  }

  #readNode(path: Buffer, displayPath: string, stats: BigIntStats): SourceNode<FolderFile> {
    if (stats.isDirectory()) return this.readDirectory(path, displayPath, stats);
    const key = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
    const known = key === undefined ? undefined : this.#linked.get(key);
    if (known) return known;
    const node = stats.isSymbolicLink() ? symlink(path, displayPath, stats) : file(path, displayPath, stats);
    if (key !== undefined) this.#linked.set(key, node);
    return node;
  }
}

function symlink(path: Buffer, displayPath: string, stats: BigIntStats): SymlinkNode {
  const target = attempt(displayPath, () => readlinkSync(path, { encoding: 'buffer' }));
  return { kind: 'symlink', permissions: permissionsOf(stats), target };
}

function file(path: Buffer, displayPath: string, stats: BigIntStats): FileNode<FolderFile> {
  if (!stats.isFile()) {
    throw new ErofsError(
      'SOURCE_UNSUPPORTED',
      `${displayPath} is ${nameKind(stats)}: a pack holds regular files, directories and symbolic links. Remove it or exclude it.`,
    );
  }
  const source: FolderFile = {
    path,
    displayPath,
    device: stats.dev,
    inode: stats.ino,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
  };
  return { kind: 'file', permissions: permissionsOf(stats), sizeBytes: Number(stats.size), source };
}

function nameKind(stats: BigIntStats): string {
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function permissionsOf(stats: BigIntStats): number {
  return Number(stats.mode & 0o7777n);
}

function namesIn(path: Buffer, displayPath: string): Buffer[] {
  return attempt(displayPath, () => readdirSync(path, { encoding: 'buffer' }));
}

function statOf(path: Buffer, displayPath: string): BigIntStats {
  return attempt(displayPath, () => lstatSync(path, { bigint: true }));
}

function attempt<T>(displayPath: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ErofsError('SOURCE_UNREADABLE', `Reading ${displayPath || 'the folder'}: ${reason}.`, {
      cause,
    });
  }
}
