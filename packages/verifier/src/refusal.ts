/** A typed error of the packages below is a finding, not an accident. */
import { BytesError } from '@vitrine/bytes';
import { EvidenceError } from '@vitrine/evidence';
import { ProvenanceError } from '@vitrine/provenance';
import { X509Error, type X509ErrorCode } from '@vitrine/x509';

/** Stable code, and a sentence. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  /** What it takes to decide is not here: nothing is known to be wrong. */
  readonly isUndecided?: true;
}

const undecided = 'PLATFORM_LACKS_ALGORITHM' satisfies X509ErrorCode;

/** @throws the error itself where it is none of them: a defect of ours, or an abort */
export function refusalOf(error: unknown): Refusal {
  if (isUndecided(error)) return { code: undecided, message: error.message, isUndecided: true };
  if (
    error instanceof EvidenceError ||
    error instanceof ProvenanceError ||
    error instanceof X509Error ||
    error instanceof BytesError
  )
    return { code: String(error.code), message: error.message };
  throw error;
}

/** Also where a package has made it an error of its own. */
function isUndecided(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return (error instanceof X509Error && error.code === undecided) || isUndecided(error.cause);
}
