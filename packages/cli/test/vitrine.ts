/** Runs the `vitrine` command as a process of its own, as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
/** The discard port on this machine: a test that forgets to name its Hub reaches nobody. */
const NOWHERE = 'http://127.0.0.1:9';
/** A child that hangs is a failure, not a test run without end. */
const PATIENCE_MS = 120_000;

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly cwd?: string;
}

/** Begins; only the variables named here and in `options` reach the command, besides those that every process needs. */
export function startVitrine(words: readonly string[], options: RunOptions = {}): Running {
  const { uid, cwd, env } = options;
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  const child = spawn(process.execPath, [MAIN, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
    env: { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE, HF_ENDPOINT: NOWHERE, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
    ...(cwd === undefined ? {} : { cwd }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
  return { child, finished };
}

export function vitrine(words: readonly string[], options?: RunOptions): Promise<Finished> {
  return startVitrine(words, options).finished;
}

/** Whether it has ended by now. */
export function endOf({ finished }: Running): () => boolean {
  let ended = false;
  void finished.then(() => (ended = true));
  return () => ended;
}
