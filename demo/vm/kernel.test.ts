import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { findKernel, readModules } from './kernel.ts';

describe('looking for a kernel', () => {
  let system = '';
  let cache = '';
  beforeEach(() => {
    system = mkdtempSync(join(tmpdir(), 'vitrine-kernel-'));
    cache = join(system, 'cache');
  });
  afterEach(() => {
    rmSync(system, { recursive: true, force: true });
  });

  function addKernel(root: string, release: string, modules = `lib/modules/${release}`): string {
    mkdirSync(join(root, 'boot'), { recursive: true });
    writeFileSync(join(root, 'boot', `vmlinuz-${release}`), '');
    mkdirSync(join(root, modules, 'kernel/drivers/md'), { recursive: true });
    return join(root, modules, 'kernel/drivers/md');
  }

  test('finds none where there is none', () => {
    assert.equal(findKernel(system, cache), undefined);
  });

  test('takes the newest of the installed and the unpacked, by number and not by letter', () => {
    addKernel(system, '6.1.0-9-cloud-amd64');
    addKernel(join(cache, 'a'), '6.1.0-56-cloud-amd64', 'usr/lib/modules/6.1.0-56-cloud-amd64');
    assert.equal(findKernel(system, cache)?.release, '6.1.0-56-cloud-amd64');
    addKernel(system, '6.12.1-cloud-amd64');
    assert.equal(findKernel(system, cache)?.release, '6.12.1-cloud-amd64');
  });

  test('passes over a kernel without modules, and one that is not a cloud kernel', () => {
    mkdirSync(join(system, 'boot'));
    writeFileSync(join(system, 'boot/vmlinuz-6.1.0-56-cloud-amd64'), '');
    addKernel(system, '6.18.0-custom');
    assert.equal(findKernel(system, cache), undefined);
  });

  const xz = spawnSync('busybox', ['true']).status === 0 && spawnSync('xz', ['--version']).status === 0;
  test('reads modules of every compression, dependencies first, and leaves out those built in', (test) => {
    const folder = addKernel(system, '6.1.0-56-cloud-amd64');
    const bytes = (name: string) => Buffer.from(`module ${name}`);
    const write = (file: string, content: Uint8Array) => {
      writeFileSync(join(folder, file), content);
    };
    write('dm-verity.ko.gz', gzipSync(bytes('dm-verity')));
    write('dm_mod.ko', bytes('dm-mod'));
    write('virtio.ko.zst', zstdCompressSync(bytes('virtio')));
    write('unrelated.ko', bytes('unrelated'));
    if (xz) write('erofs.ko.xz', spawnSync('xz', ['--check=crc32'], { input: bytes('erofs') }).stdout);
    else test.diagnostic('xz or busybox is not installed: that compression is left out');
    const modules = readModules(findKernel(system, cache)!);
    assert.deepEqual(
      modules.map(({ name }) => name),
      ['virtio', 'dm-mod', 'dm-verity', ...(xz ? ['erofs'] : [])],
    );
    for (const { name, content } of modules) assert.deepEqual(Buffer.from(content), bytes(name));
  });

  test('a module that does not decompress is an error', () => {
    writeFileSync(join(addKernel(system, '6.1.0-56-cloud-amd64'), 'erofs.ko.gz'), 'not gzip');
    assert.throws(() => readModules(findKernel(system, cache)!), /incorrect header/);
  });
});
