/** What an earlier run left may be damaged, missing or a lie: only what its hash proves is kept, and the pack comes out right. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parsePackName } from '../src/name.ts';
import { type PackPaths, packPaths } from '../src/output.ts';
import type { PackEvent } from '../src/progress.ts';
import {
  type Files,
  RANGE_BYTES,
  contentOf,
  contentRequests,
  packFrom,
  packedFromFolder,
  scratch,
} from './hub-pack-model.ts';
import { type HubServer, startHubServer } from './hub-server.ts';
import { type PlacedFile, notedBytes, placedFiles } from './interrupt-journal.ts';

/** The only one that the first run does not get. */
const MISSING = 'z-last.bin';
const LARGE = 'model.safetensors';
const TAILED = 'tokenizer.json';
const FILES: Files = {
  'config.json': '{"a":1}\n',
  [LARGE]: contentOf('model', RANGE_BYTES + 5000),
  [TAILED]: contentOf('tokenizer', 9000),
  'other.bin': contentOf('other', 100_000),
  [MISSING]: contentOf('last', 50_000),
};

const folder = scratch();
let server: HubServer;
let name: string;
let placed: PlacedFile[];
let expected: Buffer;
/** An output folder as an interrupted run left it. */
const interrupted = join(folder.path, 'interrupted');

before(async () => {
  server = await startHubServer({ repos: [{ name: 'acme/tiny', files: FILES }] });
  name = `acme/tiny@${server.commitOf('acme/tiny')}`;
  placed = placedFiles(name, FILES);
  expected = readFileSync((await packedFromFolder(folder.path, FILES, name)).paths.pack);
  await interrupt(interrupted, MISSING);
});
after(async () => {
  await server.close();
  folder[Symbol.dispose]();
});

/** Runs until everything but one file is there, and stops. */
async function interrupt(outFolder: string, missing: string): Promise<void> {
  server.fault({ on: 'resolve', path: missing, do: { kind: 'stall' } });
  const stop = new AbortController();
  const run = packFrom(server, outFolder, { signal: stop.signal });
  const { journal, partial } = packPaths(outFolder, parsePackName(name));
  const wanted = placed.filter(({ path }) => path !== missing);
  const isThere = ({ path, placement }: PlacedFile): boolean =>
    notedBytes({ journal } as PackPaths, placed).get(path) === placement.sizeBytes;
  while (!wanted.every(isThere)) await delay(5);
  stop.abort();
  await assert.rejects(run, { code: 'ABORTED' });
  assert.ok(existsSync(partial));
  server.clearFaults();
}

interface Resumed {
  readonly fetched: string[];
  readonly events: PackEvent[];
}

/** A copy of what was left, changed, and then a run that must end with the right bytes. */
async function resume(change: (paths: PackPaths) => void): Promise<Resumed> {
  using copy = scratch();
  cpSync(interrupted, copy.path, { recursive: true });
  change(packPaths(copy.path, parsePackName(name)));
  const from = server.requests.length;
  const events: PackEvent[] = [];
  const result = await packFrom(server, copy.path, { jobs: 1, onEvent: (event) => events.push(event) });
  assert.ok(readFileSync(result.paths.pack).equals(expected), 'the pack is another one');
  const served = contentRequests(server, undefined, from).filter(({ bodyBytes }) => bodyBytes > 0);
  const fetched = [...new Set(served.map(({ path }) => path!))].sort();
  return { fetched, events };
}

function flipByte(path: string, offsetBytes: number): void {
  const bytes = readFileSync(path);
  bytes[offsetBytes]! ^= 0x10;
  writeFileSync(path, bytes);
}

function placementOf(path: string): PlacedFile['placement'] {
  return placed.find((file) => file.path === path)!.placement;
}

function warningsIn(events: readonly PackEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
}

/** The journal's lines without those of one file. */
function journalWithout(paths: PackPaths, file: string): string {
  const index = placed.findIndex(({ path }) => path === file);
  const lines = readFileSync(paths.journal, 'utf8').split('\n');
  return lines.filter((line) => !line.startsWith(`${index} `)).join('\n');
}

function indexOf(file: string): number {
  return placed.findIndex(({ path }) => path === file);
}

const CONTENT_BYTES = Object.values(FILES).reduce((sum, content) => sum + Buffer.from(content).length, 0);
const EVERYTHING = Object.keys(FILES).sort();

test('what is there is proven and kept, and only the rest is fetched', async () => {
  const { fetched, events } = await resume(() => undefined);
  assert.deepEqual(fetched, [MISSING]);
  const presentBytes = CONTENT_BYTES - placementOf(MISSING).sizeBytes;
  assert.deepEqual(
    events.find(({ kind }) => kind === 'resumed'),
    { kind: 'resumed', presentBytes },
  );
  const progress = events.filter((event) => event.kind === 'progress');
  assert.deepEqual(progress.at(-1)!.doneBytes, CONTENT_BYTES);
});

for (const [what, file, offsetOf] of [
  ['the first byte of a file', LARGE, () => placementOf(LARGE).dataOffsetBytes],
  ['a byte in the second range of a file', LARGE, () => placementOf(LARGE).dataOffsetBytes + RANGE_BYTES + 7],
  ['a byte in the tail behind an inode', TAILED, () => placementOf(TAILED).tailOffsetBytes + 100],
  ['a byte of a file in git', 'config.json', () => placementOf('config.json').tailOffsetBytes],
] as const) {
  test(`${what} was damaged on disk: that file alone is fetched again, and it is said`, async () => {
    assert.ok(offsetOf() > 0);
    const { fetched, events } = await resume(({ partial }) => flipByte(partial, offsetOf()));
    assert.deepEqual(fetched, [file, MISSING].sort());
    const warnings = warningsIn(events);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]!.includes(file));
    const progress = events.filter((event) => event.kind === 'progress');
    assert.ok(progress.every(({ doneBytes, totalBytes }) => doneBytes <= totalBytes));
  });
}

