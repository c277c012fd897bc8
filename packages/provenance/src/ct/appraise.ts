/** A policy over the timestamps of a certificate, rule by rule. */
import { type Check, decided, failed, notChecked, passed } from '@vitrine/appraisal';
import type { AuthenticScts, JudgedSct } from './authenticate.ts';
import type { CtPolicyCode } from './error.ts';

export interface CtPolicy {
  /** Timestamps of different logs; default 2, and 3 for a certificate that lives for more than 180 days. */
  readonly minScts?: number;
  /** Different operators among them; default 2. */
  readonly minOperators?: number;
  /** One log at least must not be retired by now; default true. */
  readonly requireCurrentLog?: boolean;
  /** Of the log list, at the time given; left out: any age. */
  readonly maximumListAgeDays?: number;
}

const CHROME = 'Chrome Certificate Transparency Policy';
const RFC = 'RFC 6962';
const DAY_MS = 24 * 3600 * 1000;
/** After that Chrome itself does not enforce its list any more: logs that it does not have may be good ones. */
const STALE_DAYS = 70;
const LONG_LIVED_DAYS = 180;

/**
 * A forged timestamp fails however good the others are; one of an unknown log merely does not count. Where a list older
 * than 70 days leaves too few that count, and logs that it could not know might make up for it, that is not checked.
 */
export function appraiseCt(scts: AuthenticScts, policy: CtPolicy = {}): Check[] {
  const demand = demandOf(scts, policy);
  return [
    listRule(scts, policy),
    presenceRule(scts),
    signatureRule(scts),
    futureRule(scts),
    ...countingRules(scts, demand),
    countRule(scts, demand),
    operatorRule(scts, demand),
    ...currentRule(scts, policy),
  ];
}

interface Demand {
  readonly minScts: number;
  readonly minOperators: number;
}

function demandOf({ leaf }: AuthenticScts, policy: CtPolicy): Demand {
  const lifetimeDays = (leaf.notAfter.getTime() - leaf.notBefore.getTime()) / DAY_MS;
  return {
    minScts: policy.minScts ?? (lifetimeDays > LONG_LIVED_DAYS ? 3 : 2),
    minOperators: policy.minOperators ?? 2,
  };
}

function listRule({ logList, now }: AuthenticScts, { maximumListAgeDays }: CtPolicy): Check {
  const ageDays = listAgeDays(logList.timestamp, now);
  return decided(
    maximumListAgeDays === undefined || ageDays <= maximumListAgeDays,
    {
      rule: 'ct.log-list',
      expected: maximumListAgeDays === undefined ? 'a log list' : `at most ${maximumListAgeDays} days old`,
      found: `version ${logList.version} of ${logList.timestamp.toISOString()}, ${ageDays} days old, ${logList.isBuiltIn ? 'built in' : 'given'}`,
      source: `${CHROME}, log list`,
    },
    code('LOG_LIST_TOO_OLD'),
    'Give a newer log list.',
  );
}

function listAgeDays(timestamp: Date, now: Date): number {
  return Math.floor((now.getTime() - timestamp.getTime()) / DAY_MS);
}

function presenceRule({ scts }: AuthenticScts): Check {
  return decided(
    scts.length > 0,
    {
      rule: 'ct.sct.present',
      expected: 'signed certificate timestamps',
      found: scts.length === 0 ? 'none' : `${scts.length}`,
      source: `${RFC} section 3.3`,
    },
    code('SCT_ABSENT'),
    'The certificate was not logged, or its authority does not embed timestamps.',
  );
}

function signatureRule({ scts }: AuthenticScts): Check {
  const rule = {
    rule: 'ct.sct.signature',
    expected: 'each signed by the log that it names, over this certificate',
    source: `${RFC} section 3.2`,
  };
  const forged = withVerdict(scts, 'signature-invalid');
  if (forged.length > 0)
    return failed(
      { ...rule, found: describe(forged) },
      code('SCT_SIGNATURE_INVALID'),
      'The timestamp was made up, or the certificate is not the one that was logged.',
    );
  const verified = scts.filter(({ verdict }) => verdict !== 'log-unknown');
  if (verified.length === 0) return notChecked(rule, 'there is no timestamp of a log that the list has');
  return passed({ ...rule, found: `${verified.length} signed by their logs` });
}

function futureRule({ scts, now }: AuthenticScts): Check {
  const future = withVerdict(scts, 'in-future');
  return decided(
    future.length === 0,
    {
      rule: 'ct.sct.timestamp',
      expected: `none after ${Number.isNaN(now.getTime()) ? 'a time that is none' : now.toISOString()}`,
      found: future.length === 0 ? 'none' : describe(future),
      source: `${RFC} section 5.2`,
    },
    code('SCT_IN_FUTURE'),
    'Look at the clock.',
  );
}

