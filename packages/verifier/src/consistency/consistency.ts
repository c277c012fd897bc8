/** Group 3, binary consistency: what was measured is what was signed, and what was signed names what it runs. */
import { decided } from '@vitrine/appraisal';
import { sha256, toHex } from '@vitrine/bytes';
import type { Code } from '../code/code.ts';
import type { Context } from '../context.ts';
import { type Deployment, type MeasuredConfig, readMeasuredConfig } from '../dialects/deployment.ts';
import { VerifierError } from '../error.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import type { ResultCheck, ResultModelPack } from '../result.ts';
import type { AuthenticCpu } from '../runtime/runtime.ts';
import { checkBlyssConsistency } from './blyss.ts';
import { checkHardware } from './hardware.ts';
import { measurementCheck, pinOf, recomputedCheck, registersOf } from './measurement.ts';
import { recompute } from './recompute.ts';

export interface Consistency {
  readonly signed: Readonly<Record<string, string>>;
  readonly recomputed: Readonly<Record<string, string>>;
  readonly modelPacks: readonly ResultModelPack[];
  /** Whose word was taken besides the deployment's builders. */
  readonly trusted: readonly string[];
  readonly checks: readonly ResultCheck[];
}

/** The configuration that a signed deployment carries. */
export interface SignedConfig {
  readonly config: MeasuredConfig | undefined;
  readonly check: ResultCheck;
}

const configHash: Promised = {
  rule: 'consistency.config',
  title: 'The configuration that runs is the one that was signed',
  evidence: 'deployment file',
  expected: 'its SHA-256 once on the signed command line',
  source: 'tinfoil-config.yml, tinfoil-config-hash',
};

/** Reads the configuration of a signed deployment, whose hash must be on the signed command line. */
export async function checkConfig({ reference }: Code): Promise<SignedConfig> {
  if (!reference) return { config: undefined, check: unchecked(configHash, 'there is no signed deployment') };
  const { deployment } = reference;
  if (!deployment.config)
    return {
      config: undefined,
      check: unchecked(configHash, 'the signed deployment carries no configuration'),
    };
  const expected = toHex(await sha256(deployment.config));
  const found = wordsOf(deployment.cmdline, 'tinfoil-config-hash');
  const check = promised(
    configHash,
    [
      decided(
        found.length === 1 && found[0] === expected,
        {
          rule: 'config-hash',
          expected: `tinfoil-config-hash=${expected}`,
          found: found.join(', ') || 'no such word',
          source: configHash.source,
        },
        'CONFIG_HASH_MISMATCH',
      ),
    ],
    expected,
  );
  try {
    return { config: readMeasuredConfig(deployment.config), check };
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    return { config: undefined, check: refused(configHash, error) };
  }
}

export async function checkConsistency(
  context: Context,
  cpu: AuthenticCpu | undefined,
  code: Code,
  { config, check: configCheck }: SignedConfig,
): Promise<Consistency> {
  const { reference } = code;
  const isPinned = context.policy.measurements.pinned.length > 0;
  if (context.presented.dialect === 'blyss' && !isPinned) return checkBlyssConsistency(context, cpu);
  const signed = reference ? registersOf(reference.deployment) : {};
  const recomputed = await recompute(context, reference?.deployment, config, cpu);
  const packs = packsOf(config);
  const hardware =
    cpu?.platform === 'tdx'
      ? await checkHardware(context, cpu, pinOf(context.policy, cpu))
      : { checks: [], trusted: [] };
  return {
    signed,
    recomputed: recomputed.registers,
    modelPacks: packs,
    checks: [
      await measurementCheck(context, cpu, code, recomputed, config),
      recomputedCheck(context, cpu, recomputed),
      ...(isPinned && !reference
        ? withPinsAlone([configCheck, ...deploymentChecks(context, undefined, undefined)])
        : [configCheck, ...deploymentChecks(context, reference?.deployment, config)]),
      ...hardware.checks,
    ],
    trusted: hardware.trusted,
  };
}

