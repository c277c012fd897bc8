import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectoryNode, FileNode, SymlinkNode } from '@vitrine/erofs';
import { type Manifest, formatManifest, makeManifest, parseManifest, pathsOf } from './manifest.ts';
import { parsePackName } from './name.ts';
import { planPack } from './plan.ts';

type Entries = Readonly<Record<string, FileNode<string> | SymlinkNode | DirectoryNode<string>>>;

function directory(entries: Entries, encoding: BufferEncoding = 'utf8'): DirectoryNode<string> {
  const list = Object.entries(entries).map(([name, node]) => ({ name: Buffer.from(name, encoding), node }));
  return { kind: 'directory', permissions: 0o755, entries: list };
}

function file(sizeBytes: number, permissions = 0o644): FileNode<string> {
  return { kind: 'file', permissions, sizeBytes, source: '' };
}

function link(target: string | Uint8Array): SymlinkNode {
  return { kind: 'symlink', permissions: 0o777, target: Buffer.from(target) };
}

const ROOT = 'ab'.repeat(32);
const SHA = 'cd'.repeat(32);
const SHARED = file(7, 0o4755);
const TREE = directory({
  b: SHARED,
  a: directory({ 'z.json': file(5), same: SHARED, empty: directory({}), '-x': file(0, 0o600) }),
  l: link('a/z.json'),
  '\ufeffname': file(1),
});

function sample(leftOut: readonly string[] = ['z', '.cache']): Manifest {
  const plan = planPack(parsePackName('o/n@r'), TREE);
  return makeManifest(plan, {
    source: { kind: 'folder' },
    rootHash: ROOT,
    leftOut,
    digestsOf: () => ({ sha256: SHA }),
  });
}

test('files are listed depth first in order of names, each name of a hard link, with size and mode', () => {
  assert.deepEqual(
    sample().files.map(({ path, size, mode }) => [path, size, mode]),
    [
      ['a/-x', 0, '0600'],
      ['a/same', 7, '4755'],
      ['a/z.json', 5, '0644'],
      ['b', 7, '4755'],
      ['\ufeffname', 1, '0644'],
    ],
  );
});

test('links are listed with their targets, what was left out in order', () => {
  assert.deepEqual(sample().symlinks, [{ path: 'l', target: 'a/z.json' }]);
  assert.deepEqual(sample().leftOut, ['.cache', 'z']);
});

test('a manifest that was written is read back the same, and ends with a line end', () => {
  const manifest = sample();
  const text = formatManifest(manifest);
  assert.deepEqual(parseManifest(text), manifest);
  assert.equal(formatManifest(parseManifest(text)), text);
  assert.ok(text.endsWith('}\n'));
});

test('a manifest of a repository is read back with its commit and git object ids', () => {
  const plan = planPack(parsePackName('o/n@r'), TREE);
  const source = { kind: 'hub', repository: 'o/n', commit: '1'.repeat(40) } as const;
  const digestsOf = () => ({ sha256: SHA, gitBlobSha1: '2'.repeat(40) });
  const manifest = makeManifest(plan, { source, rootHash: ROOT, leftOut: [], digestsOf });
  assert.deepEqual(parseManifest(formatManifest(manifest)), manifest);
  assert.equal(manifest.files[0]!.gitBlobSha1, '2'.repeat(40));
});

test('the manifest says how the tree was made, so that any tool can make it again', () => {
  const { verity, imageSizeBytes, packSizeBytes } = sample();
  assert.equal(verity.hashOffsetBytes, imageSizeBytes);
  assert.equal(verity.dataBlockCount * verity.dataBlockSizeBytes, imageSizeBytes);
  assert.ok(packSizeBytes > imageSizeBytes);
  assert.equal(verity.salt.length, 64);
});

