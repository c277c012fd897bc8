/** A policy over an authentic quote, rule by rule. */
import { equalBytes, isZero, toHex } from '@vitrine/bytes';
import {
  type Appraisal,
  type Check,
  appraisalOf,
  decided,
  failed,
  notChecked,
  passed,
} from '@vitrine/appraisal';
import {
  decodeTdAttributes,
  littleEndian64,
  reservedTdAttributes,
  xfamFixed0,
  xfamFixed1,
} from './attributes.ts';
import type { AuthenticTdxQuote } from './authenticate.ts';
import type { TdxPolicy, TdxPolicyCode } from './policy.ts';

export function appraiseTdx(authentic: AuthenticTdxQuote, policy: TdxPolicy = {}): Appraisal {
  return appraisalOf([
    collateralRule(authentic, policy),
    tcbStatusRule(authentic, policy),
    ...advisoryRules(authentic, policy),
    ...evaluationNumberRules(authentic, policy),
    ...minimumSvnRule(authentic, policy),
    ...attributeRules(authentic, policy),
    ...xfamRules(authentic, policy),
    ...pinRules(authentic, policy),
  ]);
}

const MODULE = 'Intel TDX Module Base Specification';
const QUOTING = 'Intel TDX DCAP Quoting Library API';
const PCS = 'Intel PCS API v4';
const DAY_MS = 24 * 60 * 60 * 1000;

function collateralRule(authentic: AuthenticTdxQuote, { requireCollateral = true }: TdxPolicy): Check {
  const rule = {
    rule: 'tdx.policy.collateral',
    expected: 'revocation and TCB checked',
    source: `${PCS}, collateral`,
  };
  const missing = [
    ...(authentic.revocation === 'checked' ? [] : ['revocation']),
    ...(authentic.tcb.status === 'not-checked' ? ['TCB'] : []),
  ];
  if (missing.length === 0) return passed({ ...rule, found: 'both checked' });
  const reason = `not checked: ${missing.join(', ')}`;
  return requireCollateral
    ? failed({ ...rule, found: reason }, 'COLLATERAL_INCOMPLETE', 'give the collateral of the platform')
    : notChecked(rule, reason);
}

function tcbStatusRule({ tcb, time }: AuthenticTdxQuote, policy: TdxPolicy): Check {
  const { acceptedTcbStatuses: accepted = ['UpToDate'], outOfDateGraceDays = 0 } = policy;
  const { status, tcbDate } = tcb;
  const rule = {
    rule: 'tdx.policy.tcb-status',
    expected: accepted === 'any' ? 'any but Revoked' : accepted.join(', '),
    source: `${PCS}, tcbStatus`,
  };
  const found = tcbDate ? `${status}, TCB date ${tcbDate.toISOString().slice(0, 10)}` : status;
  if (status === 'not-checked') return notChecked(rule, 'the TCB was not evaluated');
  if (status === 'Revoked') return failed({ ...rule, found }, code('TCB_REVOKED'));
  if (accepted === 'any') return notChecked(rule, `the policy does not judge it: ${found}`);
  if (status === 'NotSupported')
    return failed({ ...rule, found }, code('QV_RESULT_TERMINAL_UNSPECIFIED'), 'no TCB level is reached');
  if (accepted.includes(status)) return passed({ ...rule, found });
  const isInGrace =
    status === 'OutOfDate' &&
    tcbDate !== undefined &&
    accepted.includes('UpToDate') &&
    time.getTime() <= tcbDate.getTime() + outOfDateGraceDays * DAY_MS;
  return decided(
    isInGrace,
    { ...rule, expected: withGrace(rule.expected, outOfDateGraceDays), found },
    code('QV_RESULT_NOT_ACCEPTED_BY_POLICY'),
  );
}

function withGrace(expected: string, days: number): string {
  return days > 0 ? `${expected}, or OutOfDate within ${days} days of the TCB date` : expected;
}

