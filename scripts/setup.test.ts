import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setUp, type Host } from './setup.ts';

const everyProgram = ['mkfs.erofs', 'veritysetup', 'qemu-system-x86_64', 'busybox'];
const release = '6.1.0-9-cloud-amd64';

describe('set-up', () => {
  let folder = '';
  let lines: string[] = [];
  let commands: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-setup-'));
    lines = [];
    commands = [];
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  /** A Debian machine, as root, without any of the tools and with an apt-get that installs what it is asked to. */
  function host(changes: Partial<Host> & { apt?: (words: readonly string[]) => string } = {}): Host {
    const { apt, ...rest } = changes;
    return {
      isRoot: true,
      isDebian: true,
      isX64: true,
      programFolders: [join(folder, 'bin')],
      systemRoot: join(folder, 'root'),
      kernelCacheFolder: join(folder, 'cache'),
      buildNative: () => ({ built: true, reason: 'up to date (addon)' }),
      say: (line) => lines.push(line),
      run: (program, words, where) => {
        if (program.endsWith('/mkfs.erofs')) return { status: 0, output: 'mkfs.erofs 1.5\n' };
        commands.push([program, ...words.filter((word) => word !== '-o' && !word.includes('::'))].join(' '));
        const complaint = apt?.([program, ...words]) ?? '';
        if (complaint !== '') return { status: 100, output: complaint };
        return { status: 0, output: packageManager(program, words, where) };
      },
      ...rest,
    };
  }

  function packageManager(program: string, words: readonly string[], where = folder): string {
    if (program === 'apt-cache') return `Package: x\nDepends: linux-image-${release} (= 6.1.9-1)\n`;
    if (words.includes('download')) writeFileSync(join(where, 'kernel_amd64.deb'), '');
    if (words.includes('install')) everyProgram.forEach(addProgram);
    if (program === 'dpkg-deb') addKernel(words.at(-1)!);
    return '';
  }
  function addProgram(name: string): void {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'bin', name), '');
  }
  function addKernel(root: string): void {
    mkdirSync(join(root, 'boot'), { recursive: true });
    mkdirSync(join(root, 'lib/modules', release), { recursive: true });
    writeFileSync(join(root, 'boot', `vmlinuz-${release}`), '');
  }

  test('says and does nothing when nothing is missing', () => {
    everyProgram.forEach(addProgram);
    addKernel(join(folder, 'root'));
    setUp(['oracles', 'machine'], host());
    assert.deepEqual([commands, lines], [[], []]);
  });

  test('updates the lists once and installs only what is missing', () => {
    addProgram('veritysetup');
    addKernel(join(folder, 'root'));
    setUp(['oracles', 'machine'], host());
    assert.deepEqual(commands, [
      'apt-get -q update',
      'apt-get -q -y --no-install-recommends install erofs-utils=1.5-1 qemu-system-x86 busybox-static',
    ]);
    assert.equal(lines.length, 2);
  });

  test('leaves alone the group that was not asked for', () => {
    setUp(['oracles'], host());
    assert.equal(
      commands.at(-1),
      'apt-get -q -y --no-install-recommends install erofs-utils=1.5-1 cryptsetup-bin',
    );
  });

  test('unpacks a kernel below the cache folder and installs none', () => {
    everyProgram.forEach(addProgram);
    setUp(['machine'], host());
    assert.ok(commands.includes(`apt-get download linux-image-${release}=6.1.9-1`));
    assert.ok(!commands.some((command) => command.includes('install')));
    assert.deepEqual(readdirSync(join(folder, 'cache')), [`linux-image-${release}_6.1.9-1`]);
    commands = [];
    setUp(['machine'], host());
    assert.deepEqual(commands, [], 'the second time the kernel is there');
  });

  test('leaves nothing of a kernel whose download fails, and says what is skipped', () => {
    everyProgram.forEach(addProgram);
    const apt = (words: readonly string[]) => (words.includes('download') ? 'E: Failed to fetch it' : '');
    setUp(['machine'], host({ apt }));
    assert.deepEqual(readdirSync(join(folder, 'cache')), []);
    assert.match(
      lines.at(-1)!,
      /Missing: a Debian cloud kernel \(E: Failed to fetch it\)\. Skipped .*virtual machine/,
    );
  });

  test('without root runs no apt-get install, and says what is missing, what is skipped and what to type', () => {
    setUp(['oracles'], host({ isRoot: false }));
    assert.deepEqual(commands, []);
    assert.equal(lines.length, 2);
    assert.match(
      lines[0]!,
      /Missing: mkfs\.erofs \(not running as root\)\. Skipped because of it: .*reference tools\. .*apt-get install .*erofs-utils=1\.5-1$/,
    );
  });

  test('on another system than Debian runs no package manager at all', () => {
    setUp(['oracles', 'machine'], host({ isDebian: false }));
    assert.deepEqual(commands, []);
    assert.ok(lines.every((line) => line.includes('this is not Debian')));
    assert.ok(lines.some((line) => line.includes('cloud kernel')));
  });

  test('without a network tries once, does not throw, and tells the reason', () => {
    setUp(
      ['oracles'],
      host({ apt: () => 'Err:1 x\nE: Failed to fetch http://deb.debian.org/x  Temporary failure' }),
    );
    assert.equal(commands.filter((command) => command.includes('install')).length, 1);
    assert.equal(lines.filter((line) => /^Missing: .*Failed to fetch/.test(line)).length, 2);
  });

  test('a package that this Debian does not have does not keep the others away', () => {
    const apt = (words: readonly string[]) =>
      words.includes('erofs-utils=1.5-1') ? "E: Version '1.5-1' for 'erofs-utils' was not found" : '';
    setUp(['oracles'], host({ apt }));
    assert.equal(commands.at(-1), 'apt-get -q -y --no-install-recommends install cryptsetup-bin');
  });

  test('does not replace another version of mkfs.erofs', () => {
    everyProgram.forEach(addProgram);
    const run: Host['run'] = (program, words) => {
      if (program.endsWith('/mkfs.erofs')) return { status: 0, output: 'mkfs.erofs (erofs-utils) 1.8.6\n' };
      commands.push([program, ...words].join(' '));
      return { status: 0, output: '' };
    };
    setUp(['oracles'], host({ run }));
    assert.deepEqual(commands, []);
    assert.match(lines.at(-1)!, /version 1\.8\.6 is installed and not replaced/);
  });

  test('on another processor the virtual machine is skipped with its reason', () => {
    setUp(['machine'], host({ isX64: false }));
    assert.deepEqual(commands, []);
    assert.match(lines.join('\n'), /x86-64/);
  });

  test('tells in one line when the native hasher was built or could not be', () => {
    for (const built of [true, false]) {
      setUp([], host({ buildNative: () => ({ built, reason: 'what happened\nand more' }) }));
    }
    assert.equal(lines.length, 2);
    assert.ok(lines.every((line) => line.includes('what happened') && !line.includes('and more')));
  });
});
