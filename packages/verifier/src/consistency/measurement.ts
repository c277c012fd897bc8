/** The registers of the evidence against those that were signed, pinned and recomputed. */
import { type Check, decided, notChecked } from '@vitrine/appraisal';
import type { Code } from '../code/code.ts';
import type { Context } from '../context.ts';
import type { Deployment, MeasuredConfig } from '../dialects/deployment.ts';
import type { PinnedMeasurement, VerificationPolicy } from '../policy.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import type { ResultCheck } from '../result.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { explainMismatch } from './explain.ts';
import type { Recomputed } from './recompute.ts';

const measurement: Promised = {
  rule: 'consistency.measurement',
  title: 'What the processor measured is what was signed',
  evidence: 'document, Sigstore bundle',
  expected: 'the registers of the signed deployment',
  source: 'SEV-SNP ABI 56860 section 8.17; Intel TDX Module Base Specification, RTMR',
};
const pinnedMeasurement: Promised = {
  ...measurement,
  title: 'What the processor measured is what the policy pins',
  evidence: 'document, policy',
};

/** By the names that evidence has for them. */
export function registersOf(deployment: Deployment): Readonly<Record<string, string>> {
  return {
    ...(deployment.snpMeasurement === undefined ? {} : { launchDigest: deployment.snpMeasurement }),
    ...(deployment.tdxMeasurement === undefined
      ? {}
      : { rtmr1: deployment.tdxMeasurement.rtmr1, rtmr2: deployment.tdxMeasurement.rtmr2 }),
  };
}

/** Registers that a deployment determines, by platform; the others are the platform's own. */
const determined = { 'sev-snp': ['launchDigest'], tdx: ['rtmr1', 'rtmr2'] } as const;
/** Those that follow from its parts; RTMR0 is of the virtual hardware as well. */
const recomputable = { 'sev-snp': ['launchDigest'], tdx: ['mrtd', 'rtmr1', 'rtmr2'] } as const;
/** What of the parts differs where a recomputed register does. */
const differing = {
  launchDigest: 'firmware, kernel, initrd, command line or processors differ',
  mrtd: 'the firmware is another than the one that the deployment names',
  rtmr1: 'the kernel, or the memory that it was started with, is another than the deployment names',
  rtmr2: 'the command line or the initrd is another than the deployment names',
} as const;

/** What was measured is what was signed; where the policy pins, what it pins as well. */
export async function measurementCheck(
  context: Context,
  cpu: AuthenticCpu | undefined,
  { reference }: Code,
  recomputed: Recomputed,
  config: MeasuredConfig | undefined,
): Promise<ResultCheck> {
  if (!cpu) return unchecked(measurement, 'there is no authentic evidence');
  const isPinned = context.policy.measurements.pinned.length > 0;
  if (!isPinned && !reference) return unchecked(measurement, 'there is no signed reference to compare with');
  const what = isPinned ? pinnedMeasurement : measurement;
  const pinned = isPinned ? pinnedChecks(context.policy, cpu) : [];
  // A signed deployment whose measurement is another says nothing of what runs, whoever pinned that.
  const signed = reference ? signedChecks(registersOf(reference.deployment), cpu) : [];
  const isRtmr3Pinned = pinOf(context.policy, cpu)?.registers['rtmr3'] !== undefined;
  const runtime = cpu.platform === 'tdx' && !isRtmr3Pinned ? [unusedRegister(cpu)] : [];
  const found = isPinned ? `pinned as ${pinOf(context.policy, cpu)?.name}` : firstRegister(cpu);
  const check = promised(what, [...pinned, ...signed, ...runtime], found);
  const isAnother = signed.some(({ outcome }) => outcome === 'fail');
  const isFirst = pinned.every(({ outcome }) => outcome === 'pass');
  if (!reference || !isAnother || !isFirst) return check;
  const explanation = await explainMismatch(context, cpu, reference.deployment, config, recomputed);
  return { ...check, reason: explanation };
}

function firstRegister({ platform, registers }: AuthenticCpu): string {
  return registers[determined[platform][0]] ?? '';
}

