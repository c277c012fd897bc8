/** Why something of Certificate Transparency is refused. Codes are stable. */
import { ProvenanceError } from '../error.ts';

export type CtErrorCode =
  /** A list of signed certificate timestamps, or the extension that holds it, is not of the form of RFC 6962 section 3.3. */
  | 'SCT_LIST_MALFORMED'
  /** A timestamp is of another version than v1. */
  | 'SCT_VERSION_UNSUPPORTED'
  /** A certificate is both a precertificate and a final one, or its extensions cannot be taken apart. */
  | 'CERTIFICATE_NOT_LOGGABLE';

export function ctError(
  code: CtErrorCode,
  message: string,
  options?: ErrorOptions,
): ProvenanceError<CtErrorCode> {
  return new ProvenanceError(code, message, options);
}
