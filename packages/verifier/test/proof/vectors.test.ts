/** The published vectors of proof files, the schema, and files on disk. */
import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { loadProof, saveProof } from '../../src/index.node.ts';
import { parseProof, resourceRules, writeProof } from '../../src/index.ts';
import { type Schema, isValid } from './json-schema.ts';
import { damages, emptyProof, fullProof, goodFiles } from './proofs.ts';
import { docsFolder, readVector, readVectorList, vectorNames } from './vectors.ts';

const list = readVectorList();
const schema = JSON.parse(
  readFileSync(join(docsFolder, 'schemas/vitrine-proof.schema.json'), 'utf8'),
) as Schema;
const jsonOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as unknown;

describe('the published vectors', () => {
  test('are all listed, and are those that the tests make', async () => {
    assert.deepEqual(vectorNames('good'), Object.keys(list.good).sort());
    assert.deepEqual(vectorNames('bad'), Object.keys(list.bad).sort());
    for (const { name, bytes } of await goodFiles())
      assert.deepEqual(readVector('good', `${name}.json`), bytes, name);
    for (const { name, bytes } of await damages())
      assert.deepEqual(readVector('bad', `${name}.json`), bytes, name);
  });

  for (const [name, { why, isCanonical }] of Object.entries(list.good))
    test(`${name} is good: ${why}`, async () => {
      const bytes = readVector('good', name);
      const again = await writeProof(await parseProof(bytes));
      assert.equal(Buffer.compare(again, bytes) === 0, isCanonical);
      assert.ok(isValid(jsonOf(bytes), schema), 'the schema refuses it');
    });

  for (const [name, { why, kind }] of Object.entries(list.bad))
    test(`${name} is refused: ${why}`, async () => {
      const bytes = readVector('bad', name);
      await assert.rejects(parseProof(bytes), { name: 'VerifierError', code: 'PROOF_MALFORMED' });
      if (kind !== 'json') assert.equal(isValid(jsonOf(bytes), schema), kind === 'meaning');
    });

  test('the schema knows every kind of resource', () => {
    const text = JSON.stringify(schema);
    for (const kind of Object.keys(resourceRules)) assert.ok(text.includes(`"${kind}"`), kind);
  });
});

describe('a proof on disk', () => {
  const folder = (t: TestContext) => {
    const path = mkdtempSync(join(tmpdir(), 'vitrine-proof-'));
    t.after(() => rmSync(path, { recursive: true }));
    return path;
  };

  test('is saved whole, and read again', async (t) => {
    const path = join(folder(t), 'proof.json');
    await saveProof(path, fullProof);
    assert.deepEqual(await loadProof(path), await parseProof(await writeProof(fullProof)));
  });

  test('takes the place of the one before, and leaves nothing beside it', async (t) => {
    const inside = folder(t);
    const path = join(inside, 'proof.json');
    await saveProof(path, fullProof);
    await saveProof(path, emptyProof);
    assert.deepEqual((await loadProof(path)).answers, []);
    assert.deepEqual(readdirSync(inside), ['proof.json']);
  });

  test('that cannot be written leaves the one before as it was', async (t) => {
    const inside = folder(t);
    const path = join(inside, 'proof.json');
    await saveProof(path, fullProof);
    const before = readFileSync(path);
    await assert.rejects(saveProof(path, { ...emptyProof, nonce: new Uint8Array(1) }), {
      code: 'PROOF_MALFORMED',
    });
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(readdirSync(inside), ['proof.json']);
  });

  test('in a folder that does not exist, or in place of one, is a wrong argument', async (t) => {
    const inside = folder(t);
    await assert.rejects(saveProof(join(inside, 'no/proof.json'), emptyProof), { code: 'ARGUMENT_INVALID' });
    await assert.rejects(saveProof(inside, emptyProof), { code: 'ARGUMENT_INVALID' });
    assert.deepEqual(readdirSync(inside), []);
  });

  test('that is a link is written where the link leads', async (t) => {
    const inside = folder(t);
    await saveProof(join(inside, 'proof.json'), fullProof);
    symlinkSync('proof.json', join(inside, 'latest.json'));
    await saveProof(join(inside, 'latest.json'), emptyProof);
    assert.deepEqual((await loadProof(join(inside, 'proof.json'))).answers, []);
    assert.ok(lstatSync(join(inside, 'latest.json')).isSymbolicLink());
  });

  test('that is a device is written to, and stays one', async () => {
    await saveProof('/dev/null', emptyProof);
    assert.ok(statSync('/dev/null').isCharacterDevice());
  });

  test('that is not there, or is a folder, is a wrong argument', async (t) => {
    const inside = folder(t);
    await assert.rejects(loadProof(join(inside, 'proof.json')), { code: 'ARGUMENT_INVALID' });
    await assert.rejects(loadProof(inside), { code: 'ARGUMENT_INVALID' });
  });

  test('that is too large is not read', async (t) => {
    const path = join(folder(t), 'proof.json');
    writeFileSync(path, '{}');
    truncateSync(path, 64 * 1024 * 1024 + 1);
    await assert.rejects(loadProof(path), { code: 'PROOF_MALFORMED' });
  });

  test('can be read by others, written by its owner only', async (t) => {
    const path = join(folder(t), 'proof.json');
    await saveProof(path, emptyProof);
    assert.equal(statSync(path).mode & 0o022, 0);
  });
});
