import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { samplePack, temporaryFolder } from '../test/sample-pack.ts';
import { expectationBeside, expectationOf, expectationOfManifest } from './expectation.ts';
import { MANIFEST_LIMIT_BYTES } from './manifest.ts';

const ROOT = '0123456789abcdef'.repeat(4);
const UUID = '25a6b47d-e12b-5d49-8a5b-1e2330913762';
const INFO = `${ROOT}_4096_${UUID}`;

test('a root hash is an expectation of the root alone', () => {
  assert.deepEqual(expectationOf(ROOT), { origin: 'the given root hash', rootHash: ROOT });
});

test('ROOT_OFFSET_UUID is an expectation of all three', () => {
  assert.deepEqual(expectationOf(INFO), {
    origin: 'the given info',
    rootHash: ROOT,
    hashOffsetBytes: 4096,
    uuid: UUID,
  });
});

test('white space around is no part of it', () => {
  assert.equal(expectationOf(` ${ROOT}\n`).rootHash, ROOT);
  assert.equal(expectationOf(`${INFO}\n`).uuid, UUID);
});

test('a file holds a root hash or an info', (context) => {
  const path = join(temporaryFolder(context), 'some_file');
  writeFileSync(path, `${ROOT}\n`);
  assert.deepEqual(expectationOf(path), { origin: path, rootHash: ROOT });
  writeFileSync(path, INFO);
  assert.deepEqual(expectationOf(path), { origin: path, rootHash: ROOT, hashOffsetBytes: 4096, uuid: UUID });
});

test('anything else is refused', (context) => {
  const folder = temporaryFolder(context);
  const invalid = { name: 'PackError', code: 'INFO_INVALID' };
  for (const text of [
    '',
    'x',
    ROOT.slice(1),
    ROOT.toUpperCase(),
    `sha256:${ROOT}`,
    `${ROOT}_1_${UUID}`,
    '_',
    join(folder, 'missing'),
  ]) {
    assert.throws(() => expectationOf(text), invalid, text);
  }
  const path = join(folder, 'file');
  for (const content of [
    '',
    'x',
    `${ROOT}\n${ROOT}`,
    `${INFO} x`,
    ROOT.toUpperCase(),
    `${ROOT}${' '.repeat(5000)}`,
  ]) {
    writeFileSync(path, content);
    assert.throws(() => expectationOf(path), invalid, content.slice(0, 20));
  }
});

test('a folder, or a FIFO that would keep the reader waiting, is refused', (context) => {
  const folder = temporaryFolder(context);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const path of [folder, join(folder, 'pipe')]) {
    assert.throws(() => expectationOf(path), { code: 'INFO_INVALID', message: /not a regular file/ });
    assert.throws(() => expectationOfManifest(path), {
      code: 'MANIFEST_INVALID',
      message: /not a regular file/,
    });
  }
});

test("the info beside a pack is found by the pack's name", (context) => {
  const folder = temporaryFolder(context);
  assert.equal(expectationBeside(join(folder, 'x.mpk')), undefined);
  writeFileSync(join(folder, 'x.info'), INFO);
  assert.equal(expectationBeside(join(folder, 'x.mpk'))?.uuid, UUID);
  assert.equal(expectationBeside(join(folder, 'x')), undefined, 'only a .mpk has one');
  assert.equal(expectationBeside(join(folder, 'x.mpk.mpk')), undefined);
});

test('an unreadable info beside a pack is an error, not the absence of one', (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'x.info'), 'nonsense');
  mkdirSync(join(folder, 'y.info'));
  for (const name of ['x.mpk', 'y.mpk']) {
    assert.throws(() => expectationBeside(join(folder, name)), { code: 'INFO_INVALID' });
  }
});

test('a manifest is an expectation of root, offset, UUID and all files', async (context) => {
  const { manifest, paths, info } = await samplePack(context, { a: 'x' });
  assert.deepEqual(expectationOfManifest(paths.manifest), { origin: paths.manifest, ...info, manifest });
});

test('a manifest that is missing, none, or too long to read is refused', (context) => {
  const path = join(temporaryFolder(context), 'm.json');
  const invalid = { name: 'PackError', code: 'MANIFEST_INVALID' };
  assert.throws(() => expectationOfManifest(path), invalid);
  writeFileSync(path, '{}');
  assert.throws(() => expectationOfManifest(path), invalid);
  truncateSync(path, MANIFEST_LIMIT_BYTES + 1);
  assert.throws(() => expectationOfManifest(path), { ...invalid, message: /at most/ });
});
