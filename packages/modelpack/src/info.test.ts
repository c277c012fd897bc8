import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatInfo, parseInfo } from './info.ts';

const ROOT = '0123456789abcdef'.repeat(4);
const UUID = '25a6b47d-e12b-5d49-8a5b-1e2330913762';

test('an info is root, offset and UUID with underscores, and no line end', () => {
  const info = { rootHash: ROOT, hashOffsetBytes: 62_578_688_000, uuid: UUID };
  assert.equal(formatInfo(info), `${ROOT}_62578688000_${UUID}`);
  assert.deepEqual(parseInfo(`${ROOT}_62578688000_${UUID}`), info);
});

test('what is written is read back', () => {
  const digits = (length: number): fc.Arbitrary<string> =>
    fc
      .uint8Array({ minLength: length / 2, maxLength: length / 2 })
      .map((bytes) => Buffer.from(bytes).toString('hex'));
  const info = fc.record(
    {
      rootHash: digits(64),
      hashOffsetBytes: fc.integer({ min: 1, max: 2 ** 41 - 1 }).map((blocks) => blocks * 4096),
      uuid: digits(32).map((hex) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')),
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(info, (given) => assert.deepEqual(parseInfo(formatInfo(given)), given)));
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['a root alone', ROOT],
  ['no UUID', `${ROOT}_4096`],
  ['a root with capitals', `${ROOT.toUpperCase()}_4096_${UUID}`],
  ['a short root', `${ROOT.slice(1)}_4096_${UUID}`],
  ['a long root', `${ROOT}0_4096_${UUID}`],
  ['an offset of zero', `${ROOT}_0_${UUID}`],
  ['an offset that is negative', `${ROOT}_-4096_${UUID}`],
  ['an offset with a zero in front', `${ROOT}_04096_${UUID}`],
  ['an offset with a sign', `${ROOT}_+4096_${UUID}`],
  ['an offset in hexadecimal', `${ROOT}_0x1000_${UUID}`],
  ['an offset with an exponent', `${ROOT}_4096e3_${UUID}`],
  ['an offset that is no multiple of 4096', `${ROOT}_4095_${UUID}`],
  ['an offset of 512 bytes', `${ROOT}_512_${UUID}`],
  ['an offset beyond 2^53', `${ROOT}_9007199254740992_${UUID}`],
  ['an offset of many digits', `${ROOT}_${'4096'.repeat(10)}_${UUID}`],
  ['a UUID with capitals', `${ROOT}_4096_${UUID.toUpperCase()}`],
  ['a UUID without hyphens', `${ROOT}_4096_${UUID.replaceAll('-', '')}`],
  ['a line end', `${ROOT}_4096_${UUID}\n`],
  ['a blank in front', ` ${ROOT}_4096_${UUID}`],
  ['something behind', `${ROOT}_4096_${UUID}_x`],
  ['two lines', `${ROOT}_4096_${UUID}\n${ROOT}_4096_${UUID}`],
];

for (const [what, text] of REFUSED) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseInfo(text), { name: 'PackError', code: 'INFO_INVALID' });
  });
}

test('a message shows no more than the beginning of a long text', () => {
  assert.throws(
    () => parseInfo('x'.repeat(1_000_000)),
    ({ message }: Error) => message.length < 400,
  );
});