function advisoryRules({ tcb }: AuthenticTdxQuote, { advisories }: TdxPolicy): Check[] {
  if (!advisories) return [];
  const { allowed, denied = [] } = advisories;
  const rule = {
    rule: 'tdx.policy.advisories',
    expected: [
      ...(allowed ? [`only ${allowed.join(', ') || 'none'}`] : []),
      ...(denied.length > 0 ? [`not ${denied.join(', ')}`] : []),
    ].join('; '),
    source: `${PCS}, advisoryIDs`,
  };
  if (tcb.status === 'not-checked') return [notChecked(rule, 'the TCB was not evaluated')];
  const refused = tcb.advisoryIds.filter((id) => denied.includes(id) || (allowed && !allowed.includes(id)));
  return [
    decided(
      refused.length === 0,
      { ...rule, found: tcb.advisoryIds.join(', ') || 'none' },
      code('ADVISORY_NOT_ACCEPTED'),
      refused.length > 0 ? `not accepted: ${refused.join(', ')}` : undefined,
    ),
  ];
}

function evaluationNumberRules({ tcb }: AuthenticTdxQuote, policy: TdxPolicy): Check[] {
  const minimum = policy.minTcbEvaluationDataNumber;
  if (minimum === undefined) return [];
  const numbers = [
    ['tcb-info', tcb.evaluationDataNumbers.tcbInfo],
    ['qe-identity', tcb.evaluationDataNumbers.qeIdentity],
  ] as const;
  return numbers.map(([name, found]) => {
    const rule = {
      rule: `tdx.policy.evaluation-data-number.${name}`,
      expected: `at least ${minimum}`,
      source: `${PCS}, tcbEvaluationDataNumber`,
    };
    return found === undefined
      ? notChecked(rule, 'the document was not given, or its signature not checked')
      : decided(found >= minimum, { ...rule, found: String(found) }, code('TCB_EVAL_DATA_NUMBER_TOO_LOW'));
  });
}

function minimumSvnRule({ quote }: AuthenticTdxQuote, { minTeeTcbSvn }: TdxPolicy): Check[] {
  if (!minTeeTcbSvn) return [];
  const { teeTcbSvn } = quote.body;
  return [
    decided(
      minTeeTcbSvn.length === 16 && minTeeTcbSvn.every((svn, index) => teeTcbSvn[index]! >= svn),
      {
        rule: 'tdx.policy.tee-tcb-svn',
        expected: `each byte at least ${toHex(minTeeTcbSvn)}`,
        found: toHex(teeTcbSvn),
        source: `${QUOTING} appendix A.3.2, TEE_TCB_SVN`,
      },
      code('TEE_TCB_SVN_BELOW_MINIMUM'),
    ),
  ];
}

function attributeRules({ quote }: AuthenticTdxQuote, policy: TdxPolicy): Check[] {
  const { tdAttributes } = quote.body;
  const { debug, septVeDisable } = decodeTdAttributes(tdAttributes);
  const found = toHex(tdAttributes);
  const source = `${MODULE}, ATTRIBUTES`;
  const reserved = reservedTdAttributes(tdAttributes);
  return [
    decided(
      !debug || policy.allowDebug === true,
      {
        rule: 'tdx.policy.debug',
        expected: policy.allowDebug === true ? 'DEBUG set or clear' : 'DEBUG (bit 0) clear',
        found,
        source,
      },
      code('TD_ATTRIBUTES_DEBUG_SET'),
    ),
    decided(
      reserved === 0n,
      { rule: 'tdx.policy.attributes.reserved', expected: 'reserved bits clear', found, source },
      code('TD_ATTRIBUTES_RESERVED_BIT_SET'),
      reserved === 0n ? undefined : `set: 0x${reserved.toString(16)}`,
    ),
    ...(policy.requireSeptVeDisable === false
      ? []
      : [
          decided(
            septVeDisable,
            { rule: 'tdx.policy.sept-ve-disable', expected: 'SEPT_VE_DISABLE (bit 28) set', found, source },
            code('TD_ATTRIBUTES_SEPT_VE_DISABLE_CLEAR'),
          ),
        ]),
  ];
}

