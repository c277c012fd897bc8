import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { checkPack, expectationOf, packFolder, parsePackName } from '../src/index.ts';
import { type DamageVector, type PackVector, damaged, plantTree, readVectors } from './vectors.ts';

const work = mkdtempSync(join(tmpdir(), 'vitrine-vectors-'));
after(() => rmSync(work, { recursive: true, force: true }));

const packs = readVectors<PackVector>('pack_');
const damages = readVectors<DamageVector>('damage_');

async function packOf({ vector, tree, name }: PackVector): Promise<{ path: string; infoText: string }> {
  const folder = join(work, vector, 'source');
  mkdirSync(folder, { recursive: true });
  plantTree(folder, tree);
  const result = await packFolder(folder, parsePackName(name), {
    outFolder: join(work, vector, 'out'),
    jobs: 1,
  });
  return { path: result.paths.pack, infoText: result.infoText };
}

suite('vectors of the pack format', () => {
  test('there are vectors', () => {
    assert.ok(packs.length >= 11);
    assert.ok(damages.length >= 10);
  });
  for (const vector of packs) {
    test(`${vector.vector}: ${vector.why}`, async () => {
      const { path, infoText } = await packOf(vector);
      const pack = readFileSync(path);
      assert.equal(infoText, vector.info);
      assert.equal(pack.length, vector.packSizeBytes);
      assert.equal(createHash('sha256').update(pack).digest('hex'), vector.packSha256);
      assert.equal(
        (await checkPack(path, { expected: expectationOf(vector.info), jobs: 1 })).verdict,
        'pass',
      );
    });
  }
  for (const { vector, why, of, damage, check, code } of damages) {
    test(`${vector} is refused: ${why}`, async () => {
      const whole = packs.find((pack) => pack.vector === of)!;
      const { path } = await packOf({ ...whole, vector: `damage-${vector}` });
      const spoiled = join(work, `${vector}.mpk`);
      writeFileSync(spoiled, damaged(readFileSync(path), damage));
      const answer = await checkPack(spoiled, { expected: expectationOf(whole.info), jobs: 1 });
      assert.equal(answer.verdict, 'fail');
      const failed = answer.lines.find(({ verdict }) => verdict === 'fail')!;
      assert.deepEqual({ check: failed.check, code: failed.code }, { check, code });
    });
  }
});
