/** The signature of a bundle: over a DSSE envelope or over an artifact, by the certificate's key or one that was given. */
import { type DigestName, concatBytes, digest, equalBytes, parsePemBlocks, utf8 } from '@vitrine/bytes';
import { type Check, passed } from '@vitrine/appraisal';
import { type SignatureAlgorithm, type VerificationKey, describeKey, isSignedBy } from '@vitrine/x509';
import { refuseAs, refuseAsync } from '../error.ts';
import type { BundleContent } from './bundle.ts';
import { sigstoreError } from './error.ts';
import { keyOf } from './trusted-root.ts';

/** What the caller has of the artifact. */
export interface ArtifactInput {
  /** Its bytes; a signature over an artifact cannot be verified without. */
  readonly artifact?: Uint8Array | undefined;
  /** SHA-256, SHA-384 or SHA-512: enough for a statement, whose subject it must be. */
  readonly artifactDigest?: Uint8Array | undefined;
}

const hashOfCurve = { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' } as const;

/**
 * A public key: PEM (SubjectPublicKeyInfo) or its DER.
 * @throws ProvenanceError KEY_MALFORMED
 */
export function parseVerificationKey(key: Uint8Array | string): VerificationKey {
  return refuseAs('KEY_MALFORMED', () => {
    if (typeof key !== 'string') return keyOf(key);
    const [first, ...others] = parsePemBlocks(key, 'PUBLIC KEY', 'public key');
    if (others.length > 0)
      throw sigstoreError('KEY_MALFORMED', `Expected one public key, found ${others.length + 1}.`);
    return keyOf(first!);
  });
}

/** Pre-authentication encoding (DSSE protocol v1.0.0): what the signature of an envelope is over. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

/** @throws ProvenanceError DSSE_SIGNATURE_INVALID, MESSAGE_SIGNATURE_INVALID, ARTIFACT_REQUIRED, ARTIFACT_DIGEST_MISMATCH */
export async function requireSignature(
  content: BundleContent,
  key: VerificationKey,
  input: ArtifactInput,
): Promise<Check> {
  const rule = {
    rule: 'sigstore.signature',
    found: `signed by a key of kind ${describeKey(key.publicKey)}`,
  };
  if (content.kind === 'dsse') {
    const signed = preAuthEncoding(content.payloadType, content.payload);
    await requireSigned(content.signature, signed, key, 'DSSE_SIGNATURE_INVALID', 'envelope');
    const expected = 'the payload and its type, signed by the key of the certificate or the one given';
    return passed({ ...rule, expected, source: 'DSSE protocol v1.0.0' });
  }
  const { artifact } = input;
  if (!artifact)
    throw sigstoreError(
      'ARTIFACT_REQUIRED',
      'The bundle signs an artifact itself: its bytes are needed to verify the signature.',
    );
  await requireMessageDigest(content, artifact);
  await requireSigned(content.signature, artifact, key, 'MESSAGE_SIGNATURE_INVALID', 'artifact');
  const expected = 'the artifact, signed by the key of the certificate or the one given';
  return passed({ ...rule, expected, source: 'Sigstore client specification section 4.6' });
}

/** The digest beside the signature is a hint that nothing authenticates; one that is wrong is refused all the same. */
async function requireMessageDigest(
  { digest: hint }: Extract<BundleContent, { readonly kind: 'message' }>,
  artifact: Uint8Array,
): Promise<void> {
  if (!hint || equalBytes(await digest(hint.algorithm, artifact), hint.digest)) return;
  throw sigstoreError(
    'ARTIFACT_DIGEST_MISMATCH',
    `The artifact has another ${hint.algorithm} than the bundle says.`,
  );
}

async function requireSigned(
  signature: Uint8Array,
  tbs: Uint8Array,
  key: VerificationKey,
  code: 'DSSE_SIGNATURE_INVALID' | 'MESSAGE_SIGNATURE_INVALID',
  what: string,
): Promise<void> {
  const signatureAlgorithm = algorithmOf(key);
  const isSigned = await refuseAsync(code, () => isSignedBy({ tbs, signatureAlgorithm, signature }, key));
  if (!isSigned)
    throw sigstoreError(code, `The ${what} is not signed by the key of kind ${describeKey(key.publicKey)}.`);
}

/** The algorithm that Sigstore's registry has for a kind of key. */
export function algorithmOf({ publicKey }: VerificationKey): SignatureAlgorithm {
  switch (publicKey.kind) {
    case 'ec':
      return { name: 'ECDSA', hash: hashOfCurve[publicKey.curve] };
    case 'rsa':
      return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    case 'ed25519':
      return { name: 'Ed25519' };
    case 'unsupported':
      return { name: 'unsupported', oid: publicKey.oid };
  }
}

/** The digest that the input has, or that its bytes have. */
export async function digestOf(
  input: ArtifactInput,
  name: DigestName = 'SHA-256',
): Promise<Uint8Array | undefined> {
  const { artifact, artifactDigest } = input;
  if (!artifact) return artifactDigest;
  return digest(name, artifact);
}
