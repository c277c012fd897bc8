/** Writes a pack's contents into a folder; the folder appears whole or not at all. */
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImageEntry } from '@vitrine/erofs';
import { PackError } from './error.ts';
import { writeAt, writeFailure } from './file-sink.ts';
import type { OpenPack } from './open-pack.ts';

export interface Extracted {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Files and folders get their permission bits, without set-uid, set-gid and sticky; hard links stay hard links.
 * @throws PackError OUTPUT_EXISTS, OUTPUT_UNWRITABLE or DISK_FULL; VerityError for a block that is not what it should be
 */
export async function extractPack(pack: OpenPack, folder: string): Promise<Extracted> {
  // Also a link that leads nowhere takes the name.
  if (attempt(() => lstatSync(folder, { throwIfNoEntry: false }))) {
    throw new PackError('OUTPUT_EXISTS', `${folder} exists. Name a folder that does not.`);
  }
  const partial = `${folder}.partial-${process.pid}`;
  try {
    attempt(() => mkdirSync(dirname(folder), { recursive: true }));
    const extracted = await new Extraction(pack, partial).run();
    attempt(() => renameSync(partial, folder));
    return extracted;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

class Extraction {
  readonly #pack: OpenPack;
  readonly #folder: string;
  readonly #linked = new Map<bigint, Buffer>();
  /** Last, deepest first: a folder without write permission could not be filled otherwise. */
  readonly #folderModes: { path: Buffer; mode: number }[] = [];
  /** Last: nothing may be written through them. */
  readonly #symlinks: { path: Buffer; target: Buffer; sameAs: Buffer | undefined }[] = [];
  #files = 0;
  #bytes = 0;

  constructor(pack: OpenPack, folder: string) {
    this.#pack = pack;
    this.#folder = folder;
  }

  async run(): Promise<Extracted> {
    for await (const entry of this.#pack.image.walk()) await this.#extract(entry);
    for (const { path, target, sameAs } of this.#symlinks) {
      attempt(() => (sameAs ? linkSync(sameAs, path) : symlinkSync(target, path)));
    }
    for (const { path, mode } of this.#folderModes.reverse()) attempt(() => chmodSync(path, mode));
    return { files: this.#files, bytes: this.#bytes };
  }

  async #extract(entry: ImageEntry): Promise<void> {
    const path = Buffer.concat([Buffer.from(join(this.#folder, '/')), entry.pathBytes]);
    const mode = entry.inode.permissions & 0o777;
    if (entry.inode.kind === 'directory') {
      attempt(() => mkdirSync(path, { mode: 0o700 }));
      this.#folderModes.push({ path, mode });
    } else if (entry.inode.kind === 'symlink') {
      const target = Buffer.from(await this.#pack.image.readLink(entry));
      this.#symlinks.push({ path, target, sameAs: this.#linked.get(entry.nid) });
      if (entry.inode.linkCount > 1) this.#linked.set(entry.nid, path);
    } else {
      await this.#extractFile(entry, path, mode);
    }
  }

  async #extractFile(entry: ImageEntry, path: Buffer, mode: number): Promise<void> {
    const linked = this.#linked.get(entry.nid);
    if (linked) {
      attempt(() => linkSync(linked, path));
      return;
    }
    if (entry.inode.linkCount > 1) this.#linked.set(entry.nid, path);
    const descriptor = attempt(() => openSync(path, 'wx', 0o600));
    try {
      let at = 0;
      for await (const piece of this.#pack.image.readFile(entry)) {
        writeAt(descriptor, piece, at);
        at += piece.length;
      }
      this.#files++;
      this.#bytes += at;
    } finally {
      closeSync(descriptor);
    }
    attempt(() => chmodSync(path, mode));
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw writeFailure(cause);
  }
}
