/** Real evidence: each row of the fixtures with its verdict, inside and outside its key's validity. */
import { decodeUtf8, fromHex, sha256, sha512, toHex } from '@vitrine/bytes';
import {
  type SnpPolicy,
  type SnpProduct,
  amdCertificates,
  amdTrustAnchors,
  appraiseSnp,
  authenticateSnp,
  formatTcb,
  parseVek,
} from '@vitrine/evidence/snp';
import { parsePemCertificates, verifyChain } from '@vitrine/x509';
import { type Case, type Suite, type SuiteContext, expectEqual, expectRefused } from '../suite.ts';

interface Row {
  readonly folder: string;
  readonly vek: 'vcek.der' | 'vcek.pem';
  /** Certificates of the chain that lie beside it. */
  readonly chain?: string;
  readonly product: SnpProduct;
  readonly version: number;
  readonly at: string;
  /** Days outside the VCEK's validity. */
  readonly before: string;
  readonly after: string;
  /** Rules that fail under the default policy. */
  readonly failing: readonly string[];
}

const row = (
  folder: string,
  product: SnpProduct,
  version: number,
  at: string,
  notBefore: string,
  more: Partial<Row> = {},
): Row => {
  const year = Number(notBefore.slice(0, 4));
  const dayAfter = `${year + 7}${notBefore.slice(4, 8)}${String(Number(notBefore.slice(8)) + 1).padStart(2, '0')}`;
  return {
    folder,
    vek: 'vcek.der',
    product,
    version,
    at,
    before: notBefore,
    after: dayAfter,
    failing: [],
    ...more,
  };
};

export const rows: readonly Row[] = [
  row('milan-v2-debug', 'Milan', 2, '2023-01-01', '2022-09-24', { failing: ['GUEST_POLICY_DEBUG_SET'] }),
  row('milan-v2', 'Milan', 2, '2023-06-01', '2023-04-03', { chain: 'ask_ark.pem' }),
  row('milan-v2-azure', 'Milan', 2, '2023-06-01', '2023-01-24'),
  row('azure-genoa-v3', 'Genoa', 3, '2025-06-01', '2025-01-24', { vek: 'vcek.pem' }),
  row('azure-milan-v3-a', 'Milan', 3, '2025-06-01', '2025-01-28', { vek: 'vcek.pem' }),
  row('azure-milan-v3-b', 'Milan', 3, '2025-06-01', '2025-01-28'),
  row('azure-milan-v3-c', 'Milan', 3, '2025-06-01', '2025-01-28'),
  row('azure-milan-v2', 'Milan', 2, '2023-09-01', '2023-05-02', { vek: 'vcek.pem' }),
  row('gcp-milan-v5-zero', 'Milan', 5, '2026-01-01', '2025-12-05', { vek: 'vcek.pem', chain: 'ask_ark.pem' }),
  row('gcp-milan-v5-reportdata', 'Milan', 5, '2026-01-01', '2025-12-05', {
    vek: 'vcek.pem',
    chain: 'ask_ark.pem',
    failing: ['VMPL_MISMATCH'],
  }),
  row('gcp-milan-v5-x25519', 'Milan', 5, '2026-01-01', '2025-12-05', {
    vek: 'vcek.pem',
    chain: 'ask_ark.pem',
    failing: ['VMPL_MISMATCH'],
  }),
  row('genoa-v5-a', 'Genoa', 5, '2026-03-01', '2026-02-17'),
  row('genoa-v5-b', 'Genoa', 5, '2026-03-01', '2026-02-19'),
  row('azure-milan-v3-d', 'Milan', 3, '2025-06-01', '2025-01-23'),
  row('azure-milan-v3-e', 'Milan', 3, '2025-06-01', '2025-01-28'),
  row('ms-milan-v3', 'Milan', 3, '2026-03-01', '2026-02-05', { vek: 'vcek.pem', chain: 'ask.pem' }),
  row('ms-genoa-v3', 'Genoa', 3, '2026-03-01', '2026-02-05', { vek: 'vcek.pem', chain: 'ask.pem' }),
];

export interface Loaded {
  readonly report: Uint8Array;
  readonly vek: Uint8Array;
}

