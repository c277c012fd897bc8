/** What can go wrong with an EROFS image or with a tree that is to become one. Codes are stable. */
export type ErofsErrorCode =
  /** The bytes end before the structure does, or an address points outside the image. */
  | 'TRUNCATED'
  /** No EROFS superblock where one must be. */
  | 'NOT_EROFS'
  /** The superblock's CRC-32C differs from its contents. */
  | 'CHECKSUM_MISMATCH'
  /** Valid EROFS, but a feature that this reader does not have; the message names it. */
  | 'UNSUPPORTED'
  /** A structure contradicts itself or the format; the message says which and where. */
  | 'CORRUPT'
  /** No such file or directory in the image. */
  | 'NOT_FOUND'
  /** The path names something of another kind (a directory where a file is wanted, …). */
  | 'WRONG_KIND'
  /** More entries, or longer paths, than the caller's limits allow: the image is not necessarily wrong. */
  | 'LIMIT_EXCEEDED'
  /** A tree that EROFS (or this layout) cannot hold: a name too long, a size over the limit, a duplicate name. */
  | 'TREE_INVALID'
  /** Something in a source folder could not be read; the message names it. */
  | 'SOURCE_UNREADABLE'
  /** A source folder holds a device, socket or FIFO. */
  | 'SOURCE_UNSUPPORTED';

export class ErofsError extends Error {
  override readonly name = 'ErofsError';
  readonly code: ErofsErrorCode;

  constructor(code: ErofsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
