/**
 * Why a bundle, a log entry or a certificate timestamp is refused. `code` is stable; each folder lists its own
 * (`SigstoreErrorCode`, `CtErrorCode`).
 */
import { BytesError } from '@vitrine/bytes';
import { X509Error } from '@vitrine/x509';

export class ProvenanceError<Code extends string = string> extends Error {
  override readonly name = 'ProvenanceError';
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Runs a step; a BytesError or X509Error of it becomes a ProvenanceError.
 * @param code the code, or a choice by the cause
 */
export function refuseAs<Code extends string, T>(
  code: Code | ((cause: BytesError | X509Error) => Code),
  step: () => T,
): T {
  try {
    return step();
  } catch (cause) {
    throw refusal(code, cause);
  }
}

/** `refuseAs` for a step that answers later. */
export async function refuseAsync<Code extends string, T>(
  code: Code | ((cause: BytesError | X509Error) => Code),
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw refusal(code, cause);
  }
}

function refusal<Code extends string>(
  code: Code | ((cause: BytesError | X509Error) => Code),
  cause: unknown,
): unknown {
  if (!(cause instanceof BytesError || cause instanceof X509Error)) return cause;
  return new ProvenanceError(typeof code === 'string' ? code : code(cause), cause.message, { cause });
}
