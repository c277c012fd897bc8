/** Bundles of a simulated Sigstore: what is accepted, and each defect with its own refusal. */
import { sha256, utf8 } from '@vitrine/bytes';
import {
  type BundleEvidence,
  type SigstoreErrorCode,
  type TrustedRoot,
  authenticateBundle,
  githubRequirements,
  parseTrustedRoot,
} from '@vitrine/provenance/sigstore';
import { publicGoodTrustedRoot } from '@vitrine/provenance/sigstore/public-good';
import { generateKey } from '@vitrine/simtee/authority';
import { type SigstoreDefect, type SimulatedSigstore, createSigstore } from '@vitrine/simtee/sigstore';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../../evidence/test/suite.ts';
import { at, later, release, simulated, statementFor } from './release.ts';

const artifact = utf8('the artifact');
/** Rekor v2 leaves the time to the authority. */
const rekorVersions = [1, 2] as const;

export const acceptance: Suite = {
  name: 'bundles of a simulated Sigstore',
  cases: [
    ...rekorVersions.map((rekor) => ({
      name: `an envelope in Rekor v${rekor} is authentic, with its identity, times, log and certificate log`,
      run: async () => {
        const sigstore = await simulated(rekor);
        const bundle = await sigstore.signDsse({ ...release, payload: await statementFor(artifact) });
        const found = await authenticate(sigstore, { bundle, artifact });
        expectEqual(found.identity?.subject, workflowUri);
        expectEqual(found.identity?.ref, 'refs/tags/v1.0.0');
        expectEqual(found.scts.length, 1);
        expectEqual(
          found.logEntries.map(({ kind }) => kind),
          ['dsse'],
        );
        expectEqual(found.logEntries[0]?.inclusion, 'proven');
        expectEqual(
          found.observedTimes.map(({ source }) => source),
          [rekor === 1 ? 'log' : 'timestamp-authority'],
        );
        expectEqual(found.isPublicGood, false);
        expectTrue(
          found.checks.every(({ outcome }) => outcome !== 'fail'),
          'no check that failed',
        );
      },
    })),
    ...rekorVersions.map((rekor) => ({
      name: `a signed artifact in Rekor v${rekor} is authentic with its bytes`,
      run: async () => {
        const sigstore = await simulated(rekor);
        const bundle = await sigstore.signMessage({ ...release, artifact });
        const found = await authenticate(sigstore, { bundle, artifact });
        expectEqual(found.payload, undefined);
        expectEqual(found.logEntries[0]?.kind, 'hashedrekord');
      },
    })),
    ...(['0.1', '0.2'] as const).map((bundleVersion) => ({
      name: `version ${bundleVersion} brings its intermediate along`,
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const bundle = await sigstore.signDsse({ ...release, bundleVersion, payload });
        expectEqual((await authenticate(sigstore, { bundle })).bundle.version, bundleVersion);
      },
    })),
    {
      name: 'the older kind of entry for statements, whose values are base64 twice, is read',
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const bundle = await sigstore.signDsse({ ...release, entryKind: 'intoto', payload });
        expectEqual((await authenticate(sigstore, { bundle })).logEntries[0]?.kind, 'intoto');
      },
    },
    {
      name: 'a bundle of version 0.1 may have the promise only, and says that inclusion was not checked',
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const defect = 'no-inclusion-proof';
        const bundle = await sigstore.signDsse({ ...release, bundleVersion: '0.1', payload, defect });
        const { checks, logEntries } = await authenticate(sigstore, { bundle });
        expectEqual(logEntries[0]?.inclusion, 'promised');
        const inclusion = checks.find(({ rule }) => rule === 'sigstore.log.inclusion');
        expectEqual(inclusion?.outcome, 'not-checked');
      },
    },
    {
      name: 'both observers count where the log and an authority saw the signature',
      run: async () => {
        const sigstore = await simulated(1);
        const payload = await statementFor(artifact);
        const bundle = await sigstore.signDsse({ ...release, payload, withTimestamp: true });
        const requirements = { tlogEntriesMin: 1, sctsMin: 1, observerTimestampsMin: 2 };
        const { observedTimes } = await authenticate(sigstore, { bundle, requirements });
        expectEqual(
          observedTimes.map(({ source }) => source),
          ['timestamp-authority', 'log'],
        );
      },
    },
    {
      name: 'a root without logs serves private repositories: certificate and timestamp only',
      run: async () => {
        const sigstore = await simulated(1);
        const trustedRoot = changedRoot(sigstore, (root) => {
          delete root['tlogs'];
          delete root['ctlogs'];
        });
        const payload = await statementFor(artifact);
        const bundle = await sigstore.signDsse({ ...release, payload, isLogged: false });
        const evidence = { bundle, trustedRoot, now: later };
        await authenticateBundle({ ...evidence, requirements: githubRequirements });
        await expectRefused(() => authenticateBundle(evidence), 'TLOG_COUNT_OUT_OF_RANGE');
        const requirements = { ...githubRequirements, sctsMin: 1 };
        await expectRefused(() => authenticateBundle({ ...evidence, requirements }), 'SCT_INSUFFICIENT');
      },
    },
    {
      name: 'a timestamp brings its certificate along where the root lists what is above it only',
      run: async () => {
        const sigstore = await simulated(2);
        const trustedRoot = changedRoot(sigstore, (root) => {
          for (const authority of root['timestampAuthorities'] as Service[])
            authority.certChain!.certificates.shift();
        });
        const request = { ...release, payload: await statementFor(artifact) };
        const bundle = await sigstore.signDsse({ ...request, timestampBringsCertificate: true });
        await authenticateBundle({ bundle, trustedRoot, now: later });
        await authenticate(sigstore, { bundle });
        const bare = await sigstore.signDsse(request);
        await expectRefused(
          () => authenticateBundle({ bundle: bare, trustedRoot, now: later }),
          'TIMESTAMP_AUTHORITY_UNTRUSTED',
        );
      },
    },
    {
      name: 'a bare key verifies what it signed, and stands for no certificate',
      run: async () => {
        const sigstore = await simulated(1);
        const key = await generateKey('P-256');
        const bundle = await sigstore.signMessage({ ...release, artifact, key });
        const own = key.subjectPublicKeyInfo;
        const { signer, identity } = await authenticate(sigstore, { bundle, artifact, key: own });
        expectEqual(signer.kind, 'key');
        expectEqual(identity, undefined);
        await refused(sigstore, { bundle, artifact }, 'KEY_REQUIRED');
        const other = (await generateKey('P-256')).subjectPublicKeyInfo;
        await refused(sigstore, { bundle, artifact, key: other }, 'MESSAGE_SIGNATURE_INVALID');
        await refused(sigstore, { bundle, artifact, key: 'no key' }, 'KEY_MALFORMED');
        const certified = await sigstore.signMessage({ ...release, artifact });
        await refused(sigstore, { bundle: certified, artifact, key: own }, 'KEY_UNEXPECTED');
      },
    },
    {
      name: 'what the caller changes while it waits changes nothing',
      run: async () => {
        const sigstore = await simulated(1);
        const bundle = utf8(await sigstore.signMessage({ ...release, artifact }));
        const own = new Uint8Array(artifact);
        const pending = authenticate(sigstore, { bundle, artifact: own });
        own.fill(0);
        bundle.fill(0);
        await pending;
      },
    },
  ],
};

