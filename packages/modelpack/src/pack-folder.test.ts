import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SAMPLE_NAME, patterned, temporaryFolder, writeFiles } from '../test/sample-pack.ts';
import type { PackOptions, PackResult } from './pack.ts';
import { packFolder } from './pack-folder.ts';
import { packPaths } from './output.ts';
import type { PackEvent } from './progress.ts';

interface Place {
  readonly source: string;
  readonly outFolder: string;
}

function place(context: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Place {
  const folder = temporaryFolder(context);
  const source = join(folder, 'source');
  mkdirSync(source);
  writeFiles(source, files);
  return { source, outFolder: join(folder, 'packs') };
}

function pack({ source, outFolder }: Place, options: Partial<PackOptions> = {}): Promise<PackResult> {
  return packFolder(source, SAMPLE_NAME, { outFolder, jobs: 1, ...options });
}

/** Nothing has the final name, and nothing another one. */
function assertNoOutput({ outFolder }: Place): void {
  const { folder } = packPaths(outFolder, SAMPLE_NAME);
  assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
}

test('a pack is three files, named after its revision, and nothing else', async (context) => {
  const here = place(context, { a: 'x' });
  const { paths, infoText, manifest } = await pack(here);
  const { revision } = SAMPLE_NAME;
  assert.deepEqual(readdirSync(paths.folder).sort(), [
    `${revision}.info`,
    `${revision}.json`,
    `${revision}.mpk`,
  ]);
  assert.equal(paths.folder, join(here.outFolder, 'acme', 'sample'));
  assert.equal(readFileSync(paths.info, 'utf8'), infoText);
  assert.deepEqual(JSON.parse(readFileSync(paths.manifest, 'utf8')), manifest);
});

test('packing again says that nothing changed', async (context) => {
  const here = place(context, { a: 'x' });
  assert.equal((await pack(here)).unchanged, false);
  const before = readFileSync(packPaths(here.outFolder, SAMPLE_NAME).pack);
  assert.equal((await pack(here)).unchanged, true);
  assert.ok(readFileSync(packPaths(here.outFolder, SAMPLE_NAME).pack).equals(before));
});

test('other contents do not replace a pack of the same name', async (context) => {
  const here = place(context, { a: 'x' });
  const { paths } = await pack(here);
  const before = readFileSync(paths.pack);
  writeFiles(here.source, { a: 'y' });
  await assert.rejects(pack(here), { name: 'PackError', code: 'OUTPUT_EXISTS' });
  assert.ok(readFileSync(paths.pack).equals(before));
  assert.equal(readdirSync(paths.folder).length, 3);
});

test('--exclude and --include leave out files, and the folders that hold nothing then, and tell of them', async (context) => {
  const here = place(context, { 'a.json': '{}', 'b.bin': 'x', 'onnx/c.bin': 'x', 'd/e.json': '{}' });
  const { manifest } = await pack(here, { include: ['*.json', 'b.bin'], exclude: ['b.*'] });
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    ['a.json', 'd/e.json'],
  );
  assert.deepEqual(manifest.leftOut, ['b.bin', 'onnx/c.bin']);
});

test('the cache folder of a download tool is left out', async (context) => {
  const here = place(context, { a: 'x', '.cache/huggingface/x': 'x', 'd/.cache/kept': 'x' });
  const { manifest } = await pack(here);
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    ['a', 'd/.cache/kept'],
  );
  assert.deepEqual(manifest.leftOut, ['.cache']);
});

test('what mkfs.erofs leaves out is told in the manifest', async (context) => {
  const here = place(context, { a: 'x', 'lost+found/x': 'x', 'd/lost+found.txt': 'x', 'd/b': 'x' });
  const { manifest } = await pack(here);
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    ['a', 'd/b'],
  );
  assert.deepEqual(manifest.leftOut, ['d/lost+found.txt', 'lost+found']);
});

test('empty folders are kept when nothing is selected', async (context) => {
  const here = place(context, { a: 'x' });
  const without = await pack(here);
  mkdirSync(join(here.source, 'empty'));
  rmSync(here.outFolder, { recursive: true });
  assert.notEqual((await pack(here)).info.rootHash, without.info.rootHash);
});

test('links that lead out of the folder are told', async (context) => {
  const here = place(context, { 'd/a': 'x' });
  for (const [name, target] of [
    ['in', 'd/a'],
    ['d/up', '../d/a'],
    ['out', '../x'],
    ['d/out', '../../x'],
    ['absolute', '/x'],
    ['d/detour', 'x/../../../y'],
  ]) {
    symlinkSync(target!, join(here.source, name!));
  }
  const events: PackEvent[] = [];
  await pack(here, { onEvent: (event) => void events.push(event) });
  const warnings = events.filter((event) => event.kind === 'warning');
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!.message, /^4 symbolic links lead out/);
});

test('a folder without a file is refused, also when everything is excluded', async (context) => {
  const here = place(context, {});
  mkdirSync(join(here.source, 'd'));
  await assert.rejects(pack(here), { code: 'SOURCE_EMPTY' });
  writeFiles(here.source, { 'd/a': 'x' });
  await assert.rejects(pack(here, { exclude: ['*'] }), { code: 'SOURCE_EMPTY' });
  await assert.rejects(pack(here, { include: ['nothing'] }), { code: 'SOURCE_EMPTY' });
  assertNoOutput(here);
});

