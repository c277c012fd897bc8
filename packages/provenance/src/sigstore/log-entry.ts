/** An entry of a transparency log as a bundle brings it: the body, where it lies, and what proves that. */
import { type JsonNode, BytesError } from '@vitrine/bytes';
import { type Checkpoint, parseCheckpoint } from '../signed-note.ts';
import { ProvenanceError } from '../error.ts';
import { bytesOf, int64Of, listOf, member } from './protobuf-json.ts';
import { sigstoreError } from './error.ts';

/** TransparencyLogEntry of protobuf-specs; parsed, nothing verified. */
export interface LogEntry {
  /** In the whole log. */
  readonly logIndex: bigint;
  /** Names the log's key; 32 bytes. */
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** What the log says; undefined where it says none, as Rekor v2 never does. */
  readonly integratedTime: Date | undefined;
  /** Signed entry timestamp: DER of an ECDSA signature. */
  readonly inclusionPromise: Uint8Array | undefined;
  readonly inclusionProof: InclusionProof | undefined;
  /** What is hashed as the leaf. */
  readonly canonicalizedBody: Uint8Array;
}

export interface InclusionProof {
  /** In the tree of the proof, which may be the last part of the log only. */
  readonly logIndex: bigint;
  readonly treeSize: bigint;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
  /** 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: Checkpoint;
}

const MAX_PROOF_HASHES = 64;
const MAX_UNIX_SECONDS = 253_402_300_799n;

/** @throws ProvenanceError or BytesError, for the bundle's parser to name */
export function parseLogEntry(node: JsonNode): LogEntry {
  node.onlyNames(
    'logIndex',
    'logId',
    'kindVersion',
    'integratedTime',
    'inclusionPromise',
    'inclusionProof',
    'canonicalizedBody',
  );
  const kindVersion = node.get('kindVersion').onlyNames('kind', 'version');
  const promise = member(node, 'inclusionPromise')?.onlyNames('signedEntryTimestamp');
  const proof = member(node, 'inclusionProof');
  return {
    logIndex: int64Of(node, 'logIndex'),
    logId: hashOf(node.get('logId').onlyNames('keyId'), 'keyId'),
    kind: kindVersion.get('kind').string(),
    version: kindVersion.get('version').string(),
    integratedTime: timeOf(node, 'integratedTime'),
    inclusionPromise: promise && bytesOf(promise, 'signedEntryTimestamp'),
    inclusionProof: proof && parseProof(proof),
    canonicalizedBody: bytesOf(node, 'canonicalizedBody'),
  };
}

function parseProof(proof: JsonNode): InclusionProof {
  proof.onlyNames('logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint');
  const envelope = proof.get('checkpoint').onlyNames('envelope').get('envelope');
  return {
    logIndex: int64Of(proof, 'logIndex'),
    treeSize: int64Of(proof, 'treeSize'),
    rootHash: hashOf(proof, 'rootHash'),
    hashes: listOf(proof, 'hashes', MAX_PROOF_HASHES).map((hash) => requireHash(hash.base64(), hash.path)),
    checkpoint: readCheckpoint(envelope.string()),
  };
}

/** The note itself may be what is wrong, which has a code of its own. */
function readCheckpoint(envelope: string): Checkpoint {
  try {
    return parseCheckpoint(envelope);
  } catch (cause) {
    if (!(cause instanceof ProvenanceError)) throw cause;
    throw sigstoreError('CHECKPOINT_INVALID', cause.message, { cause });
  }
}

/** Unix seconds; 0 is none. */
function timeOf(node: JsonNode, name: string): Date | undefined {
  const seconds = int64Of(node, name);
  if (seconds > MAX_UNIX_SECONDS)
    throw new BytesError('JSON_SHAPE', `${node.path}.${name}: it lies after the year 9999.`);
  return seconds === 0n ? undefined : new Date(Number(seconds) * 1000);
}

function hashOf(node: JsonNode, name: string): Uint8Array {
  return requireHash(bytesOf(node, name), `${node.path}.${name}`);
}

function requireHash(bytes: Uint8Array, path: string): Uint8Array {
  if (bytes.length === 32) return bytes;
  throw new BytesError('JSON_SHAPE', `${path}: expected 32 bytes, found ${bytes.length}.`);
}
