/** Bundles, trusted roots, statements and notes that are none. */
import { utf8 } from '@vitrine/bytes';
import { parseSigstoreBundle, parseStatement, parseTrustedRoot } from '@vitrine/provenance/sigstore';
import { parseCheckpoint, parseSignedNote } from '../../src/signed-note.ts';
import { publicGoodTrustedRoot } from '@vitrine/provenance/sigstore/public-good';
import { publicGoodRoot } from '../../src/sigstore/public-good-root.ts';
import { type Suite, expectEqual, expectRefused } from '../../../evidence/test/suite.ts';
import { release, simulated, statementFor } from './release.ts';

type Json = Record<string, unknown>;
type Change = readonly [what: string, change: (document: Json) => unknown, code?: string];

/** A member far down: `at(bundle, 'verificationMaterial', 'tlogEntries', 0)`. */
function at(document: Json, ...path: readonly (string | number)[]): Json {
  return path.reduce<unknown>(
    (node, name) => (node as Record<string | number, unknown>)[name],
    document,
  ) as Json;
}

const material = (bundle: Json) => at(bundle, 'verificationMaterial');
const entry = (bundle: Json) => at(material(bundle), 'tlogEntries', 0);
const proof = (bundle: Json) => at(entry(bundle), 'inclusionProof');
const envelope = (bundle: Json) => at(bundle, 'dsseEnvelope');

const bundleChanges: readonly Change[] = [
  ['no media type', (b) => delete b['mediaType']],
  ['another media type', (b) => (b['mediaType'] = 'application/json'), 'BUNDLE_VERSION_UNSUPPORTED'],
  ['a media type of the prototype', (b) => (b['mediaType'] = 'constructor'), 'BUNDLE_VERSION_UNSUPPORTED'],
  ['a member of another name', (b) => (b['verified'] = true)],
  ['no material', (b) => delete b['verificationMaterial']],
  ['material of another kind', (b) => (b['verificationMaterial'] = [])],
  ['another member of the material', (b) => (material(b)['trusted'] = true)],
  ['no signer', (b) => delete material(b)['certificate']],
  ['two signers', (b) => (material(b)['publicKey'] = { hint: '' })],
  ['a certificate that is none', (b) => (at(material(b), 'certificate')['rawBytes'] = 'AAAA')],
  ['an empty certificate', (b) => (at(material(b), 'certificate')['rawBytes'] = '')],
  ['base64 without padding', (b) => (envelope(b)['payload'] = 'YQ')],
  ['base64 for URLs', (b) => (envelope(b)['payload'] = '_-8=')],
  ['base64 with a line break', (b) => (envelope(b)['payload'] = 'YWJj\nYWJj')],
  ['base64 with unused bits', (b) => (envelope(b)['payload'] = 'YR==')],
  ['no content', (b) => delete b['dsseEnvelope']],
  ['two contents', (b) => (b['messageSignature'] = { signature: 'YWJj' })],
  ['no signature', (b) => (envelope(b)['signatures'] = [])],
  ['two signatures', (b) => (envelope(b)['signatures'] = [{ sig: 'YWJj' }, { sig: 'YWJj' }])],
  ['an empty signature', (b) => (envelope(b)['signatures'] = [{ sig: '' }])],
  ['no payload type', (b) => delete envelope(b)['payloadType']],
  [
    'more log entries than are read',
    (b) => (material(b)['tlogEntries'] = Array.from({ length: 17 }, () => entry(b))),
  ],
  ['a log index below zero', (b) => (entry(b)['logIndex'] = '-1')],
  ['a log index with a sign', (b) => (entry(b)['logIndex'] = '+1')],
  ['a log index with zeros in front', (b) => (entry(b)['logIndex'] = '01')],
  ['a log index beyond 63 bits', (b) => (entry(b)['logIndex'] = '9223372036854775808')],
  ['a log index with a fraction', (b) => (entry(b)['logIndex'] = 1.5)],
  ['a log ID of another length', (b) => (entry(b)['logId'] = { keyId: 'YWJj' })],
  ['a time beyond the calendar', (b) => (entry(b)['integratedTime'] = '999999999999999')],
  ['no kind', (b) => delete entry(b)['kindVersion']],
  ['no body', (b) => delete entry(b)['canonicalizedBody']],
  ['a body that is empty', (b) => (entry(b)['canonicalizedBody'] = '')],
  ['no inclusion proof', (b) => delete entry(b)['inclusionProof']],
  ['an inclusion proof that is null', (b) => (entry(b)['inclusionProof'] = null)],
  ['no checkpoint', (b) => delete proof(b)['checkpoint']],
  ['a root hash of another length', (b) => (proof(b)['rootHash'] = 'YWJj')],
  ['a hash of another length', (b) => (proof(b)['hashes'] = ['YWJj'])],
  [
    'more hashes than a tree has levels',
    (b) => (proof(b)['hashes'] = Array.from({ length: 65 }, () => proof(b)['rootHash'])),
  ],
  [
    'a checkpoint without a signature',
    (b) => (proof(b)['checkpoint'] = { envelope: 'log\n1\nAA==\n' }),
    'CHECKPOINT_INVALID',
  ],
  [
    'timestamps of another form',
    (b) => (material(b)['timestampVerificationData'] = { rfc3161Timestamps: ['YWJj'] }),
  ],
  [
    'a chain in version 0.3 with more than the leaf',
    (b) => {
      const certificate = material(b)['certificate'];
      delete material(b)['certificate'];
      material(b)['x509CertificateChain'] = { certificates: [certificate, certificate] };
    },
  ],
];

