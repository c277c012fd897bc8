/** The real `vitrine` beside a service that runs in this process: what was typed, and what it said, shortened for eyes. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Ended } from '../../packages/verifier/test/end-to-end/command.ts';

const MAIN = 'packages/cli/src/main.ts';
/** A command that hangs must not hold up the demo. */
const PATIENCE_MS = 60_000;

/** @param folder the repository @param env besides what every process needs */
export function runVitrine(
  words: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(folder, MAIN), ...words],
      {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: PATIENCE_MS,
      },
    );
    const pieces = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (piece: Buffer) => pieces.stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => pieces.stderr.push(piece));
    child.once('error', reject);
    child.once('close', (status) =>
      resolve({
        status: status ?? 128,
        stdout: Buffer.concat(pieces.stdout).toString(),
        stderr: Buffer.concat(pieces.stderr).toString(),
      }),
    );
  });
}

/** As one would type it; of many mirrors the first. */
export function typed(words: readonly string[], folder: string): string {
  const mirrors = words.filter((word) => word === '--mirror').length;
  const shown = words.filter((word, at) => {
    const name = word === '--mirror' ? at : words[at - 1] === '--mirror' ? at - 1 : undefined;
    return name === undefined || name === words.indexOf('--mirror');
  });
  const more = mirrors > 1 ? ` (and ${mirrors - 1} more)` : '';
  return `$ node ${MAIN} ${shown.map((word) => word.replace(`${folder}/`, '')).join(' ')}${more}`;
}

/** Everything that was said, but for the second GPU, which is like the first. */
export function whole(ended: Ended): string[] {
  return linesOf(ended)
    .filter((line) => !/^ +✓ gpu1: /.test(line))
    .map((line) => cut(brief(line), LINE));
}

/** What was said besides ticks: these are counted. */
export function besidesTicks(ended: Ended): string[] {
  const lines = linesOf(ended);
  const [first = '', ...others] = lines;
  const isTick = (line: string) => /^ +✓ /.test(line);
  const isOther = (line: string) => /^ *[✗–] |^✓ /.test(line);
  return [first, `  ✓ ${lines.filter(isTick).length} checks hold`, ...others.filter(isOther)].map((line) =>
    cut(brief(line), LINE),
  );
}

/** The line that says why: of the check with the code, or else the first that is not ticked. */
export function reasonOf(ended: Ended, code: string): string {
  const isCheck = (line: string) => /^ +[✗–] /.test(line) && !line.includes('(not required)');
  const checks = linesOf(ended).filter(isCheck);
  const line = checks.find((each) => each.includes(code)) ?? checks[0] ?? '';
  const sentence = line
    .trim()
    .replace(/^[✗–] /, '')
    .replace(`${code}: `, '')
    .replace(/https:\/\/localhost:\d+\/\S+: /, '');
  return cut(brief(sentence), 230);
}

const LINE = 150;

function linesOf({ stdout, stderr }: Ended): string[] {
  return `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
}

/** Hashes to their first digits. */
function brief(line: string): string {
  return line.replace(/\b([0-9a-f]{8})[0-9a-f]{9,}(?:…|\b)/g, '$1…');
}

function cut(line: string, maximum: number): string {
  return line.length > maximum ? `${line.slice(0, maximum - 1)}…` : line;
}
