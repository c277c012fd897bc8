/** What a policy file may be, beyond the vectors: sizes, bytes, places, and any damage at all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { VerifierError } from '../../src/error.ts';
import { PolicyFileError, defaultPolicy, formatPolicy, parsePolicy } from '../../src/policy-file/index.ts';
import { goodNames, readVector } from './vectors.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const runs = process.env['VITRINE_LONG'] === '1' ? 20_000 : 250;

async function refusal(bytes: Uint8Array): Promise<PolicyFileError> {
  try {
    await parsePolicy(bytes);
  } catch (error) {
    if (error instanceof PolicyFileError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'the policy was accepted' });
}

describe('parsePolicy', () => {
  test('a version and a name alone are the built-in default', async () => {
    const policy = await parsePolicy(utf8('version: 1\nname: built-in default\n'));
    assert.deepEqual({ ...policy, sha256: '' }, defaultPolicy());
  });

  test('a builder of whom only the repository is said builds as the default of that repository', async () => {
    const policy = await parsePolicy(
      utf8('version: 1\nname: x\ncode: {builders: [{repository: owner/name}]}\n'),
    );
    assert.deepEqual(policy.code.builders, defaultPolicy({ repository: 'owner/name' }).code.builders);
  });

  test('the hash is that of the bytes, comments included', async () => {
    const policy = await parsePolicy(utf8('version: 1\nname: x\n'));
    assert.equal(policy.sha256, 'daa31caba62f35fdf58d0ccbdedfe727152463d41d6d41f2426f0854b97b6cb2');
    const other = await parsePolicy(utf8('version: 1\nname: x\n#\n'));
    assert.notEqual(other.sha256, policy.sha256);
  });

  test('hexadecimal digits may be of either case and are read as lower case', async () => {
    const root = 'aB'.repeat(32);
    const policy = await parsePolicy(utf8(`version: 1\nname: x\nmeasurements: {model-roots: [${root}]}\n`));
    assert.deepEqual(policy.measurements.modelRoots, ['ab'.repeat(32)]);
  });

  test('digits that look like a number keep every one of them', async () => {
    const root = '1'.repeat(64);
    const policy = await parsePolicy(
      utf8(`version: 1\nname: x\nmeasurements: {model-roots: [${root}, 0e${'1'.repeat(62)}]}\n`),
    );
    assert.deepEqual(policy.measurements.modelRoots, [root, `0e${'1'.repeat(62)}`]);
    const driver = await parsePolicy(
      utf8('version: 1\nname: x\ndevices: {minimum-driver-version: 550.90}\n'),
    );
    assert.equal(driver.devices.minimumDriverVersion, '550.90');
  });

  test('levels that a floor leaves out are the built-in ones, never none', async () => {
    const policy = await parsePolicy(
      utf8(
        'version: 1\nname: x\nhardware: {sev-snp: {products: [Genoa], minimum-tcb: {Genoa: {snp: 30}}}}\n',
      ),
    );
    assert.deepEqual(policy.hardware.snp.minimumTcb, {
      Genoa: { bootloader: 7, tee: 0, snp: 30, microcode: 84 },
      'Genoa-X': { bootloader: 7, tee: 0, snp: 23, microcode: 79 },
      Bergamo: { bootloader: 7, tee: 0, snp: 23, microcode: 25 },
    });
  });

  test('lines may end as Windows ends them', async () => {
    const policy = await parsePolicy(
      utf8('version: 1\r\nname: x\r\nfreshness:\r\n  require-nonce: false\r\n'),
    );
    assert.equal(policy.freshness.requireNonce, false);
  });

  test('a refusal is a VerifierError with the place as fields', async () => {
    const error = await refusal(utf8('version: 1\nname: x\nfreshness:\n  require-nonce: maybe\n'));
    assert.equal(error instanceof VerifierError, true);
    assert.equal(error.code, 'POLICY_MALFORMED');
    assert.deepEqual(error.place, { line: 4, column: 18, path: 'freshness.require-nonce' });
  });

  test('one mistake in a policy of every key is found in the line of that key', async () => {
    const lines = formatPolicy(defaultPolicy({ repository: 'owner/name' })).split('\n');
    for (const [at, line] of lines.entries()) {
      const match = /^( *(?:- )?[a-z-]+: )\S/.exec(line);
      if (!match) continue;
      const damaged = [...lines];
      damaged[at] = `${match[1]!}"a\\nb"`;
      const { place } = await refusal(utf8(damaged.join('\n')));
      assert.equal(place.line, at + 1, line);
    }
  });

  test('every key of the shape, spelled wrongly, is refused in its line', async () => {
    const lines = formatPolicy(defaultPolicy({ repository: 'owner/name' })).split('\n');
    for (const [at, line] of lines.entries()) {
      if (at < 2 || !/^ *(- )?[A-Za-z-]+:/.test(line)) continue;
      const damaged = [...lines];
      damaged[at] = line.replace(/([A-Za-z-]+):/, '$1x:');
      const { place } = await refusal(utf8(damaged.join('\n')));
      // A required key that is misspelled is an unknown one first.
      assert.equal(place.line, at + 1, line);
    }
  });
});

describe('hostile policy files', () => {
  const head = 'version: 1\nname: x\n';
  const cases: readonly (readonly [name: string, bytes: Uint8Array, says: RegExp])[] = [
    ['no byte at all', new Uint8Array(0), /found nothing/],
    ['a byte that is not UTF-8', Uint8Array.of(...utf8(head), 0xff), /expected UTF-8/],
    ['an overlong encoding', Uint8Array.of(...utf8(`${head}#`), 0xc0, 0xaf), /expected UTF-8/],
    ['a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, ...utf8(head)), /U\+FEFF/],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 0x76, 0x00), /expected UTF-8/],
    ['a zero byte at the end', utf8(`${head}\0`), /U\+0000/],
    ['an escape sequence of a terminal', utf8(`${head}# \u001b[2J\n`), /U\+001B/],
    [
      'a line separator that hides a key',
      utf8(`${head}# x\u2028freshness: {require-nonce: false}\n`),
      /U\+2028/,
    ],
    [
      'one byte over a mebibyte',
      utf8(head + '#'.repeat(1024 * 1024 + 1 - head.length)),
      /at most 1048576 bytes/,
    ],
    ['half a million brackets', utf8(`${head}code: ${'['.repeat(500_000)}`), /32 levels/],
    ['a hundred thousand maps in one line', utf8(`${head}code: ${'{a: '.repeat(100_000)}`), /32 levels/],
    ['lists of lists of lists in one line', utf8(`${head}code:\n  ${'- '.repeat(100_000)}`), /32 levels/],
    ['question marks in one line', utf8(`${head}${'? '.repeat(100_000)}`), /32 levels/],
    [
      'indentation without end',
      utf8(head + Array.from({ length: 40 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')),
      /32 levels/,
    ],
    [
      'a hundred thousand keys',
      utf8(head + Array.from({ length: 60_000 }, (_, at) => `k${at}: 1\n`).join('')),
      /100000 words and signs/,
    ],
    [
      'a list of a hundred thousand',
      utf8(`${head}hardware: {sev-snp: {vmpl: [${'0,'.repeat(100_000)}]}}`),
      /100000 words and signs/,
    ],
    ['a billion laughs', utf8(`${head}a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n`), /an anchor/],
    ['a thousand documents', utf8(`${head}---\n`.repeat(1000)), /expected one document/],
    ['a key __proto__', utf8(`${head}__proto__: {freshness: {require-nonce: false}}\n`), /one of the keys/],
    ['a key constructor', utf8(`${head}hardware: {constructor: 1}\n`), /one of the keys/],
    ['a long key', utf8(`${head}${'k'.repeat(1000)}: 1\n`), /one of the keys/],
    ['a key that would break a terminal', utf8(`${head}"\\e[2J\\n": 1\n`), /"\?\[2J\?"/],
    ['a directive that nobody knows', utf8(`%FOO bar\n---\n${head}`), /begins with %/],
    ['a directive that renames tags', utf8(`%TAG ! tag:example.org,2000:\n---\n${head}`), /begins with %/],
    ['a tag of a type of the host language', utf8(`${head}devices: !!js/function 'x'\n`), /a tag/],
    ['a set', utf8(`${head}devices: {gpus}\n`), /found nothing/],
    ['a number with underscores', utf8(`${head}devices: {gpus: 1_0}\n`), /whole number/],
    ['a number beyond safe integers', utf8(`${head}devices: {gpus: 99999999999999999999}\n`), /whole number/],
    ['a number in Arabic digits', utf8(`${head}devices: {gpus: \u0663}\n`), /whole number/],
    [
      'a hash in Cyrillic letters',
      utf8(`${head}measurements: {model-roots: [${'\u0430'.repeat(64)}]}\n`),
      /64 hexadecimal digits/,
    ],
    [
      'a repository with a Cyrillic letter',
      utf8(`${head}code: {builders: [{repository: "tinf\u043eil/x"}]}\n`),
      /owner\/name/,
    ],
    ['a value of two lines', utf8(`${head}code: {builders: [{repository: "a/b\n  c"}]}\n`), /owner\/name/],
    ['a name of spaces', utf8('version: 1\nname: "   "\n'), /a name of/],
    ['a name that turns the direction of writing', utf8('version: 1\nname: "\\u202Ex"\n'), /a name of/],
  ];
  for (const [name, bytes, says] of cases)
    test(`${name}: refused`, async () => {
      const error = await refusal(bytes);
      assert.equal(error.code, 'POLICY_MALFORMED');
      assert.match(error.message, says);
      assert.equal(error.message.length < 700, true);
      assert.match(error.message, /^[\x20-\x7e]*$/);
    });

  test('a mebibyte of comment is read', async () => {
    const policy = await parsePolicy(utf8(head + '#'.repeat(1024 * 1024 - head.length)));
    assert.equal(policy.name, 'x');
  });

  test('damage anywhere is refused with a place inside the file, or is a policy', async () => {
    const texts = goodNames.map((name) => new TextDecoder().decode(readVector(`good/${name}`)));
    const scraps = fc.constantFrom(
      '',
      ' ',
      '\n',
      ':',
      '- ',
      '#',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      ',',
      '&',
      '*',
      '!',
      '|',
      '>',
      '%',
      '\t',
      '? ',
      '<<',
      '---\n',
      '0',
      'x',
      '\\',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...texts),
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 8 }), scraps),
          { minLength: 1, maxLength: 4 },
        ),
        async (text, changes) => {
          let damaged = text;
          for (const [where, removed, scrap] of changes) {
            const at = Math.floor(where * damaged.length);
            damaged = damaged.slice(0, at) + scrap + damaged.slice(at + removed);
          }
          try {
            assert.match((await parsePolicy(utf8(damaged))).sha256, /^[0-9a-f]{64}$/);
          } catch (error) {
            if (!(error instanceof PolicyFileError)) throw error;
            const lines = damaged.split('\n');
            assert.equal(error.place.line >= 1 && error.place.line <= lines.length, true, error.message);
            assert.match(error.message, /^[\x20-\x7e]{1,1200}$/);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  test('random bytes are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        assert.equal((await refusal(bytes)).code, 'POLICY_MALFORMED');
      }),
      { numRuns: runs },
    );
  });
});
