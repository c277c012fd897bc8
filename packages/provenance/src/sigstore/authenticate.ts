/**
 * A bundle becomes authentic: signed by a key that Fulcio certified at a time that others observed, and logged. Whose
 * signature it is, and what it says, is a policy's question (`appraiseIdentity`).
 */
import { equalBytes } from '@vitrine/bytes';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { type Certificate, type VerificationKey, begun } from '@vitrine/x509';
import { type BundleContent, type BundleSigner, type SigstoreBundle, parseSigstoreBundle } from './bundle.ts';
import { sigstoreError } from './error.ts';
import { type Identity, identityOf } from './identity.ts';
import type { Logged } from './log-body.ts';
import { type ObservedTime, claimedTimes, requireTimes, requireTimestamps } from './observed-times.ts';
import { type SigstoreRequirements, publicGoodRequirements, requireCounts } from './requirements.ts';
import { type ArtifactInput, digestOf, parseVerificationKey, requireSignature } from './signature.ts';
import { type VerifiedSct, chainOf, requireFulcioChain, requireScts } from './signing-certificate.ts';
import { type Statement, inTotoPayloadType, parseStatement, requireSubject } from './statement.ts';
import { type VerifiedLogEntry, requireEntryCount, requireLogged } from './transparency-log.ts';
import type { TrustedRoot } from './trusted-root.ts';

export interface BundleEvidence extends ArtifactInput {
  /** JSON, or what `parseSigstoreBundle` made of it. */
  readonly bundle: Uint8Array | string | SigstoreBundle;
  /** Whose signatures count, and nobody else's. */
  readonly trustedRoot: TrustedRoot;
  /** Nothing may have been observed after it. It need not be near the time of signing. */
  readonly now: Date;
  /** For bundles that are signed with a bare key: PEM or DER of it. */
  readonly key?: Uint8Array | string | undefined;
  /** Default those of the public-good instance: one log entry, one certificate timestamp, one observer. */
  readonly requirements?: SigstoreRequirements | undefined;
}

declare const authentic: unique symbol;

export interface AuthenticBundle {
  readonly [authentic]: true;
  readonly bundle: SigstoreBundle;
  readonly content: BundleContent;
  /** Of an envelope; undefined where an artifact is signed itself. */
  readonly payload: Uint8Array | undefined;
  readonly payloadType: string | undefined;
  /** The statement, where the payload is one. */
  readonly statement: Statement | undefined;
  readonly signer: AuthenticSigner;
  /** Of the certificate; undefined where the bundle is signed with a bare key. */
  readonly identity: Identity | undefined;
  /** The earliest first. */
  readonly observedTimes: readonly ObservedTime[];
  readonly logEntries: readonly VerifiedLogEntry[];
  readonly scts: readonly VerifiedSct[];
  /** The trusted root is the built-in one of the public-good instance: false for any that the caller named. */
  readonly isPublicGood: boolean;
  /** What was proven, and what was not looked at. */
  readonly checks: readonly Check[];
}

export type AuthenticSigner =
  | {
      readonly kind: 'certificate';
      readonly certificate: Certificate;
      readonly identity: Identity;
      /** The leaf first, the root last. */
      readonly chain: readonly Certificate[];
    }
  | { readonly kind: 'key'; readonly key: VerificationKey };

/**
 * @throws ProvenanceError with a SigstoreErrorCode. What costs no signature is checked first; of signatures that fail
 *   together the timestamps' are named first, then the certificate's, its own timestamps', the content's and the log's.
 * @throws RangeError for requirements that are no counts
 */
export async function authenticateBundle(evidence: BundleEvidence): Promise<AuthenticBundle> {
  const { trustedRoot } = evidence;
  const requirements = requireCounts(evidence.requirements ?? publicGoodRequirements);
  const bundle = read(evidence.bundle);
  const artifact = snapshot(evidence);
  const now = new Date(evidence.now);
  const { content, logEntries } = bundle;
  const key = keyOf(bundle.signer, evidence.key);
  const count = requireEntryCount(logEntries, entryRange(requirements));
  const { timestamps, times } = claimedTimes(bundle, trustedRoot);
  const observers = requireTimes(times, requirements.observerTimestampsMin, now);
  const moments = times.length > 0 ? times.map(({ time }) => time) : [now];
  const signer = await signerOf(bundle.signer, key, moments, trustedRoot);

  // Times are claims until the first and the last of these have passed: nothing is returned before.
  const timestamped = begun(requireTimestamps(timestamps, content.signature));
  const certified = begun(requireCertificate(signer, moments, trustedRoot, requirements.sctsMin));
  const signed = begun(requireSignature(content, key, artifact));
  const logged: Logged = { content, signer: bundle.signer, key, artifact: artifact.artifact };
  const entries = logEntries.map((entry) => begun(requireLogged(entry, logged, moments, trustedRoot)));
  const stated = begun(requireStatement(content, artifact));

  const timestampCheck = await timestamped;
  const certificate = await certified;
  const signatureCheck = await signed;
  const log: Awaited<(typeof entries)[number]>[] = [];
  for (const entry of entries) log.push(await entry);
  const { statement, check } = await stated;
  return {
    bundle,
    content,
    payload: content.kind === 'dsse' ? content.payload : undefined,
    payloadType: content.kind === 'dsse' ? content.payloadType : undefined,
    statement,
    signer,
    identity: signer.kind === 'certificate' ? signer.identity : undefined,
    observedTimes: [...times].sort((a, b) => a.time.getTime() - b.time.getTime()),
    logEntries: log.map(({ entry }) => entry),
    scts: certificate.scts,
    isPublicGood: trustedRoot.isPublicGood,
    checks: [
      formatCheck(bundle),
      count,
      observers,
      timestampCheck,
      ...certificate.checks,
      signatureCheck,
      ...log.flatMap(({ checks }) => checks),
      check,
    ],
  } as Omit<AuthenticBundle, typeof authentic> as AuthenticBundle;
}

