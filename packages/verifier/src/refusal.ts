/** A typed error of the packages below is a finding, not an accident. */
import { BytesError } from '@vitrine/bytes';
import { EvidenceError } from '@vitrine/evidence';
import { ProvenanceError } from '@vitrine/provenance';
import { X509Error } from '@vitrine/x509';

/** Stable code, and a sentence. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** @throws the error itself where it is none of them: a defect of ours, or an abort */
export function refusalOf(error: unknown): Refusal {
  if (
    error instanceof EvidenceError ||
    error instanceof ProvenanceError ||
    error instanceof X509Error ||
    error instanceof BytesError
  )
    return { code: String(error.code), message: error.message };
  throw error;
}
