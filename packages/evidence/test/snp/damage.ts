/** One authentic report of each age: any bit flipped, any cut, one byte more, in each part of the evidence, is refused. */
import { concatBytes, decodeUtf8 } from '@vitrine/bytes';
import {
  type SnpErrorCode,
  amdTrustAnchors,
  authenticateSnp,
  parseSnpReport,
  parseVek,
  snpReportBytes,
} from '@vitrine/evidence/snp';
import { requireIssued } from '@vitrine/x509';
import { bitsOf, refuseBits } from '../flips.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';
import { load, rows } from './fixtures.ts';
import { authorityOf, evidenceOf } from './simulator.ts';

/** Refusals of a report, of its binding to the certificate, and of its signature. */
const reportCodes: readonly SnpErrorCode[] = [
  'WRONG_REPORT_VERSION',
  'REPORT_FORMAT_UNSUPPORTED',
  'REPORT_RESERVED_NOT_ZERO',
  'SIGNER_INFO_INVALID',
  'PRODUCT_MISMATCH',
  'VCEK_HWID_MISMATCH',
  'VCEK_TCB_MISMATCH',
  'TCB_INCONSISTENT',
  'REPORT_SIGNATURE_INVALID',
];
const vekCodes: readonly SnpErrorCode[] = [
  'VCEK_CHAIN_INVALID',
  'VCEK_EXPIRED',
  'VCEK_NOT_YET_VALID',
  'VCEK_HWID_MISMATCH',
  'VCEK_TCB_MISMATCH',
  'PRODUCT_MISMATCH',
  'ASK_INVALID',
];

async function realEvidence(context: SuiteContext, folder: string) {
  const row = rows.find((entry) => entry.folder === folder)!;
  const { report, vek } = await load(context, row);
  return { evidence: { report, vek, now: new Date(`${row.at}T00:00:00Z`) }, product: row.product };
}

function refuseAllBits(
  bytes: Uint8Array,
  attempt: (damaged: Uint8Array) => Promise<unknown>,
  codes: readonly SnpErrorCode[],
): Promise<Record<string, number>> {
  return refuseBits(bytes, bitsOf(0, bytes.length), attempt, codes);
}

const reports: readonly Case[] = (
  [
    ['milan-v2', true],
    ['ms-genoa-v3', true],
    ['genoa-v5-a', false],
  ] as const
).map(([folder, onlyLong]) => ({
  name: `any bit of the report ${folder} flipped is refused: signed bytes, signature and padding`,
  needsFixtures: true,
  onlyLong,
  run: async (context) => {
    const { evidence } = await realEvidence(context, folder);
    await refuseAllBits(evidence.report, (report) => authenticateSnp({ ...evidence, report }), reportCodes);
  },
}));

const lengths: readonly Case[] = [
  {
    name: 'a report of any other length is refused',
    needsFixtures: true,
    run: async (context) => {
      const { report } = (await realEvidence(context, 'genoa-v5-a')).evidence;
      for (let length = 0; length < snpReportBytes; length++)
        await expectRefused(
          () => parseSnpReport(report.subarray(0, length)),
          'REPORT_TRUNCATED',
          `${length} bytes`,
        );
      for (const more of [1, 2, 4096])
        await expectRefused(
          () => parseSnpReport(concatBytes(report, new Uint8Array(more))),
          'REPORT_FORMAT_UNSUPPORTED',
        );
    },
  },
  {
    name: 'a VCEK that is cut anywhere, or has a byte behind it, is refused',
    needsFixtures: true,
    run: async (context) => {
      const { vek } = (await realEvidence(context, 'milan-v2')).evidence;
      for (let length = 0; length < vek.length; length++)
        await expectRefused(() => parseVek(vek.subarray(0, length)), 'VCEK_CHAIN_INVALID', `${length} bytes`);
      await expectRefused(() => parseVek(concatBytes(vek, Uint8Array.of(0))), 'VCEK_CHAIN_INVALID');
    },
  },
  {
    name: 'zero and one in place of r or s are refused',
    needsFixtures: true,
    run: async (context) => {
      const { evidence } = await realEvidence(context, 'milan-v2');
      for (const at of [0x2a0, 0x2e8])
        for (const first of [0, 1]) {
          const report = evidence.report.slice();
          report.fill(0, at, at + 72);
          report[at] = first;
          await expectRefused(() => authenticateSnp({ ...evidence, report }), 'REPORT_SIGNATURE_INVALID');
        }
    },
  },
];

