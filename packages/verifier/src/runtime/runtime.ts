/** Group 1, the enclave's runtime: whose evidence it is, what it is bound to, and its devices. */
import { equalBytes, toHex } from '@vitrine/bytes';
import { decided, notChecked } from '@vitrine/appraisal';
import type { Context } from '../context.ts';
import { type Promised, promised, unchecked } from '../promise.ts';
import type { ResultCheck } from '../result.ts';
import { type AuthenticDevice, checkDevices } from './devices.ts';
import { checkSnp } from './snp.ts';
import { checkTdx } from './tdx.ts';

/** What the processor's evidence says, once it is authentic. */
export interface AuthenticCpu {
  readonly platform: 'sev-snp' | 'tdx';
  /** Hexadecimal: launchDigest; mrtd, rtmr0 … rtmr3. */
  readonly registers: Readonly<Record<string, string>>;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** HOST_DATA, or MRCONFIGID: what the launcher wrote beside the measurement, hexadecimal. */
  readonly hostData: string;
  /** For people: "AMD Genoa". */
  readonly cpu: string;
  readonly tcb: string;
  readonly isProduction: boolean;
  /** Ends of what was relied on. */
  readonly validUntil: readonly Date[];
  readonly trusted: string;
}

export interface CpuRuntime {
  readonly authentic?: AuthenticCpu;
  readonly checks: readonly ResultCheck[];
}

export interface Runtime {
  readonly cpu: AuthenticCpu | undefined;
  readonly devices: readonly AuthenticDevice[];
  readonly checks: readonly ResultCheck[];
}

/** @param declaredGpus how many the measured configuration declares, where one was read: known later than the rest */
export async function checkRuntime(
  context: Context,
  declaredGpus: Promise<number | undefined>,
): Promise<Runtime> {
  const { presented, policy } = context;
  const [cpu, devices] = await Promise.all([
    presented.cpu.platform === 'sev-snp'
      ? checkSnp(presented.cpu, context)
      : checkTdx(presented.cpu, context),
    checkDevices(context, declaredGpus),
  ]);
  const accepted = promised(
    {
      rule: 'runtime.platform',
      title: 'The platform is one that the policy accepts',
      evidence: 'document',
      expected: policy.hardware.platforms.join(' or '),
      source: 'policy, hardware.platforms',
    },
    [
      decided(
        policy.hardware.platforms.includes(presented.cpu.platform),
        {
          rule: 'policy.hardware.platforms',
          expected: policy.hardware.platforms.join(' or '),
          found: presented.cpu.platform,
          source: 'policy, hardware.platforms',
        },
        'PLATFORM_NOT_ACCEPTED',
      ),
    ],
  );
  return {
    cpu: cpu.authentic,
    devices: devices.devices,
    checks: [
      accepted,
      ...cpu.checks,
      bindingCheck(context, cpu.authentic),
      freshnessCheck(context, cpu.authentic),
      ...devices.checks,
    ],
  };
}

/** The keys and devices of the document are those that the processor signed for. */
function bindingCheck({ presented: { binding } }: Context, cpu: AuthenticCpu | undefined): ResultCheck {
  const what: Promised = {
    rule: 'runtime.binding',
    title: binding.coversDevices
      ? 'The keys and the device evidence are those that the processor signed for'
      : 'The keys are those that the processor signed for',
    evidence: 'document',
    expected: binding.rule,
    source: binding.source,
  };
  if (!cpu) return unchecked(what, 'there is no authentic evidence that could be bound to anything');
  const [expected, found] = [toHex(binding.expectedReportData), toHex(cpu.reportData)];
  return promised(
    what,
    [
      decided(
        equalBytes(binding.expectedReportData, cpu.reportData),
        { rule: 'report-data', expected, found, source: binding.source },
        'REPORT_DATA_MISMATCH',
        'the document was put together from parts that do not belong together, or was altered',
      ),
    ],
    `REPORTDATA ${found.slice(0, 16)}…`,
  );
}

/** The evidence was made after this client asked. */
function freshnessCheck({ presented, nonce, policy }: Context, cpu: AuthenticCpu | undefined): ResultCheck {
  const what: Promised = {
    rule: 'runtime.freshness',
    title: 'The evidence is fresh: it covers a nonce that this client chose',
    required: policy.freshness.requireNonce,
    evidence: 'document',
    expected: nonce ? toHex(nonce) : 'a nonce of this client',
    source: 'RFC 9334 section 10.2',
  };
  const source = what.source;
  const said = presented.binding.nonce;
  if (!cpu) return unchecked(what, 'there is no authentic evidence that could be fresh');
  if (!nonce) return unchecked(what, 'the document was read from a file: nobody asked for it with a nonce');
  if (!said)
    return promised(what, [
      notChecked(
        { rule: 'nonce', expected: toHex(nonce), source },
        `the ${presented.dialect} dialect (${presented.form}) has no nonce: old evidence cannot be told from new`,
      ),
    ]);
  return promised(
    what,
    [
      decided(
        equalBytes(said, nonce),
        { rule: 'nonce', expected: toHex(nonce), found: toHex(said), source },
        'NONCE_MISMATCH',
        'the service answered with evidence that was made for somebody else',
      ),
    ],
    `nonce ${toHex(said).slice(0, 16)}…`,
  );
}
