/** Of a trust domain, MRTD and RTMR0 are the platform's: its firmware and its virtual hardware. */
import { decided } from '@vitrine/appraisal';
import { BytesError, type JsonNode, sha256, toHex } from '@vitrine/bytes';
import { builderName } from '../builder-name.ts';
import { authenticateAll } from '../code/bundles.ts';
import { countOf, inOrder } from '../code/agreement.ts';
import { type Judged, judge, nearest } from '../code/builders.ts';
import { type Context, type Missing, askFor } from '../context.ts';
import { githubReleases } from '../policy-file/default.ts';
import type { BuilderPolicy, CodePolicy, PinnedMeasurement } from '../policy.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import type { Refusal } from '../refusal.ts';
import type { ResultCheck } from '../result.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { parseAttestationsAnswer } from '../sources/endorsements/answers.ts';
import { githubAttestationsRequest, releaseAssetRequest } from '../sources/endorsements/requests.ts';

export interface KnownPlatform {
  readonly id: string;
  /** 96 hexadecimal digits each. */
  readonly mrtd: string;
  readonly rtmr0: string;
}

const what: Promised = {
  rule: 'consistency.hardware',
  title: 'The firmware and virtual hardware are of a platform that is known',
  evidence: 'document, policy',
  expected: 'MRTD and RTMR0 of one of the known platforms',
  source: 'policy, measurements.hardware',
};

/** Whose platforms a service of the dialect runs on, besides the policy's own builders. */
const TINFOIL_PLATFORMS = 'tinfoilsh/hardware-measurements';
const predicateTypes = [
  'https://tinfoil.sh/predicate/hardware-measurements/v1',
  'https://tinfoil.sh/predicate/platform-endorsements/v1',
];
const MAX_PLATFORMS = 4096;

export interface HardwareOutcome {
  readonly checks: readonly ResultCheck[];
  readonly trusted: readonly string[];
}

/** @param pin that the evidence meets; other pins say nothing of it */
export async function checkHardware(
  context: Context,
  cpu: AuthenticCpu,
  pin: PinnedMeasurement | undefined,
): Promise<HardwareOutcome> {
  const { hardware } = context.policy.measurements;
  const nobody: readonly string[] = [];
  if (pin?.registers['mrtd'] !== undefined && pin.registers['rtmr0'] !== undefined)
    return { checks: [], trusted: nobody };
  if (hardware !== null) return { checks: [matchCheck(hardware, cpu, what)], trusted: nobody };
  const signed = await signedPlatforms(context);
  const promise = { ...what, evidence: 'platform statement' };
  if ('platforms' in signed)
    return {
      checks: [matchCheck(signed.platforms, cpu, promise)],
      trusted: [`${signed.signer}, who says which platforms are good`],
    };
  if ('reason' in signed) return { checks: [unchecked(what, signed.reason, signed.code)], trusted: nobody };
  return { checks: [refused(promise, signed)], trusted: nobody };
}

function matchCheck(known: readonly KnownPlatform[], cpu: AuthenticCpu, promise: Promised): ResultCheck {
  const { mrtd = '', rtmr0 = '' } = cpu.registers;
  const match = known.find((one) => one.mrtd === mrtd && one.rtmr0 === rtmr0);
  const rule = {
    rule: 'hardware',
    expected: `one of ${known.length} platforms`,
    found: match?.id ?? `MRTD ${mrtd}, RTMR0 ${rtmr0}`,
    source: promise.source,
  };
  const reason = match ? undefined : differenceFrom(known, mrtd, rtmr0);
  return promised(promise, [decided(match !== undefined, rule, 'HARDWARE_NO_MATCH', reason)]);
}

/** Which of the two is nobody's. */
function differenceFrom(known: readonly KnownPlatform[], mrtd: string, rtmr0: string): string {
  const firmware = known.find((one) => one.mrtd === mrtd);
  const machine = known.find((one) => one.rtmr0 === rtmr0);
  if (firmware && machine)
    return `the firmware is that of ${firmware.id}, the virtual hardware that of ${machine.id}`;
  if (firmware)
    return `the firmware is that of ${firmware.id}; the virtual hardware is not: processors, memory, ACPI tables, boot order or secure boot differ`;
  if (machine) return `the virtual hardware is that of ${machine.id}; the firmware is not`;
  return 'the firmware is of no known platform, nor is the virtual hardware';
}

interface SignedPlatforms {
  readonly platforms: readonly KnownPlatform[];
  readonly signer: string;
}

