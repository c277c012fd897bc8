/** A Merkle tree in memory (RFC 9162 section 2.1): roots and proofs of every size that it has had. */
import { emptyRoot, leafHash, nodeHash } from '@vitrine/provenance';

export class MerkleTree {
  readonly #leaves: Uint8Array[] = [];
  /** Of whole subtrees, which never change: "from to". */
  readonly #known = new Map<string, Uint8Array>();

  get size(): number {
    return this.#leaves.length;
  }

  /** @returns the index of the new leaf */
  async append(data: Uint8Array): Promise<number> {
    const hash = await leafHash(data);
    return this.#leaves.push(hash) - 1;
  }

  leaf(index: number): Uint8Array {
    const hash = this.#leaves[index];
    if (!hash) throw new RangeError(`There is no leaf ${index} among ${this.size}.`);
    return hash;
  }

  /** Undefined where no leaf has the hash. */
  indexOf(hash: Uint8Array): number | undefined {
    const wanted = hash.join();
    const index = this.#leaves.findIndex((leaf) => leaf.join() === wanted);
    return index < 0 ? undefined : index;
  }

  root(size = this.size): Promise<Uint8Array> {
    return size === 0 ? emptyRoot() : this.hashOf(0, size);
  }

  /** The leaf's sibling first. */
  async inclusionProof(index: number, size = this.size): Promise<Uint8Array[]> {
    this.#require(index < size && size <= this.size);
    const proof: Uint8Array[] = [];
    let [from, to] = [0, size];
    while (to - from > 1) {
      const middle = from + split(to - from);
      const isLeft = index < middle;
      proof.unshift(await (isLeft ? this.hashOf(middle, to) : this.hashOf(from, middle)));
      if (isLeft) to = middle;
      else from = middle;
    }
    return proof;
  }

  /** SUBPROOF of RFC 9162 section 2.1.4.1. */
  async consistencyProof(first: number, second = this.size): Promise<Uint8Array[]> {
    this.#require(first <= second && second <= this.size);
    if (first === 0 || first === second) return [];
    const proof: Uint8Array[] = [];
    let [from, to] = [0, second];
    // Until the range is the end of the earlier tree.
    while (first !== to) {
      const middle = from + split(to - from);
      const isLeft = first <= middle;
      proof.unshift(await (isLeft ? this.hashOf(middle, to) : this.hashOf(from, middle)));
      if (isLeft) to = middle;
      else from = middle;
    }
    // A tree that was whole is known to whoever checks: its root is it.
    return from === 0 ? proof : [await this.hashOf(from, to), ...proof];
  }

  /** The hash over the leaves from `from` to before `to`, one at least. */
  async hashOf(from: number, to: number): Promise<Uint8Array> {
    if (to - from === 1) return this.leaf(from);
    const key = `${from} ${to}`;
    const known = this.#known.get(key);
    if (known) return known;
    const middle = from + split(to - from);
    const hash = await nodeHash(await this.hashOf(from, middle), await this.hashOf(middle, to));
    this.#known.set(key, hash);
    return hash;
  }

  #require(holds: boolean): void {
    if (!holds) throw new RangeError(`A tree of ${this.size} leaves has no such proof.`);
  }
}

/** The largest power of two below; of 2 and more. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
