/** `vitrine verify`: who answers at a URL, or what a saved proof says. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import {
  type AttestationResult,
  type Dialect,
  type ProgressEvent,
  type VerificationPolicy,
  defaultPolicy,
  exitStatusOf,
  formatPolicy,
  isDialect,
  parsePolicy,
  parseProof,
  replay,
  verifyUrl,
} from '@vitrine/verifier';
import { EXIT, UnreadableError, UsageError, codeOf } from './exit.ts';
import { ProgressLine } from './progress-line.ts';
import { type Terminal, plain } from './terminal.ts';
import { type AnchorFlags, readAnchors } from './verify/anchors.ts';
import { printResult } from './verify/report.ts';
import { parseInterval, parseTime } from './time.ts';

export interface VerifyFlags extends AnchorFlags {
  readonly repo?: string;
  readonly policy?: string;
  readonly dialect?: string;
  readonly offline?: boolean;
  readonly proof?: string;
  readonly at?: string;
  readonly saveProof?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly watch?: string;
  readonly bootPart?: readonly string[];
  readonly mirror?: readonly string[];
  readonly timeout?: string;
}

export async function verifyCommand(
  url: string | undefined,
  flags: VerifyFlags,
  terminal: Terminal,
): Promise<number> {
  if (flags.proof !== undefined) {
    const result = await verifySaved(flags.proof, url, flags, terminal);
    report(result, flags, terminal);
    return exitStatusOf(result.verdict);
  }
  const service = requireUrl(url);
  const intervalMs = flags.watch === undefined ? undefined : parseInterval(flags.watch);
  const once = await verifier(service, flags, terminal);
  const { result, saveProof } = await once();
  // Said before it is kept: a full disk does not hide a verdict.
  report(result, flags, terminal);
  const status = await saved(saveProof, exitStatusOf(result.verdict), terminal);
  if (intervalMs === undefined || status !== exitStatusOf(result.verdict)) return status;
  const { watch } = await import('./verify/watch.ts');
  const again = async () => (await once()).result;
  return exitStatusOf((await watch(result, intervalMs, again, flags.json === true, terminal)).verdict);
}

/** What was found out stays so: without its proof a pass is no success, and a failure is still a failure. */
async function saved(save: () => Promise<void>, status: number, terminal: Terminal): Promise<number> {
  try {
    await save();
    return status;
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined || !(error instanceof Error)) throw error;
    terminal.stderr.write(`The proof is not saved: ${code}: ${plain(error.message)}\n`);
    return status === EXIT.ok ? EXIT.couldNot : status;
  }
}

function requireUrl(url: string | undefined): string {
  if (url !== undefined) return url;
  throw new UsageError('Give the address of a service, or a saved proof (--proof FILE).');
}

function report(result: AttestationResult, flags: VerifyFlags, terminal: Terminal): void {
  if (flags.json) terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else printResult(result, flags, terminal);
}

async function verifySaved(
  path: string,
  url: string | undefined,
  flags: VerifyFlags,
  terminal: Terminal,
): Promise<AttestationResult> {
  if (url !== undefined) throw new UsageError('Give the address of a service or a saved proof, not both.');
  for (const [name, value] of Object.entries({
    watch: flags.watch,
    saveProof: flags.saveProof,
    dialect: flags.dialect,
  }))
    if (value !== undefined)
      throw new UsageError(`--${name.replace('saveProof', 'save-proof')} needs a service, not a proof.`);
  const policy = await readPolicy(flags);
  const { cacheOnly } = await import('./verify/cache-only.ts');
  const { folderSource, partReader } = await import('@vitrine/verifier/node');
  const others = flags.bootPart?.length ? await folderSource(flags.bootPart) : undefined;
  const proof = await parseProof(readFile(path), partReader(path, others));
  return replay(proof, {
    anchors: await readAnchors(flags, cacheOnly(terminal, homedir()), proof.connection?.certificates),
    ...(policy ? { policy: policy.policy } : {}),
    ...(flags.at === undefined ? {} : { at: parseTime(flags.at) }),
    ...(flags.repo === undefined ? {} : { repository: flags.repo }),
  });
}

/** One verification of a service, and nothing kept of it. */
export async function verifyOnce(
  url: string,
  flags: VerifyFlags,
  terminal: Terminal,
): Promise<AttestationResult> {
  const once = await verifier(url, flags, terminal);
  return (await once()).result;
}

interface Outcome {
  readonly result: AttestationResult;
  /** Where that was asked for. @throws VerifierError STATE_UNUSABLE or PROOF_MALFORMED */
  readonly saveProof: () => Promise<void>;
}

async function verifier(
  url: string,
  flags: VerifyFlags,
  terminal: Terminal,
): Promise<() => Promise<Outcome>> {
  if (flags.at !== undefined)
    throw new UsageError('--at needs a saved proof: a service is judged by the clock.');
  const { liveEdge } = await import('./verify/live.ts');
  const { requireSavable, saveProof } = await import('@vitrine/verifier/node');
  if (flags.saveProof !== undefined) await requireSavable(flags.saveProof);
  const { policy, bytes } = (await readPolicy(flags)) ?? (await builtInPolicy());
  const { lists, ...edge } = await liveEdge(flags, terminal, homedir());
  const dialect = readDialect(flags.dialect);
  const anchors = await readAnchors(flags, lists);
  return async () => {
    const progress = new ProgressLine(terminal);
    try {
      const { result, proof } = await verifyUrl(url, {
        policy,
        policyBytes: bytes,
        anchors,
        ...edge,
        ...(dialect ? { dialect } : {}),
        ...(flags.repo === undefined ? {} : { repository: flags.repo }),
        onEvent: (event) => progress.say(sentenceOf(event)),
      });
      const { saveProof: path } = flags;
      return { result, saveProof: async () => (path === undefined ? undefined : saveProof(path, proof)) };
    } finally {
      progress.clear();
    }
  };
}

function sentenceOf(event: ProgressEvent): string {
  switch (event.kind) {
    case 'connecting':
      return `connecting to ${event.endpoint}`;
    case 'connected':
      return 'asking for evidence';
    case 'document':
      return `reading ${event.dialect} evidence, asking for endorsements`;
    case 'group':
      return `${event.group.title}: ${event.group.outcome}`;
  }
}

function readDialect(word: string | undefined): Dialect | undefined {
  if (word === undefined || isDialect(word)) return word;
  throw new UsageError(`--dialect ${word}: expected vitrine, tinfoil or blyss.`);
}

interface PolicyFile {
  readonly policy: VerificationPolicy;
  readonly bytes: Uint8Array;
}

/** Undefined where neither a policy nor a repository is named. */
async function readPolicy({ policy: path, repo }: VerifyFlags): Promise<PolicyFile | undefined> {
  if (repo !== undefined && !/^[A-Za-z0-9._-]{1,100}\/[A-Za-z0-9._-]{1,100}$/.test(repo))
    throw new UsageError(`--repo ${repo}: expected owner/name.`);
  if (path !== undefined) {
    const bytes = readFile(path);
    return { policy: await parsePolicy(bytes), bytes };
  }
  return repo === undefined ? undefined : builtInPolicy(repo);
}

async function builtInPolicy(repository?: string): Promise<PolicyFile> {
  const bytes = new TextEncoder().encode(
    formatPolicy(defaultPolicy(repository === undefined ? {} : { repository })),
  );
  return { policy: await parsePolicy(bytes), bytes };
}

function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableError(`Reading ${path}: ${reason}.`, { cause });
  }
}
