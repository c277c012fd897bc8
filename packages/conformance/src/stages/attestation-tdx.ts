/** `verify-attestation-tdx`: a TDX quote with its collateral. */
import { type JsonNode, type JsonValue, equalBytes, toHex, utf8 } from '@vitrine/bytes';
import {
  type AuthenticTdxQuote,
  type TdReport,
  type TdxCollateral,
  type TdxErrorCode,
  type TdxTcbStatus,
  authenticateTdx,
  decodeTdAttributes,
} from '@vitrine/evidence';
import { predicateType } from '@vitrine/measure/predicate';
import { readPem, readTime } from '../input.ts';
import { rejecting } from '../rejecting.ts';
import { MalformedInput, Rejection, type Stage } from '../stage.ts';

/** The contract's names for codes that it does not have. */
const contractCodes: Partial<Record<TdxErrorCode, string>> = {
  QUOTE_MALFORMED: 'QUOTE_FORMAT_UNSUPPORTED',
  PCK_NOT_YET_VALID: 'PCK_EXPIRED',
  PCK_EXTENSION_INVALID: 'PCK_CHAIN_INVALID',
  PCK_CRL_MALFORMED: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  PCK_CRL_INVALID: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  PCK_CRL_NOT_YET_VALID: 'PCK_CRL_EXPIRED',
  ROOT_CRL_MALFORMED: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  ROOT_CRL_INVALID: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  ROOT_CRL_NOT_YET_VALID: 'ROOT_CRL_EXPIRED',
  TCB_INFO_MALFORMED: 'TCB_INFO_SIGNATURE_INVALID',
  TCB_INFO_ID_INVALID: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  TCB_INFO_VERSION_INVALID: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  TCB_INFO_NOT_YET_VALID: 'TCB_INFO_EXPIRED',
  QE_IDENTITY_MALFORMED: 'QE_IDENTITY_SIGNATURE_INVALID',
  QE_IDENTITY_NOT_YET_VALID: 'QE_IDENTITY_EXPIRED',
  QE_IDENTITY_CHAIN_INVALID: 'QE_IDENTITY_SIGNATURE_INVALID',
  TCB_SIGNING_REVOKED: 'TCB_INFO_CHAIN_INVALID',
  PCK_PCEID_MISMATCH: 'PCK_FMSPC_MISMATCH',
  TDX_MODULE_MISMATCH: 'QV_RESULT_TERMINAL_UNSPECIFIED',
  COLLATERAL_MALFORMED: 'QV_RESULT_TERMINAL_UNSPECIFIED',
};

export const verifyAttestationTdx: Stage = async (input) => {
  input.onlyNames(
    'schema_version',
    'quote_b64',
    'execution_mode',
    'collateral',
    'expiration_check_date_unix',
    'policy',
  );
  input.optional('execution_mode')?.word('adapter', 'public_api');
  const quote = input.get('quote_b64').base64();
  const policy = readPolicy(input.optional('policy'));
  const collateral = readCollateral(input.get('collateral'));
  const now = readTime(input, 'expiration_check_date_unix');
  if (!now) throw new MalformedInput('expiration_check_date_unix is missing.');
  const authentic = await rejecting(
    () =>
      authenticateTdx({
        quote,
        ...(policy.tcbRequired ? { collateral: collateral.bytes } : {}),
        ...(collateral.root ? { anchors: collateral.root } : {}),
        now,
      }),
    contractCodes,
  );
  requireFmspc(authentic, policy);
  const qvResult = policy.tcbRequired ? requireQvResult(authentic, policy) : 'OK';
  requireEvaluationNumber(authentic, policy);
  requirePins(authentic.quote.body, policy);
  requireQeVendor(authentic, policy);
  requireAttributes(authentic.quote.body, policy);
  return outputsOf(authentic, qvResult);
};

interface Collateral {
  readonly bytes: TdxCollateral;
  readonly root: ReturnType<typeof readPem>;
}

