/** From everything that was gathered to one attestation result. Pure: the same proof, policy, anchors and time give the same bytes. */
import type { Anchors } from './anchors.ts';
import { checkChannel } from './channel/channel.ts';
import { checkCode } from './code/code.ts';
import { keysWhenAsked } from './code/sigstore-keys.ts';
import { checkConfig, checkConsistency } from './consistency/consistency.ts';
import type { Context } from './context.ts';
import type { VerificationPolicy } from './policy.ts';
import type { Presented } from './presented.ts';
import type { ProofConnection, ReleaseMemory } from './proof.ts';
import {
  type AttestationResult,
  type GroupId,
  type ResultCheck,
  type ResultGroup,
  groupIds,
  groupTitles,
  outcomeOf,
  resultFormat,
  verdictOf,
} from './result.ts';
import { checkRuntime } from './runtime/runtime.ts';
import type { Source } from './source.ts';
import { fingerprintOf } from './consistency/fingerprint.ts';

export interface VerifyInputs {
  readonly endpoint: string;
  readonly presented: Presented;
  readonly policy: VerificationPolicy;
  readonly anchors: Anchors;
  readonly source: Source;
  readonly now: Date;
  readonly nonce: Uint8Array | null;
  readonly connection: ProofConnection | null;
  readonly memory: ReleaseMemory | null;
  readonly repository: string | null;
  /** Each group as it is decided, in any order. */
  readonly onGroup?: ((group: ResultGroup) => void) | undefined;
}

export async function verify(inputs: VerifyInputs): Promise<AttestationResult> {
  const { onGroup, ...given } = inputs;
  const sigstore = keysWhenAsked(given);
  const context: Context = { ...given, sigstoreKeys: sigstore.keys };
  // Said early, while others are still asking for what they need.
  const group = (id: GroupId, checks: readonly ResultCheck[]): ResultGroup => {
    const made = { id, title: groupTitles[id], outcome: outcomeOf(checks), checks };
    onGroup?.(made);
    return made;
  };
  // Side by side: each asks for what it needs at once, and waits for another only where it is to be compared with it.
  const coding = checkCode(context).then(async (made) => ({ made, signed: await checkConfig(made) }));
  const running = checkRuntime(
    context,
    coding.then(({ signed }) => signed.config?.gpus),
  );
  const attested = running.then(({ cpu }) => cpu);
  const [{ made: code }, runtime, consistency, channel] = await Promise.all([
    coding,
    running,
    Promise.all([coding, running]).then(([{ made, signed }, { cpu }]) =>
      checkConsistency(context, cpu, made, signed),
    ),
    checkChannel(context, attested),
    // Nobody looks at it where there is no certificate; an abort must not be left without anyone to see it.
    attested,
  ]);
  const groups = [
    group('runtime', runtime.checks),
    group('code', [...code.checks, ...(await sigstore.checks())]),
    group('consistency', consistency.checks),
    group('channel', channel.checks),
  ];
  const { cpu } = runtime;
  const ends = [...(cpu?.validUntil ?? []), ...channel.validUntil].map((date) => date.getTime());
  return {
    format: resultFormat,
    verdict: verdictOf(groups),
    simulated: cpu?.isProduction === false || runtime.devices.some(({ isProduction }) => !isProduction),
    endpoint: context.endpoint,
    dialect: context.presented.dialect,
    verifiedAt: context.now.toISOString(),
    validUntil: ends.length > 0 ? new Date(Math.min(...ends)).toISOString() : null,
    policy: { name: context.policy.name, sha256: context.policy.sha256 },
    groups,
    measurements: {
      platform: cpu?.platform ?? null,
      evidence: cpu?.registers ?? {},
      signed: consistency.signed,
      recomputed: consistency.recomputed,
      fingerprint: cpu ? await fingerprintOf(cpu) : null,
    },
    keys: attestedKeys(context, groups),
    hardware: {
      cpu: cpu?.cpu ?? null,
      tcb: cpu?.tcb ?? null,
      devices: runtime.devices.map(({ id, architecture, driver, firmware }) => ({
        id,
        architecture,
        driver,
        firmware,
      })),
    },
    release: code.release,
    modelPacks: consistency.modelPacks,
    trusted: [...(cpu ? [cpu.trusted] : []), ...code.trusted, ...consistency.trusted, ...channel.trusted],
  };
}

/** Keys that nobody signed for are not shown as attested. */
function attestedKeys(
  { presented: { keys } }: Context,
  groups: readonly ResultGroup[],
): AttestationResult['keys'] {
  const runtime = groups.find(({ id }) => id === 'runtime');
  const isBound = runtime?.checks.some(
    ({ rule, outcome }) => rule === 'runtime.binding' && outcome === 'pass',
  );
  if (!isBound) return { tlsSpkiSha256: null, tlsCertificateSha256: null, hpkePublicKey: null, others: {} };
  return {
    tlsSpkiSha256: keys.tlsSpkiSha256 ?? null,
    tlsCertificateSha256: keys.tlsCertificateSha256 ?? null,
    hpkePublicKey: keys.hpkePublicKey ?? null,
    others: keys.others,
  };
}

/** The result of a service that could not be asked, or whose document cannot be read: every group is open, or failed. */
export function resultWithoutDocument(
  inputs: Pick<VerifyInputs, 'endpoint' | 'policy' | 'now'>,
  error: { readonly code: string; readonly message: string },
  outcome: 'fail' | 'not-checked',
): AttestationResult {
  const groups = groupIds.map((id): ResultGroup => {
    const isFirst = id === groupIds[0];
    const check: ResultCheck = {
      rule: `${id}.document`,
      title: 'The service shows what it is',
      required: true,
      evidence: 'document',
      outcome: isFirst ? outcome : 'not-checked',
      code: error.code,
      expected: 'a document in a dialect that is known',
      found: isFirst && outcome === 'fail' ? error.message : 'nothing',
      reason: error.message,
      source: 'docs/evidence-document.md',
      details: [],
    };
    return { id, title: groupTitles[id], outcome: check.outcome, checks: [check] };
  });
  return {
    format: resultFormat,
    verdict: verdictOf(groups),
    simulated: false,
    endpoint: inputs.endpoint,
    dialect: null,
    verifiedAt: inputs.now.toISOString(),
    validUntil: null,
    policy: { name: inputs.policy.name, sha256: inputs.policy.sha256 },
    groups,
    measurements: { platform: null, evidence: {}, signed: {}, recomputed: {}, fingerprint: null },
    keys: { tlsSpkiSha256: null, tlsCertificateSha256: null, hpkePublicKey: null, others: {} },
    hardware: { cpu: null, tcb: null, devices: [] },
    release: null,
    modelPacks: [],
    trusted: [],
  };
}
