/** A TDX quote: genuine, not revoked, its TCB acceptable, closed to its host. */
import type { Check } from '@vitrine/appraisal';
import { fromHex, toHex, utf8 } from '@vitrine/bytes';
import {
  type AuthenticTdxQuote,
  EvidenceError,
  type TdxCollateral,
  type TdxPolicy,
  appraiseEventLog,
  appraiseTdx,
  authenticateTdx,
  parseCcel,
  parseDstackEventLog,
  parsePck,
  parsePckChain,
  parseTdxCollateral,
  parseTdxQuote,
} from '@vitrine/evidence';
import { commonName } from '@vitrine/x509';
import type { Context } from '../context.ts';
import type { PresentedCollateral, PresentedCpu } from '../presented.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type ResultCheck } from '../result.ts';
import { intelIssuerChain, intelRequests } from '../sources/endorsements.ts';
import type { CpuRuntime } from './runtime.ts';

type TdxPresented = Extract<PresentedCpu, { platform: 'tdx' }>;

const genuine: Promised = {
  rule: 'runtime.evidence',
  title: 'A genuine Intel processor signed the quote',
  evidence: 'document',
  expected: 'a quote by a quoting enclave that Intel endorses, on a platform that Intel endorses',
  source: 'Intel TDX DCAP Quoting Library API, appendix A',
};
const notRevoked: Promised = {
  rule: 'runtime.revocation',
  title: "Intel has not revoked the platform's keys",
  evidence: 'Intel collateral',
  expected: 'current lists that do not name them',
  source: 'Intel SGX PCK Certificate and CRL Profile section 3',
};
const upToDate: Promised = {
  rule: 'runtime.tcb',
  title: 'Its firmware is recent enough',
  evidence: 'Intel collateral',
  expected: 'a TCB status that the policy accepts',
  source: 'Intel PCS API v4',
};
const closed: Promised = {
  rule: 'runtime.isolation',
  title: 'The trust domain is closed to its host: no debugging',
  evidence: 'document',
  expected: 'TD attributes, XFAM and module as the policy demands',
  source: 'Intel TDX Module Base Specification',
};

export async function checkTdx(cpu: TdxPresented, context: Context): Promise<CpuRuntime> {
  const { policy, anchors, now } = context;
  const collateral = await gatherCollateral(cpu, context);
  if ('error' in collateral)
    return { checks: [refused(genuine, collateral.error), ...gone([notRevoked, upToDate, closed])] };
  let authentic: AuthenticTdxQuote;
  try {
    authentic = await authenticateTdx({
      quote: cpu.quote,
      collateral: collateral.given,
      ...(anchors.intel ? { anchors: anchors.intel } : {}),
      now,
    });
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { checks: [refused(genuine, error), ...gone([notRevoked, upToDate, closed])] };
  }
  const { checks } = appraiseTdx(authentic, tdxPolicy(context));
  const { body } = authentic.quote;
  const isTcb = ({ rule }: Check) =>
    ['tcb-status', 'advisories', 'evaluation-data-number', 'tee-tcb-svn'].some((word) => rule.startsWith(`tdx.policy.${word}`));
  const isRevocation = ({ rule }: Check) => rule.startsWith('tdx.revocation');
  // Whose quote it is does not hang on collateral: what that says is the TCB's promise.
  const isCollateral = ({ rule }: Check) =>
    ['tdx.tcb', 'tdx.tcb-info', 'tdx.qe-identity'].some((word) => rule === word || rule.startsWith(`${word}.`));
  const { requireCollateral } = policy.hardware.tdx;
  return {
    authentic: {
      platform: 'tdx',
      registers: {
        mrtd: toHex(body.mrTd),
        ...Object.fromEntries(body.rtmrs.map((rtmr, at) => [`rtmr${at}`, toHex(rtmr)])),
      },
      reportData: body.reportData,
      hostData: toHex(body.mrConfigId),
      cpu: `Intel TDX 1.${authentic.quote.bodyType === 3 ? 5 : 0}`,
      tcb: authentic.tcb.status,
      isProduction: authentic.isProduction,
      validUntil: [authentic.chain.leaf.notAfter, ...collateral.validUntil()],
      trusted: authentic.isProduction ? "Intel's SGX root key" : "a root that is not Intel's",
    },
    checks: [
      promised(
        genuine,
        authentic.checks.filter((check) => !isRevocation(check) && !isCollateral(check)),
        `${commonName(authentic.chain.intermediate.subject) ?? ''}, FMSPC ${toHex(authentic.fmspc)}`,
      ),
      missingOr({ ...notRevoked, required: requireCollateral }, authentic.checks.filter(isRevocation), collateral.missing),
      missingOr(
        { ...upToDate, required: requireCollateral },
        [...authentic.checks.filter(isCollateral), ...checks.filter(isTcb)],
        collateral.missing,
        authentic.tcb.status,
      ),
      promised(
        closed,
        checks.filter((check) => !isTcb(check) && check.rule !== 'tdx.policy.collateral'),
        'closed',
      ),
      ...(await eventLogChecks(cpu, authentic)),
    ],
  };
}

