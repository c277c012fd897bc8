/** What a relying party demands of an authentic TDX quote. Bytes are as in the quote. */
import type { TcbLevelStatus } from './tcb-info.ts';

/** Revoked and NotSupported are never acceptable. */
export type AcceptableTcbStatus =
  Exclude<TcbLevelStatus, 'Revoked'> | 'TDRelaunchAdvised' | 'TDRelaunchAdvisedConfigurationNeeded';

/** What is left out has the default that its comment names, or is not demanded. */
export interface TdxPolicy {
  /** Default ["UpToDate"]. "any": the TCB's status is reported, not judged, unless it is revoked. */
  readonly acceptedTcbStatuses?: readonly AcceptableTcbStatus[] | 'any';
  /** Days from the TCB's date in which an OutOfDate TCB passes for an up-to-date one; default 0. */
  readonly outOfDateGraceDays?: number;
  /** Advisories that apply must all be among `allowed` if it is there, and never among `denied`. */
  readonly advisories?: { readonly allowed?: readonly string[]; readonly denied?: readonly string[] };
  /** Of TCB info and of QE identity. */
  readonly minTcbEvaluationDataNumber?: number;
  /** Each byte of TEE_TCB_SVN is at least this; 16 bytes. */
  readonly minTeeTcbSvn?: Uint8Array;
  /** Default true: without complete collateral the quote is refused. */
  readonly requireCollateral?: boolean;

  /** Default false: TDATTRIBUTES.DEBUG is refused. */
  readonly allowDebug?: boolean;
  /** Default true. */
  readonly requireSeptVeDisable?: boolean;
  /** Bits that must be set besides 0 and 1, and bits that must be clear. */
  readonly xfam?: { readonly required?: bigint; readonly forbidden?: bigint };

  /** Exact values. */
  readonly tdAttributes?: Uint8Array;
  readonly exactXfam?: Uint8Array;
  readonly seamAttributes?: Uint8Array;
  /** One of them. */
  readonly mrSeam?: readonly Uint8Array[];
  readonly mrSignerSeam?: Uint8Array;
  readonly mrTd?: Uint8Array;
  readonly mrConfigId?: Uint8Array;
  readonly mrOwner?: Uint8Array;
  readonly mrOwnerConfig?: Uint8Array;
  readonly rtmr0?: Uint8Array;
  readonly rtmr1?: Uint8Array;
  readonly rtmr2?: Uint8Array;
  readonly rtmr3?: Uint8Array;
  readonly reportData?: Uint8Array;
  /** TD 1.5 only: a TD 1.0 report has none and is refused. */
  readonly mrServiceTd?: Uint8Array;
  readonly qeVendorId?: Uint8Array;
  /** One of them, 6 bytes each. */
  readonly fmspc?: readonly Uint8Array[];
}

export type TdxPolicyCode =
  | 'QV_RESULT_NOT_ACCEPTED_BY_POLICY'
  /** No TCB level is reached. */
  | 'QV_RESULT_TERMINAL_UNSPECIFIED'
  | 'TCB_REVOKED'
  | 'ADVISORY_NOT_ACCEPTED'
  | 'TCB_EVAL_DATA_NUMBER_TOO_LOW'
  | 'TEE_TCB_SVN_BELOW_MINIMUM'
  | 'COLLATERAL_INCOMPLETE'
  | 'TD_ATTRIBUTES_DEBUG_SET'
  | 'TD_ATTRIBUTES_RESERVED_BIT_SET'
  | 'TD_ATTRIBUTES_SEPT_VE_DISABLE_CLEAR'
  | 'TD_ATTRIBUTES_MISMATCH'
  | 'XFAM_REQUIRED_BIT_CLEAR'
  | 'XFAM_FORBIDDEN_BIT_SET'
  | 'XFAM_MISMATCH'
  | 'SEAM_ATTRIBUTES_MISMATCH'
  | 'MR_SEAM_NOT_ALLOWED'
  | 'MR_SIGNER_SEAM_MISMATCH'
  | 'MRTD_MISMATCH'
  | 'MR_CONFIG_ID_MISMATCH'
  | 'MR_OWNER_MISMATCH'
  | 'MR_OWNER_CONFIG_MISMATCH'
  | 'RTMR0_MISMATCH'
  | 'RTMR1_MISMATCH'
  | 'RTMR2_MISMATCH'
  | 'RTMR3_MISMATCH'
  /** RTMR3 was to be zero. */
  | 'RTMR3_NONZERO'
  | 'REPORT_DATA_MISMATCH'
  | 'MR_SERVICE_TD_MISMATCH'
  | 'QE_VENDOR_ID_MISMATCH'
  | 'PCK_FMSPC_MISMATCH';
