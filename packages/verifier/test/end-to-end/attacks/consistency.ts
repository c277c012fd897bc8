/** Attacks on what runs: another configuration, model, image or command line than was signed. */
import { blyssCmdline } from '../blyss-launch.ts';
import { createPlatformList, tdxPlatform } from '../platforms.ts';
import { policies } from '../policies.ts';
import {
  type ReleaseRequest,
  cmdlineOf,
  configBytes,
  launchDigestOf,
  modelInfo,
  pinnedImage,
} from '../release.ts';
import { honestScene } from '../scene.ts';
import type { World } from '../world.ts';
import { type Attack, once } from './attack.ts';

/** The service shows the genuine release, and has launched something else. */
const launched = (measure: (world: World) => Promise<Uint8Array>) =>
  once(
    async (scene, world) => ({ ...scene, measurement: await measure(world) }),
    (world) => honestScene(world),
  );
/** The service runs a release that was made so by who may make releases. */
const released = (request: Partial<ReleaseRequest>) =>
  once(
    async (scene, world) => ({ ...scene, release: await world.issueRelease(request) }),
    (world) => honestScene(world),
  );

const otherModel = modelInfo.replace(/^[0-9a-f]{8}/, 'deadbeef');

export const consistencyAttacks: readonly Attack[] = [
  {
    name: 'altered-config',
    deed: 'starts the VM with a configuration that was altered after it was signed',
    visits: launched(async () =>
      launchDigestOf(await cmdlineOf(configBytes({ image: pinnedImage.replace('acme', 'mallory') }))),
    ),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'configuration',
  },
  {
    name: 'config-beside-its-hash',
    deed: 'puts another configuration into the release than the one whose hash is measured',
    visits: released({ statedConfig: configBytes({ model: otherModel }) }),
    exit: 1,
    code: 'CONFIG_HASH_MISMATCH',
    says: 'tinfoil-config-hash=',
  },
  {
    name: 'swapped-model-root',
    deed: 'releases a cheaper model under the same name',
    visits: released({ model: otherModel }),
    policy: ({ release }) => policies.oneModel(modelRootOf(release.config)),
    exit: 1,
    code: 'MODEL_ROOT_NOT_ALLOWED',
    says: 'another model answers than the policy names',
  },
  {
    name: 'extra-word',
    deed: 'adds a word to the kernel command line that opens a shell in the VM',
    visits: launched(async ({ release }) => launchDigestOf(`${release.cmdline} init=/bin/sh`)),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'init=/bin/sh',
  },
  {
    name: 'debug-word',
    deed: 'adds the word to the command line that turns on debugging',
    visits: launched(async ({ release }) => launchDigestOf(`${release.cmdline} tinfoil-debug=on`)),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'tinfoil-debug=on was added to its command line',
  },
  {
    name: 'word-left-out',
    deed: 'leaves out the word that makes the root disk read-only',
    visits: launched(async ({ release }) => launchDigestOf(release.cmdline.replace('readonly=on ', ''))),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'the word "readonly=on" is missing',
  },
  {
    name: 'extra-word-in-blyss-line',
    deed: 'adds a word to a command line of Blyss',
    visits: once(
      (scene) => ({ ...scene, cmdline: blyssCmdline('init=/bin/sh') }),
      (world) => honestScene(world, 'blyss'),
    ),
    policy: () => policies.blyss,
    exit: 1,
    code: 'CMDLINE_NOT_RECONSTRUCTED',
    says: 'also: init',
  },
  {
    name: 'another-command-line-in-a-trust-domain',
    deed: 'starts the signed kernel of a trust domain with another command line',
    visits: once(
      (scene, { release }) => ({
        ...scene,
        platform: 'tdx',
        release: { ...release, rtmr2: new Uint8Array(48).fill(0xbe) },
      }),
      (world) => honestScene(world, 'tinfoil-v3'),
    ),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'the kernel is the signed one; its command line or its initrd is not',
  },
  {
    name: 'something-loaded-later',
    deed: 'loads something into the trust domain after it was started',
    visits: once(
      (scene, { release }) => ({
        ...scene,
        platform: 'tdx',
        quote: {
          rtmrs: [tdxPlatform.rtmr0, release.rtmr1, release.rtmr2, new Uint8Array(48).fill(0xbe)],
        },
      }),
      (world) => honestScene(world, 'tinfoil-v3'),
    ),
    exit: 1,
    code: 'MEASUREMENT_RTMR3_NONZERO',
    says: 'expected all zero',
  },
  {
    name: 'another-firmware',
    deed: 'starts the trust domain with firmware of its own',
    visits: once(
      (scene) => ({ ...scene, platform: 'tdx', quote: { mrTd: new Uint8Array(48).fill(0xbe) } }),
      (world) => honestScene(world, 'tinfoil-v3'),
    ),
    exit: 1,
    code: 'HARDWARE_NO_MATCH',
    says: 'The firmware and virtual hardware are of a platform that is known',
  },
  {
    name: 'platforms-of-its-own',
    deed: 'publishes a list of good platforms that it signed itself',
    visits: once(
      async (scene, { sigstore, now }) => ({
        ...scene,
        platform: 'tdx',
        platforms: await createPlatformList(sigstore, now, {
          repository: 'mallory/platforms',
          ref: 'refs/tags/v7',
        }),
      }),
      (world) => honestScene(world, 'tinfoil-v3'),
    ),
    exit: 1,
    code: 'WORKFLOW_REPOSITORY_MISMATCH',
    says: 'mallory/platforms',
  },
  {
    name: 'more-processors',
    deed: 'starts the VM with more processors than were signed',
    visits: launched(async ({ release }) => launchDigestOf(release.cmdline, 8)),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'the VM has 8 processors, the signed deployment 4',
  },
  {
    name: 'unpinned-image',
    deed: 'names a container image by a tag, behind which the registry can put anything',
    visits: released({ image: 'ghcr.io/acme/inference:latest' }),
    exit: 1,
    code: 'IMAGE_UNPINNED',
    says: 'whoever controls the registry decides what runs',
  },
  {
    name: 'unpinned-blyss-image',
    deed: 'has Blyss start whatever image the registry has under a tag',
    visits: once(
      (scene) => ({ ...scene, cmdline: blyssCmdline(undefined, ':latest') }),
      (world) => honestScene(world, 'blyss'),
    ),
    policy: () => policies.blyss,
    exit: 1,
    code: 'IMAGE_UNPINNED',
    says: 'Every container image is pinned by its digest: IMAGE_UNPINNED',
  },
  {
    name: 'signed-debug-door',
    deed: 'releases a deployment with the debugging door open, and signs it',
    visits: released({ extraWords: 'tinfoil-debug=on' }),
    exit: 1,
    code: 'DEBUG_ENABLED',
    says: 'The deployment has no debugging door',
  },
  {
    name: 'another-kernel',
    deed: 'starts another kernel with the same command line',
    visits: launched(() => Promise.resolve(new Uint8Array(48).fill(0xbe))),
    exit: 1,
    code: 'MEASUREMENT_MISMATCH',
    says: 'firmware, kernel, initrd',
  },
];

function modelRootOf(config: Uint8Array): string {
  return /mpk: ([0-9a-f]{64})_/.exec(new TextDecoder().decode(config))![1]!;
}
