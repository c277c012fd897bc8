/**
 * Why evidence or an endorsement is refused. `code` is stable; each vendor's folder lists its own
 * (`SnpErrorCode`, `TdxErrorCode`, `NvidiaErrorCode`).
 */
import { refusalsOf } from '@vitrine/x509';

export class EvidenceError<Code extends string = string> extends Error {
  override readonly name = 'EvidenceError';
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A BytesError or X509Error of a step becomes an EvidenceError. */
export const { refuseAs, refuseAsync } = refusalsOf(
  (code, message, options) => new EvidenceError(code, message, options),
);
