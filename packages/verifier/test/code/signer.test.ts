/** How many builders so many signers stand for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '@vitrine/provenance';
import { countBuilders, signerOf } from '../../src/code/signer.ts';

test('a signer stands for one builder only, and others make room', () => {
  assert.equal(countBuilders([]), 0);
  assert.equal(countBuilders([[], []]), 0);
  assert.equal(countBuilders([['a'], ['a']]), 1);
  assert.equal(countBuilders([['a', 'a'], ['a']]), 1);
  assert.equal(countBuilders([['a', 'b'], ['a']]), 2);
  assert.equal(countBuilders([['a', 'b'], ['a', 'c'], ['a']]), 3);
  assert.equal(
    countBuilders([
      ['a', 'b'],
      ['a', 'b'],
      ['b', 'a'],
    ]),
    2,
  );
});

/** The most that any way of giving signers out satisfies. */
function most(candidates: readonly (readonly string[])[], taken: readonly string[] = []): number {
  const [first, ...others] = candidates;
  if (!first) return 0;
  const free = first.filter((signer) => !taken.includes(signer));
  return Math.max(most(others, taken), ...free.map((signer) => 1 + most(others, [...taken, signer])));
}

test('it is as many as any way of giving them out could satisfy', () => {
  const signers = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(signers, { maxLength: 5 }), (candidates) => {
      assert.equal(countBuilders(candidates), most(candidates));
    }),
  );
});

const person = {
  subjectKind: 'email',
  subject: 'Carol@example.org',
  issuer: 'https://a.example',
} as Identity;

test('a person is one, whoever vouches for the address; a name without an address is of its issuer', () => {
  const elsewhere = { ...person, issuer: 'https://b.example', subject: 'carol@example.org' };
  assert.equal(signerOf(person), signerOf(elsewhere));
  const account = { ...person, subjectKind: 'uri' as const, subject: 'spiffe://example.org/build' };
  assert.notEqual(signerOf(account), signerOf({ ...account, issuer: 'https://b.example' }));
});

test('a repository is one, in any letters, on any ref and from any file', () => {
  const workflow = { server: 'https://github.com', repository: 'Owner/name', path: 'a.yml', ref: 'x' };
  const one = { ...person, workflow } as Identity;
  const other = { ...person, workflow: { ...workflow, repository: 'owner/name', path: 'b.yml' } } as Identity;
  assert.equal(signerOf(one), signerOf(other));
});
