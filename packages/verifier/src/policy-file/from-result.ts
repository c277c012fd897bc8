/** A first policy for a service, written from what it showed: for a person to review, judged by nobody. */
import type { SnpProduct } from '@vitrine/evidence';
import { snpProducts } from '@vitrine/evidence';
import { builderName } from '../builder-name.ts';
import type { BuilderPolicy, SnpLine, TcbFloor, VerificationPolicy } from '../policy.ts';
import type { AttestationResult, ResultCheck } from '../result.ts';
import { defaultPolicy } from './default.ts';
import { formatPolicy } from './format.ts';
import { accepted, builderOfSigner } from './from-signer.ts';
import { registerKeys } from './pinned.ts';
import { builtInTcbFloors, completeFloors, productOfLine, snpLines } from './tcb-floor.ts';
import { architecture, domain, hex, platformId } from './values.ts';

/** What a part of the result adds: to the policy, and as comments behind keys. */
interface Draft {
  policy: VerificationPolicy;
  readonly notes: Record<string, string[]>;
}

/**
 * `vitrine policy init`: hardware, TCB as a floor (never below the built-in one), signers, model roots and GPUs as shown;
 * registers as pins that are commented out. The defaults' demands stay, met or not: what was not met is in the header.
 * @returns a policy file
 */
export function policyFromResult(result: AttestationResult, { at }: { readonly at: Date }): string {
  const draft: Draft = { policy: { ...defaultPolicy(), name: nameOf(result) }, notes: {} };
  takePlatform(draft, result);
  takeTcb(draft, result);
  takeDevices(draft, result);
  takeSigners(draft, result);
  takeModels(draft, result);
  takeMachine(draft, result);
  notePins(draft, result);
  takeDomain(draft, result);
  return formatPolicy(draft.policy, { header: headerOf(result, at), notes: draft.notes });
}

function headerOf(result: AttestationResult, at: Date): string[] {
  return [
    ...(result.simulated
      ? [
          'SIMULATED: this service showed evidence of a software processor. Nothing below is about real hardware.',
          'A policy of a simulation must not be used for anything but development.',
          '',
        ]
      : []),
    `Policy of ${cut(result.endpoint)}, written ${at.toISOString()} from what the service itself showed.`,
    'NOTHING WAS JUDGED. Whoever runs the service chose what stands here: read every line, and ask the people',
    'named under "builders" whether it is theirs. Then this file says what you accept, today and later.',
    '',
    ...shortcomings(result),
  ];
}

/** Checks that stand in the way of "verified", as far as there are any. */
function shortcomings({ groups, verdict }: AttestationResult): string[] {
  const open = groups.flatMap(({ checks }) =>
    checks.filter(({ outcome, required }) => outcome === 'fail' || (outcome === 'not-checked' && required)),
  );
  if (open.length === 0 && verdict === 'verified') return ['When it was written, no check had failed.'];
  return [
    `When it was written, the verdict was ${verdict.toUpperCase()}:`,
    ...open
      .slice(0, 40)
      .map(
        ({ rule, outcome, code, title }) =>
          `  ${outcome === 'fail' ? 'failed' : 'not checked'}: ${cut(title)} (${cut([rule, ...(code === undefined ? [] : [code])].join(', '))})`,
      ),
    'This file does not lower its demands because of that.',
    ...(open.some(isUnknownMachine)
      ? [
          'measurements.hardware holds the MRTD and RTMR0 that the service showed, and nobody has vouched for them:',
          'compare them with values that your provider publishes before you use this file.',
        ]
      : []),
  ];
}

function nameOf({ endpoint, simulated }: AttestationResult): string {
  const host = hostOf(endpoint) ?? 'a service';
  return (simulated ? `SIMULATED ${host}` : host).slice(0, longestName);
}

const longestName = 100;

function hostOf(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return undefined;
  const { hostname } = new URL(endpoint);
  return accepted(domain, hostname);
}

