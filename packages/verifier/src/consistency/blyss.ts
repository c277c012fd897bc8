/**
 * Blyss signs nothing: a public protocol says what must run, the service says with which command line, and the launch
 * digest that follows from both must be the measured one.
 */
import type { Check } from '@vitrine/appraisal';
import { decided } from '@vitrine/appraisal';
import type { Code } from '../code/code.ts';
import { askFor, type Context } from '../context.ts';
import { type BlyssCmdline, parseBlyssCmdline } from '../dialects/blyss/cmdline.ts';
import { type BlyssProtocol, blyssProtocols } from '../dialects/blyss/protocol.ts';
import { type Promised, promised, unchecked } from '../promise.ts';
import type { ResultCheck } from '../result.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { bootPartRequest } from '../sources/endorsements/requests.ts';
import type { Consistency } from './consistency.ts';
import { launchDigest } from './recompute.ts';

/** QEMU's, in every published launch of Blyss. */
const VCPU_TYPE = 'EPYC-v4';
const GUEST_FEATURES = 1n;
const source = 'Blyss protocol v0.0.1';

const protocolPromise: Promised = {
  rule: 'code.protocol',
  title: 'What must run is what the Blyss protocol publishes',
  evidence: 'built-in Blyss protocol v0.0.1, document',
  expected: 'a command line of the protocol, and nothing besides',
  source,
};

/** Group 2 for Blyss: the reference is the protocol, which nobody signed. */
export function checkBlyssCode({ presented }: Context): Code {
  const empty = { reference: undefined, release: null, loggedAt: undefined };
  const { cmdline } = presented.launch;
  if (cmdline === undefined)
    return {
      ...empty,
      trusted: [],
      checks: [
        unchecked(protocolPromise, 'the document does not say with which command line it was launched'),
      ],
    };
  const parsed = parseBlyssCmdline(cmdline, blyssProtocols['v0.0.1']);
  const about = parsed.checks.filter(({ rule }) => !isImage(rule));
  return {
    ...empty,
    trusted: ['Blyss, who publish the protocol without signing it'],
    checks: [promised(protocolPromise, about, 'a command line of protocol v0.0.1')],
  };
}

function isImage(rule: string): boolean {
  return rule.startsWith('blyss.cmdline.image') || rule.startsWith('blyss.cmdline.pinned');
}

/** Group 3 for Blyss. */
export async function checkBlyssConsistency(
  context: Context,
  cpu: AuthenticCpu | undefined,
): Promise<Consistency> {
  const protocol = blyssProtocols['v0.0.1'];
  const { cmdline } = context.presented.launch;
  const parsed = cmdline === undefined ? undefined : parseBlyssCmdline(cmdline, protocol);
  const recomputed = await recomputeBlyss(context, protocol);
  return {
    signed: {},
    recomputed: 'digest' in recomputed ? { launchDigest: recomputed.digest } : {},
    // Blyss loads weights from the network at run time: no pack is measured.
    modelPacks: [],
    trusted: [],
    checks: [measurementCheck(cpu, recomputed), imagesCheck(context, parsed), modelCheck(context)],
  };
}

type Recomputation = { readonly digest: string } | { readonly reason: string };

async function recomputeBlyss(context: Context, { firmware }: BlyssProtocol): Promise<Recomputation> {
  const { cmdline, vcpus } = context.presented.launch;
  if (cmdline === undefined || vcpus === undefined)
    return {
      reason: 'the document does not say with which command line and how many processors it was launched',
    };
  const part = await askFor(context, bootPartRequest(firmware.ovmf), (bytes) => bytes);
  if (!('value' in part))
    return {
      reason: `the firmware of the protocol (SHA-256 ${firmware.ovmf}) is not at hand: name it (--boot-part FILE)`,
    };
  const digest = await launchDigest(
    {
      vmm: 'qemu',
      vcpus,
      vcpuType: VCPU_TYPE,
      guestFeatures: GUEST_FEATURES,
      firmware: { bytes: part.value },
      kernelSha256: firmware.kernel,
      initrdSha256: firmware.initrd,
    },
    cmdline,
  );
  return { digest };
}

function measurementCheck(cpu: AuthenticCpu | undefined, recomputed: Recomputation): ResultCheck {
  const what: Promised = {
    rule: 'consistency.measurement',
    title: 'What the processor measured is what the protocol and the command line come to',
    evidence: 'document, firmware of the protocol',
    expected: 'the launch digest of firmware, kernel, initrd, command line and processors',
    source: `${source}; SEV-SNP ABI 56860 section 8.17`,
  };
  if (!cpu) return unchecked(what, 'there is no authentic evidence');
  if ('reason' in recomputed) return unchecked(what, recomputed.reason);
  const found = cpu.registers['launchDigest'] ?? '';
  const rule = { rule: 'recomputed.launchDigest', expected: recomputed.digest, found, source: what.source };
  return promised(what, [
    decided(
      recomputed.digest === found,
      rule,
      'MEASUREMENT_MISMATCH',
      'the command line in the document is not the one that the VM was started with, or something else differs',
    ),
  ]);
}

function imagesCheck({ policy }: Context, parsed: BlyssCmdline | undefined): ResultCheck {
  const what: Promised = {
    rule: 'consistency.images',
    title: 'Every container image is pinned by its digest',
    required: policy.measurements.requirePinnedImages,
    evidence: 'command line',
    expected: 'name@sha256:… for each',
    source,
  };
  if (!parsed) return unchecked(what, 'the document does not say with which command line it was launched');
  const checks: readonly Check[] = parsed.checks.filter(({ rule }) => isImage(rule));
  return promised(what, checks, `${parsed.containers.length} images`);
}

function modelCheck({ policy }: Context): ResultCheck {
  return unchecked(
    {
      rule: 'consistency.models',
      title: 'The model packs are named by their root hashes',
      required: policy.measurements.modelRoots !== null,
      evidence: 'command line',
      expected: policy.measurements.modelRoots?.join(', ') ?? 'a root hash for each',
      source,
    },
    'Blyss loads the weights from the network when it runs: which model answers is not measured',
  );
}
