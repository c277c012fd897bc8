/**
 * Where mkfs.erofs 1.5 puts things: the order and best-fit rules of its block buffers, which decide every address
 * of the `modelwrap` layout. Facts read from erofs-utils 1.5 (lib/cache.c); docs/pack-format.md states them in words.
 *
 * A buffer is a run of blocks of one type. It gets an address only when it is *mapped*, in the order of the list,
 * each at the image's end at that moment. Metadata is packed: an inode with its inline data goes into the fullest
 * mapped buffer that still holds it within one block, else into one at the end of the list, else into a new buffer.
 */
import { BLOCK_SIZE_BYTES, INODE_SLOT_SIZE_BYTES } from './format.ts';

const UNMAPPED = -1;

class Buffer {
  readonly type: 'data' | 'metadata';
  address = UNMAPPED;
  usedBytes = 0;
  previous: Buffer = this;
  next: Buffer = this;
  /** Neighbours among the mapped metadata buffers with the same fill. */
  bucketPrevious: Buffer | undefined;
  bucketNext: Buffer | undefined;
  bucket = UNMAPPED;

  constructor(type: 'data' | 'metadata') {
    this.type = type;
  }
}

/** A place in the image; its address is known once {@link Allocator.map} ran for it. */
export class Placement {
  readonly buffer: Buffer;
  readonly offsetBytes: number;

  constructor(buffer: Buffer, offsetBytes: number) {
    this.buffer = buffer;
    this.offsetBytes = offsetBytes;
  }

  get isMapped(): boolean {
    return this.buffer.address !== UNMAPPED;
  }

  /** From the image's start. */
  get imageOffsetBytes(): number {
    if (!this.isMapped) throw new RangeError('A placement has no address before it is mapped.');
    return this.buffer.address * BLOCK_SIZE_BYTES + this.offsetBytes;
  }
}

export class Allocator {
  /** Head of the list of buffers: never mapped, of no type. */
  readonly #list = new Buffer('metadata');
  #lastMapped: Buffer = this.#list;
  #tailBlock = 0;
  readonly #buckets = new MappedBuckets();

  /** The superblock's buffer, which is the first. */
  constructor(superblockEndBytes: number) {
    const buffer = this.#append('metadata');
    buffer.usedBytes = superblockEndBytes;
  }

  /** Blocks that nothing else shares. */
  allocateData(blockCount: number): Placement {
    const buffer = this.#append('data');
    buffer.usedBytes = blockCount * BLOCK_SIZE_BYTES;
    return new Placement(buffer, 0);
  }

  /** One block more behind data that were allocated and mapped last. */
  extendData(placement: Placement): void {
    placement.buffer.usedBytes += BLOCK_SIZE_BYTES;
    this.#tailBlock = placement.buffer.address + blocksFor(placement.buffer.usedBytes);
  }

  /** Data that are written no longer stand between metadata buffers. */
  releaseData(placement: Placement): void {
    const { buffer } = placement;
    if (buffer === this.#lastMapped) this.#lastMapped = buffer.previous;
    buffer.previous.next = buffer.next;
    buffer.next.previous = buffer.previous;
  }

  /**
   * An inode with inline data right behind it; the data lie in one block.
   * @returns undefined when no block can hold the data so
   */
  allocateInode(inodeBytes: number, inlineBytes: number): Placement | undefined {
    if ((inodeBytes % BLOCK_SIZE_BYTES) + inlineBytes > BLOCK_SIZE_BYTES) return undefined;
    const buffer = this.#fittingBuffer(inodeBytes, inlineBytes) ?? this.#append('metadata');
    const offsetBytes = roundUp(buffer.usedBytes, INODE_SLOT_SIZE_BYTES);
    this.#occupy(buffer, offsetBytes, inodeBytes, inlineBytes);
    if (inlineBytes > 0) this.#occupy(buffer, offsetBytes + inodeBytes, inlineBytes, 0);
    return new Placement(buffer, offsetBytes);
  }

  /** Gives addresses to every buffer up to and including the placement's. */
  map(placement: Placement): void {
    if (!placement.isMapped) this.#mapUpTo(placement.buffer);
  }

  /** Gives addresses to all that is left. @returns the image's length in blocks */
  mapAll(): number {
    this.#mapUpTo(undefined);
    return this.#tailBlock;
  }

  #append(type: 'data' | 'metadata'): Buffer {
    const buffer = new Buffer(type);
    buffer.previous = this.#list.previous;
    buffer.next = this.#list;
    this.#list.previous.next = buffer;
    this.#list.previous = buffer;
    return buffer;
  }