function readCollateral(node: JsonNode): Collateral {
  node.onlyNames(
    'tcb_info_json',
    'qe_identity_json',
    'pck_crl_der_b64',
    'root_crl_der_b64',
    'intel_root_ca_pem',
    'tcb_info_issuer_chain_pem',
    'qe_identity_issuer_chain_pem',
    'pck_crl_issuer_chain_pem',
  );
  const text = (name: string): Uint8Array | undefined => {
    const member = node.optional(name);
    return member && utf8(member.string());
  };
  const chains = {
    tcbInfoIssuerChain: text('tcb_info_issuer_chain_pem'),
    qeIdentityIssuerChain: text('qe_identity_issuer_chain_pem'),
    pckCrlIssuerChain: text('pck_crl_issuer_chain_pem'),
  };
  const given = Object.entries(chains).filter(([, chain]) => chain !== undefined);
  return {
    bytes: {
      tcbInfo: utf8(node.get('tcb_info_json').string()),
      qeIdentity: utf8(node.get('qe_identity_json').string()),
      pckCrl: node.get('pck_crl_der_b64').base64(),
      rootCrl: node.get('root_crl_der_b64').base64(),
      ...Object.fromEntries(given),
    },
    root: readPem(node, 'intel_root_ca_pem'),
  };
}

/** Exact pins: member of the policy, field of the report, code. */
const pins = [
  ['expected_td_attributes_hex', 'tdAttributes', 'TD_ATTRIBUTES_MISMATCH'],
  ['expected_xfam_hex', 'xfam', 'XFAM_MISMATCH'],
  ['expected_mr_signer_seam_hex', 'mrSignerSeam', 'MR_SIGNER_SEAM_MISMATCH'],
  ['expected_seam_attributes_hex', 'seamAttributes', 'SEAM_ATTRIBUTES_MISMATCH'],
  ['expected_mrtd_hex', 'mrTd', 'MRTD_MISMATCH'],
  ['expected_mr_config_id_hex', 'mrConfigId', 'MR_CONFIG_ID_MISMATCH'],
  ['expected_mr_owner_hex', 'mrOwner', 'MR_OWNER_MISMATCH'],
  ['expected_mr_owner_config_hex', 'mrOwnerConfig', 'MR_OWNER_CONFIG_MISMATCH'],
  ['expected_report_data_hex', 'reportData', 'REPORT_DATA_MISMATCH'],
] as const;

interface TdxStagePolicy {
  readonly accepted: readonly string[];
  readonly tcbRequired: boolean;
  readonly enforceDefaults: boolean;
  readonly fmspc: Uint8Array | undefined;
  readonly pins: readonly {
    readonly field: (typeof pins)[number][1];
    readonly code: string;
    readonly expected: Uint8Array;
  }[];
  readonly rtmr3: Uint8Array | undefined;
  readonly mrSeams: readonly Uint8Array[] | undefined;
  readonly minTeeTcbSvn: Uint8Array | undefined;
  readonly minEvaluationNumber: number | undefined;
  readonly qeVendorId: Uint8Array | undefined;
}

/** Results that need no attention at once are accepted unless the policy says which are. */
const acceptedByDefault = ['OK', 'SW_HARDENING_NEEDED', 'CONFIG_NEEDED', 'CONFIG_AND_SW_HARDENING_NEEDED'];

function readPolicy(node: JsonNode | undefined): TdxStagePolicy {
  node?.onlyNames(
    ...pins.map(([name]) => name),
    'accepted_qv_results',
    'expected_fmspc_hex',
    'tcb_evaluation_required',
    'expected_mrseam_allowlist',
    'expected_rtmr3_hex',
    'min_tee_tcb_svn_hex',
    'min_tcb_evaluation_data_number',
    'expected_qe_vendor_id_hex',
    'enforce_spec_defaults',
  );
  const list = (name: string): JsonNode[] | undefined => node?.optional(name)?.items();
  return {
    accepted: list('accepted_qv_results')?.map((item) => item.string()) ?? acceptedByDefault,
    tcbRequired: node?.optional('tcb_evaluation_required')?.boolean() ?? true,
    enforceDefaults: node?.optional('enforce_spec_defaults')?.boolean() ?? false,
    fmspc: node?.optional('expected_fmspc_hex')?.hex(),
    pins: pins.flatMap(([name, field, code]) => {
      const expected = node?.optional(name)?.hex();
      return expected ? [{ field, code, expected }] : [];
    }),
    rtmr3: node?.optional('expected_rtmr3_hex')?.hex(),
    mrSeams: list('expected_mrseam_allowlist')?.map((item) => item.hex()),
    minTeeTcbSvn: node?.optional('min_tee_tcb_svn_hex')?.hex(16),
    minEvaluationNumber: node?.optional('min_tcb_evaluation_data_number')?.integer(0),
    qeVendorId: node?.optional('expected_qe_vendor_id_hex')?.hex(),
  };
}