const workflowUri = 'https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1.0.0';

/** Each defect, and the code that it is refused with: with version 1 of Rekor unless it is said otherwise. */
const defects: readonly (readonly [SigstoreDefect, SigstoreErrorCode])[] = [
  ['expired-certificate', 'CERT_EXPIRED'],
  ['certificate-not-yet-valid', 'CERT_NOT_YET_VALID'],
  ['no-code-signing', 'CERT_USAGE_INVALID'],
  ['no-digital-signature', 'CERT_USAGE_INVALID'],
  ['authority-certificate', 'CERT_USAGE_INVALID'],
  ['nobody', 'CERT_IDENTITY_MALFORMED'],
  ['precertificate', 'FULCIO_CHAIN_INVALID'],
  ['foreign-authority', 'FULCIO_CHAIN_INVALID'],
  ['no-sct', 'SCT_INSUFFICIENT'],
  ['forged-sct', 'SCT_INVALID'],
  ['sct-twice', 'SCT_DUPLICATE_LOG'],
  ['sct-before-log', 'SCT_INSUFFICIENT'],
  ['unknown-certificate-log', 'SCT_INSUFFICIENT'],
  ['payload-swapped', 'DSSE_SIGNATURE_INVALID'],
  ['payload-type-swapped', 'DSSE_SIGNATURE_INVALID'],
  ['foreign-signature', 'DSSE_SIGNATURE_INVALID'],
  ['no-set', 'OBSERVER_TIMESTAMP_INSUFFICIENT'],
  ['forged-set', 'SET_INVALID'],
  ['set-of-another-time', 'SET_INVALID'],
  ['no-inclusion-proof', 'BUNDLE_MALFORMED'],
  ['bad-inclusion', 'REKOR_INCLUSION_INVALID'],
  ['inclusion-of-another-entry', 'REKOR_INCLUSION_INVALID'],
  ['forged-checkpoint', 'CHECKPOINT_INVALID'],
  ['checkpoint-of-another-tree', 'CHECKPOINT_ROOT_MISMATCH'],
  ['unknown-log', 'REKOR_KEY_NOT_TRUSTED'],
  ['entry-of-another-signature', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-certificate', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-content', 'LOG_ENTRY_MISMATCH'],
  ['entry-of-another-kind', 'LOG_ENTRY_MISMATCH'],
  ['entry-twice', 'LOG_ENTRY_DUPLICATE'],
  ['no-log-entry', 'TLOG_COUNT_OUT_OF_RANGE'],
  ['forged-timestamp', 'TIMESTAMP_INVALID'],
  ['timestamp-of-another-signature', 'TIMESTAMP_INVALID'],
  ['timestamp-of-another-content', 'TIMESTAMP_INVALID'],
  ['timestamp-before-authority', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-by-certificate-of-another-use', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-unknown-authority', 'TIMESTAMP_AUTHORITY_UNTRUSTED'],
  ['timestamp-late', 'CERT_EXPIRED'],
];

