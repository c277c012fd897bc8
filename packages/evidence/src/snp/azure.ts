/**
 * Azure's confidential VMs: the SNP report is the paravisor's, made at boot, and its REPORT_DATA the digest of runtime data
 * that holds the vTPM's attestation key. What is fresh is a quote of that vTPM.
 */
import { concatBytes, equalBytes, fromBase64Url, isZero, sha256, toHex } from '@vitrine/bytes';
import { type Appraisal, type Check, appraisalOf, decided, notChecked, passed } from '@vitrine/appraisal';
import { refuseAs } from '../error.ts';
import { type AuthenticSnpReport, type SnpEvidence, authenticateSnp } from './authenticate.ts';
import { snpError } from './error.ts';
import { type HclReport, type HclRuntimeClaims, parseHclReport, parseRuntimeData } from './hcl-report.ts';
import { type TpmQuote, parseTpmQuote } from './tpm-quote.ts';

export interface AzureEvidence extends Omit<SnpEvidence, 'report'> {
  /** The HCL report with its header, zeros behind it included. */
  readonly hclReport: Uint8Array;
}

export interface AzureVtpmEvidence extends AzureEvidence {
  /** TPMS_ATTEST. */
  readonly quote: Uint8Array;
  /** RSASSA-PKCS1-v1_5 with SHA-256 over it, bare. */
  readonly signature: Uint8Array;
  /** The values of the PCRs that the quote selects, in its order; SHA-256, 32 bytes each. */
  readonly pcrs?: readonly Uint8Array[];
}

declare const authentic: unique symbol;

/** The report is authentic, and endorses the runtime data. */
export interface AuthenticAzureReport {
  readonly [authentic]: true;
  readonly snp: AuthenticSnpReport;
  readonly runtimeData: Uint8Array;
  readonly claims: HclRuntimeClaims;
  readonly checks: readonly Check[];
}

/** And the attestation key in the runtime data signed the quote. */
export interface AuthenticAzureVtpm extends AuthenticAzureReport {
  readonly quote: TpmQuote;
  /** The quote's: compare it with what was sent. Empty where the quote is fresh for nobody. */
  readonly nonce: Uint8Array;
  /** Values by number, where they were given: proven by the quote's digest. */
  readonly pcrs: ReadonlyMap<number, Uint8Array> | undefined;
}

const SOURCE = 'Azure confidential VM guest attestation design';
const TPM = 'TPM 2.0 Library, part 2';
const TPM_ALG_SHA256 = 0x000b;

/** @throws EvidenceError as `authenticateSnp`, HCL_REPORT_MALFORMED or RUNTIME_DATA_MISMATCH */
export async function authenticateAzureReport(evidence: AzureEvidence): Promise<AuthenticAzureReport> {
  const { hclReport, ...endorsements } = evidence;
  const hcl = parseHclReport(new Uint8Array(hclReport));
  const snp = await authenticateSnp({ ...endorsements, report: hcl.report });
  const binding = await requireRuntimeData(snp, hcl);
  const claims = parseRuntimeData(hcl.runtimeData);
  return {
    snp,
    runtimeData: hcl.runtimeData,
    claims,
    checks: [...snp.checks, binding],
  } as Omit<AuthenticAzureReport, typeof authentic> as AuthenticAzureReport;
}

/** @throws EvidenceError as `authenticateAzureReport`, VTPM_QUOTE_MALFORMED, VTPM_QUOTE_SIGNATURE_INVALID or VTPM_PCRS_MISMATCH */
export async function authenticateAzureVtpm(evidence: AzureVtpmEvidence): Promise<AuthenticAzureVtpm> {
  const quoteBytes = new Uint8Array(evidence.quote);
  const quote = parseTpmQuote(quoteBytes);
  const report = await authenticateAzureReport(evidence);
  const signature = await requireQuoteSignature(report.claims, quoteBytes, evidence.signature);
  const { pcrs, check } = await requirePcrs(quote, evidence.pcrs);
  const vtpm: AuthenticAzureVtpm = {
    ...report,
    quote,
    nonce: quote.nonce,
    pcrs,
    checks: [...report.checks, signature, check],
  };
  return vtpm;
}

/** REPORT_DATA is the SHA-256, zeros behind it. */
async function requireRuntimeData(
  { report }: AuthenticSnpReport,
  { runtimeData }: HclReport,
): Promise<Check> {
  const expected = await sha256(runtimeData);
  const { reportData } = report;
  if (!equalBytes(reportData.subarray(0, 32), expected) || !isZero(reportData.subarray(32)))
    throw snpError(
      'RUNTIME_DATA_MISMATCH',
      `Expected REPORT_DATA to be the SHA-256 of the runtime data, ${toHex(expected)}, found ${toHex(reportData)}.`,
    );
  return passed({
    rule: 'azure.runtime-data',
    expected: 'REPORT_DATA is the SHA-256 of the runtime data',
    found: toHex(expected),
    source: SOURCE,
  });
}

async function requireQuoteSignature(
  { attestationKey }: HclRuntimeClaims,
  quote: Uint8Array,
  signature: Uint8Array,
): Promise<Check> {
  requireRsaKey(attestationKey);
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const key = await importRsa({ kty: 'RSA', ...attestationKey }, algorithm);
  if (!(await crypto.subtle.verify(algorithm.name, key, new Uint8Array(signature), new Uint8Array(quote))))
    throw snpError('VTPM_QUOTE_SIGNATURE_INVALID', 'The quote is not signed by the key HCLAkPub.');
  return passed({
    rule: 'azure.vtpm.signature',
    expected: 'signed by HCLAkPub of the runtime data',
    found: 'RSASSA-PKCS1-v1_5 with SHA-256',
    source: `${SOURCE}; ${TPM} section 10.12`,
  });
}

