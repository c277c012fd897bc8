import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildNative } from '../../../scripts/build-native.ts';
import { noise, temporaryFolder } from '../test/veritysetup.ts';
import { createBlockHasher, hasherReport } from './hasher.node.ts';
import type { BlockHasher } from './hasher.ts';
import { loadAddon, nativeState, streamKernel } from './native-addon.node.ts';
import { NativeHasher } from './native-hasher.node.ts';
import { addonPath, isBuiltFrom, nativeSourceSha256 } from './native-sources.node.ts';

const build = buildNative({ log: () => undefined });
const native = nativeState();
const kernels = native.addon?.kernels ?? [];
const addonIsMissing =
  native.addon === undefined && `no native addon here: ${build.reason}; ${native.reason}`;

function hashers(algorithm: 'sha256' | 'sha512', salt: Uint8Array, blockSizeBytes: number): BlockHasher[] {
  const pure = createBlockHasher({ algorithm, salt, blockSizeBytes, native: 'never' });
  if (algorithm !== 'sha256' || native.addon === undefined) return [pure];
  const { addon } = native;
  return [pure, ...kernels.map((kernel) => new NativeHasher({ addon, kernel, salt, blockSizeBytes }))];
}

function expectedDigests(
  algorithm: string,
  salt: Uint8Array,
  blockSizeBytes: number,
  data: Uint8Array,
): Uint8Array {
  const digests: Buffer[] = [];
  for (let at = 0; at < data.length; at += blockSizeBytes) {
    digests.push(
      createHash(algorithm)
        .update(salt)
        .update(data.subarray(at, at + blockSizeBytes))
        .digest(),
    );
  }
  return new Uint8Array(Buffer.concat(digests));
}

test('with a C compiler the addon is built, proven and taken', { skip: !build.built && build.reason }, () => {
  assert.ok(native.addon, native.reason);
  const report = hasherReport();
  assert.equal(report.native, true);
  assert.equal(report.implementation, `native ${native.kernel}`);
  assert.ok(kernels.includes(native.kernel));
  assert.equal(native.addon.sourceSha256, nativeSourceSha256());
});

test('all kernels and node:crypto make the same digests, for every length of salt', () => {
  const data = noise(35 * 512);
  for (let saltSizeBytes = 0; saltSizeBytes <= 256; saltSizeBytes += 1) {
    const salt = noise(saltSizeBytes, 3);
    const expected = expectedDigests('sha256', salt, 512, data);
    for (const hasher of hashers('sha256', salt, 512)) {
      const out = new Uint8Array(35 * 32);
      hasher.hashBlocks(data, out);
      assert.deepEqual(out, expected, `${hasher.implementation}, salt of ${saltSizeBytes} bytes`);
    }
  }
});

test('all kernels and node:crypto make the same digests, for every number and size of blocks, at any address', () => {
  const property = fc.property(
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(64, 128, 192, 512, 1024, 4096, 8192),
    fc.nat(256),
    fc.nat(63),
    fc.constantFrom('sha256', 'sha512'),
    (count, blockSizeBytes, saltSizeBytes, misalignment, algorithm) => {
      const salt = noise(saltSizeBytes, saltSizeBytes);
      const data = noise(misalignment + count * blockSizeBytes, count).subarray(misalignment);
      const expected = expectedDigests(algorithm, salt, blockSizeBytes, data);
      for (const hasher of hashers(algorithm, salt, blockSizeBytes)) {
        const room = new Uint8Array(expected.length + 2 * misalignment).fill(0xcc);
        const out = room.subarray(misalignment, misalignment + expected.length);
        hasher.hashBlocks(data, out);
        assert.deepEqual(out, expected, hasher.implementation);
        const around = [...room.subarray(0, misalignment), ...room.subarray(misalignment + expected.length)];
        assert.ok(around.every((byte) => byte === 0xcc));
      }
    },
  );
  fc.assert(property, { numRuns: 150 });
});

