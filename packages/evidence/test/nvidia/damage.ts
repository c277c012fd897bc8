/** Every bit and every length of a real report and its chain counts. */
import { concatBytes, decodeUtf8 } from '@vitrine/bytes';
import type { Certificate } from '@vitrine/x509';
import {
  authenticateGpu,
  nvidiaTrustAnchors,
  parseDeviceChain,
  parseGpuReport,
} from '../../src/nvidia/index.ts';
import { reportSignatureBytes, spdmRequestBytes } from '../../src/nvidia/spdm.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';
import { bitsOf, lowestBitsOf, refuseBits } from '../flips.ts';

const now = new Date('2024-06-24T00:00:00Z');
/** Version, code, two parameters, block count and record length. */
const RESPONSE_HEADER_BYTES = 8;

interface Device {
  readonly bytes: Uint8Array;
  readonly chain: readonly Certificate[];
}

async function hopper({ fixture }: SuiteContext): Promise<Device> {
  const pem = decodeUtf8(await fixture('nvidia/hopper/550.90.07/chain.pem'));
  return { bytes: await fixture('nvidia/hopper/550.90.07/report.bin'), chain: parseDeviceChain(pem) };
}

const reportCodes = ['GPU_REPORT_MALFORMED', 'GPU_SIGNATURE_INVALID'];
const chainCodes = ['GPU_CHAIN_INVALID', 'GPU_SIGNATURE_INVALID'];

async function refuseReportBits(context: SuiteContext, bitsFor: (bytes: Uint8Array) => number[]) {
  const { bytes, chain } = await hopper(context);
  const ders = chain.map(({ der }) => der);
  const bits = bitsFor(bytes);
  const attempt = (report: Uint8Array) => authenticateGpu({ report, chain: ders, now });
  const counts = await refuseBits(bytes, bits, attempt, reportCodes);
  expectTrue((counts['GPU_SIGNATURE_INVALID'] ?? 0) > bits.length / 2, 'most bits reach the signature');
}

const reportFlips: Case[] = [
  {
    name: 'every bit of request, response header and signature, and the lowest bit of every other byte',
    needsFixtures: true,
    run: (context) =>
      refuseReportBits(context, ({ length }) => {
        const headerEnd = spdmRequestBytes + RESPONSE_HEADER_BYTES;
        const signatureAt = length - reportSignatureBytes;
        return [
          ...bitsOf(0, headerEnd),
          ...bitsOf(signatureAt, length),
          ...lowestBitsOf(headerEnd, signatureAt),
        ];
      }),
  },
  {
    name: 'every bit of the whole report',
    needsFixtures: true,
    onlyLong: true,
    run: (context) => refuseReportBits(context, ({ length }) => bitsOf(0, length)),
  },
];

/** The signature's BIT STRING is the last field of a certificate: up to 104 bytes of DER for P-384. */
const SIGNATURE_FIELD_BYTES = 106;
const links = ['leaf', 'GSP BROM', 'Provisioner ICA', 'model identity'] as const;

async function refuseLinkBits(context: SuiteContext, at: number, bitsFor: (lengthBytes: number) => number[]) {
  const { bytes, chain } = await hopper(context);
  const ders = chain.map(({ der }) => der);
  const attempt = (damaged: Uint8Array) =>
    authenticateGpu({ report: bytes, chain: ders.map((der, index) => (index === at ? damaged : der)), now });
  const der = ders[at]!;
  const counts = await refuseBits(der, bitsFor(der.length), attempt, chainCodes);
  expectTrue((counts['GPU_CHAIN_INVALID'] ?? 0) > 500, 'many bits are for the chain to refuse');
}

