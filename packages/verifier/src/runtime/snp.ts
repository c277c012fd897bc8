/** An SEV-SNP report: genuine, not revoked, new enough, closed to its host. */
import type { Check } from '@vitrine/appraisal';
import { decodeUtf8, parsePemBlocks, toHex } from '@vitrine/bytes';
import {
  type AuthenticSnpReport,
  type SnpPolicy,
  type SnpReport,
  appraiseSnp,
  authenticateSnp,
  formatTcb,
  parseSnpReport,
  parseVek,
  productOfCpu,
  snpProducts,
} from '@vitrine/evidence';
import { type Context, type Missing, askFor } from '../context.ts';
import { readAs } from '../error.ts';
import {
  amdCertificateChainRequest,
  amdCrlRequest,
  amdVekRequest,
} from '../sources/endorsements/requests.ts';
import { lineOf, tcbFloorOf } from '../policy-file/tcb-floor.ts';
import type { PresentedCpu } from '../presented.ts';
import { type Promised, promised, refused, unchecked } from '../promise.ts';
import { type Refusal, refusalOf } from '../refusal.ts';
import type { ResultCheck } from '../result.ts';
import type { CpuRuntime } from './runtime.ts';

type SnpPresented = Extract<PresentedCpu, { platform: 'sev-snp' }>;

const genuine: Promised = {
  rule: 'runtime.evidence',
  title: 'A genuine AMD processor signed the report',
  evidence: 'document',
  expected: 'a report signed by a key that AMD endorses for this chip and firmware',
  source: 'SEV-SNP ABI 56860, VCEK specification 57230',
};
const notRevoked: Promised = {
  rule: 'runtime.revocation',
  title: "AMD has not revoked the processor's keys",
  evidence: 'AMD revocation list',
  expected: 'a current list that does not name them',
  source: 'VCEK specification 57230 section 4.3',
};
const upToDate: Promised = {
  rule: 'runtime.tcb',
  title: 'Its firmware is recent enough',
  evidence: 'document',
  expected: 'every component at or over its floor',
  source: 'policy, hardware.sev-snp.minimum-tcb',
};
const closed: Promised = {
  rule: 'runtime.isolation',
  title: 'The VM is closed to its host: no debugging, no migration',
  evidence: 'document',
  expected: 'guest policy and privilege level as the policy demands',
  source: 'SEV-SNP ABI 56860 section 4.3',
};

/** @returns what was authenticated, and the promises about it */
export async function checkSnp(cpu: SnpPresented, context: Context): Promise<CpuRuntime> {
  const parsed = parse(cpu.report);
  if ('code' in parsed)
    return { checks: [refused(genuine, parsed), ...gone([notRevoked, upToDate, closed])] };
  const vcek = cpu.vcek ?? (await fetchVek(context, parsed));
  if (!(vcek instanceof Uint8Array))
    return { checks: [unchecked(genuine, vcek.reason, vcek.code), ...gone([notRevoked, upToDate, closed])] };
  const intermediates = await findIntermediates(cpu, vcek, context);
  if (intermediates && 'reason' in intermediates)
    return {
      checks: [
        unchecked(genuine, intermediates.reason, intermediates.code),
        ...gone([notRevoked, upToDate, closed]),
      ],
    };
  const revocation = await authenticateWithRevocation({ ...cpu, intermediates }, vcek, context);
  if ('error' in revocation)
    return { checks: [refused(genuine, revocation.error), ...gone([notRevoked, upToDate, closed])] };
  const { authentic, check: revocationCheck } = revocation;
  const { checks } = appraiseSnp(authentic, snpPolicy(context, authentic));
  const isAbout =
    (...words: string[]) =>
    (check: Check) =>
      words.some((word) => check.rule.startsWith(`snp.policy.${word}`));
  return {
    authentic: {
      platform: 'sev-snp',
      registers: { launchDigest: toHex(authentic.report.measurement) },
      reportData: authentic.report.reportData,
      hostData: toHex(authentic.report.hostData),
      cpu: cpuName(authentic),
      tcb: formatTcb(authentic.tcb.reported),
      isProduction: authentic.isProduction,
      validUntil: [authentic.vek.certificate.notAfter],
      trusted: authentic.isProduction
        ? `AMD's root key for ${authentic.product}`
        : `a root for ${authentic.product} that is not AMD's`,
    },
    checks: [
      promised(
        genuine,
        authentic.checks.filter(({ rule }) => rule !== 'snp.revocation'),
        `${authentic.product}, ${authentic.vek.kind} of chip ${toHex(authentic.report.chipId).slice(0, 16)}…`,
      ),
      revocationCheck,
      promised(upToDate, checks.filter(isAbout('tcb', 'firmware')), formatTcb(authentic.tcb.reported)),
      promised(
        closed,
        checks.filter((check) => !isAbout('tcb', 'firmware', 'revocation')(check)),
        'closed',
      ),
    ],
  };
}

/** "AMD Genoa"; "AMD Genoa, Bergamo" where the line has another numbering of microcode than its product. */
function cpuName({ product, report }: AuthenticSnpReport): string {
  const line = lineOf(product, report.cpu);
  return line === product ? `AMD ${product}` : `AMD ${product}, ${line}`;
}

