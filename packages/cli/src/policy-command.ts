/** `vitrine policy`: a policy drafted from what a service shows, and a policy in plain words. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { defaultPolicy, explainPolicy, parsePolicy, policyFromResult } from '@vitrine/verifier';
import { EXIT, UnreadableError, UsageError } from './exit.ts';
import { type Terminal, plain } from './terminal.ts';
import { type VerifyFlags, verifyOnce } from './verify-command.ts';

export interface PolicyInitFlags extends VerifyFlags {
  readonly out?: string;
}

/** Writes what the service shows as a policy, for a person to read before anyone goes by it. */
export async function policyInitCommand(
  url: string,
  flags: PolicyInitFlags,
  terminal: Terminal,
): Promise<number> {
  if (flags.out !== undefined && existsSync(flags.out))
    throw new UsageError(`${flags.out} exists: a policy is not overwritten. Name another file.`);
  const result = await verifyOnce(url, flags, terminal);
  if (result.measurements.platform === null) {
    terminal.stderr.write(
      `${plain(url)} shows no evidence that is authentic: there is nothing to make a policy of (vitrine verify ${plain(url)} says why).\n`,
    );
    return result.verdict === 'failed' ? EXIT.failed : EXIT.couldNot;
  }
  const text = policyFromResult(result, { at: new Date(result.verifiedAt) });
  if (flags.out === undefined) terminal.stdout.write(text);
  else {
    writeFileSync(flags.out, text, { flag: 'wx' });
    terminal.stdout.write(`${flags.out}: read it before you go by it\n`);
  }
  return EXIT.ok;
}

/** The policy of a file, or the built-in one, in sentences. */
export async function policyExplainCommand(
  path: string | undefined,
  flags: { readonly repo?: string; readonly json?: boolean },
  terminal: Terminal,
): Promise<number> {
  const policy =
    path === undefined
      ? defaultPolicy(flags.repo === undefined ? {} : { repository: flags.repo })
      : await parsePolicy(read(path));
  if (flags.json) terminal.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
  else for (const sentence of explainPolicy(policy)) terminal.stdout.write(`${plain(sentence)}\n`);
  return EXIT.ok;
}

function read(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableError(`Reading ${path}: ${reason}.`, { cause });
  }
}
