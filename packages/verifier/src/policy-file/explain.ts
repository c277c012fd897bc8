/** A policy in plain sentences, one a rule, what is not demanded as well, in the order of a result's groups. */
import type {
  BuilderPolicy,
  ChannelPolicy,
  CodePolicy,
  DevicePolicy,
  FreshnessPolicy,
  HardwarePolicy,
  MeasurementPolicy,
  PinnedMeasurement,
  PipelineBuilder,
  SnpLine,
  VerificationPolicy,
  WorkflowBuilder,
} from '../policy.ts';
import { builderName } from '../builder-name.ts';
import { githubActionsIssuer, gitlabIssuer } from './default.ts';
import { listed } from './form.ts';
import { completeFloors } from './tcb-floor.ts';

/** Sentences for a person: no markup, each ends with a full stop. */
export function explainPolicy(policy: VerificationPolicy): string[] {
  const { hardware, devices, freshness, code, measurements, channel } = policy;
  return [
    ...ofHardware(hardware),
    ...ofDevices(devices),
    ...ofFreshness(freshness),
    ...ofCode(code),
    ...ofMeasurements(measurements, policy),
    ...ofChannel(channel),
  ];
}

const platformNames = { 'sev-snp': 'AMD SEV-SNP', tdx: 'Intel TDX' } as const;

function ofHardware({ platforms, snp, tdx }: HardwarePolicy): string[] {
  return [
    `The service must run in a confidential VM of ${or(platforms.map((one) => platformNames[one]))}.`,
    ...(platforms.includes('sev-snp') ? ofSnp(snp) : []),
    ...(platforms.includes('tdx') ? ofTdx(tdx) : []),
  ];
}

function ofSnp(snp: HardwarePolicy['snp']): string[] {
  const floors = Object.entries(completeFloors(snp.products, snp.minimumTcb)) as [SnpLine, object][];
  return [
    `SEV-SNP: the processor must be an EPYC ${or(snp.products)}.`,
    ...floors.map(
      ([line, floor]) =>
        `SEV-SNP: firmware and microcode of ${line === 'Bergamo' ? 'Bergamo and Siena' : line} must be at least at ${and(
          Object.entries(floor).map(([name, level]) => `${name} ${level}`),
        )}.`,
    ),
    `SEV-SNP: the report must come from privilege level ${or(snp.vmpl.map(String))} of the VM${
      snp.vmpl.some((level) => level > 0)
        ? '; at levels above 0 whoever holds level 0, such as a paravisor, is trusted too'
        : ', the most privileged one'
    }.`,
    snp.allowDebug
      ? 'SEV-SNP: DEBUGGING IS ALLOWED. The host can read everything in such a VM: nothing it promises holds against the host.'
      : 'SEV-SNP: a VM that the host may debug is refused.',
    snp.allowMigration
      ? 'SEV-SNP: a migration agent may move the VM to another machine.'
      : 'SEV-SNP: a VM that a migration agent may move is refused.',
    snp.allowSmt
      ? 'SEV-SNP: it is not required that hyperthreading is off.'
      : 'SEV-SNP: hyperthreading must be forbidden to the host.',
    snp.requireRevocation
      ? "SEV-SNP: AMD's revocation list must have been looked at."
      : "SEV-SNP: AMD's revocation list is not required; where it is missing, revoked keys are not noticed.",
  ];
}

function ofTdx(tdx: HardwarePolicy['tdx']): string[] {
  return [
    `TDX: Intel must call the platform ${or(tdx.acceptedStatuses)}.`,
    tdx.outOfDateGraceDays > 0
      ? `TDX: a platform that is OutOfDate passes for ${days(tdx.outOfDateGraceDays)} from the date of its TCB level.`
      : 'TDX: there is no grace for a platform that has become out of date.',
    tdx.minimumEvaluationDataNumber === null
      ? "TDX: no particular edition of Intel's list of TCB levels is required."
      : `TDX: Intel's list of TCB levels must be of edition ${tdx.minimumEvaluationDataNumber} or later.`,
    tdx.mrSeam === null
      ? "TDX: any TDX module is accepted that Intel's list has a level for."
      : `TDX: the TDX module must measure ${or(tdx.mrSeam.map(short))}.`,
    tdx.allowDebug
      ? 'TDX: DEBUGGING IS ALLOWED. The host can read everything in such a VM: nothing it promises holds against the host.'
      : 'TDX: a VM that the host may debug is refused.',
    tdx.requireCollateral
      ? "TDX: Intel's TCB info, identities and revocation lists must all be there."
      : "TDX: Intel's TCB info and revocation lists are not required; where they are missing, a broken or revoked platform is not noticed.",
  ];
}

