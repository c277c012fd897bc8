/** The body of a log entry says what was logged: it must be this bundle's signature, over the same, by the same key. */
import {
  BytesError,
  type JsonNode,
  decodeUtf8,
  digest,
  equalBytes,
  fromBase64,
  parseJson,
  parsePem,
} from '@vitrine/bytes';
import type { VerificationKey } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import type { BundleContent, BundleSigner } from './bundle.ts';
import { sigstoreError } from './error.ts';
import type { LogEntry } from './log-entry.ts';

/** What the entry must be about. */
export interface Logged {
  readonly content: BundleContent;
  readonly signer: BundleSigner;
  readonly key: VerificationKey;
  readonly artifact: Uint8Array | undefined;
}

/** What the body says, of whichever kind it is. */
interface Body {
  readonly contentKind: BundleContent['kind'];
  readonly hash: { readonly algorithm: HashName; readonly digest: Uint8Array };
  readonly signature: Uint8Array;
  readonly verifier: Verifier;
  /** Where the body has them; DSSE only. */
  readonly payloadType?: string;
  readonly payload?: Uint8Array | undefined;
}

interface Verifier {
  readonly kind: 'certificate' | 'key';
  readonly der: Uint8Array;
}

type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512';

const readers: Readonly<Record<string, (spec: JsonNode) => Body>> = {
  'hashedrekord 0.0.1': readHashedRekord,
  'hashedrekord 0.0.2': readHashedRekordV2,
  'dsse 0.0.1': readDsse,
  'dsse 0.0.2': readDsseV2,
  'intoto 0.0.2': readIntoto,
};
const lowerCaseHashes = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;
const upperCaseHashes = { SHA2_256: 'SHA-256', SHA2_384: 'SHA-384', SHA2_512: 'SHA-512' } as const;

/** @throws ProvenanceError LOG_ENTRY_MALFORMED, LOG_ENTRY_MISMATCH or ARTIFACT_DIGEST_MISMATCH */
export async function requireEntryMatches(entry: LogEntry, logged: Logged): Promise<void> {
  const { content, artifact } = logged;
  const body = readBody(entry);
  if (body.contentKind !== content.kind)
    throw mismatch(`an entry of kind ${entry.kind}, which a bundle of this content does not have`);
  if (!equalBytes(body.signature, content.signature)) throw mismatch('another signature');
  requireSameVerifier(body.verifier, logged);
  if (content.kind === 'dsse') {
    if (body.payloadType !== undefined && body.payloadType !== content.payloadType)
      throw mismatch('another payload type');
    if (body.payload && !equalBytes(body.payload, content.payload)) throw mismatch('another payload');
    if (!equalBytes(await digest(body.hash.algorithm, content.payload), body.hash.digest))
      throw mismatch('a payload of another digest');
    return;
  }
  // Without the artifact the signature has been refused before.
  if (!artifact || !equalBytes(await digest(body.hash.algorithm, artifact), body.hash.digest))
    throw sigstoreError('ARTIFACT_DIGEST_MISMATCH', 'The log entry is about another artifact.');
}

function requireSameVerifier({ kind, der }: Verifier, { signer, key }: Logged): void {
  if (signer.kind !== kind) throw mismatch(`a ${kind}, the bundle has a ${signer.kind}`);
  const own = signer.kind === 'certificate' ? signer.leaf.der : key.subjectPublicKeyInfo;
  if (!equalBytes(own, der)) throw mismatch(`another ${kind}`);
}

function readBody({ canonicalizedBody, kind, version }: LogEntry): Body {
  return refuseAs('LOG_ENTRY_MALFORMED', () => {
    const body = parseJson(canonicalizedBody, 'log entry', { maxBytes: 32 * 1024 * 1024 });
    body.onlyNames('apiVersion', 'kind', 'spec');
    if (body.get('kind').string() !== kind || body.get('apiVersion').string() !== version)
      throw mismatch('an entry of another kind or version than the bundle says');
    const name = `${kind} ${version}`;
    const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (!read)
      throw sigstoreError(
        'LOG_ENTRY_MALFORMED',
        `Log entries of kind ${kind.slice(0, 40)}, version ${version.slice(0, 20)} are not supported.`,
      );
    return read(body.get('spec'));
  });
}

/** Rekor's hashedrekord type, schema 0.0.1. */
function readHashedRekord(spec: JsonNode): Body {
  spec.onlyNames('data', 'signature');
  const signature = spec.get('signature').onlyNames('content', 'publicKey');
  return {
    contentKind: 'message',
    hash: readHash(spec.get('data').onlyNames('hash').get('hash')),
    signature: signature.get('content').base64(),
    verifier: readPem(signature.get('publicKey').onlyNames('content').get('content')),
  };
}

