/** The measurement from the parts of a deployment, as far as they are there. */
import { fromHex, toHex } from '@vitrine/bytes';
import { MeasureError, type SnpFirmware, measureSnp, measureTdx } from '@vitrine/measure';
import { measureMrtd } from '@vitrine/measure/tdx';
import type { Context } from '../context.ts';
import type { Deployment, MeasuredConfig, SnpInputs } from '../dialects/deployment.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { bootPartRequest } from '../sources/endorsements/requests.ts';

export interface Recomputed {
  readonly registers: Readonly<Record<string, string>>;
  /** Why nothing was recomputed. */
  readonly reason?: string;
  /** The parts contradict each other. */
  readonly refusal?: { readonly code: string; readonly message: string };
}

/** @param config for the number of processors where the deployment does not say it */
export async function recompute(
  context: Context,
  deployment: Deployment | undefined,
  config: MeasuredConfig | undefined,
  cpu: AuthenticCpu | undefined,
): Promise<Recomputed> {
  if (!deployment) return { registers: {}, reason: 'there is no signed deployment' };
  try {
    return context.presented.cpu.platform === 'sev-snp'
      ? await recomputeSnp(context, deployment, config)
      : await recomputeTdx(context, deployment, cpu?.registers['mrtd']);
  } catch (error) {
    if (error instanceof MeasureError) return { registers: {}, refusal: error };
    throw error;
  }
}

async function recomputeSnp(
  context: Context,
  deployment: Deployment,
  config: MeasuredConfig | undefined,
): Promise<Recomputed> {
  const inputs = await snpInputs(context, deployment, config);
  if ('reason' in inputs) return { registers: {}, reason: inputs.reason };
  return { registers: { launchDigest: await launchDigest(inputs, deployment.cmdline) } };
}

/** Everything that a launch digest depends on but the command line. */
export type SnpParts = SnpInputs & {
  readonly firmware: SnpFirmware;
  readonly kernelSha256: string;
  readonly initrdSha256: string;
};

export async function launchDigest(parts: SnpParts, cmdline: string): Promise<string> {
  const { launchDigest: digest } = await measureSnp({
    vmm: parts.vmm,
    vcpus: parts.vcpus,
    ...(parts.vcpuType === undefined ? {} : { vcpuType: parts.vcpuType }),
    ...(parts.vcpuSignature === undefined ? {} : { vcpuSignature: parts.vcpuSignature }),
    guestFeatures: parts.guestFeatures,
    firmware: parts.firmware,
    boot: {
      kernel: { sha256: fromHex(parts.kernelSha256) },
      initrd: { sha256: fromHex(parts.initrdSha256) },
      cmdline,
    },
  });
  return toHex(digest);
}

/** From the deployment's own inputs, or from firmware that is at hand by the hash that the deployment names. */
export async function snpInputs(
  { source }: Context,
  { measurementInputs, hashes, firmware }: Deployment,
  config: MeasuredConfig | undefined,
): Promise<SnpParts | { readonly reason: string }> {
  const parts = { kernelSha256: hashes.kernel, initrdSha256: hashes.initrd };
  if (measurementInputs?.firmware)
    return { ...measurementInputs, firmware: measurementInputs.firmware, ...parts };
  const sha256 = firmware?.snpSha256;
  if (sha256 === undefined)
    return { reason: 'the signed deployment does not say which firmware it was measured with' };
  const answer = await source.get(bootPartRequest(sha256));
  if (!answer.ok) return { reason: `the firmware with SHA-256 ${sha256} is not at hand: ${answer.message}` };
  const vcpus = measurementInputs?.vcpus ?? config?.cpus;
  if (vcpus === undefined) return { reason: 'the number of processors is not known' };
  return {
    vmm: measurementInputs?.vmm ?? 'qemu',
    vcpus,
    vcpuType:
      measurementInputs?.vcpuType ?? (measurementInputs?.vcpuSignature === undefined ? 'EPYC-v4' : undefined),
    vcpuSignature: measurementInputs?.vcpuSignature,
    guestFeatures: measurementInputs?.guestFeatures ?? 1n,
    firmware: { bytes: answer.bytes },
    ...parts,
  };
}

/** The part with this SHA-256 (hexadecimal), where it is at hand. */
export async function bootPart({ source }: Context, sha256: string): Promise<Uint8Array | undefined> {
  const answer = await source.get(bootPartRequest(sha256));
  return answer.ok ? answer.bytes : undefined;
}

/**
 * RTMR1 and RTMR2 need the kernel itself: what is measured of it is its Authenticode hash. RTMR0 is not recomputed: a
 * deployment does not carry its virtual hardware.
 * @param measuredMrtd which order the VMM added the pages in is its own affair: the one that gives this is taken
 */
async function recomputeTdx(
  context: Context,
  { hashes, cmdline, firmware, vmShape }: Deployment,
  measuredMrtd: string | undefined,
): Promise<Recomputed> {
  if (firmware?.tdxSha256 === undefined || vmShape === undefined)
    return {
      registers: {},
      reason:
        'the signed deployment does not say which TDX firmware and how much memory it was measured with',
    };
  const named = { firmware: firmware.tdxSha256, kernel: hashes.kernel, initrd: hashes.initrd };
  const [bytes, kernel, initrd] = await Promise.all(
    Object.values(named).map((hash) => bootPart(context, hash)),
  );
  if (!bytes || !kernel || !initrd) {
    const [name, hash] = Object.entries(named)[[bytes, kernel, initrd].indexOf(undefined)]!;
    return {
      registers: {},
      reason: `the ${name} with SHA-256 ${hash} is not at hand: name it (--boot-part FILE)`,
    };
  }
  const { mrtd, rtmr1, rtmr2 } = await measureTdx({
    firmware: bytes,
    ordering: 'two-pass',
    boot: { kernel, initrd, cmdline, memoryMib: vmShape.memoryMib },
  });
  const other = toHex((await measureMrtd(bytes, 'single-pass')).mrtd);
  return {
    registers: {
      mrtd: other === measuredMrtd ? other : toHex(mrtd),
      ...(rtmr1 ? { rtmr1: toHex(rtmr1) } : {}),
      ...(rtmr2 ? { rtmr2: toHex(rtmr2) } : {}),
    },
  };
}