function ofDevices(devices: DevicePolicy): string[] {
  if (devices.gpus === 0) return ['GPUs: none is expected; evidence of one that is shown is still checked.'];
  return [
    devices.gpus === null
      ? 'GPUs: as many as the measured configuration declares must show evidence; no particular number is required.'
      : `GPUs: ${devices.gpus === 1 ? 'exactly one' : `exactly ${devices.gpus}`} must show evidence.`,
    devices.architectures === null
      ? "GPUs: any architecture is accepted that NVIDIA's root vouches for."
      : `GPUs: the architecture must be ${or(devices.architectures)}.`,
    devices.minimumDriverVersion === null
      ? 'GPUs: no particular driver version is required.'
      : `GPUs: the driver must be ${devices.minimumDriverVersion} or later.`,
    devices.requireRims
      ? 'GPUs: firmware and driver must measure as NVIDIA published them.'
      : 'GPUs: it is not required that firmware and driver measure as NVIDIA published them.',
    devices.requireRevocation
      ? 'GPUs: NVIDIA must have confirmed that no certificate is revoked.'
      : 'GPUs: it is not required that NVIDIA confirms that no certificate is revoked.',
    devices.requireBinding
      ? "GPUs: their evidence must be over our own random number, or under the CPU's signature."
      : "GPUs: it is not required that their evidence belongs to this CPU's: it may have been taken elsewhere.",
  ];
}

function ofFreshness({ requireNonce, maximumProofAgeSeconds }: FreshnessPolicy): string[] {
  return [
    requireNonce
      ? 'Freshness: the evidence must be over a random number that we just chose.'
      : 'Freshness: it is not required that the evidence is over our random number; a recording of an earlier day would pass.',
    maximumProofAgeSeconds === null
      ? 'Freshness: a saved proof may be of any age.'
      : `Freshness: a saved proof must not be older than ${duration(maximumProofAgeSeconds)}.`,
  ];
}

function ofCode(code: CodePolicy): string[] {
  return [
    ...ofBuilders(code),
    `Code: the signed statement must be of type ${or(code.predicateTypes)}.`,
    code.allowRollback
      ? 'Code: an older release than one seen before is accepted.'
      : 'Code: an older release than the newest that was seen here is refused.',
    code.maximumAgeDays === null
      ? 'Code: a release may be of any age.'
      : `Code: a release must not have been signed more than ${days(code.maximumAgeDays)} ago.`,
  ];
}

function ofBuilders({ builders, threshold }: CodePolicy): string[] {
  if (builders.length === 0)
    return ['Code: nobody is named who may build, so who built the code is not checked.'];
  if (builders.length === 1) return [`Code: it must be signed by ${builderText(builders[0]!)}.`];
  return [
    `Code: at least ${threshold} of the following ${builders.length} must have signed it.`,
    ...builders.map((builder) => `Code: ${builderText(builder)} counts.`),
  ];
}

function builderText(builder: BuilderPolicy): string {
  const { issuer } = builder;
  if ('subject' in builder) return `${builder.subject}, exactly, as ${issuer} says`;
  const { ref, runnerEnvironment } = builder;
  return [
    'repository' in builder ? workflowText(builder) : pipelineText(builder),
    refText(ref),
    runnerEnvironment === null ? 'on any runner' : `on a ${runnerEnvironment} runner`,
    `as ${issuer === githubActionsIssuer ? 'GitHub Actions' : issuer === gitlabIssuer ? 'GitLab.com' : issuer} says`,
  ].join(', ');
}

function workflowText(builder: WorkflowBuilder): string {
  const { workflow } = builder;
  const where = builderName(builder);
  return workflow === null ? `any workflow of ${where}` : `the workflow ${workflow} of ${where}`;
}

function pipelineText({ issuer, project, configuration }: PipelineBuilder): string {
  const where = `the GitLab project ${issuer === gitlabIssuer ? project : `${issuer}/${project}`}`;
  return configuration === null ? `any pipeline of ${where}` : `the pipeline ${configuration} of ${where}`;
}

