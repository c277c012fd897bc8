/** Inclusion proofs out of hash tiles (c2sp.org/static-ct-api, "Merkle Tree"): files of up to 256 hashes of one level. */
import { hashBytes, nodeHash } from '../merkle.ts';
import { ctError } from './error.ts';

/** A tile as it is in a tree of some size. */
export interface Tile {
  /** Its hashes are of subtrees of 256^level leaves. */
  readonly level: number;
  readonly index: bigint;
  /** Hashes in it, 1 to 256. */
  readonly width: number;
}

const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;

/** A subtree of 2^height leaves that is whole: the one with that index from the left. */
interface Node {
  readonly height: number;
  readonly index: bigint;
}

/**
 * The path below the monitoring prefix: "tile/0/x001/x234/067", of a tile that is not full "tile/0/x001/x234/067.p/5".
 */
export function tilePath({ level, index, width }: Tile): string {
  const digits = index.toString();
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${name}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

/** The same tile when it will be full: the partial one may be gone by then. */
export function fullTile(tile: Tile): Tile {
  return { ...tile, width: TILE_WIDTH };
}

/** Each once, in the order in which the proof needs them; none for a tree of one leaf. */
export function tilesOfProof(index: bigint, treeSize: bigint): Tile[] {
  const tiles = new Map<string, Tile>();
  for (const node of proofNodes(index, treeSize).flat()) {
    const tile = tileOf(node, treeSize);
    tiles.set(tilePath(tile), tile);
  }
  return [...tiles.values()];
}

/**
 * The hashes from the leaf's sibling up, as `rootFromInclusionProof` takes them. They are worth what the root is worth
 * that they lead to.
 * @param read the bytes of a tile: 32 for each hash; of a partial tile also those of the full one
 * @throws ProvenanceError TILE_MALFORMED
 */
export async function inclusionProofFromTiles(
  index: bigint,
  treeSize: bigint,
  read: (tile: Tile) => Uint8Array,
): Promise<Uint8Array[]> {
  const proof: Uint8Array[] = [];
  for (const nodes of proofNodes(index, treeSize)) {
    const hashes = await Promise.all(nodes.map((node) => hashOf(node, treeSize, read)));
    proof.push(await joined(hashes));
  }
  return proof;
}

/** PATH(m, D[n]) of RFC 6962 section 2.1.1: for each hash of the proof the whole subtrees that it is made of. */
function proofNodes(index: bigint, treeSize: bigint): Node[][] {
  const path: Node[][] = [];
  let from = 0n;
  let to = treeSize;
  while (to - from > 1n) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      path.unshift(wholeSubtrees(middle, to));
      to = middle;
    } else {
      path.unshift(wholeSubtrees(from, middle));
      from = middle;
    }
  }
  return path;
}

/** The largest power of two that is smaller; of 2 and more. */
function largestPowerBelow(count: bigint): bigint {
  return 1n << BigInt((count - 1n).toString(2).length - 1);
}

/** The leaves from `from` to before `to`, where RFC 6962 cuts them: the largest subtree first. */
function wholeSubtrees(from: bigint, to: bigint): Node[] {
  const nodes: Node[] = [];
  for (let at = from; at < to;) {
    const height = (to - at).toString(2).length - 1;
    nodes.push({ height, index: at >> BigInt(height) });
    at += 1n << BigInt(height);
  }
  return nodes;
}

function tileOf({ height, index }: Node, treeSize: bigint): Tile {
  const level = Math.floor(height / TILE_HEIGHT);
  const first = index << BigInt(height % TILE_HEIGHT);
  const tileIndex = first / BigInt(TILE_WIDTH);
  const hashesOfLevel = treeSize >> BigInt(level * TILE_HEIGHT);
  const left = hashesOfLevel - tileIndex * BigInt(TILE_WIDTH);
  return { level, index: tileIndex, width: left < TILE_WIDTH ? Number(left) : TILE_WIDTH };
}

async function hashOf(node: Node, treeSize: bigint, read: (tile: Tile) => Uint8Array): Promise<Uint8Array> {
  const tile = tileOf(node, treeSize);
  const bytes = read(tile);
  if (bytes.length !== tile.width * hashBytes && bytes.length !== TILE_WIDTH * hashBytes)
    throw ctError(
      'TILE_MALFORMED',
      `${tilePath(tile)}: expected ${tile.width} hashes of ${hashBytes} bytes, found ${bytes.length} bytes.`,
    );
  const count = 1 << (node.height % TILE_HEIGHT);
  const first = Number((node.index * BigInt(count)) % BigInt(TILE_WIDTH));
  let hashes = Array.from({ length: count }, (_, at) =>
    bytes.subarray((first + at) * hashBytes, (first + at + 1) * hashBytes),
  );
  while (hashes.length > 1) {
    const pairs = hashes.flatMap((left, at) => (at % 2 === 0 ? [nodeHash(left, hashes[at + 1]!)] : []));
    hashes = await Promise.all(pairs);
  }
  return hashes[0]!;
}

/** The hash over neighbouring subtrees, each smaller than the one before. */
async function joined(hashes: readonly Uint8Array[]): Promise<Uint8Array> {
  let hash = hashes.at(-1)!;
  for (const left of hashes.slice(0, -1).reverse()) hash = await nodeHash(left, hash);
  return hash;
}