test('a source that is missing or no folder is refused', async (context) => {
  const here = place(context, { a: 'x' });
  for (const source of [join(here.source, 'missing'), join(here.source, 'a')]) {
    await assert.rejects(pack({ ...here, source }), { code: 'SOURCE_MISSING' });
  }
});

test('a folder may be named through a link', async (context) => {
  const here = place(context, { a: 'x' });
  const direct = await pack(here);
  symlinkSync(here.source, `${here.source}-link`);
  rmSync(here.outFolder, { recursive: true });
  assert.equal((await pack({ ...here, source: `${here.source}-link` })).info.rootHash, direct.info.rootHash);
});

test('names and targets that are not UTF-8 are refused before a byte is written', async (context) => {
  const here = place(context, { a: 'x' });
  const name = Buffer.concat([Buffer.from(`${here.source}/`), Buffer.from([0x66, 0xff])]);
  writeFileSync(name, 'x');
  await assert.rejects(pack(here), { name: 'PackError', code: 'PATH_INVALID' });
  rmSync(name);
  symlinkSync(Buffer.from([0xff]), join(here.source, 'link'));
  await assert.rejects(pack(here), { code: 'PATH_INVALID', message: /the target of link/ });
  assert.equal(existsSync(here.outFolder), false);
});

/** Runs `change` between the look at the folder and the reading of its files. */
function whenPlanned(change: () => void): Partial<PackOptions> {
  return {
    onEvent: ({ kind }) => {
      if (kind === 'planned') change();
    },
  };
}

const CHANGES: readonly (readonly [string, (path: string) => void])[] = [
  ['grows', (path) => appendFileSync(path, 'x')],
  ['shrinks', (path) => truncateSync(path, 4999)],
  ['becomes empty', (path) => truncateSync(path, 0)],
  ['is written to, its size the same', (path) => writeFileSync(path, patterned(5000, 9))],
  ['gets another time', (path) => utimesSync(path, 1, 1)],
  [
    'is replaced by another file with the same content',
    (path) => {
      writeFileSync(`${path}.new`, patterned(5000));
      renameSync(`${path}.new`, path);
    },
  ],
  [
    'is replaced by a link to itself',
    (path) => {
      renameSync(path, `${path}.moved`);
      symlinkSync(`${path}.moved`, path);
    },
  ],
  ['gets one more name', (path) => linkSync(path, `${path}.again`)],
];

for (const [how, change] of CHANGES) {
  test(`a file that ${how} while it is packed is noticed, and nothing is left of the pack`, async (context) => {
    const here = place(context, { 'd/f': patterned(5000), other: 'x' });
    const changing = whenPlanned(() => change(join(here.source, 'd', 'f')));
    await assert.rejects(pack(here, changing), {
      name: 'PackError',
      code: 'SOURCE_CHANGED',
      message: /^d\/f changed/,
    });
    assertNoOutput(here);
  });
}

test('a file that is gone while it is packed is told by its path', async (context) => {
  const here = place(context, { 'd/f': patterned(5000) });
  const changing = whenPlanned(() => rmSync(join(here.source, 'd', 'f')));
  await assert.rejects(pack(here, changing), { code: 'SOURCE_UNREADABLE', message: /d\/f.*ENOENT/ });
  assertNoOutput(here);
});

test('a signal stops the packing, before it or in it, and nothing is left', async (context) => {
  const here = place(context, { a: patterned(5000) });
  await assert.rejects(pack(here, { signal: AbortSignal.abort() }), { code: 'ABORTED' });
  const stop = new AbortController();
  await assert.rejects(pack(here, { signal: stop.signal, ...whenPlanned(() => stop.abort()) }), {
    code: 'ABORTED',
  });
  assertNoOutput(here);
});

test('a second packing of the same name waits for nobody: it is refused', async (context) => {
  const here = place(context, { a: patterned(5000) });
  const results = await Promise.allSettled([pack(here), pack(here)]);
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal((refused[0]!.reason as { code: string }).code, 'OUTPUT_BUSY');
  assert.equal(readdirSync(packPaths(here.outFolder, SAMPLE_NAME).folder).length, 3);
});

test('an output folder that cannot be made is an error of the output', async (context) => {
  const here = place(context, { a: 'x' });
  writeFileSync(here.outFolder, 'a file');
  await assert.rejects(pack(here), { code: 'OUTPUT_UNWRITABLE' });
});

test('an output folder in the source is refused, also through a link, unless it is left out', async (context) => {
  const here = place(context, { a: 'x' });
  mkdirSync(join(here.source, 'there'));
  symlinkSync(here.source, here.outFolder);
  for (const outFolder of [
    here.source,
    join(here.source, 'output'),
    here.outFolder,
    join(here.outFolder, 'new'),
  ]) {
    await assert.rejects(pack({ ...here, outFolder }), { name: 'PackError', code: 'OUTPUT_IN_SOURCE' });
  }
  const inside = { ...here, outFolder: join(here.source, 'there') };
  const first = await pack(inside, { exclude: ['there'] });
  const again = await pack(inside, { exclude: ['there'] });
  assert.equal(again.infoText, first.infoText);
});

test('an output folder beside the source is fine, even where its name begins alike', async (context) => {
  const here = place(context, { a: 'x' });
  await pack({ ...here, outFolder: `${here.source}-packs` });
  await pack({ ...here, outFolder: join(here.source, '..', '..packs') });
});
