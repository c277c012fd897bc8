/** Merkle proofs of every leaf and every size, and what must not pass for one. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { concatBytes, fromHex, sha256, toHex, utf8 } from '@vitrine/bytes';
import {
  emptyRoot,
  leafHash,
  nodeHash,
  rootFromInclusionProof,
  verifyConsistencyProof,
  verifyInclusionProof,
} from '@vitrine/provenance';
import { MerkleTree } from '@vitrine/simtee/ct';
import fc from 'fast-check';
import { flipped, refuses } from './refusal.ts';

const LEAVES = 70;
const tree = new MerkleTree();

describe('Merkle trees', () => {
  before(async () => {
    for (let at = 0; at < LEAVES; at++) await tree.append(utf8(`leaf ${at}`));
  });

  test('hashes have the prefixes of RFC 6962', async () => {
    const left = await leafHash(utf8('a'));
    const right = await leafHash(new Uint8Array(0));
    assert.deepEqual(left, await sha256(Uint8Array.of(0, 0x61)));
    assert.equal(toHex(right), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    assert.deepEqual(await nodeHash(left, right), await sha256(concatBytes(Uint8Array.of(1), left, right)));
    assert.equal(
      toHex(await emptyRoot()),
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
  });

  test('the tree of the eight entries that CT implementations test with has its known root', async () => {
    const known = new MerkleTree();
    const entries = [
      '',
      '00',
      '10',
      '2021',
      '3031',
      '40414243',
      '5051525354555657',
      '606162636465666768696a6b6c6d6e6f',
    ];
    for (const entry of entries) await known.append(fromHex(entry));
    assert.equal(
      toHex(await known.root()),
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    );
  });

  test('every leaf of every tree up to 70 leaves has a proof that leads to the root', async () => {
    for (let size = 1; size <= LEAVES; size++) {
      const root = await tree.root(size);
      for (let index = 0; index < size; index++) {
        const proof = await tree.inclusionProof(index, size);
        const found = await rootFromInclusionProof({
          leafHash: tree.leaf(index),
          index: BigInt(index),
          treeSize: BigInt(size),
          proof,
        });
        assert.deepEqual(found, root, `leaf ${index} of ${size}`);
      }
    }
  });

  test('every pair of sizes has a consistency proof', async () => {
    for (let second = 0; second <= LEAVES; second++)
      for (let first = 0; first <= second; first++)
        await verifyConsistencyProof({
          first: BigInt(first),
          second: BigInt(second),
          firstRoot: await tree.root(first),
          secondRoot: await tree.root(second),
          proof: await tree.consistencyProof(first, second),
        });
  });

  test('another index, size, leaf, hash, order or number of hashes is no inclusion', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: LEAVES }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        async (size, indexSeed, seed, bit) => {
          const index = indexSeed % size;
          const proof = await tree.inclusionProof(index, size);
          const root = await tree.root(size);
          const good = { leafHash: tree.leaf(index), index: BigInt(index), treeSize: BigInt(size), proof };
          await verifyInclusionProof(good, root);
          const at = seed % Math.max(proof.length, 1);
          const bad = {
            'another index': { ...good, index: BigInt((index + 1 + (seed % LEAVES)) % (LEAVES + 1)) },
            'index beyond the tree': { ...good, index: BigInt(size) },
            'negative index': { ...good, index: -1n },
            'another leaf': { ...good, leafHash: flipped(good.leafHash, bit) },
            'one more hash': { ...good, proof: [...proof, root] },
            'a hash of 31 bytes': { ...good, proof: [...proof, root.subarray(1)] },
            ...(proof.length > 0 && {
              'a bit': { ...good, proof: proof.map((hash, one) => (one === at ? flipped(hash, bit) : hash)) },
              'one less': { ...good, proof: proof.slice(1) },
              'last one less': { ...good, proof: proof.slice(0, -1) },
              none: { ...good, proof: [] },
            }),
            ...(proof.length > 1 && { 'another order': { ...good, proof: [...proof].reverse() } }),
          };
          for (const [what, inclusion] of Object.entries(bad)) {
            if (inclusion.index === good.index && what === 'another index') continue;
            await refuses('INCLUSION_PROOF_INVALID', () => verifyInclusionProof(inclusion, root), what);
          }
          await refuses('INCLUSION_PROOF_INVALID', () => verifyInclusionProof(good, flipped(root, bit)));
        },
      ),
      { numRuns: 150, seed: 6962 },
    );
  });

  test('another size, root, hash, order or number of hashes is no consistency', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: LEAVES - 1 }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        async (first, secondSeed, seed, bit) => {
          const second = first + 1 + (secondSeed % (LEAVES - first));
          const proof = await tree.consistencyProof(first, second);
          const good = {
            first: BigInt(first),
            second: BigInt(second),
            firstRoot: await tree.root(first),
            secondRoot: await tree.root(second),
            proof,
          };
          await verifyConsistencyProof(good);
          const at = seed % proof.length;
          const bad = {
            'first root': { ...good, firstRoot: flipped(good.firstRoot, bit) },
            'second root': { ...good, secondRoot: flipped(good.secondRoot, bit) },
            'roots swapped': { ...good, firstRoot: good.secondRoot, secondRoot: good.firstRoot },
            'sizes swapped': { ...good, first: good.second, second: good.first },
            'a bit': { ...good, proof: proof.map((hash, one) => (one === at ? flipped(hash, bit) : hash)) },
            'one less': { ...good, proof: proof.slice(1) },
            'last one less': { ...good, proof: proof.slice(0, -1) },
            'one more': { ...good, proof: [...proof, good.firstRoot] },
            none: { ...good, proof: [] },
            'same size': { ...good, second: good.first },
            'negative size': { ...good, first: -1n },
            'no leaves at first': { ...good, first: 0n },
          };
          for (const [what, consistency] of Object.entries(bad))
            await refuses('CONSISTENCY_PROOF_INVALID', () => verifyConsistencyProof(consistency), what);
        },
      ),
      { numRuns: 150, seed: 9162 },
    );
  });

  test('proofs without an end, and sizes beyond 64 bits, are refused before anything is hashed', async () => {
    const hash = await emptyRoot();
    const proof = Array.from({ length: 100_000 }, () => hash);
    const leaf = { leafHash: hash, index: 0n, treeSize: 1n << 63n };
    await refuses('INCLUSION_PROOF_INVALID', () => rootFromInclusionProof({ ...leaf, proof }));
    await refuses('INCLUSION_PROOF_INVALID', () =>
      rootFromInclusionProof({ ...leaf, treeSize: 1n << 64n, proof: [] }),
    );
    const trees = { first: 1n, second: 1n << 63n, firstRoot: hash, secondRoot: hash };
    await refuses('CONSISTENCY_PROOF_INVALID', () => verifyConsistencyProof({ ...trees, proof }));
    await refuses('CONSISTENCY_PROOF_INVALID', () =>
      verifyConsistencyProof({ ...trees, second: 1n << 64n, proof: [] }),
    );
  });

  test('a tree of equal size with another root is no beginning', async () => {
    const roots = { firstRoot: await tree.root(5), secondRoot: await tree.root(6) };
    await refuses('CONSISTENCY_PROOF_INVALID', () =>
      verifyConsistencyProof({ first: 5n, second: 5n, ...roots, proof: [] }),
    );
    await refuses('CONSISTENCY_PROOF_INVALID', () =>
      verifyConsistencyProof({ first: 0n, second: 6n, ...roots, proof: [] }),
    );
  });
});
