import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VerityError, type VerityErrorCode } from './error.ts';
import type { VerityParameters } from './parameters.ts';
import { decodeSuperblock, encodeSuperblock, superblockSizeBytes } from './superblock.ts';

const parameters: VerityParameters = {
  hashType: 1,
  algorithm: 'sha256',
  dataBlockSizeBytes: 4096,
  hashBlockSizeBytes: 4096,
  dataBlockCount: 513,
  salt: new Uint8Array(32).fill(0xa5),
  uuid: new Uint8Array(16).fill(0x5a),
};

const anyParameters: fc.Arbitrary<VerityParameters & { uuid: Uint8Array }> = fc.record({
  hashType: fc.constant(1),
  algorithm: fc.constantFrom('sha256', 'sha512'),
  dataBlockSizeBytes: fc.integer({ min: 9, max: 19 }).map((power) => 2 ** power),
  hashBlockSizeBytes: fc.integer({ min: 9, max: 19 }).map((power) => 2 ** power),
  dataBlockCount: fc.integer({ min: 1, max: 2 ** 34 }),
  salt: fc.uint8Array({ maxLength: 256, size: 'max' }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
});

function codeOf(bytes: Uint8Array): VerityErrorCode | undefined {
  try {
    decodeSuperblock(bytes);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof VerityError, String(error));
    return error.code;
  }
}

function changed(change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = encodeSuperblock(parameters);
  change(bytes, new DataView(bytes.buffer));
  return bytes;
}

test('a superblock decodes to the parameters that it was made of', () => {
  fc.assert(
    fc.property(anyParameters, (made) => {
      assert.deepEqual(decodeSuperblock(encodeSuperblock(made)), { ...made });
    }),
  );
});

test('the fields are where the format has them', () => {
  const view = new DataView(encodeSuperblock(parameters).buffer);
  assert.equal(Buffer.from(view.buffer, 0, 8).toString('latin1'), 'verity\0\0');
  assert.deepEqual(
    [8, 12, 64, 68].map((at) => view.getUint32(at, true)),
    [1, 1, 4096, 4096],
  );
  assert.equal(view.getBigUint64(72, true), 513n);
  assert.equal(view.getUint16(80, true), 32);
  assert.equal(view.getUint8(88), 0xa5);
  assert.equal(view.getUint8(16), 0x5a);
});

test('every single flipped bit is refused, or decodes to other parameters and to no second reading of them', () => {
  const good = encodeSuperblock(parameters);
  const decodable = new Set<number>();
  for (let bit = 0; bit < superblockSizeBytes * 8; bit += 1) {
    const bytes = good.slice();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    if (codeOf(bytes) !== undefined) continue;
    decodable.add(bit >> 3);
    assert.deepEqual(encodeSuperblock(decodeSuperblock(bytes)), bytes, `bit ${bit}`);
  }
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  // UUID, the low bytes of the block count (2^41 blocks of 4096 bytes are the most), and the salt. Not the salt's
  // size: a shorter salt leaves bytes behind it, and a longer one has another length than its bytes' padding says ...
  const unless = (at: number) => !(at === 80 || at === 81);
  assert.deepEqual(
    [...decodable].filter(unless).sort((a, b) => a - b),
    [...range(16, 32), ...range(72, 78), ...range(88, 120)],
  );
  // ... except that zeros may be part of the salt.
  for (const at of [80, 81]) {
    for (let bit = 0; bit < 8; bit += 1) {
      const sizeBytes = at === 80 ? 32 ^ (1 << bit) : 32 + (256 << bit);
      const bytes = changed((all) => {
        all[at]! ^= 1 << bit;
      });
      const fits = sizeBytes >= 32 && sizeBytes <= 256;
      assert.equal(codeOf(bytes), fits ? undefined : 'SUPERBLOCK_INVALID', `salt of ${sizeBytes}`);
    }
  }
});

