/** Azure's HCL reports: the SNP report inside, the runtime data it endorses, the vTPM quote that the key in them signed. */
import { concatBytes, decodeUtf8, parseJson, sha256, utf8 } from '@vitrine/bytes';
import {
  type AzureVtpmEvidence,
  appraiseAzureVtpm,
  appraiseSnp,
  authenticateAzureReport,
  authenticateAzureVtpm,
  parseHclReport,
  parseRuntimeData,
  parseTpmQuote,
} from '@vitrine/evidence/snp';
import { type SigningKey, generateKey } from '@vitrine/simtee';
import { withBitFlipped } from '../mutation.ts';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';
import { load, rows } from './fixtures.ts';
import { chipId, evidenceOf, measurement, tcb } from './simulator.ts';

/** The start of each quote's nonce. */
const nonces: Readonly<Record<string, string | Uint8Array>> = {
  'azure-genoa-v3': Uint8Array.of(0x02, 0x18, 0x48, 0x8b, 0xae, 0x25, 0xd2, 0x50),
  'azure-milan-v3-a': 'challenge',
  'azure-milan-v3-b': 'challenge',
  'azure-milan-v3-c': Uint8Array.of(0x98, 0x2f, 0x5c, 0x6e, 0x45, 0xdf, 0x0e, 0xd3),
  'azure-milan-v2': 'challenge',
  'azure-milan-v3-d': 'attestation-test-fixture',
  'azure-milan-v3-e': '',
};

async function azureEvidence(context: SuiteContext, folder: string): Promise<AzureVtpmEvidence> {
  const row = rows.find((entry) => entry.folder === folder)!;
  const quote = parseJson(await context.fixture(`snp/${folder}/tpm_quote.json`), 'quote');
  return {
    hclReport: await context.fixture(`snp/${folder}/hcl_report.bin`),
    vek: (await load(context, row)).vek,
    now: new Date(`${row.at}T00:00:00Z`),
    quote: quote.get('message').hex(),
    signature: quote.get('signature').hex(),
    pcrs: quote
      .get('pcrs')
      .items()
      .map((pcr) => pcr.hex(32)),
  };
}

const real: readonly Case[] = Object.entries(nonces).map(([folder, expected]) => ({
  name: `${folder}: runtime data, quote, PCRs and nonce hold together`,
  needsFixtures: true,
  run: async (context) => {
    const evidence = await azureEvidence(context, folder);
    const vtpm = await authenticateAzureVtpm(evidence);
    expectEqual(vtpm.runtimeData, await context.fixture(`snp/${folder}/runtime_data.json`));
    expectEqual(vtpm.pcrs?.size, 24);
    const nonce = typeof expected === 'string' ? utf8(expected) : expected;
    expectEqual(vtpm.nonce.subarray(0, nonce.length), nonce);
    expectTrue(appraiseSnp(vtpm.snp).acceptable, 'the SNP report is acceptable');
    const isEmpty = expected === '';
    const { checks, acceptable } = appraiseAzureVtpm(vtpm);
    expectEqual(
      [checks.map(({ code }) => code), acceptable],
      [[isEmpty ? 'VTPM_NONCE_EMPTY' : undefined], !isEmpty],
    );
    // As plain SNP its REPORT_DATA is no nonce of the verifier's.
    const plain = appraiseSnp(vtpm.snp, { reportData: new Uint8Array(64).fill(1) });
    expectEqual(
      plain.checks.flatMap(({ code }) => code ?? []),
      ['REPORT_DATA_MISMATCH'],
    );
  },
}));

