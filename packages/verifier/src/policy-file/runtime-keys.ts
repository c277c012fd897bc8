/** The keys of a policy file about the runtime: processor, GPUs, freshness. */
import { type AcceptableTcbStatus, snpProducts } from '@vitrine/evidence';
import type { DevicePolicy, FreshnessPolicy, HardwarePolicy, SnpLine, TcbFloor } from '../policy.ts';
import { defaultPolicy } from './default.ts';
import { type Form, choice, flag, integer, list, orWord } from './form.ts';
import { keyed, section } from './section.ts';
import { snpLines } from './tcb-floor.ts';
import { any, architecture, driverVersion, hex } from './values.ts';

const defaults = defaultPolicy();
const byItself = String;
const measurementBytes = 48;
const level = integer(0, 255);

const classicLevels = { bootloader: level, tee: level, snp: level, microcode: level };

function levels(line: SnpLine): Form<TcbFloor> {
  const forms = line === 'Turin' ? { fmc: level, ...classicLevels } : classicLevels;
  return keyed<keyof TcbFloor, number>(`security patch levels of ${line}`, forms, { minimum: 1 });
}

const minimumTcb = keyed(
  'floors by line of processors',
  Object.fromEntries(snpLines.map((line) => [line, levels(line)])) as Record<SnpLine, Form<TcbFloor>>,
);

const { snp, tdx } = defaults.hardware;

const snpSection = section<HardwarePolicy['snp']>('rules for SEV-SNP', {
  products: {
    key: 'products',
    form: list(choice(snpProducts), { minimum: 1, maximum: 3, identity: byItself }),
    comment: "Processors, by the names in AMD's certificates. Bergamo and Siena are Genoa there.",
    absent: { value: snp.products },
  },
  minimumTcb: {
    key: 'minimum-tcb',
    form: minimumTcb,
    comment:
      'Floors of REPORTED_TCB, by line: microcode is numbered anew in each. Levels left out are built in.',
    absent: { value: {} },
  },
  vmpl: {
    key: 'vmpl',
    form: list(integer(0, 3), { minimum: 1, maximum: 4, identity: byItself }),
    comment:
      'Privilege levels that the report may come from: 0 is the most privileged, Blyss reports from 1.',
    absent: { value: snp.vmpl },
  },
  allowDebug: {
    key: 'allow-debug',
    form: flag,
    comment: 'A guest that the host may debug has no secrets. Where true, the name must contain "debug".',
    absent: { value: snp.allowDebug },
  },
  allowMigration: {
    key: 'allow-migration',
    form: flag,
    comment: 'A migration agent may move the guest to another machine.',
    absent: { value: snp.allowMigration },
  },
  allowSmt: {
    key: 'allow-smt',
    form: flag,
    comment: 'The host may run two threads on a core.',
    absent: { value: snp.allowSmt },
  },
  requireRevocation: {
    key: 'require-revocation',
    form: flag,
    comment: "AMD's revocation list must have been looked at.",
    absent: { value: snp.requireRevocation },
  },
});

/** Revoked and NotSupported are never accepted, so they are no words here. */
export const tcbStatuses: readonly AcceptableTcbStatus[] = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
];

const tdxSection = section<HardwarePolicy['tdx']>('rules for TDX', {
  acceptedStatuses: {
    key: 'accepted-statuses',
    form: list(choice(tcbStatuses), { minimum: 1, maximum: tcbStatuses.length, identity: byItself }),
    comment: "What Intel's TCB info may say of the platform. Revoked is never accepted.",
    absent: { value: tdx.acceptedStatuses },
  },
  outOfDateGraceDays: {
    key: 'out-of-date-grace-days',
    form: integer(0, 3650),
    comment: "For so many days from the TCB's date OutOfDate passes.",
    absent: { value: tdx.outOfDateGraceDays },
  },
  minimumEvaluationDataNumber: {
    key: 'minimum-evaluation-data-number',
    form: any(integer(1, 1_000_000)),
    comment: "Floor of tcbEvaluationDataNumber: how recent Intel's own list must be.",
    absent: { value: tdx.minimumEvaluationDataNumber },
  },
  mrSeam: {
    key: 'mr-seam',
    form: any(list(hex(measurementBytes, 'MRSEAM'), { minimum: 1, maximum: 100, identity: byItself })),
    comment: "TDX modules by their measurement. any: those that Intel's TCB info has a level for.",
    absent: { value: tdx.mrSeam },
  },
  allowDebug: {
    key: 'allow-debug',
    form: flag,
    comment: 'A guest that the host may debug has no secrets. Where true, the name must contain "debug".',
    absent: { value: tdx.allowDebug },
  },
  requireCollateral: {
    key: 'require-collateral',
    form: flag,
    comment:
      "Intel's TCB info, QE identity and revocation lists must be there. Without them no status is known.",
    absent: { value: tdx.requireCollateral },
  },
});

export const hardware = section<HardwarePolicy>('rules for the processor', {
  platforms: {
    key: 'platforms',
    form: list(choice(['sev-snp', 'tdx']), { minimum: 1, maximum: 2, identity: byItself }),
    comment: 'Kinds of confidential VM that are accepted.',
    absent: { value: defaults.hardware.platforms },
  },
  snp: { key: 'sev-snp', form: snpSection, comment: 'AMD SEV-SNP.' },
  tdx: { key: 'tdx', form: tdxSection, comment: 'Intel TDX.' },
});

export const devices = section<DevicePolicy>('rules for GPUs', {
  gpus: {
    key: 'gpus',
    form: orWord('declared', integer(0, 64)),
    comment: 'How many must show evidence. declared: as many as the measured configuration says.',
    absent: { value: defaults.devices.gpus },
  },
  architectures: {
    key: 'architectures',
    form: any(list(architecture, { minimum: 1, maximum: 20, identity: byItself })),
    comment: 'By the names in their certificates: GH100 is H100 and H200, GB100 is B200.',
    absent: { value: defaults.devices.architectures },
  },
  minimumDriverVersion: {
    key: 'minimum-driver-version',
    form: any(driverVersion),
    comment: 'Older drivers are refused.',
    absent: { value: defaults.devices.minimumDriverVersion },
  },
  requireRims: {
    key: 'require-rims',
    form: flag,
    comment: 'Firmware and driver must measure as NVIDIA published it (RIM).',
    absent: { value: defaults.devices.requireRims },
  },
  requireRevocation: {
    key: 'require-revocation',
    form: flag,
    comment: "NVIDIA's OCSP responder must have vouched for every certificate.",
    absent: { value: defaults.devices.requireRevocation },
  },
  requireBinding: {
    key: 'require-binding',
    form: flag,
    comment: "The GPU's evidence must be over our nonce, or under the CPU's signature.",
    absent: { value: defaults.devices.requireBinding },
  },
});

export const freshness = section<FreshnessPolicy>('rules for freshness', {
  requireNonce: {
    key: 'require-nonce',
    form: flag,
    comment: 'The evidence must be over our own random number. Without, a recording of the past would pass.',
    absent: { value: defaults.freshness.requireNonce },
  },
  maximumProofAgeSeconds: {
    key: 'maximum-proof-age-seconds',
    form: any(integer(1, 3_153_600_000)),
    comment: 'A saved proof that is older is refused.',
    absent: { value: defaults.freshness.maximumProofAgeSeconds },
  },
});