function requireFmspc({ fmspc }: AuthenticTdxQuote, policy: TdxStagePolicy): void {
  if (!policy.fmspc || equalBytes(fmspc, policy.fmspc)) return;
  throw new Rejection('PCK_FMSPC_MISMATCH', `FMSPC: expected ${toHex(policy.fmspc)}, found ${toHex(fmspc)}.`);
}

const qvResults: Readonly<Partial<Record<TdxTcbStatus, string>>> = {
  UpToDate: 'OK',
  SWHardeningNeeded: 'SW_HARDENING_NEEDED',
  ConfigurationNeeded: 'CONFIG_NEEDED',
  ConfigurationAndSWHardeningNeeded: 'CONFIG_AND_SW_HARDENING_NEEDED',
  OutOfDate: 'OUT_OF_DATE',
  OutOfDateConfigurationNeeded: 'OUT_OF_DATE_CONFIG_NEEDED',
  TDRelaunchAdvised: 'TD_RELAUNCH_ADVISED',
  TDRelaunchAdvisedConfigurationNeeded: 'TD_RELAUNCH_ADVISED_CONFIG_NEEDED',
};

function requireQvResult({ tcb: { status } }: AuthenticTdxQuote, policy: TdxStagePolicy): string {
  if (status === 'Revoked') throw new Rejection('TCB_REVOKED', 'The TCB is revoked.');
  const result = status === 'not-checked' ? undefined : qvResults[status];
  if (result === undefined)
    throw new Rejection(
      'QV_RESULT_TERMINAL_UNSPECIFIED',
      status === 'not-checked'
        ? 'The TCB could not be evaluated: the issuer chain of the collateral is missing.'
        : 'The TCB reaches none of the levels of the TCB info.',
    );
  if (policy.accepted.includes(result)) return result;
  throw new Rejection(
    'QV_RESULT_NOT_ACCEPTED_BY_POLICY',
    `The result is ${result}; accepted are ${policy.accepted.join(', ')}.`,
  );
}

function requireEvaluationNumber({ tcb }: AuthenticTdxQuote, { minEvaluationNumber }: TdxStagePolicy): void {
  if (minEvaluationNumber === undefined) return;
  const { tcbInfo, qeIdentity } = tcb.evaluationDataNumbers;
  if ((tcbInfo ?? -1) >= minEvaluationNumber && (qeIdentity ?? -1) >= minEvaluationNumber) return;
  throw new Rejection(
    'TCB_EVAL_DATA_NUMBER_TOO_LOW',
    `tcbEvaluationDataNumber: expected ${minEvaluationNumber} or more, found ${tcbInfo ?? 'none'} (TCB info) and ${qeIdentity ?? 'none'} (QE identity).`,
  );
}

function requirePins(body: TdReport, policy: TdxStagePolicy): void {
  for (const { field, code, expected } of policy.pins) {
    if (equalBytes(body[field], expected)) continue;
    throw new Rejection(code, `${field}: expected ${toHex(expected)}, found ${toHex(body[field])}.`);
  }
  if (policy.mrSeams && !policy.mrSeams.some((one) => equalBytes(one, body.mrSeam)))
    throw new Rejection('MR_SEAM_NOT_ALLOWED', `MRSEAM ${toHex(body.mrSeam)} is none of those allowed.`);
  if (policy.rtmr3 && !equalBytes(policy.rtmr3, body.rtmrs[3]))
    throw new Rejection(
      'RTMR3_NONZERO',
      `RTMR3: expected ${toHex(policy.rtmr3)}, found ${toHex(body.rtmrs[3])}.`,
    );
  if (policy.minTeeTcbSvn?.some((floor, index) => body.teeTcbSvn[index]! < floor))
    throw new Rejection(
      'TEE_TCB_SVN_BELOW_MINIMUM',
      `TEE_TCB_SVN: expected ${toHex(policy.minTeeTcbSvn)} or more, found ${toHex(body.teeTcbSvn)}.`,
    );
}

