/** `vitrine check`. */
import { accessSync, constants } from 'node:fs';
import {
  type Expectation,
  type PackCheck,
  checkPack,
  expectationBeside,
  expectationOf,
  expectationOfManifest,
} from '@vitrine/modelpack';
import { EXIT, UnreadableError, UsageError } from './exit.ts';
import { ProgressLine } from './progress-line.ts';
import { type Terminal, mark } from './terminal.ts';

export interface CheckFlags {
  readonly manifest?: string;
  readonly jobs?: number;
  readonly json?: boolean;
}

export async function checkCommand(
  path: string,
  expectedText: string | undefined,
  flags: CheckFlags,
  terminal: Terminal,
): Promise<number> {
  requireReadable(path);
  const expected = expectation(path, expectedText, flags.manifest);
  const progress = new ProgressLine(terminal);
  try {
    const answer = await checkPack(path, {
      ...(expected ? { expected } : {}),
      ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
      signal: terminal.signal,
      onProgress: (done, total) => progress.update('checking', done, total),
    });
    progress.clear();
    if (flags.json) terminal.stdout.write(`${JSON.stringify(jsonAnswer(path, answer))}\n`);
    else printAnswer(path, answer, terminal);
    return { pass: EXIT.ok, fail: EXIT.failed, 'not-checked': EXIT.couldNot }[answer.verdict];
  } finally {
    progress.clear();
  }
}

/** @throws UnreadableError, so that a pack that is not there does not count as one that is wrong */
export function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableError(`Opening the pack ${path}: ${reason}. Check the path.`, { cause });
  }
}

export function expectation(
  path: string,
  text: string | undefined,
  manifestPath: string | undefined,
): Expectation | undefined {
  if (text !== undefined && manifestPath !== undefined) {
    throw new UsageError('Give a root hash (or info) or a manifest, not both.');
  }
  if (manifestPath !== undefined) return expectationOfManifest(manifestPath);
  return text === undefined ? expectationBeside(path) : expectationOf(text);
}

function printAnswer(path: string, answer: PackCheck, terminal: Terminal): void {
  for (const { check, verdict, code, message } of answer.lines) {
    const output = verdict === 'pass' ? terminal.stdout : terminal.stderr;
    const reason = code === undefined ? message : `${code}: ${message}`;
    output.write(`${mark(terminal, output, verdict)} ${check.padEnd(9)} ${reason}\n`);
  }
  const summary = {
    pass: `${path} is intact`,
    fail: `${path} is NOT what it should be`,
    'not-checked': `${path} agrees with itself, but with nothing else: give its root hash, its .info or its manifest`,
  }[answer.verdict];
  (answer.verdict === 'pass' ? terminal.stdout : terminal.stderr).write(`${summary}\n`);
}

function jsonAnswer(path: string, { verdict, lines, rootHash, damaged, corruption }: PackCheck): object {
  return {
    pack: path,
    verdict,
    rootHash,
    checks: lines,
    damaged,
    ...(corruption
      ? {
          corruption: {
            level: corruption.level,
            blockIndex: corruption.blockIndex,
            offsetBytes: corruption.offsetBytes,
            expectedDigest: Buffer.from(corruption.expectedDigest).toString('hex'),
            foundDigest: Buffer.from(corruption.foundDigest).toString('hex'),
          },
        }
      : {}),
  };
}
