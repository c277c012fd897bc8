/** Each rule of a policy: it passes, and it fails by its own code. */
import { type TdxPolicy, appraiseTdx, authenticateTdx } from '@vitrine/evidence/tdx';
import type { TdxQuoteRequest } from '@vitrine/simtee';
import { type Case, type Suite, expectEqual, expectTrue } from '../suite.ts';
import { type EvidenceRequest, authenticated, evidenceOf, now, without } from './simulated.ts';

const svns = (...first: readonly number[]): number[] => [
  ...first,
  ...new Array<number>(16 - first.length).fill(0),
];
const svnBytes = (...first: readonly number[]): Uint8Array => Uint8Array.from(svns(...first));

const bytes48 = (value: number): Uint8Array => new Uint8Array(48).fill(value);
const bytes8 = (...first: readonly number[]): Uint8Array =>
  Uint8Array.from([...first, ...new Array<number>(8 - first.length).fill(0)]);
const outOfDate = {
  levels: [
    { status: 'OutOfDate', tcbDate: new Date('2025-01-01T00:00:00Z'), advisoryIds: ['INTEL-SA-00009'] },
  ],
} as const;

/** Rule, code, evidence and policy that pass, evidence and policy that fail. */
type PolicyRow = readonly [
  rule: string,
  code: string,
  pass: readonly [EvidenceRequest, TdxPolicy],
  fail: readonly [EvidenceRequest, TdxPolicy],
];

function pinned(
  rule: string,
  code: string,
  quote: TdxQuoteRequest,
  good: TdxPolicy,
  bad: TdxPolicy,
): PolicyRow {
  return [rule, code, [{ quote }, good], [{ quote }, bad]];
}

