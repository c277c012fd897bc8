import { HubError } from './error.ts';
import { quoted } from './printable.ts';

/** Linux NAME_MAX and PATH_MAX: longer names could not be mounted or opened. */
const maxSegmentBytes = 255;
const maxPathBytes = 4095;

const encoder = new TextEncoder();

/**
 * Holds a repository path to what may go into a pack: relative, segments between single slashes, none of them empty,
 * `.` or `..`, no NUL, valid Unicode, at most 255 bytes of UTF-8 a segment. Unicode normalisation is left alone: git
 * does not normalise either, and the name's bytes are part of the image.
 * @throws {HubError} PATH_INVALID
 */
export function checkPath(path: string): void {
  const wrong = defectOf(path);
  if (wrong === undefined) return;
  throw new HubError(
    'PATH_INVALID',
    `The repository's listing names a file ${quoted(path)}, which cannot be in a pack: ${wrong}.`,
  );
}

function defectOf(path: string): string | undefined {
  if (path === '') return 'the path is empty';
  if (!path.isWellFormed()) return 'it is not valid Unicode (a lone surrogate)';
  if (path.includes('\0')) return 'it contains a NUL character';
  if (path.startsWith('/')) return 'it is absolute';
  if (encoder.encode(path).length > maxPathBytes) return `it is longer than ${maxPathBytes} bytes`;
  for (const segment of path.split('/')) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has a segment "${segment}"`;
    if (encoder.encode(segment).length > maxSegmentBytes)
      return `a segment is longer than ${maxSegmentBytes} bytes`;
  }
  return undefined;
}
