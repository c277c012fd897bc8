/** The one rule for a kernel's command line: every loader ends it at a NUL, so none may hold one. */
import { MeasureError } from './error.ts';

/** The text itself. @throws MeasureError INPUT_INVALID: a NUL, or half of a surrogate pair, which has no UTF-8 */
export function requireCmdline(cmdline: string): string {
  if (cmdline.includes('\0')) throw new MeasureError('INPUT_INVALID', 'The command line holds a NUL.');
  if (!cmdline.isWellFormed())
    throw new MeasureError('INPUT_INVALID', 'The command line holds half of a surrogate pair.');
  return cmdline;
}
