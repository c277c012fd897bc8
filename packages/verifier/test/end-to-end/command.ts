/** Runs the `vitrine` command: in this process, or as a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../cli/src/command.ts';
import { vitrine } from '../../../cli/test/vitrine.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Folders of a user who has never asked anything: nothing is cached, nothing remembered. */
export interface Home {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

export function newHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-home-'));
  return {
    folder,
    env: { XDG_STATE_HOME: join(folder, 'state'), XDG_CACHE_HOME: join(folder, 'cache') },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function runInProcess(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal = new AbortController().signal,
  onOutput: (text: string) => void = () => undefined,
): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const status = await runCommand(words, {
    stdout: {
      write: (text) => {
        stdout += text;
        onOutput(text);
      },
    },
    stderr: { write: (text) => (stderr += text) },
    env,
    signal,
    writeBytes: () => Promise.reject(new Error('no bytes are asked for')),
  });
  return { status, stdout, stderr };
}

export async function runAsProcess(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const { status, stdout, stderr } = await vitrine(words, { env });
  return { status: status ?? 128, stdout: stdout.toString(), stderr };
}