const certificates: readonly Case[] = [
  ...(
    [
      ['milan-v2', true],
      ['genoa-v5-a', false],
    ] as const
  ).map(([folder, onlyLong]) => ({
    name: `any bit of the VCEK of ${folder} flipped is refused, by its form or by AMD's signature`,
    needsFixtures: true,
    onlyLong,
    run: async (context: SuiteContext) => {
      const { evidence } = await realEvidence(context, folder);
      const counts = await refuseAllBits(
        evidence.vek,
        (vek) => authenticateSnp({ ...evidence, vek }),
        vekCodes,
      );
      expectTrue(counts['VCEK_CHAIN_INVALID']! > 2000, 'many bits are for the chain to refuse');
    },
  })),
  {
    name: "any bit of the Turin VCEK flipped is refused, by its form or by AMD's signature",
    needsFixtures: true,
    onlyLong: true,
    run: async ({ fixture }) => {
      const der = await fixture('snp/turin-vcek-only/vcek.der');
      const attempt = (vek: Uint8Array) =>
        requireIssued(parseVek(vek).certificate, amdTrustAnchors().Turin.ask, 'VCEK');
      await refuseBits(der, bitsOf(0, der.length), attempt, [
        ...vekCodes,
        'SIGNATURE_INVALID',
        'NAME_MISMATCH',
        'ALGORITHM_UNSUPPORTED',
      ]);
    },
  },
  {
    name: 'any bit of an ASK that comes with the evidence flipped is refused',
    needsFixtures: true,
    run: async (context) => {
      const { product, evidence } = await realEvidence(context, 'genoa-v5-a');
      const { ask } = amdTrustAnchors()[product];
      // A flip in its key breaks the VCEK's signature as well, which is named first.
      const codes = ['ASK_INVALID', 'VCEK_CHAIN_INVALID', 'ARK_UNTRUSTED'] as const;
      const attempt = (der: Uint8Array) => authenticateSnp({ ...evidence, intermediates: [der] });
      const counts = await refuseAllBits(ask.der, attempt, codes);
      expectTrue(counts['ASK_INVALID']! > 8000, 'most bits are for the ASK itself to be refused');
    },
  },
  {
    name: 'any bit of an ARK that comes with the evidence flipped is refused',
    needsFixtures: true,
    run: async (context) => {
      const { product, evidence } = await realEvidence(context, 'genoa-v5-a');
      const { ask, ark } = amdTrustAnchors()[product];
      const attempt = (der: Uint8Array) => authenticateSnp({ ...evidence, intermediates: [ask.der, der] });
      await refuseAllBits(ark.der, attempt, ['ARK_UNTRUSTED', 'ASK_INVALID']);
    },
  },
  {
    name: 'any bit of a revocation list flipped is refused',
    run: async () => {
      const crl = await (await authorityOf('Genoa')).issueCrl({ revoked: [1] });
      const evidence = await evidenceOf();
      const attempt = (flipped: Uint8Array) => authenticateSnp({ ...evidence, crl: flipped });
      const codes = ['CRL_MALFORMED', 'CRL_SIGNATURE_INVALID', 'CRL_EXPIRED', 'CRL_NOT_YET_VALID'] as const;
      await refuseAllBits(crl, attempt, codes);
    },
  },
  {
    name: 'the certificate chain is read from PEM and DER alike',
    needsFixtures: true,
    run: async (context) => {
      const text = decodeUtf8(await context.fixture('snp/ms-milan-v3/vcek.pem'));
      const { vek } = await load(context, { folder: 'ms-milan-v3', vek: 'vcek.pem' });
      expectTrue(text.includes('BEGIN CERTIFICATE'), 'the fixture is PEM');
      expectEqual(parseVek(vek).kind, 'VCEK');
    },
  },
];

export const suite: Suite = { name: 'SNP, damaged', cases: [...reports, ...lengths, ...certificates] };
