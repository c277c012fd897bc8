/** Real quotes and collateral give their listed verdicts at their times. */
import { toHex, utf8, fromHex, latin1 } from '@vitrine/bytes';
import {
  type TdxCollateral,
  appraiseEventLog,
  appraiseTdx,
  authenticateTdx,
  describeTdxCollateral,
  describeTdxEventLog,
  describeTdxQuote,
  isSignedJson,
  parseCcel,
  parseDstackEventLog,
  parsePck,
  parsePckChain,
  parseTdxCollateral,
  parseTdxCollateralJson,
  parseTdxQuote,
  readSignedJson,
  replayEvents,
  tdxCollateralFromFiles,
} from '@vitrine/evidence/tdx';
import { parsePemCertificates } from '@vitrine/x509';
import {
  type Case,
  type Suite,
  type SuiteContext,
  expectEqual,
  expectRefused,
  expectTrue,
} from '../suite.ts';

async function collateralOf({ fixture }: SuiteContext, date: string, fmspc: string): Promise<TdxCollateral> {
  const names = [
    'qe_identity.json',
    'pck_crl_platform.der',
    'root_crl.der',
    'tcb_signing_chain.pem',
    `tcb_info_${fmspc}.json`,
  ];
  if (date !== '2026-04-01') names.push('pck_crl_issuer_chain.pem');
  const files = await Promise.all(
    names.map(async (name) => [name, await fixture(`tdx/collateral/${date}/${name}`)] as const),
  );
  return tdxCollateralFromFiles(new Map(files), fromHex(fmspc));
}

const at = (date: string): Date => new Date(`${date}T00:00:00Z`);

/** Quote, FMSPC, date, TCB status or code of the refusal, codes of the policy's failures by default. */
type Row = readonly [
  quote: string,
  fmspc: string,
  dates: readonly string[],
  verdict: string,
  failures?: string,
];

const spring = ['2025-06-25', '2025-07-01', '2025-10-20'];
const gcp = ['2025-06-25', '2025-10-20', '2025-11-01'];
const noSeptVe = 'TD_ATTRIBUTES_SEPT_VE_DISABLE_CLEAR';
const noLevel = 'QV_RESULT_TERMINAL_UNSPECIFIED';
const rows: readonly Row[] = [
  [
    'go-spr-e4',
    '50806f000000',
    ['2023-07-01', '2025-10-20', '2026-04-01'],
    'NotSupported',
    `${noLevel},${noSeptVe}`,
  ],
  ['go-v5-sample', '90c06f000000', ['2026-04-01'], 'UpToDate'],
  ['go-v5-sample', '90c06f000000', ['2025-10-20'], 'PCK_NOT_YET_VALID'],
  ['gcp-cos113', '00806f050000', gcp, 'UpToDate'],
  ['phala', 'b0c06f000000', spring, 'UpToDate'],
  ['near', '20a06f000000', ['2025-09-15'], 'UpToDate'],
  ['trustee-6', '00a06d080000', ['2025-11-01'], 'OutOfDate', 'QV_RESULT_NOT_ACCEPTED_BY_POLICY'],
  ['attestation-rs-live', 'b0c06f000000', spring, 'PCK_NOT_YET_VALID'],
  ['dstack', '90c06f000000', ['2025-10-20', '2026-04-01'], 'UpToDate'],
  ['dstack', '90c06f000000', ['2025-06-25'], 'PCK_NOT_YET_VALID'],
  ['dstack-ra-tls', 'b0c06f000000', spring, 'NotSupported', noLevel],
  ['teekit-azure', '00806f050000', gcp, 'UpToDate', noSeptVe],
  ['teekit-gcp', '00806f050000', gcp, 'UpToDate'],
  ['teekit-gcp-no-nonce', '00806f050000', gcp, 'UpToDate'],
  ['teekit-phala', 'b0c06f000000', spring, 'NotSupported', noLevel],
  ['alibaba-v5', '90c06f000000', ['2025-06-25', '2025-10-20'], 'UpToDate'],
  ['alibaba-v5', '90c06f000000', ['2026-04-01'], 'OutOfDate', 'QV_RESULT_NOT_ACCEPTED_BY_POLICY'],
];

const verdicts: Case[] = rows.map(([name, fmspc, dates, verdict, failures = '']) => ({
  name: `${name} gives ${verdict}${failures && ` and fails with ${failures}`} at ${dates.join(', ')}`,
  needsFixtures: true,
  run: async (context) => {
    const quote = await context.fixture(`tdx/quotes/${name}.bin`);
    for (const date of dates) {
      const collateral = await collateralOf(context, date, fmspc);
      const step = () => authenticateTdx({ quote, collateral, now: at(date) });
      if (verdict.startsWith('PCK_')) {
        await expectRefused(step, verdict, date);
        continue;
      }
      const result = await step();
      expectEqual(result.tcb.status, verdict, date);
      expectEqual(toHex(result.fmspc), fmspc);
      expectEqual(result.isProduction, true);
      expectEqual(
        result.checks.filter(({ outcome }) => outcome !== 'pass'),
        [],
      );
      const failed = appraiseTdx(result).checks.filter(({ outcome }) => outcome === 'fail');
      expectEqual(failed.map(({ code }) => code).join(','), failures, date);
    }
  },
}));

