/**
 * Why a measurement is not the signed one. A digest says nothing of what differs; but a guess that gives the measured
 * value exactly is no guess any more.
 */
import type { Context } from '../context.ts';
import type { Deployment, MeasuredConfig } from '../dialects/deployment.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { explainTdx } from './explain-tdx.ts';
import { type LineGuess, lineGuesses } from './guesses.ts';
import { type Recomputed, type SnpParts, launchDigest, snpInputs } from './recompute.ts';

interface Hypothesis extends LineGuess {
  readonly parts: SnpParts;
}

/** SEV_FEATURES with DebugSwap, which newer kernels turn on by themselves. */
const DEBUG_SWAP = 0x21n;
const MAX_VCPUS_TRIED = 64;
/** One sentence for a person. */
export async function explainMismatch(
  context: Context,
  cpu: AuthenticCpu,
  deployment: Deployment,
  config: MeasuredConfig | undefined,
  recomputed: Recomputed,
): Promise<string> {
  if (cpu.platform !== 'sev-snp') return explainTdx(context, cpu, deployment, recomputed.registers);
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
  for (const guess of lineGuesses(cmdline, presented.launch.cmdline)) yield { parts, ...guess };
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
