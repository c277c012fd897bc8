/**
 * Why a bundle, a log entry or a certificate timestamp is refused. `code` is stable; each folder lists its own
 * (`SigstoreErrorCode`, `CtErrorCode`).
 */
import { refusalsOf } from '@vitrine/x509';

export class ProvenanceError<Code extends string = string> extends Error {
  override readonly name = 'ProvenanceError';
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A BytesError or X509Error of a step becomes a ProvenanceError. */
export const { refuseAs, refuseAsync } = refusalsOf(
  (code, message, options) => new ProvenanceError(code, message, options),
);