const refused: [string, VerityErrorCode, Uint8Array][] = [
  ['of no bytes', 'TRUNCATED', new Uint8Array(0)],
  ['of 511 bytes', 'TRUNCATED', encodeSuperblock(parameters).subarray(0, 511)],
  ['with a byte too many', 'SUPERBLOCK_INVALID', new Uint8Array([...encodeSuperblock(parameters), 0])],
  ['of zeros', 'NOT_VERITY', new Uint8Array(512)],
  ['with the magic in capitals', 'NOT_VERITY', changed((bytes) => bytes.set([0x56], 0))],
  ['of version 0', 'UNSUPPORTED', changed((_, view) => view.setUint32(8, 0, true))],
  ['of version 2', 'UNSUPPORTED', changed((_, view) => view.setUint32(8, 2, true))],
  ['of hash type 0', 'UNSUPPORTED', changed((_, view) => view.setUint32(12, 0, true))],
  ['of hash type 2', 'UNSUPPORTED', changed((_, view) => view.setUint32(12, 2, true))],
  ['with the algorithm sha1', 'UNSUPPORTED', changed((bytes) => bytes.set([0x31, 0, 0, 0], 35))],
  ['with an algorithm in capitals', 'UNSUPPORTED', changed((bytes) => bytes.set([0x53], 32))],
  ['without an algorithm', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.fill(0, 32, 64))],
  ['with an algorithm without an end', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.fill(0x61, 32, 64))],
  ['with bytes behind the algorithm', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.set([1], 63))],
  ['with data blocks of 0 bytes', 'SUPERBLOCK_INVALID', changed((_, view) => view.setUint32(64, 0, true))],
  [
    'with data blocks of 256 bytes',
    'SUPERBLOCK_INVALID',
    changed((_, view) => view.setUint32(64, 256, true)),
  ],
  [
    'with data blocks of 4095 bytes',
    'SUPERBLOCK_INVALID',
    changed((_, view) => view.setUint32(64, 4095, true)),
  ],
  [
    'with hash blocks of 2 GiB',
    'SUPERBLOCK_INVALID',
    changed((_, view) => view.setUint32(68, 2 ** 31, true)),
  ],
  ['without data', 'SUPERBLOCK_INVALID', changed((_, view) => view.setBigUint64(72, 0n, true))],
  ['with 2^64 - 1 blocks', 'UNSUPPORTED', changed((_, view) => view.setBigUint64(72, 2n ** 64n - 1n, true))],
  [
    'with 2^41 blocks of 4096 bytes',
    'UNSUPPORTED',
    changed((_, view) => view.setBigUint64(72, 2n ** 41n, true)),
  ],
  ['with a salt of 257 bytes', 'SUPERBLOCK_INVALID', changed((_, view) => view.setUint16(80, 257, true))],
  ['with a salt cut short', 'SUPERBLOCK_INVALID', changed((_, view) => view.setUint16(80, 31, true))],
  ['with bytes before the salt', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.set([1], 87))],
  ['with bytes behind the salt', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.set([1], 120))],
  ['with bytes at its end', 'SUPERBLOCK_INVALID', changed((bytes) => bytes.set([1], 511))],
];
for (const [what, code, bytes] of refused) {
  test(`a superblock ${what} is refused with ${code}`, () => {
    assert.equal(codeOf(bytes), code);
  });
}

test('whatever the bytes, decoding answers or fails with a code', () => {
  const nearly = fc
    .array(fc.tuple(fc.nat(511), fc.nat(255)), { minLength: 1, maxLength: 8 })
    .map((changes) => changed((bytes) => changes.forEach(([at, value]) => bytes.set([value], at))));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600, size: 'max' }), nearly), (bytes) => {
      codeOf(bytes);
    }),
  );
});

const impossible: [string, VerityErrorCode, object][] = [
  ['hash type 0', 'UNSUPPORTED', { hashType: 0 }],
  ['the algorithm md5', 'UNSUPPORTED', { algorithm: 'md5' }],
  ['the algorithm toString', 'UNSUPPORTED', { algorithm: 'toString' }],
  ['data blocks of 1000 bytes', 'PARAMETER_INVALID', { dataBlockSizeBytes: 1000 }],
  ['hash blocks of 1 MiB', 'PARAMETER_INVALID', { hashBlockSizeBytes: 2 ** 20 }],
  ['no data blocks', 'PARAMETER_INVALID', { dataBlockCount: 0 }],
  ['half a data block', 'PARAMETER_INVALID', { dataBlockCount: 0.5 }],
  ['not a number of data blocks', 'PARAMETER_INVALID', { dataBlockCount: NaN }],
  ['2^53 bytes of data', 'PARAMETER_INVALID', { dataBlockCount: 2 ** 41 }],
  ['a salt of 257 bytes', 'PARAMETER_INVALID', { salt: new Uint8Array(257) }],
  ['a UUID of 15 bytes', 'PARAMETER_INVALID', { uuid: new Uint8Array(15) }],
];
for (const [what, code, change] of impossible) {
  test(`parameters with ${what} are refused with ${code}`, () => {
    assert.throws(() => encodeSuperblock({ ...parameters, ...change }), { name: 'VerityError', code });
  });
}
