/** What a bundle is bound to: the trusted root, the time, the artifact, and each part to the others. */
import { sha256, utf8 } from '@vitrine/bytes';
import { authenticateBundle, parseTrustedRoot } from '@vitrine/provenance/sigstore';
import { publicGoodTrustedRoot } from '@vitrine/provenance/sigstore/public-good';
import { createSigstore } from '@vitrine/simtee/sigstore';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../../evidence/test/suite.ts';
import { at, later, release, simulated, statementFor } from './release.ts';
import { type Service, artifact, authenticate, changedRoot, refused, rekorVersions } from './verifying.ts';

export const binding: Suite = {
  name: 'what a bundle is bound to',
  cases: [
    {
      name: 'the trusted root of another instance refuses it',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const other = await createSigstore();
        const trustedRoot = parseTrustedRoot(other.trustedRootJson);
        await expectRefused(
          () => authenticateBundle({ bundle, trustedRoot, now: later }),
          'FULCIO_CHAIN_INVALID',
        );
      },
    },
    {
      name: 'the root that is built in refuses everything that is simulated',
      run: async () => {
        for (const rekor of rekorVersions) {
          const sigstore = await simulated(rekor);
          const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
          const evidence = { bundle, trustedRoot: publicGoodTrustedRoot(), now: later };
          await expectRefused(
            () => authenticateBundle(evidence),
            rekor === 1 ? 'FULCIO_CHAIN_INVALID' : 'TIMESTAMP_AUTHORITY_UNTRUSTED',
          );
        }
      },
    },
    {
      name: 'each kind of service that is missing from the root, or not trusted at the time, is missed',
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const bundle = await sigstore.signDsse({ ...release, payload, withTimestamp: true });
        const lists = [
          ['certificateAuthorities', 'FULCIO_CHAIN_INVALID'],
          ['ctlogs', 'SCT_INSUFFICIENT'],
          ['tlogs', 'REKOR_KEY_NOT_TRUSTED'],
          ['timestampAuthorities', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
        ] as const;
        for (const [list, code] of lists) {
          const without = changedRoot(sigstore, (root) => (root[list] = []));
          await expectRefused(
            () => authenticateBundle({ bundle, trustedRoot: without, now: later }),
            code,
            `without ${list}`,
          );
          for (const validFor of [
            { start: '2025-01-01T00:00:00Z', end: '2025-05-31T23:59:59Z' },
            { start: '2025-06-01T00:01:00Z' },
          ]) {
            const moved = changedRoot(sigstore, (root) => {
              for (const service of root[list] as Service[])
                (service.publicKey ?? service).validFor = validFor;
            });
            await expectRefused(
              () => authenticateBundle({ bundle, trustedRoot: moved, now: later }),
              code,
              `${list} valid ${JSON.stringify(validFor)}`,
            );
          }
        }
      },
    },
    {
      name: 'a log that gives no time must be trusted when the authority saw the signature',
      run: async () => {
        const sigstore = await simulated(2);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        for (const validFor of [
          { start: '2025-01-01T00:00:00Z', end: '2025-06-01T00:00:00Z' },
          { start: '2025-06-01T00:00:02Z' },
        ]) {
          const trustedRoot = changedRoot(sigstore, (root) => {
            for (const { publicKey } of root['tlogs'] as Service[]) publicKey!.validFor = validFor;
          });
          await expectRefused(
            () => authenticateBundle({ bundle, trustedRoot, now: later }),
            'REKOR_KEY_NOT_TRUSTED',
          );
        }
      },
    },
    {
      name: 'a good log entry does not cover for another that is about something else',
      run: async () => {
        const sigstore = await simulated(2);
        const request = { ...release, payload: await statementFor(artifact) };
        const bundle = JSON.parse(await sigstore.signDsse(request)) as Bundle;
        const entries = bundle.verificationMaterial['tlogEntries'] as object[];
        const other = JSON.parse(await sigstore.signDsse(request)) as Bundle;
        entries.push(...(other.verificationMaterial['tlogEntries'] as object[]));
        await refused(sigstore, { bundle: JSON.stringify(bundle) }, 'LOG_ENTRY_MISMATCH');
      },
    },
    {
      name: 'of authorities that have one name the one whose key signed is found, wherever it stands',
      run: async () => {
        const [sigstore, other] = [await simulated(1), await simulated(2)];
        const foreign = JSON.parse(other.trustedRootJson) as Record<string, unknown[]>;
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        for (const isFirst of [true, false]) {
          const trustedRoot = changedRoot(sigstore, (root) => {
            const own = root['certificateAuthorities'] as unknown[];
            const others = foreign['certificateAuthorities']!;
            root['certificateAuthorities'] = isFirst ? [...own, ...others] : [...others, ...own];
          });
          await authenticateBundle({ bundle, trustedRoot, now: later });
        }
        const neither = changedRoot(sigstore, (root) => {
          const others = foreign['certificateAuthorities']!;
          root['certificateAuthorities'] = [...others, ...others];
        });
        await expectRefused(
          () => authenticateBundle({ bundle, trustedRoot: neither, now: later }),
          'FULCIO_CHAIN_INVALID',
        );
      },
    },
    {
      name: 'both ends of a validity are inclusive',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const integrated = new Date(at.getTime() + 2000).toISOString();
        const trustedRoot = changedRoot(sigstore, (root) => {
          for (const service of root['tlogs'] as Service[])
            service.publicKey!.validFor = { start: integrated, end: integrated };
        });
        await authenticateBundle({ bundle, trustedRoot, now: later });
      },
    },
    {
      name: 'a time after the one given is refused, the very time is not',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const integrated = new Date(at.getTime() + 2000);
        await authenticate(sigstore, { bundle, now: integrated });
        await refused(sigstore, { bundle, now: new Date(integrated.getTime() - 1) }, 'TIME_IN_FUTURE');
        await refused(sigstore, { bundle, now: new Date(NaN) }, 'TIME_IN_FUTURE');
      },
    },
    {
      name: 'one observer is not two',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const requirements = { tlogEntriesMin: 1, sctsMin: 1, observerTimestampsMin: 2 };
        await refused(sigstore, { bundle, requirements }, 'OBSERVER_TIMESTAMP_INSUFFICIENT');
      },
    },
    {
      name: 'more log entries than allowed are refused, and so are too few certificate timestamps',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const base = { tlogEntriesMin: 0, sctsMin: 1, observerTimestampsMin: 1 };
        const none = { ...base, tlogEntriesMax: 0 };
        await refused(sigstore, { bundle, requirements: none }, 'TLOG_COUNT_OUT_OF_RANGE');
        await refused(sigstore, { bundle, requirements: { ...base, sctsMin: 2 } }, 'SCT_INSUFFICIENT');
      },
    },
    {
      name: 'requirements that are no counts are refused, not passed over',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const good = { tlogEntriesMin: 1, sctsMin: 1, observerTimestampsMin: 1 };
        for (const name of Object.keys(good))
          for (const count of [NaN, -1, 0.5]) {
            const error: unknown = await authenticate(sigstore, {
              bundle,
              requirements: { ...good, [name]: count },
            }).catch((cause: unknown) => cause);
            expectTrue(error instanceof RangeError, `a RangeError for ${name} ${count}`);
          }
      },
    },
    {
      name: 'an artifact that is none of the subjects is refused, by bytes and by digest',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const other = utf8('another artifact');
        await authenticate(sigstore, { bundle, artifactDigest: await sha256(artifact) });
        await refused(sigstore, { bundle, artifact: other }, 'SUBJECT_DIGEST_MISMATCH');
        const artifactDigest = await sha256(other);
        await refused(sigstore, { bundle, artifactDigest }, 'SUBJECT_DIGEST_MISMATCH');
        await refused(sigstore, { bundle, artifact, artifactDigest }, 'ARTIFACT_DIGEST_MISMATCH');
        await refused(sigstore, { bundle, artifactDigest: new Uint8Array(48) }, 'SUBJECT_MISSING');
      },
    },
    {
      name: 'the signature of an artifact is not verified without its bytes, nor with others',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signMessage({ ...release, artifact });
        const artifactDigest = await sha256(artifact);
        await refused(sigstore, { bundle, artifactDigest }, 'ARTIFACT_REQUIRED');
        await refused(sigstore, { bundle, artifact: utf8('other') }, 'ARTIFACT_DIGEST_MISMATCH');
      },
    },
    {
      name: 'a payload that is no statement is authentic, but about no artifact',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: 'words', payloadType: 'text/plain' });
        expectEqual((await authenticate(sigstore, { bundle })).statement, undefined);
        await refused(sigstore, { bundle, artifact }, 'PAYLOAD_TYPE_MISMATCH');
      },
    },
    {
      name: 'a payload that says it is a statement must be one',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = await sigstore.signDsse({ ...release, payload: '{"_type":"x"}' });
        await refused(sigstore, { bundle }, 'STATEMENT_MALFORMED');
      },
    },
    {
      name: 'a root among the certificates of an older bundle is refused',
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const request = { ...release, payload, bundleVersion: '0.2', defect: 'root-in-chain' } as const;
        await refused(sigstore, { bundle: await sigstore.signDsse(request) }, 'BUNDLE_MALFORMED');
      },
    },
    {
      name: 'parts of two good bundles do not make a third',
      run: async () => {
        const sigstore = await simulated(1);
        const request = { ...release, payload: await statementFor(artifact), withTimestamp: true };
        const [one, two] = [await sigstore.signDsse(request), await sigstore.signDsse(request)].map(
          (json) => JSON.parse(json) as Bundle,
        );
        const mixes: readonly (readonly [string, (bundle: Bundle) => void, string])[] = [
          [
            'certificate',
            (bundle) =>
              (bundle.verificationMaterial['certificate'] = two!.verificationMaterial['certificate']),
            'DSSE_SIGNATURE_INVALID',
          ],
          [
            'log entries',
            (bundle) =>
              (bundle.verificationMaterial['tlogEntries'] = two!.verificationMaterial['tlogEntries']),
            'LOG_ENTRY_MISMATCH',
          ],
          [
            'timestamps',
            (bundle) =>
              (bundle.verificationMaterial['timestampVerificationData'] =
                two!.verificationMaterial['timestampVerificationData']),
            'TIMESTAMP_INVALID',
          ],
          ['envelope', (bundle) => (bundle['dsseEnvelope'] = two!['dsseEnvelope']), 'TIMESTAMP_INVALID'],
        ];
        for (const [what, mix, code] of mixes) {
          const mixed = structuredClone(one!);
          mix(mixed);
          await expectRefused(
            () => authenticate(sigstore, { bundle: JSON.stringify(mixed) }),
            code,
            `${what} of another bundle`,
          );
        }
      },
    },
  ],
};

interface Bundle {
  readonly verificationMaterial: Record<string, unknown>;
  [member: string]: unknown;
}
