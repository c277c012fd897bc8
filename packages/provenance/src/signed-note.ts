/** Signed notes and the checkpoints of logs inside them (C2SP signed-note and tlog-checkpoint). */
import { BytesError, fromBase64, utf8 } from '@vitrine/bytes';
import { ProvenanceError } from './error.ts';

export type NoteErrorCode =
  /** A note, a signature line of it or the checkpoint inside is not of its form. */
  'NOTE_MALFORMED';

export interface NoteSignature {
  readonly name: string;
  /** 4 bytes that tell keys of the same name apart. */
  readonly keyHint: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** What is signed: the text with the line break at its end. */
  readonly signedBytes: Uint8Array;
  /** Its lines, without the breaks. */
  readonly lines: readonly string[];
  /** In their order, at least one. */
  readonly signatures: readonly NoteSignature[];
}

export interface Checkpoint {
  readonly note: SignedNote;
  /** Unique name of the log. */
  readonly origin: string;
  readonly treeSize: bigint;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
}

const MAX_NOTE_CHARACTERS = 64 * 1024;
const MAX_SIGNATURES = 64;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u;

/**
 * @param what names it in errors: "checkpoint of the log"
 * @throws ProvenanceError NOTE_MALFORMED
 */
export function parseSignedNote(envelope: string, what = 'signed note'): SignedNote {
  const malformed = refusalOf(what);
  if (envelope.length > MAX_NOTE_CHARACTERS) throw malformed(`more than ${MAX_NOTE_CHARACTERS} characters`);
  // Lone surrogates have no UTF-8; control characters besides the line break are not allowed.
  if (!envelope.isWellFormed() || hasControls(envelope))
    throw malformed('characters that a note must not have');
  const blank = envelope.lastIndexOf('\n\n');
  if (blank < 0 || !envelope.endsWith('\n')) throw malformed('it has no signatures below a blank line');
  const text = envelope.slice(0, blank + 1);
  const signatureLines = envelope.slice(blank + 2, -1).split('\n');
  if (signatureLines.length > MAX_SIGNATURES) throw malformed(`more than ${MAX_SIGNATURES} signatures`);
  return {
    signedBytes: utf8(text),
    lines: text.slice(0, -1).split('\n'),
    signatures: signatureLines.map((line) => parseSignature(line, malformed)),
  };
}

type Refusal = (why: string) => ProvenanceError<NoteErrorCode>;

function refusalOf(what: string): Refusal {
  return (why) => new ProvenanceError('NOTE_MALFORMED', `${what}: ${why}.`);
}

function parseSignature(line: string, malformed: Refusal): NoteSignature {
  const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
  if (name === undefined || base64 === undefined) throw malformed('a signature line is damaged');
  const bytes = decode(base64, malformed);
  if (bytes.length < 5) throw malformed('a signature is too short');
  return { name, keyHint: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/**
 * Origin, size and root hash, with extension lines below.
 * @throws ProvenanceError NOTE_MALFORMED
 */
export function parseCheckpoint(envelope: string, what = 'checkpoint'): Checkpoint {
  const malformed = refusalOf(what);
  const note = parseSignedNote(envelope, what);
  const [origin = '', size = '', root = ''] = note.lines;
  if (origin === '') throw malformed('it names no origin');
  if (!/^(0|[1-9]\d{0,18})$/.test(size)) throw malformed('its size is no number');
  const rootHash = decode(root, malformed);
  if (rootHash.length !== 32) throw malformed(`expected a root hash of 32 bytes, found ${rootHash.length}`);
  return { note, origin, treeSize: BigInt(size), rootHash };
}

function decode(base64: string, malformed: Refusal): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause.message);
    throw cause;
  }
}

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if ((unit < 0x20 && unit !== 0x0a) || unit === 0x7f) return true;
  }
  return false;
}