test('a stream beside blocks has the digest of its bytes, however they are split', () => {
  const piece = fc.record({ beside: fc.boolean(), size: fc.nat(300) });
  const property = fc.property(
    fc.array(piece, { maxLength: 12 }),
    fc.constantFrom(64, 512, 4096),
    fc.nat(256),
    (pieces, blockSizeBytes, saltSizeBytes) => {
      const salt = noise(saltSizeBytes, 5);
      for (const hasher of hashers('sha256', salt, blockSizeBytes)) {
        const stream = hasher.newStream();
        const whole = createHash('sha256');
        for (const [index, { beside, size }] of pieces.entries()) {
          const bytes = noise(beside ? (size % 6) * blockSizeBytes : size, index + 1);
          whole.update(bytes);
          if (!beside) {
            stream.update(bytes);
            continue;
          }
          const out = new Uint8Array((bytes.length / blockSizeBytes) * 32);
          hasher.hashBlocksAndStream(bytes, out, stream);
          assert.deepEqual(
            out,
            expectedDigests('sha256', salt, blockSizeBytes, bytes),
            hasher.implementation,
          );
        }
        assert.deepEqual(Buffer.from(stream.digest()), whole.digest(), hasher.implementation);
      }
    },
  );
  fc.assert(property, { numRuns: 150 });
});

test('a stream of another hasher, also a pure one, is taken', () => {
  const salt = noise(32);
  const bytes = noise(3 * 512);
  for (const from of hashers('sha256', salt, 512)) {
    for (const to of [...hashers('sha256', salt, 512), ...hashers('sha512', salt, 512)]) {
      const stream = from.newStream();
      to.hashBlocksAndStream(bytes, new Uint8Array(3 * 64), stream);
      assert.deepEqual(Buffer.from(stream.digest()), createHash('sha256').update(bytes).digest());
    }
  }
});

test('a stream whose digest was taken can not be used again', () => {
  for (const hasher of hashers('sha256', new Uint8Array(0), 512)) {
    const stream = hasher.newStream();
    stream.digest();
    assert.throws(() => {
      stream.update(new Uint8Array(1));
    });
    assert.throws(() => stream.digest());
  }
});

test('parts of blocks, and too little room for the digests, are refused', () => {
  for (const hasher of hashers('sha256', noise(8), 512)) {
    const refused = { code: 'PARAMETER_INVALID' };
    assert.throws(() => hasher.hashBlocks(new Uint8Array(513), new Uint8Array(64)), refused);
    assert.throws(() => hasher.hashBlocks(new Uint8Array(1024), new Uint8Array(63)), refused);
    const stream = hasher.newStream();
    assert.throws(() => hasher.hashBlocksAndStream(new Uint8Array(1), new Uint8Array(64), stream), refused);
    assert.throws(() => hasher.hashBlocksAndStream(new Uint8Array(512), new Uint8Array(0), stream), refused);
  }
});

test('hashers with impossible parameters are refused', () => {
  const good = { algorithm: 'sha256', salt: new Uint8Array(0), blockSizeBytes: 4096 } as const;
  for (const change of [
    { salt: new Uint8Array(257) },
    { blockSizeBytes: 0 },
    { blockSizeBytes: 100 },
    { blockSizeBytes: -64 },
    { blockSizeBytes: NaN },
    { blockSizeBytes: 2 ** 20 },
  ]) {
    assert.throws(() => createBlockHasher({ ...good, ...change }), { code: 'PARAMETER_INVALID' });
  }
  const algorithm = 'md5' as 'sha256';
  assert.throws(() => createBlockHasher({ ...good, algorithm }), { code: 'UNSUPPORTED' });
});

test('a hasher keeps its salt when the caller changes the array', () => {
  const data = noise(512);
  for (const make of [0, ...kernels.keys()].map((_, index) => index)) {
    const salt = noise(40);
    const expected = expectedDigests('sha256', salt, 512, data);
    const hasher = hashers('sha256', salt, 512)[make]!;
    salt.fill(0);
    const out = new Uint8Array(32);
    hasher.hashBlocks(data, out);
    assert.deepEqual(out, expected);
  }
});