/** From a statement over platforms that somebody acceptable signed. */
async function signedPlatforms(context: Context): Promise<SignedPlatforms | Missing | Refusal> {
  const [{ roots }, found] = await Promise.all([context.sigstoreKeys(), platformBundles(context)]);
  if ('reason' in found) return found;
  const { authentic, refusals } = await authenticateAll(found.bundles, roots, context.now);
  const [first] = refusals;
  if (authentic.length === 0)
    return first ?? { reason: 'the platform statement has no signature', code: 'PLATFORM_STATEMENT_MISSING' };
  const judged = authentic.map((signed) =>
    judge(signed, found.digest, { builders: found.signers, predicateTypes }),
  );
  const accepted = inOrder(
    judged.filter(({ builder }) => builder !== undefined),
    { builders: found.signers },
  );
  if (accepted.length === 0) {
    const { checks, signed } = nearest(judged);
    const failure = checks.find(({ outcome }) => outcome !== 'pass');
    return {
      code: failure?.code ?? 'PLATFORM_SIGNER_NOT_ACCEPTED',
      message: `the platform statement is signed by ${signed.identity.subject}: expected ${failure?.expected ?? 'another signer'}`,
    };
  }
  try {
    return vouched(accepted, context.policy.code);
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    return { code: 'PLATFORM_STATEMENT_MALFORMED', message: error.message };
  }
}

/**
 * Whoever publishes platforms for all services is one. Where several builders are asked for, the firmware is not up to one of
 * them either.
 */
function vouched(
  accepted: readonly Judged[],
  { builders, threshold }: CodePolicy,
): SignedPlatforms | Refusal {
  const lists = accepted.map(({ signed, builder, builders: all }) => ({
    platforms: readPlatforms(signed.statement.predicate),
    signer: builder ? builderName(builder) : '',
    isPublished: all.some((one) => !builders.includes(one)),
  }));
  const chosen = lists.find(({ isPublished }) => isPublished) ?? lists[0]!;
  if (chosen.isPublished || threshold === 1) return chosen;
  const count = countOf(accepted, builders);
  if (count < threshold)
    return {
      code: 'BUILDERS_TOO_FEW',
      message: `the platform statement is signed by ${count} of the policy's builders: expected ${threshold}`,
    };
  if (lists.some(({ platforms }) => JSON.stringify(platforms) !== JSON.stringify(chosen.platforms)))
    return {
      code: 'BUILDERS_DISAGREE',
      message: "the policy's builders signed different platforms under one digest",
    };
  return chosen;
}

interface PlatformBundles {
  readonly bundles: readonly Uint8Array[];
  /** SHA-256 of the list that they are about, hexadecimal. */
  readonly digest: string;
  readonly signers: readonly BuilderPolicy[];
}

/** The document's; or, in the dialect that publishes a list, the latest one. */
async function platformBundles(context: Context): Promise<PlatformBundles | Missing> {
  const { presented, policy } = context;
  const isTinfoil = presented.dialect === 'tinfoil';
  const signers = [...policy.code.builders, ...(isTinfoil ? [githubReleases(TINFOIL_PLATFORMS)] : [])];
  const { platformBundles: bundles, platform } = presented.release;
  if (bundles.length > 0 && platform) return { bundles, digest: platform.digest, signers };
  if (!isTinfoil)
    return {
      reason: 'the policy names no platform, and the document carries no statement over platforms',
      code: 'PLATFORM_STATEMENT_MISSING',
    };
  const list = await askFor(
    context,
    releaseAssetRequest(TINFOIL_PLATFORMS, null, 'hardware-measurements.json'),
    async (bytes) => toHex(await sha256(bytes)),
  );
  if (!('value' in list)) return list;
  const answer = await askFor(
    context,
    githubAttestationsRequest(TINFOIL_PLATFORMS, list.value),
    parseAttestationsAnswer,
  );
  return 'value' in answer ? { bundles: answer.value, digest: list.value, signers } : answer;
}

/** {name: {mrtd, rtmr0}}, or the same under "measurements". */
function readPlatforms(predicate: JsonNode | undefined): readonly KnownPlatform[] {
  if (!predicate) throw new BytesError('JSON_INVALID', 'The platform statement has no predicate.');
  const list = predicate.optional('measurements') ?? predicate;
  const names = list.names();
  if (names.length > MAX_PLATFORMS)
    throw new BytesError('TOO_LARGE', `The platform statement names more than ${MAX_PLATFORMS} platforms.`);
  return names.map((id) => ({
    id,
    mrtd: toHex(list.get(id).get('mrtd').hex(48)),
    rtmr0: toHex(list.get(id).get('rtmr0').hex(48)),
  }));
}
