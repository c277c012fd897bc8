import { HubError } from './error.ts';
import type { Subject } from './hub.ts';
import { invalid, isObject, type JsonObject } from './json.ts';
import type { ClaimedDigest, HubFile } from './listing.ts';
import { checkPath } from './path.ts';
import { quoted } from './printable.ts';

/** A line of the listing; `file` is missing for a directory. */
export interface ListedEntry {
  path: string;
  file?: HubFile;
}

/**
 * One element of the tree endpoint's array:
 * `{type, path, size, oid, lfs?: {oid, size, pointerSize}, xetHash?, …}`. Fields that are not needed are not looked at.
 * @throws {HubError} RESPONSE_INVALID, PATH_INVALID, LISTING_INVALID, SIZE_MISMATCH
 */
export function parseEntry(subject: Subject, index: number, value: unknown): ListedEntry {
  const field = (name: string): string => `entry ${index}${name}`;
  if (!isObject(value)) throw invalid(subject, field(''), 'a JSON object', quoted(value));
  const { type, path } = value;
  if (typeof path !== 'string') throw invalid(subject, field('.path'), 'a string', quoted(path));
  checkPath(path);
  if (type === 'directory') return { path };
  if (type !== 'file') {
    throw new HubError(
      'LISTING_INVALID',
      `${subject.repo} at ${subject.revision}: ${quoted(path)} is of type ${quoted(type)}. A pack can hold files and directories only (a git submodule, for one, has no content to pack).`,
    );
  }
  const sizeBytes = parseSize(subject, field('.size'), value['size']);
  const digest = parseDigest(subject, field, value, path, sizeBytes);
  const { xetHash } = value;
  if (xetHash !== undefined && xetHash !== null && typeof xetHash !== 'string') {
    throw invalid(subject, field('.xetHash'), 'a string', quoted(xetHash));
  }
  return { path, file: { path, sizeBytes, digest, xet: typeof xetHash === 'string' } };
}

function parseSize(subject: Subject, field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(subject, field, 'a size in bytes', quoted(value));
}

function parseDigest(
  subject: Subject,
  field: (name: string) => string,
  entry: JsonObject,
  path: string,
  sizeBytes: number,
): ClaimedDigest {
  const { oid, lfs } = entry;
  if (typeof oid !== 'string' || !/^[0-9a-f]{40}$/.test(oid)) {
    throw invalid(subject, field('.oid'), 'a git object id (40 lower-case hex digits)', quoted(oid));
  }
  if (lfs === undefined || lfs === null) return { algorithm: 'git-blob-sha1', hex: oid };
  if (!isObject(lfs)) throw invalid(subject, field('.lfs'), 'a JSON object', quoted(lfs));
  if (typeof lfs['oid'] !== 'string' || !/^[0-9a-f]{64}$/.test(lfs['oid'])) {
    throw invalid(subject, field('.lfs.oid'), 'a SHA-256 (64 lower-case hex digits)', quoted(lfs['oid']));
  }
  const lfsSizeBytes = parseSize(subject, field('.lfs.size'), lfs['size']);
  if (lfsSizeBytes !== sizeBytes) {
    throw new HubError(
      'SIZE_MISMATCH',
      `${subject.repo} at ${subject.revision}: the listing gives ${quoted(path)} ${sizeBytes} bytes, and ${lfsSizeBytes} bytes in LFS.`,
    );
  }
  return { algorithm: 'sha256', hex: lfs['oid'] };
}