/** Each says what it leaves out, and fails where too few are left because of that. */
function countingRules({ scts, logList, now }: AuthenticScts, { minScts }: Demand): Check[] {
  const countable = scts.filter(
    ({ verdict, isRepeated }) => !isRepeated && verdict !== 'signature-invalid' && verdict !== 'in-future',
  );
  const isStale = listAgeDays(logList.timestamp, now) > STALE_DAYS;
  let left = countable;
  return leavingOut.map(({ verdict, rule, expected, source, failure, mayBeAge }) => {
    const before = left;
    left = before.filter((sct) => sct.verdict !== verdict);
    const gone = before.filter((sct) => sct.verdict === verdict);
    const words = {
      rule,
      expected,
      found: gone.length === 0 ? `all ${before.length}` : `not: ${describe(gone)}`,
      source,
    };
    if (gone.length === 0 || left.length >= minScts) return passed(words);
    if (isStale && gone.every(mayBeAge)) return notChecked(words, staleReason(gone.length));
    return failed(words, code(failure), `At least ${minScts} must count, ${left.length} are left.`);
  });
}

const isPending = ({ log }: JudgedSct): boolean => log?.state?.name === 'pending';

const leavingOut = [
  {
    verdict: 'log-unknown',
    rule: 'ct.sct.log',
    expected: 'of logs that the list has',
    source: `${CHROME}, log list`,
    failure: 'SCT_LOG_UNKNOWN',
    mayBeAge: () => true,
  },
  {
    verdict: 'outside-interval',
    rule: 'ct.sct.temporal-interval',
    expected: "the certificate's end within the log's temporal interval",
    source: `${CHROME}, temporal sharding`,
    failure: 'SCT_OUTSIDE_INTERVAL',
    mayBeAge: () => false,
  },
  {
    verdict: 'state-unacceptable',
    rule: 'ct.sct.state',
    expected: 'of logs that are qualified, usable or read-only, or were so before they were retired',
    source: `${CHROME}, log states`,
    failure: 'SCT_LOG_STATE_UNACCEPTABLE',
    // What was pending when the list was made may have become usable.
    mayBeAge: isPending,
  },
] as const;

function countRule(scts: AuthenticScts, { minScts }: Demand): Check {
  const found = counting(scts);
  const words = {
    rule: 'ct.sct.count',
    expected: `at least ${minScts} of different logs`,
    found: found.length === 0 ? 'none that counts' : describe(found),
    source: `${CHROME}, certificates with embedded SCTs`,
  };
  const undecided = undecidedCount(scts);
  if (found.length < minScts && found.length + undecided >= minScts)
    return notChecked(words, staleReason(undecided));
  return decided(found.length >= minScts, words, code('SCT_INSUFFICIENT'));
}

function operatorRule(scts: AuthenticScts, { minOperators }: Demand): Check {
  const operators = [...new Set(counting(scts).map(({ operator }) => operator))];
  const words = {
    rule: 'ct.sct.operators',
    expected: `at least ${minOperators} different operators`,
    found: operators.length === 0 ? 'none' : operators.join(', '),
    source: `${CHROME}, certificates with embedded SCTs`,
  };
  const undecided = undecidedCount(scts);
  if (operators.length < minOperators && operators.length + undecided >= minOperators)
    return notChecked(words, staleReason(undecided));
  return decided(operators.length >= minOperators, words, code('SCT_OPERATORS_NOT_DISTINCT'));
}

function currentRule(scts: AuthenticScts, { requireCurrentLog = true }: CtPolicy): Check[] {
  const found = counting(scts);
  // Where nothing counts, other rules have said so.
  if (!requireCurrentLog || found.length === 0) return [];
  const current = found.filter(({ log }) => log?.state?.name !== 'retired');
  return [
    decided(
      current.length > 0,
      {
        rule: 'ct.sct.current',
        expected: 'one at least of a log that is not retired',
        found: current.length === 0 ? describe(found) : describe(current),
        source: `${CHROME}, certificates with embedded SCTs`,
      },
      code('SCT_LOG_NOT_CURRENT'),
    ),
  ];
}

function counting({ scts }: AuthenticScts): JudgedSct[] {
  return scts.filter(({ verdict, isRepeated }) => verdict === 'valid' && !isRepeated);
}

/** Logs that a newer list might count. */
function undecidedCount({ scts, logList, now }: AuthenticScts): number {
  if (listAgeDays(logList.timestamp, now) <= STALE_DAYS) return 0;
  const logs = scts.filter(
    (sct) => sct.verdict === 'log-unknown' || (sct.verdict === 'state-unacceptable' && isPending(sct)),
  );
  return new Set(logs.map(({ sct }) => sct.logId.join())).size;
}

function staleReason(count: number): string {
  return `the log list is older than ${STALE_DAYS} days, and ${count} timestamps are of logs that it did not know or count yet; give a newer one`;
}

function withVerdict(scts: readonly JudgedSct[], wanted: JudgedSct['verdict']): JudgedSct[] {
  return scts.filter(({ verdict }) => verdict === wanted);
}

function describe(scts: readonly JudgedSct[]): string {
  return scts.map(({ description }) => description).join('; ');
}

/** Holds the rules to the list of codes. */
function code(name: CtPolicyCode): CtPolicyCode {
  return name;
}
