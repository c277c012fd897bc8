/** What was checked, one rule a line: the same shape for authenticity and for a policy's rules. */

export type CheckOutcome = 'pass' | 'fail' | 'not-checked';

export interface Check {
  /** Stable name: `snp.policy.debug`, `tdx.tcb.status`, `nvidia.rim.vbios`. */
  readonly rule: string;
  readonly outcome: CheckOutcome;
  /** Stable code of a failure: `GUEST_POLICY_DEBUG_SET`. */
  readonly code?: string;
  /** What was expected, in words or as lower-case hexadecimal. */
  readonly expected: string;
  readonly found: string;
  /** Why it was not checked, or what can be done about a failure. */
  readonly reason?: string;
  /** The document and section that the rule comes from. */
  readonly source: string;
}

/** The verdict of a policy over evidence that is authentic. */
export interface Appraisal {
  readonly checks: readonly Check[];
  /** No rule failed. A rule that was not checked does not make it false: look at `checks`. */
  readonly acceptable: boolean;
}

export function appraisalOf(checks: readonly Check[]): Appraisal {
  return { checks, acceptable: checks.every(({ outcome }) => outcome !== 'fail') };
}

interface Rule {
  readonly rule: string;
  readonly expected: string;
  readonly found: string;
  readonly source: string;
}

export function passed(rule: Rule): Check {
  return { ...rule, outcome: 'pass' };
}

export function failed(rule: Rule, code: string, reason?: string): Check {
  return { ...rule, outcome: 'fail', code, ...(reason === undefined ? {} : { reason }) };
}

export function notChecked(rule: Omit<Rule, 'found'>, reason: string): Check {
  return { ...rule, outcome: 'not-checked', found: 'nothing', reason };
}

/** Passes where `holds`, else fails with the code. */
export function decided(holds: boolean, rule: Rule, code: string, reason?: string): Check {
  return holds ? passed(rule) : failed(rule, code, reason);
}
