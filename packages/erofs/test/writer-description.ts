/** What a folder holds, as the system shows it: to compare a mounted or extracted image with its source. */
import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface EntryDescription {
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly permissions: string;
  /** Names of the same inode; not said of directories, where file systems count in different ways. */
  readonly linkCount: number | undefined;
  /** SHA-256 of a file, target of a link. */
  readonly content: string | undefined;
  /** The first path of the same inode. */
  readonly sameAs: string;
}

/** By path from the folder, as a byte string (Latin-1); the folder itself is the empty path. */
export function describeFolder(folder: string): Map<string, EntryDescription> {
  const entries = new Map<string, EntryDescription>();
  const firstPaths = new Map<bigint, string>();
  const open: { onDisk: Buffer; path: string }[] = [{ onDisk: Buffer.from(folder), path: '' }];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const { onDisk, path } = entry;
    const stats = lstatSync(onDisk, { bigint: true });
    const sameAs = firstPaths.get(stats.ino) ?? path;
    firstPaths.set(stats.ino, sameAs);
    entries.set(path, describe(onDisk, stats, sameAs));
    if (stats.isDirectory()) {
      const names = readdirSync(onDisk, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(b, a));
      for (const name of names) {
        const text = name.toString('latin1');
        open.push({
          onDisk: Buffer.concat([onDisk, Buffer.from('/'), name]),
          path: path === '' ? text : `${path}/${text}`,
        });
      }
    }
  }
  return entries;
}

function describe(onDisk: Buffer, stats: BigIntStats, sameAs: string): EntryDescription {
  const permissions = (stats.mode & 0o7777n).toString(8);
  if (stats.isDirectory())
    return { kind: 'directory', permissions, linkCount: undefined, content: undefined, sameAs };
  const linkCount = Number(stats.nlink);
  if (stats.isSymbolicLink()) {
    const content = readlinkSync(onDisk, { encoding: 'buffer' }).toString('latin1');
    return { kind: 'symlink', permissions, linkCount, content, sameAs };
  }
  const content = createHash('sha256').update(readFileSync(onDisk)).digest('hex');
  return { kind: 'file', permissions, linkCount, content, sameAs };
}
