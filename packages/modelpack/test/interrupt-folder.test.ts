/** Packing a folder, and stopped in the middle: nothing half-written is ever under a final name, and nothing is in the way. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Running, endOf, startVitrine, vitrine } from '../../cli/test/vitrine.ts';
import { parsePackName } from '../src/name.ts';
import { type PackPaths, packPaths } from '../src/output.ts';
import {
  type Files,
  allNames,
  contentOf,
  hole,
  packedFromFolder,
  scratch,
  writeTree,
} from './hub-pack-model.ts';

const KILLS = process.env['VITRINE_LONG'] === '1' ? 20 : 2;
const NAME = 'acme/tiny@r1';
const POLL_MS = 5;
/** A hole on disk, and so long that a signal finds the packer in the middle of it. */
const LARGE_BYTES = 3 * 2 ** 30;

const SMALL: Files = { 'config.json': '{}\n', 'model.bin': contentOf('model', 3_000_000) };

function largeFolder(parent: string): string {
  const folder = join(parent, 'large');
  mkdirSync(folder);
  hole(join(folder, 'hole.bin'), LARGE_BYTES);
  return folder;
}

function packWords(folder: string, out: string): string[] {
  return ['pack', folder, '--name', NAME, '--out', out, '--jobs', '2'];
}

/** Waits until so much of the partial is on disk; fails when the packer ends first. */
async function untilWritten(running: Running, paths: PackPaths, bytes: number): Promise<void> {
  const isOver = endOf(running);
  for (;;) {
    const blocks = statSync(paths.partial, { throwIfNoEntry: false })?.blocks ?? 0;
    if (blocks * 512 >= bytes) return;
    assert.ok(!isOver(), 'the packer ended before it could be stopped');
    await delay(POLL_MS);
  }
}

test(`${KILLS} kills while a folder is packed leave no final name, and do not stand in the way of another pack`, async () => {
  using folder = scratch();
  const large = largeFolder(folder.path);
  const small = join(folder.path, 'small');
  writeTree(small, SMALL);
  const out = join(folder.path, 'out');
  const paths = packPaths(out, parsePackName(NAME));
  for (let kill = 0; kill < KILLS; kill++) {
    const running = startVitrine(packWords(large, out));
    await untilWritten(running, paths, (1 + 20 * Math.random()) * 2 ** 20);
    running.child.kill('SIGKILL');
    assert.equal((await running.finished).signal, 'SIGKILL');
    assert.deepEqual(allNames(out), ['r1.mpk.lock', 'r1.mpk.partial']);
  }
  const { status, stderr } = await vitrine(packWords(small, out));
  assert.equal(status, 0, stderr);
  const expected = await packedFromFolder(folder.path, SMALL, NAME);
  assert.ok(readFileSync(paths.pack).equals(readFileSync(expected.paths.pack)));
  assert.deepEqual(allNames(out), ['r1.info', 'r1.json', 'r1.mpk']);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends the packing of a folder with status 130, and leaves nothing`, async () => {
    using folder = scratch();
    const out = join(folder.path, 'out');
    const running = startVitrine(packWords(largeFolder(folder.path), out));
    await untilWritten(running, packPaths(out, parsePackName(NAME)), 2 ** 20);
    running.child.kill(signal);
    const { status, stdout, stderr } = await running.finished;
    assert.equal(status, 130);
    assert.equal(stdout.length, 0);
    assert.match(stderr, /^ABORTED: [^\n]*\n$/);
    assert.deepEqual(allNames(out), []);
  });
}

test('a second packer of the same pack is refused while the first one works, and changes nothing for it', async () => {
  using folder = scratch();
  const out = join(folder.path, 'out');
  const first = startVitrine(packWords(largeFolder(folder.path), out));
  await untilWritten(first, packPaths(out, parsePackName(NAME)), 2 ** 20);
  const small = join(folder.path, 'small');
  writeTree(small, SMALL);
  const second = startVitrine(packWords(small, out));
  const refused = await Promise.race([second.finished, first.finished.then(() => undefined)]);
  assert.ok(refused, 'the first packer was too quick for this test');
  assert.equal(refused.status, 3);
  assert.match(refused.stderr, new RegExp(`^OUTPUT_BUSY: Process ${first.child.pid} `));
  assert.deepEqual(allNames(out), ['r1.mpk.lock', 'r1.mpk.partial']);
  first.child.kill('SIGINT');
  assert.equal((await first.finished).status, 130);
});

test('at no time is there a final name without its whole content', async () => {
  using folder = scratch();
  const source = join(folder.path, 'source');
  writeTree(source, { ...SMALL, 'larger.bin': contentOf('larger', 60_000_000) });
  const out = join(folder.path, 'out');
  const paths = packPaths(out, parsePackName(NAME));
  const running = startVitrine(packWords(source, out));
  const isOver = endOf(running);
  const sizes = new Set<number>();
  const texts = new Set<string>();
  while (!isOver()) {
    if (existsSync(paths.pack)) {
      sizes.add(statSync(paths.pack).size);
      assert.ok(existsSync(paths.info) && existsSync(paths.manifest));
    }
    for (const path of [paths.info, paths.manifest]) {
      if (existsSync(path)) texts.add(readFileSync(path, 'utf8'));
    }
    await delay(1);
  }
  assert.equal((await running.finished).status, 0);
  const final = [paths.info, paths.manifest].map((path) => readFileSync(path, 'utf8'));
  assert.deepEqual(
    [...texts].filter((text) => !final.includes(text)),
    [],
  );
  assert.deepEqual(
    [...sizes].filter((size) => size !== statSync(paths.pack).size),
    [],
  );
});
