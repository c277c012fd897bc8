/**
 * A quote becomes authentic: signed by a quoting enclave that Intel's certificates vouch for, on a platform whose
 * certificates are in force. Its TCB's status is part of the answer; whether that is acceptable is a policy's question
 * (`appraiseTdx`).
 */
import { concatBytes, equalBytes, isZero, sha256, toHex } from '@vitrine/bytes';
import { type Certificate, inOrder, sameCertificate, verifyEcdsa } from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { intelRootCa, isIntelRootCa } from './anchors.ts';
import { requirePckChain, requirePckCrl, requireRootCrl } from './chain.ts';
import { type ParsedCollateral, type TdxCollateral, parseTdxCollateral } from './collateral.ts';
import { requireDates, requireIdentity, requirePlatform, requireSignedCollateral } from './endorsement.ts';
import { tdxError } from './error.ts';
import { type PckChain, type SgxExtension, parsePck, parsePckChain } from './pck.ts';
import { type TdxQuote, parseTdxQuote, requireIntelQe } from './quote.ts';
import { type TdxTcb, evaluateTcb } from './tcb.ts';

export interface TdxEvidence {
  /** Of a parsed quote the bytes it was parsed from. */
  readonly quote: Uint8Array | TdxQuote;
  /** Left out, revocation and TCB are not checked, and checks say so: signatures and chain only. */
  readonly collateral?: TdxCollateral | undefined;
  /** Roots to trust; default the Intel SGX Root CA, and nothing else. */
  readonly anchors?: readonly Certificate[] | undefined;
  /** The time at which everything must be valid. */
  readonly now: Date;
}

declare const authentic: unique symbol;

export interface AuthenticTdxQuote {
  readonly [authentic]: true;
  readonly quote: TdxQuote;
  /** 6 bytes, from the PCK certificate. */
  readonly fmspc: Uint8Array;
  readonly pck: SgxExtension;
  readonly chain: PckChain;
  readonly tcb: TdxTcb;
  /** The root is Intel's own: false for a simulator's or any other that the caller named. */
  readonly isProduction: boolean;
  /** "checked": both lists were given. */
  readonly revocation: 'checked' | 'not-checked';
  /** The time given. */
  readonly time: Date;
  /** What was proven, and what was not looked at. */
  readonly checks: readonly Check[];
}

const QUOTING = 'Intel TDX DCAP Quoting Library API';

/**
 * @throws EvidenceError with a TdxErrorCode. Formats and dates of collateral come first; of signatures that fail together
 *   the chain's is named first, then the lists', the quote's and the collateral's.
 */
export async function authenticateTdx(evidence: TdxEvidence): Promise<AuthenticTdxQuote> {
  const { anchors = [intelRootCa()], now } = evidence;
  const quote = snapshot(evidence.quote);
  requireIntelQe(quote);
  const chain = anchored(parsePckChain(quote.pckChain), anchors);
  const collateral = parseTdxCollateral(evidence.collateral ?? {});
  requireDates(collateral, now);

  const signatures = await inOrder<Check | Check[]>([
    requirePckChain(chain, anchors, now),
    requireRootCrl(chain, collateral, now),
    requirePckCrl(chain, collateral, anchors, now),
    requireQeReport(quote, chain.leaf),
    requireAttestationKey(quote),
    requireQuoteSignature(quote),
    requireSignedCollateral(collateral, anchors, now),
  ]);
  const pck = parsePck(chain.leaf);
  const endorsed = [requireIdentity(quote, collateral), requirePlatform(quote, pck, collateral)];
  const { tcb, check } = evaluate(quote, pck, collateral);

  return {
    quote,
    fmspc: pck.fmspc,
    pck,
    chain,
    tcb,
    isProduction: isIntelRootCa(chain.root),
    revocation: collateral.pckCrl && collateral.rootCrl ? 'checked' : 'not-checked',
    time: new Date(now),
    checks: [formatCheck(quote), ...signatures.flat(), ...endorsed.flat(), check],
  } as Omit<AuthenticTdxQuote, typeof authentic> as AuthenticTdxQuote;
}

/** The bytes as they are now: a caller that changes them later changes nothing here. */
function snapshot(quote: Uint8Array | TdxQuote): TdxQuote {
  return parseTdxQuote(
    quote instanceof Uint8Array ? new Uint8Array(quote) : concatBytes(quote.raw, quote.trailingBytes),
  );
}

/** Its root is the anchor itself where they are the same: a key that is imported already. */
function anchored(chain: PckChain, anchors: readonly Certificate[]): PckChain {
  return { ...chain, root: anchors.find((anchor) => sameCertificate(anchor, chain.root)) ?? chain.root };
}

