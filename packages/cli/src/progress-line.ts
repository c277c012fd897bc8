/** One line on a terminal that says how far it is: bytes, rate, time left, current file. Nothing where no one looks. */
import { type Terminal, formatBytes, formatDuration, plain } from './terminal.ts';

const REDRAW_INTERVAL_MS = 100;
/** The rate is that of the last seconds: what was long ago says little about what is left. */
const RATE_WINDOW_MS = 5000;

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #samples: { atMs: number; doneBytes: number }[] = [];
  #drawnAtMs = -Infinity;
  #isDrawn = false;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  update(what: string, doneBytes: number, totalBytes: number, file?: string): void {
    if (this.#terminal.stderr.isTTY !== true) return;
    const atMs = this.#now();
    this.#samples.push({ atMs, doneBytes });
    while (this.#samples.length > 2 && this.#samples[0]!.atMs < atMs - RATE_WINDOW_MS) this.#samples.shift();
    if (atMs - this.#drawnAtMs < REDRAW_INTERVAL_MS) return;
    this.#drawnAtMs = atMs;
    this.#draw(this.#text(what, doneBytes, totalBytes, file));
  }

  /** What is being done, where nothing can be counted. */
  say(what: string): void {
    if (this.#terminal.stderr.isTTY === true) this.#draw(plain(what));
  }

  /** Makes room for another line, or for the end. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#terminal.stderr.write('\r\u001b[K');
    this.#isDrawn = false;
    this.#drawnAtMs = -Infinity;
  }

  #text(what: string, doneBytes: number, totalBytes: number, file: string | undefined): string {
    const share = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    const parts = [`${what} ${share} %`, `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`];
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    const bytesPerSecond = (last.doneBytes - first.doneBytes) / ((last.atMs - first.atMs) / 1000);
    if (bytesPerSecond > 0 && Number.isFinite(bytesPerSecond)) {
      parts.push(`${formatBytes(Math.round(bytesPerSecond))}/s`);
      parts.push(`${formatDuration((totalBytes - doneBytes) / bytesPerSecond)} left`);
    }
    if (file !== undefined) parts.push(plain(file));
    return parts.join(' · ');
  }

  #draw(text: string): void {
    const width = (this.#terminal.stderr.columns ?? 80) - 1;
    const characters = Array.from(text);
    const shown = characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
    this.#terminal.stderr.write(`\r\u001b[K${shown}`);
    this.#isDrawn = true;
  }
}
