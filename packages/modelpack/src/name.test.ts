import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPackName, formatUuid, packSalt, packUuid, parsePackName } from './name.ts';

/** Name, UUID (version 5 in the URL namespace of the name and `-inner`), salt (SHA-256 of the name): by another implementation. */
const KNOWN = [
  [
    'meta-llama/Llama-3.1-8B@0123456789abcdef0123456789abcdef01234567',
    'a4ead8a1-8569-541f-bb15-60d07901bcc1',
    '2faeefc7c9c17464306f85c83cc007a2e749ebbb0a59ce0e09f5e29be4a75b33',
  ],
  [
    'a/b@c',
    '25a6b47d-e12b-5d49-8a5b-1e2330913762',
    'fdd11077ff89f6bf1202f791588f0b0828346d2c5e128db2317b8c416d9fbf01',
  ],
  [
    'o_1/n.2-x@模型',
    '3a5cc8f2-3ac6-5e98-a8ef-e3e704b41dcb',
    'eb684f1530ac3f311e4cb2a89bf8352735c1356baafbaf62b18079eed7222a4b',
  ],
] as const;

for (const [text, uuid, salt] of KNOWN) {
  test(`UUID and salt of ${text} are the known ones`, () => {
    const name = parsePackName(text);
    assert.equal(formatUuid(packUuid(name)), uuid);
    assert.equal(Buffer.from(packSalt(name)).toString('hex'), salt);
  });
}

test('a UUID says that it is version 5 of the variant of RFC 4122', () => {
  for (let i = 0; i < 50; i++) {
    const uuid = packUuid(parsePackName(`a/b@${i}`));
    assert.equal(uuid[6]! >> 4, 5);
    assert.equal(uuid[8]! >> 6, 0b10);
  }
});

test('owner, name and revision each change UUID and salt', () => {
  const names = ['a/b@c', 'x/b@c', 'a/x@c', 'a/b@x', 'A/b@c'].map(parsePackName);
  assert.equal(new Set(names.map((name) => formatUuid(packUuid(name)))).size, names.length);
  assert.equal(new Set(names.map((name) => Buffer.from(packSalt(name)).toString('hex'))).size, names.length);
});

test('a name is taken apart at the first @, and put together again', () => {
  assert.deepEqual(parsePackName('o/n@v1'), { owner: 'o', name: 'n', revision: 'v1' });
  for (const text of [
    'o/n@v1',
    'o/n@v@2',
    'O_1/a.b-c_d@main',
    `${'o'.repeat(96)}/${'n'.repeat(96)}@${'r'.repeat(200)}`,
    'a/b@.hidden',
    'a/b@模型 1',
    'a/b@...',
  ]) {
    assert.equal(formatPackName(parsePackName(text)), text);
  }
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'no revision'],
  ['a/b', 'no revision'],
  ['a/b@', 'an empty revision'],
  ['b@c', 'no owner'],
  ['/b@c', 'an empty owner'],
  ['a/@c', 'an empty name'],
  ['a/b/c@d', 'a slash too many'],
  ['a//b@c', 'an empty part'],
  ['../b@c', 'an owner that leads out'],
  ['a/..@c', 'a name that leads out'],
  ['./b@c', 'an owner that is here'],
  ['a/.@c', 'a name that is here'],
  ['.a/b@c', 'a dot in front'],
  ['a/b.@c', 'a dot at the end'],
  ['-a/b@c', 'a hyphen in front'],
  ['a/b-@c', 'a hyphen at the end'],
  ['a--b/c@d', 'two hyphens'],
  ['a/b..c@d', 'two dots'],
  ['a b/c@d', 'a blank'],
  ['a/模型@c', 'other letters'],
  ['a\\b/c@d', 'a backslash'],
  ['a/b\0@c', 'a NUL in the name'],
  ['a/b\n@c', 'a line end in the name'],
  [`${'o'.repeat(97)}/n@r`, 'a long owner'],
  [`o/${'n'.repeat(97)}@r`, 'a long name'],
  ['a/b@c/d', 'a slash in the revision'],
  ['a/b@../../etc', 'a revision that leads out'],
  ['a/b@.', 'a revision that is here'],
  ['a/b@..', 'a revision that is above'],
  ['a/b@c\0', 'a NUL in the revision'],
  ['a/b@c\n', 'a line end behind the revision'],
  ['a/b@\x1b[31m', 'an escape in the revision'],
  ['a/b@\x7f', 'a delete character in the revision'],
  ['a/b@\ud800', 'half a surrogate pair'],
  [`a/b@${'r'.repeat(201)}`, 'a long revision'],
  [`a/b@${'模'.repeat(67)}`, 'a revision of few characters and many bytes'],
];

for (const [text, what] of REFUSED) {
  test(`${what} is refused: ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.throws(() => parsePackName(text), { name: 'PackError', code: 'NAME_INVALID' });
  });
}

test('no text makes the parser slow', () => {
  for (const text of [
    `${'a-'.repeat(100_000)}/b@c`,
    `${'a'.repeat(100_000)}--@c`,
    `a/b@${'.'.repeat(100_000)}`,
  ]) {
    assert.throws(() => parsePackName(text), { code: 'NAME_INVALID' });
  }
});
