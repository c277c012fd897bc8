/** Measurements: known answers, refusals, hostile firmware; in Node and in the browser. */
import { concatBytes, fromHex, parseJson, sha384, toHex, utf8 } from '@vitrine/bytes';
import { firmwareDigest, measureSev, measureSnp, readSnpMetadata } from '@vitrine/measure/snp';
import { authenticodeSha384, cmdlineDigest, measureTdx, parseTdvf } from '@vitrine/measure/tdx';
import { idBlocks } from './id-block.ts';
import { tdxImage } from './images.ts';
import { kernels } from './kernel.ts';
import { launches } from './launch.ts';
import { eventLogs } from './event-log.ts';
import { fuzz, withBitFlipped } from '../../evidence/test/mutation.ts';
import {
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../../evidence/test/suite.ts';

const amdSev = 'measure/ovmf_AmdSev_suffix.bin';
const ovmfX64 = 'measure/ovmf_OvmfX64_suffix.bin';
const empty = { bytes: new Uint8Array() };

async function knownAnswers({ fixture }: SuiteContext): Promise<void> {
  const cases = parseJson(await fixture('measure/known-answers.json'), 'known answers')
    .get('cases')
    .items();
  expectEqual(cases.length, 28, 'cases');
  for (const one of cases) {
    const text = (name: string): string | undefined => {
      const node = one.optional(name);
      return !node || node.isNull() ? undefined : node.string();
    };
    const bytes = await fixture(`measure/${one.get('firmware').string()}`);
    const boot =
      text('kernel') === undefined
        ? undefined
        : {
            kernel: empty,
            initrd: text('initrd') === undefined ? undefined : empty,
            cmdline: text('cmdline'),
          };
    const processors = {
      vmm: one.get('vmm').string() as 'qemu' | 'ec2' | 'gce',
      vcpus: one.get('vcpus').integer(),
      ...(text('vcpuType') === undefined ? {} : { vcpuType: text('vcpuType')! }),
      ...(text('vmmRevision')?.startsWith('rdx=0 ') ? { vcpuSignature: 0 } : {}),
    };
    const hash = text('firmwareHash');
    const mode = one.get('mode').string();
    const run = async (): Promise<Uint8Array> => {
      if (mode === 'sev') return measureSev({ firmware: bytes, boot });
      // Without a type, EPYC.
      const es = { vcpuType: 'EPYC', ...processors };
      if (mode === 'sev-es') return measureSev({ firmware: bytes, boot, es });
      const firmware = hash === undefined ? { bytes } : { ...readSnpMetadata(bytes), digest: fromHex(hash) };
      const guestFeatures = BigInt(one.get('guestFeatures').string());
      return (await measureSnp({ ...processors, firmware, boot, guestFeatures })).launchDigest;
    };
    const name = one.get('name').string();
    const digest = one.get('expect').optional('digest')?.string();
    if (digest === undefined) await expectRefused(run, 'KERNEL_HASHES_UNSUPPORTED', name);
    else expectEqual(toHex(await run()), digest, name);
  }
}

/** One section of a page, measured; one of two pages, added only; one page that is added later. */
function tdxFirmware(): Uint8Array {
  return tdxImage(3, [
    [0, 4096, 0xfffff000, 4096, 1],
    [0, 0, 0x800000, 8192, 0],
    [0, 0, 0x900000, 4096, 2],
  ]);
}

/** By a second path: the records in a plain list. */
async function naiveMrtd(firmware: Uint8Array): Promise<Uint8Array> {
  const record = (name: string, gpa: number): Uint8Array => {
    const bytes = new Uint8Array(128);
    bytes.set(utf8(name));
    new DataView(bytes.buffer).setUint32(16, gpa, true);
    return bytes;
  };
  const parts = [record('MEM.PAGE.ADD', 0xfffff000)];
  for (let at = 0; at < 4096; at += 256)
    parts.push(record('MR.EXTEND', 0xfffff000 + at), firmware.subarray(at, at + 256));
  parts.push(record('MEM.PAGE.ADD', 0x800000), record('MEM.PAGE.ADD', 0x801000));
  return sha384(concatBytes(...parts));
}

const snp: Suite = {
  name: 'SNP launch digest',
  cases: [
    { name: 'all known answers, and the refusals among them', needsFixtures: true, run: knownAnswers },
    {
      name: 'the digest of a firmware with its metadata measures as the firmware does, for 1 to 32 processors',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const bytes = await fixture(amdSev);
        const byDigest = { ...readSnpMetadata(bytes), digest: await firmwareDigest(bytes) };
        const seen = new Set<string>();
        for (let vcpus = 1; vcpus <= 32; vcpus++) {
          const inputs = { vmm: 'qemu', vcpus, vcpuType: 'EPYC-Milan-v2' } as const;
          const { launchDigest } = await measureSnp({ ...inputs, firmware: { bytes } });
          expectEqual((await measureSnp({ ...inputs, firmware: byDigest })).launchDigest, launchDigest);
          seen.add(toHex(launchDigest));
        }
        expectEqual(seen.size, 32, 'different digests');
      },
    },
    {
      name: 'inputs out of range are refused',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const bytes = await fixture(amdSev);
        const good = { vmm: 'qemu', vcpus: 1, vcpuType: 'EPYC', firmware: { bytes } } as const;
        for (const vcpus of [0, -1, 1.5, 4097, NaN])
          await expectRefused(() => measureSnp({ ...good, vcpus }), 'INPUT_INVALID', `${vcpus} processors`);
        await expectRefused(() => measureSnp({ ...good, vcpuType: 'Skylake' }), 'INPUT_INVALID');
        await expectRefused(() => measureSnp({ ...good, guestFeatures: 1n << 64n }), 'INPUT_INVALID');
        await expectRefused(
          () => measureSnp({ ...good, boot: { kernel: { sha256: new Uint8Array(31) } } }),
          'INPUT_INVALID',
        );
        for (const size of [0, 1, 4095])
          await expectRefused(
            () => measureSnp({ ...good, firmware: { bytes: bytes.slice(0, size) } }),
            'FIRMWARE_MALFORMED',
          );
      },
    },
    {
      name: 'a kernel that differs in one bit measures differently',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const bytes = await fixture(amdSev);
        const kernel = new Uint8Array(64);
        const of = async (image: Uint8Array): Promise<string> =>
          toHex(
            (
              await measureSnp({
                vmm: 'gce',
                vcpus: 1,
                firmware: { bytes },
                boot: { kernel: { bytes: image } },
              })
            ).launchDigest,
          );
        expectTrue((await of(kernel)) !== (await of(withBitFlipped(kernel, 100))), 'another digest');
      },
    },
    {
      name: 'hostile firmware gets an answer or a typed error',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const seeds = [await fixture(amdSev), await fixture(ovmfX64)];
        // Mutants keep their size, as the first check is for whole pages.
        await fuzz(seeds, 100_000, (bytes) => {
          const sized = new Uint8Array(4096);
          sized.set(bytes.subarray(-4096), 4096 - Math.min(4096, bytes.length));
          return readSnpMetadata(sized);
        });
      },
    },
  ],
};