/** What the first version of Rekor alone has. */
const onlyFirst: readonly SigstoreDefect[] = ['no-set', 'forged-set', 'set-of-another-time'];

export const refusals: Suite = {
  name: 'defects of a simulated Sigstore',
  cases: rekorVersions.flatMap((rekor) =>
    defects
      .filter(([defect]) => rekor === 1 || !onlyFirst.includes(defect))
      .map(([defect, code]) => ({
        name: `Rekor v${rekor}: ${defect.replaceAll('-', ' ')} is refused as ${code}`,
        run: async () => {
          const sigstore = await simulated(rekor);
          const bundle = await sigstore.signDsse({
            ...release,
            payload: await statementFor(artifact),
            defect,
          });
          await refused(sigstore, { bundle }, code);
        },
      })),
  ),
};

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

interface Service {
  validFor?: object;
  readonly certChain?: { readonly certificates: unknown[] };
  readonly publicKey?: { validFor?: object };
}

function authenticate(
  sigstore: SimulatedSigstore,
  evidence: Partial<BundleEvidence> & Pick<BundleEvidence, 'bundle'>,
) {
  return authenticateBundle({
    trustedRoot: parseTrustedRoot(sigstore.trustedRootJson),
    now: later,
    ...evidence,
  });
}

async function refused(
  sigstore: SimulatedSigstore,
  evidence: Partial<BundleEvidence> & Pick<BundleEvidence, 'bundle'>,
  code: SigstoreErrorCode,
): Promise<void> {
  await expectRefused(() => authenticate(sigstore, evidence), code);
}

function changedRoot(
  { trustedRootJson }: SimulatedSigstore,
  change: (root: Record<string, unknown>) => void,
): TrustedRoot {
  const root = JSON.parse(trustedRootJson) as Record<string, unknown>;
  change(root);
  return parseTrustedRoot(JSON.stringify(root));
}
