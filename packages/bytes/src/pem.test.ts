/** PEM blocks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatPem, parsePem, parsePemBlocks } from './pem.ts';

const block = '-----BEGIN A B-----\nZm9v\n-----END A B-----\n';

describe('PEM', () => {
  test('any bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const pem = formatPem('CERTIFICATE', bytes);
        assert.deepEqual(parsePem(pem), [{ label: 'CERTIFICATE', bytes }]);
        assert.ok(pem.split('\n').every((line) => line.length <= 64));
      }),
    );
  });

  test('blocks come in their order, each with its label', () => {
    const text = formatPem('X', Uint8Array.of(1)) + formatPem('Y', Uint8Array.of(2));
    assert.deepEqual(parsePem(text), [
      { label: 'X', bytes: Uint8Array.of(1) },
      { label: 'Y', bytes: Uint8Array.of(2) },
    ]);
  });

  const accepted = {
    'CR LF': block.replaceAll('\n', '\r\n'),
    'no line break at the end': block.trimEnd(),
    'text before and after': `subject=CN = x\n${block}and more\n`,
    'a NUL at the end': `${block}\0`,
    'blanks at the ends of lines': block.replaceAll('\n', ' \t\n'),
    'lines of another length': '-----BEGIN A B-----\nZ\nm9\nv\n-----END A B-----',
  };
  for (const [name, text] of Object.entries(accepted))
    test(`${name} is accepted`, () => {
      assert.deepEqual(parsePem(text), [{ label: 'A B', bytes: Uint8Array.of(0x66, 0x6f, 0x6f) }]);
    });

  const refused = {
    'a block that does not end': '-----BEGIN A-----\nZm9v\n',
    'a block that ends with another label': '-----BEGIN A-----\nZm9v\n-----END B-----\n',
    'an end without a beginning': '-----END A-----\n',
    'a beginning within a block': '-----BEGIN A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\n',
    'a boundary that is indented': block.replace('-----END', ' -----END'),
    'a boundary with four hyphens at its end': block.replace('A B-----\nZ', 'A B----\nZ'),
    'a label in lower case': block.replaceAll('A B', 'a b'),
    'no label': '-----BEGIN -----\n-----END -----\n',
    'text after a boundary': block.replace('A B-----\n', 'A B-----x\n'),
    'a boundary in a line of text': `x-----\n${block}`,
  };
  for (const [name, text] of Object.entries(refused))
    test(`${name} is refused`, () => {
      assert.throws(() => parsePem(text), { code: 'PEM_INVALID' });
    });

  const refusedBodies = {
    'a header (RFC 1421)': 'Proc-Type: 4,ENCRYPTED\n\nZm9v',
    'no padding': 'Zg',
    'a blank within a line': 'Zm 9v',
    'a no-break space at the end of a line': 'Zm9v\u00a0',
    'two bodies': 'Zg==\nZg==',
  };
  for (const [name, body] of Object.entries(refusedBodies))
    test(`a body with ${name} is refused`, () => {
      assert.throws(() => parsePem(block.replace('Zm9v', body)), { code: 'BASE64_INVALID' });
    });

  test('more blocks than 64, or more text than a mebibyte, are refused', () => {
    assert.equal(parsePem(block.repeat(64)).length, 64);
    assert.throws(() => parsePem(block.repeat(65)), { code: 'TOO_LARGE' });
    assert.throws(() => parsePem(' '.repeat((1 << 20) + 1)), { code: 'TOO_LARGE' });
  });

  test('where one label is wanted, none and others are refused', () => {
    assert.equal(parsePemBlocks(block + block, 'A B').length, 2);
    assert.throws(() => parsePemBlocks('', 'A B'), { code: 'PEM_INVALID' });
    assert.throws(() => parsePemBlocks('no block here', 'A B'), { code: 'PEM_INVALID' });
    assert.throws(() => parsePemBlocks(block + formatPem('C', Uint8Array.of(1)), 'A B'), {
      code: 'PEM_INVALID',
    });
  });
});
