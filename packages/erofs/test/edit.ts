/** Changes single fields of an image, and seals it again so that the change reaches the reader's depths. */
import { mkdirSync, symlinkSync, writeFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import {
  BLOCK_SIZE_BYTES,
  DIRENT_SIZE_BYTES,
  sealSuperblock,
  SUPERBLOCK_OFFSET_BYTES,
} from '../src/format.ts';
import { openImage } from '../src/reader.ts';
import { blockRecords } from '../src/reader-directory.ts';
import { makeImageBytes, memorySource, temporaryFolder } from './mkfs.ts';

/** Offsets in a compact inode, and sizes in bytes. */
export const INODE_FIELD = {
  format: [0, 2],
  xattrCount: [2, 2],
  mode: [4, 2],
  linkCount: [6, 2],
  size: [8, 4],
  blockAddress: [16, 4],
} as const;
/** Offsets in the superblock, and sizes in bytes. */
export const SUPERBLOCK_FIELD = {
  featureCompat: [8, 4],
  rootNid: [14, 2],
  inodeCount: [16, 8],
  blockCount: [36, 4],
  metaBlockAddress: [40, 4],
  featureIncompat: [80, 4],
  directoryBlockBits: [90, 1],
} as const;
/** Offsets in a directory entry, and sizes in bytes. */
export const DIRENT_FIELD = { nid: [0, 8], nameOffset: [8, 2], fileType: [10, 1] } as const;

export class ImageEditor {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly #original: Uint8Array;

  constructor(original: Uint8Array) {
    this.#original = original;
    this.bytes = Uint8Array.from(original);
    this.view = new DataView(this.bytes.buffer);
  }

  superblock(field: keyof typeof SUPERBLOCK_FIELD, value: number | bigint): this {
    const [offset, size] = SUPERBLOCK_FIELD[field];
    return this.put(SUPERBLOCK_OFFSET_BYTES + offset, size, value);
  }

  async inode(path: string, field: keyof typeof INODE_FIELD, value: number): Promise<this> {
    const { place } = await this.#find(path);
    const [offset, size] = INODE_FIELD[field];
    return this.put(place.inode.startBytes + offset, size, value);
  }

  async dirent(
    path: string,
    name: string,
    field: keyof typeof DIRENT_FIELD,
    value: number | bigint,
  ): Promise<this> {
    const { blockStart, index } = await this.#direntOf(path, name);
    const [offset, size] = DIRENT_FIELD[field];
    return this.put(blockStart + index * DIRENT_SIZE_BYTES + offset, size, value);
  }

  /** Overwrites the beginning of a name, in place. */
  async rename(path: string, name: string, bytes: readonly number[]): Promise<this> {
    const { blockStart, index } = await this.#direntOf(path, name);
    this.bytes.set(bytes, blockStart + this.view.getUint16(blockStart + index * DIRENT_SIZE_BYTES + 8, true));
    return this;
  }

  async nid(path: string): Promise<bigint> {
    return (await this.#find(path)).nid;
  }

  put(offsetBytes: number, sizeBytes: number, value: number | bigint): this {
    for (let i = 0; i < sizeBytes; i++)
      this.bytes[offsetBytes + i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
    return this;
  }

  sealed(): Uint8Array {
    sealSuperblock(this.bytes.subarray(0, BLOCK_SIZE_BYTES));
    return this.bytes;
  }

  async #find(path: string) {
    return (await openImage(memorySource(this.#original))).stat(path);
  }

  /** Of directories whose data is one block or inline. */
  async #direntOf(path: string, name: string): Promise<{ blockStart: number; index: number }> {
    const { blocks, inlineTail } = (await this.#find(path)).place;
    const { startBytes, endBytes } = blocks.endBytes > 0 ? blocks : inlineTail;
    const records = [...blockRecords(this.#original.subarray(startBytes, endBytes), () => undefined)];
    const index = records.findIndex(({ nameBytes }) => Buffer.from(nameBytes).toString() === name);
    if (index < 0) throw new Error(`"${path}" has no "${name}".`);
    return { blockStart: startBytes, index };
  }
}

/** A small image with one of everything: d/e/f is inline data, d/p has whole blocks and inline data, d/plain only blocks. */
export function sampleImage(context: { after(clean: () => void): void }): Uint8Array {
  const scratch = temporaryFolder(context);
  const folder = join(scratch, 'tree');
  mkdirSync(join(folder, 'd', 'e'), { recursive: true });
  mkdirSync(join(folder, 'g'));
  writeFileSync(join(folder, 'a'), 'alpha');
  writeFileSync(join(folder, 'd', 'e', 'f'), 'deep');
  writeFileSync(join(folder, 'd', 'p'), new Uint8Array(5000).fill(0x70));
  writeFileSync(join(folder, 'd', 'plain'), new Uint8Array(8192 + 4090).fill(0x71));
  linkSync(join(folder, 'a'), join(folder, 'g', 'hard'));
  symlinkSync('../a', join(folder, 'g', 'link'));
  return makeImageBytes(folder, scratch);
}
