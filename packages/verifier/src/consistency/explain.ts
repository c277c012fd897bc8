/**
 * Why a measurement is not the signed one. A digest says nothing of what differs; but a guess that gives the measured
 * value exactly is no guess any more.
 */
import { type Difference, diffCmdlines } from '@vitrine/measure';
import type { Context } from '../context.ts';
import type { Deployment, MeasuredConfig } from '../dialects/deployment.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { type Recomputed, type SnpParts, launchDigest, snpInputs } from './recompute.ts';

interface Hypothesis {
  readonly parts: SnpParts;
  readonly cmdline: string;
  readonly sentence: string;
}

/** SEV_FEATURES with DebugSwap, which newer kernels turn on by themselves. */
const DEBUG_SWAP = 0x21n;
const MAX_VCPUS_TRIED = 64;
const MAX_WORDS_LEFT_OUT = 64;
/**
 * A shell instead of the system or beside it, output to the host, protection turned off (Linux, kernel parameters;
 * systemd, kernel-command-line).
 */
const openingWords = [
  'init=/bin/sh',
  'init=/bin/bash',
  'rdinit=/bin/sh',
  'rdinit=/bin/bash',
  'single',
  'emergency',
  'systemd.debug_shell',
  'systemd.debug_shell=1',
  'systemd.unit=rescue.target',
  'systemd.unit=emergency.target',
  'rd.break',
  'rd.shell',
  'console=ttyS0',
  'console=hvc0',
  'mitigations=off',
] as const;

/** One sentence for a person. */
export async function explainMismatch(
  context: Context,
  cpu: AuthenticCpu,
  deployment: Deployment,
  config: MeasuredConfig | undefined,
  recomputed: Recomputed,
): Promise<string> {
  if (cpu.platform !== 'sev-snp') return explainTdx(cpu, deployment);
  const parts = await snpInputs(context, deployment, config);
  if ('reason' in parts) return `what differs cannot be told: ${parts.reason}`;
  const own = recomputed.registers['launchDigest'];
  if (own !== undefined && own !== deployment.snpMeasurement)
    return own === cpu.registers['launchDigest']
      ? 'the signed value itself is wrong: the parts that were signed give the value that was measured'
      : 'the signed value does not follow from the parts that were signed beside it';
  const measured = cpu.registers['launchDigest'];
  for (const { parts: guess, cmdline, sentence } of hypotheses(context, deployment, parts))
    if ((await launchDigest(guess, cmdline)) === measured) return sentence;
  return 'firmware, kernel, initrd or configuration differ: no known change of the command line or of the number of processors explains it';
}

function* hypotheses(
  { presented }: Context,
  { cmdline }: Deployment,
  parts: SnpParts,
): Generator<Hypothesis, void> {
  const claimed = presented.launch.cmdline;
  if (claimed !== undefined && claimed !== cmdline)
    yield {
      parts,
      cmdline: claimed,
      sentence: `the VM was started with another command line: ${describe(diffCmdlines(cmdline, claimed))}`,
    };
  yield {
    parts,
    cmdline: `${cmdline} tinfoil-debug=on`,
    sentence: 'the VM was started for debugging: tinfoil-debug=on was added to its command line',
  };
  for (const other of neighbours(cmdline))
    yield {
      parts,
      cmdline: other,
      sentence: `the VM was started with another command line: ${describe(diffCmdlines(cmdline, other))}`,
    };
  if (parts.guestFeatures !== DEBUG_SWAP)
    yield {
      parts: { ...parts, guestFeatures: DEBUG_SWAP },
      cmdline,
      sentence:
        'only SEV_FEATURES differ: DebugSwap (0x21) is on, which the deployment was not measured with',
    };
  for (let vcpus = 1; vcpus <= MAX_VCPUS_TRIED; vcpus++)
    if (vcpus !== parts.vcpus)
      yield {
        parts: { ...parts, vcpus },
        cmdline,
        sentence: `the VM has ${vcpus} processors, the signed deployment ${parts.vcpus}`,
      };
}

/** Command lines with one word less, or with one more of those that open a VM. */
function* neighbours(cmdline: string): Generator<string, void> {
  for (const word of openingWords) {
    yield `${cmdline} ${word}`;
    yield `${word} ${cmdline}`;
  }
  const words = cmdline.split(' ').slice(0, MAX_WORDS_LEFT_OUT);
  for (const at of words.keys())
    yield cmdline
      .split(' ')
      .filter((_, index) => index !== at)
      .join(' ');
}

export function describe(differences: readonly Difference[]): string {
  return differences
    .map((difference) => {
      switch (difference.kind) {
        case 'word-added':
          return `the word "${difference.word}" was added`;
        case 'word-removed':
          return `the word "${difference.word}" is missing`;
        case 'word-changed':
          return `"${difference.b}" stands where "${difference.a}" was signed`;
        case 'spacing':
          return 'only the spaces between its words differ';
        default:
          return `${difference.name} is ${difference.b}, was ${difference.a}`;
      }
    })
    .join(', ');
}

function explainTdx({ registers }: AuthenticCpu, { tdxMeasurement }: Deployment): string {
  const kernel = registers['rtmr1'] === tdxMeasurement?.rtmr1;
  const cmdline = registers['rtmr2'] === tdxMeasurement?.rtmr2;
  if (kernel && !cmdline) return 'the kernel is the signed one; its command line or its initrd is not';
  if (!kernel && cmdline)
    return 'command line and initrd are the signed ones; the kernel, or the memory that it was started with, is not';
  return 'kernel, command line or initrd differ';
}
