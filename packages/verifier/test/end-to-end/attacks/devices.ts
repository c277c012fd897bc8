/** Attacks with GPUs: fewer than declared, of another place, altered, revoked. */
import { createGpuAuthority, generateKey } from '@vitrine/simtee';
import { defaultMeasurements } from '@vitrine/simtee/nvidia';
import { type Scene, honestScene } from '../scene.ts';
import { type World, issueRims } from '../world.ts';
import { type Attack, once } from './attack.ts';

const native = (change: (scene: Scene, world: World) => Scene | Promise<Scene>) =>
  once(change, (world) => honestScene(world));

export const deviceAttacks: readonly Attack[] = [
  {
    name: 'gpu-report-of-another-nonce',
    deed: 'shows a GPU report that was made for another attestation',
    visits: native((scene) => ({
      ...scene,
      gpuReport: (_, index) => (index === 1 ? { nonce: new Uint8Array(32).fill(0x77) } : {}),
    })),
    exit: 1,
    code: 'GPU_NONCE_MISMATCH',
    says: 'the device report was made for another attestation',
  },
  {
    name: 'gpu-count-short',
    deed: 'leaves out one of the two GPUs, which is not in confidential mode',
    visits: native((scene) => ({ ...scene, gpus: scene.gpus.slice(0, 1) })),
    exit: 1,
    code: 'GPU_COUNT_MISMATCH',
    says: 'expected 2; found 1; a GPU that is not shown may be outside confidential mode',
  },
  {
    name: 'one-gpu-twice',
    deed: 'shows one GPU twice, in the place of two',
    visits: native((scene) => ({ ...scene, gpus: [scene.gpus[0]!, scene.gpus[0]!] })),
    exit: 1,
    code: 'GPU_DEVICE_REPEATED',
    says: 'each a device of its own',
  },
  {
    name: 'gpu-firmware-altered',
    deed: "runs firmware on a GPU that NVIDIA's reference values do not have",
    visits: native((scene) => ({
      ...scene,
      gpuReport: (_, index) => {
        const measurements = defaultMeasurements(scene.gpus[index]!);
        if (index === 0) measurements[5] = new Uint8Array(48).fill(0xee);
        return { measurements };
      },
    })),
    exit: 1,
    code: 'GPU_MEASUREMENT_MISMATCH',
    says: 'gpu0: driver and firmware measure to what NVIDIA published',
  },
  {
    name: 'forged-reference-values',
    deed: "answers in NVIDIA's name with reference values that fit its altered firmware",
    visits: native(async (scene, { now }) => ({
      ...scene,
      rims: await issueRims(await createGpuAuthority({ now }), scene.gpus[0]!),
    })),
    exit: 1,
    code: 'RIM_CHAIN_INVALID',
    says: 'gpu0: driver and firmware measure to what NVIDIA published',
  },
  {
    name: 'gpu-of-nobody',
    deed: 'signs a GPU report with a key of its own',
    visits: native(async (scene) => {
      const signedBy = await generateKey('P-384');
      return { ...scene, gpuReport: () => ({ defects: { signedBy } }) };
    }),
    exit: 1,
    code: 'GPU_SIGNATURE_INVALID',
    // A GPU that is not genuine does not count.
    besides: ['GPU_COUNT_MISMATCH'],
    says: 'gpu0: a genuine NVIDIA GPU signed the report',
  },
  {
    name: 'revoked-gpu',
    deed: 'goes on with a GPU that NVIDIA has revoked',
    visits: native((scene) => ({ ...scene, gpuStatus: 'revoked' })),
    exit: 1,
    code: 'GPU_CERTIFICATE_REVOKED',
    says: 'NVIDIA has not revoked it',
  },
];
