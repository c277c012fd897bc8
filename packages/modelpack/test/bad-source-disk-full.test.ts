/** A disk without room, at every point where it can run out: the same error, nothing under a final name. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { endOf, startVitrine } from '../../cli/test/vitrine.ts';
import { parsePackName } from '../src/name.ts';
import { packPaths } from '../src/output.ts';
import { packFolder } from '../src/pack-folder.ts';
import {
  type Files,
  allNames,
  contentOf,
  hole,
  packFrom,
  packedFromFolder,
  scratch,
  writeTree,
} from './hub-pack-model.ts';
import { startHubServer } from './hub-server.ts';

const NAME = parsePackName('acme/tiny@r1');
const PAGE_BYTES = 4096;
const FILES: Files = { 'config.json': '{}\n', 'model.bin': contentOf('model', 300_000) };

const obstacle = process.getuid?.() === 0 ? false : 'mounting a small file system needs root';

/** A file system in memory with so much room, until the caller's block ends. */
function smallDisk(path: string, sizeBytes: number): { readonly path: string; [Symbol.dispose]: () => void } {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'vitrine-test', path]);
  return { path, [Symbol.dispose]: () => void spawnSync('umount', [path]) };
}

/** Takes all the room that is left. */
function fill(path: string): void {
  const descriptor = openSync(path, 'w');
  const piece = new Uint8Array(256 * PAGE_BYTES);
  try {
    for (let length = piece.length; length >= PAGE_BYTES;) {
      try {
        writeSync(descriptor, piece, 0, length);
      } catch {
        length /= 2;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

test('a pack that cannot fit is refused before anything is written', { skip: obstacle }, async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  hole(join(source, 'hole.bin'), 2 ** 40);
  using disk = smallDisk(join(folder.path, 'disk'), 2 ** 22);
  await assert.rejects(packFolder(source, NAME, { outFolder: disk.path, jobs: 1 }), {
    code: 'DISK_FULL',
    message: /needs \d+ bytes in .*, \d+ are free/,
  });
  assert.deepEqual(allNames(disk.path), []);
});

test(
  'a disk that becomes full while a folder is packed ends it, and leaves nothing',
  { skip: obstacle },
  async () => {
    using folder = scratch();
    const source = join(folder.path, 'source');
    mkdirSync(source);
    hole(join(source, 'model.bin'), 300_000_000);
    using disk = smallDisk(join(folder.path, 'disk'), 400_000_000);
    const paths = packPaths(disk.path, NAME);
    const running = startVitrine([
      'pack',
      source,
      '--name',
      'acme/tiny@r1',
      '--out',
      disk.path,
      '--jobs',
      '1',
    ]);
    const isOver = endOf(running);
    while (!isOver() && (statSync(paths.partial, { throwIfNoEntry: false })?.blocks ?? 0) === 0)
      await delay(1);
    running.child.kill('SIGSTOP');
    fill(join(disk.path, 'filler'));
    running.child.kill('SIGCONT');
    const { status, stderr } = await running.finished;
    assert.equal(status, 3, stderr);
    assert.match(stderr, /^DISK_FULL: [^\n]+\n$/);
    assert.deepEqual(allNames(disk.path), ['filler']);
  },
);

test(
  'room for the pack, but not for its lock, info or manifest, is not enough either',
  { skip: obstacle },
  async () => {
    using folder = scratch();
    const source = join(folder.path, 'source');
    writeTree(source, FILES);
    const { packSizeBytes } = await packedFromFolder(folder.path, FILES, 'acme/tiny@r1');
    const outcomes: string[] = [];
    for (let pages = 0; pages <= 4; pages++) {
      using disk = smallDisk(join(folder.path, `disk-${pages}`), packSizeBytes + pages * PAGE_BYTES);
      try {
        await packFolder(source, NAME, { outFolder: disk.path, jobs: 1 });
        assert.deepEqual(allNames(disk.path), ['r1.info', 'r1.json', 'r1.mpk']);
        outcomes.push('packed');
      } catch (error) {
        outcomes.push((error as { code: string }).code);
        assert.deepEqual(allNames(disk.path), []);
      }
    }
    assert.deepEqual([...new Set(outcomes)], ['DISK_FULL', 'packed'], outcomes.join(', '));
    assert.ok(outcomes.filter((outcome) => outcome === 'DISK_FULL').length >= 2);
  },
);

test('a disk without any room does not keep an empty lock', { skip: obstacle }, async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, FILES);
  using disk = smallDisk(join(folder.path, 'disk'), 16 * PAGE_BYTES);
  fill(join(disk.path, 'filler'));
  await assert.rejects(packFolder(source, NAME, { outFolder: disk.path, jobs: 1 }), { code: 'DISK_FULL' });
  assert.deepEqual(allNames(disk.path), ['filler']);
});

test(
  'what a killed run left of the pack counts as room, so that the next run fits where the first one did',
  { skip: obstacle },
  async () => {
    using folder = scratch();
    const source = join(folder.path, 'source');
    writeTree(source, FILES);
    const expected = await packedFromFolder(folder.path, FILES, 'acme/tiny@r1');
    using disk = smallDisk(join(folder.path, 'disk'), expected.packSizeBytes + 4 * PAGE_BYTES);
    const { partial, folder: packFolderPath } = packPaths(disk.path, NAME);
    mkdirSync(packFolderPath, { recursive: true });
    writeFileSync(partial, readFileSync(expected.paths.pack));
    const result = await packFolder(source, NAME, { outFolder: disk.path, jobs: 1 });
    assert.equal(result.infoText, expected.infoText);
  },
);

test(
  'a disk that becomes full during a download keeps what is there, and with room again the next run ends it',
  { skip: obstacle },
  async () => {
    using folder = scratch();
    const files: Files = { 'a.bin': contentOf('a', 500_000), 'b.bin': contentOf('b', 600_000) };
    using disk = smallDisk(join(folder.path, 'disk'), 2_000_000);
    await using server = await startHubServer({
      repos: [{ name: 'acme/tiny', files }],
      chunkBytes: 4096,
      chunkDelayMs: 2,
    });
    const filler = join(disk.path, 'filler');
    const name = `acme/tiny@${server.commitOf('acme/tiny')}`;
    const run = packFrom(server, disk.path, {
      connections: 1,
      onEvent: ({ kind }) => {
        if (kind === 'progress' && !existsSync(filler)) fill(filler);
      },
    });
    await assert.rejects(run, { code: 'DISK_FULL' });
    const { journal, partial, pack } = packPaths(disk.path, parsePackName(name));
    assert.deepEqual([journal, partial, pack].map(existsSync), [true, true, false]);
    rmSync(filler);
    const expected = await packedFromFolder(folder.path, files, name);
    assert.equal((await packFrom(server, disk.path)).infoText, expected.infoText);
  },
);
