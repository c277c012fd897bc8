/** What authorities may issue for, and certificates below them that do not keep to it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { derSequence } from '@vitrine/bytes/der-writer';
import { generateKey, issueCertificate } from '@vitrine/simtee/authority';
import { createTlsAuthority, nameConstraints } from '@vitrine/simtee/ct';
import { judge } from './judged-chain.ts';
import { endsAt, issuedAt } from './world.ts';

describe('name constraints', () => {
  const under = async (
    permitted: readonly string[],
    excluded: readonly string[],
    names: readonly string[],
    critical = true,
  ) => {
    const authority = { intermediateExtensions: [nameConstraints(permitted, excluded, critical)] };
    const { checks } = await judge({ authority, request: { names }, hostname: names[0]! });
    const check = checks.find(({ rule }) => rule === 'tls.name-constraints')!;
    const chain = checks.find(({ rule }) => rule === 'tls.chain')!;
    assert.equal(chain.outcome, 'pass');
    return check.code ?? check.outcome;
  };

  test('names within what is permitted pass, critical or not', async () => {
    assert.equal(await under(['example.org'], [], ['api.example.org']), 'pass');
    assert.equal(await under(['example.org'], [], ['example.org']), 'pass');
    assert.equal(await under(['.example.org'], [], ['api.example.org']), 'pass');
    assert.equal(await under(['EXAMPLE.org'], [], ['*.example.org'], false), 'pass');
    assert.equal(await under([''], ['evil.test'], ['api.example.org']), 'pass');
    assert.equal(await under(['ip:c0000200ffffff00'], [], ['192.0.2.7']), 'pass');
    // Constraints on names say nothing of addresses, and the other way round.
    assert.equal(await under(['example.org'], [], ['192.0.2.7']), 'pass');
  });

  test('names outside of it are refused', async () => {
    const violated = 'TLS_NAME_CONSTRAINT_VIOLATED';
    assert.equal(await under(['example.org'], [], ['api.example.com']), violated);
    assert.equal(await under(['example.org'], [], ['badexample.org']), violated);
    assert.equal(await under(['example.org'], [], ['api.example.org', 'evil.test']), violated);
    assert.equal(await under(['.example.org'], [], ['example.org']), violated);
    assert.equal(await under(['example.org'], [], ['api.example.com'], false), violated);
    assert.equal(await under(['ip:c0000200ffffff00'], [], ['192.0.3.7']), violated);
    assert.equal(await under(['ip:c0000200ffffff00'], [], ['2001:db8::1']), violated);
  });

  test('names that are excluded are refused, and wildcards that could stand for one', async () => {
    const violated = 'TLS_NAME_CONSTRAINT_VIOLATED';
    assert.equal(await under([], ['example.org'], ['api.example.org']), violated);
    assert.equal(await under(['example.org'], ['secret.example.org'], ['secret.example.org']), violated);
    assert.equal(await under(['example.org'], ['secret.example.org'], ['*.example.org']), violated);
    assert.equal(await under(['example.org'], ['a.secret.example.org'], ['*.example.org']), 'pass');
    assert.equal(await under([], ['ip:0000000000000000'], ['192.0.2.7']), violated);
    assert.equal(await under([], [''], ['api.example.org']), violated);
  });

  test('forms that are not implemented are refused where a certificate has such names', async () => {
    const directory = { oid: '2.5.29.30', critical: true, value: constraintOfForm(0xa4, derSequence()) };
    const mail = { oid: '2.5.29.30', critical: true, value: constraintOfForm(0x81, bytesOf('example.org')) };
    const codeOf = async (extension: typeof mail) => {
      const { checks } = await judge({ authority: { intermediateExtensions: [extension] } });
      const check = checks.find(({ rule }) => rule === 'tls.name-constraints')!;
      return check.code ?? check.outcome;
    };
    // A server certificate without a subject and without addresses of mail has nothing that they constrain.
    assert.equal(await codeOf(directory), 'pass');
    assert.equal(await codeOf(mail), 'pass');
    const authority = await createTlsAuthority({ intermediateExtensions: [directory] });
    const key = await generateKey('P-256');
    const named = await issueCertificate({
      subject: [['CN', 'api.example.org']],
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: authority.intermediate.name,
      issuerKey: authority.intermediate.key,
      serialNumber: 5,
      notBefore: issuedAt,
      notAfter: endsAt,
    });
    const { failures } = await judge({
      chain: [named, authority.intermediate.certificate],
      anchors: [authority.root.certificate],
    });
    assert.ok(failures.includes('tls.name-constraints TLS_NAME_CONSTRAINT_UNSUPPORTED'));
  });

  test('constraints that cannot be read are refused', async () => {
    const extension = { oid: '2.5.29.30', critical: true, value: Uint8Array.of(0x30, 0x02, 0x05, 0x00) };
    const { failures } = await judge({ authority: { intermediateExtensions: [extension] } });
    assert.deepEqual(failures, ['tls.name-constraints TLS_NAME_CONSTRAINT_UNSUPPORTED']);
  });
});

/** permittedSubtrees with one base. */
function constraintOfForm(tag: number, contents: Uint8Array): Uint8Array {
  const base = Uint8Array.from([tag, contents.length, ...contents]);
  const subtree = derSequence(base);
  return derSequence(Uint8Array.from([0xa0, subtree.length, ...subtree]));
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