const service = (root: Json, list: string) => at(root, list, 0);

const rootChanges: readonly Change[] = [
  ['no media type', (r) => delete r['mediaType']],
  ['another media type', (r) => (r['mediaType'] = 'application/json')],
  [
    'a log without the start of its validity',
    (r) => delete at(service(r, 'tlogs'), 'publicKey', 'validFor')['start'],
  ],
  ['a log without its validity', (r) => delete at(service(r, 'tlogs'), 'publicKey')['validFor']],
  [
    'a certificate log without the start of its validity',
    (r) => delete at(service(r, 'ctlogs'), 'publicKey', 'validFor')['start'],
  ],
  [
    'an authority without the start of its validity',
    (r) => (service(r, 'certificateAuthorities')['validFor'] = {}),
  ],
  [
    'a timestamp authority without the start of its validity',
    (r) => (service(r, 'timestampAuthorities')['validFor'] = {}),
  ],
  [
    'a validity that ends before it starts',
    (r) => (at(service(r, 'tlogs'), 'publicKey', 'validFor')['end'] = '2000-01-01T00:00:00Z'),
  ],
  [
    'a time that is none',
    (r) => (at(service(r, 'tlogs'), 'publicKey', 'validFor')['start'] = '2025-02-30T00:00:00Z'),
  ],
  ['a key that is none', (r) => (at(service(r, 'ctlogs'), 'publicKey')['rawBytes'] = 'YWJj')],
  [
    'a key of another kind than it says',
    (r) => (at(service(r, 'tlogs'), 'publicKey')['keyDetails'] = 'PKIX_ED25519'),
  ],
  [
    'a key of another curve than it says',
    (r) => (at(service(r, 'tlogs'), 'publicKey')['keyDetails'] = 'PKIX_ECDSA_P384_SHA_384'),
  ],
  ['a log ID of another length', (r) => (service(r, 'tlogs')['logId'] = { keyId: 'YWJj' })],
  ['another hash', (r) => (service(r, 'tlogs')['hashAlgorithm'] = 'SHA2_512')],
  [
    'an authority without certificates',
    (r) => (service(r, 'certificateAuthorities')['certChain'] = { certificates: [] }),
  ],
  [
    'a certificate that is none',
    (r) => (at(service(r, 'timestampAuthorities'), 'certChain', 'certificates', 0)['rawBytes'] = 'YWJj'),
  ],
];

const statementChanges: readonly Change[] = [
  ['another member', (s) => (s['_spec_version'] = 1)],
  ['no type', (s) => delete s['_type']],
  ['no subject', (s) => delete s['subject']],
  ['a subject that is no list', (s) => (s['subject'] = {})],
  ['a subject without digests', (s) => delete at(s, 'subject', 0)['digest']],
  ['a digest that is no text', (s) => (at(s, 'subject', 0)['digest'] = { sha256: 1 })],
  ['no predicate type', (s) => delete s['predicateType']],
  [
    'more digests than there are algorithms',
    (s) =>
      (at(s, 'subject', 0)['digest'] = Object.fromEntries(
        Array.from({ length: 33 }, (_, n) => [`h${n}`, '']),
      )),
  ],
];

const root = `${'A'.repeat(43)}=`;
const signature = '\u2014 log AAAAAAAA';
const note = `log\n5\n${root}\n\n${signature}\n`;

const notes: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['no blank line', `log\n5\n${root}\n${signature}\n`],
  ['no signature', `log\n5\n${root}\n\n`],
  ['no line break at the end', note.slice(0, -1)],
  ['a hyphen for the dash', note.replace('\u2014', '-')],
  ['a name with a plus', note.replace('\u2014 log', '\u2014 l+g')],
  ['a name that is empty', note.replace('\u2014 log', '\u2014 ')],
  ['a signature of a key hint only', note.replace('log AAAAAAAA', 'log AAAAAA==')],
  ['a signature that is no base64', note.replace('log AAAAAAAA', 'log AAAAAAA')],
  ['a carriage return', note.replace('\n5', '\r\n5')],
  ['a NUL', note.replace('log\n5', 'l\0g\n5')],
  ['half a character', note.replace('log\n5', 'l\ud800g\n5')],
  ['more signatures than are read', `log\n5\n${root}\n\n${`${signature}\n`.repeat(65)}`],
  ['more characters than are read', `${'log\n'.repeat(20_000)}\n${signature}\n`],
];