function takePlatform(draft: Draft, { measurements: { platform } }: AttestationResult): void {
  if (platform === null) return;
  draft.policy = { ...draft.policy, hardware: { ...draft.policy.hardware, platforms: [platform] } };
}

function takeTcb(
  draft: Draft,
  { hardware: { cpu, tcb }, measurements: { platform } }: AttestationResult,
): void {
  if (platform !== 'sev-snp' || cpu === null) return;
  const line = [...snpLines].sort((a, b) => b.length - a.length).find((one) => cpu.includes(one));
  if (!line) return;
  const product: SnpProduct = productOfLine[line];
  const path = 'hardware.sev-snp.minimum-tcb';
  const shown = tcb === null ? {} : parseTcb(tcb);
  const { hardware } = draft.policy;
  draft.policy = {
    ...draft.policy,
    hardware: {
      ...hardware,
      snp: {
        ...hardware.snp,
        products: snpProducts.filter((one) => one === product),
        minimumTcb: raisedFloors(line, shown),
      },
    },
  };
  if (tcb !== null) note(draft, path, `The service showed ${cut(tcb)}.`);
  for (const level of below(line, shown))
    note(draft, path, `Its ${level} is BELOW the built-in floor: weaknesses of that level are public.`);
}

/** Other lines of the product keep their built-in floor. */
function raisedFloors(line: SnpLine, shown: TcbFloor): Readonly<Partial<Record<SnpLine, TcbFloor>>> {
  const floor = Object.fromEntries(
    Object.entries(builtInTcbFloors[line]).map(([name, level]) => [
      name,
      Math.max(level, shown[name as keyof TcbFloor] ?? 0),
    ]),
  );
  return completeFloors([productOfLine[line]], { [line]: floor });
}

function below(line: SnpLine, shown: TcbFloor): string[] {
  return Object.entries(builtInTcbFloors[line])
    .filter(([name, level]) => (shown[name as keyof TcbFloor] ?? level) < level)
    .map(([name]) => name);
}

/** "bootloader 10, tee 0, snp 23, microcode 84", in any order. */
function parseTcb(tcb: string): TcbFloor {
  const levels = [...tcb.slice(0, 200).matchAll(/\b(fmc|bootloader|tee|snp|microcode) ([0-9]{1,3})\b/g)];
  return Object.fromEntries(
    levels.map(([, name, level]): [string, number] => [name!, Math.min(Number(level), 255)]),
  );
}

function takeDevices(draft: Draft, result: AttestationResult): void {
  const { devices } = result.hardware;
  // That no GPU showed evidence means something only beside evidence of a processor.
  if (result.measurements.platform === null && devices.length === 0) return;
  const known = devices.map((device) => accepted(architecture, device.architecture));
  const gpus = known.filter((one) => one === undefined || !one.startsWith('LS')).length;
  const architectures = [...new Set(known.filter((one) => one !== undefined))].sort();
  draft.policy = {
    ...draft.policy,
    devices: {
      ...draft.policy.devices,
      gpus: Math.min(gpus, 64),
      architectures: gpus > 0 && architectures.length > 0 ? architectures.slice(0, 20) : null,
    },
  };
  for (const driver of new Set(devices.flatMap((device) => device.driver ?? [])))
    note(draft, 'devices.minimum-driver-version', `The service showed ${cut(driver)}.`);
}

function takeSigners(draft: Draft, { release }: AttestationResult): void {
  const path = 'code.builders';
  const signers = release?.signers ?? [];
  const builders: BuilderPolicy[] = [];
  for (const signer of signers.slice(0, 20)) {
    const builder = builderOfSigner(signer);
    if (!builder)
      note(
        draft,
        path,
        `Signed too, but not by a workflow: ${cut(signer.identity)} (${cut(signer.issuer)}). Whom you trust, name by subject and issuer.`,
      );
    else if (!builders.some((one) => JSON.stringify(one) === JSON.stringify(builder))) builders.push(builder);
    if (builder?.ref.startsWith('refs/heads/') === true)
      note(draft, path, `${builderName(builder)} was built from a branch, not from a release's tag.`);
  }
  if (builders.length === 0)
    note(draft, path, 'The service showed no signature of a workflow: name who may build, or pin below.');
  const tag = release?.tag ?? undefined;
  if (tag !== undefined) note(draft, path, `The service showed release ${cut(tag)}.`);
  draft.policy = { ...draft.policy, code: { ...draft.policy.code, builders } };
}