function refText(ref: string): string {
  if (ref === 'refs/tags/*') return 'run on a tag';
  const [, kind, name] = /^refs\/(tags|heads)\/(.*)$/.exec(ref) ?? [];
  if (name === undefined) return `run on ${ref}`;
  const noun = kind === 'tags' ? 'tag' : 'branch';
  return name.includes('*') ? `run on a ${noun} that matches ${name}` : `run on the ${noun} ${name}`;
}

function ofMeasurements(measurements: MeasurementPolicy, { code, hardware }: VerificationPolicy): string[] {
  return [
    ...ofPinned(measurements.pinned, code),
    modelsText(measurements.modelRoots),
    measurements.requireRecomputation
      ? 'Measurement: it must have been computed again here from firmware, kernel, initrd and command line.'
      : 'Measurement: it is not required that it is computed again here; where the parts are at hand it is.',
    measurements.requirePinnedImages
      ? 'Containers: every image must be named by its digest.'
      : 'Containers: images need not be named by digest; the registry could hand out others.',
    ...(hardware.platforms.includes('tdx') ? [knownPlatformsText(measurements.hardware)] : []),
  ];
}

function ofPinned(pinned: readonly PinnedMeasurement[], { builders }: CodePolicy): string[] {
  if (pinned.length === 0)
    return [
      builders.length === 0
        ? 'Measurement: none is pinned and nobody is named who may build, so nothing says what must run.'
        : 'Measurement: none is pinned; it must be the one of the signed release.',
    ];
  return [
    builders.length === 0
      ? 'Measurement: it must be one that is pinned here; no signature is required.'
      : 'Measurement: it must be one that is pinned here, and the signature is required as well.',
    ...pinned.map(
      ({ name, registers }) =>
        `Measurement: pinned is ${name} (${and(
          Object.entries(registers).map(([register, value]) => `${register} ${short(value)}`),
        )}).`,
    ),
  ];
}

function modelsText(roots: readonly string[] | null): string {
  if (roots === null) return 'Models: any is accepted that the measured configuration names.';
  if (roots.length === 0) return 'Models: none may be attached.';
  return `Models: only packs with root hash ${or(roots.map(short))} are accepted.`;
}

function knownPlatformsText(known: MeasurementPolicy['hardware']): string {
  return known === null
    ? "TDX: firmware and VM (MRTD, RTMR0) must be of a platform that is listed by a signed statement: of a builder named here or, for a service in Tinfoil's format, of tinfoilsh/hardware-measurements."
    : `TDX: firmware and VM (MRTD, RTMR0) must be those of ${or(known.map(({ id }) => id))}.`;
}

function ofChannel({ domains, requireAttestedTlsKey, requireTrustedChain, ct }: ChannelPolicy): string[] {
  return [
    domains === null
      ? 'Connection: the certificate must be for the host that was asked for.'
      : `Connection: the certificate must be for ${or(domains)}.`,
    requireAttestedTlsKey
      ? 'Connection: its key must be the one in the evidence.'
      : 'Connection: it is not required that its key is the one in the evidence; somebody else may be at the other end.',
    requireTrustedChain
      ? 'Connection: the certificate must lead to a root of the web, and be in date.'
      : 'Connection: it is not required that the certificate leads to a root of the web.',
    ...ofTransparency(ct),
  ];
}

function ofTransparency({ required, minimumOperators, requireInclusion }: ChannelPolicy['ct']): string[] {
  if (!required) return ['Connection: it is not required that the certificate is in public logs.'];
  return [
    `Connection: logs of ${minimumOperators === 1 ? 'one operator' : `${minimumOperators} different operators`} must have promised to show the certificate.`,
    requireInclusion
      ? 'Connection: a log must also have proved that it holds it.'
      : 'Connection: the promise is enough; proof that a log holds it is not required.',
  ];
}

const or = (words: readonly string[]): string => listed(words, 'or');
const and = (words: readonly string[]): string => listed(words, 'and');

/** Enough of a hash to compare by eye. */
function short(hex: string): string {
  return hex.length > 16 ? `${hex.slice(0, 16)}...` : hex;
}

function days(count: number): string {
  return count === 1 ? 'one day' : `${count} days`;
}

function duration(seconds: number): string {
  if (seconds % 86_400 === 0) return days(seconds / 86_400);
  if (seconds % 3600 === 0) return seconds === 3600 ? 'one hour' : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? 'one minute' : `${seconds / 60} minutes`;
  return seconds === 1 ? 'one second' : `${seconds} seconds`;
}
