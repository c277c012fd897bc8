/** How many indices one page of the set covers: 4 KiB of bits. */
const pageIndices = 32768;

/**
 * Which of n leaves have arrived, in any order. A page of bits exists only while some, but not all, of its leaves are
 * there: leaves that arrive in a few runs cost next to nothing, and the worst order costs one bit a leaf.
 */
export class LeafSet {
  readonly #size: number;
  readonly #full: Uint8Array;
  readonly #partial = new Map<number, { bits: Uint8Array; count: number }>();
  #count = 0;

  constructor(size: number) {
    this.#size = size;
    this.#full = new Uint8Array(Math.ceil(size / pageIndices));
  }

  get isComplete(): boolean {
    return this.#count === this.#size;
  }

  get missingCount(): number {
    return this.#size - this.#count;
  }

  /** The lowest index of [first, first + count) that is in the set, or -1. */
  firstPresent(first: number, count: number): number {
    for (let index = first; index < first + count;) {
      const page = Math.floor(index / pageIndices);
      const pageEnd = Math.min((page + 1) * pageIndices, first + count);
      if (this.#full[page] === 1) return index;
      const partial = this.#partial.get(page);
      if (partial !== undefined) {
        for (; index < pageEnd; index += 1) if (isSet(partial.bits, index % pageIndices)) return index;
      }
      index = pageEnd;
    }
    return -1;
  }

  /** The lowest index that is not in the set, or -1. */
  firstMissing(): number {
    const page = this.#full.indexOf(0);
    if (page < 0) return -1;
    const bits = this.#partial.get(page)?.bits;
    let index = page * pageIndices;
    if (bits !== undefined) while (isSet(bits, index % pageIndices)) index += 1;
    return index;
  }

  /** Adds [first, first + count); none of them may be there yet. */
  add(first: number, count: number): void {
    for (let index = first; index < first + count;) {
      const page = Math.floor(index / pageIndices);
      const end = Math.min((page + 1) * pageIndices, first + count);
      const pageSize = Math.min(pageIndices, this.#size - page * pageIndices);
      let partial = this.#partial.get(page);
      const countAfter = (partial?.count ?? 0) + (end - index);
      if (countAfter === pageSize) {
        this.#full[page] = 1;
        this.#partial.delete(page);
      } else {
        if (partial === undefined) {
          partial = { bits: new Uint8Array(pageIndices / 8), count: 0 };
          this.#partial.set(page, partial);
        }
        partial.count = countAfter;
        for (let bit = index % pageIndices; bit < (index % pageIndices) + (end - index); bit += 1) {
          partial.bits[bit >> 3]! |= 1 << (bit & 7);
        }
      }
      index = end;
    }
    this.#count += count;
  }
}

function isSet(bits: Uint8Array, bit: number): boolean {
  return (bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
}
