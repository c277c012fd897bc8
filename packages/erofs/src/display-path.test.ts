import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesToPath, pathToBytes } from './display-path.ts';

const utf8 = new TextEncoder();

test('a path of well-formed UTF-8 is shown as it is, with its byte order mark and separators', () => {
  for (const path of ['', 'a/b', 'модель', '모델/🧊', '\ufeffbom', 'a\ufffdb', 'e\u0301']) {
    assert.equal(bytesToPath(utf8.encode(path)), path);
    assert.deepEqual(pathToBytes(path), utf8.encode(path));
  }
});

test('a byte that is no UTF-8 is shown in hexadecimal, and the characters beside it as they are', () => {
  const cases: [number[], string][] = [
    [[0xff], '\\xff'],
    [[0x61, 0xc3], 'a\\xc3'],
    [[0xc3, 0xa9, 0xc3, 0x28], 'é\\xc3('],
    [[0xc0, 0xaf], '\\xc0\\xaf'],
    [[0xed, 0xa0, 0x80], '\\xed\\xa0\\x80'],
    [[0xf4, 0x90, 0x80, 0x80], '\\xf4\\x90\\x80\\x80'],
    [[0xe2, 0x82], '\\xe2\\x82'],
  ];
  for (const [bytes, shown] of cases) assert.equal(bytesToPath(Uint8Array.from(bytes)), shown);
});

test('control characters never reach a terminal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      // eslint-disable-next-line no-control-regex -- Control characters are what may not be there.
      assert.doesNotMatch(bytesToPath(bytes), /[\u0000-\u001f\u007f-\u009f]/u);
    }),
  );
  assert.equal(bytesToPath(utf8.encode('a\u001b[2J\u009bm\u007f\n')), 'a\\x1b[2J\\xc2\\x9bm\\x7f\\x0a');
});

test('a path that is shown leads back to its very bytes, so no two look the same', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary' }).map((text) => utf8.encode(text)),
    fc.array(fc.constantFrom(0x5c, 0x78, 0x35, 0x63, 0xff, 0xc3, 0xa9)).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (path) => assert.deepEqual(pathToBytes(bytesToPath(path)), Uint8Array.from(path))),
    { numRuns: 2000 },
  );
});

test('a backslash that begins no byte is itself', () => {
  for (const path of ['\\', 'a\\b', '\\x', '\\x4', '\\xFF', '\\xg0']) {
    assert.deepEqual(pathToBytes(path), utf8.encode(path));
  }
});
