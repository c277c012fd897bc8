import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProgressLine } from './progress-line.ts';
import { type Terminal, formatBytes, formatDuration, mark, paint, plain } from './terminal.ts';

function terminal(isTTY: boolean, env: Record<string, string> = {}): Terminal & { written: string[] } {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), isTTY, columns: 40 };
  return { stdout: output, stderr: output, env, signal: new AbortController().signal, written };
}

test('colours are for terminals, and not where NO_COLOR is set', () => {
  const painted = (at: Terminal): string => paint(at, at.stderr, 31, 'x');
  assert.equal(painted(terminal(true)), '\u001b[31mx\u001b[0m');
  assert.equal(painted(terminal(true, { NO_COLOR: '' })), '\u001b[31mx\u001b[0m');
  assert.equal(painted(terminal(true, { NO_COLOR: '1' })), 'x');
  assert.equal(painted(terminal(false)), 'x');
  const piped = terminal(false);
  const marks = (['pass', 'fail', 'not-checked'] as const).map((verdict) =>
    mark(piped, piped.stdout, verdict),
  );
  assert.deepEqual(marks, ['✓', '✗', '–']);
});

test('text from elsewhere cannot steer a terminal, and what is harmless stays as it is', () => {
  assert.equal(plain('model ünïcode 模型.bin'), 'model ünïcode 模型.bin');
  assert.equal(plain('\u001b[2J\r\n\u009b'), '\\u{1b}[2J\\u{d}\\u{a}\\u{9b}');
  assert.equal(plain('a\u202eb'), 'a\\u{202e}b');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(plain(text), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('sizes and durations are written as people read them', () => {
  const sizes = [0, 999, 1000, 999_499, 999_500, 1_234_567, 2e15].map(formatBytes);
  assert.deepEqual(sizes, ['0 B', '999 B', '1.00 kB', '999 kB', '1.00 MB', '1.23 MB', '2.00 PB']);
  assert.deepEqual([0.4, 59.4, 60, 3599, 7260].map(formatDuration), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '2 h 1 min',
  ]);
});

test('a progress line is drawn on a terminal only', () => {
  const piped = terminal(false);
  const line = new ProgressLine(piped);
  line.update('packing', 1, 2);
  line.clear();
  assert.deepEqual(piped.written, []);
});

test('a progress line stays within the width, says no name that steers the terminal, and clears itself', () => {
  const shown = terminal(true);
  let nowMs = 0;
  const line = new ProgressLine(shown, () => nowMs);
  line.update('packing', 0, 1000, 'a\u001b[31m');
  nowMs = 1000;
  line.update('packing', 500, 1000, `a\nb${'long'.repeat(50)}`);
  line.clear();
  assert.equal(shown.written.length, 3);
  const frame = '\r\u001b[K';
  for (const text of shown.written) {
    assert.ok(text.startsWith(frame));
    const rest = text.slice(frame.length);
    assert.ok(Array.from(rest).length <= 39);
    assert.equal(rest, plain(rest));
  }
  assert.match(shown.written[1]!, /packing 50 % · 500 B of 1.00 kB/);
  line.clear();
  assert.equal(shown.written.length, 3);
});

test('a progress line is not redrawn for every event, and needs no total', () => {
  const shown = terminal(true);
  let nowMs = 0;
  const line = new ProgressLine(shown, () => nowMs);
  for (; nowMs < 1000; nowMs++) line.update('packing', 0, 0);
  assert.equal(shown.written.length, 10);
  assert.match(shown.written[0]!, /packing 100 %/);
});