const checkpoints: readonly (readonly [string, string])[] = [
  ['no origin', note.replace('log\n5', '\n5')],
  ['no size', note.replace('\n5\n', '\n\n')],
  ['a size with zeros in front', note.replace('\n5\n', '\n05\n')],
  ['a size below zero', note.replace('\n5\n', '\n-5\n')],
  ['a size that is no number', note.replace('\n5\n', '\n0x5\n')],
  ['a root of another length', note.replace(root, 'AAAA')],
  ['a root without padding', note.replace(root, root.slice(0, -1))],
];

export const parsing: Suite = {
  name: 'bundles, roots, statements and notes that are none',
  cases: [
    ...bundleChanges.map(([what, change, code = 'BUNDLE_MALFORMED']) => ({
      name: `a bundle with ${what} is refused as ${code}`,
      run: async () => {
        const sigstore = await simulated(1);
        const good = await sigstore.signDsse({ ...release, payload: await statementFor(utf8('x')) });
        parseSigstoreBundle(good);
        await expectRefused(() => parseSigstoreBundle(changed(good, change)), code);
      },
    })),
    {
      name: 'a bundle that is no JSON, has a member twice, or is cut anywhere, is refused',
      run: async () => {
        const sigstore = await simulated(1);
        const good = await sigstore.signDsse({ ...release, payload: '{}', payloadType: 'x' });
        const twice = good.replace('{"mediaType"', '{"dsseEnvelope":{},"mediaType"');
        for (const bad of ['', '{', 'null', '[]', '"bundle"', twice, `${good}{}`])
          await expectRefused(() => parseSigstoreBundle(bad), 'BUNDLE_MALFORMED');
        for (let length = 0; length < good.length; length += 97)
          await expectRefused(() => parseSigstoreBundle(good.slice(0, length)), 'BUNDLE_MALFORMED');
      },
    },
    {
      name: 'members that are null are absent, numbers may stand for texts of digits',
      run: async () => {
        const sigstore = await simulated(1);
        const good = await sigstore.signDsse({ ...release, payload: await statementFor(utf8('x')) });
        const lenient = changed(good, (bundle) => {
          material(bundle)['timestampVerificationData'] = null;
          material(bundle)['publicKey'] = null;
          entry(bundle)['logIndex'] = Number(entry(bundle)['logIndex']);
        });
        expectEqual(parseSigstoreBundle(lenient).logEntries, parseSigstoreBundle(good).logEntries);
      },
    },
    ...rootChanges.map(([what, change]) => ({
      name: `a trusted root with ${what} is refused`,
      run: async () => {
        const { trustedRootJson } = await simulated(1);
        parseTrustedRoot(trustedRootJson);
        await expectRefused(() => parseTrustedRoot(changed(trustedRootJson, change)), 'TRUST_ROOT_INVALID');
      },
    })),
    {
      name: 'a key of an algorithm that nobody knows yet is no reason to refuse the root, and verifies nothing',
      run: async () => {
        const { trustedRootJson } = await simulated(1);
        const later = changed(trustedRootJson, (document) => {
          at(service(document, 'tlogs'), 'publicKey')['keyDetails'] = 'ML_DSA_65';
        });
        expectEqual(parseTrustedRoot(later).tlogs[0]?.key, undefined);
      },
    },
    {
      name: 'the root that is built in is the file that it says it is, byte for byte',
      needsFixtures: true,
      run: async ({ fixture }) => {
        expectEqual(
          utf8(`${JSON.stringify(publicGoodRoot, null, 2)}\n`),
          await fixture('anchors/sigstore/trusted_root.json'),
        );
      },
    },
    {
      name: 'the root that is built in says so; the same from elsewhere does not',
      run: () => {
        expectEqual(publicGoodTrustedRoot().isPublicGood, true);
        const own = parseTrustedRoot(JSON.stringify(publicGoodRoot));
        expectEqual(own.isPublicGood, false);
        expectEqual(own.tlogs.length, 2);
      },
    },
    ...statementChanges.map(([what, change]) => ({
      name: `a statement with ${what} is refused`,
      run: async () => {
        const good = await statementFor(utf8('x'));
        parseStatement(good);
        await expectRefused(() => parseStatement(changed(good, change)), 'STATEMENT_MALFORMED');
      },
    })),
    {
      name: 'notes with anything out of its place are refused',
      run: async () => {
        expectEqual(
          parseSignedNote(note).signatures.map(({ name }) => name),
          ['log'],
        );
        for (const [what, text] of notes)
          await expectRefused(() => parseSignedNote(text), 'NOTE_MALFORMED', what);
      },
    },
    {
      name: 'checkpoints with anything out of its place are refused, other lines below are not',
      run: async () => {
        const { origin, treeSize } = parseCheckpoint(note.replace(root, `${root}\nTimestamp: 1`));
        expectEqual([origin, treeSize], ['log', 5n]);
        for (const [what, text] of checkpoints)
          await expectRefused(() => parseCheckpoint(text), 'NOTE_MALFORMED', what);
      },
    },
  ],
};

function changed(json: string, change: (document: Json) => unknown): string {
  const document = JSON.parse(json) as Json;
  change(document);
  return JSON.stringify(document);
}
