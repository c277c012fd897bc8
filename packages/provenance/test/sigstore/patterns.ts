/** Refs by policy, patterns, and the URIs of workflows. */
import { type RefPolicy, matchesPattern, parseWorkflowUri } from '@vitrine/provenance/sigstore';
import { type Suite, expectEqual } from '../../../evidence/test/suite.ts';
import { failures, policy, server, signedBy } from './identity.ts';
import { run } from './release.ts';

const refs: readonly (readonly [RefPolicy, string, boolean])[] = [
  [{ tag: 'v*' }, 'refs/tags/v1.0.0', true],
  [{ tag: 'v*' }, 'refs/tags/1.0.0', false],
  [{ tag: 'v*' }, 'refs/tags/v1/evil', false],
  [{ tag: 'v1.0.0' }, 'refs/tags/v1.0.0', true],
  [{ tag: 'v1.0.0' }, 'refs/tags/v1.0.01', false],
  [{ tag: 'v1.0.0' }, 'refs/tags/v1x0x0', false],
  [{ tag: 'release/*' }, 'refs/tags/release/1', true],
  [{ branch: 'main' }, 'refs/heads/main', true],
  [{ branch: 'main' }, 'refs/heads/main2', false],
  [{ branch: 'main' }, 'refs/tags/main', false],
  [{ branch: '*' }, 'refs/heads/feature/x', false],
  [{ ref: 'refs/tags/v1.0.0' }, 'refs/tags/v1.0.0', true],
  [{ ref: 'refs/tags/v1' }, 'refs/tags/v1.0.0', false],
  [{ ref: 'refs/tags/*' }, 'refs/tags/v1.0.0', false],
  [{ prefix: 'refs/tags/v' }, 'refs/tags/v1/anything', true],
  [{ prefix: 'refs/tags/' }, 'refs/heads/refs/tags/', false],
];

const texts: readonly (readonly [string, string, boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['a', '', false],
  ['*', '', true],
  ['*', 'abc', true],
  ['*', 'a/b', false],
  ['*/*', 'a/b', true],
  ['*/*', 'a/b/c', false],
  ['a*c', 'abbbc', true],
  ['a*c', 'abbbcd', false],
  ['a*c', 'xabc', false],
  ['a**c', 'abc', true],
  ['a.c', 'abc', false],
  ['a[b]c', 'abc', false],
  ['.*', 'anything', false],
  ['^a$', 'a', false],
  ['a|b', 'a', false],
  ['*b*c', 'abbc/c', false],
  ['*a*a*a*a*a*a*a*a*b', 'a'.repeat(200), false],
];

const uris: readonly (readonly [string, string | undefined])[] = [
  [`${server}/o/n/.github/workflows/r.yml@refs/tags/v1`, 'refs/tags/v1'],
  [`${server}/o/n/.github/workflows/r.yaml@refs/heads/x@refs/tags/v1`, 'refs/heads/x@refs/tags/v1'],
  [`${server}/o/n/.github/workflows/a@b.yml@refs/tags/v1`, undefined],
  [`${server}/o/n/.github/workflows/sub/r.yml@refs/tags/v1`, undefined],
  [`${server}/o/n/evil/.github/workflows/r.yml@refs/tags/v1`, undefined],
  [`${server}/o/n/workflows/r.yml@refs/tags/v1`, undefined],
  [`${server}/o/n/.github/workflows/r.sh@refs/tags/v1`, undefined],
  [`${server}/o/n/.github/workflows/r.yml`, undefined],
  [`${server}/o/n/.github/workflows/r.yml@`, undefined],
  [`http://github.com/o/n/.github/workflows/r.yml@refs/tags/v1`, undefined],
  [`https://user@github.com/o/n/.github/workflows/r.yml@refs/tags/v1`, undefined],
  [`${server}/o/n/.github/workflows/r.yml@refs/tags/v1 x`, undefined],
];

export const patterns: Suite = {
  name: 'refs and patterns',
  cases: [
    ...refs.map(([ref, found, holds]) => ({
      name: `${JSON.stringify(ref)} ${holds ? 'takes' : 'refuses'} ${found}`,
      run: async () => {
        const bundle = await signedBy({ ...run, ref: found });
        expectEqual(failures(bundle, { ...policy, ref }), holds ? [] : ['WORKFLOW_REF_PREFIX_MISMATCH']);
      },
    })),
    {
      name: 'a pattern is the whole text, and its star stops at a slash',
      run: () => {
        for (const [pattern, text, holds] of texts)
          expectEqual(matchesPattern(pattern, text), holds, `${pattern} and ${text}`);
      },
    },
    {
      name: 'the URI of a workflow is split at the first @ behind its file, and nothing else is one',
      run: () => {
        for (const [uri, ref] of uris) expectEqual(parseWorkflowUri(uri)?.ref, ref, uri);
      },
    },
  ],
};
