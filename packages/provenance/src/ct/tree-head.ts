/**
 * Signed tree heads: the size and the root that a log answers for (RFC 6962 section 3.5), as JSON of get-sth
 * (section 4.3) or as the checkpoint of a static-ct log (c2sp.org/static-ct-api, "Checkpoints").
 */
import {
  BytesError,
  ByteReader,
  concatBytes,
  decodeUtf8,
  equalBytes,
  parseJson,
  sha256,
  utf8,
} from '@vitrine/bytes';
import { ProvenanceError, refuseAs } from '../error.ts';
import { hashBytes } from '../merkle.ts';
import { type NoteSignature, parseCheckpoint } from '../signed-note.ts';
import { ctError } from './error.ts';
import type { CtLog } from './log-list.ts';
import { type DigitallySigned, bigEndianBytes, readDigitallySigned, verifyLogSignature } from './sct.ts';

declare const authentic: unique symbol;

/** Signed by the log: nothing else makes one. */
export interface SignedTreeHead {
  readonly [authentic]: true;
  readonly log: CtLog;
  readonly treeSize: bigint;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
}

interface TreeHead {
  readonly treeSize: bigint;
  readonly timestampMs: number;
  readonly rootHash: Uint8Array;
  readonly signature: DigitallySigned;
}

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_TIME_MS = 8_640_000_000_000_000;
const TREE_HASH = 1;
/** A leaf index has 40 bits. */
const MAX_STATIC_TREE_SIZE = 1n << 40n;
/** Type of the note's signature: an RFC 6962 tree head. */
const RFC6962_NOTE_SIGNATURE = 0x05;

/**
 * @param answer the bytes that the log serves: JSON of get-sth, or the checkpoint, by the log's kind
 * @throws ProvenanceError TREE_HEAD_MALFORMED, TREE_HEAD_SIGNATURE_INVALID
 */
export async function authenticateTreeHead(log: CtLog, answer: Uint8Array): Promise<SignedTreeHead> {
  const heads = log.kind === 'static-ct' ? await readCheckpoint(log, answer) : [readSth(answer)];
  for (const head of heads) {
    if (!(await verifyLogSignature(head.signature, treeHeadSignedData(head), log.key))) continue;
    const { treeSize, timestampMs, rootHash } = head;
    const signed: Omit<SignedTreeHead, typeof authentic> = { log, treeSize, timestampMs, rootHash };
    return signed as SignedTreeHead;
  }
  throw ctError('TREE_HEAD_SIGNATURE_INVALID', `The tree head is not signed by ${log.description}.`);
}

/** TreeHeadSignature (RFC 6962 section 3.5). */
export function treeHeadSignedData({
  timestampMs,
  treeSize,
  rootHash,
}: Pick<TreeHead, 'timestampMs' | 'treeSize' | 'rootHash'>): Uint8Array {
  return concatBytes(
    Uint8Array.of(0, TREE_HASH),
    bigEndianBytes(timestampMs, 8),
    bigEndianBytes(Number(treeSize), 8),
    rootHash,
  );
}

function readSth(json: Uint8Array): TreeHead {
  return refuseAs('TREE_HEAD_MALFORMED', () => {
    const sth = parseJson(json, 'signed tree head', { maxBytes: MAX_HEAD_BYTES });
    return {
      treeSize: BigInt(sth.get('tree_size').integer(0)),
      timestampMs: sth.get('timestamp').integer(0, MAX_TIME_MS),
      rootHash: exactly(hashBytes, sth.get('sha256_root_hash').base64()),
      signature: readWholeSignature(sth.get('tree_head_signature').base64()),
    };
  });
}

/** One for each signature that claims to be the log's; signatures of others are passed over. */
async function readCheckpoint(log: CtLog, note: Uint8Array): Promise<TreeHead[]> {
  if (note.length > MAX_HEAD_BYTES) throw malformed(`more than ${MAX_HEAD_BYTES} bytes`);
  const checkpoint = refuseAs('TREE_HEAD_MALFORMED', () =>
    asTreeHead(() => parseCheckpoint(decodeUtf8(note, 'checkpoint'))),
  );
  const { origin, treeSize, rootHash, note: signedNote } = checkpoint;
  if (origin !== originOf(log)) throw malformed(`expected the origin ${originOf(log)}, found another`);
  if (treeSize > MAX_STATIC_TREE_SIZE) throw malformed('a tree of more leaves than an index can name');
  // They would not be under the signature.
  if (signedNote.lines.length !== 3) throw malformed('it has lines below the root hash');
  const keyHint = await noteKeyHint(origin, log.logId);
  const isOwn = ({ name, keyHint: hint }: NoteSignature) => name === origin && equalBytes(hint, keyHint);
  return refuseAs('TREE_HEAD_MALFORMED', () =>
    signedNote.signatures.filter(isOwn).map((signature) => ({
      treeSize,
      rootHash,
      ...readNoteSignature(signature.signature),
    })),
  );
}

/** RFC6962NoteSignature. */
function readNoteSignature(bytes: Uint8Array): Pick<TreeHead, 'timestampMs' | 'signature'> {
  const reader = new ByteReader(bytes, 'signature of the checkpoint');
  const timestamp = reader.u64be('timestamp');
  if (timestamp > BigInt(MAX_TIME_MS)) throw malformed('its time is beyond every date');
  return { timestampMs: Number(timestamp), signature: readWholeSignature(reader.rest()) };
}

function readWholeSignature(bytes: Uint8Array): DigitallySigned {
  const reader = new ByteReader(bytes, 'signature of the tree head');
  const signature = readDigitallySigned(reader);
  reader.end();
  return signature;
}

/** The submission prefix without its scheme and the slash at its end. */
export function originOf({ submissionUrl }: CtLog): string {
  return submissionUrl.replace(/^https?:\/\//, '').replace(/\/+$/, '');
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ log id), its first four bytes. */
export async function noteKeyHint(name: string, logId: Uint8Array): Promise<Uint8Array> {
  const digest = await sha256(concatBytes(utf8(name), Uint8Array.of(0x0a, RFC6962_NOTE_SIGNATURE), logId));
  return digest.subarray(0, 4);
}

/** What the reader of notes refuses is a tree head that is malformed. */
function asTreeHead<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ProvenanceError) throw ctError('TREE_HEAD_MALFORMED', cause.message, { cause });
    throw cause;
  }
}

function exactly(lengthBytes: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== lengthBytes)
    throw new BytesError('TRUNCATED', `expected ${lengthBytes} bytes, found ${bytes.length}`);
  return bytes;
}

function malformed(why: string) {
  return ctError('TREE_HEAD_MALFORMED', `Tree head: ${why}.`);
}
