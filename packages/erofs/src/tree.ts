/** The tree that is to become an image: names, modes and sizes; what `S` is (a path, an URL) is the caller's. */
import { ErofsError } from './error.ts';
import { NAME_MAX_BYTES } from './format.ts';

export interface DirectoryNode<S> {
  readonly kind: 'directory';
  /** 0 to 0o7777. */
  readonly permissions: number;
  /** In any order: the layout sorts by name. */
  readonly entries: readonly DirectoryEntry<S>[];
}

export interface FileNode<S> {
  readonly kind: 'file';
  readonly permissions: number;
  readonly sizeBytes: number;
  /** Where the bytes will come from: not looked at by this package. */
  readonly source: S;
}

export interface SymlinkNode {
  readonly kind: 'symlink';
  readonly permissions: number;
  readonly target: Uint8Array;
}

/** The same file or symlink object under several names is a hard link: one inode with several names. */
export type SourceNode<S> = DirectoryNode<S> | FileNode<S> | SymlinkNode;

export interface DirectoryEntry<S> {
  /** One path segment: bytes, because a file system's names are bytes. */
  readonly name: Uint8Array;
  readonly node: SourceNode<S>;
}

/** Bytewise order, as strcmp gives it. */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const LEFT_OUT_PREFIX = new TextEncoder().encode('lost+found');

/** mkfs.erofs leaves out every name that begins with `lost+found`; a caller that wants its bytes does the same. */
export function isLeftOutByMkfs(name: Uint8Array): boolean {
  return LEFT_OUT_PREFIX.every((byte, index) => name[index] === byte);
}

/**
 * The entries of a directory, sorted by name.
 * @throws ErofsError TREE_INVALID for a name that is empty, too long, `.` or `..`, holds `/` or NUL, or occurs twice
 */
export function sortedEntries<S>(directory: DirectoryNode<S>): DirectoryEntry<S>[] {
  for (const { name } of directory.entries) requireName(name);
  const sorted = [...directory.entries].sort((a, b) => compareNames(a.name, b.name));
  for (let i = 1; i < sorted.length; i++) {
    if (compareNames(sorted[i - 1]!.name, sorted[i]!.name) === 0) {
      throw new ErofsError(
        'TREE_INVALID',
        `The name ${show(sorted[i]!.name)} occurs twice in one directory.`,
      );
    }
  }
  return sorted;
}

function requireName(name: Uint8Array): void {
  if (name.length === 0) throw new ErofsError('TREE_INVALID', 'A directory entry has an empty name.');
  if (name.length > NAME_MAX_BYTES) {
    throw new ErofsError(
      'TREE_INVALID',
      `The name ${show(name)} has ${name.length} bytes; EROFS names have ${NAME_MAX_BYTES} at most.`,
    );
  }
  if (name.includes(0x2f) || name.includes(0)) {
    throw new ErofsError('TREE_INVALID', `The name ${show(name)} holds a slash or a NUL byte.`);
  }
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) {
    throw new ErofsError('TREE_INVALID', `The name ${show(name)} is reserved.`);
  }
}

function show(name: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(name));
}