test('a name or target that is not UTF-8 is refused by its place', () => {
  const refused = (tree: DirectoryNode<string>, message: RegExp): void => {
    assert.throws(() => [...pathsOf(planPack(parsePackName('o/n@r'), tree))], {
      name: 'PackError',
      code: 'PATH_INVALID',
      message,
    });
  };
  refused(directory({ 'a\xff': file(0) }, 'latin1'), /a name in the root/);
  refused(directory({ d: directory({ '\xc3(': file(0) }, 'latin1') }), /a name in d\//);
  refused(directory({ '\xed\xa0\x80': file(0) }, 'latin1'), /not UTF-8/);
  refused(directory({ l: link(Uint8Array.of(0x61, 0xff)) }), /the target of l/);
});

/** A manifest with something else in place of one field. */
function changed(path: string, value: unknown): string {
  const manifest = JSON.parse(formatManifest(sample())) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop()!;
  const holder = keys.reduce((object, key) => object[key] as Record<string, unknown>, manifest);
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else holder[last] = value;
  return JSON.stringify(manifest);
}

const NOT_TEXT = [undefined, null, 0, 1, true, [], {}, ['a']];
const NOT_COUNTS = [undefined, null, '4096', -1, 0.5, 2 ** 53, 1e300, true, [], {}];
const NOT_LISTS = [undefined, null, 0, 'a', {}, { length: 1 }];
const NOT_OBJECTS = [undefined, null, 0, 'a', [], true];
const NOT_HEX_64 = [
  ...NOT_TEXT,
  '',
  SHA.slice(1),
  `${SHA}0`,
  SHA.toUpperCase(),
  `${SHA.slice(1)}g`,
  ` ${SHA.slice(1)}`,
  `${SHA}\n`,
];

const HOSTILE: Readonly<Record<string, readonly unknown[]>> = {
  format: [...NOT_TEXT, 'tinfoil', 'vitrine-model-pack '],
  version: [undefined, null, 0, 2, '1', 1.5, true],
  layout: [...NOT_TEXT, 'other'],
  name: [...NOT_TEXT, '', 'o/n', '../n@r', 'o/n@a/b', 'o/n@..'],
  source: [
    ...NOT_OBJECTS,
    {},
    { kind: 'other' },
    { kind: 'hub' },
    { kind: 'hub', repository: 'o/n', commit: 'main' },
    { kind: 'hub', repository: 1, commit: '1'.repeat(40) },
  ],
  rootHash: NOT_HEX_64,
  uuid: [...NOT_TEXT, '', 'x', '25A6B47D-e12b-5d49-8a5b-1e2330913762', '25a6b47de12b5d498a5b1e2330913762'],
  packSizeBytes: NOT_COUNTS,
  imageSizeBytes: NOT_COUNTS,
  verity: NOT_OBJECTS,
  'verity.version': [undefined, 0, 2, '1'],
  'verity.hashType': [undefined, 0, 2, '1'],
  'verity.algorithm': [...NOT_TEXT, 'sha512', 'SHA256'],
  'verity.dataBlockSizeBytes': NOT_COUNTS,
  'verity.hashBlockSizeBytes': NOT_COUNTS,
  'verity.dataBlockCount': NOT_COUNTS,
  'verity.hashOffsetBytes': NOT_COUNTS,
  'verity.salt': [...NOT_TEXT, 'a', 'AB', 'zz', '00'.repeat(257)],
  files: NOT_LISTS,
  'files.0': NOT_OBJECTS.filter((value) => value !== undefined),
  'files.0.path': NOT_TEXT,
  'files.0.size': NOT_COUNTS,
  'files.0.mode': [...NOT_TEXT, '', '644', '00644', '0o644', '0888', '-644', '0644\n'],
  'files.0.sha256': NOT_HEX_64,
  'files.0.gitBlobSha1': [null, 0, '', SHA, 'G'.repeat(40)],
  symlinks: NOT_LISTS,
  'symlinks.0': NOT_OBJECTS.filter((value) => value !== undefined),
  'symlinks.0.path': NOT_TEXT,
  'symlinks.0.target': NOT_TEXT,
  leftOut: NOT_LISTS,
  'leftOut.0': [null, 0, true, [], {}],
};

for (const [field, values] of Object.entries(HOSTILE)) {
  test(`${field} is refused when it is missing, of another type or of another form`, () => {
    for (const value of values) {
      assert.throws(
        () => parseManifest(changed(field, value)),
        { name: 'PackError', code: 'MANIFEST_INVALID' },
        JSON.stringify(value),
      );
    }
  });
}

test('the message names the field, and shows no more than the beginning of what is there', () => {
  assert.throws(
    () => parseManifest(changed('files.0.sha256', 'x'.repeat(100_000))),
    (error: Error) => {
      assert.match(error.message, /files\[0\]\.sha256/);
      return error.message.length < 400;
    },
  );
});

test('text that is no JSON object is refused', () => {
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '1',
    'NaN',
    `${formatManifest(sample())}x`,
    '[]'.padStart(100_000, '['),
  ]) {
    assert.throws(() => parseManifest(text), { code: 'MANIFEST_INVALID' }, text.slice(0, 20));
  }
});

test('a manifest cannot reach the prototype of what is read', () => {
  const text = formatManifest(sample()).replace('{', '{"__proto__": {"polluted": true},');
  assert.deepEqual(parseManifest(text), sample());
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('a manifest without its fields cannot take them from a prototype', () => {
  assert.throws(() => parseManifest(`{"__proto__": ${formatManifest(sample())}}`), {
    code: 'MANIFEST_INVALID',
  });
});