const others: Case[] = [
  {
    name: 'attestation-rs-live is signed and chained at 2026-04-01, but no collateral of its platform is in date',
    needsFixtures: true,
    run: async (context) => {
      const quote = await context.fixture('tdx/quotes/attestation-rs-live.bin');
      const now = at('2026-04-01');
      expectEqual((await authenticateTdx({ quote, now })).tcb.status, 'not-checked');
      const collateral = await collateralOf(context, '2025-10-20', 'b0c06f000000');
      await expectRefused(() => authenticateTdx({ quote, collateral, now }), 'TCB_INFO_EXPIRED');
    },
  },
  {
    name: 'TCB info alone, of 2026-02-15, yields no TCB status',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const quote = await fixture('tdx/quotes/go-v5-sample.bin');
      const tcbInfo = await fixture('tdx/collateral/2026-02-15/tcb_info_90c06f000000.json');
      const tcbInfoIssuerChain = await fixture('tdx/collateral/2026-04-01/tcb_signing_chain.pem');
      const result = await authenticateTdx({
        quote,
        collateral: { tcbInfo, tcbInfoIssuerChain },
        now: at('2026-02-15'),
      });
      expectEqual(result.tcb.status, 'not-checked');
      expectEqual(result.tcb.evaluationDataNumbers, { tcbInfo: 18, qeIdentity: undefined });
    },
  },
  {
    name: 'collateral of another platform is refused',
    needsFixtures: true,
    run: async (context) => {
      const quote = await context.fixture('tdx/quotes/phala.bin');
      const collateral = await collateralOf(context, '2025-10-20', '90c06f000000');
      await expectRefused(
        () => authenticateTdx({ quote, collateral, now: at('2025-10-20') }),
        'PCK_FMSPC_MISMATCH',
      );
    },
  },
  {
    name: 'the nonce of Google Cloud is in report data where one was given',
    needsFixtures: true,
    run: async (context) => {
      const collateral = await collateralOf(context, '2025-10-20', '00806f050000');
      const authentic = async (name: string) =>
        authenticateTdx({
          quote: await context.fixture(`tdx/quotes/${name}.bin`),
          collateral,
          now: at('2025-10-20'),
        });
      const withNonce = await authentic('teekit-gcp');
      const { reportData } = withNonce.quote.body;
      expectTrue(appraiseTdx(withNonce, { reportData }).acceptable, 'its own report data is accepted');
      const without = appraiseTdx(await authentic('teekit-gcp-no-nonce'), { reportData });
      expectEqual(
        without.checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code),
        ['REPORT_DATA_MISMATCH'],
      );
    },
  },
  {
    name: 'collateral as one JSON gives what its parts give',
    needsFixtures: true,
    run: async ({ fixture }) => {
      for (const [quote, path, date] of [
        ['phala', '2025-07-01/original_phala_collateral.json', '2025-07-01'],
        ['near', '2025-09-15/original_near_collateral.json', '2025-09-15'],
      ] as const) {
        const collateral = parseTdxCollateralJson(await fixture(`tdx/collateral/${path}`));
        const result = await authenticateTdx({
          quote: await fixture(`tdx/quotes/${quote}.bin`),
          collateral,
          now: at(date),
        });
        expectEqual([result.tcb.status, result.revocation], ['UpToDate', 'checked']);
        expectTrue(
          JSON.stringify(describeTdxCollateral(parseTdxCollateral(collateral))).includes('TDX_01'),
          'described',
        );
      }
    },
  },
  {
    name: 'TCB infos that were pretty-printed after signing do not verify',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const [signer] = parsePemCertificates(
        latin1(await fixture('tdx/collateral/2025-10-20/tcb_signing_chain.pem')),
      );
      const holds = async (path: string) =>
        isSignedJson(
          readSignedJson(await fixture(`tdx/collateral/${path}`), 'tcbInfo', 'TCB_INFO_MALFORMED'),
          signer!,
        );
      expectEqual(await holds('2025-10-20/tcb_info_90c06f000000.json'), true);
      expectEqual(await holds('reformatted/tcb_info_sgx_90c06f000000.json'), false);
      expectEqual(await holds('reformatted/tcb_info_sgx_30606a000000.json'), false);
    },
  },
  {
    name: "Intel's test quote is refused: under its test root for its QE, under Intel's root for its chain",
    needsFixtures: true,
    run: async ({ fixture }) => {
      const file = (name: string) => fixture(`tdx/intel-test-root/tdx/${name}`);
      const quote = await file('quote.dat');
      const now = at('2024-01-01');
      const anchors = parsePemCertificates(latin1(await file('trustedRootCaCert.pem')));
      const tcbSignChain = await file('tcbSignChain.pem');
      const collateral = {
        tcbInfo: await file('tcbInfo.json'),
        tcbInfoIssuerChain: tcbSignChain,
        qeIdentity: await file('qeIdentity.json'),
        pckCrl: await file('intermediateCaCrl.der'),
        rootCrl: await file('rootCaCrl.der'),
      };
      await expectRefused(
        () => authenticateTdx({ quote, collateral, anchors, now }),
        'QE_IDENTITY_MRSIGNER_MISMATCH',
      );
      await expectRefused(() => authenticateTdx({ quote, collateral, now }), 'ROOT_CA_UNTRUSTED');
      const sgx = await fixture('tdx/intel-test-root/quote.dat');
      await expectRefused(() => parseTdxQuote(sgx), 'QUOTE_FORMAT_UNSUPPORTED');
    },
  },
  {
    name: 'every real quote is described',
    needsFixtures: true,
    run: async ({ fixture }) => {
      for (const name of new Set(rows.map(([quote]) => quote))) {
        const quote = parseTdxQuote(await fixture(`tdx/quotes/${name}.bin`));
        const text = JSON.stringify(describeTdxQuote(quote));
        expectTrue(text.includes(toHex(quote.body.mrTd)), 'MRTD is shown');
        expectTrue(
          text.includes(toHex(parsePck(parsePckChain(quote.pckChain).leaf).fmspc)),
          'FMSPC is shown',
        );
      }
    },
  },
];

