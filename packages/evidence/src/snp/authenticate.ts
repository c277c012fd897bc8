/**
 * A report becomes authentic: signed by a key that AMD endorses, for the very chip and TCB version that it names, and
 * not contradicting itself. Whether it is acceptable is a policy's question (`appraiseSnp`).
 */
import { toHex } from '@vitrine/bytes';
import {
  type Crl,
  X509Error,
  begun,
  inOrder,
  parseCrl,
  requireNotRevoked,
  verifyChain,
  verifyCrl,
  verifyEcdsa,
} from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { refuseAs, refuseAsync } from '../error.ts';
import {
  requireOrder,
  requireSameChip,
  requireSameProduct,
  requireSameTcb,
  requireSigner,
} from './binding.ts';
import { type SnpChain, type SnpChainInputs, assembleChain } from './chain.ts';
import { type SnpErrorCode, snpError } from './error.ts';
import type { SnpProduct } from './product.ts';
import { type SnpReport, parseSnpReport, snpSignedBytes } from './report.ts';
import { type SnpTcb, decodeTcb } from './tcb.ts';
import { type Vek, parseVek } from './vek.ts';

export interface SnpEvidence extends SnpChainInputs {
  /** 1184 bytes; of a parsed report the bytes it was parsed from. */
  readonly report: Uint8Array | SnpReport;
  /** DER of the VCEK's or VLEK's certificate. */
  readonly vek: Uint8Array;
  /** DER of the ARK's revocation list for the product. Without it revocation is not checked, and a check says so. */
  readonly crl?: Uint8Array;
  /** The time at which everything must be valid. */
  readonly now: Date;
}

/** TCB versions of a report, decoded for its product. */
export interface SnpTcbs {
  readonly current: SnpTcb;
  readonly reported: SnpTcb;
  readonly committed: SnpTcb;
  readonly launch: SnpTcb;
}

declare const authentic: unique symbol;

export interface AuthenticSnpReport {
  readonly [authentic]: true;
  readonly report: SnpReport;
  readonly product: SnpProduct;
  readonly tcb: SnpTcbs;
  readonly vek: Vek;
  readonly chain: SnpChain;
  /** The ARK is AMD's, built in: false for a simulator's or any other that the caller named. */
  readonly isProduction: boolean;
  readonly revocation: 'checked' | 'not-checked';
  /** What was proven, and what was not looked at. */
  readonly checks: readonly Check[];
}

const ABI = 'SEV-SNP ABI 56860';
const KDS = 'VCEK specification 57230';

/**
 * @throws EvidenceError with a SnpErrorCode. What costs no signature is checked first; of signatures that fail together
 *   the chain's is named before the list's, and the report's comes last.
 */
export async function authenticateSnp(evidence: SnpEvidence): Promise<AuthenticSnpReport> {
  const report = snapshot(evidence.report);
  const vek = parseVek(new Uint8Array(evidence.vek));
  // It takes longest, and depends on nothing else.
  const signature = begun(requireSignature(report, vek));
  const { product } = vek;
  const tcb = decodeTcbs(product, report);
  const crl = evidence.crl && readCrl(evidence.crl);

  const checks = [
    passed({
      rule: 'snp.report.format',
      expected: 'versions 2 to 5, 1184 bytes, reserved fields zero',
      found: `version ${report.version}`,
      source: `${ABI} section 7.3`,
    }),
    requireSigner(report, vek),
    requireSameProduct(report, vek),
    requireSameChip(report, vek),
    requireSameTcb(report, vek),
    requireOrder(vek, tcb),
  ];

  const chain = assembleChain(vek, evidence);
  const signatures = await inOrder([
    requireChain(chain, evidence.now),
    requireRevocation(chain, crl, evidence.now),
    signature,
  ]);
  return {
    report,
    product,
    tcb,
    vek,
    chain,
    isProduction: chain.isProduction,
    revocation: crl ? 'checked' : 'not-checked',
    checks: [...checks, ...signatures],
  } as Omit<AuthenticSnpReport, typeof authentic> as AuthenticSnpReport;
}

/** The bytes as they are now: a caller that changes them later changes nothing here. */
function snapshot(report: Uint8Array | SnpReport): SnpReport {
  return parseSnpReport(new Uint8Array(report instanceof Uint8Array ? report : report.raw));
}