/** A pin stands for everything that was measured, and shows nothing of it: what is behind it is not required to be seen. */
function withPinsAlone(checks: readonly ResultCheck[]): readonly ResultCheck[] {
  const reason = 'the policy pins the measurement as a whole: no signed configuration was read';
  return checks.map((check) => ({
    ...check,
    required: check.rule === 'consistency.models' && check.required,
    reason,
  }));
}

/** What the signed deployment must not allow, and what it must name. */
function deploymentChecks(
  { policy, presented }: Context,
  deployment: Deployment | undefined,
  config: MeasuredConfig | undefined,
): readonly ResultCheck[] {
  const source = 'tinfoil-config.yml';
  const noDebug: Promised = {
    rule: 'consistency.no-debug',
    title: 'The deployment has no debugging door',
    evidence: 'deployment file',
    expected: 'neither tinfoil-debug=on nor dummy-attestation',
    source,
  };
  const images: Promised = {
    rule: 'consistency.images',
    title: 'Every container image is pinned by its digest',
    required: policy.measurements.requirePinnedImages,
    evidence: 'deployment configuration',
    expected: 'name@sha256:… for each',
    source: `${source}, containers[].image`,
  };
  const models: Promised = {
    rule: 'consistency.models',
    title: 'The model packs are named by their root hashes',
    required: policy.measurements.modelRoots !== null,
    evidence: 'deployment configuration',
    expected: policy.measurements.modelRoots?.join(', ') ?? 'a root hash for each',
    source: `${source}, models[]`,
  };
  if (!deployment || !config) {
    const reason = `no signed configuration was read (${presented.dialect} ${presented.form})`;
    return [noDebug, images, models].map((what) => unchecked(what, reason));
  }
  return [
    promised(
      noDebug,
      [
        decided(
          wordsOf(deployment.cmdline, 'tinfoil-debug').every((value) => value !== 'on'),
          { rule: 'cmdline.debug', expected: 'no tinfoil-debug=on', found: deployment.cmdline, source },
          'DEBUG_ENABLED',
        ),
        decided(
          !config.isDummyAttestation,
          {
            rule: 'config.dummy-attestation',
            expected: 'false',
            found: String(config.isDummyAttestation),
            source,
          },
          'DUMMY_ATTESTATION',
        ),
      ],
      'none',
    ),
    config.containers.length === 0
      ? unchecked({ ...images, required: false }, 'the configuration names no container')
      : promised(
          images,
          config.containers.map(({ name, image, isPinned }) =>
            decided(
              isPinned,
              {
                rule: `image.${name}`,
                expected: `${image.replace(/@.*$/, '')}@sha256:…`,
                found: image,
                source: images.source,
              },
              'IMAGE_UNPINNED',
              'whoever controls the registry decides what runs',
            ),
          ),
          config.containers.length === 1 ? 'one image' : `${config.containers.length} images`,
        ),
    modelCheck(models, policy.measurements.modelRoots, config),
  ];
}

function modelCheck(what: Promised, allowed: readonly string[] | null, config: MeasuredConfig): ResultCheck {
  const packs = packsOf(config);
  if (packs.length === 0)
    return unchecked(what, 'the configuration names no model pack: which model answers is not known');
  return promised(
    what,
    packs.map(({ name, rootHash }) =>
      decided(
        allowed === null || allowed.includes(rootHash),
        {
          rule: `model.${name ?? 'pack'}`,
          expected: allowed?.join(', ') ?? 'a root hash',
          found: rootHash,
          source: what.source,
        },
        'MODEL_ROOT_NOT_ALLOWED',
        'another model answers than the policy names',
      ),
    ),
    packs.map(({ name, rootHash }) => `${name ?? 'model'} ${rootHash.slice(0, 16)}…`).join(', '),
  );
}

function packsOf(config: MeasuredConfig | undefined): readonly ResultModelPack[] {
  return (config?.models ?? []).map(({ name, repo, rootHash, info }) => ({
    name: repo ?? name ?? null,
    rootHash,
    info,
  }));
}

/** The values of a word of a kernel command line, as the guest's parser splits it. */
export function wordsOf(cmdline: string, name: string): string[] {
  return cmdline
    .split(/\s+/)
    .filter((word) => word.startsWith(`${name}=`))
    .map((word) => word.slice(name.length + 1));
}
