/** A result for people: one line a check, with a tick, a cross or a dash and the reason; the summary last. */
import type { AttestationResult, ResultCheck, ResultGroup } from '@vitrine/verifier';
import { type Terminal, mark, paint, plain } from '../terminal.ts';

export interface ReportFlags {
  readonly verbose?: boolean;
}

export function printResult(result: AttestationResult, flags: ReportFlags, terminal: Terminal): void {
  const { stdout } = terminal;
  const dialect = result.dialect === null ? '' : ` (${result.dialect})`;
  stdout.write(
    `${plain(result.endpoint)}${dialect}, as of ${result.verifiedAt}, policy ${plain(result.policy.name)}\n`,
  );
  for (const group of result.groups) printGroup(group, flags, terminal);
  if (result.simulated)
    stdout.write(
      `\n${paint(terminal, stdout, 33, 'SIMULATED')}: the hardware is software; its roots were named by you. It proves nothing about a machine.\n`,
    );
  if (flags.verbose) printValues(result, terminal);
  printSummary(result, terminal);
}

function printGroup(group: ResultGroup, { verbose }: ReportFlags, terminal: Terminal): void {
  const { stdout } = terminal;
  stdout.write(`\n${group.title}\n`);
  for (const check of group.checks) {
    stdout.write(
      `  ${mark(terminal, stdout, check.outcome)} ${plain(check.title)}${remark(check, terminal)}\n`,
    );
    if (!verbose) continue;
    for (const detail of check.details) {
      const code = detail.code === undefined ? '' : `${detail.code}: `;
      const reason = detail.reason === undefined ? '' : ` (${detail.reason})`;
      stdout.write(
        `      ${mark(terminal, stdout, detail.outcome)} ${detail.rule}: ${code}expected ${plain(detail.expected)}; found ${plain(detail.found)}${plain(reason)} [${plain(detail.source)}]\n`,
      );
    }
    stdout.write(`      from ${plain(check.evidence)}\n`);
  }
}

function remark(check: ResultCheck, terminal: Terminal): string {
  const { stdout } = terminal;
  switch (check.outcome) {
    case 'pass':
      return paint(terminal, stdout, 2, `  ${plain(shortened(check.found))}`);
    case 'not-checked':
      return `: not checked${check.required ? '' : ' (not required)'}: ${plain(check.reason ?? 'it could not be')}`;
    case 'fail':
      return check.details.length === 0
        ? `: ${check.code ?? 'FAILED'}: ${plain(check.found)}`
        : `: ${check.code ?? 'FAILED'}: expected ${plain(check.expected)}; found ${plain(check.found)}${check.reason === undefined ? '' : `; ${plain(check.reason)}`}`;
  }
}

/** Hashes in full are for -v. */
function shortened(text: string): string {
  const MAX = 100;
  const brief = text.replace(/\b([0-9a-f]{16})[0-9a-f]{17,}\b/g, '$1…');
  return brief.length > MAX ? `${brief.slice(0, MAX - 1)}…` : brief;
}

function printValues(result: AttestationResult, { stdout }: Terminal): void {
  const lines: [string, string | null][] = [
    ...Object.entries(result.measurements.evidence).map(([name, value]): [string, string] => [
      `measured ${name}`,
      value,
    ]),
    ...Object.entries(result.measurements.signed).map(([name, value]): [string, string] => [
      `signed ${name}`,
      value,
    ]),
    ...Object.entries(result.measurements.recomputed).map(([name, value]): [string, string] => [
      `recomputed ${name}`,
      value,
    ]),
    ['fingerprint', result.measurements.fingerprint],
    ['processor', result.hardware.cpu],
    ['TCB', result.hardware.tcb],
    ...result.hardware.devices.map(({ id, architecture, driver, firmware }): [string, string] => [
      id,
      `${architecture}, driver ${driver ?? 'unknown'}, firmware ${firmware ?? 'unknown'}`,
    ]),
    ['release', result.release?.digest ?? null],
    ...(result.release?.signers ?? []).map(({ identity, issuer }): [string, string] => [
      'signed by',
      `${identity} (${issuer})`,
    ]),
    ['policy', result.policy.sha256],
  ];
  stdout.write('\nValues\n');
  for (const [name, value] of lines)
    if (value !== null) stdout.write(`  ${name.padEnd(24)} ${plain(value)}\n`);
}

function printSummary(result: AttestationResult, terminal: Terminal): void {
  const { stdout } = terminal;
  const checks = result.groups.flatMap((group) => group.checks);
  const failed = checks.filter(({ outcome }) => outcome === 'fail');
  const open = checks.filter(({ outcome, required }) => outcome === 'not-checked' && required);
  stdout.write('\n');
  if (result.verdict === 'verified') {
    const { keys, modelPacks, release } = result;
    const lines: [string, string | null][] = [
      ['TLS key', keys.tlsSpkiSha256 ?? keys.tlsCertificateSha256],
      ['HPKE key', keys.hpkePublicKey],
      ['release', release && `${release.repository ?? ''} ${release.tag ?? ''}`.trim()],
      ...modelPacks.map(({ name, rootHash }): [string, string] => [
        'model',
        `${name ?? ''} ${rootHash}`.trim(),
      ]),
      ['trusted', result.trusted.join('; ')],
      ['valid until', result.validUntil],
    ];
    for (const [name, value] of lines) if (value) stdout.write(`  ${name.padEnd(12)} ${plain(value)}\n`);
  }
  const sentence = {
    verified: 'VERIFIED',
    failed: `NOT VERIFIED: ${count(failed.length, 'check')} failed (${codesOf(failed)})`,
    'not-checked': `COULD NOT BE CHECKED: ${count(open.length, 'check')} could not be made (${codesOf(open)})`,
  }[result.verdict];
  const simulated = result.simulated ? ', SIMULATED' : '';
  const verdictMark = { verified: 'pass', failed: 'fail', 'not-checked': 'not-checked' } as const;
  stdout.write(`${mark(terminal, stdout, verdictMark[result.verdict])} ${sentence}${simulated}\n`);
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}

function codesOf(checks: readonly ResultCheck[]): string {
  return [...new Set(checks.map(({ code, rule }) => code ?? rule))].join(', ');
}
