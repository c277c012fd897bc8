/**
 * The log list that comes with the program, in a module of its own: whoever brings a newer one need not load it. It is
 * read in the same way, and its date is in every appraisal.
 */
import { utf8 } from '@vitrine/bytes';
import { builtInLogData } from './built-in-log-data.ts';
import { type LogList, parseVouchedLogList } from './log-list.ts';

/** Parsed anew at each call. */
export async function builtInLogList(): Promise<LogList> {
  return parseVouchedLogList(utf8(builtInLogData), true);
}
