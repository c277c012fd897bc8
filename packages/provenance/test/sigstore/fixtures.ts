/** The bundle verification cases of sigstore-conformance: each with its verdict, and each refusal with its code. */
import { decodeUtf8 } from '@vitrine/bytes';
import { type BundleEvidence, authenticateBundle, parseTrustedRoot } from '@vitrine/provenance/sigstore';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
} from '../../../evidence/test/suite.ts';

const folder = 'sigstore/bundle-verify';
const now = new Date('2026-11-25T00:00:00Z');
const defaultIdentity =
  'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main';
const defaultIssuer = 'https://token.actions.githubusercontent.com';

/** What a case sets itself, besides its bundle. */
type Own = 'artifact' | 'trusted_root.json' | 'key.pub';

const accepted: readonly (readonly [string, ...Own[]])[] = [
  ['bundle-with-sct-with-extensions', 'trusted_root.json'],
  ['happy-path-intoto-in-dsse-v3'],
  ['happy-path-v0.1'],
  ['happy-path-v0.2'],
  ['happy-path-v0.3'],
  ['happy-path-v0.3-new-mediaType'],
  ['intoto-with-custom-trust-root', 'artifact', 'trusted_root.json'],
  ['managed-key-and-trusted-root', 'key.pub', 'trusted_root.json'],
  ['managed-key-happy-path', 'key.pub'],
];

const refused: readonly (readonly [string, string, ...Own[]])[] = [
  ['bundle-empty-certificate-chain', 'BUNDLE_MALFORMED'],
  ['bundle-from-wrong-instance', 'FULCIO_CHAIN_INVALID'],
  ['bundle-invalid-base64-signature', 'BUNDLE_MALFORMED'],
  ['bundle-malformed-json', 'BUNDLE_MALFORMED'],
  ['bundle-negative-log-index', 'BUNDLE_MALFORMED'],
  ['bundle-unknown-version', 'BUNDLE_VERSION_UNSUPPORTED'],
  ['bundle-with-root-cert', 'BUNDLE_MALFORMED', 'artifact'],
  ['checkpoint-bad-keyhint', 'CHECKPOINT_INVALID'],
  ['checkpoint-wrong-roothash', 'CHECKPOINT_ROOT_MISMATCH'],
  ['dsse-invalid-sig', 'DSSE_SIGNATURE_INVALID'],
  ['dsse-mismatch-envelope', 'LOG_ENTRY_MISMATCH'],
  ['dsse-mismatch-sig', 'LOG_ENTRY_MISMATCH'],
  ['inclusion-proof-corrupted-hash', 'REKOR_INCLUSION_INVALID'],
  ['incorrect-public-key', 'LOG_ENTRY_MISMATCH'],
  ['integrated-time-in-future', 'CERT_EXPIRED'],
  ['intoto-expired-certificate', 'CERT_NOT_YET_VALID', 'artifact', 'trusted_root.json'],
  ['intoto-log-entry-mismatch', 'LOG_ENTRY_MALFORMED', 'artifact', 'trusted_root.json'],
  ['intoto-missing-inclusion-proof', 'BUNDLE_MALFORMED', 'artifact', 'trusted_root.json'],
  ['intoto-set-outside-signing-cert-validity', 'CERT_EXPIRED', 'artifact', 'trusted_root.json'],
  ['intoto-tsa-timestamp-outside-cert-validity', 'CERT_EXPIRED', 'artifact', 'trusted_root.json'],
  ['invalid-checkpoint-signature', 'CHECKPOINT_INVALID'],
  ['invalid-ct-key', 'SCT_INSUFFICIENT', 'trusted_root.json'],
  ['invalid-inclusion-proof', 'BUNDLE_MALFORMED'],
  ['managed-key-no-key', 'KEY_REQUIRED'],
  ['managed-key-wrong-key', 'KEY_MALFORMED', 'key.pub'],
  ['message-digest-mismatch', 'ARTIFACT_DIGEST_MISMATCH'],
  ['set-invalid-signature', 'SET_INVALID'],
  ['signature-mismatch', 'MESSAGE_SIGNATURE_INVALID'],
  ['wrong-hashedrekord-artifact', 'LOG_ENTRY_MISMATCH'],
  ['wrong-hashedrekord-cert-and-sig', 'LOG_ENTRY_MISMATCH'],
  ['wrong-hashedrekord-entry', 'LOG_ENTRY_MISMATCH'],
  ['wrong-material', 'ARTIFACT_DIGEST_MISMATCH', 'artifact'],
];

async function evidenceOf(
  { fixture }: SuiteContext,
  name: string,
  own: readonly Own[],
): Promise<BundleEvidence> {
  const file = (path: string) => fixture(`${folder}/${path}`);
  const root = own.includes('trusted_root.json')
    ? await file(`${name}/trusted_root.json`)
    : await fixture('anchors/sigstore/trusted_root.json');
  return {
    bundle: await file(`${name}/bundle.sigstore.json`),
    trustedRoot: parseTrustedRoot(root),
    artifact: await file(own.includes('artifact') ? `${name}/artifact` : 'a.txt'),
    key: own.includes('key.pub') ? decodeUtf8(await file(`${name}/key.pub`)) : undefined,
    now,
  };
}

const acceptedCases = accepted.map(([name, ...own]): Case => ({
  name: `${name} is accepted`,
  needsFixtures: true,
  run: async (context) => {
    const found = await authenticateBundle(await evidenceOf(context, name, own));
    if (own.includes('key.pub')) {
      expectEqual(found.signer.kind, 'key');
      return;
    }
    expectEqual(found.identity?.subject, defaultIdentity);
    expectEqual(found.identity?.issuer, defaultIssuer);
    expectEqual(found.identity?.workflow?.ref, 'refs/heads/main');
  },
}));

const refusedCases = refused.map(([name, code, ...own]): Case => ({
  name: `${name} is refused as ${code}`,
  needsFixtures: true,
  run: async (context) => {
    const evidence = await evidenceOf(context, `${name}_fail`, own);
    await expectRefused(() => authenticateBundle(evidence), code);
  },
}));

export const fixtures: Suite = {
  name: 'bundles of sigstore-conformance',
  cases: [
    ...acceptedCases,
    ...refusedCases,
    {
      name: 'what is logged after the time given is refused for that alone',
      needsFixtures: true,
      run: async (context) => {
        const evidence = await evidenceOf(context, 'happy-path-v0.3', []);
        const before = new Date('2024-03-19T17:26:25Z');
        await expectRefused(() => authenticateBundle({ ...evidence, now: before }), 'TIME_IN_FUTURE');
      },
    },
  ],
};
