/** Why bytes could not be read. Codes are stable. */
export type BytesErrorCode =
  /** The bytes end before the structure does. */
  | 'TRUNCATED'
  /** Something follows the structure. */
  | 'TRAILING_DATA'
  /** More bytes, or a deeper nesting, than the reader takes. */
  | 'TOO_LARGE'
  | 'HEX_INVALID'
  | 'BASE64_INVALID'
  | 'UTF8_INVALID'
  | 'PEM_INVALID'
  | 'DER_INVALID'
  | 'GUID_INVALID'
  /** Not JSON. */
  | 'JSON_INVALID'
  /** A member's name occurs twice in one object. */
  | 'JSON_DUPLICATE_KEY'
  /** A number that a double cannot hold exactly. */
  | 'JSON_NUMBER_UNSAFE'
  /** Well-formed JSON, but a value of another shape than is expected; the message names its path. */
  | 'JSON_SHAPE';

export class BytesError extends Error {
  override readonly name = 'BytesError';
  readonly code: BytesErrorCode;

  constructor(code: BytesErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
