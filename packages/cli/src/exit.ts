/** The command's exit statuses: the same for every command, and never changed. */
export const EXIT = {
  ok: 0,
  /** A check failed: the pack (or whatever was checked) is not what it should be. */
  failed: 1,
  /** The words of the command are wrong. */
  usage: 2,
  /** It could not be done or not be checked: network, disk, missing file, nothing to check against. */
  couldNot: 3,
  /** Stopped by SIGINT, as shells count it. */
  interrupted: 130,
} as const;

/** Codes of errors that say that the words were wrong. */
const USAGE_CODES = new Set([
  'NAME_INVALID',
  'PARAMETER_INVALID',
  // Of a measurement: what goes in are the command's own options.
  'INPUT_INVALID',
  'SOURCE_MISSING',
  'OUTPUT_IN_SOURCE',
  'USAGE',
  'ARGUMENT_INVALID',
  'POLICY_MALFORMED',
]);
/** Codes of errors that say that contents are not what they must be. */
const FAILED_CODES = new Set([
  'CONTENT_MISMATCH',
  'ROOT_MISMATCH',
  'HASH_BLOCK_MISMATCH',
  'DATA_BLOCK_MISMATCH',
  'PADDING_NOT_ZERO',
  'CHECKSUM_MISMATCH',
  'TRUNCATED',
  'CORRUPT',
  'PACK_INVALID',
  'NOT_VERITY',
  'NOT_EROFS',
  'SUPERBLOCK_INVALID',
  'SUPERBLOCK_MISMATCH',
]);

/** An error that a command explains: typed, with a stable code. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code;
}

export function exitStatusOf(error: unknown): number {
  const code = codeOf(error);
  if (code === 'ABORTED') return EXIT.interrupted;
  if (code !== undefined && USAGE_CODES.has(code)) return EXIT.usage;
  if (code !== undefined && FAILED_CODES.has(code)) return EXIT.failed;
  return EXIT.couldNot;
}

/** A file that a command was told to look at, and cannot: nothing is known of what is in it. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly code = 'PACK_UNREADABLE';
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}
