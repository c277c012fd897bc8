/** What is sent to the log of a signature, by kind and version of the entry. */
import { formatPem, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import type { SigstoreDefect } from './defect.ts';
import type { RekorEntry } from './rekor.ts';

export interface Logged {
  readonly kind: 'dsse' | 'intoto' | 'hashedrekord';
  /** What is hashed: the payload of an envelope, or the artifact. */
  readonly data: Uint8Array;
  readonly payloadType: string;
  readonly signature: Uint8Array;
  readonly verifier: { readonly kind: 'certificate' | 'key'; readonly der: Uint8Array };
}

export async function entryOf(
  original: Logged,
  rekor: 1 | 2,
  defect: SigstoreDefect | undefined,
  otherCertificate: Uint8Array,
): Promise<RekorEntry> {
  const logged = altered(original, defect, otherCertificate);
  const hash = await sha256(logged.data);
  if (rekor === 2) return secondVersion(logged, hash);
  switch (logged.kind) {
    case 'hashedrekord':
      return hashedRekord(logged, hash);
    case 'dsse':
      return dsse(logged, hash);
    case 'intoto':
      return intoto(logged, hash);
  }
}

function altered(logged: Logged, defect: SigstoreDefect | undefined, otherCertificate: Uint8Array): Logged {
  switch (defect) {
    case 'entry-of-another-signature':
      return { ...logged, signature: Uint8Array.from(logged.signature, (byte) => byte ^ 1) };
    case 'entry-of-another-certificate':
      return { ...logged, verifier: { kind: 'certificate', der: otherCertificate } };
    case 'entry-of-another-content':
      return { ...logged, data: utf8('something else') };
    case 'entry-of-another-kind':
      return { ...logged, kind: logged.kind === 'hashedrekord' ? 'dsse' : 'hashedrekord' };
    default:
      return logged;
  }
}

function pem({ verifier }: Logged): string {
  const label = verifier.kind === 'certificate' ? 'CERTIFICATE' : 'PUBLIC KEY';
  return toBase64(utf8(formatPem(label, verifier.der)));
}

function hashOf(value: Uint8Array) {
  return { algorithm: 'sha256', value: toHex(value) };
}

function hashedRekord(logged: Logged, hash: Uint8Array): RekorEntry {
  const signature = { content: toBase64(logged.signature), publicKey: { content: pem(logged) } };
  return { kind: 'hashedrekord', version: '0.0.1', spec: { data: { hash: hashOf(hash) }, signature } };
}

function dsse(logged: Logged, hash: Uint8Array): RekorEntry {
  const signatures = [{ signature: toBase64(logged.signature), verifier: pem(logged) }];
  return {
    kind: 'dsse',
    version: '0.0.1',
    spec: { envelopeHash: hashOf(hash), payloadHash: hashOf(hash), signatures },
  };
}

/** Base64 of base64. */
function intoto(logged: Logged, hash: Uint8Array): RekorEntry {
  const signatures = [{ publicKey: pem(logged), sig: toBase64(utf8(toBase64(logged.signature))) }];
  const envelope = {
    payload: toBase64(utf8(toBase64(logged.data))),
    payloadType: logged.payloadType,
    signatures,
  };
  return {
    kind: 'intoto',
    version: '0.0.2',
    spec: { content: { envelope, hash: hashOf(hash), payloadHash: hashOf(hash) } },
  };
}

function secondVersion(logged: Logged, hash: Uint8Array): RekorEntry {
  const { kind, verifier } = logged;
  const key = { rawBytes: toBase64(verifier.der) };
  const holder = verifier.kind === 'certificate' ? { x509Certificate: key } : { publicKey: key };
  const signature = {
    content: toBase64(logged.signature),
    verifier: { ...holder, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
  };
  const digest = { algorithm: 'SHA2_256', digest: toBase64(hash) };
  return kind === 'hashedrekord'
    ? { kind, version: '0.0.2', spec: { hashedRekordV002: { data: digest, signature } } }
    : {
        kind: 'dsse',
        version: '0.0.2',
        spec: { dsseV002: { payloadHash: digest, signatures: [signature] } },
      };
}
