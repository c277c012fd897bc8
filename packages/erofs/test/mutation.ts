/** Seeded changes of images: bits, runs of bytes, and fields set to what breaks readers. */
import {
  BLOCK_SIZE_BYTES,
  DIRENT_SIZE_BYTES,
  sealSuperblock,
  SUPERBLOCK_OFFSET_BYTES,
} from '../src/format.ts';
import { openImage } from '../src/reader.ts';
import { DIRENT_FIELD, INODE_FIELD, SUPERBLOCK_FIELD } from './edit.ts';
import { memorySource } from './mkfs.ts';

/** A generator of 32-bit numbers (xorshift, Marsaglia 2003): the same seed gives the same mutations everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b1 + 0x7f4a7c15) | 0 || 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

interface Field {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface FuzzTarget {
  readonly bytes: Uint8Array;
  /** Every field of the superblock, the inodes and the directory entries. */
  readonly fields: readonly Field[];
  readonly nids: readonly bigint[];
  /** Where something lies that is not padding. */
  readonly usedBytes: readonly Field[];
}

/** Offsets in an extended inode, and sizes in bytes, where they differ from a compact one's. */
const EXTENDED_FIELDS = [
  [8, 8],
  [32, 8],
  [44, 4],
] as const;

/** Finds the fields of a sound image. */
export async function fuzzTarget(bytes: Uint8Array): Promise<FuzzTarget> {
  const image = await openImage(memorySource(bytes));
  const fields: Field[] = [];
  const usedBytes: Field[] = [{ offsetBytes: SUPERBLOCK_OFFSET_BYTES, sizeBytes: 128 }];
  const nids: bigint[] = [];
  const add = (startBytes: number, places: Iterable<readonly [number, number]>): void => {
    for (const [offset, sizeBytes] of places) fields.push({ offsetBytes: startBytes + offset, sizeBytes });
  };
  add(SUPERBLOCK_OFFSET_BYTES, Object.values(SUPERBLOCK_FIELD));
  for await (const { nid, inode, place } of image.walk()) {
    nids.push(nid);
    add(place.inode.startBytes, Object.values(INODE_FIELD));
    if (inode.form === 'extended') add(place.inode.startBytes, EXTENDED_FIELDS);
    for (const { startBytes, endBytes } of Object.values(place) as Iterable<(typeof place)['inode']>) {
      if (endBytes > startBytes)
        usedBytes.push({ offsetBytes: startBytes, sizeBytes: endBytes - startBytes });
    }
    if (inode.kind !== 'directory') continue;
    for (let start = place.blocks.startBytes; start < place.blocks.endBytes; start += BLOCK_SIZE_BYTES) {
      addDirents(bytes, start, add);
    }
    if (place.inlineTail.endBytes > 0) addDirents(bytes, place.inlineTail.startBytes, add);
  }
  return { bytes, fields, nids, usedBytes };
}

function addDirents(
  bytes: Uint8Array,
  startBytes: number,
  add: (startBytes: number, places: Iterable<readonly [number, number]>) => void,
): void {
  const count = (bytes[startBytes + 8]! | (bytes[startBytes + 9]! << 8)) / DIRENT_SIZE_BYTES;
  for (let i = 0; i < count; i++) add(startBytes + i * DIRENT_SIZE_BYTES, Object.values(DIRENT_FIELD));
}

/** A copy with one to four changes; mostly with a checksum that is right again, so that they reach deep. */
export function mutated(target: FuzzTarget, random: Random): Uint8Array {
  const bytes = Uint8Array.from(target.bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) mutateOnce(bytes, target, random);
  if (random.below(8) !== 0) sealSuperblock(bytes.subarray(0, BLOCK_SIZE_BYTES));
  return bytes;
}

function mutateOnce(bytes: Uint8Array, target: FuzzTarget, random: Random): void {
  const used = random.pick(target.usedBytes);
  const at = used.offsetBytes + random.below(used.sizeBytes);
  switch (random.below(6)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return;
    case 1:
      for (let i = random.below(24); i >= 0 && at + i < bytes.length; i--) bytes[at + i] = random.below(256);
      return;
    case 2:
      bytes.fill(random.pick([0, 0xff, 0x2e, 0x2f]), at, at + 1 + random.below(64));
      return;
    case 3: {
      const from = random.pick(target.usedBytes).offsetBytes;
      bytes.copyWithin(at, from, Math.min(from + 1 + random.below(128), from + bytes.length - at));
      return;
    }
    default:
      setField(bytes, target, random);
  }
}

function setField(bytes: Uint8Array, target: FuzzTarget, random: Random): void {
  const { offsetBytes, sizeBytes } = random.pick(target.fields);
  const view = new DataView(bytes.buffer);
  let old = 0n;
  for (let i = sizeBytes - 1; i >= 0; i--) old = (old << 8n) | BigInt(view.getUint8(offsetBytes + i));
  const bits = BigInt(8 * sizeBytes);
  const blocks = BigInt(target.bytes.length / BLOCK_SIZE_BYTES);
  const value = random.pick([
    0n,
    1n,
    old + 1n,
    old - 1n,
    old + 4096n,
    old ^ (1n << BigInt(random.below(8 * sizeBytes))),
    (1n << bits) - 1n,
    1n << (bits - 1n),
    (1n << (bits - 1n)) - 1n,
    BigInt(random.below(2 ** 16)),
    blocks,
    blocks - 1n,
    blocks * 4096n,
    blocks * 128n - 1n,
    12n * BigInt(random.below(400)),
    random.pick(target.nids),
    random.pick(target.nids),
  ]);
  for (let i = 0; i < sizeBytes; i++)
    view.setUint8(offsetBytes + i, Number((value >> BigInt(8 * i)) & 0xffn));
}