const chainFlips: Case[] = [
  {
    name: 'every bit of the leaf certificate',
    needsFixtures: true,
    run: (context) => refuseLinkBits(context, 0, (length) => bitsOf(0, length)),
  },
  ...links.slice(1).flatMap((name, index): Case[] => [
    {
      name: `every bit of the signature of the ${name} certificate, and of the rest every eleventh`,
      needsFixtures: true,
      run: (context) =>
        refuseLinkBits(context, index + 1, (length) => [
          ...bitsOf(0, length - SIGNATURE_FIELD_BYTES).filter((bit) => bit % 11 === 0),
          ...bitsOf(length - SIGNATURE_FIELD_BYTES, length),
        ]),
    },
    {
      name: `every bit of the ${name} certificate`,
      needsFixtures: true,
      onlyLong: true,
      run: (context) => refuseLinkBits(context, index + 1, (length) => bitsOf(0, length)),
    },
  ]),
  {
    name: 'every bit of the root: it is then none that is trusted, or no certificate',
    needsFixtures: true,
    run: async (context) => {
      const { bytes, chain } = await hopper(context);
      const above = chain.slice(0, -1).map(({ der }) => der);
      const attempt = (root: Uint8Array) => authenticateGpu({ report: bytes, chain: [...above, root], now });
      const { der } = chain.at(-1)!;
      const codes = ['GPU_CHAIN_INVALID', 'GPU_ROOT_UNTRUSTED'];
      const counts = await refuseBits(der, bitsOf(0, der.length), attempt, codes);
      expectTrue((counts['GPU_ROOT_UNTRUSTED'] ?? 0) > 1000, 'many are well-formed and not trusted');
    },
  },
  {
    name: 'a chain in another order, with a certificate twice, or with one more is refused',
    needsFixtures: true,
    run: async (context) => {
      const { bytes, chain } = await hopper(context);
      const ders = chain.map(({ der }) => der);
      const [leaf, brom, ica, identity, root] = ders as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      const attempt = (...others: readonly Uint8Array[]) =>
        authenticateGpu({ report: bytes, chain: others, now });
      await attempt(...ders);
      await expectRefused(() => attempt(leaf, ica, brom, identity, root), 'GPU_CHAIN_INVALID');
      await expectRefused(() => attempt(leaf, brom, brom, identity, root), 'GPU_CHAIN_INVALID');
      await expectRefused(() => attempt(leaf, brom, ica, identity, root, root), 'GPU_CHAIN_INVALID');
      await expectRefused(() => attempt(leaf, brom, ica, identity), 'GPU_CHAIN_INVALID');
      await expectRefused(() => attempt(leaf, brom, ica, identity, identity), 'GPU_ROOT_UNTRUSTED');
      await expectRefused(() => attempt(root, identity, ica, brom, leaf), 'GPU_SIGNATURE_INVALID');
      await expectRefused(() => attempt(), 'GPU_CHAIN_INVALID');
    },
  },
  {
    name: 'a chain is refused before its certificates are valid, at no time at all, and under no root',
    needsFixtures: true,
    run: async (context) => {
      const { bytes, chain } = await hopper(context);
      const ders = chain.map(({ der }) => der);
      const at = (time: string) => authenticateGpu({ report: bytes, chain: ders, now: new Date(time) });
      await at('2030-01-01');
      await expectRefused(() => at('2020-01-01'), 'GPU_CHAIN_INVALID');
      await expectRefused(() => at('never'), 'GPU_CHAIN_INVALID');
      const under = (anchors: readonly Certificate[]) =>
        authenticateGpu({ report: bytes, chain: ders, anchors, now });
      await expectRefused(() => under([]), 'GPU_ROOT_UNTRUSTED');
      await expectRefused(() => under(nvidiaTrustAnchors().rim), 'GPU_ROOT_UNTRUSTED');
      await expectRefused(() => under(chain.slice(0, -1)), 'GPU_ROOT_UNTRUSTED');
    },
  },
];

const lengths: Case[] = [
  {
    name: 'every truncation of a GPU report and of a switch report is refused as malformed',
    needsFixtures: true,
    run: async ({ fixture }) => {
      for (const path of ['hopper/550.90.07', 'switch/ls10']) {
        const bytes = await fixture(`nvidia/${path}/report.bin`);
        for (let length = 0; length < bytes.length; length++)
          await expectRefused(() => parseGpuReport(bytes.subarray(0, length)), 'GPU_REPORT_MALFORMED');
      }
    },
  },
  {
    name: 'one byte more, at the end or between the parts, is refused',
    needsFixtures: true,
    run: async (context) => {
      const { bytes } = await hopper(context);
      const { opaque } = parseGpuReport(bytes).response;
      const opaqueAt = opaque.byteOffset - bytes.byteOffset;
      const places = [
        spdmRequestBytes,
        spdmRequestBytes + RESPONSE_HEADER_BYTES,
        opaqueAt,
        opaqueAt + opaque.length,
        bytes.length,
      ];
      for (const at of places)
        for (const value of [0x00, 0xff]) {
          const grown = concatBytes(bytes.subarray(0, at), Uint8Array.of(value), bytes.subarray(at));
          await expectRefused(() => parseGpuReport(grown), 'GPU_REPORT_MALFORMED', `at ${at}`);
        }
    },
  },
  {
    name: 'two blocks of one index, an index of none and an opaque field twice are refused',
    needsFixtures: true,
    run: async (context) => {
      const { bytes } = await hopper(context);
      const report = parseGpuReport(bytes);
      const blocksAt = spdmRequestBytes + RESPONSE_HEADER_BYTES;
      const withByte = (at: number, value: number) => {
        const changed = new Uint8Array(bytes);
        changed[at] = value;
        return changed;
      };
      expectEqual(bytes[blocksAt], 1);
      for (const index of [0, 2, 64, 65, 255])
        await expectRefused(() => parseGpuReport(withByte(blocksAt, index)), 'GPU_REPORT_MALFORMED');
      const opaqueAt = report.response.opaque.byteOffset - bytes.byteOffset;
      const [, second] = report.opaque.fields.keys();
      await expectRefused(() => parseGpuReport(withByte(opaqueAt, second!)), 'GPU_REPORT_MALFORMED');
    },
  },
  {
    name: 'a report of over 128 KiB is refused before it is read',
    run: async () => {
      await expectRefused(() => parseGpuReport(new Uint8Array(131073)), 'GPU_REPORT_MALFORMED');
    },
  },
];

export const damageSuite: Suite = {
  name: 'NVIDIA: damaged reports and chains',
  cases: [...reportFlips, ...chainFlips, ...lengths],
};
