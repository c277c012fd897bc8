import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { describeFolder } from '../../erofs/test/writer-description.ts';
import { SAMPLE_NAME, patterned, temporaryFolder, writeFiles } from '../test/sample-pack.ts';
import type { Expectation } from './expectation.ts';
import { type Extracted, extractPack } from './extract.ts';
import { openPack } from './open-pack.ts';
import type { PackResult } from './pack.ts';
import { packFolder } from './pack-folder.ts';

interface Packed extends PackResult {
  readonly source: string;
  /** Does not exist yet. */
  readonly target: string;
}

async function packed(context: TestContext, fill: (folder: string) => void): Promise<Packed> {
  const folder = temporaryFolder(context);
  const source = join(folder, 'source');
  mkdirSync(source);
  fill(source);
  const result = await packFolder(source, SAMPLE_NAME, { outFolder: join(folder, 'packs'), jobs: 1 });
  return { ...result, source, target: join(folder, 'out', 'extracted') };
}

async function extracted(
  { paths, info }: PackResult,
  target: string,
  expected?: Expectation,
): Promise<Extracted> {
  const pack = await openPack(paths.pack, expected ?? { origin: 'the info', ...info });
  try {
    return await extractPack(pack, target);
  } finally {
    pack.close();
  }
}

/** Nothing at the target's place, and nothing under another name beside it. */
function assertNothingLeft(target: string): void {
  assert.deepEqual(existsSync(dirname(target)) ? readdirSync(dirname(target)) : [], []);
}

test('what was packed comes out: names, modes, targets, hard links and contents', async (context) => {
  const pack = await packed(context, (folder) => {
    writeFiles(folder, { 'a.bin': patterned(10_000), 'd/e/f': 'x', 'd/模型': patterned(4064), empty: '' });
    mkdirSync(join(folder, 'nothing'));
    chmodSync(join(folder, 'd'), 0o750);
    chmodSync(join(folder, 'd/e/f'), 0o751);
    linkSync(join(folder, 'a.bin'), join(folder, 'd/again'));
    symlinkSync('e/f', join(folder, 'd/link'));
    linkSync(join(folder, 'd/link'), join(folder, 'same-link'));
  });
  const counts = await extracted(pack, pack.target);
  assert.deepEqual([...describeFolder(pack.target)], [...describeFolder(pack.source)]);
  assert.deepEqual(counts, { files: 4, bytes: 10_000 + 1 + 4064 });
  assert.deepEqual(readdirSync(dirname(pack.target)), ['extracted']);
});

test('set-uid, set-gid and sticky bits do not come out', async (context) => {
  const pack = await packed(context, (folder) => {
    writeFiles(folder, { 'd/f': 'x', 'd/locked': 'x' });
    chmodSync(join(folder, 'd/f'), 0o7755);
    chmodSync(join(folder, 'd/locked'), 0o400);
    chmodSync(join(folder, 'd'), 0o7555);
  });
  await extracted(pack, pack.target);
  const modeOf = (path: string): string => (lstatSync(join(pack.target, path)).mode & 0o7777).toString(8);
  assert.deepEqual(['d/f', 'd/locked', 'd'].map(modeOf), ['755', '400', '555']);
  chmodSync(join(pack.target, 'd'), 0o755);
});

test('links that lead outside are made as links, and nothing is written through them', async (context) => {
  const outside = temporaryFolder(context);
  const pack = await packed(context, (folder) => {
    symlinkSync(outside, join(folder, 'a'));
    symlinkSync('../../../../etc/passwd', join(folder, 'b'));
    symlinkSync('/nonexistent/x', join(folder, 'c'));
    // In order of names behind the link that it would go through.
    writeFiles(folder, { 'a.d/evil': 'x' });
  });
  await extracted(pack, pack.target);
  assert.deepEqual(readdirSync(outside), []);
  assert.ok(lstatSync(join(pack.target, 'a')).isSymbolicLink());
  assert.equal(readlinkSync(join(pack.target, 'a')), outside);
  assert.equal(readlinkSync(join(pack.target, 'b')), '../../../../etc/passwd');
});

test('a place that is taken is refused and left as it is, whatever is there', async (context) => {
  const pack = await packed(context, (folder) => writeFiles(folder, { f: 'x' }));
  mkdirSync(join(pack.target, 'mine'), { recursive: true });
  const refused = { name: 'PackError', code: 'OUTPUT_EXISTS' };
  await assert.rejects(extracted(pack, pack.target), refused);
  assert.deepEqual(readdirSync(pack.target), ['mine']);
  const file = join(dirname(pack.target), 'file');
  writeFileSync(file, 'mine');
  await assert.rejects(extracted(pack, file), refused);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  const link = join(dirname(pack.target), 'dangling');
  symlinkSync('nowhere', link);
  await assert.rejects(extracted(pack, link), refused);
  assert.equal(readlinkSync(link), 'nowhere');
  assert.deepEqual(readdirSync(dirname(pack.target)).sort(), ['dangling', 'extracted', 'file']);
});

test('a bad block anywhere in the image leaves nothing behind', async (context) => {
  const pack = await packed(context, (folder) =>
    writeFiles(folder, { a: patterned(5000), 'd/b': patterned(9000), z: patterned(4096) }),
  );
  const bytes = readFileSync(pack.paths.pack);
  for (let block = 0; block < pack.info.hashOffsetBytes / 4096; block++) {
    const damaged = Buffer.from(bytes);
    damaged[block * 4096 + 4095]! ^= 1;
    writeFileSync(pack.paths.pack, damaged);
    await assert.rejects(
      extracted(pack, pack.target),
      { name: 'VerityError', code: 'DATA_BLOCK_MISMATCH' },
      `block ${block}`,
    );
    assertNothingLeft(pack.target);
  }
});

test('a bad tree, a wrong root hash and a cut pack leave nothing behind', async (context) => {
  const pack = await packed(context, (folder) => writeFiles(folder, { a: patterned(5000) }));
  const bytes = readFileSync(pack.paths.pack);
  const wrong = { origin: 'a wrong root', ...pack.info, rootHash: '0'.repeat(64) };
  await assert.rejects(extracted(pack, pack.target, wrong), { code: 'ROOT_MISMATCH' });
  const badTree = Buffer.from(bytes);
  badTree[bytes.length - 4096]! ^= 1;
  writeFileSync(pack.paths.pack, badTree);
  await assert.rejects(extracted(pack, pack.target), { code: 'ROOT_MISMATCH' });
  writeFileSync(pack.paths.pack, bytes.subarray(0, -1));
  await assert.rejects(extracted(pack, pack.target), { code: 'PACK_INVALID' });
  assertNothingLeft(pack.target);
});

test('a folder that cannot be made is an error of the output', async (context) => {
  const pack = await packed(context, (folder) => writeFiles(folder, { a: 'x' }));
  mkdirSync(dirname(pack.target));
  writeFileSync(join(dirname(pack.target), 'file'), '');
  const below = join(dirname(pack.target), 'file', 'x');
  await assert.rejects(extracted(pack, below), { name: 'PackError', code: 'OUTPUT_UNWRITABLE' });
});
