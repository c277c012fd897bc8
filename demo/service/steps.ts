/** The end of the demo: a service on simulated hardware, verified in each dialect, then attacked in twenty ways and more. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AnchorFiles,
  anchorWords,
  writeAnchors,
} from '../../packages/verifier/test/end-to-end/anchors.ts';
import {
  type Attack,
  type Run,
  attacks,
  carryOut,
} from '../../packages/verifier/test/end-to-end/attacks/index.ts';
import { type Ended, newHome, runInProcess } from '../../packages/verifier/test/end-to-end/command.ts';
import { policies } from '../../packages/verifier/test/end-to-end/policies.ts';
import { repository as releasedBy } from '../../packages/verifier/test/end-to-end/release.ts';
import { type Scene, honestScene } from '../../packages/verifier/test/end-to-end/scene.ts';
import { type Stage, setUpStage, withService } from '../../packages/verifier/test/end-to-end/stage.ts';
import type { World } from '../../packages/verifier/test/end-to-end/world.ts';
import { type Steps, needed } from '../step.ts';
import { besidesTicks, reasonOf, runVitrine, typed, whole } from './command.ts';

export interface ServiceDemo {
  /** Of this repository; everything else is relative to it. */
  readonly repository: string;
  readonly output: string;
  /** ROOT_OFFSET_UUID of the pack that the service runs with; left out, that of a pack as good. */
  readonly model: string | undefined;
  readonly print: (line: string) => void;
}

/** The twenty, in the order in which they are told. */
const told = [
  'another-tls-key',
  'replayed-document',
  'old-release',
  'debug-vm',
  'altered-config',
  'swapped-model-root',
  'extra-word',
  'gpu-report-of-another-nonce',
  'gpu-count-short',
  'revoked-ask',
  'stale-tcb',
  'forged-sct',
  'branch-named-like-a-tag',
  'bundle-of-another-repository',
  'unpinned-image',
  'oversized-response',
  'slow-response',
  'redirect-to-another-host',
  'gzip-bomb',
  'missing-collateral',
  'clock-a-year-ahead',
  'clock-a-year-behind',
];
const DAY_MS = 86_400_000;

export async function runServiceSteps(steps: Steps, demo: ServiceDemo): Promise<void> {
  const { print } = demo;
  const set = await steps.run('Set up a service with that model, on simulated hardware', async () => {
    const stage = await setUpStage({ model: demo.model });
    const anchors = writeAnchors(stage.world, join(demo.repository, demo.output, 'service'));
    print(
      '  AMD, Intel and NVIDIA in software, a Sigstore, a web authority and three CT logs: all of it made just now.',
    );
    print(
      `  Whom to believe is in ${demo.output}/service: root.pem, trusted_root.json, ct-logs.json, tls-ca.pem.`,
    );
    return [
      'HTTPS on this machine; evidence, signatures and certificates in the real formats',
      { stage, anchors },
    ];
  });
  try {
    for (const visit of visits) {
      await steps.run(visit.title, async () => {
        const { stage, anchors } = needed(set, 'the service');
        return [await pay(visit, stage, anchors, demo), undefined];
      });
    }
    await steps.run(`Attack it: ${told.length} times, each with everything else in order`, async () => {
      const { stage } = needed(set, 'the service');
      const [refused, unchecked] = await attackAll(stage, demo);
      return [`${refused} refused, ${unchecked} could not be checked, none accepted`, undefined];
    });
  } finally {
    set?.stage.close();
  }
}

interface Visit {
  readonly title: string;
  readonly scene: (world: World) => Scene | Promise<Scene>;
  readonly policy?: { readonly name: string; readonly text: string };
  readonly status: 0 | 3;
  /** Stands in what is printed. */
  readonly says: string;
  /** What was seen. */
  readonly detail: string;
  /** Every line is shown; otherwise ticks are counted. */
  readonly isWhole?: boolean;
}

