/** The keys of a policy file: one table that the parser, the writer and the JSON Schema are made of. */
import { snpProducts } from '@vitrine/evidence';
import type { AcceptableTcbStatus } from '@vitrine/evidence';
import type {
  BuilderPolicy,
  ChannelPolicy,
  CodePolicy,
  DevicePolicy,
  FreshnessPolicy,
  HardwarePolicy,
  MeasurementPolicy,
  SnpLine,
  TcbFloor,
  VerificationPolicy,
} from '../policy.ts';
import { defaultPolicy, githubActionsIssuer, githubReleases } from './default.ts';
import { type Form, choice, describe, flag, integer, list, orWord, refused } from './form.ts';
import { pinnedMeasurement } from './pinned.ts';
import { keyed, section } from './section.ts';
import { snpLines } from './tcb-floor.ts';
import {
  any,
  architecture,
  domain,
  driverVersion,
  hex,
  issuer,
  platformId,
  policyName,
  predicateType,
  refPattern,
  repository,
  workflow,
} from './values.ts';

/** What a file says: the policy without the file's own hash. */
export type PolicyFile = { readonly version: 1 } & Omit<VerificationPolicy, 'sha256'>;

const defaults = defaultPolicy();
const byItself = String;
const measurementBytes = 48;
const level = integer(0, 255);

const version: Form<1> = {
  expected: '1, the version of this format',
  schema: { const: 1 },
  read: (node) => {
    if (node.kind === 'scalar' && node.text === '1' && !node.isQuoted) return 1;
    const isQuoted = node.kind === 'scalar' && node.isQuoted;
    const advice = isQuoted ? 'Write it without quotes.' : 'A newer verifier may read the file.';
    throw refused(node.place, version.expected, describe(node), advice);
  },
  write: String,
};

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

const hardware = section<HardwarePolicy>('rules for the processor', {
  platforms: {
    key: 'platforms',
    form: list(choice(['sev-snp', 'tdx']), { minimum: 1, maximum: 2, identity: byItself }),
    comment: 'Kinds of confidential VM that are accepted.',
    absent: { value: defaults.hardware.platforms },
  },
  snp: { key: 'sev-snp', form: snpSection, comment: 'AMD SEV-SNP.' },
  tdx: { key: 'tdx', form: tdxSection, comment: 'Intel TDX.' },
});

