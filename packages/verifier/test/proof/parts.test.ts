/** Boot parts beside a proof file: found again, exact, or missing; never another's. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, test } from 'node:test';
import { sha256, toHex } from '@vitrine/bytes';
import { folderSource, loadProof, partReader, requireSavable, saveProof } from '../../src/index.node.ts';
import { type Proof, type RecordedAnswer, parseProof, writeProof } from '../../src/index.ts';
import { fullProof, proofWithPart } from './proofs.ts';

const MIB = 1024 * 1024;

async function bootPart(fill: number, sizeBytes: number): Promise<RecordedAnswer> {
  const bytes = new Uint8Array(sizeBytes).fill(fill);
  const url = `sha256:${toHex(await sha256(bytes))}`;
  return { request: { kind: 'boot-part', url }, answer: { ok: true, bytes } };
}

/** More than a file holds. */
const initrd = await bootPart(7, 80 * MIB);
const kernel = await bootPart(3, MIB);
const digestOf = ({ request }: RecordedAnswer) => request.url.slice('sha256:'.length);
const large: Proof = { ...fullProof, answers: [...fullProof.answers, kernel, initrd] };

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-parts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function saved(t: TestContext): Promise<{ readonly path: string; readonly initrdPath: string }> {
  const path = join(newFolder(t), 'proof.json');
  await saveProof(path, large);
  return { path, initrdPath: join(`${path}.parts`, digestOf(initrd)) };
}

/** @returns the code of the last answer, or "ok" */
const lastOf = ({ answers }: Proof) => {
  const { answer } = answers.at(-1)!;
  return answer.ok ? 'ok' : answer.code;
};

describe('large boot parts', () => {
  test('stand beside the file, and are read again with it', async (t) => {
    const { path } = await saved(t);
    assert.ok(statSync(path).size < MIB);
    assert.deepEqual(readdirSync(`${path}.parts`).sort(), [digestOf(kernel), digestOf(initrd)].sort());
    const { answers } = await loadProof(path);
    assert.equal(answers.length, large.answers.length);
    for (const [at, { request, answer }] of answers.entries()) {
      assert.deepEqual(request, large.answers[at]!.request);
      const expected = large.answers[at]!.answer;
      assert.equal(answer.ok, expected.ok);
      if (answer.ok && expected.ok) assert.equal(Buffer.compare(answer.bytes, expected.bytes), 0);
    }
  });

  test('of the same proof make the same file again', async (t) => {
    const { path } = await saved(t);
    const before = readFileSync(path);
    await saveProof(path, await loadProof(path));
    assert.deepEqual(readFileSync(path), before);
  });

  test('are found where the proof is a link', async (t) => {
    const { path } = await saved(t);
    const link = `${path}.link`;
    symlinkSync(path, link);
    assert.equal(lastOf(await loadProof(link)), 'ok');
  });

  test('that are elsewhere are found where the reader is told to look', async (t) => {
    const { path, initrdPath } = await saved(t);
    const elsewhere = join(newFolder(t), 'initrd.img');
    renameSync(initrdPath, elsewhere);
    const reader = partReader(path, await folderSource([elsewhere]));
    assert.equal(lastOf(await parseProof(readFileSync(path), reader)), 'ok');
  });

  test('are missing, and nothing else is, where the file came alone', async (t) => {
    const { path } = await saved(t);
    rmSync(`${path}.parts`, { recursive: true });
    const proof = await loadProof(path);
    assert.equal(lastOf(proof), 'OFFLINE');
    assert.deepEqual(proof.answers.slice(0, -2), (await parseProof(await writeProof(fullProof))).answers);
  });

  test('are missing for a reader without folders', async (t) => {
    const { path } = await saved(t);
    assert.equal(lastOf(await parseProof(readFileSync(path))), 'OFFLINE');
  });

  const damages: Readonly<Record<string, (path: string) => void>> = {
    'with another byte': (path) => {
      const bytes = readFileSync(path);
      bytes[5]! ^= 1;
      writeFileSync(path, bytes);
    },
    'that is shorter': (path) => writeFileSync(path, readFileSync(path).subarray(1)),
    'with a byte more': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)])),
    'that is empty': (path) => writeFileSync(path, ''),
  };
  for (const [name, damage] of Object.entries(damages))
    test(`${name} make the proof malformed`, async (t) => {
      const { path, initrdPath } = await saved(t);
      damage(initrdPath);
      await assert.rejects(loadProof(path), { code: 'PROOF_MALFORMED' });
    });

  const others: Readonly<Record<string, (path: string) => void>> = {
    'a folder': (path) => mkdirSync(path),
    'a pipe that nobody writes to': (path) => execFileSync('mkfifo', [path]),
    'a device without end': (path) => symlinkSync('/dev/zero', path),
    'a link that leads nowhere': (path) => symlinkSync('nowhere', path),
  };
  for (const [name, replace] of Object.entries(others))
    test(`are missing where ${name} is in their place`, { timeout: 30_000 }, async (t) => {
      const { path, initrdPath } = await saved(t);
      unlinkSync(initrdPath);
      replace(initrdPath);
      assert.equal(lastOf(await loadProof(path)), 'OFFLINE');
    });

  test('are not believed about their length', async (t) => {
    const { path } = await saved(t);
    const text = readFileSync(path, 'utf8').replace(`"besideBytes": ${80 * MIB}`, '"besideBytes": 1');
    writeFileSync(path, text);
    await assert.rejects(loadProof(path), { code: 'PROOF_MALFORMED' });
  });

  test('have no place beside a device: the proof is not written', async () => {
    await assert.rejects(saveProof('/dev/null', large), { code: 'ARGUMENT_INVALID' });
  });

  test('that cannot be written leave no proof', async (t) => {
    const path = join(newFolder(t), 'proof.json');
    writeFileSync(`${path}.parts`, 'a file');
    await assert.rejects(saveProof(path, large), { code: 'ARGUMENT_INVALID' });
    assert.ok(!existsSync(path));
  });

  test('do not make room for other answers', async (t) => {
    const path = join(newFolder(t), 'proof.json');
    const request = { kind: 'endpoint-document', url: 'https://inference.example.org/large' } as const;
    const answer = { ok: true, bytes: new Uint8Array(49 * MIB) } as const;
    const proof = { ...large, answers: [...large.answers, { request, answer }] };
    await assert.rejects(saveProof(path, proof), { code: 'PROOF_MALFORMED' });
    assert.ok(!existsSync(path));
    assert.ok(!existsSync(`${path}.parts`));
  });
});

test('small boot parts stand in the file', async (t) => {
  const path = join(newFolder(t), 'proof.json');
  await saveProof(path, proofWithPart);
  assert.ok(!existsSync(`${path}.parts`));
  assert.equal(lastOf(await parseProof(readFileSync(path))), 'ok');
});

describe('where a proof can be saved is known before', () => {
  test('a new file, an old one, a device', async (t) => {
    const folder = newFolder(t);
    writeFileSync(join(folder, 'old.json'), '');
    for (const path of [join(folder, 'new.json'), join(folder, 'old.json'), '/dev/null'])
      await requireSavable(path);
    assert.deepEqual(readdirSync(folder), ['old.json']);
  });

  test('not in a folder that does not exist, in a file, or in place of a folder', async (t) => {
    const folder = newFolder(t);
    writeFileSync(join(folder, 'file'), '');
    for (const path of [join(folder, 'no/new.json'), join(folder, 'file/new.json'), folder])
      await assert.rejects(requireSavable(path), { code: 'ARGUMENT_INVALID' });
  });
});
