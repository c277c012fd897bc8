/**
 * What of a download is on disk: one line for each piece that was written, so that a run that was cut short goes on
 * where it stopped. Nothing in it is believed: what it names is read back and hashed with the rest of its file.
 */
import { closeSync, existsSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { writeFailure } from './file-sink.ts';

const FORMAT = 'vitrine-pack-journal 1';
const LINE = /^([0-9]{1,10}) ([0-9]{1,16})$/;

export class Journal {
  readonly #descriptor: number;
  /** For each file by its index in the plan, how many of its first bytes were written. */
  readonly present: ReadonlyMap<number, number>;

  private constructor(descriptor: number, present: ReadonlyMap<number, number>) {
    this.#descriptor = descriptor;
    this.present = present;
  }

  /**
   * Opens the journal of a partial pack, or starts both anew when they are of another plan.
   * @param planId says what is being packed; anything else in the file is not ours
   */
  static open(
    journalPath: string,
    partialPath: string,
    planId: string,
  ): { journal: Journal; resumed: boolean } {
    const header = `${FORMAT} ${planId}\n`;
    const found = existsSync(partialPath) ? readEntries(journalPath, header) : undefined;
    try {
      if (found === undefined) {
        rmSync(journalPath, { force: true });
        rmSync(partialPath, { force: true });
        const descriptor = openSync(journalPath, 'ax', 0o644);
        writeSync(descriptor, header);
        return { journal: new Journal(descriptor, new Map()), resumed: false };
      }
      truncateSync(journalPath, found.lengthBytes); // Without a line that a kill cut in two.
      return { journal: new Journal(openSync(journalPath, 'a'), found.present), resumed: true };
    } catch (cause) {
      throw writeFailure(cause);
    }
  }

  /** Called after the bytes were written. */
  note(file: number, presentBytes: number): void {
    try {
      writeSync(this.#descriptor, `${file} ${presentBytes}\n`);
    } catch (cause) {
      throw writeFailure(cause);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

interface Entries {
  /** The newest entry of each file. */
  readonly present: Map<number, number>;
  /** Up to the end of the last whole line. */
  readonly lengthBytes: number;
}

/** Undefined when the journal is missing or of another plan. */
function readEntries(path: string, header: string): Entries | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  if (!text.startsWith(header)) return undefined;
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const present = new Map<number, number>();
  for (const line of whole.slice(header.length).split('\n')) {
    const [, file, bytes] = LINE.exec(line) ?? [];
    if (file !== undefined && bytes !== undefined) present.set(Number(file), Number(bytes));
  }
  return { present, lengthBytes: whole.length };
}
