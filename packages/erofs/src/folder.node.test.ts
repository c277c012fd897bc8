import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Folder, type FolderFile, readFolder } from './folder.node.ts';
import type { DirectoryNode, SourceNode } from './tree.ts';

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-folder-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every name below a node, with its kind. */
function namesOf(directory: DirectoryNode<FolderFile>, prefix = ''): string[] {
  return directory.entries
    .flatMap(({ name, node }) => {
      const path = prefix + Buffer.from(name).toString('latin1');
      return node.kind === 'directory' ? [path, ...namesOf(node, `${path}/`)] : [path];
    })
    .sort();
}

function nodeAt({ root }: Folder, path: string): SourceNode<FolderFile> {
  return path.split('/').reduce<SourceNode<FolderFile>>((node, name) => {
    assert.ok(node.kind === 'directory');
    return node.entries.find((entry) => Buffer.from(entry.name).toString('latin1') === name)!.node;
  }, root);
}

test('a folder is read with names, modes, sizes and targets', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd', 'f'), '12345');
  symlinkSync('../nowhere', join(folder, 'd', 'l'));
  chmodSync(join(folder, 'd', 'f'), 0o4751);
  chmodSync(join(folder, 'd'), 0o1770);
  chmodSync(folder, 0o700);
  const read = readFolder(folder);
  assert.deepEqual(namesOf(read.root), ['d', 'd/f', 'd/l']);
  assert.deepEqual(read.leftOut, []);
  assert.equal(read.root.permissions, 0o700);
  assert.equal(nodeAt(read, 'd').permissions, 0o1770);
  const file = nodeAt(read, 'd/f');
  assert.ok(file.kind === 'file');
  assert.equal(file.permissions, 0o4751);
  assert.equal(file.sizeBytes, 5);
  const { ino, dev, mtimeNs, ctimeNs } = lstatSync(join(folder, 'd', 'f'), { bigint: true });
  assert.deepEqual(file.source, {
    path: Buffer.from(join(folder, 'd', 'f')),
    displayPath: 'd/f',
    device: dev,
    inode: ino,
    modifiedNs: mtimeNs,
    changedNs: ctimeNs,
  });
  const link = nodeAt(read, 'd/l');
  assert.ok(link.kind === 'symlink');
  assert.equal(Buffer.from(link.target).toString(), '../nowhere');
});

test('hard links of files and of symbolic links are one node, copies are not', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'a'), 'x');
  writeFileSync(join(folder, 'copy'), 'x');
  linkSync(join(folder, 'a'), join(folder, 'd', 'b'));
  symlinkSync('a', join(folder, 'l'));
  linkSync(join(folder, 'l'), join(folder, 'd', 'm'));
  const read = readFolder(folder);
  assert.equal(nodeAt(read, 'a'), nodeAt(read, 'd/b'));
  assert.equal(nodeAt(read, 'l'), nodeAt(read, 'd/m'));
  assert.notEqual(nodeAt(read, 'a'), nodeAt(read, 'copy'));
});

test('a symbolic link to a folder is a link, and is not followed', (context) => {
  const folder = temporaryFolder(context);
  symlinkSync('.', join(folder, 'loop'));
  symlinkSync('/', join(folder, 'everything'));
  assert.deepEqual(namesOf(readFolder(folder).root), ['everything', 'loop']);
});

test('a name that is not UTF-8 is kept as bytes', (context) => {
  const folder = temporaryFolder(context);
  const name = Buffer.from([0x66, 0xff, 0xfe]);
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'x');
  const read = readFolder(folder);
  assert.deepEqual(Buffer.from(read.root.entries[0]!.name), name);
  const { node } = read.root.entries[0]!;
  assert.ok(node.kind === 'file');
  assert.deepEqual(node.source.path.subarray(-3), name);
  assert.equal(node.source.displayPath, 'f\ufffd\ufffd');
});

test('a target that is not UTF-8 is kept as bytes', (context) => {
  const folder = temporaryFolder(context);
  symlinkSync(Buffer.from([0x66, 0xff]), join(folder, 'l'));
  const link = nodeAt(readFolder(folder), 'l');
  assert.ok(link.kind === 'symlink');
  assert.deepEqual(Buffer.from(link.target), Buffer.from([0x66, 0xff]));
});

test('what is excluded is told, and an excluded folder is not entered', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'skip', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'skip', 'deep', 'f'), 'x');
  writeFileSync(join(folder, 'keep'), 'x');
  symlinkSync('keep', join(folder, 'link'));
  const asked: string[] = [];
  const { root, leftOut } = readFolder(folder, {
    exclude: (path, kind) => {
      asked.push(`${kind} ${path}`);
      return path === 'skip' || path === 'link';
    },
  });
  assert.deepEqual(namesOf(root), ['keep']);
  assert.deepEqual([...leftOut].sort(), ['link', 'skip']);
  assert.deepEqual(asked.sort(), ['directory skip', 'file keep', 'symlink link']);
});

test('lost+found is left out at any depth, and told', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'd', 'lost+found'), { recursive: true });
  writeFileSync(join(folder, 'lost+found.bak'), 'x');
  const { root, leftOut } = readFolder(folder);
  assert.deepEqual(namesOf(root), ['d']);
  assert.deepEqual([...leftOut].sort(), ['d/lost+found', 'lost+found.bak']);
});

test('a FIFO is refused by its path', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'd'));
  execFileSync('mkfifo', [join(folder, 'd', 'pipe')]);
  assert.throws(() => readFolder(folder), { code: 'SOURCE_UNSUPPORTED', message: /^d\/pipe is a FIFO/ });
  assert.deepEqual(readFolder(folder, { exclude: (path) => path === 'd/pipe' }).leftOut, ['d/pipe']);
});

test('a socket is refused by its path', async (context) => {
  const folder = temporaryFolder(context);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  context.after(() => server.close());
  assert.throws(() => readFolder(folder), { code: 'SOURCE_UNSUPPORTED', message: /^socket is a socket/ });
});

test('a device is refused by its path', (context) => {
  const folder = temporaryFolder(context);
  if (spawnSync('mknod', [join(folder, 'null'), 'c', '1', '3']).status !== 0) {
    context.skip('mknod needs root');
    return;
  }
  assert.throws(() => readFolder(folder), { code: 'SOURCE_UNSUPPORTED', message: /^null is a device/ });
});

test('a path that is missing, or no folder, is refused', (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, 'f'), 'x');
  assert.throws(() => readFolder(join(folder, 'missing')), { code: 'SOURCE_UNREADABLE', message: /ENOENT/ });
  assert.throws(() => readFolder(join(folder, 'f')), { code: 'SOURCE_UNREADABLE', message: /not a folder/ });
});

test('the folder itself may be named through a link, and then has the mode of what it leads to', (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, 'd'));
  chmodSync(join(folder, 'd'), 0o750);
  writeFileSync(join(folder, 'd', 'f'), 'x');
  symlinkSync('d', join(folder, 'l'));
  symlinkSync('missing', join(folder, 'dangling'));
  symlinkSync('d/f', join(folder, 'to-file'));
  const { root } = readFolder(join(folder, 'l'));
  assert.deepEqual(namesOf(root), ['f']);
  assert.equal(root.permissions, 0o750);
  assert.throws(() => readFolder(join(folder, 'dangling')), { code: 'SOURCE_UNREADABLE', message: /ENOENT/ });
  assert.throws(() => readFolder(join(folder, 'to-file')), {
    code: 'SOURCE_UNREADABLE',
    message: /not a folder/,
  });
});
