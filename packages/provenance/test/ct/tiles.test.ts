/** Paths of tiles, which of them a proof needs, and that the proof is the one that the tree has. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatBytes, utf8 } from '@vitrine/bytes';
import { rootFromInclusionProof } from '@vitrine/provenance';
import { inclusionProofFromTiles, tilePath, tilesOfProof } from '@vitrine/provenance/ct';
import { MerkleTree } from '@vitrine/simtee/ct';

describe('tiles', () => {
  test('paths have three digits a piece', () => {
    const path = (index: bigint, width = 256) => tilePath({ level: 0, index, width });
    assert.equal(path(0n), 'tile/0/000');
    assert.equal(path(999n, 1), 'tile/0/999.p/1');
    assert.equal(path(1000n), 'tile/0/x001/000');
    assert.equal(path(1234067n, 255), 'tile/0/x001/x234/067.p/255');
  });

  test('a tree of 70000 has the tiles that the specification names', () => {
    const paths = tilesOfProof(69_999n, 70_000n).map(tilePath);
    assert.ok(
      paths.every((path) => ['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1'].includes(path)),
      paths.join(),
    );
    assert.equal(paths.length, 3);
  });

  test('proofs from tiles are those of the tree, for every leaf of small trees and some of large ones', async () => {
    const tree = new MerkleTree();
    for (let at = 0; at < 1100; at++) await tree.append(utf8(`${at}`));
    const sizes = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 769, 1024, 1100];
    for (const size of sizes) {
      const step = size < 20 ? 1 : 37;
      for (let index = 0; index < size; index += step) {
        const proof = await inclusionProofFromTiles(BigInt(index), BigInt(size), () =>
          assert.fail('unread'),
        ).catch(() => undefined);
        const read = await tileReader(tree, size, index);
        const found = await inclusionProofFromTiles(BigInt(index), BigInt(size), read);
        assert.deepEqual(found, await tree.inclusionProof(index, size), `${index} of ${size}`);
        assert.equal(proof === undefined, size > 1);
        const root = await rootFromInclusionProof({
          leafHash: tree.leaf(index),
          index: BigInt(index),
          treeSize: BigInt(size),
          proof: found,
        });
        assert.deepEqual(root, await tree.root(size));
      }
    }
  });

  /** Only the tiles that were announced. */
  async function tileReader(tree: MerkleTree, size: number, index: number) {
    const tiles = new Map<string, Uint8Array>();
    for (const tile of tilesOfProof(BigInt(index), BigInt(size))) {
      const leaves = 256 ** tile.level;
      const hashes = Array.from({ length: tile.width }, (_, at) => {
        const first = (Number(tile.index) * 256 + at) * leaves;
        return tree.hashOf(first, first + leaves);
      });
      tiles.set(tilePath(tile), concatBytes(...(await Promise.all(hashes))));
    }
    return (tile: Parameters<typeof tilePath>[0]) => tiles.get(tilePath(tile)) ?? assert.fail(tilePath(tile));
  }
});
