/** Launches that no known answer covers: an SVSM, the two orders of MRTD, and inputs that must be refused. */
import { concatBytes, parseGuid, sha256, sha384, toHex, utf8 } from '@vitrine/bytes';
import { firmwareGuid, measureSev, measureSnp, readSnpMetadata, sectionType } from '@vitrine/measure/snp';
import { measureBoot, measureTdx, parseTdvf } from '@vitrine/measure/tdx';
import { type Suite, expectEqual, expectRefused, expectTrue } from '../../evidence/test/suite.ts';
import { type SnpRow, imageWith, kernelImage, page, snpImage, tdxImage, u16, u32 } from './images.ts';

const resetBlock = [firmwareGuid.sevEsResetBlock, u32(0x80b004)] as const;
const hashTable = [firmwareGuid.sevHashTable, u32(0x810c00, 0x400)] as const;
const hashPage: SnpRow = [0x810000, page, sectionType.kernelHashes];
const secrets: SnpRow = [0x80d000, page, sectionType.snpSecrets];
const one = { vmm: 'qemu', vcpus: 1, vcpuType: 'EPYC-Milan' } as const;

/** PAGE_INFO by hand (SEV-SNP ABI 56860, section 8.17.2). */
async function extended(
  digest: Uint8Array,
  type: number,
  gpa: bigint,
  contents?: Uint8Array,
): Promise<Uint8Array> {
  const tail = new Uint8Array(16);
  tail.set([0x70, 0, type]);
  new DataView(tail.buffer).setBigUint64(8, gpa, true);
  return sha384(concatBytes(digest, contents ? await sha384(contents) : new Uint8Array(48), tail));
}

/** A naive listing of MRTD's records for sections at 0 of the image: added pages, measured in either order. */
async function naiveMrtd(
  image: Uint8Array,
  gpa: number,
  pages: number,
  order: 'single-pass' | 'two-pass',
): Promise<string> {
  const record = (name: string, at: number): Uint8Array => {
    const bytes = new Uint8Array(128);
    bytes.set(utf8(name));
    bytes.set(u32(at), 16);
    return bytes;
  };
  const parts: Uint8Array[] = [];
  const extend = (index: number): void => {
    for (let at = index * page; at < (index + 1) * page; at += 256)
      parts.push(record('MR.EXTEND', gpa + at), image.subarray(at, at + 256));
  };
  for (let index = 0; index < pages; index++) {
    parts.push(record('MEM.PAGE.ADD', gpa + index * page));
    if (order === 'single-pass') extend(index);
  }
  if (order === 'two-pass') for (let index = 0; index < pages; index++) extend(index);
  return toHex(await sha384(concatBytes(...parts)));
}