function signedChecks(signed: Readonly<Record<string, string>>, cpu: AuthenticCpu): Check[] {
  return determined[cpu.platform].map((name): Check => {
    const rule = `measurement.${name}`;
    const expected = signed[name];
    if (expected === undefined)
      return notChecked(
        { rule, expected: `a signed ${name}`, source: measurement.source },
        `the signed deployment has no value for ${cpu.platform}`,
      );
    const found = cpu.registers[name] ?? 'no such register';
    return decided(
      expected === found,
      { rule, expected, found, source: measurement.source },
      'MEASUREMENT_MISMATCH',
    );
  });
}

/** Nothing of a deployment extends RTMR3: whatever did is not part of it. */
function unusedRegister(cpu: AuthenticCpu): Check {
  const found = cpu.registers['rtmr3'] ?? '';
  return decided(
    /^0{96}$/.test(found),
    { rule: 'measurement.rtmr3', expected: 'all zero', found, source: measurement.source },
    'MEASUREMENT_RTMR3_NONZERO',
  );
}

/** The pin that the evidence meets in every register that it names; of several, the one that names most. */
export function pinOf(
  { measurements }: VerificationPolicy,
  cpu: AuthenticCpu,
): PinnedMeasurement | undefined {
  const size = ({ registers }: PinnedMeasurement): number => Object.keys(registers).length;
  return measurements.pinned
    .filter((pin) => size(pin) > 0)
    .filter(({ registers }) =>
      Object.entries(registers).every(([name, value]) => cpu.registers[name] === value),
    )
    .sort((a, b) => size(b) - size(a))[0];
}

/** A pin that leaves out what a deployment determines would let anything run on a known platform. */
function pinnedChecks(policy: VerificationPolicy, cpu: AuthenticCpu): Check[] {
  const { pinned } = policy.measurements;
  const match = pinOf(policy, cpu);
  const expected = pinned.map(({ name, registers }) => `${name}: ${listed(registers)}`).join('; ');
  const source = 'policy, measurements.pinned';
  const open = match ? determined[cpu.platform].filter((name) => match.registers[name] === undefined) : [];
  return [
    decided(
      match !== undefined,
      {
        rule: 'policy.pinned',
        expected,
        found: match ? `pinned as ${match.name}` : listed(cpu.registers),
        source,
      },
      'MEASUREMENT_MISMATCH',
    ),
    ...open.map((name) =>
      notChecked(
        { rule: `policy.pinned.${name}`, expected: `a pinned ${name}`, source },
        `${match!.name} pins no ${name}: what it stands for is not checked`,
      ),
    ),
  ];
}

function listed(registers: Readonly<Record<string, string>>): string {
  return Object.entries(registers)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

export function recomputedCheck(
  { policy }: Context,
  cpu: AuthenticCpu | undefined,
  recomputed: Recomputed,
): ResultCheck {
  const what: Promised = {
    rule: 'consistency.recomputed',
    title: 'The measurement, recomputed from the parts of the deployment, is the one in the evidence',
    required: policy.measurements.requireRecomputation,
    evidence: 'deployment file, boot parts',
    expected: 'firmware, kernel, initrd, command line and processors that give the measured value',
    source: 'docs/measurement.md',
  };
  if (!cpu) return unchecked(what, 'there is no authentic evidence');
  if (recomputed.refusal) return refused(what, recomputed.refusal);
  const names = recomputable[cpu.platform];
  if (names.every((name) => recomputed.registers[name] === undefined))
    return unchecked(what, recomputed.reason ?? 'the parts are not there');
  return promised(
    what,
    names.map((name) => {
      const rule = { rule: `recomputed.${name}`, source: what.source };
      const [expected, found] = [recomputed.registers[name], cpu.registers[name]];
      if (expected === undefined || found === undefined)
        return notChecked({ ...rule, expected: `a recomputed ${name}` }, 'the parts are not there');
      const isEqual = expected === found;
      return decided(
        isEqual,
        { ...rule, expected, found },
        'MEASUREMENT_MISMATCH',
        isEqual ? undefined : differing[name],
      );
    }),
    recomputed.registers[determined[cpu.platform][0]] ?? '',
  );
}
