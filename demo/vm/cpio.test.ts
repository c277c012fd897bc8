import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { writeCpio } from './cpio.ts';

const entries = [
  { path: 'bin', mode: 0o755 },
  { path: 'bin/abc', mode: 0o755, content: Buffer.from('12345') },
  { path: 'empty', mode: 0o644, content: new Uint8Array(0) },
];

test('an archive holds headers and contents at multiples of four bytes and ends with the trailer', () => {
  const archive = Buffer.from(writeCpio(entries));
  const headers: number[] = [];
  for (let at = archive.indexOf('070701'); at !== -1; at = archive.indexOf('070701', at + 6))
    headers.push(at);
  assert.equal(headers.length, entries.length + 1);
  assert.ok(headers.every((at) => at % 4 === 0));
  assert.equal(archive.length % 4, 0);
  assert.ok(archive.includes('TRAILER!!!\0'));
});

test('the same entries give the same bytes', () => {
  assert.deepEqual(writeCpio(entries), writeCpio(entries));
});

const cpio = spawnSync('busybox', ['cpio', '--help']).error ? { skip: 'busybox is not installed' } : {};
test('busybox reads an archive back', cpio, () => {
  const run = spawnSync('busybox', ['cpio', '-tv'], { input: writeCpio(entries), encoding: 'utf8' });
  const lines = run.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/));
  assert.deepEqual(
    lines.map((words) => [words[0], words[2], words.at(-1)]),
    [
      ['drwxr-xr-x', '0', 'bin'],
      ['-rwxr-xr-x', '5', 'bin/abc'],
      ['-rw-r--r--', '0', 'empty'],
    ],
  );
});
