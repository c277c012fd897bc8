import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable, printableUrl, quoted } from './printable.ts';

test('controls, direction marks and line separators are spelled out', () => {
  assert.equal(
    printable('a\u001b[31m\n\u0085\u202e\u2028\ufeff\ud800é漢'),
    'a\\u{1b}[31m\\u{a}\\u{85}\\u{202e}\\u{2028}\\u{feff}\\u{d800}é漢',
  );
});

test('no text reaches the terminal with a control in it, or without end', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const shown = printable(text, 100);
      assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      assert(shown.length <= 1001);
    }),
  );
});

test('values that are not text are shown as JSON', () => {
  assert.equal(quoted('a"b'), '"a"b"');
  assert.equal(quoted(7), '7');
  assert.equal(quoted(null), 'null');
  assert.equal(quoted(undefined), 'undefined');
  assert.equal(quoted(['a\n']), '["a\\n"]');
});

test('a URL is shown without its query', () => {
  assert.equal(printableUrl(new URL('https://x.example/a%20b?Signature=s')), 'https://x.example/a%20b?…');
  assert.equal(printableUrl(new URL('https://x.example/a')), 'https://x.example/a');
});
