/** Any policy that a file can hold, for fast-check. */
import fc from 'fast-check';
import { builderName } from '../../src/builder-name.ts';
import type {
  BuilderPolicy,
  PinnedMeasurement,
  SnpLine,
  TcbFloor,
  VerificationPolicy,
} from '../../src/policy.ts';
import { completeFloors, productOfLine, snpLines } from '../../src/policy-file/tcb-floor.ts';
import { tcbStatuses } from '../../src/policy-file/runtime-keys.ts';

const digits = (characters: string, least: number, most: number) =>
  fc
    .array(fc.constantFrom(...characters.split('')), { minLength: least, maxLength: most })
    .map((some) => some.join(''));
const hex = (bytes: number) => digits('0123456789abcdef', bytes * 2, bytes * 2);
const word = digits('abcdefghijklmnopqrstuvwxyz0123456789', 1, 12);
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 });
const unique = <T>(arbitrary: fc.Arbitrary<T>, minLength: number, maxLength = 4) =>
  fc.uniqueArray(arbitrary, { minLength, maxLength, selector: (item) => JSON.stringify(item) });

/** With everything that YAML or a comment could take for its own. */
const name = fc
  .oneof(
    fc.constantFrom(
      'true',
      'null',
      '#',
      ': ',
      '- a',
      '{',
      '"',
      "'",
      '\\',
      '&x',
      '*x',
      '!t',
      '|',
      '>',
      '%',
      '@',
      '`',
      '1',
    ),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 }),
    fc.constantFrom('Müller', '日本', 'a: b # c', 'x"y\\z'),
  )
  .map((text) => text.trim())
  .filter((text) => text.length > 0);

const level = fc.integer({ min: 0, max: 255 });

function floorOf(line: SnpLine): fc.Arbitrary<TcbFloor> {
  const classic = { bootloader: level, tee: level, snp: level, microcode: level };
  return line === 'Turin' ? fc.record({ fmc: level, ...classic }) : fc.record(classic);
}

const snp = some(['Milan', 'Genoa', 'Turin'] as const).chain((products) =>
  fc.record({
    products: fc.constant(products),
    minimumTcb: fc
      .tuple(
        ...snpLines
          .filter((line) => products.includes(productOfLine[line] as never))
          .map((line) => floorOf(line).map((floor) => [line, floor] as const)),
      )
      .map((floors) => completeFloors(products, Object.fromEntries(floors))),
    vmpl: some([0, 1, 2, 3]),
    allowDebug: fc.boolean(),
    allowMigration: fc.boolean(),
    allowSmt: fc.boolean(),
    requireRevocation: fc.boolean(),
  }),
);

const tdx = fc
  .record({
    acceptedStatuses: some(tcbStatuses),
    outOfDateGraceDays: fc.integer({ min: 0, max: 3650 }),
    minimumEvaluationDataNumber: orNull(fc.integer({ min: 1, max: 1_000_000 })),
    mrSeam: orNull(unique(hex(48), 1)),
    allowDebug: fc.boolean(),
    requireCollateral: fc.boolean(),
  })
  .map((one) => ({
    ...one,
    outOfDateGraceDays: one.acceptedStatuses.includes('OutOfDate') ? 0 : one.outOfDateGraceDays,
    minimumEvaluationDataNumber: one.requireCollateral ? one.minimumEvaluationDataNumber : null,
  }));

const devices = fc
  .record({
    gpus: orNull(fc.integer({ min: 0, max: 64 })),
    architectures: orNull(some(['GH100', 'GB100', 'GB202', 'LS10'])),
    minimumDriverVersion: orNull(fc.constantFrom('550.90.07', '570.124', '580.10')),
    requireRims: fc.boolean(),
    requireRevocation: fc.boolean(),
    requireBinding: fc.boolean(),
  })
  .map((one) => (one.gpus === 0 ? { ...one, architectures: null, minimumDriverVersion: null } : one));

const ref = fc.constantFrom(
  'refs/tags/*',
  'refs/tags/v1.*',
  'refs/heads/main',
  'refs/heads/release/*',
  'refs/tags/a+b@c',
);

const workflowBuilder = fc.record({
  issuer: fc.constantFrom('https://token.actions.githubusercontent.com', 'https://id.example:8443/a'),
  server: fc.constantFrom('https://github.com', 'https://github.example.org'),
  repository: fc.tuple(word, word).map(([owner, repository]) => `${owner}/${repository}`),
  workflow: orNull(word.map((file) => `${file}.yml`)),
  ref,
  runnerEnvironment: fc.constantFrom('github-hosted' as const, 'self-hosted' as const, null),
});