export const launches: Suite = {
  name: 'launches of our own making',
  cases: [
    {
      name: 'MRTD of a section of two measured pages tells the two orders apart',
      run: async () => {
        const firmware = tdxImage(3, [[0, 2 * page, 0xffffe000, 2 * page, 1]]);
        const of = async (ordering: 'single-pass' | 'two-pass'): Promise<string> =>
          toHex((await measureTdx({ firmware, ordering })).mrtd);
        for (const ordering of ['single-pass', 'two-pass'] as const)
          expectEqual(await of(ordering), await naiveMrtd(firmware, 0xffffe000, 2, ordering), ordering);
        expectTrue((await of('single-pass')) !== (await of('two-pass')), 'two orders, two digests');
      },
    },
    {
      name: 'TDX metadata that contradict themselves or the firmware are refused',
      run: async () => {
        const bad = {
          'data outside': [0, 4 * page, 0xffffc000, 4 * page, 1],
          'more data than memory': [0, 2 * page, 0xffffe000, page, 1],
          'half a page': [0, 16, 0xffffe010, page, 1],
          'half a page of memory': [0, 16, 0xffffe000, 16, 1],
          'beyond 4 GiB': [0, 0, 0xfffff000, 2 * page, 0],
          'measured and added later': [0, page, 0x800000, page, 3],
          'more than 64 MiB': [0, 0, 0, 65 * 1024 * 1024, 0],
        } as const;
        for (const [what, row] of Object.entries(bad))
          await expectRefused(() => parseTdvf(tdxImage(3, [row])), 'FIRMWARE_MALFORMED', what);
        await expectRefused(() => parseTdvf(tdxImage(3, [])), 'FIRMWARE_MALFORMED', 'no sections');
        const other = imageWith(3, [resetBlock]);
        await expectRefused(() => parseTdvf(other), 'FIRMWARE_MALFORMED', 'no TDX metadata');
      },
    },
    {
      name: 'an SVSM lies below firmware and variables, and its own metadata count',
      run: async () => {
        const firmware = imageWith(2, [resetBlock]);
        const svsm = snpImage(3, [secrets], [[firmwareGuid.svsmInfo, u32(0x123)]]);
        const inputs = { ...one, vcpus: 2, firmware: { bytes: firmware } };
        const { pages, launchDigest } = await measureSnp({
          ...inputs,
          svsm: { bytes: svsm, varsSizeBytes: page },
        });
        const [firmwareGpa, svsmGpa] = [0xffffe000n, 0xffffa000n];
        let digest: Uint8Array = new Uint8Array(48);
        for (const [image, gpa] of [
          [firmware, firmwareGpa],
          [svsm, svsmGpa],
        ] as const)
          for (let at = 0; at < image.length; at += page)
            digest = await extended(digest, 1, gpa + BigInt(at), image.subarray(at, at + page));
        digest = await extended(digest, 5, 0x80d000n);
        expectEqual(pages.length, 2 + 3 + 1 + 2, 'pages');
        expectEqual(pages[5]!.digest, digest, 'before the processors');
        // Both processors begin at the same place, so their pages are the same.
        expectEqual(pages[6]!.contents, pages[7]!.contents);
        expectEqual(pages[7]!.digest, launchDigest);
        const { launchDigest: other } = await measureSnp({
          ...inputs,
          svsm: { bytes: svsm, varsSizeBytes: 2 * page },
        });
        expectTrue(toHex(other) !== toHex(launchDigest), 'the size of the variables counts');
      },
    },
    {
      name: 'an SVSM without its entry point, without the firmware itself, or beside broken variables is refused',
      run: async () => {
        const firmware = { bytes: snpImage(2, [secrets], [resetBlock]) };
        const svsm = snpImage(3, [secrets], [[firmwareGuid.svsmInfo, u32(0x123)]]);
        const without = snpImage(3, [secrets], [resetBlock]);
        const of = (bytes: Uint8Array, varsSizeBytes = 0) =>
          measureSnp({ ...one, firmware, svsm: { bytes, varsSizeBytes } });
        await of(svsm);
        await expectRefused(() => of(without), 'FIRMWARE_MALFORMED', 'no SVSM info');
        await expectRefused(() => of(svsm.subarray(1)), 'FIRMWARE_MALFORMED', 'no whole pages');
        for (const size of [-page, 1, NaN, 2 ** 40])
          await expectRefused(() => of(svsm, size), 'INPUT_INVALID', `${size} bytes of variables`);
        const digest = { ...readSnpMetadata(firmware.bytes), digest: new Uint8Array(48) };
        await expectRefused(
          () => measureSnp({ ...one, firmware: digest, svsm: { bytes: svsm, varsSizeBytes: 0 } }),
          'INPUT_INVALID',
          'a digest only',
        );
      },
    },
    {
      name: 'SEV metadata that contradict themselves are refused',
      run: async () => {
        const bad: Readonly<Record<string, SnpRow>> = {
          'unknown type': [0x800000, page, 7],
          'half a page': [0x800010, page, 1],
          'half a page of memory': [0x800000, 16, 1],
          'no memory': [0x800000, 0, 1],
          'beyond 4 GiB': [0xfffff000, 2 * page, 1],
          'more than 256 MiB': [0, 257 * 1024 * 1024, 1],
        };
        for (const [what, row] of Object.entries(bad))
          await expectRefused(
            () => readSnpMetadata(snpImage(2, [row], [resetBlock])),
            'FIRMWARE_MALFORMED',
            what,
          );
        await expectRefused(() => readSnpMetadata(snpImage(2, [secrets], [])), 'FIRMWARE_MALFORMED');
        await expectRefused(
          () => readSnpMetadata(snpImage(2, [secrets], [resetBlock, resetBlock])),
          'FIRMWARE_MALFORMED',
          'an entry twice',
        );
      },
    },
    {
      name: 'a kernel needs a section for its hashes, and a table that lies in it',
      run: async () => {
        const boot = { kernel: { bytes: new Uint8Array(1) } };
        const of = (bytes: Uint8Array) => measureSnp({ ...one, firmware: { bytes }, boot });
        await of(snpImage(2, [hashPage], [resetBlock, hashTable]));
        const unsupported = 'KERNEL_HASHES_UNSUPPORTED';
        await expectRefused(() => of(snpImage(2, [secrets], [resetBlock, hashTable])), unsupported);
        await expectRefused(() => of(snpImage(2, [hashPage], [resetBlock])), unsupported);
        const elsewhere = [firmwareGuid.sevHashTable, u32(0x811c00, 0x400)] as const;
        const overEdge = [firmwareGuid.sevHashTable, u32(0x810f80, 0x400)] as const;
        for (const table of [elsewhere, overEdge])
          await expectRefused(() => of(snpImage(2, [hashPage], [resetBlock, table])), 'FIRMWARE_MALFORMED');
      },
    },
    {
      name: 'a CPUID signature that has not 32 bits is refused, the largest and zero are not',
      run: async () => {
        const firmware = { bytes: snpImage(2, [secrets], [resetBlock]) };
        const of = (vcpuSignature: number) => measureSnp({ ...one, firmware, vcpuSignature });
        for (const signature of [-1, 2 ** 32, 0.5, NaN, Infinity])
          await expectRefused(() => of(signature), 'INPUT_INVALID', `${signature}`);
        const digests = new Set<string>();
        for (const signature of [0, 1, 2 ** 31, 2 ** 32 - 1])
          digests.add(toHex((await of(signature)).launchDigest));
        expectEqual(digests.size, 4, 'different digests');
      },
    },
    {
      name: 'a command line with a NUL or half a character is refused by SEV, SNP and TDX alike',
      run: async () => {
        const firmware = snpImage(2, [hashPage], [resetBlock, hashTable]);
        for (const cmdline of ['a\0', '\0', 'a\0b', '\ud800', 'a \udc00']) {
          const boot = { kernel: { bytes: kernelImage() }, cmdline };
          await expectRefused(
            () => measureSnp({ ...one, firmware: { bytes: firmware }, boot }),
            'INPUT_INVALID',
          );
          await expectRefused(() => measureSev({ firmware, boot }), 'INPUT_INVALID');
          await expectRefused(() => measureBoot({ kernel: kernelImage(), cmdline }), 'INPUT_INVALID');
        }
        // And one that is not ASCII counts as UTF-8, its NUL included.
        const kernel = new Uint8Array(1);
        const { pages } = await measureSnp({
          ...one,
          firmware: { bytes: firmware },
          boot: { kernel: { bytes: kernel }, cmdline: 'ü' },
        });
        const { contents } = pages.find(({ what }) => what === 'kernel hashes')!;
        const expected = new Uint8Array(page);
        const hashes = await Promise.all(
          [utf8('ü\0'), new Uint8Array(0), kernel].map((part) => sha256(part)),
        );
        const guids = [
          '97d02dd8-bd20-4c94-aa78-e7714d36ab2a',
          '44baf731-3a2f-4bd7-9af1-41e29169781d',
          '4de79437-abd2-427f-b835-d5b172d2045b',
        ];
        const rows = guids.map((guid, at) => concatBytes(parseGuid(guid), u16(50), hashes[at]!));
        const header = concatBytes(parseGuid('9438d606-4f22-4cc9-b479-a793d411fd21'), u16(168));
        expected.set(concatBytes(header, ...rows), 0xc00);
        expectEqual(contents, await sha384(expected));
      },
    },
    {
      name: 'memory out of range is refused',
      run: async () => {
        for (const memoryMib of [0, -1, 1.5, NaN, Infinity, 64 * 1024 * 1024 + 1])
          await expectRefused(
            () => measureBoot({ kernel: kernelImage(), memoryMib }),
            'INPUT_INVALID',
            `${memoryMib} MiB`,
          );
        expectEqual((await measureBoot({ kernel: kernelImage(), memoryMib: 64 * 1024 * 1024 })).length, 6);
      },
    },
  ],
};