const tdx: Suite = {
  name: 'TDX registers',
  cases: [
    {
      name: 'MRTD is what a naive listing of the records gives; for one measured page both orders agree',
      run: async () => {
        const firmware = tdxFirmware();
        const expected = await naiveMrtd(firmware);
        expectEqual((await measureTdx({ firmware, ordering: 'single-pass' })).mrtd, expected);
        expectEqual((await measureTdx({ firmware, ordering: 'two-pass' })).mrtd, expected);
        expectTrue(
          toHex((await measureTdx({ firmware: withBitFlipped(firmware, 9), ordering: 'two-pass' })).mrtd) !==
            toHex(expected),
          'a flipped bit counts',
        );
      },
    },
    {
      name: 'hostile TDX metadata get an answer or a typed error',
      run: () =>
        fuzz([tdxFirmware()], 100_000, (bytes) => {
          const sized = new Uint8Array(3 * 4096);
          sized.set(bytes.subarray(0, sized.length));
          return parseTdvf(sized);
        }),
    },
    {
      name: 'a command line is hashed as UTF-16 with its NUL, and names the initrd',
      run: async () => {
        expectEqual(await cmdlineDigest('a', false), await sha384(Uint8Array.of(0x61, 0, 0, 0)));
        expectEqual(await cmdlineDigest('a', true), await cmdlineDigest('a initrd=initrd', false));
      },
    },
    {
      name: 'a kernel that is no PE file is refused',
      run: async () => {
        for (const size of [0, 63, 64, 4096])
          await expectRefused(() => authenticodeSha384(new Uint8Array(size)), 'KERNEL_MALFORMED');
        const boot = { kernel: new Uint8Array(4096) };
        await expectRefused(
          () => measureTdx({ firmware: tdxFirmware(), ordering: 'two-pass', boot }),
          'KERNEL_MALFORMED',
        );
      },
    },
    {
      name: 'firmware without TDX metadata is refused',
      needsFixtures: true,
      run: async ({ fixture }) => {
        const firmware = (await fixture(amdSev)).slice();
        firmware.fill(0, 4096 - 48, 4096 - 32);
        await expectRefused(() => measureTdx({ firmware, ordering: 'two-pass' }), 'FIRMWARE_MALFORMED');
      },
    },
  ],
};

export const suites: readonly Suite[] = [snp, tdx, launches, kernels, idBlocks, eventLogs];