function formatCheck({ header, bodyType, trailingBytes }: TdxQuote): Check {
  const padding = trailingBytes.length > 0 ? `, ${trailingBytes.length} bytes behind it` : '';
  return passed({
    rule: 'tdx.quote.format',
    expected: 'version 4 or 5, TD 1.0 or 1.5, ECDSA P-256, QE of Intel, exact lengths',
    found: `version ${header.version}, TD 1.${bodyType === 3 ? 5 : 0}${padding}`,
    source: `${QUOTING} appendix A.3, A.4`,
  });
}

/** The PCK signed the quoting enclave's report. */
async function requireQeReport({ qeReport, qeReportSignature }: TdxQuote, leaf: Certificate): Promise<Check> {
  const { publicKey } = leaf;
  const isSigned =
    publicKey.kind === 'ec' &&
    publicKey.curve === 'P-256' &&
    (await verifyEcdsa(
      { curve: 'P-256', point: publicKey.point },
      'SHA-256',
      qeReportSignature,
      qeReport.raw,
    ));
  if (!isSigned)
    throw tdxError(
      'QE_REPORT_SIGNATURE_INVALID',
      'The QE report is not signed by the key of the PCK certificate.',
    );
  return passed({
    rule: 'tdx.qe-report.signature',
    expected: 'ECDSA P-256 with SHA-256 by the PCK',
    found: `signed by the PCK ${leaf.serialNumber}`,
    source: `${QUOTING} appendix A.3.11`,
  });
}

/** The quoting enclave vouches for the attestation key: its digest is in the report, the rest is zero. */
async function requireAttestationKey(quote: TdxQuote): Promise<Check> {
  const expected = await sha256(concatBytes(quote.attestationKey, quote.qeAuthenticationData));
  const { reportData } = quote.qeReport;
  if (!equalBytes(reportData.subarray(0, 32), expected) || !isZero(reportData.subarray(32)))
    throw tdxError(
      'AK_BINDING_INVALID',
      `The QE report names another attestation key: expected ${toHex(expected)} and zeros, found ${toHex(reportData)}.`,
    );
  return passed({
    rule: 'tdx.attestation-key',
    expected: 'SHA-256(attestation key ‖ QE authentication data) in the QE report, the rest zero',
    found: toHex(expected),
    source: `${QUOTING} appendix A.3.8`,
  });
}

/** The attestation key signed header and body. */
async function requireQuoteSignature({ attestationKey, signature, signedBytes }: TdxQuote): Promise<Check> {
  const point = concatBytes(Uint8Array.of(4), attestationKey);
  if (!(await verifyEcdsa({ curve: 'P-256', point }, 'SHA-256', signature, signedBytes)))
    throw tdxError('QUOTE_SIGNATURE_INVALID', 'The quote is not signed by the attestation key in it.');
  return passed({
    rule: 'tdx.quote.signature',
    expected: 'ECDSA P-256 with SHA-256 over header and body by the attestation key',
    found: `${signedBytes.length} bytes signed`,
    source: `${QUOTING} appendix A.3.8`,
  });
}

const tcbRule = {
  rule: 'tdx.tcb',
  expected: 'levels of platform, TDX module and QE evaluated',
  source: 'Intel PCS API v4, TCB info and QE identity',
};

/** Only over collateral whose signature was checked. */
function evaluate(
  quote: TdxQuote,
  pck: SgxExtension,
  { tcbInfo, tcbInfoSigners, qeIdentity, qeIdentitySigners }: ParsedCollateral,
): { readonly tcb: TdxTcb; readonly check: Check } {
  if (tcbInfo && tcbInfoSigners && qeIdentity && qeIdentitySigners) {
    const tcb = evaluateTcb(quote, pck, tcbInfo, qeIdentity);
    return { tcb, check: passed({ ...tcbRule, found: tcb.status }) };
  }
  const evaluationDataNumbers = {
    tcbInfo: tcbInfoSigners && tcbInfo?.tcbEvaluationDataNumber,
    qeIdentity: qeIdentitySigners && qeIdentity?.tcbEvaluationDataNumber,
  };
  const tcb: TdxTcb = {
    status: 'not-checked',
    advisoryIds: [],
    tcbDate: undefined,
    platform: undefined,
    module: undefined,
    qe: undefined,
    evaluationDataNumbers,
  };
  return { tcb, check: notChecked(tcbRule, 'TCB info, QE identity or their issuer chain was not given') };
}