test('damage outside all files (inodes, padding, the whole tree) is written over', async () => {
  const { fetched } = await resume(({ partial }) => {
    const bytes = readFileSync(partial);
    const keep = placed.map(({ placement }) => {
      const { sizeBytes, blockBytes, dataOffsetBytes, tailOffsetBytes } = placement;
      const data = bytes.subarray(dataOffsetBytes, dataOffsetBytes + blockBytes);
      const tail = bytes.subarray(tailOffsetBytes, tailOffsetBytes + sizeBytes - blockBytes);
      return [
        { at: dataOffsetBytes, content: Buffer.from(data) },
        { at: tailOffsetBytes, content: Buffer.from(tail) },
      ];
    });
    bytes.fill(0xa5);
    for (const { at, content } of keep.flat()) bytes.set(content, at);
    writeFileSync(partial, bytes);
  });
  assert.deepEqual(fetched, [MISSING]);
});

test('a partial that is garbage from end to end costs another download, and nothing else', async () => {
  const { fetched, events } = await resume(({ partial }) => {
    writeFileSync(partial, contentOf('garbage', readFileSync(partial).length + 4096));
  });
  assert.deepEqual(fetched, EVERYTHING);
  assert.equal(warningsIn(events).length, EVERYTHING.length - 1);
});

test('a partial that is empty, or too short, is filled again', async () => {
  for (const lengthBytes of [0, 4096, 100_000]) {
    await resume(({ partial }) => truncateSync(partial, lengthBytes));
  }
});

test('a partial or a journal that is missing, or a journal that is a header, starts anew', async () => {
  const changes: ((paths: PackPaths) => void)[] = [
    ({ partial }) => rmSync(partial),
    ({ journal }) => rmSync(journal),
    ({ journal }) => truncateSync(journal, 0),
    ({ journal }) => truncateSync(journal, 30),
    ({ journal }) => writeFileSync(journal, contentOf('garbage', 10_000)),
    ({ journal }) =>
      writeFileSync(journal, readFileSync(journal, 'utf8').replace(/ [0-9a-f]{64}/, ` ${'0'.repeat(64)}`)),
    ({ journal }) => writeFileSync(journal, `\n${readFileSync(journal, 'utf8')}`),
  ];
  for (const change of changes) {
    const { fetched, events } = await resume(change);
    assert.deepEqual(fetched, EVERYTHING);
    assert.deepEqual(warningsIn(events), []);
  }
});

test('a journal that was cut in the middle of a line is good up to there', async () => {
  const { fetched } = await resume((paths) => {
    const text = journalWithout(paths, 'other.bin');
    // Of the size of the cut file, only the first digit got written: a size that would be wrong.
    writeFileSync(paths.journal, `${text}${indexOf('other.bin')} 1`);
  });
  assert.deepEqual(fetched, [MISSING, 'other.bin'].sort());
});

test('garbage among the lines of a journal is passed over', async () => {
  const { fetched } = await resume(({ journal }) => {
    const lines = ['', 'x', '0', '-1 5', '0 -5', '1 2 3', '99999 4096', '0 0x10', '0 9'.repeat(30), '\u0000'];
    writeFileSync(journal, `${readFileSync(journal, 'utf8')}${lines.join('\n')}\n`);
  });
  assert.deepEqual(fetched, [MISSING]);
});

test('a journal that claims more than is there is not believed', async () => {
  const size = placementOf(MISSING).sizeBytes;
  for (const claim of [size, size + 1, RANGE_BYTES, Number.MAX_SAFE_INTEGER, '9999999999999999']) {
    const { fetched, events } = await resume(({ journal }) => {
      writeFileSync(journal, `${indexOf(MISSING)} ${claim}\n`, { flag: 'a' });
    });
    assert.deepEqual(fetched, [MISSING]);
    assert.equal(warningsIn(events).length, claim === size ? 1 : 0);
  }
});

test('a journal that claims less, or a place in the middle of a range, costs only that', async () => {
  for (const claim of [0, 1, 4096, 99_999]) {
    const { fetched } = await resume(({ journal }) => {
      writeFileSync(journal, `${indexOf('other.bin')} ${claim}\n`, { flag: 'a' });
    });
    assert.deepEqual(fetched, [MISSING, 'other.bin'].sort());
  }
});

test('what was left of another selection of the same commit is not mixed in', async () => {
  using copy = scratch();
  cpSync(interrupted, copy.path, { recursive: true });
  const ours = await packFrom(server, copy.path, { exclude: ['other.bin'] });
  const wanted = await packedFromFolder(copy.path, FILES, name, { exclude: ['other.bin'] });
  assert.equal(ours.infoText, wanted.infoText);
});

test('a Hub that lies about a file of which an earlier run left a part is found out, and the next run mends it', async () => {
  using copy = scratch();
  await interrupt(copy.path, MISSING);
  const paths = packPaths(copy.path, parsePackName(name));
  writeFileSync(paths.journal, `${indexOf(LARGE)} ${RANGE_BYTES}\n`, { flag: 'a' });
  server.fault({ on: 'download', path: LARGE, do: { kind: 'flip-byte', atByte: RANGE_BYTES + 1 } });
  await assert.rejects(packFrom(server, copy.path), { code: 'CONTENT_MISMATCH' });
  assert.equal(existsSync(paths.pack), false);
  server.clearFaults();
  assert.ok(readFileSync((await packFrom(server, copy.path)).paths.pack).equals(expected));
});