test('the addon itself refuses arguments that do not fit', { skip: addonIsMissing }, () => {
  const addon = native.addon!;
  const kernel = kernels[0]!;
  const bytes = (sizeBytes: number) => new Uint8Array(sizeBytes);
  const call = addon.hashBlocks as (...words: unknown[]) => void;
  const bad: unknown[][] = [
    [],
    [kernel, bytes(0), 512, bytes(512)],
    ['no-such-kernel', bytes(0), 512, bytes(512), bytes(32)],
    ['a name that is far longer than any kernel has', bytes(0), 512, bytes(512), bytes(32)],
    [1, bytes(0), 512, bytes(512), bytes(32)],
    [kernel, bytes(257), 512, bytes(512), bytes(32)],
    [kernel, bytes(0), 0, bytes(512), bytes(32)],
    [kernel, bytes(0), 100, bytes(100), bytes(32)],
    [kernel, bytes(0), 2 ** 20, bytes(2 ** 20), bytes(32)],
    [kernel, bytes(0), 512, bytes(511), bytes(32)],
    [kernel, bytes(0), 512, bytes(1024), bytes(63)],
    [kernel, bytes(0), 512, new Uint32Array(128), bytes(32)],
    [kernel, bytes(0), 512, 'text', bytes(32)],
    [kernel, undefined, 512, bytes(512), bytes(32)],
  ];
  for (const words of bad) assert.throws(() => call(...words), RangeError, JSON.stringify(words.slice(0, 3)));
  if (!kernels.includes(streamKernel)) return;
  const withStream = addon.hashBlocksAndStream as (...words: unknown[]) => void;
  const state = bytes(addon.streamStateSizeBytes - 1);
  assert.throws(() => withStream(streamKernel, bytes(0), 512, bytes(512), bytes(32), state), RangeError);
  assert.throws(() => addon.streamUpdate!(state, bytes(1)), RangeError);
  assert.throws(() => addon.streamFinish!(bytes(addon.streamStateSizeBytes), bytes(31)), RangeError);
});

test(
  'an addon of other sources, one that is cut off, and none are not loaded, and the reason is told',
  {
    skip: addonIsMissing,
  },
  () => {
    using folder = temporaryFolder();
    const good = readFileSync(addonPath);
    const sourceSha256 = nativeSourceSha256();
    assert.ok(isBuiltFrom(sourceSha256, good));
    const load = (name: string, bytes: Uint8Array) => {
      const path = folder.path(name);
      writeFileSync(path, bytes);
      return loadAddon(path);
    };

    const other = Buffer.from(good.toString('latin1').replaceAll(sourceSha256, 'f'.repeat(64)), 'latin1');
    for (const [state, reason] of [
      [load('other.node', other), /other sources/u],
      [load('text.node', Buffer.from(sourceSha256)), /could not be loaded/u],
      [load('cut.node', good.subarray(0, good.length / 2)), /other sources|could not be loaded/u],
      [loadAddon(folder.path('none.node')), /is not there/u],
    ] as const) {
      assert.equal(state.addon, undefined);
      assert.match(state.reason, reason);
    }
  },
);

test('VITRINE_NATIVE=never keeps to node:crypto, and says so', () => {
  const module = JSON.stringify(new URL('./hasher.node.ts', import.meta.url).href);
  const run = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { createBlockHasher, hasherReport } from ${module};
       const { implementation } = createBlockHasher({ algorithm: 'sha256', salt: new Uint8Array(0), blockSizeBytes: 4096 });
       console.log(JSON.stringify([implementation, hasherReport()]));`,
    ],
    { encoding: 'utf8', env: { ...process.env, VITRINE_NATIVE: 'never' }, timeout: 20_000 },
  );
  const [implementation, report] = JSON.parse(run.stdout) as [string, ReturnType<typeof hasherReport>];
  assert.equal(implementation, 'node:crypto');
  assert.deepEqual(report, {
    implementation: 'node:crypto',
    native: false,
    reason: 'VITRINE_NATIVE is "never"',
  });
});