function takeModels(draft: Draft, { modelPacks }: AttestationResult): void {
  const path = 'measurements.model-roots';
  const roots = [
    ...new Set(modelPacks.flatMap(({ rootHash }) => accepted(hex(32, 'root hash'), rootHash) ?? [])),
  ];
  if (roots.length === 0) return;
  const { measurements } = draft.policy;
  draft.policy = { ...draft.policy, measurements: { ...measurements, modelRoots: roots.slice(0, 1000) } };
  for (const { name, rootHash } of modelPacks.slice(0, 20))
    if (name !== null) note(draft, path, `${cut(rootHash).slice(0, 16)}... is ${cut(name)}.`);
}

/** Nobody signed a list of platforms: only a person can say whether this is a good one. A list that says no stays. */
function isUnknownMachine({ rule, outcome, code }: ResultCheck): boolean {
  return (
    rule === 'consistency.hardware' && outcome === 'not-checked' && code === 'PLATFORM_STATEMENT_MISSING'
  );
}

/** Of a trust domain: firmware and virtual hardware, where the service does not show whose they are. */
function takeMachine(draft: Draft, { measurements: shown, groups, endpoint }: AttestationResult): void {
  if (shown.platform !== 'tdx' || !groups.some(({ checks }) => checks.some(isUnknownMachine))) return;
  const [mrtd, rtmr0] = ['mrtd', 'rtmr0'].map((name) => accepted(hex(48, name), shown.evidence[name] ?? ''));
  if (mrtd === undefined || rtmr0 === undefined) return;
  const path = 'measurements.hardware';
  const id = accepted(platformId, `shown-by-${hostOf(endpoint) ?? ''}`.slice(0, 100)) ?? 'shown';
  const { measurements } = draft.policy;
  draft.policy = { ...draft.policy, measurements: { ...measurements, hardware: [{ id, mrtd, rtmr0 }] } };
  note(
    draft,
    path,
    'TAKEN FROM WHAT THE SERVICE SHOWED: compare with values that your provider publishes, or',
  );
  note(
    draft,
    path,
    'compute MRTD from its firmware (vitrine measure tdx --firmware FILE). Until then this says no',
  );
  note(draft, path, 'more than that firmware and virtual hardware stay what they were on that day.');
}

/** A pin freezes the service at this build, so it is a person's choice. */
function notePins(draft: Draft, { measurements: { evidence }, release }: AttestationResult): void {
  const path = 'measurements.pinned';
  const registers = Object.entries(registerKeys).flatMap(([name, key]) => {
    const value = accepted(hex(48, name), evidence[name] ?? '');
    return value === undefined ? [] : [`      ${key}: "${value}"`];
  });
  if (registers.length === 0) return;
  draft.notes[path] = [
    'To accept exactly what runs now, and nothing newer, put this in its place:',
    'pinned:',
    `  - name: ${JSON.stringify(cut(release?.tag ?? 'what ran on that day'))}`,
    '    registers:',
    ...registers,
  ];
}

function takeDomain(draft: Draft, { endpoint }: AttestationResult): void {
  const host = hostOf(endpoint);
  if (host === undefined) return;
  draft.policy = { ...draft.policy, channel: { ...draft.policy.channel, domains: [host] } };
}

function note(draft: Draft, path: string, line: string): void {
  (draft.notes[path] ??= []).push(line);
}

function cut(text: string): string {
  return (text.length > 100 ? `${text.slice(0, 97)}...` : text).replace(/[^\x20-\x7e]/g, '?');
}
