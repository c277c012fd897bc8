/** Compares what the reader says of an image with the folder that the image was made of. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  closeSync,
  type BigIntStats,
} from 'node:fs';
import type { ErofsImage } from '../src/reader.ts';
import type { ImageEntry } from '../src/reader-entry.ts';

/** What both sides can say of an entry; keyed by the path's bytes as Latin-1, so that every name has its own key. */
interface Description {
  readonly kind: string;
  readonly permissions: number;
  readonly linkCount: number | undefined;
  readonly sizeBytes: number | undefined;
  readonly content: string | undefined;
  /** The first path of the same inode. */
  readonly sameAs: string;
}

/** Every byte, mode, target, link and path of the image is the folder's. */
export async function assertSameTree(image: ErofsImage, folder: string): Promise<void> {
  const expected = describeFolder(folder);
  const found = await describeImage(image);
  assert.deepEqual([...found.keys()], [...expected.keys()]);
  for (const [path, description] of expected)
    assert.deepEqual(found.get(path), description, JSON.stringify(path));
}

export async function describeImage(image: ErofsImage): Promise<Map<string, Description>> {
  const descriptions = new Map<string, Description>();
  const firstByNid = new Map<bigint, string>();
  for await (const entry of image.walk()) {
    const path = Buffer.from(entry.pathBytes).toString('latin1');
    const sameAs = firstByNid.get(entry.nid) ?? path;
    firstByNid.set(entry.nid, sameAs);
    const { kind, permissions, linkCount, sizeBytes } = entry.inode;
    const isDirectory = kind === 'directory';
    descriptions.set(path, {
      kind,
      permissions,
      linkCount: isDirectory ? undefined : linkCount,
      sizeBytes: isDirectory ? undefined : sizeBytes,
      content: await contentOf(image, entry),
      sameAs,
    });
  }
  return descriptions;
}

async function contentOf(image: ErofsImage, entry: ImageEntry): Promise<string | undefined> {
  if (entry.inode.kind === 'symlink') return Buffer.from(await image.readLink(entry)).toString('latin1');
  if (entry.inode.kind === 'directory') return undefined;
  const hash = createHash('sha256');
  for await (const piece of image.readFile(entry)) hash.update(piece);
  return hash.digest('hex');
}

function describeFolder(folder: string): Map<string, Description> {
  const descriptions = new Map<string, Description>();
  const firstByInode = new Map<bigint, string>();
  const visit = (onDisk: Buffer, path: string): void => {
    const stat = lstatSync(onDisk, { bigint: true });
    const sameAs = firstByInode.get(stat.ino) ?? path;
    firstByInode.set(stat.ino, sameAs);
    descriptions.set(path, describeOnDisk(onDisk, stat, sameAs));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(onDisk, 'buffer').sort((a, b) => Buffer.compare(a, b))) {
      const text = name.toString('latin1');
      visit(Buffer.concat([onDisk, Buffer.from('/'), name]), path === '' ? text : `${path}/${text}`);
    }
  };
  visit(Buffer.from(folder), '');
  return descriptions;
}

function describeOnDisk(onDisk: Buffer, stat: BigIntStats, sameAs: string): Description {
  const isDirectory = stat.isDirectory();
  const kind = isDirectory ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
  return {
    kind,
    permissions: Number(stat.mode & 0o7777n),
    linkCount: isDirectory ? undefined : Number(stat.nlink),
    sizeBytes: isDirectory ? undefined : Number(stat.size),
    content:
      kind === 'symlink'
        ? readlinkSync(onDisk, 'buffer').toString('latin1')
        : kind === 'file'
          ? hashOnDisk(onDisk)
          : undefined,
    sameAs,
  };
}

function hashOnDisk(path: Buffer): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const piece = new Uint8Array(2 ** 20);
  for (let found = readSync(file, piece); found > 0; found = readSync(file, piece))
    hash.update(piece.subarray(0, found));
  closeSync(file);
  return hash.digest('hex');
}
