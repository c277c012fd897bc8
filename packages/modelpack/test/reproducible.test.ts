/** The same name and files give the same bytes, wherever, whenever and however they are packed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { patterned, temporaryFolder } from './sample-pack.ts';

const COMMAND = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url));
const NAME = 'acme/repeat@0123456789abcdef0123456789abcdef01234567';

/** What is to be packed: every path with its content (a file) or null (a folder). */
const ENTRIES: readonly (readonly [string, Uint8Array | null])[] = [
  ['config.json', Buffer.from('{"model_type": "sample"}')],
  ['README.md', patterned(4070)],
  ['weights', null],
  ['weights/model-00001.safetensors', patterned(3_000_001, 1)],
  ['weights/model-00002.safetensors', patterned(1_500_000, 2)],
  ['empty', null],
  ['-first', Buffer.from('sorts before the dot')],
  ['模型', Buffer.from('x')],
];

/** Every mode is set, so that the umask has no say in it. */
function fill(folder: string, entries = ENTRIES): void {
  mkdirSync(folder, { recursive: true });
  // Parents before what is in them, however the rest is ordered.
  for (const [path, content] of entries)
    if (content === null) mkdirSync(join(folder, path), { recursive: true });
  for (const [path, content] of entries) {
    if (content !== null) writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), content === null ? 0o755 : 0o644);
  }
  linkSync(join(folder, 'config.json'), join(folder, 'weights', 'config.json'));
  symlinkSync('../README.md', join(folder, 'weights', 'README.md'));
  chmodSync(folder, 0o755);
}

interface Packed {
  readonly pack: Buffer;
  readonly info: string;
  readonly manifest: string;
}

interface Circumstances {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly umask?: string;
  readonly cwd?: string;
  /** As the command line says it. */
  readonly source: string;
}

function runPack(
  { words = [], env = {}, umask = '022', cwd = '/', source }: Circumstances,
  outFolder: string,
): Packed {
  const command = [process.execPath, COMMAND, 'pack', source, '--name', NAME, '--out', outFolder, ...words];
  const run = spawnSync('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...command], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.equal(run.status, 0, run.stderr);
  const stem = join(outFolder, 'acme', 'repeat', '0123456789abcdef0123456789abcdef01234567');
  return {
    pack: readFileSync(`${stem}.mpk`),
    info: readFileSync(`${stem}.info`, 'utf8'),
    manifest: readFileSync(`${stem}.json`, 'utf8'),
  };
}

describe('packing the same source again gives the same three files', () => {
  const cleaning: (() => void)[] = [];
  const suite = { after: (clean: () => void) => void cleaning.push(clean) };
  const folder = temporaryFolder(suite);
  const source = join(folder, 'source');
  let first: Packed;
  let runs = 0;

  before(() => {
    fill(source);
    first = runPack({ source, env: { TZ: 'UTC' } }, join(folder, 'first'));
  });
  after(() => {
    for (const clean of cleaning) clean();
  });

  function assertSame(circumstances: Partial<Circumstances>): void {
    const { pack, info, manifest } = runPack({ source, ...circumstances }, join(folder, `again-${++runs}`));
    assert.equal(info, first.info);
    assert.equal(manifest, first.manifest);
    assert.ok(pack.equals(first.pack), 'the packs differ, and their infos do not');
  }

  test('in another time zone and language', () => {
    assertSame({ env: { TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } });
  });

  test('with another umask', () => assertSame({ umask: '077' }));

  test('with one thread and with four', () => {
    assertSame({ words: ['--jobs', '1'] });
    assertSame({ words: ['--jobs', '4'] });
  });

  test('without the native hasher', () => assertSame({ env: { VITRINE_NATIVE: 'never' } }));

  test('from another path, copied, with other times', () => {
    const copy = join(folder, 'a', 'much deeper', 'path');
    cpSync(source, copy, { recursive: true, verbatimSymlinks: true });
    // A copy has the hard link's content twice: made one again.
    rmSync(join(copy, 'weights', 'config.json'));
    linkSync(join(copy, 'config.json'), join(copy, 'weights', 'config.json'));
    utimesSync(join(copy, 'README.md'), 0, 1_000_000_000);
    assertSame({ source: copy });
  });

  test('from a relative path, one with dots and slashes in it, and through a link', () => {
    assertSame({ source: './source', cwd: folder });
    assertSame({ source: '.', cwd: source });
    assertSame({ source: `${folder}//source/../source/` });
    symlinkSync(source, join(folder, 'link'));
    assertSame({ source: join(folder, 'link') });
  });

  test('from files that were made in the opposite order', () => {
    const other = join(folder, 'reversed');
    fill(other, ENTRIES.toReversed());
    assertSame({ source: other });
  });

  test('from another file system, and onto another file system', (context) => {
    const obstacle = otherFileSystemObstacle(folder);
    if (obstacle !== undefined) {
      context.skip(obstacle);
      return;
    }
    const memory = mkdtempSync('/dev/shm/vitrine-modelpack-');
    try {
      fill(join(memory, 'source'));
      assertSame({ source: join(memory, 'source') });
      const there = runPack({ source }, join(memory, 'packs'));
      assert.deepEqual(there, first);
    } finally {
      rmSync(memory, { recursive: true, force: true });
    }
  });

  test('beside files that are left out', () => {
    const other = join(folder, 'with-more');
    fill(other);
    mkdirSync(join(other, '.cache'));
    writeFileSync(join(other, '.cache', 'x'), 'x');
    const { pack, info } = runPack({ source: other }, join(folder, 'with-more-packs'));
    assert.equal(info, first.info);
    assert.ok(pack.equals(first.pack));
  });
});

describe('what the bytes do depend on', () => {
  const cleaning: (() => void)[] = [];
  const folder = temporaryFolder({ after: (clean) => void cleaning.push(clean) });
  after(() => {
    for (const clean of cleaning) clean();
  });

  test('a mode, a name, a byte, a link in place of a copy: each changes the root hash', () => {
    const changes: readonly ((source: string) => void)[] = [
      () => undefined,
      (source) => chmodSync(join(source, 'README.md'), 0o640),
      (source) => chmodSync(join(source, 'empty'), 0o700),
      (source) => chmodSync(source, 0o750),
      (source) => writeFileSync(join(source, 'README.md'), patterned(4070, 9)),
      (source) => rmSync(join(source, 'empty'), { recursive: true }),
      (source) => {
        rmSync(join(source, 'weights', 'config.json'));
        writeFileSync(join(source, 'weights', 'config.json'), '{"model_type": "sample"}');
        chmodSync(join(source, 'weights', 'config.json'), 0o644);
      },
    ];
    const infos = changes.map((change, index) => {
      const source = join(folder, `source-${index}`);
      fill(source);
      change(source);
      return runPack({ source, words: ['--jobs', '1'] }, join(folder, `packs-${index}`)).info;
    });
    assert.equal(new Set(infos.map((info) => info.slice(0, 64))).size, changes.length);
  });
});

function otherFileSystemObstacle(folder: string): string | undefined {
  try {
    accessSync('/dev/shm', constants.W_OK);
  } catch {
    return 'there is no writable /dev/shm to stand for another file system';
  }
  return statSync('/dev/shm').dev === statSync(folder).dev
    ? '/dev/shm is the same file system as the temporary folder'
    : undefined;
}
