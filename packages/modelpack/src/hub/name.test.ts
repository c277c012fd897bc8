import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HubError } from './error.ts';
import { checkRepo, checkRevision, isCommit } from './name.ts';

function isRefused(check: () => void): void {
  assert.throws(check, (error) => error instanceof HubError && error.code === 'PARAMETER_INVALID');
}

void describe('repository names', () => {
  for (const name of [
    'owner/name',
    'meta-llama/Llama-3.2-1B',
    'a/b',
    '_a_/b_',
    '0-1/2.3',
    `${'a'.repeat(96)}/${'b'.repeat(96)}`,
  ]) {
    test(`may be ${name.slice(0, 40)}`, () => {
      checkRepo(name);
    });
  }

  for (const name of [
    '',
    '/',
    'name',
    'owner/',
    '/name',
    'owner/name/',
    'a/b/c',
    'owner/na--me',
    'owner/na..me',
    'owner/..',
    '../name',
    'owner/.name',
    'owner/name.',
    'owner/-name',
    'owner/name-',
    'owner/name.git',
    'owner/na me',
    'owner/näme',
    'owner/name@main',
    'owner/name?x',
    'owner/name#x',
    'owner/na%2fme',
    'owner\\name',
    'owner/name\n',
    'owner/name\0',
    `a/${'b'.repeat(97)}`,
    'https://huggingface.co/owner/name',
  ]) {
    test(`may not be ${JSON.stringify(name).slice(0, 40)}`, () => {
      isRefused(() => checkRepo(name));
    });
  }

  test('without an owner are told what is missing', () => {
    assert.throws(() => checkRepo('gpt2'), /has no owner.*root hash depends on the full name/);
  });
});

void describe('revisions', () => {
  for (const revision of [
    'main',
    'v1.0',
    'refs/pr/1',
    'feature/a-b_c',
    'a@b',
    'ü',
    '0'.repeat(40),
    'a'.repeat(255),
  ]) {
    test(`may be ${revision.slice(0, 40)}`, () => {
      checkRevision(revision);
    });
  }

  for (const revision of [
    '',
    '@',
    '.',
    '..',
    'a..b',
    'main@{1}',
    '/main',
    'main/',
    'a//b',
    'a/.b',
    '.main',
    'main.',
    'main.lock',
    'a.lock/b',
    '-main',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    'a\nb',
    'a\0',
    'a\u007f',
    'a\ud800',
    'a'.repeat(256),
    'é'.repeat(128),
  ]) {
    test(`may not be ${JSON.stringify(revision).slice(0, 40)}`, () => {
      isRefused(() => checkRevision(revision));
    });
  }
});

test('a commit is 40 lower-case hex digits and nothing else', () => {
  assert(isCommit('0123456789abcdef0123456789abcdef01234567'));
  for (const text of [
    '',
    'main',
    '0'.repeat(39),
    '0'.repeat(41),
    'A'.repeat(40),
    `${'0'.repeat(40)}\n`,
    'g'.repeat(40),
  ]) {
    assert(!isCommit(text), JSON.stringify(text));
  }
});