const realDamage: readonly Case[] = [
  {
    name: 'any bit of a quote or its signature flipped is refused',
    needsFixtures: true,
    run: async (context) => {
      const evidence = await azureEvidence(context, 'azure-milan-v3-a');
      const { hclReport } = evidence;
      const { attestationKey } = parseRuntimeData(parseHclReport(hclReport).runtimeData);
      // The report was authentic before: what is left to refuse is the quote's.
      const key = await crypto.subtle.importKey(
        'jwk',
        { kty: 'RSA', ...attestationKey },
        { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
        false,
        ['verify'],
      );
      const { quote, signature } = evidence;
      for (let bit = 0; bit < quote.length * 8; bit++) {
        const flipped = new Uint8Array(withBitFlipped(quote, bit));
        const holds = await crypto.subtle.verify(
          'RSASSA-PKCS1-v1_5',
          key,
          new Uint8Array(signature),
          flipped,
        );
        expectTrue(!holds, `bit ${bit} of the quote is signed`);
      }
      for (const bit of [0, 1, 1023, 2047])
        await expectRefused(
          () => authenticateAzureVtpm({ ...evidence, signature: withBitFlipped(signature, bit) }),
          'VTPM_QUOTE_SIGNATURE_INVALID',
        );
      for (const bit of [60 * 8, 70 * 8])
        await expectRefused(
          () => authenticateAzureVtpm({ ...evidence, quote: withBitFlipped(quote, bit) }),
          'VTPM_QUOTE_SIGNATURE_INVALID',
        );
    },
  },
  {
    name: 'any bit of the runtime data flipped is refused',
    needsFixtures: true,
    run: async (context) => {
      const evidence = await azureEvidence(context, 'azure-milan-v3-a');
      const { runtimeData, report } = parseHclReport(evidence.hclReport);
      const start = 0x20 + report.length + 20;
      const expected = report.subarray(0x50, 0x70);
      for (let bit = 0; bit < runtimeData.length * 8; bit++) {
        const { runtimeData: damaged } = parseHclReport(withBitFlipped(evidence.hclReport, start * 8 + bit));
        expectTrue(
          String(await sha256(damaged)) !== String(expected),
          `bit ${bit} is covered by REPORT_DATA`,
        );
      }
      const hclReport = withBitFlipped(evidence.hclReport, (start + 100) * 8);
      await expectRefused(() => authenticateAzureReport({ ...evidence, hclReport }), 'RUNTIME_DATA_MISMATCH');
    },
  },
  {
    name: 'any bit of the header, of the runtime header or of the zeros behind flipped is refused',
    needsFixtures: true,
    run: async (context) => {
      const { hclReport } = await azureEvidence(context, 'azure-milan-v3-a');
      const end = 0x4c0 + 20 + parseHclReport(hclReport).runtimeData.length;
      for (let bit = 0; bit < hclReport.length * 8; bit++) {
        const at = bit >> 3;
        const isHeader = at < 0x20 || (at >= 0x4c0 && at < 0x4d4) || at >= end;
        // Version 1 becomes 0, 3 and so on: none of them is 2.
        if (isHeader)
          await expectRefused(() => parseHclReport(withBitFlipped(hclReport, bit)), 'HCL_REPORT_MALFORMED');
      }
    },
  },
  {
    name: 'every cut through the parts of an HCL report or a quote is refused, and a byte behind them',
    needsFixtures: true,
    run: async (context) => {
      const { hclReport, quote } = await azureEvidence(context, 'azure-milan-v3-a');
      const end = 0x4c0 + 20 + parseHclReport(hclReport).runtimeData.length;
      expectEqual(parseHclReport(hclReport.subarray(0, end)).report.length, 1184);
      for (let length = 0; length < end; length++)
        await expectRefused(() => parseHclReport(hclReport.subarray(0, length)), 'HCL_REPORT_MALFORMED');
      await expectRefused(
        () => parseHclReport(concatBytes(hclReport, Uint8Array.of(1))),
        'HCL_REPORT_MALFORMED',
      );
      for (let length = 0; length < quote.length; length++)
        await expectRefused(() => parseTpmQuote(quote.subarray(0, length)), 'VTPM_QUOTE_MALFORMED');
      await expectRefused(() => parseTpmQuote(concatBytes(quote, Uint8Array.of(0))), 'VTPM_QUOTE_MALFORMED');
    },
  },
  {
    name: 'the quote, the PCRs and the VCEK of another machine are refused',
    needsFixtures: true,
    run: async (context) => {
      const one = await azureEvidence(context, 'azure-milan-v3-a');
      const other = await azureEvidence(context, 'azure-milan-v3-d');
      const mixed = { ...one, quote: other.quote, signature: other.signature };
      await expectRefused(() => authenticateAzureVtpm(mixed), 'VTPM_QUOTE_SIGNATURE_INVALID');
      await expectRefused(() => authenticateAzureVtpm({ ...one, pcrs: other.pcrs! }), 'VTPM_PCRS_MISMATCH');
      await expectRefused(() => authenticateAzureVtpm({ ...one, vek: other.vek }), 'VCEK_HWID_MISMATCH');
    },
  },
];

interface Made {
  readonly runtimeData?: Uint8Array;
  readonly reportData?: Uint8Array;
  readonly header?: (hcl: DataView) => void;
  readonly key?: SigningKey;
  readonly quote?: Uint8Array;
  readonly pcrs?: readonly Uint8Array[];
}

let attestationKey: Promise<SigningKey> | undefined;
const pcrs = Array.from({ length: 24 }, (_, at) => new Uint8Array(32).fill(at));

/** A quote over 24 PCRs of SHA-256. */
async function makeQuote(nonce: Uint8Array): Promise<Uint8Array> {
  const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
  const name = new Uint8Array(34).fill(0x0b);
  return concatBytes(
    Uint8Array.of(0xff, 0x54, 0x43, 0x47, 0x80, 0x18),
    u16(name.length),
    name,
    u16(nonce.length),
    nonce,
    new Uint8Array(16),
    Uint8Array.of(1),
    new Uint8Array(8),
    Uint8Array.of(0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff, 0xff),
    u16(32),
    await sha256(concatBytes(...pcrs)),
  );
}

async function runtimeDataOf(key: SigningKey): Promise<Uint8Array> {
  const spki = new Uint8Array(key.subjectPublicKeyInfo);
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
  const { n, e } = await crypto.subtle.exportKey('jwk', imported);
  const document = { keys: [{ kid: 'HCLAkPub', kty: 'RSA', e, n }], 'user-data': '07'.repeat(64) };
  return utf8(JSON.stringify(document));
}

async function makeEvidence(made: Made = {}): Promise<AzureVtpmEvidence> {
  attestationKey ??= generateKey('RSA-PKCS1-2048');
  const key = await attestationKey;
  const { runtimeData = await runtimeDataOf(key) } = made;
  const { reportData = await sha256(runtimeData) } = made;
  const { report, ...endorsements } = await evidenceOf({ report: { tcb, chipId, measurement, reportData } });
  const hclReport = new Uint8Array(2600);
  const view = new DataView(hclReport.buffer);
  hclReport.set(utf8('HCLA'));
  const words = [1, 0x20 + 1184 + 20 + runtimeData.length, 2];
  for (const [index, word] of words.entries()) view.setUint32(4 + index * 4, word, true);
  hclReport.set(report as Uint8Array, 0x20);
  const runtimeWords = [20 + runtimeData.length, 1, 2, 1, runtimeData.length];
  for (const [index, word] of runtimeWords.entries()) view.setUint32(0x4c0 + index * 4, word, true);
  hclReport.set(runtimeData, 0x4d4);
  made.header?.(view);
  const quote = made.quote ?? (await makeQuote(utf8('challenge')));
  const signature = await (made.key ?? key).sign(quote);
  return { ...endorsements, hclReport, quote, signature, ...(made.pcrs ? { pcrs: made.pcrs } : {}) };
}

const json = (document: unknown): Uint8Array => utf8(JSON.stringify(document));

const refused: readonly (readonly [name: string, code: string, made: () => Made | Promise<Made>])[] = [
  ['REPORT_DATA of other runtime data', 'RUNTIME_DATA_MISMATCH', () => ({ reportData: new Uint8Array(32) })],
  [
    'REPORT_DATA with bytes behind the digest',
    'RUNTIME_DATA_MISMATCH',
    async () => {
      const runtimeData = await runtimeDataOf(await generateKey('RSA-PKCS1-2048'));
      return { runtimeData, reportData: concatBytes(await sha256(runtimeData), Uint8Array.of(1)) };
    },
  ],
  ['runtime data that is no JSON', 'HCL_REPORT_MALFORMED', () => ({ runtimeData: utf8('{') })],
  ['runtime data without keys', 'HCL_REPORT_MALFORMED', () => ({ runtimeData: json({}) })],
  [
    'runtime data without HCLAkPub',
    'HCL_REPORT_MALFORMED',
    () => ({ runtimeData: json({ keys: [{ kid: 'HCLEkPub', kty: 'RSA', e: 'AQAB', n: 'AA' }] }) }),
  ],
  [
    'runtime data with HCLAkPub twice',
    'HCL_REPORT_MALFORMED',
    async () => {
      const { keys } = JSON.parse(decodeUtf8(await runtimeDataOf(await attestationKey!))) as {
        keys: unknown[];
      };
      return { runtimeData: json({ keys: [...keys, ...keys] }) };
    },
  ],
  [
    'an attestation key of 1024 bits',
    'HCL_REPORT_MALFORMED',
    () => ({ runtimeData: json({ keys: [{ kid: 'HCLAkPub', kty: 'RSA', e: 'AQAB', n: 'v'.repeat(171) }] }) }),
  ],
  [
    'an attestation key of exponent 3',
    'HCL_REPORT_MALFORMED',
    () => ({
      runtimeData: json({ keys: [{ kid: 'HCLAkPub', kty: 'RSA', e: 'Aw', n: `${'v'.repeat(341)}w` }] }),
    }),
  ],
  [
    'an attestation key that is no base64url',
    'HCL_REPORT_MALFORMED',
    () => ({ runtimeData: json({ keys: [{ kid: 'HCLAkPub', kty: 'RSA', e: 'AQAB', n: 'a+/=' }] }) }),
  ],
  ['a TDX report', 'HCL_REPORT_MALFORMED', () => ({ header: (hcl) => hcl.setUint32(0x4c8, 4, true) })],
  [
    'a report hash of SHA-384',
    'HCL_REPORT_MALFORMED',
    () => ({ header: (hcl) => hcl.setUint32(0x4cc, 2, true) }),
  ],
  [
    'a request of another type',
    'HCL_REPORT_MALFORMED',
    () => ({ header: (hcl) => hcl.setUint32(0xc, 3, true) }),
  ],
  ['a header of version 3', 'HCL_REPORT_MALFORMED', () => ({ header: (hcl) => hcl.setUint32(4, 3, true) })],
  [
    'a quote that another key signed',
    'VTPM_QUOTE_SIGNATURE_INVALID',
    async () => ({ key: await generateKey('RSA-PKCS1-2048') }),
  ],
  [
    'an attestation that is no quote',
    'VTPM_QUOTE_MALFORMED',
    () => ({ quote: Uint8Array.of(0xff, 0x54, 0x43, 0x47, 0x80, 0x17) }),
  ],
  [
    'a quote that no TPM generated',
    'VTPM_QUOTE_MALFORMED',
    () => ({ quote: Uint8Array.of(0, 0, 0, 0, 0x80, 0x18) }),
  ],
  ['PCR values of which one is missing', 'VTPM_PCRS_MISMATCH', () => ({ pcrs: pcrs.slice(1) })],
  ['PCR values in another order', 'VTPM_PCRS_MISMATCH', () => ({ pcrs: pcrs.toReversed() })],
  [
    'PCR values of other lengths that join to the same bytes',
    'VTPM_PCRS_MISMATCH',
    () => {
      const joined = concatBytes(...pcrs);
      return { pcrs: [joined.slice(0, 33), joined.slice(33, 64), ...pcrs.slice(2)] };
    },
  ],
];

const made: readonly Case[] = [
  {
    name: 'nonce, PCRs and user data are judged each by its own rule',
    run: async () => {
      const vtpm = await authenticateAzureVtpm(await makeEvidence({ pcrs }));
      const nonce = utf8('challenge');
      const userData = new Uint8Array(64).fill(7);
      expectTrue(
        appraiseAzureVtpm(vtpm, { nonce, userData, pcrs: new Map([[4, pcrs[4]!]]) }).acceptable,
        'all are met',
      );
      const codes = (policy: Parameters<typeof appraiseAzureVtpm>[1]): string[] =>
        appraiseAzureVtpm(vtpm, policy).checks.flatMap(({ code }) => code ?? []);
      expectEqual(codes({ nonce: utf8('challenge2') }), ['VTPM_NONCE_MISMATCH']);
      expectEqual(codes({ pcrs: new Map([[4, pcrs[5]!]]) }), ['VTPM_PCR_MISMATCH']);
      expectEqual(codes({ pcrs: new Map([[24, pcrs[4]!]]) }), ['VTPM_PCR_MISMATCH']);
      expectEqual(codes({ userData: new Uint8Array(64) }), ['RUNTIME_USER_DATA_MISMATCH']);
    },
  },
  {
    name: 'PCR values that were not given are not checked, and fail a policy on them',
    run: async () => {
      const vtpm = await authenticateAzureVtpm(await makeEvidence());
      expectEqual(vtpm.checks.find(({ rule }) => rule === 'azure.vtpm.pcrs')?.outcome, 'not-checked');
      const { acceptable } = appraiseAzureVtpm(vtpm, { pcrs: new Map([[4, pcrs[4]!]]) });
      expectTrue(!acceptable, 'an unproven PCR fails');
    },
  },
  {
    name: 'a quote with an empty nonce is authentic, and fresh for nobody',
    run: async () => {
      const vtpm = await authenticateAzureVtpm(
        await makeEvidence({ quote: await makeQuote(new Uint8Array(0)) }),
      );
      const { checks } = appraiseAzureVtpm(vtpm, { nonce: new Uint8Array(0) });
      expectEqual(
        checks.map(({ code }) => code),
        ['VTPM_NONCE_EMPTY'],
      );
    },
  },
  ...refused.map(([name, code, scene]) => ({
    name: `${name}: refused, ${code}`,
    run: async () => {
      attestationKey ??= generateKey('RSA-PKCS1-2048');
      const evidence = await makeEvidence(await scene());
      await expectRefused(() => authenticateAzureVtpm(evidence), code);
    },
  })),
];

export const suite: Suite = { name: 'SNP on Azure', cases: [...real, ...realDamage, ...made] };