function xfamRules({ quote }: AuthenticTdxQuote, { xfam = {} }: TdxPolicy): Check[] {
  const value = littleEndian64(quote.body.xfam);
  const required = xfamFixed1 | (xfam.required ?? 0n);
  const forbidden = (~xfamFixed0 & 0xffffffffffffffffn) | (xfam.forbidden ?? 0n);
  const found = toHex(quote.body.xfam);
  const source = `${MODULE}, XFAM`;
  return [
    decided(
      (value & required) === required,
      { rule: 'tdx.policy.xfam.required', expected: `bits 0x${required.toString(16)} set`, found, source },
      code('XFAM_REQUIRED_BIT_CLEAR'),
    ),
    decided(
      (value & forbidden) === 0n,
      {
        rule: 'tdx.policy.xfam.forbidden',
        expected: `bits 0x${forbidden.toString(16)} clear`,
        found,
        source,
      },
      code('XFAM_FORBIDDEN_BIT_SET'),
    ),
  ];
}

/** Values that the policy names exactly, and lists of which one must be met. */
function pinRules({ quote, fmspc }: AuthenticTdxQuote, policy: TdxPolicy): Check[] {
  const { body, header } = quote;
  const one = (value: Uint8Array | undefined): readonly Uint8Array[] | undefined => value && [value];
  const rtmr3Code = policy.rtmr3 && isZero(policy.rtmr3) ? 'RTMR3_NONZERO' : 'RTMR3_MISMATCH';
  return [
    ...pin('td-attributes', body.tdAttributes, one(policy.tdAttributes), 'TD_ATTRIBUTES_MISMATCH'),
    ...pin('xfam', body.xfam, one(policy.exactXfam), 'XFAM_MISMATCH'),
    ...pin('seam-attributes', body.seamAttributes, one(policy.seamAttributes), 'SEAM_ATTRIBUTES_MISMATCH'),
    ...pin('mrseam', body.mrSeam, policy.mrSeam, 'MR_SEAM_NOT_ALLOWED'),
    ...pin('mrsignerseam', body.mrSignerSeam, one(policy.mrSignerSeam), 'MR_SIGNER_SEAM_MISMATCH'),
    ...pin('mrtd', body.mrTd, one(policy.mrTd), 'MRTD_MISMATCH'),
    ...pin('mrconfigid', body.mrConfigId, one(policy.mrConfigId), 'MR_CONFIG_ID_MISMATCH'),
    ...pin('mrowner', body.mrOwner, one(policy.mrOwner), 'MR_OWNER_MISMATCH'),
    ...pin('mrownerconfig', body.mrOwnerConfig, one(policy.mrOwnerConfig), 'MR_OWNER_CONFIG_MISMATCH'),
    ...pin('rtmr0', body.rtmrs[0], one(policy.rtmr0), 'RTMR0_MISMATCH'),
    ...pin('rtmr1', body.rtmrs[1], one(policy.rtmr1), 'RTMR1_MISMATCH'),
    ...pin('rtmr2', body.rtmrs[2], one(policy.rtmr2), 'RTMR2_MISMATCH'),
    ...pin('rtmr3', body.rtmrs[3], one(policy.rtmr3), rtmr3Code),
    ...pin('report-data', body.reportData, one(policy.reportData), 'REPORT_DATA_MISMATCH'),
    ...pin('mrservicetd', body.mrServiceTd, one(policy.mrServiceTd), 'MR_SERVICE_TD_MISMATCH'),
    ...pin('qe-vendor-id', header.qeVendorId, one(policy.qeVendorId), 'QE_VENDOR_ID_MISMATCH'),
    ...pin('fmspc', fmspc, policy.fmspc, 'PCK_FMSPC_MISMATCH'),
  ];
}

function pin(
  name: string,
  found: Uint8Array | undefined,
  accepted: readonly Uint8Array[] | undefined,
  mismatch: TdxPolicyCode,
): Check[] {
  if (!accepted) return [];
  return [
    decided(
      found !== undefined && accepted.some((value) => equalBytes(value, found)),
      {
        rule: `tdx.policy.${name}`,
        expected: accepted.map(toHex).join(' or ') || 'none',
        found: found ? toHex(found) : 'nothing',
        source: `${QUOTING} appendix A.3.2`,
      },
      mismatch,
    ),
  ];
}

/** Names a code so that the compiler knows it. */
function code(name: TdxPolicyCode): TdxPolicyCode {
  return name;
}
