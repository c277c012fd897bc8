import { spawnSync } from 'node:child_process';

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Prints a command as one would type it, runs it in the folder and prints what it says. */
export function runShown(
  words: readonly string[],
  folder: string,
  print: (line: string) => void,
): CommandResult {
  const [program = '', ...rest] = words;
  print(`$ ${words.map(quoted).join(' ')}`);
  const environment = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
  const done = spawnSync(program, rest, {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
    maxBuffer: 2 ** 26,
  });
  if (done.error) throw new Error(`${program} does not run: ${done.error.message}`);
  for (const line of `${done.stdout}${done.stderr}`.split('\n')) if (line.trim() !== '') print(`  ${line}`);
  return { status: done.status ?? 128, stdout: done.stdout, stderr: done.stderr };
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