const visits: readonly Visit[] = [
  {
    title: 'Verify it: SEV-SNP with two GPUs, native dialect',
    scene: (world) => honestScene(world),
    status: 0,
    says: '✓ VERIFIED, SIMULATED',
    detail: 'verified, and said to be simulated',
    isWhole: true,
  },
  {
    title: 'Verify it by a Tinfoil document of version 3',
    scene: (world) => honestScene(world, 'tinfoil-v3'),
    status: 0,
    says: '✓ VERIFIED, SIMULATED',
    detail: "verified: nonce and GPUs are under the processor's signature",
  },
  {
    title: 'Verify a trust domain (Intel TDX), its platform in the list that Tinfoil signs',
    scene: (world) => ({ ...honestScene(world, 'tinfoil-v3'), platform: 'tdx' }),
    status: 0,
    says: '✓ VERIFIED, SIMULATED',
    detail: 'verified',
  },
  {
    title: 'Verify a Tinfoil document of version 2, by a policy that does without a nonce',
    scene: async (world) => ({
      ...honestScene(world, 'tinfoil-v2'),
      release: await world.issueRelease({ gpus: 0 }),
      gpus: [],
    }),
    policy: { name: 'without-nonce.yml', text: policies.withoutNonce },
    status: 0,
    says: 'old evidence cannot be told from new',
    detail: 'verified; that it could be old evidence is said',
  },
  {
    title: 'Look at a Blyss service, which signs nothing',
    scene: (world) => honestScene(world, 'blyss'),
    policy: { name: 'blyss.yml', text: policies.blyss },
    status: 3,
    says: 'is not at hand',
    detail: 'not verified, status 3: without the firmware of its protocol the measurement says nothing',
  },
];

async function pay(
  visit: Visit,
  stage: Stage,
  anchors: AnchorFiles,
  { repository, output, print }: ServiceDemo,
): Promise<string> {
  const scene = await visit.scene(stage.world);
  return withService(stage, scene, async (service) => {
    const policy = visit.policy && join(repository, output, 'service', visit.policy.name);
    if (visit.policy && policy !== undefined) writeFileSync(policy, visit.policy.text);
    const acceptance = policy === undefined ? ['--repo', releasedBy] : ['--policy', policy];
    const words = ['verify', service.url, ...acceptance, ...anchorWords(anchors), ...service.mirrorWords];
    print(typed(words, repository));
    if (visit.policy) for (const line of visit.policy.text.trim().split('\n')) print(`  | ${line}`);
    const ended = await asStranger((env) => runVitrine(words, repository, env));
    for (const line of visit.isWhole ? whole(ended) : besidesTicks(ended)) print(`  ${line}`);
    if (ended.status !== visit.status || !ended.stdout.includes(visit.says))
      throw new Error(`status ${ended.status}, expected ${visit.status} and "${visit.says}"`);
    return visit.detail;
  });
}

/** @returns how many were refused, and how many could not be checked */
async function attackAll(stage: Stage, { repository, print }: ServiceDemo): Promise<[number, number]> {
  print(
    '  What is done on the network meets a vitrine of its own; the rest, to be quicker, the same command in this process.',
  );
  const statuses: number[] = [];
  for (const name of told) {
    const attack = attacks.find((each) => each.name === name);
    if (!attack) throw new Error(`there is no attack ${name}`);
    print(`  An attacker ${attack.deed}.`);
    const ended = await attackOnce(attack, stage, repository);
    const mark = ended.status === 1 ? '✗' : '–';
    print(`    ${mark} status ${ended.status}, ${attack.code}: ${reasonOf(ended, attack.code)}`);
    const output = `${ended.stdout}${ended.stderr}`;
    if (ended.status !== attack.exit || !output.includes(attack.code) || !output.includes(attack.says))
      throw new Error(`${name}: status ${ended.status}, expected ${attack.exit} with ${attack.code}`);
    statuses.push(ended.status);
  }
  const count = (status: number) => statuses.filter((each) => each === status).length;
  return [count(1), count(3)];
}

async function attackOnce(attack: Attack, present: Stage, repository: string): Promise<Ended> {
  const days = attack.clockAheadDays ?? 0;
  const now = new Date(Date.now() - days * DAY_MS);
  const stage = days === 0 ? present : await setUpStage({ now, amdKeys: present.world.amd.keys });
  try {
    const asProcess: Run = (words, env) => runVitrine(words, repository, env);
    const run = attack.isOnTheNetwork ? asProcess : runInProcess;
    const { honest, attacked } = await carryOut(attack, stage, run);
    if (honest.some(({ status }) => status !== 0))
      throw new Error(`${attack.name}: an honest visit was refused`);
    return attacked;
  } finally {
    if (stage !== present) stage.close();
  }
}

/** Somebody who has never asked before. */
async function asStranger<T>(use: (env: Readonly<Record<string, string>>) => Promise<T>): Promise<T> {
  const home = newHome();
  try {
    return await use(home.env);
  } finally {
    home.remove();
  }
}
