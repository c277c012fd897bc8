/** A real kernel opens what the reference tools made, and refuses it after one changed byte or under another root. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { bootUnderVerity, cannotBoot } from './boot.ts';
import { VERITYSETUP } from './initrd.ts';

const MKFS = '/usr/bin/mkfs.erofs';
const SALT = '5a'.repeat(32);
const obstacle = cannotBoot() ?? (existsSync(MKFS) ? undefined : `missing: ${MKFS} (erofs-utils)`);
const options = obstacle === undefined ? {} : { skip: obstacle };

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 2_654_435_761) >>> 24));
const contents = new Map<string, Buffer>([
  ['config.json', Buffer.from('{"hidden_size":64}\n')],
  ['empty', Buffer.alloc(0)],
  ['weights/model one.safetensors', weights],
  ['weights/snowman \u2603', Buffer.from('a name that is not ASCII')],
]);
const expected = new Map(
  [...contents].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')]),
);

interface Pack {
  packPath: string;
  rootHash: string;
  hashOffsetBytes: number;
}

describe('a Debian kernel in QEMU', { concurrency: 2, ...options }, () => {
  let folder = '';
  let pack: Pack;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vitrine-boot-'));
    // A comma would end an option of QEMU's command line, were the path not quoted.
    pack = makePack(folder, join(folder, 'pack,1.mpk'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const boot = (test: TestContext, request: Pack) =>
    bootUnderVerity({ ...request, timeoutMs: 120_000, log: (line) => test.diagnostic(line) });

  test('opens an intact pack and reads the same bytes as were packed', async (test) => {
    const verdict = await boot(test, pack);
    assert.equal(verdict.verdict, 'opened', verdict.verdict === 'refused' ? verdict.reason : '');
    assert.deepEqual(new Map([...verdict.files].sort()), new Map([...expected].sort()));
  });

  test('refuses a pack with one flipped byte, with the kernel naming the block', async (test) => {
    const packPath = join(folder, 'flipped.mpk');
    copyFileSync(pack.packPath, packPath);
    const image = readFileSync(packPath);
    const at = image.indexOf(weights.subarray(40_960, 45_056));
    assert.notEqual(at, -1);
    image[at + 100]! ^= 1;
    writeFileSync(packPath, image);
    const verdict = await boot(test, { ...pack, packPath });
    assert.equal(verdict.verdict, 'refused');
    assert.equal(verdict.stage, 'read');
    assert.match(verdict.reason, new RegExp(`data block ${Math.floor(at / 4096)} is corrupted`));
  });

  test('refuses an intact pack under another root hash when it opens it', async (test) => {
    const rootHash = (pack.rootHash.startsWith('0') ? '1' : '0') + pack.rootHash.slice(1);
    const verdict = await boot(test, { ...pack, rootHash });
    assert.equal(verdict.verdict, 'refused');
    assert.equal(verdict.stage, 'open');
    assert.match(verdict.reason, /metadata block \d+ is corrupted/);
  });
});

test('a machine that hangs or never starts ends at its time limit as a refusal', options, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-boot-'));
  try {
    const packPath = join(folder, 'zeros.mpk');
    writeFileSync(packPath, Buffer.alloc(8192));
    const verdict = await bootUnderVerity({
      packPath,
      rootHash: '0'.repeat(64),
      hashOffsetBytes: 4096,
      timeoutMs: 50,
      log: () => undefined,
    });
    assert.equal(verdict.verdict, 'refused');
    assert.equal(verdict.stage, 'boot');
    assert.match(verdict.reason, /ended after 0\.05 s/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a root hash or offset that could add a word to the kernel command line is refused before anything starts', async () => {
  const request = {
    packPath: '/dev/null',
    rootHash: '0'.repeat(64),
    hashOffsetBytes: 4096,
    timeoutMs: 1,
    log: () => undefined,
  };
  for (const wrong of [
    { rootHash: `${'0'.repeat(63)} init=/bin/sh` },
    { hashOffsetBytes: -1 },
    { hashOffsetBytes: Number.NaN },
  ]) {
    await assert.rejects(bootUnderVerity({ ...request, ...wrong }), TypeError);
  }
});

function makePack(folder: string, packPath: string): Pack {
  const source = join(folder, 'source');
  for (const [path, bytes] of contents) {
    mkdirSync(join(source, path, '..'), { recursive: true });
    writeFileSync(join(source, path), bytes);
  }
  run(MKFS, ['--quiet', '--all-root', '-T0', packPath, source]);
  const hashOffsetBytes = statSync(packPath).size;
  const printed = run(VERITYSETUP, [
    'format',
    `--hash-offset=${hashOffsetBytes}`,
    `--salt=${SALT}`,
    packPath,
    packPath,
  ]);
  const rootHash = /Root hash:\s+([0-9a-f]{64})/.exec(printed)?.[1];
  assert.ok(rootHash !== undefined, printed);
  return { packPath, rootHash, hashOffsetBytes };
}

function run(program: string, words: string[]): string {
  const done = spawnSync(program, words, { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}
