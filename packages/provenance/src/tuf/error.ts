/** Why metadata of a TUF repository is refused. Codes are stable. */
import { ProvenanceError } from '../error.ts';

export type TufErrorCode =
  /** Not metadata of that role: JSON, shape, or a form of repository that is not supported. */
  | 'TUF_MALFORMED'
  /** Fewer of the role's keys than its threshold have signed it. */
  | 'TUF_SIGNATURE_INVALID'
  /** Another version than the one that was to come, or than the role above it names. */
  | 'TUF_VERSION_MISMATCH'
  | 'TUF_EXPIRED'
  /** A file of another length or digest than the role above it names. */
  | 'TUF_FILE_MISMATCH'
  /** The repository does not have a file that its metadata names. */
  | 'TUF_FILE_MISSING'
  /** The targets do not name the file that was asked for. */
  | 'TUF_TARGET_UNKNOWN';

export function tufError(
  code: TufErrorCode,
  message: string,
  options?: ErrorOptions,
): ProvenanceError<TufErrorCode> {
  return new ProvenanceError(code, message, options);
}
