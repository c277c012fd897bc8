/** The attestation result: one shape for the command, the page, the client and the key broker (docs/attestation-result.md). */
import type { Check, CheckOutcome } from '@vitrine/appraisal';
import type { Dialect } from './dialect.ts';

export const resultFormat = 'vitrine-attestation-result/v1';

/** The four groups, in the order in which they are shown. */
export const groupIds = ['runtime', 'code', 'consistency', 'channel'] as const;
export type GroupId = (typeof groupIds)[number];

export const groupTitles: Readonly<Record<GroupId, string>> = {
  runtime: 'Enclave runtime',
  code: 'Code integrity',
  consistency: 'Binary consistency',
  channel: 'Channel',
};

/** One promise, and the rules that it consists of. */
export interface ResultCheck extends Check {
  /** One sentence for a person. */
  readonly title: string;
  /** Not checked then means: not verified. */
  readonly required: boolean;
  /** Which bytes of the proof it looked at: "document", "connection", or a resource's URL. */
  readonly evidence: string;
  /** Every rule, with expected and found. */
  readonly details: readonly Check[];
}

export interface ResultGroup {
  readonly id: GroupId;
  readonly title: string;
  /** fail where a check failed; not-checked where a required one was not checked; else pass. */
  readonly outcome: CheckOutcome;
  readonly checks: readonly ResultCheck[];
}

export type Verdict = 'verified' | 'failed' | 'not-checked';

export interface AttestationResult {
  readonly format: typeof resultFormat;
  readonly verdict: Verdict;
  /** Evidence of a software processor whose root the caller named. */
  readonly simulated: boolean;
  /** As given. */
  readonly endpoint: string;
  readonly dialect: Dialect | null;
  /** RFC 3339: the time that every check was made for. */
  readonly verifiedAt: string;
  /** RFC 3339: the first moment at which something that was relied on ends. */
  readonly validUntil: string | null;
  readonly policy: { readonly name: string; readonly sha256: string };
  readonly groups: readonly ResultGroup[];
  readonly measurements: ResultMeasurements;
  readonly keys: ResultKeys;
  readonly hardware: ResultHardware;
  readonly release: ResultRelease | null;
  readonly modelPacks: readonly ResultModelPack[];
  /** Roots, logs and people whose word was taken, in words. */
  readonly trusted: readonly string[];
}

/** Hexadecimal, lower case. Only what was authenticated. */
export interface ResultMeasurements {
  readonly platform: 'sev-snp' | 'tdx' | null;
  /** By register: launchDigest; mrtd, rtmr0 … rtmr3. */
  readonly evidence: Readonly<Record<string, string>>;
  readonly signed: Readonly<Record<string, string>>;
  readonly recomputed: Readonly<Record<string, string>>;
  readonly fingerprint: string | null;
}

/** Attested keys: null where the evidence does not carry one. */
export interface ResultKeys {
  readonly tlsSpkiSha256: string | null;
  readonly tlsCertificateSha256: string | null;
  readonly hpkePublicKey: string | null;
  readonly others: Readonly<Record<string, string>>;
}

export interface ResultHardware {
  /** "Genoa", "TDX 1.5" … */
  readonly cpu: string | null;
  readonly tcb: string | null;
  readonly devices: readonly {
    readonly id: string;
    readonly architecture: string;
    readonly driver: string | null;
    readonly firmware: string | null;
  }[];
}

export interface ResultRelease {
  readonly repository: string | null;
  readonly tag: string | null;
  /** SHA-256 of the deployment file. */
  readonly digest: string | null;
  readonly signers: readonly {
    readonly issuer: string;
    readonly identity: string;
    readonly loggedAt: string | null;
  }[];
}

export interface ResultModelPack {
  readonly name: string | null;
  readonly rootHash: string;
  /** ROOT_OFFSET_UUID. */
  readonly info: string;
}

/** 0 verified · 1 a check failed · 3 could not be checked. */
export function exitStatusOf(verdict: Verdict): 0 | 1 | 3 {
  return verdict === 'verified' ? 0 : verdict === 'failed' ? 1 : 3;
}

export function outcomeOf(checks: readonly ResultCheck[]): CheckOutcome {
  if (checks.some(({ outcome }) => outcome === 'fail')) return 'fail';
  if (checks.length === 0 || checks.some(({ outcome, required }) => required && outcome === 'not-checked'))
    return 'not-checked';
  return 'pass';
}

export function verdictOf(groups: readonly ResultGroup[]): Verdict {
  const outcomes = groups.map(({ outcome }) => outcome);
  if (outcomes.includes('fail')) return 'failed';
  return outcomes.every((outcome) => outcome === 'pass') && groups.length === groupIds.length
    ? 'verified'
    : 'not-checked';
}
