/** What can go wrong around a model pack, besides what its parts (EROFS, dm-verity, the Hub) say themselves. Codes are stable. */
export type PackErrorCode =
  /** A name that is not `owner/name@revision`, or one of its parts breaks the rules. */
  | 'NAME_INVALID'
  /** The source does not exist, or is neither a folder nor a repository's name. */
  | 'SOURCE_MISSING'
  /** Nothing is left to pack. */
  | 'SOURCE_EMPTY'
  /** A file changed, shrank or grew between the look at the folder and the end of its reading. */
  | 'SOURCE_CHANGED'
  /** A file could not be read. */
  | 'SOURCE_UNREADABLE'
  /** A path that a pack cannot hold, because a manifest could not name it. */
  | 'PATH_INVALID'
  /** The bytes that the Hub sent are not those that its listing promises by their hash. */
  | 'CONTENT_MISMATCH'
  /** The final name is taken by a pack with other contents. */
  | 'OUTPUT_EXISTS'
  /** Another process is writing the same pack. */
  | 'OUTPUT_BUSY'
  /** The output folder lies in the source, and would be packed the next time. */
  | 'OUTPUT_IN_SOURCE'
  /** The output folder or a file in it cannot be written. */
  | 'OUTPUT_UNWRITABLE'
  /** No room left where the pack is written. */
  | 'DISK_FULL'
  /** A pack whose structure is wrong: length, superblock, what lies between its parts. */
  | 'PACK_INVALID'
  /** Text that is not `ROOT_OFFSET_UUID`. */
  | 'INFO_INVALID'
  /** A manifest that cannot be parsed or contradicts itself. */
  | 'MANIFEST_INVALID'
  /** The caller's signal stopped the work. */
  | 'ABORTED'
  /** A worker thread ended without an answer. */
  | 'WORKER_FAILED';

export class PackError extends Error {
  override readonly name = 'PackError';
  readonly code: PackErrorCode;

  constructor(code: PackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