const policyRows: readonly PolicyRow[] = [
  ['tcb-status', 'QV_RESULT_NOT_ACCEPTED_BY_POLICY', [{}, {}], [{ collateral: outOfDate }, {}]],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [{ collateral: outOfDate }, { acceptedTcbStatuses: ['OutOfDate'] }],
    [{}, { acceptedTcbStatuses: ['OutOfDate'] }],
  ],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [{ collateral: outOfDate }, { outOfDateGraceDays: 58 }],
    [{ collateral: outOfDate }, { outOfDateGraceDays: 57 }],
  ],
  [
    'tcb-status',
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    [
      { collateral: { levels: [{ status: 'SWHardeningNeeded' }] } },
      { acceptedTcbStatuses: ['SWHardeningNeeded'] },
    ],
    [{ collateral: { levels: [{ status: 'SWHardeningNeeded' }] } }, { outOfDateGraceDays: 9999 }],
  ],
  [
    'tcb-status',
    'TCB_REVOKED',
    [{}, {}],
    [{ collateral: { levels: [{ status: 'Revoked' }] } }, { acceptedTcbStatuses: 'any' }],
  ],
  ['tcb-status', 'QV_RESULT_TERMINAL_UNSPECIFIED', [{}, {}], [{ collateral: { levels: [] } }, {}]],
  [
    'advisories',
    'ADVISORY_NOT_ACCEPTED',
    [
      { collateral: outOfDate },
      { acceptedTcbStatuses: ['OutOfDate'], advisories: { allowed: ['INTEL-SA-00009'] } },
    ],
    [{ collateral: outOfDate }, { advisories: { allowed: [] } }],
  ],
  [
    'advisories',
    'ADVISORY_NOT_ACCEPTED',
    [{}, { advisories: { denied: ['INTEL-SA-00009'] } }],
    [{ collateral: outOfDate }, { advisories: { denied: ['INTEL-SA-00009'] } }],
  ],
  [
    'evaluation-data-number.tcb-info',
    'TCB_EVAL_DATA_NUMBER_TOO_LOW',
    [{}, { minTcbEvaluationDataNumber: 17 }],
    [{}, { minTcbEvaluationDataNumber: 18 }],
  ],
  [
    'evaluation-data-number.qe-identity',
    'TCB_EVAL_DATA_NUMBER_TOO_LOW',
    [{}, { minTcbEvaluationDataNumber: 17 }],
    [{ collateral: { qeEvaluationDataNumber: 16 } }, { minTcbEvaluationDataNumber: 17 }],
  ],
  [
    'tee-tcb-svn',
    'TEE_TCB_SVN_BELOW_MINIMUM',
    [{}, { minTeeTcbSvn: svnBytes(5, 1, 5) }],
    [{}, { minTeeTcbSvn: svnBytes(5, 1, 6) }],
  ],
  [
    'tee-tcb-svn',
    'TEE_TCB_SVN_BELOW_MINIMUM',
    [{}, { minTeeTcbSvn: svnBytes() }],
    [{}, { minTeeTcbSvn: new Uint8Array(0) }],
  ],
  [
    'debug',
    'TD_ATTRIBUTES_DEBUG_SET',
    [{ quote: { tdAttributes: bytes8(1, 0, 0, 0x10) } }, { allowDebug: true }],
    [{ quote: { tdAttributes: bytes8(1, 0, 0, 0x10) } }, {}],
  ],
  [
    'attributes.reserved',
    'TD_ATTRIBUTES_RESERVED_BIT_SET',
    [{}, {}],
    [{ quote: { tdAttributes: bytes8(0x80, 0, 0, 0x10) } }, { allowDebug: true }],
  ],
  [
    'attributes.reserved',
    'TD_ATTRIBUTES_RESERVED_BIT_SET',
    [{ quote: { tdAttributes: bytes8(0, 0, 0, 0xd0, 0, 0, 0, 0x80) } }, {}],
    [{ quote: { tdAttributes: bytes8(0, 1, 0, 0x10) } }, {}],
  ],
  [
    'sept-ve-disable',
    'TD_ATTRIBUTES_SEPT_VE_DISABLE_CLEAR',
    [{}, {}],
    [{ quote: { tdAttributes: bytes8() } }, {}],
  ],
  ['xfam.required', 'XFAM_REQUIRED_BIT_CLEAR', [{}, {}], [{ quote: { xfam: bytes8(0xe6, 0x1a, 6) } }, {}]],
  [
    'xfam.required',
    'XFAM_REQUIRED_BIT_CLEAR',
    [{}, { xfam: { required: 4n } }],
    [{}, { xfam: { required: 1n << 8n } }],
  ],
  ['xfam.forbidden', 'XFAM_FORBIDDEN_BIT_SET', [{}, {}], [{ quote: { xfam: bytes8(0xe7, 0x1a, 6, 1) } }, {}]],
  [
    'xfam.forbidden',
    'XFAM_FORBIDDEN_BIT_SET',
    [{}, { xfam: { forbidden: 1n << 8n } }],
    [{}, { xfam: { forbidden: 4n } }],
  ],
  pinned(
    'td-attributes',
    'TD_ATTRIBUTES_MISMATCH',
    {},
    { tdAttributes: bytes8(0, 0, 0, 0x10) },
    { tdAttributes: bytes8() },
  ),
  pinned('xfam', 'XFAM_MISMATCH', {}, { exactXfam: bytes8(0xe7, 0x1a, 6) }, { exactXfam: bytes8(3) }),
  pinned(
    'seam-attributes',
    'SEAM_ATTRIBUTES_MISMATCH',
    {},
    { seamAttributes: bytes8() },
    { seamAttributes: bytes8(1) },
  ),
  pinned(
    'mrseam',
    'MR_SEAM_NOT_ALLOWED',
    { mrSeam: bytes48(1) },
    { mrSeam: [bytes48(2), bytes48(1)] },
    { mrSeam: [bytes48(2)] },
  ),
  pinned('mrseam', 'MR_SEAM_NOT_ALLOWED', { mrSeam: bytes48(1) }, { mrSeam: [bytes48(1)] }, { mrSeam: [] }),
  pinned(
    'mrsignerseam',
    'MR_SIGNER_SEAM_MISMATCH',
    {},
    { mrSignerSeam: bytes48(0) },
    { mrSignerSeam: bytes48(1) },
  ),
  pinned('mrtd', 'MRTD_MISMATCH', { mrTd: bytes48(1) }, { mrTd: bytes48(1) }, { mrTd: bytes48(2) }),
  pinned(
    'mrtd',
    'MRTD_MISMATCH',
    { mrTd: bytes48(1) },
    { mrTd: bytes48(1) },
    { mrTd: bytes48(1).subarray(1) },
  ),
  pinned(
    'mrconfigid',
    'MR_CONFIG_ID_MISMATCH',
    { mrConfigId: bytes48(1) },
    { mrConfigId: bytes48(1) },
    { mrConfigId: bytes48(2) },
  ),
  pinned(
    'mrowner',
    'MR_OWNER_MISMATCH',
    { mrOwner: bytes48(1) },
    { mrOwner: bytes48(1) },
    { mrOwner: bytes48(2) },
  ),
  pinned(
    'mrownerconfig',
    'MR_OWNER_CONFIG_MISMATCH',
    { mrOwnerConfig: bytes48(1) },
    { mrOwnerConfig: bytes48(1) },
    { mrOwnerConfig: bytes48(2) },
  ),
  ...([0, 1, 2, 3] as const).map((index) =>
    pinned(
      `rtmr${index}`,
      `RTMR${index}_MISMATCH`,
      { rtmrs: [1, 2, 3, 4].map(bytes48) },
      { [`rtmr${index}`]: bytes48(index + 1) },
      { [`rtmr${index}`]: bytes48(9) },
    ),
  ),
  [
    'rtmr3',
    'RTMR3_NONZERO',
    [{}, { rtmr3: bytes48(0) }],
    [{ quote: { rtmrs: [1, 2, 3, 4].map(bytes48) } }, { rtmr3: bytes48(0) }],
  ],
  pinned(
    'report-data',
    'REPORT_DATA_MISMATCH',
    { reportData: new Uint8Array(64).fill(7) },
    { reportData: new Uint8Array(64).fill(7) },
    { reportData: new Uint8Array(64) },
  ),
  pinned(
    'mrservicetd',
    'MR_SERVICE_TD_MISMATCH',
    { format: 'v5-td1.5', mrServiceTd: bytes48(1) },
    { mrServiceTd: bytes48(1) },
    { mrServiceTd: bytes48(0) },
  ),
  [
    'mrservicetd',
    'MR_SERVICE_TD_MISMATCH',
    [{ quote: { format: 'v5-td1.5' } }, { mrServiceTd: bytes48(0) }],
    [{}, { mrServiceTd: bytes48(0) }],
  ],
  pinned(
    'qe-vendor-id',
    'QE_VENDOR_ID_MISMATCH',
    {},
    {
      qeVendorId: Uint8Array.of(
        0x93,
        0x9a,
        0x72,
        0x33,
        0xf7,
        0x9c,
        0x4c,
        0xa9,
        0x94,
        0x0a,
        0x0d,
        0xb3,
        0x95,
        0x7f,
        0x06,
        0x07,
      ),
    },
    { qeVendorId: new Uint8Array(16) },
  ),
  pinned(
    'fmspc',
    'PCK_FMSPC_MISMATCH',
    {},
    { fmspc: [Uint8Array.of(0x50, 0x80, 0x6f, 0, 0, 0)] },
    { fmspc: [new Uint8Array(6)] },
  ),
];

