/** `vitrine evidence show` and `vitrine evidence verify`. */
import { fromHex } from '@vitrine/bytes';
import { type Check, EvidenceError, type EvidenceKind, descriptionLines } from '@vitrine/evidence';
import { X509Error } from '@vitrine/x509';
import { descriptions } from './evidence/describe.ts';
import { type EvidenceFile, certificatesIn, readEndorsements, readEvidenceFile } from './evidence/files.ts';
import { verifyGpu, verifyGpuEvidence } from './evidence/nvidia.ts';
import { verifyAzure, verifySnp } from './evidence/snp.ts';
import { verifyTdx } from './evidence/tdx.ts';
import { type EvidenceVerdict, MissingEndorsement, type VerifyInputs } from './evidence/verdict.ts';
import { EXIT, UsageError } from './exit.ts';
import { type Mark, type Terminal, mark, plain } from './terminal.ts';
import { parseTime } from './time.ts';

export interface ShowFlags {
  readonly json?: boolean;
}

export function evidenceShowCommand(path: string, flags: ShowFlags, terminal: Terminal): number {
  const file = readEvidenceFile(path);
  const describe = file.kind && descriptions[file.kind];
  if (!file.kind || !describe) throw unknownKind(file);
  const description = describe(file.bytes, path);
  if (flags.json) terminal.stdout.write(`${JSON.stringify({ kind: file.kind, ...description })}\n`);
  else
    terminal.stdout.write(
      [`kind: ${file.kind}`, ...descriptionLines(description)].map((line) => `${plain(line)}\n`).join(''),
    );
  return EXIT.ok;
}

export interface VerifyFlags {
  readonly endorsements?: string;
  readonly anchors?: string;
  readonly at?: string;
  readonly reportData?: string;
  readonly measurement?: string;
  readonly nonce?: string;
  readonly json?: boolean;
}

/** By kind of evidence. Endorsements alone cannot be verified. */
const verifiers: Partial<
  Readonly<Record<EvidenceKind, (bytes: Uint8Array, inputs: VerifyInputs) => Promise<EvidenceVerdict>>>
> = {
  'snp-report': verifySnp,
  'azure-hcl-report': verifyAzure,
  'tdx-quote': verifyTdx,
  'nvidia-report': verifyGpu,
  'nvidia-evidence': verifyGpuEvidence,
};

export async function evidenceVerifyCommand(
  path: string,
  flags: VerifyFlags,
  terminal: Terminal,
): Promise<number> {
  const file = readEvidenceFile(path);
  const verify = file.kind && verifiers[file.kind];
  if (!verify) throw unknownKind(file);
  const inputs = readInputs(flags);
  try {
    const verdict = await verify(file.bytes, inputs);
    report(path, verdict, inputs.now, flags, terminal);
    return statusOf(verdict.checks);
  } catch (error) {
    if (!(
      error instanceof EvidenceError ||
      error instanceof X509Error ||
      error instanceof MissingEndorsement
    ))
      throw error;
    return refuse(path, error, flags, terminal);
  }
}

function readInputs(flags: VerifyFlags): VerifyInputs {
  return {
    files: flags.endorsements === undefined ? [] : readEndorsements(flags.endorsements),
    anchors: flags.anchors === undefined ? undefined : certificatesIn(readEndorsements(flags.anchors)),
    // The clock's time unless another one is given: evidence of yesterday is judged as of yesterday.
    now: flags.at === undefined ? new Date() : parseTime(flags.at),
    reportData: bytesOf('--report-data', flags.reportData, 64),
    measurement: bytesOf('--measurement', flags.measurement, 48),
    nonce: bytesOf('--nonce', flags.nonce, 32),
  };
}

function bytesOf(option: string, text: string | undefined, lengthBytes: number): Uint8Array | undefined {
  if (text === undefined) return undefined;
  try {
    return fromHex(text, option, lengthBytes);
  } catch (cause) {
    throw new UsageError(`${option}: expected ${lengthBytes} bytes in hexadecimal.`, { cause });
  }
}

function unknownKind({ path, kind }: EvidenceFile): UsageError {
  return new UsageError(
    kind
      ? `${path} is of kind ${kind}, which this command does not take by itself.`
      : `${path} is no evidence or endorsement of a kind that is known.`,
  );
}

function report(
  path: string,
  { what, checks, isProduction }: EvidenceVerdict,
  now: Date,
  flags: VerifyFlags,
  terminal: Terminal,
): void {
  const verdict = verdictOf(checks);
  if (flags.json) {
    const answer = { evidence: path, what, verdict, at: now.toISOString(), isProduction, checks };
    terminal.stdout.write(`${JSON.stringify(answer)}\n`);
    return;
  }
  terminal.stdout.write(`${what}, as of ${now.toISOString()}\n`);
  if (!isProduction)
    terminal.stdout.write("SIMULATED: the trust anchors are not the vendor's, but those that were named.\n");
  for (const check of checks) printCheck(check, terminal);
  const summary = {
    pass: `${path} is authentic and acceptable`,
    fail: `${path} is NOT acceptable`,
    'not-checked': `${path}: no check failed, but not all could be made`,
  }[verdict];
  (verdict === 'pass' ? terminal.stdout : terminal.stderr).write(`${summary}\n`);
}

function printCheck(check: Check, terminal: Terminal): void {
  const output = check.outcome === 'fail' ? terminal.stderr : terminal.stdout;
  const code = check.code === undefined ? '' : `${check.code}: `;
  const reason = check.reason === undefined ? '' : ` (${check.reason})`;
  const text =
    check.outcome === 'not-checked'
      ? `not checked: ${check.expected}${reason}`
      : `${code}expected ${check.expected}; found ${check.found}${reason}`;
  output.write(`${mark(terminal, output, check.outcome)} ${check.rule.padEnd(28)} ${plain(text)}\n`);
}

/** Evidence that is not authentic, or cannot be judged: one line says why. */
function refuse(
  path: string,
  error: EvidenceError | X509Error | MissingEndorsement,
  flags: VerifyFlags,
  terminal: Terminal,
): number {
  const isMissing = error instanceof MissingEndorsement;
  const verdict: Mark = isMissing ? 'not-checked' : 'fail';
  if (flags.json) {
    const answer = { evidence: path, verdict, code: error.code, message: error.message };
    terminal.stdout.write(`${JSON.stringify(answer)}\n`);
  } else {
    terminal.stderr.write(
      `${mark(terminal, terminal.stderr, verdict)} ${error.code}: ${plain(error.message)}\n`,
    );
    terminal.stderr.write(`${path} ${isMissing ? 'could not be checked' : 'is NOT authentic'}\n`);
  }
  return isMissing ? EXIT.couldNot : EXIT.failed;
}

function verdictOf(checks: readonly Check[]): Mark {
  if (checks.some(({ outcome }) => outcome === 'fail')) return 'fail';
  return checks.some(({ outcome }) => outcome === 'not-checked') ? 'not-checked' : 'pass';
}

function statusOf(checks: readonly Check[]): number {
  return { pass: EXIT.ok, fail: EXIT.failed, 'not-checked': EXIT.couldNot }[verdictOf(checks)];
}