function gone(promises: readonly Promised[]) {
  return promises.map((each) => unchecked(each, 'the quote is not authentic'));
}

/** What was not checked for want of a resource says which one. */
function missingOr(
  what: Promised,
  details: readonly Check[],
  missing: readonly string[],
  found?: string,
): ResultCheck {
  const check = promised(what, details, found);
  if (check.outcome !== 'not-checked' || missing.length === 0) return check;
  return { ...check, reason: missing.join('; ') };
}

interface Gathered {
  readonly given: TdxCollateral;
  /** Sentences about what could not be had. */
  readonly missing: readonly string[];
  /** Ends of what the collateral says; for collateral that was found authentic. */
  readonly validUntil: () => readonly Date[];
}

/** The document's collateral; what it lacks is asked for. */
async function gatherCollateral(
  { quote, collateral = {} }: TdxPresented,
  { source }: Context,
): Promise<Gathered | { readonly error: EvidenceError }> {
  let requests: ReturnType<typeof intelRequests>;
  try {
    const chain = parsePckChain(parseTdxQuote(quote).pckChain);
    const { fmspc } = parsePck(chain.leaf);
    const ca = /Platform/.test(commonName(chain.intermediate.subject) ?? '') ? 'platform' : 'processor';
    requests = intelRequests(toHex(fmspc), ca);
  } catch (error) {
    if (error instanceof EvidenceError) return { error };
    throw error;
  }
  const missing: string[] = [];
  const fetched: Record<string, Uint8Array | string | undefined> = {};
  await Promise.all(
    (['tcbInfo', 'qeIdentity', 'pckCrl', 'rootCrl'] as const).map(async (part) => {
      if (collateral[part]) return;
      const answer = await source.get(requests[part]);
      if (!answer.ok) {
        missing.push(`${requests[part].url} is missing: ${answer.message}`);
        return;
      }
      fetched[part] = answer.bytes;
      const chain = intelIssuerChain(part, answer.headers ?? {});
      if (chain) fetched[`${part}IssuerChain`] = chain;
    }),
  );
  const all = { ...fetched, ...collateral } as PresentedCollateral;
  const pem = (text: string | undefined) => (text === undefined ? undefined : utf8(text));
  const given: Record<string, Uint8Array | undefined> = {
    tcbInfo: all.tcbInfo,
    tcbInfoIssuerChain: pem(all.tcbInfoIssuerChain),
    qeIdentity: all.qeIdentity,
    qeIdentityIssuerChain: pem(all.qeIdentityIssuerChain),
    pckCrl: all.pckCrl,
    pckCrlIssuerChain: pem(all.pckCrlIssuerChain),
    rootCrl: all.rootCrl,
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { given: present as TdxCollateral, missing: missing.sort(), validUntil: () => endsOf(present) };
}

function endsOf(collateral: TdxCollateral): readonly Date[] {
  const { tcbInfo, qeIdentity, pckCrl, rootCrl } = parseTdxCollateral(collateral);
  return [tcbInfo, qeIdentity, pckCrl, rootCrl].flatMap((part) => (part?.nextUpdate ? [part.nextUpdate] : []));
}

async function eventLogChecks(
  { eventLog }: TdxPresented,
  { quote: { body } }: AuthenticTdxQuote,
): Promise<ResultCheck[]> {
  if (!eventLog) return [];
  const what: Promised = {
    rule: 'runtime.event-log',
    title: 'The event log explains the runtime registers',
    required: false,
    evidence: 'document',
    expected: 'a log that replays to RTMR0 to RTMR3',
    source: 'Intel TDX, guest-host communication interface, CCEL',
  };
  try {
    const log = eventLog[0] === 0x5b || eventLog[0] === 0x7b ? parseDstackEventLog(eventLog) : parseCcel(eventLog);
    return [promised(what, await appraiseEventLog(log, body), 'it replays')];
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return [refused(what, error)];
  }
}

function tdxPolicy({ policy: { hardware } }: Context): TdxPolicy {
  const { tdx } = hardware;
  return {
    acceptedTcbStatuses: tdx.acceptedStatuses,
    outOfDateGraceDays: tdx.outOfDateGraceDays,
    allowDebug: tdx.allowDebug,
    // That it is complete is told by the promises about revocation and TCB.
    requireCollateral: false,
    ...(tdx.minimumEvaluationDataNumber === null
      ? {}
      : { minTcbEvaluationDataNumber: tdx.minimumEvaluationDataNumber }),
    ...(tdx.mrSeam === null ? {} : { mrSeam: tdx.mrSeam.map((hex) => fromHex(hex)) }),
  };
}