export async function load(
  { fixture }: SuiteContext,
  { folder, vek }: Pick<Row, 'folder' | 'vek'>,
): Promise<Loaded> {
  const file = await fixture(`snp/${folder}/${vek}`);
  const der = vek === 'vcek.der' ? file : parsePemCertificates(decodeUtf8(file))[0]!.der;
  return { report: await fixture(`snp/${folder}/report.bin`), vek: der };
}

const midnight = (day: string): Date => new Date(`${day}T00:00:00Z`);

const verdicts: readonly Case[] = rows.flatMap((entry) => [
  {
    name: `${entry.folder} is authentic, ${entry.failing.length > 0 ? `but ${entry.failing.join()}` : 'and acceptable'}`,
    needsFixtures: true,
    run: async (context) => {
      const authentic = await authenticateSnp({ ...(await load(context, entry)), now: midnight(entry.at) });
      expectEqual(
        [authentic.product, authentic.report.version, authentic.isProduction],
        [entry.product, entry.version, true],
      );
      const { checks, acceptable } = appraiseSnp(authentic);
      expectEqual(
        checks.flatMap(({ code }) => code ?? []),
        entry.failing,
      );
      expectEqual(acceptable, entry.failing.length === 0);
    },
  },
  {
    name: `${entry.folder} is refused before and after its VCEK's validity`,
    needsFixtures: true,
    run: async (context) => {
      const loaded = await load(context, entry);
      const at = (now: Date) => () => authenticateSnp({ ...loaded, now });
      await expectRefused(at(midnight(entry.before)), 'VCEK_NOT_YET_VALID');
      await expectRefused(at(midnight(entry.after)), 'VCEK_EXPIRED');
      const { notBefore, notAfter } = parseVek(loaded.vek).certificate;
      await expectRefused(at(new Date(notBefore.getTime() - 1)), 'VCEK_NOT_YET_VALID');
      await expectRefused(at(new Date(notAfter.getTime() + 1)), 'VCEK_EXPIRED');
      await at(notBefore)();
      await at(notAfter)();
    },
  },
]);

const chains: readonly Case[] = rows.flatMap(({ chain, ...entry }) =>
  chain === undefined
    ? []
    : [
        {
          name: `${entry.folder} is authentic with the chain that lies beside it`,
          needsFixtures: true,
          run: async (context: SuiteContext) => {
            const pem = decodeUtf8(await context.fixture(`snp/${entry.folder}/${chain}`));
            const intermediates = parsePemCertificates(pem).map(({ der }) => der);
            const loaded = await load(context, entry);
            const authentic = await authenticateSnp({ ...loaded, intermediates, now: midnight(entry.at) });
            expectEqual(authentic.chain.intermediate.der, amdTrustAnchors()[entry.product].ask.der);
          },
        },
      ],
);

