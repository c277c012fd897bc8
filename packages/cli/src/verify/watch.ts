/** Verification again and again: what changed is said, and nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttestationResult } from '@vitrine/verifier';
import { type Terminal, mark, plain } from '../terminal.ts';

/** What a person wants to know of when it changes. */
export function differences(before: AttestationResult, after: AttestationResult): readonly string[] {
  const facts = (result: AttestationResult): Record<string, string> => ({
    verdict: result.verdict,
    'TLS key': result.keys.tlsSpkiSha256 ?? result.keys.tlsCertificateSha256 ?? 'none',
    'HPKE key': result.keys.hpkePublicKey ?? 'none',
    release: [result.release?.tag, result.release?.digest].filter(Boolean).join(' ') || 'none',
    measurement: result.measurements.fingerprint ?? 'none',
    processor: [result.hardware.cpu, result.hardware.tcb].filter(Boolean).join(' ') || 'none',
    devices:
      result.hardware.devices.map(({ id, architecture }) => `${id} ${architecture}`).join(', ') || 'none',
    'failed checks': rules(result, 'fail'),
    'open checks': rules(result, 'not-checked'),
  });
  const [old, current] = [facts(before), facts(after)];
  return Object.keys(current).flatMap((name) =>
    old[name] === current[name] ? [] : [`${name}: ${old[name]!} → ${current[name]!}`],
  );
}

function rules({ groups }: AttestationResult, wanted: 'fail' | 'not-checked'): string {
  const found = groups.flatMap(({ checks }) =>
    checks.filter(({ outcome }) => outcome === wanted).map(({ code, rule }) => code ?? rule),
  );
  return found.join(', ') || 'none';
}

function isAborted({ signal }: Terminal): boolean {
  return signal.aborted;
}

/** Until the signal. @returns the last result */
export async function watch(
  first: AttestationResult,
  intervalMs: number,
  again: () => Promise<AttestationResult>,
  json: boolean,
  terminal: Terminal,
): Promise<AttestationResult> {
  let last = first;
  while (!isAborted(terminal)) {
    try {
      await sleep(intervalMs, undefined, { signal: terminal.signal });
      const result = await again();
      const changes = differences(last, result);
      last = result;
      if (json) terminal.stdout.write(`${JSON.stringify({ ...result, changes })}\n`);
      else for (const change of changes) terminal.stdout.write(`${result.verifiedAt} ${plain(change)}\n`);
      if (!json && changes.length === 0)
        terminal.stdout.write(`${result.verifiedAt} ${mark(terminal, terminal.stdout, 'pass')} no change\n`);
    } catch (error) {
      // The signal ended the pause, or the verification.
      if (!isAborted(terminal)) throw error;
    }
  }
  return last;
}
