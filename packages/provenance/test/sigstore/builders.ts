/** Several builders for one artifact. */
import { sha256, utf8 } from '@vitrine/bytes';
import {
  type AuthenticBundle,
  type IdentityPolicy,
  appraiseBuilders,
  authenticateBundle,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import { type SigningIdentity, githubIssuer } from '@vitrine/simtee/sigstore';
import { type Suite, expectEqual, expectTrue } from '../../../evidence/test/suite.ts';
import { later, release, simulated, statementFor } from './release.ts';

const artifact = utf8('the artifact');
const alice = { repository: 'alice/build', ref: 'refs/tags/v1' };
const bob = { repository: 'bob/build', ref: 'refs/tags/v1' };
const carol = { issuer: 'https://accounts.example', kind: 'email', subject: 'carol@example.org' } as const;
const byTag = { issuer: githubIssuer, ref: { tag: '*' } };
const policies: readonly IdentityPolicy[] = [
  { ...byTag, repository: 'alice/build' },
  { ...byTag, repository: 'bob/build' },
  { issuer: carol.issuer, subject: carol.subject },
];

async function sign(identity: SigningIdentity, about = artifact): Promise<AuthenticBundle> {
  const sigstore = await simulated(1);
  const bundle = await sigstore.signDsse({ ...release, identity, payload: await statementFor(about) });
  return authenticateBundle({ bundle, trustedRoot: parseTrustedRoot(sigstore.trustedRootJson), now: later });
}

async function codesOf(
  bundles: readonly AuthenticBundle[],
  threshold: number,
  wanted = policies,
): Promise<string[]> {
  const subject = { digest: await sha256(artifact) };
  return appraiseBuilders(bundles, wanted, threshold, { subject }).flatMap(({ outcome, code }) =>
    outcome === 'fail' ? [code ?? 'no code'] : [],
  );
}

export const builders: Suite = {
  name: 'several builders',
  cases: [
    {
      name: 'two of three are enough where two are asked, and the third is not checked',
      run: async () => {
        const bundles = [await sign(alice), await sign(carol)];
        expectEqual(await codesOf(bundles, 2), []);
        const subject = { digest: await sha256(artifact) };
        const outcomes = appraiseBuilders(bundles, policies, 2, { subject }).map(({ outcome }) => outcome);
        expectEqual(outcomes, ['pass', 'not-checked', 'pass', 'pass']);
      },
    },
    {
      name: 'two of three are not three, and the missing one is named',
      run: async () => {
        const bundles = [await sign(alice), await sign(carol)];
        expectEqual(await codesOf(bundles, 3), ['BUILDER_MISSING', 'BUILDERS_INSUFFICIENT']);
      },
    },
    {
      name: 'who signs twice counts once, also with another release of the same workflow',
      run: async () => {
        const bundles = [await sign(alice), await sign(alice), await sign({ ...alice, ref: 'refs/tags/v2' })];
        expectEqual(await codesOf(bundles, 2), [
          'BUILDER_MISSING',
          'BUILDER_MISSING',
          'BUILDERS_INSUFFICIENT',
        ]);
      },
    },
    {
      name: 'an identity that fits two policies stands for one of them',
      run: async () => {
        const twice: readonly IdentityPolicy[] = [policies[0]!, { ...byTag, repository: 'alice/build' }];
        expectEqual(await codesOf([await sign(alice)], 2, twice), [
          'BUILDER_MISSING',
          'BUILDERS_INSUFFICIENT',
        ]);
      },
    },
    {
      name: 'identities are given out so that as many policies as can be are satisfied',
      run: async () => {
        const otherFile = { ...alice, workflow: '.github/workflows/other.yml' };
        const wanted: readonly IdentityPolicy[] = [
          { ...byTag, repository: 'alice/build' },
          { ...byTag, repository: 'alice/build', workflow: '.github/workflows/release.yml' },
        ];
        expectEqual(await codesOf([await sign(alice), await sign(otherFile)], 2, wanted), []);
      },
    },
    {
      name: 'a signature for another artifact does not count',
      run: async () => {
        const bundles = [await sign(alice), await sign(bob, utf8('another artifact'))];
        expectEqual(await codesOf(bundles, 2), [
          'BUILDER_MISSING',
          'BUILDER_MISSING',
          'BUILDERS_INSUFFICIENT',
        ]);
      },
    },
    {
      name: 'thresholds of none, or of more than there are policies, are refused',
      run: async () => {
        const subject = { digest: await sha256(artifact) };
        for (const threshold of [0, -1, 1.5, 4, NaN]) {
          let isRefused = false;
          try {
            appraiseBuilders([], policies, threshold, { subject });
          } catch (error) {
            isRefused = error instanceof RangeError;
          }
          expectTrue(isRefused, `a RangeError for ${threshold}`);
        }
      },
    },
  ],
};
