import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { cannotMount, compareMounted, type MountVerdict } from './mount.ts';

const MKFS = '/usr/bin/mkfs.erofs';
const obstacle = cannotMount() ?? (existsSync(MKFS) ? undefined : `missing: ${MKFS} (erofs-utils)`);

describe('a pack mounted by the kernel', obstacle === undefined ? {} : { skip: obstacle }, () => {
  let folder = '';
  let source = '';
  let packPath = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-mount-test-'));
    source = join(folder, 'source');
    packPath = join(folder, 'pack.mpk');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'config.json'), '{}');
    writeFileSync(join(source, 'sub/weights'), Buffer.alloc(1_500_000, 7));
    symlinkSync('../config.json', join(source, 'sub/link'));
    assert.equal(spawnSync(MKFS, ['--quiet', '--all-root', '-T0', packPath, source]).status, 0);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), /vitrine-mount-/, 'something is still mounted');
  });

  const differences = (verdict: MountVerdict) =>
    verdict.verdict === 'differs' ? verdict.differences : verdict;

  test('is the same as its source', () => {
    const verdict = compareMounted({ packPath, sourceFolder: source });
    assert.deepEqual(verdict, { verdict: 'same', fileCount: 2, sizeBytes: 1_500_002 });
  });

  const changes: [string, (source: string) => void, string][] = [
    [
      'a byte that changed',
      (source) => {
        const bytes = Buffer.alloc(1_500_000, 7);
        bytes[1_400_000] = 8;
        writeFileSync(join(source, 'sub/weights'), bytes);
      },
      'sub/weights: differs from the source at byte 1400000',
    ],
    [
      'a mode that changed',
      (source) => chmodSync(join(source, 'config.json'), 0o600),
      'config.json: mode 0644, in the source 0600',
    ],
    ['the mode of the root folder', (source) => chmodSync(source, 0o700), ': mode 0755, in the source 0700'],
    [
      'a file that grew',
      (source) => appendFileSync(join(source, 'config.json'), '\n'),
      'config.json: 2 bytes, in the source 3',
    ],
    [
      'a file that the pack lacks',
      (source) => writeFileSync(join(source, 'new'), ''),
      'new: not in the pack',
    ],
    [
      'a file that only the pack has',
      (source) => rmSync(join(source, 'config.json')),
      'config.json: not in the source',
    ],
    [
      'a link that points elsewhere',
      (source) => {
        rmSync(join(source, 'sub/link'));
        symlinkSync('weights', join(source, 'sub/link'));
      },
      'sub/link: another target',
    ],
    [
      'a folder in place of a file',
      (source) => {
        rmSync(join(source, 'config.json'));
        mkdirSync(join(source, 'config.json'));
      },
      'config.json: another kind of entry',
    ],
  ];
  for (const [what, change, expected] of changes) {
    test(`differs from its source by ${what}`, () => {
      change(source);
      assert.deepEqual(differences(compareMounted({ packPath, sourceFolder: source })), [expected]);
    });
  }

  test('whose superblock is damaged is an error, not skipped', () => {
    const image = readFileSync(packPath);
    image[1024]! ^= 1;
    writeFileSync(packPath, image);
    assert.throws(() => compareMounted({ packPath, sourceFolder: source }), /does not mount/);
  });

  test('is unmounted also when the comparison fails on the way', () => {
    assert.throws(() => compareMounted({ packPath, sourceFolder: join(folder, 'absent') }), /ENOENT/);
  });
});
