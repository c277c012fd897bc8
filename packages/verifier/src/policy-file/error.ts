/** What is wrong with a policy file, and where: every refusal names the place, what belongs there and what to do. */
import { VerifierError } from '../error.ts';

/** Where something stands in the file. Lines and columns count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** "hardware.sev-snp.vmpl[0]"; "" for the file as a whole. */
  readonly path: string;
}

export interface Complaint {
  readonly place: Place;
  /** What belongs there, in words. */
  readonly expected: string;
  /** What stands there, in words; quoted where it is the file's own text. */
  readonly found: string;
  /** What the person can do, as a sentence. */
  readonly advice: string;
}

/** A `VerifierError` POLICY_MALFORMED that also says where. */
export class PolicyFileError extends VerifierError {
  readonly place: Place;

  constructor({ place, expected, found, advice }: Complaint, options?: ErrorOptions) {
    const where = `Policy, line ${place.line}, column ${place.column}`;
    const key = place.path === '' ? '' : `, ${place.path}`;
    super('POLICY_MALFORMED', `${where}${key}: expected ${expected}, found ${found}. ${advice}`, options);
    this.place = place;
  }
}

/** The file's own text in a message: one line, printable, not longer than a glance. */
export function quoted(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 60 ? `"${printable.slice(0, 57)}..."` : `"${printable}"`;
}