/** 2048 to 4096 bits, exponent 65537: what a vTPM has, and what costs a bounded time. */
function requireRsaKey({ n, e }: HclRuntimeClaims['attestationKey']): void {
  const modulus = refuseAs('HCL_REPORT_MALFORMED', () => fromBase64Url(n, 'modulus of HCLAkPub'));
  const isSized = modulus.length >= 256 && modulus.length <= 512 && modulus[0] !== 0;
  if (!isSized || e !== 'AQAB')
    throw snpError('HCL_REPORT_MALFORMED', 'HCLAkPub is no RSA key of 2048 to 4096 bits and exponent 65537.');
}

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

async function importRsa(
  jwk: { readonly kty: 'RSA'; readonly n: string; readonly e: string },
  algorithm: { readonly name: string; readonly hash: string },
): Promise<Key> {
  try {
    return await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
  } catch (cause) {
    throw snpError('HCL_REPORT_MALFORMED', 'HCLAkPub is no RSA key that can be used.', cause);
  }
}

/** pcrDigest is over the values of the selected PCRs (TPM 2.0 Library, part 3, section 18.4). */
async function requirePcrs(
  { pcrSelections, pcrDigest }: TpmQuote,
  values: readonly Uint8Array[] | undefined,
): Promise<{ pcrs: ReadonlyMap<number, Uint8Array> | undefined; check: Check }> {
  const rule = {
    rule: 'azure.vtpm.pcrs',
    expected: `PCR values with the digest ${toHex(pcrDigest)}`,
    source: `${TPM} section 10.12.1`,
  };
  if (!values) return { pcrs: undefined, check: notChecked(rule, 'no PCR values were given') };
  const [selection, ...others] = pcrSelections;
  const isReadable = selection?.hash === TPM_ALG_SHA256 && others.length === 0;
  const isComplete = isReadable && selection.pcrs.length === values.length;
  if (!isComplete || values.some(({ length }) => length !== 32))
    throw snpError(
      'VTPM_PCRS_MISMATCH',
      `The ${values.length} PCR values are not those that the quote selects.`,
    );
  const found = await sha256(concatBytes(...values));
  if (!equalBytes(found, pcrDigest))
    throw snpError('VTPM_PCRS_MISMATCH', `The PCR values have the digest ${toHex(found)}, not the quote's.`);
  const pcrs = new Map(selection.pcrs.map((number, index) => [number, new Uint8Array(values[index]!)]));
  return { pcrs, check: passed({ ...rule, found: `${values.length} PCRs` }) };
}

/** The SNP report's own rules are `appraiseSnp`'s, over `snp`. */
export interface AzureVtpmPolicy {
  /** What was sent to the VM. Without it the quote's nonce must at least not be empty. */
  readonly nonce?: Uint8Array;
  /** Values that PCRs must have: 32 bytes each, by number. */
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  /** The 64 bytes of user data in the runtime data. */
  readonly userData?: Uint8Array;
}

export type AzureVtpmPolicyCode =
  'VTPM_NONCE_EMPTY' | 'VTPM_NONCE_MISMATCH' | 'VTPM_PCR_MISMATCH' | 'RUNTIME_USER_DATA_MISMATCH';

export function appraiseAzureVtpm(vtpm: AuthenticAzureVtpm, policy: AzureVtpmPolicy = {}): Appraisal {
  return appraisalOf([nonceRule(vtpm, policy), ...pcrRules(vtpm, policy), ...userDataRule(vtpm, policy)]);
}

function nonceRule({ nonce }: AuthenticAzureVtpm, { nonce: expected }: AzureVtpmPolicy): Check {
  const rule = {
    rule: 'azure.policy.nonce',
    expected: expected ? toHex(expected) : 'a nonce',
    found: nonce.length === 0 ? 'none' : toHex(nonce),
    source: `${TPM} section 10.12, extraData`,
  };
  const empty: AzureVtpmPolicyCode = 'VTPM_NONCE_EMPTY';
  if (nonce.length === 0) return decided(false, rule, empty, 'the quote is fresh for nobody');
  const mismatch: AzureVtpmPolicyCode = 'VTPM_NONCE_MISMATCH';
  return decided(!expected || equalBytes(expected, nonce), rule, mismatch);
}

function pcrRules(vtpm: AuthenticAzureVtpm, { pcrs = new Map() }: AzureVtpmPolicy): Check[] {
  return [...pcrs].map(([number, expected]) => {
    const found = vtpm.pcrs?.get(number);
    const code: AzureVtpmPolicyCode = 'VTPM_PCR_MISMATCH';
    const rule = {
      rule: `azure.policy.pcr.${number}`,
      expected: toHex(expected),
      found: found ? toHex(found) : 'no value that the quote proves',
      source: `${TPM} section 10.12.1`,
    };
    return decided(found !== undefined && equalBytes(found, expected), rule, code);
  });
}

function userDataRule({ claims }: AuthenticAzureVtpm, { userData }: AzureVtpmPolicy): Check[] {
  if (!userData) return [];
  const rule = {
    rule: 'azure.policy.user-data',
    expected: toHex(userData),
    found: claims.userData ? toHex(claims.userData) : 'none',
    source: `${SOURCE}, user-data`,
  };
  const code: AzureVtpmPolicyCode = 'RUNTIME_USER_DATA_MISMATCH';
  return [decided(claims.userData !== undefined && equalBytes(claims.userData, userData), rule, code)];
}
