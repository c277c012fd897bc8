import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parsePackName } from './name.ts';
import { PackOutput, type PackPaths, packPaths } from './output.ts';

const INFO = `${'ab'.repeat(32)}_4096_01234567-89ab-cdef-0123-456789abcdef`;

let folder: string;
let paths: PackPaths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-output-'));
  paths = packPaths(folder, parsePackName('acme/tiny@r1'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function names(): string[] {
  return readdirSync(paths.folder).sort();
}

/** The number of a process that has ended, and was waited for. */
function endedProcess(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

function leaveLock(text: string): void {
  mkdirSync(paths.folder, { recursive: true });
  writeFileSync(paths.lock, text);
}

test('an output is locked until it is released, also against its own process', () => {
  const first = new PackOutput(paths);
  assert.throws(() => new PackOutput(paths), { code: 'OUTPUT_BUSY' });
  first.release();
  new PackOutput(paths).release();
  assert.deepEqual(names(), []);
});

test('the lock of a process that has ended is taken over', () => {
  leaveLock(`${endedProcess()} ${hostname()} 12345\n`);
  const output = new PackOutput(paths);
  assert.match(readFileSync(paths.lock, 'utf8'), new RegExp(`^${process.pid} `));
  assert.deepEqual(names(), ['r1.mpk.lock']);
  output.release();
});

test('a lock with the number of this process, left by one that had it before, is taken over', () => {
  leaveLock(`${process.pid} ${hostname()} 1\n`);
  new PackOutput(paths).release();
});

test(
  'a lock whose number belongs to another process by now is taken over',
  { skip: !existsSync('/proc/self/stat') && 'without /proc nobody knows when a process began' },
  () => {
    leaveLock(`${process.ppid} ${hostname()} 1\n`);
    new PackOutput(paths).release();
  },
);

test('the lock of a running process is respected, also when it does not say when it began', () => {
  for (const text of [`${process.ppid} ${hostname()}\n`, `${process.ppid} ${hostname()} -\n`]) {
    leaveLock(text);
    assert.throws(() => new PackOutput(paths), { code: 'OUTPUT_BUSY' });
    assert.equal(readFileSync(paths.lock, 'utf8'), text);
  }
});

test('the lock of another machine is respected, and the error names the file to remove', () => {
  leaveLock('4194304 elsewhere 1\n');
  assert.throws(() => new PackOutput(paths), {
    code: 'OUTPUT_BUSY',
    message: new RegExp(`on elsewhere .*${paths.lock}`),
  });
});

test('a lock that is empty or garbage is taken over', () => {
  for (const text of ['', 'x', '-1 host', '0 host', '99999999999999 host', '\0\0']) {
    leaveLock(text);
    new PackOutput(paths).release();
  }
});

test('while another process takes over a lock, it is left alone', () => {
  leaveLock(`${endedProcess()} ${hostname()} 1\n`);
  writeFileSync(`${paths.lock}.takeover`, '');
  assert.throws(() => new PackOutput(paths), { code: 'OUTPUT_BUSY', message: /takeover/ });
  assert.ok(existsSync(paths.lock));
});

test('a folder that cannot be made is an error with a code', () => {
  writeFileSync(join(folder, 'acme'), 'a file');
  assert.throws(() => new PackOutput(paths), { code: 'OUTPUT_UNWRITABLE' });
});

test('a commit gives all three files their names and leaves nothing else', () => {
  const output = new PackOutput(paths);
  writeFileSync(paths.partial, 'pack');
  writeFileSync(paths.journal, 'journal');
  output.commit(INFO, '{}\n');
  output.release();
  assert.deepEqual(names(), ['r1.info', 'r1.json', 'r1.mpk']);
  assert.equal(readFileSync(paths.pack, 'utf8'), 'pack');
  assert.equal(readFileSync(paths.info, 'utf8'), INFO);
});

test('a commit that fails before it renames leaves no final name', () => {
  const output = new PackOutput(paths);
  writeFileSync(paths.partial, 'pack');
  mkdirSync(`${paths.manifest}.partial`);
  assert.throws(() => output.commit(INFO, '{}\n'), { code: 'OUTPUT_UNWRITABLE' });
  for (const path of [paths.pack, paths.info, paths.manifest]) assert.equal(existsSync(path), false);
});

test('a discarded output leaves nothing but its lock', () => {
  const output = new PackOutput(paths);
  for (const path of [paths.partial, paths.journal, `${paths.info}.partial`, `${paths.manifest}.partial`]) {
    writeFileSync(path, 'x');
  }
  output.discard();
  assert.deepEqual(names(), ['r1.mpk.lock']);
  output.release();
});

test('a finished pack is known by its info', () => {
  const output = new PackOutput(paths);
  assert.equal(output.finished(), undefined);
  writeFileSync(paths.pack, 'pack');
  writeFileSync(paths.info, INFO);
  assert.equal(output.finished()?.hashOffsetBytes, 4096);
  output.release();
});

test('a pack without an info, or with one that is none, is not ours to judge', () => {
  const output = new PackOutput(paths);
  writeFileSync(paths.pack, 'pack');
  assert.throws(() => output.finished(), { code: 'OUTPUT_EXISTS' });
  writeFileSync(paths.info, INFO.slice(1));
  assert.throws(() => output.finished(), { code: 'OUTPUT_EXISTS' });
  output.release();
});

test('room is asked for beforehand', () => {
  const output = new PackOutput(paths);
  output.requireRoom(1);
  assert.throws(() => output.requireRoom(10 ** 18), {
    code: 'DISK_FULL',
    message: /1000000000000000000 bytes.* are free/,
  });
  output.release();
});
