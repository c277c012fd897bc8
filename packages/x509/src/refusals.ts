/** What readers of bytes and certificates throw, as the typed errors of a package that reads more with them. */
import { BytesError } from '@vitrine/bytes';
import { X509Error } from './error.ts';

type Cause = BytesError | X509Error;
/** The code, or a choice by the cause's own. */
type CodeOf<Code extends string> = Code | ((cause: Cause) => Code);

/**
 * Runs steps; a BytesError or X509Error of theirs becomes the package's own error, with it as the cause.
 * @param make the package's error
 */
export function refusalsOf(make: (code: string, message: string, options: ErrorOptions) => Error) {
  const refusal = (code: CodeOf<string>, cause: unknown): unknown => {
    if (!(cause instanceof BytesError || cause instanceof X509Error)) return cause;
    return make(typeof code === 'string' ? code : code(cause), cause.message, { cause });
  };
  return {
    refuseAs: <Code extends string, T>(code: CodeOf<Code>, step: () => T): T => {
      try {
        return step();
      } catch (cause) {
        throw refusal(code, cause);
      }
    },
    /** `refuseAs` for a step that answers later. */
    refuseAsync: async <Code extends string, T>(code: CodeOf<Code>, step: () => Promise<T>): Promise<T> => {
      try {
        return await step();
      } catch (cause) {
        throw refusal(code, cause);
      }
    },
  };
}