/** Rekor's dsse type, schema 0.0.1. Its envelopeHash is of JSON that a bundle does not preserve. */
function readDsse(spec: JsonNode): Body {
  spec.onlyNames('envelopeHash', 'payloadHash', 'signatures');
  const signature = onlyItem(spec.get('signatures')).onlyNames('signature', 'verifier');
  return {
    contentKind: 'dsse',
    hash: readHash(spec.get('payloadHash')),
    signature: signature.get('signature').base64(),
    verifier: readPem(signature.get('verifier')),
  };
}

/** Rekor's intoto type, schema 0.0.2: signature and payload are base64 of what is base64 in the envelope. */
function readIntoto(spec: JsonNode): Body {
  const content = spec.onlyNames('content').get('content').onlyNames('envelope', 'hash', 'payloadHash');
  const envelope = content.get('envelope').onlyNames('payload', 'payloadType', 'signatures');
  const signature = onlyItem(envelope.get('signatures')).onlyNames('keyid', 'publicKey', 'sig');
  const payload = envelope.optional('payload');
  return {
    contentKind: 'dsse',
    hash: readHash(content.get('payloadHash')),
    signature: doublyBase64(signature.get('sig')),
    verifier: readPem(signature.get('publicKey')),
    payloadType: envelope.get('payloadType').string(),
    payload: payload && doublyBase64(payload),
  };
}

/** HashedRekordLogEntryV002 of Rekor v2. */
function readHashedRekordV2(spec: JsonNode): Body {
  const entry = spec.onlyNames('hashedRekordV002').get('hashedRekordV002').onlyNames('data', 'signature');
  return {
    contentKind: 'message',
    hash: readHashV2(entry.get('data')),
    ...readSignatureV2(entry.get('signature')),
  };
}

/** DSSELogEntryV002 of Rekor v2. */
function readDsseV2(spec: JsonNode): Body {
  const entry = spec.onlyNames('dsseV002').get('dsseV002').onlyNames('payloadHash', 'signatures');
  return {
    contentKind: 'dsse',
    hash: readHashV2(entry.get('payloadHash')),
    ...readSignatureV2(onlyItem(entry.get('signatures'))),
  };
}

function readSignatureV2(node: JsonNode): Pick<Body, 'signature' | 'verifier'> {
  const verifier = node.onlyNames('content', 'verifier').get('verifier');
  verifier.onlyNames('publicKey', 'x509Certificate', 'keyDetails');
  const certificate = verifier.optional('x509Certificate');
  const holder = certificate ?? verifier.get('publicKey');
  return {
    signature: node.get('content').base64(),
    verifier: {
      kind: certificate ? 'certificate' : 'key',
      der: holder.onlyNames('rawBytes').get('rawBytes').base64(),
    },
  };
}

function readHash(node: JsonNode): Body['hash'] {
  node.onlyNames('algorithm', 'value');
  const algorithm = lowerCaseHashes[node.get('algorithm').word('sha256', 'sha384', 'sha512')];
  return { algorithm, digest: node.get('value').hex() };
}

function readHashV2(node: JsonNode): Body['hash'] {
  node.onlyNames('algorithm', 'digest');
  const algorithm = upperCaseHashes[node.get('algorithm').word('SHA2_256', 'SHA2_384', 'SHA2_512')];
  return { algorithm, digest: node.get('digest').base64() };
}

/** Base64 of PEM with one block. */
function readPem(node: JsonNode): Verifier {
  const [block, ...others] = parsePem(decodeUtf8(node.base64(), node.path), node.path);
  if (!block || others.length > 0) throw new BytesError('PEM_INVALID', `${node.path}: expected one block.`);
  if (block.label === 'CERTIFICATE') return { kind: 'certificate', der: block.bytes };
  if (block.label === 'PUBLIC KEY') return { kind: 'key', der: block.bytes };
  throw new BytesError('PEM_INVALID', `${node.path}: expected a certificate or a public key.`);
}

function doublyBase64(node: JsonNode): Uint8Array {
  return fromBase64(decodeUtf8(node.base64(), node.path), node.path);
}

function onlyItem(node: JsonNode): JsonNode {
  const [first, ...others] = node.items(16);
  if (!first || others.length > 0)
    throw new BytesError(
      'JSON_SHAPE',
      `${node.path}: expected one item, found ${others.length + (first ? 1 : 0)}.`,
    );
  return first;
}

function mismatch(found: string) {
  return sigstoreError('LOG_ENTRY_MISMATCH', `The log entry is about something else: ${found}.`);
}
