/** What the command writes where: results on standard output, everything else on standard error. */

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Colours only for eyes: on a terminal, and not when NO_COLOR is set (no-color.org). */
export function paint(terminal: Terminal, output: Output, code: 31 | 32 | 33 | 2, text: string): string {
  if (output.isTTY !== true || (terminal.env['NO_COLOR'] ?? '') !== '') return text;
  return `\u001b[${code}m${text}\u001b[0m`;
}

/** Controls, marks of direction, ends of lines: in a name or a server's words they could rewrite what is shown. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere (file names, a server's words) as one line that cannot steer a terminal. */
export function plain(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

export type Mark = 'pass' | 'fail' | 'not-checked';

export function mark(terminal: Terminal, output: Output, verdict: Mark): string {
  if (verdict === 'pass') return paint(terminal, output, 32, '✓');
  return verdict === 'fail' ? paint(terminal, output, 31, '✗') : paint(terminal, output, 33, '–');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, as disks are sold: 1.05 MB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toPrecision(3)} ${UNITS[unit]!}`;
}

export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