const rules: Case[] = policyRows.map(
  ([rule, code, [goodEvidence, goodPolicy], [badEvidence, badPolicy]], index) => ({
    name: `policy ${index + 1}: ${rule} passes, and fails as ${code}`,
    run: async () => {
      const find = async (request: EvidenceRequest, policy: TdxPolicy) =>
        appraiseTdx(await authenticated(request), policy).checks.find(
          (check) => check.rule === `tdx.policy.${rule}`,
        );
      expectEqual((await find(goodEvidence, goodPolicy))?.outcome, 'pass');
      const failure = await find(badEvidence, badPolicy);
      expectEqual([failure?.outcome, failure?.code], ['fail', code]);
    },
  }),
);

const collateralRules: Case[] = [
  {
    name: 'a quote without collateral is not acceptable, unless the policy says so, and then is not called checked',
    run: async () => {
      const { quote, anchors, collateral } = await evidenceOf();
      const bare = await authenticateTdx({ quote, anchors, now });
      const codes = appraiseTdx(bare)
        .checks.filter(({ outcome }) => outcome === 'fail')
        .map(({ code }) => code);
      expectEqual(codes, ['COLLATERAL_INCOMPLETE']);
      const lenient = appraiseTdx(bare, {
        requireCollateral: false,
        minTcbEvaluationDataNumber: 1,
        advisories: { allowed: [] },
      });
      expectTrue(lenient.acceptable, 'acceptable by a policy that does without');
      expectEqual(lenient.checks.filter(({ outcome }) => outcome === 'not-checked').length, 5);
      const half = without(collateral, 'rootCrl');
      const partly = await authenticateTdx({ quote, anchors, now, collateral: half });
      expectEqual(appraiseTdx(partly).acceptable, false);
    },
  },
  {
    name: 'the default policy accepts a sound quote, each rule passed',
    run: async () => {
      const { checks, acceptable } = appraiseTdx(await authenticated());
      expectTrue(acceptable, 'acceptable');
      expectEqual(
        checks.filter(({ outcome }) => outcome !== 'pass'),
        [],
      );
    },
  },
];

export const appraisal: Suite = {
  name: 'tdx appraisal',
  cases: [...rules, ...collateralRules],
};