const others: readonly Case[] = [
  {
    name: "no report is authentic with another machine's VCEK",
    needsFixtures: true,
    run: async (context) => {
      const loaded = await Promise.all(rows.map((entry) => load(context, entry)));
      for (const [at, { report }] of loaded.entries())
        for (const [other, { vek }] of loaded.entries()) {
          // Some machines are there twice, with VCEKs that were renewed.
          if (at === other || isForSame(loaded[at]!.vek, vek)) continue;
          await expectRefused(
            () => authenticateSnp({ report, vek, now: midnight('2026-03-01') }),
            ['VCEK_HWID_MISMATCH', 'VCEK_TCB_MISMATCH', 'PRODUCT_MISMATCH'],
            `${rows[at]!.folder} with the VCEK of ${rows[other]!.folder}`,
          );
        }
    },
  },
  ...(['legacy', 'new'] as const).map((kind) => ({
    name: `the forged VCEK of the ${kind} form is refused`,
    needsFixtures: true,
    run: async (context: SuiteContext) => {
      const report = await context.fixture('snp/milan-v2-azure/report.bin');
      const vek = await context.fixture(`snp/forged-vcek/vcek-${kind}.der`);
      await expectRefused(
        () => authenticateSnp({ report, vek, now: midnight('2024-01-01') }),
        'VCEK_HWID_MISMATCH',
      );
    },
  })),
  {
    name: 'the forged VCEK does not verify under AMD either',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const { certificate } = parseVek(await fixture('snp/forged-vcek/vcek-legacy.der'));
      const { ark, ask } = amdTrustAnchors().Milan;
      const options = { anchors: [ark], now: midnight('2024-01-01'), what: 'chain' };
      await expectRefused(() => verifyChain([certificate, ask, ark], options), 'SIGNATURE_INVALID');
    },
  },
  {
    name: 'the Turin VCEK: chain, 8 bytes of HWID, FMC level, struct version 1',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const vek = parseVek(await fixture('snp/turin-vcek-only/vcek.der'));
      expectEqual(toHex(vek.hwid!), '1e550a8ee5cf9f4d');
      expectEqual(vek.tcb, { fmc: 0, bootloader: 0, tee: 0, snp: 0, microcode: 9 });
      expectEqual([vek.product, vek.productName, vek.structVersion], ['Turin', 'Turin', 1]);
      const { ark, ask } = amdTrustAnchors().Turin;
      const options = { anchors: [ark], what: 'chain' };
      await verifyChain([vek.certificate, ask, ark], { ...options, now: midnight('2025-01-01') });
      const outside = () =>
        verifyChain([vek.certificate, ask, ark], { ...options, now: midnight('2031-11-07') });
      await expectRefused(outside, 'EXPIRED');
    },
  },
  {
    name: 'the report of gcp-milan-v5-x25519 binds its nonce and key, under a policy that takes VMPL 1',
    needsFixtures: true,
    run: async (context) => {
      const entry = rows.find(({ folder }) => folder === 'gcp-milan-v5-x25519')!;
      const text = decodeUtf8(await context.fixture(`snp/${entry.folder}/binding.txt`));
      const value = (name: string): string => new RegExp(`^${name}=([0-9a-f]+)$`, 'm').exec(text)![1]!;
      const reportData = await sha512(fromHex(value('NONCE') + value('X25519_KEY')));
      const authentic = await authenticateSnp({ ...(await load(context, entry)), now: midnight(entry.at) });
      const policy: SnpPolicy = { vmpl: 1, reportData };
      expectEqual(appraiseSnp(authentic, policy).acceptable, true);
      const other = appraiseSnp(authentic, { ...policy, reportData: reportData.toReversed() });
      expectEqual(
        other.checks.flatMap(({ code }) => code ?? []),
        ['REPORT_DATA_MISMATCH'],
      );
    },
  },
  {
    name: 'the anchors are the published certificates, by SHA-256, and sign one another',
    run: async () => {
      for (const product of ['Milan', 'Genoa', 'Turin'] as const) {
        const { ark, ask, asvk } = amdTrustAnchors()[product];
        for (const role of ['ark', 'ask', 'asvk'] as const) {
          const { der } = amdTrustAnchors()[product][role];
          expectEqual(
            toHex(await sha256(der)),
            amdCertificates[product][role].sha256,
            `${role} of ${product}`,
          );
        }
        const options = { anchors: [ark], now: midnight('2026-01-01'), what: product };
        await verifyChain([ask, ark], options);
        await verifyChain([asvk, ark], options);
        // The ARK as if it were below itself: its own signature.
        await verifyChain([ark, ark], options);
      }
    },
  },
  {
    name: 'the anchors are those of the fixtures',
    needsFixtures: true,
    run: async ({ fixture }) => {
      for (const product of ['Milan', 'Genoa', 'Turin'] as const)
        for (const role of ['ark', 'ask', 'asvk'] as const) {
          const pem = decodeUtf8(await fixture(`anchors/amd/${role}_${product.toLowerCase()}.pem`));
          expectEqual(amdTrustAnchors()[product][role].der, parsePemCertificates(pem)[0]!.der);
        }
    },
  },
];

function isForSame(a: Uint8Array, b: Uint8Array): boolean {
  const [first, second] = [parseVek(a), parseVek(b)];
  return toHex(first.hwid!) === toHex(second.hwid!) && formatTcb(first.tcb) === formatTcb(second.tcb);
}

export const suite: Suite = { name: 'SNP, real evidence', cases: [...verdicts, ...chains, ...others] };
