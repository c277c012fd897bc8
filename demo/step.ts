/** Runs the demo's steps one after the other, prints a heading for each and a summary at the end. */

/** Says that a step cannot run here. Anything else that is thrown means that it failed. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

type Outcome = {
  readonly outcome: 'done' | 'skipped' | 'failed';
  readonly title: string;
  readonly detail: string;
};

export class Steps {
  readonly #print: (line: string) => void;
  readonly #outcomes: Outcome[] = [];
  readonly #startMs = performance.now();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /**
   * Answers what the step answers, or undefined when it was skipped or failed: a step that needs it is then
   * skipped by `needed`.
   * @param run answers a line about what was seen, and a value for later steps
   */
  async run<T>(
    title: string,
    run: () => Promise<readonly [string, T]> | readonly [string, T],
  ): Promise<T | undefined> {
    this.#print(`\n== ${this.#outcomes.length + 1}. ${title}`);
    try {
      const [detail, value] = await run();
      this.#note({ outcome: 'done', title, detail });
      return value;
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#note({ outcome: error instanceof Skipped ? 'skipped' : 'failed', title, detail });
      return undefined;
    }
  }

  #note(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.#print(`-> ${described(outcome)}`);
  }

  /** Prints a line for each step; answers the exit status: 0 unless a step that ran failed. */
  summarise(): 0 | 1 {
    this.#print(`\n== Summary, ${((performance.now() - this.#startMs) / 1000).toFixed(1)} s in all`);
    for (const [index, outcome] of this.#outcomes.entries()) {
      const { outcome: how, detail } = outcome;
      const because = how === 'done' ? '' : how === 'skipped' ? `, because ${detail}` : `: ${detail}`;
      const mark = { done: 'done   ', skipped: 'skipped', failed: 'FAILED ' }[outcome.outcome];
      this.#print(`${mark}  ${index + 1}. ${outcome.title}${because}`);
    }
    return this.#outcomes.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
  }
}

function described({ outcome, detail }: Outcome): string {
  if (outcome === 'done') return detail;
  return outcome === 'skipped' ? `skipped because ${detail}` : `FAILED: ${detail}`;
}

/** @throws Skipped when an earlier step did not bring the value */
export function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Skipped(`${what} is missing, see above`);
  return value;
}
