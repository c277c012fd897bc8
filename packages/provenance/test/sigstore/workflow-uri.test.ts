/** Subjects that come near those of workflows and pipelines: what is taken apart has one reading. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseWorkflowUri } from '@vitrine/provenance/sigstore';

const runs = process.env['VITRINE_LONG'] === '1' ? 100_000 : 3000;
const parts = fc.constantFrom(
  'o',
  'n',
  'o/n',
  '.github/workflows/r.yml',
  '.gitlab-ci.yml',
  'ci/r.yaml',
  '..',
  '.',
  '',
);
const joints = fc.constantFrom('/', '//', '@', '@refs/tags/v1', ' ', '');
const uri = (pieces: readonly (readonly string[])[]) => `https://gitlab.com/${pieces.flat().join('')}`;
const uris = fc.oneof(
  fc.array(fc.tuple(parts, joints), { minLength: 1, maxLength: 5 }).map(uri),
  // In the order of a subject, so that many are one.
  fc
    .tuple(parts, fc.constantFrom('/', '//'), parts, fc.constantFrom('@refs/tags/v1', '@refs/tags/v1@2'))
    .map((pieces) => uri([pieces])),
);

test('it is put together to the same, without empty parts, and without an @ before that of the ref', () => {
  let read = 0;
  fc.assert(
    fc.property(uris, (uri) => {
      const found = parseWorkflowUri(uri);
      if (!found) return;
      read++;
      const { system, server, repository, path, ref } = found;
      assert.equal(`${server}/${repository}${system === 'gitlab' ? '//' : '/'}${path}@${ref}`, uri);
      for (const part of `${repository}/${path}`.split('/')) {
        assert.ok(!['', '.', '..'].includes(part), uri);
        assert.ok(!part.includes('@'), uri);
      }
      if (system === 'github') assert.match(path, /^\.github\/workflows\/[^/]+$/);
    }),
    { numRuns: runs },
  );
  assert.ok(read > 10, `${read} were taken apart`);
});