const devices = section<DevicePolicy>('rules for GPUs', {
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

const releases = githubReleases('owner/name');

const builder = section<BuilderPolicy>('one who may build', {
  issuer: {
    key: 'issuer',
    form: issuer,
    comment: 'Who says which workflow it was.',
    absent: { value: githubActionsIssuer },
  },
  repository: { key: 'repository', form: repository, comment: 'owner/name, exact.' },
  workflow: {
    key: 'workflow',
    form: any(workflow),
    comment: 'File in .github/workflows. any: every workflow of that repository.',
    absent: { value: releases.workflow },
  },
  ref: {
    key: 'ref',
    form: refPattern,
    comment: 'Tag or branch it was built from; anchored, * within one segment.',
    absent: { value: releases.ref },
  },
  runnerEnvironment: {
    key: 'runner-environment',
    form: any(choice(['github-hosted', 'self-hosted'])),
    comment: 'A self-hosted runner can be altered by whoever owns it.',
    absent: { value: releases.runnerEnvironment },
  },
});

const code = section<CodePolicy>('rules for who built the code', {
  builders: {
    key: 'builders',
    form: list(builder, { maximum: 100, identity: (one) => JSON.stringify(one).toLowerCase() }),
    comment: 'Who may build. Empty: nobody is named, and who built the code is not checked.',
    absent: { value: defaults.code.builders },
  },
  threshold: {
    key: 'threshold',
    form: integer(1, 100),
    comment: 'So many different builders must have signed the same code.',
    absent: { value: defaults.code.threshold },
  },
  predicateTypes: {
    key: 'predicate-types',
    form: list(predicateType, { minimum: 1, maximum: 20, identity: byItself }),
    comment: 'Kinds of signed statement that count.',
    absent: { value: defaults.code.predicateTypes },
  },
  allowRollback: {
    key: 'allow-rollback',
    form: flag,
    comment: 'A release older than the newest that was seen here is accepted.',
    absent: { value: defaults.code.allowRollback },
  },
  maximumAgeDays: {
    key: 'maximum-age-days',
    form: any(integer(1, 36500)),
    comment: 'A release that was signed longer ago is refused.',
    absent: { value: defaults.code.maximumAgeDays },
  },
});

type KnownPlatform = NonNullable<MeasurementPolicy['hardware']>[number];

const knownPlatform = section<KnownPlatform>('a platform: id, mrtd and rtmr0', {
  id: { key: 'id', form: platformId, comment: 'A name for people.' },
  mrtd: { key: 'mrtd', form: hex(measurementBytes, 'MRTD'), comment: 'Of the firmware.' },
  rtmr0: {
    key: 'rtmr0',
    form: hex(measurementBytes, 'RTMR0'),
    comment: 'Of the virtual machine: memory, CPUs, ACPI.',
  },
});

const measurements = section<MeasurementPolicy>('rules for what was measured', {
  pinned: {
    key: 'pinned',
    form: list(pinnedMeasurement, { maximum: 1000, identity: ({ name }) => name }),
    comment: 'Where there are any, the measurement must be one of these, and not what a release says it is.',
    absent: { value: defaults.measurements.pinned },
  },
  modelRoots: {
    key: 'model-roots',
    form: orWord('configured', list(hex(32, 'root hash'), { maximum: 1000, identity: byItself })),
    comment: 'Root hashes of model packs. configured: those that the measured configuration names. []: none.',
    absent: { value: defaults.measurements.modelRoots },
  },
  requireRecomputation: {
    key: 'require-recomputation',
    form: flag,
    comment: 'The measurement must have been computed here from firmware, kernel, initrd and command line.',
    absent: { value: defaults.measurements.requireRecomputation },
  },
  requirePinnedImages: {
    key: 'require-pinned-images',
    form: flag,
    comment: 'Container images must be named by digest.',
    absent: { value: defaults.measurements.requirePinnedImages },
  },
  hardware: {
    key: 'hardware',
    form: orWord(
      'signed',
      list(knownPlatform, { minimum: 1, maximum: 1000, identity: ({ mrtd, rtmr0 }) => mrtd + rtmr0 }),
    ),
    comment: 'TDX: MRTD and RTMR0 of known platforms. signed: from the signed platform statement.',
    absent: { value: defaults.measurements.hardware },
  },
});

const freshness = section<FreshnessPolicy>('rules for freshness', {
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

const ct = section<ChannelPolicy['ct']>('rules for certificate transparency', {
  required: {
    key: 'required',
    form: flag,
    comment: "Public logs must have promised to show the server's certificate.",
    absent: { value: defaults.channel.ct.required },
  },
  minimumOperators: {
    key: 'minimum-operators',
    form: integer(0, 10),
    comment: 'So many different operators of logs.',
    absent: { value: defaults.channel.ct.minimumOperators },
  },
  requireInclusion: {
    key: 'require-inclusion',
    form: flag,
    comment: 'A log must have proved that it holds the certificate, not only promised.',
    absent: { value: defaults.channel.ct.requireInclusion },
  },
});

const channel = section<ChannelPolicy>('rules for the connection', {
  domains: {
    key: 'domains',
    form: orWord('endpoint', list(domain, { minimum: 1, maximum: 100, identity: byItself })),
    comment: 'Names that the certificate may be for. endpoint: the host that was asked for.',
    absent: { value: defaults.channel.domains },
  },
  requireAttestedTlsKey: {
    key: 'require-attested-tls-key',
    form: flag,
    comment: "The connection's key must be the one in the evidence.",
    absent: { value: defaults.channel.requireAttestedTlsKey },
  },
  requireTrustedChain: {
    key: 'require-trusted-chain',
    form: flag,
    comment: 'The certificate must lead to a root of the web, and be in date.',
    absent: { value: defaults.channel.requireTrustedChain },
  },
  ct: { key: 'ct', form: ct, comment: 'Certificate transparency (RFC 6962).' },
});

export const policyShape = section<PolicyFile>('a policy', {
  version: { key: 'version', form: version, comment: 'Of this format. The first key.' },
  name: { key: 'name', form: policyName, comment: 'Stands in every result that was made by this policy.' },
  hardware: { key: 'hardware', form: hardware, comment: 'Which processors, in which state.' },
  devices: { key: 'devices', form: devices, comment: 'Which GPUs.' },
  code: { key: 'code', form: code, comment: 'Who built what runs.' },
  measurements: { key: 'measurements', form: measurements, comment: 'What runs.' },
  freshness: { key: 'freshness', form: freshness, comment: 'How recent it must be.' },
  channel: { key: 'channel', form: channel, comment: 'Who is at the other end of the connection.' },
});
