/** What the demo shows of a command and of what it said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { besidesTicks, reasonOf, typed, whole } from './command.ts';

const hash = 'ab'.repeat(32);
const ended = {
  status: 1,
  stderr: '',
  stdout: `https://localhost:1 (vitrine), as of now

Channel
  ✓ gpu0: genuine
  ✓ gpu1: genuine
  – gpu0: revocation: not checked (not required): nobody was asked
  ✗ The key of this very connection is the attested one: TLS_KEY_MISMATCH: expected ${hash}; found 00; somebody stands between
  – Another: not checked: https://localhost:1/path?nonce=${hash}: no answer

✗ NOT VERIFIED: 1 check failed (TLS_KEY_MISMATCH)
`,
};

test('a command is shown as it was typed, with one mirror of many, and paths below the folder', () => {
  const words = ['verify', 'URL', '--mirror', 'a=b', '--mirror', 'c=d', '--tls-ca', '/repository/out/ca.pem'];
  assert.equal(
    typed(words, '/repository'),
    '$ node packages/cli/src/main.ts verify URL --mirror a=b --tls-ca out/ca.pem (and 1 more)',
  );
});

test('a whole output has everything but the second GPU, with short hashes', () => {
  const lines = whole(ended);
  assert.equal(lines.length, 7);
  assert.ok(lines.includes('  ✓ gpu0: genuine'));
  assert.ok(lines.some((line) => line.includes('expected abababab…; found 00')));
});

test('ticks are counted, everything else is shown', () => {
  const lines = besidesTicks(ended);
  assert.equal(lines[1], '  ✓ 2 checks hold');
  assert.equal(lines.filter((line) => /^ *[✗–]/.test(line)).length, 4);
});

test('the reason is the line with the code, without the code', () => {
  assert.equal(
    reasonOf(ended, 'TLS_KEY_MISMATCH'),
    'The key of this very connection is the attested one: expected abababab…; found 00; somebody stands between',
  );
});

test('where no line has the code the reason is the first that is not ticked and was demanded', () => {
  const stdout = ended.stdout.replace(/^ {2}✗ The key.*\n/m, '');
  assert.equal(reasonOf({ ...ended, stdout }, 'TIMEOUT'), 'Another: not checked: no answer');
});
