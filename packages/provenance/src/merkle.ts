/** Merkle trees of transparency logs (RFC 9162 section 2.1, the same hashes as RFC 6962 section 2.1). */
import { concatBytes, equalBytes, sha256 } from '@vitrine/bytes';
import { ProvenanceError } from './error.ts';

export type MerkleErrorCode =
  /** No proof of such a shape exists for the index and the size, or it leads to another root. */
  | 'INCLUSION_PROOF_INVALID'
  /** The later tree does not begin with the earlier one, or the proof has an impossible shape. */
  | 'CONSISTENCY_PROOF_INVALID';

export interface InclusionProof {
  /** 32 bytes, from `leafHash`. */
  readonly leafHash: Uint8Array;
  /** Of the leaf, from 0. */
  readonly index: bigint;
  /** Leaves in the tree. */
  readonly treeSize: bigint;
  /** Hashes of 32 bytes, the leaf's sibling first. */
  readonly proof: readonly Uint8Array[];
}

export interface ConsistencyProof {
  /** Leaves in the earlier tree ... */
  readonly first: bigint;
  /** ... and in the later one. */
  readonly second: bigint;
  readonly firstRoot: Uint8Array;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

export const hashBytes = 32;
const MAX_PROOF_HASHES = 64;
const MAX_TREE_SIZE = 1n << 64n;

/** Of an entry: SHA-256(0x00 ‖ data). */
export function leafHash(data: Uint8Array): Promise<Uint8Array> {
  return sha256(concatBytes(Uint8Array.of(0), data));
}

/** Of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array> {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Promise<Uint8Array> {
  return sha256(new Uint8Array(0));
}

/**
 * The root that the leaf is under if the proof is right (RFC 9162 section 2.1.3.2). It proves nothing until it is compared
 * with a root that a log signed.
 * @throws ProvenanceError INCLUSION_PROOF_INVALID: the index is not below the size, or another number of hashes is due
 */
export async function rootFromInclusionProof({
  leafHash: leaf,
  index,
  treeSize,
  proof,
}: InclusionProof): Promise<Uint8Array> {
  const refuse = inclusionError;
  requireTreeSize(treeSize, refuse);
  if (index < 0n || index >= treeSize) throw refuse(`a tree of ${treeSize} leaves has no leaf ${index}`);
  requireHashes([leaf, ...proof], refuse);
  let at = index;
  let last = treeSize - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n) throw refuse(`${proof.length} hashes are more than leaf ${index} of ${treeSize} needs`);
    if ((at & 1n) === 1n || at === last) {
      hash = await nodeHash(sibling, hash);
      // The last node of an odd level has no sibling there and moves up.
      while ((at & 1n) === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    at >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw refuse(`${proof.length} hashes are fewer than leaf ${index} of ${treeSize} needs`);
  return hash;
}

/**
 * The leaf is in the tree with that root.
 * @throws ProvenanceError INCLUSION_PROOF_INVALID
 */
export async function verifyInclusionProof(inclusion: InclusionProof, root: Uint8Array): Promise<void> {
  const found = await rootFromInclusionProof(inclusion);
  if (!equalBytes(found, root))
    throw inclusionError(`leaf ${inclusion.index} of ${inclusion.treeSize} leads to another root`);
}

/**
 * The later tree begins with the earlier one (RFC 9162 section 2.1.4.2). A tree without leaves begins every tree, and a
 * tree begins itself: both need no hash.
 * @throws ProvenanceError CONSISTENCY_PROOF_INVALID
 */
export async function verifyConsistencyProof(consistency: ConsistencyProof): Promise<void> {
  const { first, second, firstRoot, secondRoot, proof } = consistency;
  const refuse = consistencyError;
  requireTreeSize(second, refuse);
  if (first < 0n || first > second) throw refuse(`a tree does not shrink from ${first} leaves to ${second}`);
  requireHashes([firstRoot, secondRoot, ...proof], refuse);
  if (first === 0n || first === second) {
    if (proof.length > 0) throw refuse(`${first} and ${second} leaves need no hashes`);
    const expected = first === second ? secondRoot : await emptyRoot();
    if (!equalBytes(firstRoot, expected))
      throw refuse(`the roots of ${first} and ${second} leaves contradict each other`);
    return;
  }
  await requireBeginning(consistency);
}

/** Of a tree that has leaves and grew. */
async function requireBeginning({
  first,
  second,
  firstRoot,
  secondRoot,
  proof,
}: ConsistencyProof): Promise<void> {
  const refuse = consistencyError;
  // An earlier tree that is whole is itself the first node of the path.
  const path = (first & (first - 1n)) === 0n ? [firstRoot, ...proof] : proof;
  const [start, ...siblings] = path;
  if (!start || proof.length === 0) throw refuse(`${first} and ${second} leaves need hashes`);
  let at = first - 1n;
  let last = second - 1n;
  while ((at & 1n) === 1n) {
    at >>= 1n;
    last >>= 1n;
  }
  let earlier = start;
  let later = start;
  for (const sibling of siblings) {
    if (last === 0n) throw refuse(`${proof.length} hashes are more than ${first} and ${second} leaves need`);
    if ((at & 1n) === 1n || at === last) {
      earlier = await nodeHash(sibling, earlier);
      later = await nodeHash(sibling, later);
      while ((at & 1n) === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      later = await nodeHash(later, sibling);
    }
    at >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw refuse(`${proof.length} hashes are fewer than ${first} and ${second} leaves need`);
  if (!equalBytes(earlier, firstRoot) || !equalBytes(later, secondRoot))
    throw refuse(`the tree of ${second} leaves does not begin with that of ${first}`);
}

type Refuse = (why: string) => ProvenanceError<MerkleErrorCode>;

function requireTreeSize(treeSize: bigint, refuse: Refuse): void {
  if (treeSize < 0n || treeSize >= MAX_TREE_SIZE) throw refuse('a tree size is not of 64 bits');
}

function requireHashes(hashes: readonly Uint8Array[], refuse: Refuse): void {
  // Besides the leaf or the two roots.
  if (hashes.length > MAX_PROOF_HASHES + 2) throw refuse(`more than ${MAX_PROOF_HASHES} hashes`);
  if (hashes.some(({ length }) => length !== hashBytes)) throw refuse(`a hash is not of ${hashBytes} bytes`);
}

function inclusionError(why: string): ProvenanceError<MerkleErrorCode> {
  return new ProvenanceError('INCLUSION_PROOF_INVALID', `Inclusion proof: ${why}.`);
}

function consistencyError(why: string): ProvenanceError<MerkleErrorCode> {
  return new ProvenanceError('CONSISTENCY_PROOF_INVALID', `Consistency proof: ${why}.`);
}
