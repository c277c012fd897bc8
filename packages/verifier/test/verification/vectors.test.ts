/** Every vector of docs/vectors/verification: judged as it says, and the list is what a new world would make. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { builtInAnchors } from '@vitrine/verifier/anchors';
import { parseProof } from '../../src/index.ts';
import { newWorld } from '../result/results.ts';
import { type Expectation, found, judge, makeVectors, readAnchors, vectorsFolder } from './vectors.ts';

const list = JSON.parse(readFileSync(join(vectorsFolder, 'vectors.json'), 'utf8')) as Readonly<
  Record<string, Expectation>
>;
const anchors = await readAnchors();

describe('the vectors of whole verifications', () => {
  test('are all listed, and every listed one is there', () => {
    assert.deepEqual(readdirSync(join(vectorsFolder, 'proofs')).sort(), Object.keys(list).sort());
  });

  test('have every verdict', () => {
    const verdicts = new Set(Object.values(list).map(({ verdict }) => verdict));
    assert.deepEqual([...verdicts].sort(), ['failed', 'not-checked', 'verified']);
  });

  for (const [file, { why, afterSeconds, verdict, checks }] of Object.entries(list))
    test(`${file} is ${verdict}: ${why}`, async () => {
      const proof = new Uint8Array(readFileSync(join(vectorsFolder, 'proofs', file)));
      const { gatheredAt } = await parseProof(proof);
      assert.deepEqual(found(await judge(proof, anchors, afterSeconds, gatheredAt)), { verdict, checks });
    });

  test('are not verified under the roots of the vendors', async () => {
    const ofVendors = await builtInAnchors();
    for (const [file, { afterSeconds }] of Object.entries(list)) {
      const proof = new Uint8Array(readFileSync(join(vectorsFolder, 'proofs', file)));
      const { verdict } = await judge(proof, ofVendors, afterSeconds, (await parseProof(proof)).gatheredAt);
      assert.notEqual(verdict, 'verified', file);
    }
  });

  test('are what a new world would make, but for keys and times', async () => {
    const made = await makeVectors(await newWorld());
    const expected = Object.fromEntries([...made].map(([name, { expect }]) => [`${name}.json`, expect]));
    assert.deepEqual(expected, list);
  });
});