const logs: Case[] = [
  {
    name: 'every event log replays to its known registers',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const known = JSON.parse(latin1(await fixture('tdx/ccel/replay.json'))) as Record<
        string,
        Record<string, string | number>
      >;
      expectEqual(Object.keys(known).length, 9);
      for (const [name, answer] of Object.entries(known)) {
        const log =
          name === 'dstack'
            ? await dstackLog(fixture)
            : parseCcel(await fixture(`tdx/ccel/${name}/ccel_data.bin`));
        expectEqual(log.events.length, answer['events'], name);
        const rtmrs = (await replayEvents(log.events)).map(toHex);
        expectEqual(
          rtmrs,
          [0, 1, 2, 3].map((index) => answer[`rtmr${index}`]),
          name,
        );
        expectTrue(JSON.stringify(describeTdxEventLog(log)).includes('RTMR'), 'described');
      }
    },
  },
  {
    name: 'logs explain the registers of their own quotes, and not of others',
    needsFixtures: true,
    run: async ({ fixture }) => {
      const body = async (name: string) => parseTdxQuote(await fixture(`tdx/quotes/${name}.bin`)).body;
      const outcomes = async (log: ReturnType<typeof parseCcel>, quote: string) =>
        (await appraiseEventLog(log, await body(quote))).map(({ outcome }) => outcome);
      const all = ['pass', 'pass', 'pass', 'pass'];
      const live = parseCcel(await fixture('tdx/ccel/attestation-rs-live/ccel_data.bin'));
      const report = parseCcel(await fixture('tdx/ccel/attestation-rs-tdreport/ccel_data.bin'));
      expectEqual(
        await outcomes(parseCcel(await fixture('tdx/ccel/gcp-cos113/ccel_data.bin')), 'gcp-cos113'),
        all,
      );
      expectEqual(await outcomes(live, 'attestation-rs-live'), all);
      expectEqual(await outcomes(await dstackLog(fixture), 'dstack'), all);
      expectEqual(await outcomes(report, 'attestation-rs-live'), ['pass', 'pass', 'fail', 'pass']);
    },
  },
  {
    name: "a dstack event that was changed has not its content's digest",
    needsFixtures: true,
    run: async ({ fixture }) => {
      const text = await dstackText(fixture);
      const changed = text.replace('"app-id"', '"app-ie"');
      expectTrue(changed !== text, 'the log has an app-id');
      await expectRefused(() => parseDstackEventLog(utf8(changed)), 'EVENT_DIGEST_MISMATCH');
    },
  },
];

async function dstackText(fixture: SuiteContext['fixture']): Promise<string> {
  const report = JSON.parse(latin1(await fixture('tdx/ccel/dstack/quote-report.json'))) as {
    event_log: string;
  };
  return report.event_log;
}

async function dstackLog(fixture: SuiteContext['fixture']) {
  return parseDstackEventLog(await dstackText(fixture));
}

export const real: Suite = { name: 'tdx fixtures', cases: [...verdicts, ...others, ...logs] };