  #mapUpTo(last: Buffer | undefined): void {
    for (let buffer = this.#lastMapped.next; buffer !== this.#list; buffer = buffer.next) {
      buffer.address = this.#tailBlock;
      this.#lastMapped = buffer;
      this.#buckets.place(buffer);
      this.#tailBlock = Math.max(this.#tailBlock, buffer.address + blocksFor(buffer.usedBytes));
      if (buffer === last) return;
    }
  }

  #fittingBuffer(inodeBytes: number, inlineBytes: number): Buffer | undefined {
    const total = inodeBytes + inlineBytes;
    let best: Buffer | undefined;
    let bestUsed = 0;
    if (total < BLOCK_SIZE_BYTES) {
      const fullest = roundDown(BLOCK_SIZE_BYTES - total, INODE_SLOT_SIZE_BYTES);
      // The last mapped buffer is left to the second search: it alone can still grow.
      best = this.#buckets.fullestUpTo(fullest, (buffer) => buffer.next.address !== UNMAPPED);
      if (best !== undefined) bestUsed = this.#endInBlock(best, inodeBytes) + inlineBytes;
    }
    const first = this.#lastMapped === this.#list ? this.#list.next : this.#lastMapped;
    for (let buffer = first; buffer !== this.#list; buffer = buffer.next) {
      const usedBefore = buffer.usedBytes % BLOCK_SIZE_BYTES;
      if (usedBefore === 0 || buffer.type !== 'metadata') continue;
      if (!this.#canHold(buffer, inodeBytes, inlineBytes)) continue;
      const used = (this.#endInBlock(buffer, inodeBytes) % BLOCK_SIZE_BYTES) + inlineBytes;
      if (used > BLOCK_SIZE_BYTES) continue;
      const spillsIntoNewBlock = used < usedBefore && used < (inodeBytes % BLOCK_SIZE_BYTES) + inlineBytes;
      if (spillsIntoNewBlock) continue;
      if (bestUsed < used) {
        best = buffer;
        bestUsed = used;
      }
    }
    return best;
  }

  /** Within its last block where there is room; past it only where the image ends with this buffer. */
  #canHold(buffer: Buffer, sizeBytes: number, extraBytes: number): boolean {
    const overflow = fillAligned(buffer) + sizeBytes + extraBytes - BLOCK_SIZE_BYTES;
    if (overflow <= 0) return true;
    if (buffer.next.address !== UNMAPPED) return false;
    return buffer.address === UNMAPPED || this.#isTail(buffer);
  }

  #isTail(buffer: Buffer): boolean {
    return this.#tailBlock === buffer.address + blocksFor(buffer.usedBytes);
  }

  /** How far into its block the buffer would be filled. */
  #endInBlock(buffer: Buffer, sizeBytes: number): number {
    const end = roundUp(buffer.usedBytes, INODE_SLOT_SIZE_BYTES) + sizeBytes;
    return ((end - 1) % BLOCK_SIZE_BYTES) + 1;
  }

  #occupy(buffer: Buffer, offsetBytes: number, sizeBytes: number, extraBytes: number): void {
    const growsTail =
      buffer.address !== UNMAPPED &&
      fillAligned(buffer) + sizeBytes + extraBytes >= BLOCK_SIZE_BYTES &&
      this.#isTail(buffer);
    buffer.usedBytes = offsetBytes + sizeBytes;
    if (growsTail) this.#tailBlock = buffer.address + blocksFor(buffer.usedBytes);
    if (buffer.address !== UNMAPPED) this.#buckets.place(buffer);
  }
}

/** Bytes used in the buffer's last block, up to the next inode slot; a block that is just full counts as full. */
function fillAligned(buffer: Buffer): number {
  const used = buffer.usedBytes === 0 ? BLOCK_SIZE_BYTES : ((buffer.usedBytes - 1) % BLOCK_SIZE_BYTES) + 1;
  return roundUp(used, INODE_SLOT_SIZE_BYTES);
}

/** Mapped metadata buffers by the fill of their last block, first come first in each, with a bit map of what is there. */
class MappedBuckets {
  readonly #first: (Buffer | undefined)[] = new Array<Buffer | undefined>(BLOCK_SIZE_BYTES);
  readonly #last: (Buffer | undefined)[] = new Array<Buffer | undefined>(BLOCK_SIZE_BYTES);
  readonly #occupied = new Uint32Array(BLOCK_SIZE_BYTES / 32);

  place(buffer: Buffer): void {
    if (buffer.type !== 'metadata') return;
    this.#remove(buffer);
    const bucket = buffer.usedBytes % BLOCK_SIZE_BYTES;
    const last = this.#last[bucket];
    buffer.bucket = bucket;
    buffer.bucketPrevious = last;
    buffer.bucketNext = undefined;
    if (last === undefined) this.#first[bucket] = buffer;
    else last.bucketNext = buffer;
    this.#last[bucket] = buffer;
    this.#occupied[bucket >>> 5]! |= 1 << (bucket & 31);
  }

  /** The first of the fullest bucket not above `fill` (nor empty of bytes) whose first buffer is acceptable. */
  fullestUpTo(fill: number, acceptable: (buffer: Buffer) => boolean): Buffer | undefined {
    for (let bucket = this.#occupiedUpTo(fill); bucket > 0; bucket = this.#occupiedUpTo(bucket - 1)) {
      const first = this.#first[bucket]!;
      if (acceptable(first)) return first;
    }
    return undefined;
  }

  #occupiedUpTo(fill: number): number {
    if (fill <= 0) return 0;
    let word = fill >>> 5;
    let bits = this.#occupied[word]! & (0xffffffff >>> (31 - (fill & 31)));
    while (bits === 0 && word > 0) bits = this.#occupied[--word]!;
    return bits === 0 ? 0 : word * 32 + 31 - Math.clz32(bits);
  }

  #remove(buffer: Buffer): void {
    const { bucket } = buffer;
    if (bucket === UNMAPPED) return;
    if (buffer.bucketPrevious === undefined) this.#first[bucket] = buffer.bucketNext;
    else buffer.bucketPrevious.bucketNext = buffer.bucketNext;
    if (buffer.bucketNext === undefined) this.#last[bucket] = buffer.bucketPrevious;
    else buffer.bucketNext.bucketPrevious = buffer.bucketPrevious;
    if (this.#first[bucket] === undefined) this.#occupied[bucket >>> 5]! &= ~(1 << (bucket & 31));
  }
}

function blocksFor(bytes: number): number {
  return Math.ceil(bytes / BLOCK_SIZE_BYTES);
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

function roundDown(bytes: number, unit: number): number {
  return Math.floor(bytes / unit) * unit;
}
