import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { Journal } from './journal.ts';

let folder: string;
let journalPath: string;
let partialPath: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-journal-'));
  journalPath = join(folder, 'x.journal');
  partialPath = join(folder, 'x.partial');
});
afterEach(() => rmSync(folder, { recursive: true }));

const PLAN = 'a'.repeat(64);

function open(planId = PLAN): { present: [number, number][]; resumed: boolean } {
  const { journal, resumed } = Journal.open(journalPath, partialPath, planId);
  journal.close();
  return { present: [...journal.present], resumed };
}

function note(...entries: [number, number][]): void {
  const { journal } = Journal.open(journalPath, partialPath, PLAN);
  for (const [file, bytes] of entries) journal.note(file, bytes);
  journal.close();
  writeFileSync(partialPath, '');
}

test('a new journal knows of nothing', () => {
  assert.deepEqual(open(), { present: [], resumed: false });
});

test('of each file the newest entry counts, across several runs', () => {
  note([0, 10], [7, 4096], [0, 20]);
  note([7, 8192], [3, 0]);
  assert.deepEqual(open(), {
    present: [
      [0, 20],
      [7, 8192],
      [3, 0],
    ],
    resumed: true,
  });
});

test('without the partial the journal is worth nothing', () => {
  note([0, 10]);
  rmSync(partialPath);
  assert.deepEqual(open(), { present: [], resumed: false });
});

test('a journal of another plan goes, and its partial with it', () => {
  note([0, 10]);
  assert.deepEqual(open('b'.repeat(64)), { present: [], resumed: false });
  assert.equal(existsSync(partialPath), false);
});

test('a plan whose name begins like another is another', () => {
  note([0, 10]);
  assert.equal(open(PLAN.slice(0, -1)).resumed, false);
});

test('a line that was cut is forgotten, and the next entry does not run into it', () => {
  note([0, 10], [1, 20]);
  const text = readFileSync(journalPath, 'utf8');
  writeFileSync(journalPath, text.slice(0, -2));
  note([2, 30]);
  assert.deepEqual(open().present, [
    [0, 10],
    [2, 30],
  ]);
});

test('whatever bytes follow the header, opening does not fail, and further entries are read back', () => {
  note();
  const header = readFileSync(journalPath);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
      writeFileSync(journalPath, Buffer.concat([header, garbage, Buffer.from('\n')]));
      note([123_456, 789]);
      assert.equal(new Map(open().present).get(123_456), 789);
    }),
    { numRuns: 200 },
  );
});

test('whatever bytes take the place of a journal, it begins anew', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
      writeFileSync(journalPath, garbage);
      writeFileSync(partialPath, '');
      assert.deepEqual(open(), { present: [], resumed: false });
    }),
    { numRuns: 200 },
  );
});

test('an entry that cannot be a number of bytes is passed over', () => {
  note();
  const lines = ['0 -1', '0 1e3', '0 0x10', ' 0 1', '0 1 ', '0  1', '00000000000 1', '0 12345678901234567'];
  writeFileSync(journalPath, `${lines.join('\n')}\n`, { flag: 'a' });
  assert.deepEqual(open().present, []);
});

test('a place that cannot be written is an error with a code', () => {
  mkdirSync(journalPath);
  writeFileSync(join(journalPath, 'x'), '');
  assert.throws(() => open(), { code: 'OUTPUT_UNWRITABLE' });
});
