/** Hosts and the names that they match; bytes in names. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toHex, utf8 } from '@vitrine/bytes';
import { decodeDcode, isForHost, parseHost } from '@vitrine/provenance/ct';
import fc from 'fast-check';
import { refuses } from './refusal.ts';

function matches(dns: readonly string[], hostname: string, ip: readonly Uint8Array[] = []): boolean {
  const host = parseHost(hostname);
  return host !== undefined && isForHost({ dns, ip, otherForms: [] }, host);
}

describe('hosts', () => {
  test('names are matched whole, without regard to case or a dot at the end', () => {
    assert.ok(matches(['api.example.org'], 'api.example.org'));
    assert.ok(matches(['API.Example.ORG'], 'api.example.org.'));
    assert.ok(matches(['a.test', 'b.test'], 'b.test'));
    assert.ok(matches(['xn--bcher-kva.example'], 'xn--bcher-kva.example'));
    assert.ok(matches(['a_b.example.org'], 'a_b.example.org'));
    for (const other of [
      'example.org',
      'xapi.example.org',
      'api.example.or',
      'api.example.org.uk',
      'pi.example.org',
    ])
      assert.ok(!matches(['api.example.org'], other), other);
  });

  test('a wildcard is the whole left-most label and stands for one', () => {
    assert.ok(matches(['*.example.org'], 'api.example.org'));
    assert.ok(matches(['*.example.org'], 'xn--bcher-kva.example.org'));
    const not: readonly (readonly [string, string])[] = [
      ['*.example.org', 'example.org'],
      ['*.example.org', 'a.b.example.org'],
      ['*.example.org', '.example.org'],
      ['*.org', 'example.org'],
      ['*', 'example'],
      ['*.', 'example.'],
      ['a*.example.org', 'api.example.org'],
      ['*i.example.org', 'api.example.org'],
      ['api.*.org', 'api.example.org'],
      ['*.*.org', 'api.example.org'],
      ['**.example.org', 'api.example.org'],
      ['.example.org', 'api.example.org'],
      ['*.example.org', '192.0.2.7'],
      ['*.0.2.7', '192.0.2.7'],
    ];
    for (const [name, host] of not) assert.ok(!matches([name], host), `${name} for ${host}`);
  });

  test('an address matches an address, and never a name that looks like one', () => {
    const v4 = Uint8Array.of(192, 0, 2, 7);
    const v6 = Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    assert.ok(matches([], '192.0.2.7', [v4]));
    for (const text of ['2001:db8::1', '[2001:db8::1]', '2001:DB8:0:0:0:0:0:1', '2001:db8::0.0.0.1'])
      assert.ok(matches([], text, [v6]), text);
    assert.ok(!matches(['192.0.2.7'], '192.0.2.7'));
    assert.ok(!matches([], '192.0.2.8', [v4]));
    assert.ok(!matches([], '::ffff:192.0.2.7', [v4]));
    assert.ok(!matches(['2001:db8::1'], '2001:db8::1'));
  });

  test('what is neither a name nor an address is for nobody', () => {
    const none = [
      '',
      '.',
      'a..b',
      '-a.test',
      'a-.test',
      'a b.test',
      'a\0.test',
      'ä.test',
      `${'a'.repeat(64)}.test`,
      `${'a.'.repeat(127)}test`,
      '192.0.2',
      '192.0.2.256',
      '192.0.2.07',
      '1.2.3.4.5',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8',
      '12345::',
      '::1%eth0',
      'user@example.org',
      'example.org:443',
      '*.example.org',
    ];
    for (const text of none) assert.equal(parseHost(text), undefined, text);
  });
});

describe('dcode', () => {
  const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

  /** An encoder of its own: bits in groups of five. */
  function encode(bytes: Uint8Array, prefix: string, pieceLength: number, domain = 'svc.test'): string[] {
    const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const text = (bits.match(/.{1,5}/g) ?? [])
      .map((group) => ALPHABET[parseInt(group.padEnd(5, '0'), 2)]!)
      .join('');
    const pieces = text.match(new RegExp(`.{1,${pieceLength}}`, 'g')) ?? [];
    return pieces.map((piece, at) => `${String(at).padStart(2, '0')}${piece}.${prefix}.${domain}`);
  }

  test('the alphabet and its order are those of RFC 4648', () => {
    assert.deepEqual(decodeDcode(['00mzxw6ytboi.hpke.svc.test'], 'hpke'), utf8('foobar'));
    assert.deepEqual(decodeDcode(['00mzxw6ytb.hpke.svc.test'], 'hpke'), utf8('fooba'));
    assert.deepEqual(decodeDcode(['00mzxw6.hpke.svc.test'], 'hpke'), utf8('foo'));
  });

  test('bytes of any length come back, from names in any order among others', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 8, max: 61 }),
        (bytes, length) => {
          const names = [
            'svc.test',
            '*.svc.test',
            ...encode(bytes, 'hatt', length).reverse(),
            '00aa.hpke.svc.test',
          ];
          assert.equal(toHex(decodeDcode(names, 'hatt')!), toHex(bytes));
        },
      ),
      { seed: 32 },
    );
  });

  test('there are none where no name has the prefix', () => {
    assert.equal(decodeDcode([], 'hpke'), undefined);
    assert.equal(
      decodeDcode(['svc.test', 'hpke.svc.test', '00aa.hatt.svc.test', '00aa.x.hpke.svc.test'], 'hpke'),
      undefined,
    );
  });

  test('gaps, repetitions, other domains and what is no base32 are refused', async () => {
    const names = encode(utf8('a commitment of some length'), 'hpke', 10);
    const bad: Record<string, readonly string[]> = {
      'the first one missing': names.slice(1),
      'one missing': [names[0]!, ...names.slice(2)],
      'one twice': [...names, names[1]!],
      'two of one place': [...names, names[1]!.replace(/^01./, '01z')],
      'another domain': [...names.slice(0, -1), names.at(-1)!.replace('svc.test', 'evil.test')],
      'a character that is none': [names[0]!.replace(/^00./, '001'), ...names.slice(1)],
      'no place': names.map((name) => name.slice(2)),
      'one digit': ['0aa.hpke.svc.test'],
      'no piece': ['00.hpke.svc.test'],
      'no domain': ['00aa.hpke'],
      'a length that is no whole bytes': ['00a.hpke.svc.test'],
      'unused bits': ['00ab.hpke.svc.test'],
      'a wildcard': ['*.hpke.svc.test'],
    };
    for (const [what, list] of Object.entries(bad))
      await refuses('DCODE_MALFORMED', () => decodeDcode(list, 'hpke'), what);
  });
});
