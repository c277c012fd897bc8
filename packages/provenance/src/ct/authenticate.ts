/**
 * The timestamps of a certificate, each with its verdict: signed by the log that it names, over this very certificate,
 * by a log that takes such certificates and counts. Whether there are enough is a policy's question (`appraiseCt`).
 */
import { equalBytes, toHex } from '@vitrine/bytes';
import { type Certificate, formatName, sameName } from '@vitrine/x509';
import { ctError } from './error.ts';
import { type CtLog, type LogList, findLog, operatorAt } from './log-list.ts';
import {
  type Sct,
  embeddedScts,
  parseSctList,
  precertEntry,
  signedDataOf,
  verifySct,
  x509Entry,
} from './sct.ts';

export interface CtEvidence {
  readonly leaf: Certificate;
  /** The certificate that issued the leaf: a log signs the hash of its key along with the leaf. */
  readonly issuer: Certificate;
  /** A SignedCertificateTimestampList that came beside the certificate, in a TLS extension or an OCSP response. */
  readonly delivered?: Uint8Array | undefined;
  readonly logList: LogList;
  readonly now: Date;
}

export type SctVerdict =
  /** Signed by the log, within its interval, and the log's state counts. */
  | 'valid'
  /** The list does not have the log: it may be a good one, and does not count. */
  | 'log-unknown'
  /** The log did not sign this. */
  | 'signature-invalid'
  | 'in-future'
  /** The log does not take certificates that end when this one does. */
  | 'outside-interval'
  /** The log is pending, rejected or of no state, or was retired when it signed. */
  | 'state-unacceptable';

export interface JudgedSct {
  readonly sct: Sct;
  readonly origin: 'embedded' | 'delivered';
  readonly verdict: SctVerdict;
  /** Undefined where it is unknown. */
  readonly log: CtLog | undefined;
  /** Who ran the log at the timestamp. */
  readonly operator: string | undefined;
  /** An earlier one in the list is of the same log and valid as well: this one adds nothing. */
  readonly isRepeated: boolean;
  /** In words, for people. */
  readonly description: string;
}

declare const authentic: unique symbol;

export interface AuthenticScts {
  readonly [authentic]: true;
  readonly leaf: Certificate;
  readonly issuer: Certificate;
  readonly logList: LogList;
  readonly now: Date;
  readonly scts: readonly JudgedSct[];
}

/**
 * @throws ProvenanceError SCT_LIST_MALFORMED, SCT_VERSION_UNSUPPORTED, CERTIFICATE_NOT_LOGGABLE, ISSUER_MISMATCH. A
 *   single timestamp that is not good is a verdict, not an error.
 */
export async function authenticateScts(evidence: CtEvidence): Promise<AuthenticScts> {
  const { leaf, issuer, logList, now } = evidence;
  requireIssuer(leaf, issuer);
  const found = collect(evidence);
  const entries = {
    embedded: await precertEntry(leaf, issuer.subjectPublicKeyInfo),
    delivered: x509Entry(leaf),
  };
  const judged = await Promise.all(
    found.map(({ sct, origin }) => judge(sct, origin, entries[origin], evidence)),
  );
  const authenticated: Omit<AuthenticScts, typeof authentic> = {
    leaf,
    issuer,
    logList,
    now,
    scts: judged.map((one, index) => ({ ...one, isRepeated: isRepeated(one, judged.slice(0, index)) })),
  };
  return authenticated as AuthenticScts;
}

/** Another issuer's key would only make every signature look forged. */
function requireIssuer(leaf: Certificate, issuer: Certificate): void {
  if (sameName(leaf.issuer, issuer.subject)) return;
  throw ctError(
    'ISSUER_MISMATCH',
    `${formatName(leaf.subject)} names ${formatName(leaf.issuer)} as its issuer, the certificate given is ${formatName(issuer.subject)}.`,
  );
}

function collect({ leaf, delivered }: CtEvidence): Pick<JudgedSct, 'sct' | 'origin'>[] {
  return [
    ...embeddedScts(leaf).map((sct) => ({ sct, origin: 'embedded' as const })),
    ...(delivered ? parseSctList(new Uint8Array(delivered)) : []).map((sct) => ({
      sct,
      origin: 'delivered' as const,
    })),
  ];
}

async function judge(
  sct: Sct,
  origin: JudgedSct['origin'],
  entry: Uint8Array,
  { leaf, logList, now }: CtEvidence,
): Promise<Omit<JudgedSct, 'isRepeated'>> {
  const log = findLog(logList, sct.logId);
  const at = new Date(sct.timestampMs);
  const operator = log && operatorAt(log, at);
  const judged = (verdict: SctVerdict, why: string): Omit<JudgedSct, 'isRepeated'> => {
    const name = log ? log.description : `log ${toHex(sct.logId)}`;
    return { sct, origin, verdict, log, operator, description: `${name} at ${at.toISOString()}: ${why}` };
  };
  if (!log) return judged('log-unknown', 'not in the log list');
  if (!(await verifySct(sct, signedDataOf(sct, entry), log.key)))
    return judged('signature-invalid', 'the log did not sign this certificate');
  // Not "at > now": a time that is no time is before nothing.
  if (!(at <= now)) return judged('in-future', 'later than the time given');
  if (!isWithinInterval(log, leaf))
    return judged(
      'outside-interval',
      `the log does not take certificates until ${leaf.notAfter.toISOString()}`,
    );
  if (!isStateAcceptable(log, at)) return judged('state-unacceptable', `the log is ${describeState(log)}`);
  return judged('valid', `signed, the log is ${describeState(log)}`);
}

function isWithinInterval({ temporalInterval }: CtLog, { notAfter }: Certificate): boolean {
  return !temporalInterval || (temporalInterval.start <= notAfter && notAfter < temporalInterval.end);
}

/**
 * Chrome's CT policy: logs that are qualified, usable or read-only count, and of a retired one what it signed before.
 * The list does not say when a log that counts now began to, and Chrome does not ask.
 */
function isStateAcceptable({ state }: CtLog, at: Date): boolean {
  switch (state?.name) {
    case 'qualified':
    case 'usable':
    case 'readonly':
      return true;
    case 'retired':
      return at < state.since;
    default:
      return false;
  }
}

function describeState({ state }: CtLog): string {
  return state ? `${state.name} since ${state.since.toISOString()}` : 'of no state';
}

function isRepeated(
  { verdict, sct }: Omit<JudgedSct, 'isRepeated'>,
  earlier: readonly Omit<JudgedSct, 'isRepeated'>[],
): boolean {
  return (
    verdict === 'valid' &&
    earlier.some((one) => one.verdict === 'valid' && equalBytes(one.sct.logId, sct.logId))
  );
}
