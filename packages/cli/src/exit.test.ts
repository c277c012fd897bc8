import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnreadableError, UsageError, codeOf, exitStatusOf } from './exit.ts';

function withCode(code: unknown): Error {
  return Object.assign(new Error('x'), { code });
}

test('contents that are wrong give 1, wrong words 2, what could not be done 3, an interruption 130', () => {
  const expected: [string, number][] = [
    ['CONTENT_MISMATCH', 1],
    ['ROOT_MISMATCH', 1],
    ['DATA_BLOCK_MISMATCH', 1],
    ['TRUNCATED', 1],
    ['PACK_INVALID', 1],
    ['NAME_INVALID', 2],
    ['PARAMETER_INVALID', 2],
    ['INPUT_INVALID', 2],
    ['SOURCE_MISSING', 2],
    ['FIRMWARE_MALFORMED', 3],
    ['KERNEL_MALFORMED', 3],
    ['UNAUTHORIZED', 3],
    ['DISK_FULL', 3],
    ['OUTPUT_BUSY', 3],
    ['ENOENT', 3],
    ['ABORTED', 130],
  ];
  for (const [code, status] of expected) assert.equal(exitStatusOf(withCode(code)), status, code);
  assert.equal(exitStatusOf(new UsageError('x')), 2);
  assert.equal(exitStatusOf(new UnreadableError('x')), 3);
});

test('no error at all, however strange, gives status 0', () => {
  for (const thrown of [
    new Error('x'),
    withCode(0),
    withCode('EPIPE'),
    undefined,
    null,
    'x',
    0,
    { code: 'ABORTED' },
  ]) {
    assert.equal(exitStatusOf(thrown), 3);
  }
});

test('only a code that is text is one', () => {
  assert.equal(codeOf(withCode('X')), 'X');
  for (const thrown of [withCode(7), new Error('x'), { code: 'X' }, null])
    assert.equal(codeOf(thrown), undefined);
});