function gone(promises: readonly Promised[]) {
  return promises.map((each) => unchecked(each, 'the report is not authentic'));
}

function parse(report: Uint8Array): SnpReport | Refusal {
  try {
    return parseSnpReport(report);
  } catch (error) {
    return refusalOf(error);
  }
}

/** A report before version 3 does not say which product it is of: each is asked, and one knows the chip. */
async function fetchVek(context: Context, report: SnpReport): Promise<Uint8Array | Missing> {
  const product = report.cpu && productOfCpu(report.cpu);
  let missing: Missing = { reason: 'AMD knows no such chip', code: 'HTTP_STATUS' };
  for (const candidate of product ? [product] : snpProducts) {
    const answer = await context.source.get(amdVekRequest(candidate, report));
    if (answer.ok) return answer.bytes;
    missing = { reason: `AMD's certificate of the chip is missing: ${answer.message}`, code: answer.code };
    if (answer.status !== 404) break;
  }
  return missing;
}

/** AMD's own are known. Under another root they come with the evidence, or from where the processor's certificate does. */
async function findIntermediates(
  { intermediates }: SnpPresented,
  vcek: Uint8Array,
  context: Context,
): Promise<readonly Uint8Array[] | Missing | undefined> {
  const vek = intermediates ? undefined : parseOr(() => parseVek(new Uint8Array(vcek)));
  if (!vek) return intermediates;
  const { product, kind } = vek;
  const known = context.anchors.snp?.[product];
  if (!known || (kind === 'VCEK' ? known.ask : known.asvk)) return undefined;
  const chain = await askFor(context, amdCertificateChainRequest(product, kind), (bytes) =>
    readAs('ENDORSEMENT_MALFORMED', "AMD's certificate chain", () =>
      parsePemBlocks(decodeUtf8(bytes), 'CERTIFICATE', 'certificate chain'),
    ),
  );
  if ('value' in chain) return chain.value;
  return { reason: `AMD's certificate chain is missing: ${chain.reason}`, code: chain.code };
}

/** What is wrong with it is for its authentication to say. */
function parseOr<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    refusalOf(error);
    return undefined;
  }
}

function authenticate(
  { report, intermediates }: SnpPresented,
  vek: Uint8Array,
  crl: Uint8Array | undefined,
  { anchors, now }: Context,
): Promise<AuthenticSnpReport> {
  return authenticateSnp({
    report,
    vek,
    now,
    ...(intermediates ? { intermediates } : {}),
    ...(anchors.snp ? { anchors: anchors.snp } : {}),
    ...(crl ? { crl } : {}),
  });
}

type Authenticated =
  { readonly authentic: AuthenticSnpReport; readonly check: ResultCheck } | { readonly error: Refusal };

/** A list that cannot be had, or is bad, does not hide whose report it is. */
async function authenticateWithRevocation(
  cpu: SnpPresented,
  vcek: Uint8Array,
  context: Context,
): Promise<Authenticated> {
  const what = { ...notRevoked, required: context.policy.hardware.snp.requireRevocation };
  try {
    const list = await revocationList(cpu, vcek, context);
    if ('reason' in list) {
      const check = unchecked(what, `AMD's revocation list is missing: ${list.reason}`, list.code);
      return { authentic: await authenticate(cpu, vcek, undefined, context), check };
    }
    const from = { ...what, evidence: list.evidence };
    try {
      const authentic = await authenticate(cpu, vcek, list.bytes, context);
      const check = promised(
        from,
        authentic.checks.filter(({ rule }) => rule === 'snp.revocation'),
      );
      return { authentic, check };
    } catch (error) {
      const refusal = refusalOf(error);
      if (!isAboutRevocation(refusal)) return { error: refusal };
      const authentic = await authenticate(cpu, vcek, undefined, context);
      return { authentic, check: refused({ ...from, required: true }, refusal) };
    }
  } catch (error) {
    return { error: refusalOf(error) };
  }
}

function isAboutRevocation({ code }: Refusal): boolean {
  return code.startsWith('CRL_') || code.endsWith('_REVOKED');
}

async function revocationList(
  { crl }: SnpPresented,
  vcek: Uint8Array,
  context: Context,
): Promise<{ readonly bytes: Uint8Array; readonly evidence: string } | Missing> {
  if (crl) return { bytes: crl, evidence: 'document' };
  const { product, kind } = parseVek(new Uint8Array(vcek));
  const request = amdCrlRequest(product, kind);
  const list = await askFor(context, request, (bytes) => bytes);
  return 'value' in list ? { bytes: list.value, evidence: request.url } : list;
}

function snpPolicy({ policy }: Context, { product, report }: AuthenticSnpReport): SnpPolicy {
  const { snp } = policy.hardware;
  return {
    guestPolicy: {
      debug: snp.allowDebug ? 'any' : false,
      migrateMa: snp.allowMigration ? 'any' : false,
      ...(snp.allowSmt ? {} : { smtAllowed: false }),
    },
    vmpl: snp.vmpl,
    product: snp.products,
    minimumTcb: { [product]: tcbFloorOf(policy, product, report.cpu) },
  };
}