function requireQeVendor({ quote }: AuthenticTdxQuote, { qeVendorId }: TdxStagePolicy): void {
  if (!qeVendorId || equalBytes(quote.header.qeVendorId, qeVendorId)) return;
  throw new Rejection(
    'QE_VENDOR_ID_MISMATCH',
    `QE vendor: expected ${toHex(qeVendorId)}, found ${toHex(quote.header.qeVendorId)}.`,
  );
}

/** The contract's normative bits: TDATTRIBUTES 0, 28, 30 and 63 may be set. */
const TD_ATTRIBUTES_FIXED0 = (1n << 0n) | (1n << 28n) | (1n << 30n) | (1n << 63n);
const XFAM_FIXED0 = 0x6dbe7n;
const XFAM_FIXED1 = 0x3n;

function requireAttributes(body: TdReport, { enforceDefaults }: TdxStagePolicy): void {
  const attributes = decodeTdAttributes(body.tdAttributes);
  if (attributes.debug) throw new Rejection('TD_ATTRIBUTES_DEBUG_SET', 'The TD can be debugged.');
  if (!enforceDefaults) return;
  if ((attributes.raw & ~TD_ATTRIBUTES_FIXED0) !== 0n)
    throw new Rejection(
      'TD_ATTRIBUTES_RESERVED_BIT_SET',
      `TDATTRIBUTES ${toHex(body.tdAttributes)} has reserved bits.`,
    );
  const xfam = new DataView(body.xfam.buffer, body.xfam.byteOffset, 8).getBigUint64(0, true);
  if ((xfam & XFAM_FIXED1) !== XFAM_FIXED1)
    throw new Rejection('XFAM_REQUIRED_BIT_CLEAR', `XFAM ${toHex(body.xfam)} lacks x87 or SSE.`);
  if ((xfam & ~XFAM_FIXED0) !== 0n)
    throw new Rejection('XFAM_FORBIDDEN_BIT_SET', `XFAM ${toHex(body.xfam)} has bits that must be clear.`);
}

function outputsOf({ quote, fmspc, tcb }: AuthenticTdxQuote, qvResult: string): Record<string, JsonValue> {
  const { header, body } = quote;
  return {
    measurement: {
      type: predicateType.tdxGuest,
      registers: [body.mrTd, ...body.rtmrs].map(toHex),
    },
    qv_result: qvResult,
    ...(tcb.status === 'not-checked' ? {} : { tcb_status: tcb.status }),
    // Collateral that is out of date is refused.
    collateral_expired: false,
    quote_version: header.version,
    tee_type: 'TDX',
    fmspc_hex: toHex(fmspc),
    header_fields: {
      attestation_key_type: header.attestationKeyType,
      qe_vendor_id_hex: toHex(header.qeVendorId),
      user_data_hex: toHex(header.userData),
    },
    body_fields: bodyFields(body),
  };
}

function bodyFields(body: TdReport): JsonValue {
  const attributes = decodeTdAttributes(body.tdAttributes);
  return {
    tee_tcb_svn_hex: toHex(body.teeTcbSvn),
    mrseam_hex: toHex(body.mrSeam),
    mrsignerseam_hex: toHex(body.mrSignerSeam),
    seam_attributes_hex: toHex(body.seamAttributes),
    td_attributes_hex: toHex(body.tdAttributes),
    td_attributes_decoded: {
      tud_debug: attributes.debug,
      tud_reserved_nonzero: attributes.tudReserved,
      sec_reserved_lower_nonzero: attributes.secReservedLower,
      sec_sept_ve_disable: attributes.septVeDisable,
      sec_reserved_bit29: attributes.secReserved29,
      sec_pks: attributes.pks,
      sec_kl: attributes.keyLocker,
      other_reserved_nonzero: attributes.otherReserved,
      other_perfmon: attributes.perfmon,
    },
    xfam_hex: toHex(body.xfam),
    mrtd_hex: toHex(body.mrTd),
    mrconfigid_hex: toHex(body.mrConfigId),
    mrowner_hex: toHex(body.mrOwner),
    mrownerconfig_hex: toHex(body.mrOwnerConfig),
    rtmrs_hex: body.rtmrs.map(toHex),
    report_data_hex: toHex(body.reportData),
  };
}
