/** The vectors of docs/vectors/attestation-result, and how the bad ones come of a good one. */
import type { AnyResult } from './contradictions.ts';

export const vectorsFolder = new URL('../../../../docs/vectors/attestation-result/', import.meta.url)
  .pathname;
export const schemaPath = new URL('../../../../docs/schemas/attestation-result.schema.json', import.meta.url)
  .pathname;

export interface VectorList {
  readonly good: Readonly<Record<string, { readonly why: string; readonly verdict: string }>>;
  readonly bad: Readonly<Record<string, { readonly why: string; readonly refusedBy: 'schema' | 'meaning' }>>;
}

/** A result as JSON, to be spoilt. */
export type Spoilable = AnyResult & Record<string, unknown>;

interface Damage {
  readonly why: string;
  readonly refusedBy: 'schema' | 'meaning';
  /** Changes it in place. */
  readonly spoil: (result: Mutable) => void;
}

interface MutableCheck {
  rule: string;
  outcome: string;
  required: boolean;
  code?: string;
  reason?: string;
  details: { outcome: string; code?: string; reason?: string }[];
  [name: string]: unknown;
}
export interface Mutable {
  verdict: string;
  groups: { id: string; outcome: string; checks: MutableCheck[] }[];
  keys: Record<string, unknown>;
  measurements: { evidence: Record<string, string>; [name: string]: unknown };
  [name: string]: unknown;
}

const first = (result: Mutable): MutableCheck => result.groups[0]!.checks[0]!;

/** Each of a verified result of SNP. */
export const damages: Readonly<Record<string, Damage>> = {
  format: {
    why: 'Another format',
    refusedBy: 'schema',
    spoil: (r) => (r['format'] = 'vitrine-attestation-result/v2'),
  },
  'verdict-word': {
    why: 'A verdict that there is none',
    refusedBy: 'schema',
    spoil: (r) => (r.verdict = 'ok'),
  },
  'simulated-missing': {
    why: 'Not said whether it is simulated',
    refusedBy: 'schema',
    spoil: (r) => delete r['simulated'],
  },
  'three-groups': { why: 'A group is missing', refusedBy: 'schema', spoil: (r) => void r.groups.pop() },
  'order-of-groups': {
    why: 'Groups in another order',
    refusedBy: 'schema',
    spoil: (r) => void r.groups.reverse(),
  },
  'empty-group': {
    why: 'A group without checks',
    refusedBy: 'schema',
    spoil: (r) => (r.groups[1]!.checks = []),
  },
  'time-of-another-form': {
    why: 'A time without milliseconds',
    refusedBy: 'schema',
    spoil: (r) => (r['verifiedAt'] = '2026-11-25T18:00:00Z'),
  },
  'register-upper-case': {
    why: 'A register in upper case',
    refusedBy: 'schema',
    spoil: (r) => (r.measurements.evidence['launchDigest'] = 'AB'.repeat(48)),
  },
  'register-unknown': {
    why: 'A register that there is none',
    refusedBy: 'schema',
    spoil: (r) => (r.measurements.evidence['rtmr4'] = 'ab'.repeat(48)),
  },
  'key-short': {
    why: 'A key that is too short',
    refusedBy: 'schema',
    spoil: (r) => (r.keys['hpkePublicKey'] = 'ab'),
  },
  'member-unknown': {
    why: 'A member that this version does not write',
    refusedBy: 'schema',
    spoil: (r) => (r['ok'] = true),
  },
  'check-without-source': {
    why: 'A check without source',
    refusedBy: 'schema',
    spoil: (r) => delete first(r)['source'],
  },
  'failure-without-code': {
    why: 'A failure without a code',
    refusedBy: 'schema',
    spoil: (r) => {
      first(r).outcome = 'fail';
      r.groups[0]!.outcome = 'fail';
      r.verdict = 'failed';
    },
  },
  'pass-with-code': {
    why: 'A pass with a code',
    refusedBy: 'schema',
    spoil: (r) => (first(r).code = 'NONCE_MISMATCH'),
  },
  'not-checked-without-reason': {
    why: 'Not checked, and not said why',
    refusedBy: 'schema',
    spoil: (r) => {
      first(r).outcome = 'not-checked';
      first(r).required = false;
    },
  },
  'verified-although-failed': {
    why: 'Verified although a check failed',
    refusedBy: 'meaning',
    spoil: (r) => {
      Object.assign(first(r), { outcome: 'fail', code: 'PLATFORM_NOT_ACCEPTED', details: [] });
      r.groups[0]!.outcome = 'fail';
    },
  },
  'group-passes-although-failed': {
    why: 'A group passes although a check failed, which is not required',
    refusedBy: 'meaning',
    spoil: (r) =>
      void Object.assign(first(r), {
        outcome: 'fail',
        code: 'PLATFORM_NOT_ACCEPTED',
        required: false,
        details: [],
      }),
  },
  'verified-although-open': {
    why: 'Verified although a required check was not made',
    refusedBy: 'meaning',
    spoil: (r) => void Object.assign(first(r), { outcome: 'not-checked', reason: 'no time', details: [] }),
  },
  'detail-failed': {
    why: 'A check passes although a rule of it failed',
    refusedBy: 'meaning',
    spoil: (r) =>
      void Object.assign(first(r).details[0]!, { outcome: 'fail', code: 'PLATFORM_NOT_ACCEPTED' }),
  },
  'failed-although-verified': {
    why: 'Failed although everything passed',
    refusedBy: 'meaning',
    spoil: (r) => (r.verdict = 'failed'),
  },
  'rule-of-another-group': {
    why: 'A rule in a group that is not its own',
    refusedBy: 'meaning',
    spoil: (r) => (first(r).rule = 'channel.key'),
  },
  'keys-without-binding': {
    why: 'Keys are shown that no processor signed for',
    refusedBy: 'meaning',
    spoil: (r) => {
      const [group] = r.groups;
      group!.checks = group!.checks.filter(({ rule }) => rule !== 'runtime.binding');
    },
  },
};