function decodeTcbs(product: SnpProduct, report: SnpReport): SnpTcbs {
  return {
    current: decodeTcb(product, report.currentTcb),
    reported: decodeTcb(product, report.reportedTcb),
    committed: decodeTcb(product, report.committedTcb),
    launch: decodeTcb(product, report.launchTcb),
  };
}

function readCrl(der: Uint8Array): Crl {
  return refuseAs('CRL_MALFORMED', () => parseCrl(new Uint8Array(der), 'AMD revocation list'));
}

/** VCEK or VLEK, ASK or ASVK, ARK. The ARK is trusted for being the anchor: its own signature proves nothing. */
async function requireChain({ vek, intermediate, ark, isProduction }: SnpChain, now: Date): Promise<Check> {
  await refuseAsync(chainCode, () =>
    verifyChain([vek, intermediate, ark], { anchors: [ark], now, what: 'endorsement key chain' }),
  );
  return passed({
    rule: 'snp.chain',
    expected: 'signed by the ASK or ASVK, that by a trusted ARK, all valid at the time given',
    found: isProduction ? "up to AMD's ARK" : 'up to an ARK that the caller named',
    source: `${KDS} section 2`,
  });
}

/** By the certificate that was refused: 0 is the endorsement key's, 1 the ASK or ASVK, 2 the ARK. */
function chainCode(cause: Error): SnpErrorCode {
  if (!(cause instanceof X509Error)) return 'VCEK_CHAIN_INVALID';
  if (cause.chainIndex === 2) return 'ARK_UNTRUSTED';
  if (cause.chainIndex === 1) return 'ASK_INVALID';
  if (cause.code === 'EXPIRED') return 'VCEK_EXPIRED';
  return cause.code === 'NOT_YET_VALID' ? 'VCEK_NOT_YET_VALID' : 'VCEK_CHAIN_INVALID';
}

/** The ARK's list names authorities. An endorsement key of its own cannot be revoked: its serial number is 0. */
async function requireRevocation(
  { intermediate, ark }: SnpChain,
  crl: Crl | undefined,
  now: Date,
): Promise<Check> {
  const rule = {
    rule: 'snp.revocation',
    expected: 'neither the ASK or ASVK nor the ARK on the list of the ARK',
    source: `${KDS} section 4.3`,
  };
  if (!crl) return notChecked(rule, 'no revocation list was given');
  const verified = await refuseAsync(crlCode, () => verifyCrl(crl, ark, now, 'AMD revocation list'));
  refuseAs('ASK_REVOKED', () => requireNotRevoked(intermediate, verified, 'AMD revocation list'));
  refuseAs('ARK_REVOKED', () => requireNotRevoked(ark, verified, 'AMD revocation list'));
  return passed({
    ...rule,
    found: `not among ${verified.revoked.size} of ${verified.thisUpdate.toISOString()}`,
  });
}

function crlCode(cause: Error): SnpErrorCode {
  const code = cause instanceof X509Error ? cause.code : undefined;
  return code === 'CRL_EXPIRED' || code === 'CRL_NOT_YET_VALID' ? code : 'CRL_SIGNATURE_INVALID';
}

async function requireSignature(report: SnpReport, vek: Vek): Promise<Check> {
  const { publicKey } = vek.certificate;
  const data = report.raw.subarray(0, snpSignedBytes);
  const isSigned =
    publicKey.kind === 'ec' &&
    publicKey.curve === 'P-384' &&
    (await verifyEcdsa({ curve: 'P-384', point: publicKey.point }, 'SHA-384', report.signature, data));
  if (!isSigned)
    throw snpError('REPORT_SIGNATURE_INVALID', `The report is not signed by the ${nameOf(vek)}.`);
  return passed({
    rule: 'snp.signature',
    expected: 'ECDSA P-384 with SHA-384 over bytes 0 to 0x29f',
    found: `signed by the ${nameOf(vek)}`,
    source: `${ABI} section 7.3, table 23`,
  });
}

function nameOf({ kind, hwid, cspId }: Vek): string {
  return hwid ? `${kind} of chip ${toHex(hwid)}` : `${kind} of ${cspId ?? 'no provider'}`;
}
