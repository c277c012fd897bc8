/** The name of a pack, `owner/name@revision`, and what follows from it: UUID and salt (modelwrap's rules). */
import { createHash } from 'node:crypto';
import { PackError } from './error.ts';
import { repoPart } from './hub/name.ts';

export interface PackName {
  readonly owner: string;
  readonly name: string;
  /** A commit for a pack from the Hub; any label for one from a folder. */
  readonly revision: string;
}

/** The revision becomes a file name, with an ending. */
const REVISION_LIMIT_BYTES = 200;

/** @throws PackError NAME_INVALID */
export function parsePackName(text: string): PackName {
  const at = text.indexOf('@');
  if (at === -1) {
    throw invalid(text, 'it has no revision. Write owner/name@revision: the root hash depends on all three');
  }
  const [owner = '', name = '', ...rest] = text.slice(0, at).split('/');
  const revision = text.slice(at + 1);
  if (rest.length > 0 || !repoPart.test(owner) || !repoPart.test(name)) {
    throw invalid(text, 'owner and name each take letters, digits, "-", "_" and ".", up to 96 of them');
  }
  requireRevision(text, revision);
  return { owner, name, revision };
}

function requireRevision(text: string, revision: string): void {
  if (revision === '') throw invalid(text, 'the revision is empty');
  if (revision.includes('/')) throw invalid(text, 'the revision holds a slash; it becomes a file name');
  if (/^\.{1,2}$/.test(revision)) throw invalid(text, 'the revision is reserved');
  // eslint-disable-next-line no-control-regex -- control characters are what it must find
  if (/[\u0000-\u001f\u007f]/.test(revision) || !revision.isWellFormed()) {
    throw invalid(text, 'the revision holds a control character or broken text');
  }
  if (Buffer.byteLength(revision) > REVISION_LIMIT_BYTES) {
    throw invalid(text, `the revision has more than ${REVISION_LIMIT_BYTES} bytes`);
  }
}

function invalid(text: string, why: string): PackError {
  return new PackError('NAME_INVALID', `${JSON.stringify(text)} cannot be the name of a pack: ${why}.`);
}

export function formatPackName({ owner, name, revision }: PackName): string {
  return `${owner}/${name}@${revision}`;
}

/** RFC 4122 appendix C: the namespace for names that are URLs. */
const NAMESPACE_URL = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** 16 bytes: UUID version 5 (RFC 4122 §4.3) of the name and `-inner`, in the URL namespace. Both EROFS and verity carry it. */
export function packUuid(name: PackName): Uint8Array {
  const hash = createHash('sha1')
    .update(NAMESPACE_URL)
    .update(`${formatPackName(name)}-inner`)
    .digest();
  const uuid = new Uint8Array(hash.subarray(0, 16));
  uuid[6] = (uuid[6]! & 0x0f) | 0x50;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

/** 32 bytes: the dm-verity salt is SHA-256 of the name. */
export function packSalt(name: PackName): Uint8Array {
  return createHash('sha256').update(formatPackName(name)).digest();
}

export function formatUuid(uuid: Uint8Array): string {
  const hex = Buffer.from(uuid).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
