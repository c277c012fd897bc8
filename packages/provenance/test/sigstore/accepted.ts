/** Bundles of a simulated Sigstore that are accepted, and what is found in them. */
import { utf8 } from '@vitrine/bytes';
import { authenticateBundle, githubRequirements } from '@vitrine/provenance/sigstore';
import { generateKey } from '@vitrine/simtee/authority';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../../evidence/test/suite.ts';
import { later, release, simulated, statementFor } from './release.ts';
import { type Service, artifact, authenticate, changedRoot, refused, rekorVersions } from './verifying.ts';

const workflowUri = 'https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1.0.0';

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
      name: 'several entries are verified one by one, and counted',
      run: async () => {
        const sigstore = await simulated(1);
        const request = { ...release, payload: await statementFor(artifact), logCount: 3 };
        const bundle = await sigstore.signDsse(request);
        const requirements = { tlogEntriesMin: 3, tlogEntriesMax: 3, sctsMin: 1, observerTimestampsMin: 1 };
        const { logEntries } = await authenticate(sigstore, { bundle, requirements });
        expectEqual(new Set(logEntries.map(({ logIndex }) => logIndex)).size, 3);
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
