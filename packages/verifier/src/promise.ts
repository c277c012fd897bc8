/** One promise of a result: a sentence for a person over the rules that it consists of. */
import type { Check, CheckOutcome } from '@vitrine/appraisal';
import { consequenceOf } from './consequences.ts';
import type { Refusal } from './refusal.ts';
import type { ResultCheck } from './result.ts';

export interface Promised {
  /** Stable name: "runtime.evidence". */
  readonly rule: string;
  /** What holds when it passes. */
  readonly title: string;
  /** Not checked then means: not verified. Default true. */
  readonly required?: boolean | undefined;
  readonly evidence: string;
  readonly expected: string;
  readonly source: string;
}

/**
 * Fails with the first rule that fails; is not checked where a rule was not, or where there is none at all.
 * @param found what to say when everything passes
 */
export function promised(what: Promised, details: readonly Check[], found?: string): ResultCheck {
  const failure = details.find(({ outcome }) => outcome === 'fail');
  if (failure) return made(what, 'fail', failure, details);
  const gap = details.find(({ outcome }) => outcome === 'not-checked');
  if (gap) return made(what, 'not-checked', gap, details);
  const last = details.at(-1);
  if (!last) return unchecked(what, 'there is nothing to check');
  return { ...base(what), outcome: 'pass', expected: what.expected, found: found ?? last.found, details };
}

/**
 * The same, where rules that were not checked may be dispensed with: nobody asked for them, or another stands in for them.
 * They are shown, and do not keep the promise from holding.
 */
export function promisedBut(
  what: Promised,
  details: readonly Check[],
  isDispensable: (check: Check) => boolean,
  found?: string,
): ResultCheck {
  const decisive = details.filter((check) => check.outcome !== 'not-checked' || !isDispensable(check));
  return { ...promised(what, decisive, found), details };
}

/** A typed error is a failure: what was refused was there, and was not good; or it could not be decided here. */
export function refused(what: Promised, error: Refusal): ResultCheck {
  if (error.isUndecided) return unchecked(what, error.message, error.code);
  return {
    ...base(what),
    outcome: 'fail',
    code: error.code,
    found: error.message,
    details: [],
  };
}

export function unchecked(what: Promised, reason: string, code?: string): ResultCheck {
  return {
    ...base(what),
    outcome: 'not-checked',
    ...(code === undefined ? {} : { code }),
    found: 'nothing',
    reason,
    details: [],
  };
}

function base({ rule, title, required = true, evidence, expected, source }: Promised) {
  return { rule, title, required, evidence, expected, source };
}

function made(what: Promised, outcome: CheckOutcome, cause: Check, details: readonly Check[]): ResultCheck {
  const reason = cause.reason ?? (outcome === 'fail' ? consequenceOf(cause.code) : undefined);
  return {
    ...base(what),
    outcome,
    ...(cause.code === undefined ? {} : { code: cause.code }),
    expected: cause.expected,
    found: cause.found,
    ...(reason === undefined ? {} : { reason }),
    details,
  };
}