const pipelineBuilder = fc.record({
  issuer: fc.constantFrom('https://gitlab.com', 'https://id.example:8443/a'),
  project: fc.array(word, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/')),
  configuration: orNull(fc.constantFrom('.gitlab-ci.yml', 'ci/release.yaml')),
  ref,
  runnerEnvironment: fc.constantFrom('gitlab-hosted' as const, 'self-hosted' as const, null),
});

const subjectBuilder = fc.record({
  issuer: fc.constantFrom('https://accounts.google.com', 'https://github.com/login/oauth'),
  subject: fc.oneof(
    word.map((name) => `${name}@example.org`),
    word.map((name) => `spiffe://example.org/${name}`),
  ),
});

const builder: fc.Arbitrary<BuilderPolicy> = fc.oneof(workflowBuilder, pipelineBuilder, subjectBuilder);

const code = fc
  .uniqueArray(builder, {
    maxLength: 4,
    selector: (one) => builderName(one).split('/').slice(-2).join('/').toLowerCase(),
  })
  .chain((builders) =>
    fc.record({
      builders: fc.constant(builders),
      threshold: fc.integer({ min: 1, max: Math.max(builders.length, 1) }),
      predicateTypes: unique(
        word.map((type) => `https://example.org/${type}/v1`),
        1,
      ),
      allowRollback: fc.boolean(),
      maximumAgeDays: orNull(fc.integer({ min: 1, max: 36500 })),
    }),
  );

const registersOf = {
  'sev-snp': fc.record({ launchDigest: hex(48) }),
  tdx: fc.record(
    { mrtd: hex(48), rtmr0: hex(48), rtmr1: hex(48), rtmr2: hex(48), rtmr3: hex(48) },
    { requiredKeys: ['mrtd', 'rtmr1', 'rtmr2'] },
  ),
};

function measurements(platforms: readonly ('sev-snp' | 'tdx')[]) {
  const registers: fc.Arbitrary<Readonly<Record<string, string>>> = fc.oneof(
    ...platforms.map((platform) => registersOf[platform] as fc.Arbitrary<Readonly<Record<string, string>>>),
  );
  const pinned: fc.Arbitrary<PinnedMeasurement> = fc.record({ name, registers });
  const known = fc.record({ id: word, mrtd: hex(48), rtmr0: hex(48) });
  return fc.record({
    pinned: fc.uniqueArray(pinned, { maxLength: 3, selector: (one) => one.name }),
    modelRoots: orNull(unique(hex(32), 0)),
    requireRecomputation: fc.boolean(),
    requirePinnedImages: fc.boolean(),
    hardware: platforms.includes('tdx') ? orNull(unique(known, 1)) : fc.constant(null),
  });
}

const ct = fc.boolean().chain((required) =>
  fc.record({
    required: fc.constant(required),
    minimumOperators: fc.integer({ min: required ? 1 : 0, max: 10 }),
    requireInclusion: required ? fc.boolean() : fc.constant(false),
  }),
);

export const policies: fc.Arbitrary<VerificationPolicy> = some(['sev-snp', 'tdx'] as const).chain(
  (platforms) =>
    fc
      .record({
        name,
        sha256: fc.constant(''),
        hardware: fc.record({ platforms: fc.constant(platforms), snp, tdx }),
        devices,
        code,
        measurements: measurements(platforms),
        freshness: fc.record({
          requireNonce: fc.boolean(),
          maximumProofAgeSeconds: orNull(fc.integer({ min: 1, max: 3_153_600_000 })),
        }),
        channel: fc.record({
          domains: orNull(
            unique(fc.constantFrom('example.org', '*.example.org', 'localhost', 'a.b.c.d', '127.0.0.1'), 1),
          ),
          requireAttestedTlsKey: fc.boolean(),
          requireTrustedChain: fc.boolean(),
          ct,
        }),
      })
      .map((policy) =>
        policy.measurements.pinned.length > 0 && policy.code.builders.length === 0
          ? { ...policy, measurements: { ...policy.measurements, modelRoots: null } }
          : policy,
      )
      .map((policy) =>
        policy.hardware.snp.allowDebug || policy.hardware.tdx.allowDebug
          ? { ...policy, name: `debug ${policy.name}` }
          : policy,
      ),
);
