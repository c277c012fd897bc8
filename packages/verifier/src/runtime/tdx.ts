/** A TDX quote: genuine, not revoked, its TCB acceptable, closed to its host. */
import type { Check } from '@vitrine/appraisal';
import { fromHex, toHex, utf8 } from '@vitrine/bytes';
import {
  type AuthenticTdxQuote,
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
import { type Context, askFor } from '../context.ts';
import type { PresentedCpu } from '../presented.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type Refusal, refusalOf } from '../refusal.ts';
import { type ResultCheck } from '../result.ts';
import { intelIssuerChain } from '../sources/endorsements/answers.ts';
import {
  intelPckCrlRequest,
  intelQeIdentityRequest,
  intelRootCrlRequest,
  intelTcbInfoRequest,
} from '../sources/endorsements/requests.ts';
import type { ResourceRequest } from '../source.ts';
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
    return { checks: [refused(genuine, refusalOf(error)), ...gone([notRevoked, upToDate, closed])] };
  }
  const { checks } = appraiseTdx(authentic, tdxPolicy(context));
  const { body } = authentic.quote;
  const isTcb = ({ rule }: Check) =>
    ['tcb-status', 'advisories', 'evaluation-data-number', 'tee-tcb-svn'].some((word) =>
      rule.startsWith(`tdx.policy.${word}`),
    );
  const isRevocation = ({ rule }: Check) => rule.startsWith('tdx.revocation');
  // Whose quote it is does not hang on collateral: what that says is the TCB's promise.
  const isCollateral = ({ rule }: Check) =>
    ['tdx.tcb', 'tdx.tcb-info', 'tdx.qe-identity'].some(
      (word) => rule === word || rule.startsWith(`${word}.`),
    );
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
      missingOr(
        { ...notRevoked, required: requireCollateral },
        authentic.checks.filter(isRevocation),
        collateral.missing,
      ),
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

type Part = 'tcbInfo' | 'qeIdentity' | 'pckCrl' | 'rootCrl';

/** Parts that come with their issuers in a header (Intel PCS API v4). */
const withIssuers = {
  tcbInfo: 'intel-tcb-info',
  qeIdentity: 'intel-qe-identity',
  pckCrl: 'intel-pck-crl',
} as const;

/** The document's collateral; what it lacks is asked for. */
async function gatherCollateral(
  { quote, collateral = {} }: TdxPresented,
  context: Context,
): Promise<Gathered | { readonly error: Refusal }> {
  let requests: Readonly<Record<Part, ResourceRequest>>;
  try {
    requests = requestsFor(quote);
  } catch (error) {
    return { error: refusalOf(error) };
  }
  const missing: string[] = [];
  const fetched: Partial<Record<string, Uint8Array | string>> = {};
  const fetchPart = async (part: Part): Promise<void> => {
    const answer = await askFor(context, requests[part], (bytes, whole) => ({
      bytes,
      issuers: part === 'rootCrl' ? undefined : intelIssuerChain(withIssuers[part], whole),
    }));
    if (!('value' in answer)) {
      missing.push(`${requests[part].url} is missing: ${answer.reason}`);
      return;
    }
    fetched[part] = answer.value.bytes;
    if (answer.value.issuers !== undefined) fetched[`${part}IssuerChain`] = answer.value.issuers;
  };
  const parts: readonly Part[] = ['tcbInfo', 'qeIdentity', 'pckCrl', 'rootCrl'];
  await Promise.all(parts.filter((part) => !collateral[part]).map(fetchPart));
  const all = { ...fetched, ...collateral };
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
  const present: TdxCollateral = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return { given: present, missing: missing.sort(), validUntil: () => endsOf(present) };
}

/** @throws EvidenceError for a quote that cannot be read */
function requestsFor(quote: Uint8Array): Readonly<Record<Part, ResourceRequest>> {
  const chain = parsePckChain(parseTdxQuote(quote).pckChain);
  const { fmspc } = parsePck(chain.leaf);
  const isPlatform = commonName(chain.intermediate.subject) === 'Intel SGX PCK Platform CA';
  return {
    tcbInfo: intelTcbInfoRequest(fmspc),
    qeIdentity: intelQeIdentityRequest(),
    pckCrl: intelPckCrlRequest(isPlatform ? 'platform' : 'processor'),
    rootCrl: intelRootCrlRequest(),
  };
}

function endsOf(collateral: TdxCollateral): readonly Date[] {
  const { tcbInfo, qeIdentity, pckCrl, rootCrl } = parseTdxCollateral(collateral);
  return [tcbInfo, qeIdentity, pckCrl, rootCrl].flatMap((part) =>
    part?.nextUpdate ? [part.nextUpdate] : [],
  );
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
    const isJson = eventLog[0] === 0x5b || eventLog[0] === 0x7b;
    const log = isJson ? await parseDstackEventLog(eventLog) : parseCcel(eventLog);
    return [promised(what, await appraiseEventLog(log, body), 'it replays')];
  } catch (error) {
    return [refused(what, refusalOf(error))];
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