function read(bundle: BundleEvidence['bundle']): SigstoreBundle {
  if (typeof bundle === 'string') return parseSigstoreBundle(bundle);
  return bundle instanceof Uint8Array ? parseSigstoreBundle(new Uint8Array(bundle)) : bundle;
}

/** The bytes as they are now: a caller that changes them later changes nothing here. */
function snapshot({ artifact, artifactDigest }: ArtifactInput): ArtifactInput {
  return {
    artifact: artifact && new Uint8Array(artifact),
    artifactDigest: artifactDigest && new Uint8Array(artifactDigest),
  };
}

function entryRange({ tlogEntriesMin: min, tlogEntriesMax: max = Infinity }: SigstoreRequirements) {
  return { min, max };
}

/** The certificate's key, or the one that was given; never one for the other. */
function keyOf(signer: BundleSigner, given: Uint8Array | string | undefined): VerificationKey {
  if (signer.kind === 'certificate') {
    if (given === undefined) return signer.leaf;
    throw sigstoreError('KEY_UNEXPECTED', 'A key was given, and the bundle is signed with a certificate.');
  }
  if (given !== undefined) return parseVerificationKey(given);
  throw sigstoreError('KEY_REQUIRED', 'The bundle is signed with a bare key: it must be given.');
}

async function signerOf(
  signer: BundleSigner,
  key: VerificationKey,
  moments: readonly Date[],
  root: TrustedRoot,
): Promise<AuthenticSigner> {
  if (signer.kind === 'key') return { kind: 'key', key };
  const chain = await chainOf(signer, moments, root);
  return { kind: 'certificate', certificate: signer.leaf, identity: identityOf(signer.leaf), chain };
}

async function requireCertificate(
  signer: AuthenticSigner,
  moments: readonly Date[],
  root: TrustedRoot,
  sctsMin: number,
): Promise<{ readonly scts: readonly VerifiedSct[]; readonly checks: readonly Check[] }> {
  if (signer.kind === 'key') {
    const rule = {
      rule: 'sigstore.certificate',
      expected: 'a certificate of the trusted root',
      source: 'Sigstore client specification section 4.3',
    };
    return { scts: [], checks: [notChecked(rule, 'the bundle is signed with the key that was given')] };
  }
  const issued = begun(requireFulcioChain(signer.chain, moments));
  const timestamped = begun(requireScts(signer.chain, root, sctsMin));
  const check = await issued;
  const { scts, check: sctCheck } = await timestamped;
  return { scts, checks: [check, sctCheck] };
}

const subjectRule = {
  rule: 'sigstore.artifact',
  expected: 'the artifact is a subject of the statement, or what is signed',
  source: 'in-toto attestation framework, statement v1',
};

async function requireStatement(
  content: BundleContent,
  input: ArtifactInput,
): Promise<{ readonly statement: Statement | undefined; readonly check: Check }> {
  await requireOwnDigest(input);
  if (content.kind === 'message')
    return { statement: undefined, check: passed({ ...subjectRule, found: 'signed itself' }) };
  const isStatement = content.payloadType === inTotoPayloadType;
  const statement = isStatement ? parseStatement(content.payload) : undefined;
  const digest = await digestOf(input);
  if (!digest)
    return { statement, check: notChecked(subjectRule, 'neither the artifact nor its digest was given') };
  if (!statement)
    throw sigstoreError(
      'PAYLOAD_TYPE_MISMATCH',
      `Only a statement is about an artifact, the payload is of type ${content.payloadType.slice(0, 100)}.`,
    );
  const { name } = requireSubject(statement, { digest });
  return { statement, check: passed({ ...subjectRule, found: name === '' ? 'a subject' : name }) };
}

/** Where both are given they must agree. */
async function requireOwnDigest({ artifact, artifactDigest }: ArtifactInput): Promise<void> {
  if (!artifact || !artifactDigest) return;
  const hash = ({ 32: 'SHA-256', 48: 'SHA-384', 64: 'SHA-512' } as const)[artifactDigest.length];
  const own = hash && (await digestOf({ artifact }, hash));
  if (!own || !equalBytes(own, artifactDigest))
    throw sigstoreError('ARTIFACT_DIGEST_MISMATCH', 'The artifact has another digest than the one given.');
}

function formatCheck({ version, content, signer }: SigstoreBundle): Check {
  return passed({
    rule: 'sigstore.bundle.format',
    expected: 'version 0.1, 0.2 or 0.3',
    found: `version ${version}, ${content.kind === 'dsse' ? 'an envelope' : 'an artifact'} signed with a ${signer.kind}`,
    source: 'Sigstore protobuf-specs, sigstore_bundle.proto',
  });
}
