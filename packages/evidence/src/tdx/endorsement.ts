/** TCB info and QE identity: in date, signed by Intel's TCB signing certificate, and about this very platform. */
import { equalBytes, toHex } from '@vitrine/bytes';
import { type Certificate, extensionOid, inOrder, sameCertificate, verifyChain } from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { refuseAsync } from '../error.ts';
import { requireName, withRoot } from './chain.ts';
import type { ParsedCollateral } from './collateral.ts';
import { type TdxErrorCode, tdxError } from './error.ts';
import type { SgxExtension } from './pck.ts';
import { requireQeIdentity } from './qe-identity.ts';
import type { TdxQuote } from './quote.ts';
import { type SignedJson, isSignedJson, requireInForce } from './signed-json.ts';
import { requireModule } from './tcb.ts';

const PCS = 'Intel PCS API v4';

export function requireDates({ tcbInfo, qeIdentity }: ParsedCollateral, now: Date): void {
  if (tcbInfo)
    requireInForce(tcbInfo, now, 'TCB info', { early: 'TCB_INFO_NOT_YET_VALID', late: 'TCB_INFO_EXPIRED' });
  if (qeIdentity)
    requireInForce(qeIdentity, now, 'QE identity', {
      early: 'QE_IDENTITY_NOT_YET_VALID',
      late: 'QE_IDENTITY_EXPIRED',
    });
}

/** The two usually have the same chain, which is then verified once. */
export async function requireSignedCollateral(
  collateral: ParsedCollateral,
  anchors: readonly Certificate[],
  now: Date,
): Promise<Check[]> {
  const { tcbInfo, tcbInfoSigners, qeIdentity, qeIdentitySigners } = collateral;
  const isShared =
    tcbInfoSigners && qeIdentitySigners && tcbInfo && sameChain(tcbInfoSigners, qeIdentitySigners);
  return inOrder([
    requireSigned('tcb-info', tcbInfo?.signed, tcbInfoSigners, anchors, now, false),
    requireSigned('qe-identity', qeIdentity?.signed, qeIdentitySigners, anchors, now, isShared ?? false),
  ]);
}

function sameChain(a: readonly Certificate[], b: readonly Certificate[]): boolean {
  return a.length === b.length && a.every((certificate, index) => sameCertificate(certificate, b[index]!));
}

const words = {
  'tcb-info': { name: 'TCB info', chain: 'TCB_INFO_CHAIN_INVALID', signature: 'TCB_INFO_SIGNATURE_INVALID' },
  'qe-identity': {
    name: 'QE identity',
    chain: 'QE_IDENTITY_CHAIN_INVALID',
    signature: 'QE_IDENTITY_SIGNATURE_INVALID',
  },
} as const satisfies Record<string, { name: string; chain: TdxErrorCode; signature: TdxErrorCode }>;

async function requireSigned(
  kind: keyof typeof words,
  signed: SignedJson | undefined,
  signers: readonly Certificate[] | undefined,
  anchors: readonly Certificate[],
  now: Date,
  isChainVerified: boolean,
): Promise<Check> {
  const { name, chain, signature } = words[kind];
  const rule = {
    rule: `tdx.${kind}.signature`,
    expected: 'signed by the TCB signing certificate, that by a trusted root, in date',
    source: `${PCS}, TCB info and QE identity`,
  };
  if (!signed) return notChecked(rule, `${name} was not given`);
  const signer = signers?.[0];
  if (!signer) return notChecked(rule, `the issuer chain of ${name} was not given`);
  requireName(signer, ['Intel SGX TCB Signing'], chain);
  const path = withRoot(signers, anchors);
  if (path.length !== 2) throw tdxError(chain, `${name} issuer chain: expected signer and root.`);
  const [isSigned] = await Promise.all([
    isSignedJson(signed, signer),
    isChainVerified ||
      refuseAsync(chain, () =>
        verifyChain(path, {
          anchors,
          now,
          what: `${name} issuer chain`,
          knownExtensions: [extensionOid.crlDistributionPoints],
        }),
      ),
  ]);
  if (!isSigned)
    throw tdxError(signature, `${name} is not signed, as its bytes stand, by the TCB signing certificate.`);
  return passed({ ...rule, found: `signed by ${signer.serialNumber}` });
}

/** TCB info is about the platform of the PCK certificate and the TDX module of the quote. */
export function requirePlatform(
  { body }: TdxQuote,
  pck: SgxExtension,
  { tcbInfo, tcbInfoSigners }: ParsedCollateral,
): Check[] {
  const platform = {
    rule: 'tdx.tcb-info.platform',
    expected: 'FMSPC and PCE-ID of TCB info are those of the PCK certificate',
    source: `${PCS}, TCB info`,
  };
  const module = {
    rule: 'tdx.tcb-info.module',
    expected: 'MRSIGNERSEAM and SEAMATTRIBUTES are those of the TDX module identity',
    source: `${PCS}, TCB info`,
  };
  if (!tcbInfo) return [platform, module].map((rule) => notChecked(rule, 'TCB info was not given'));
  if (!equalBytes(tcbInfo.fmspc, pck.fmspc))
    throw tdxError(
      'PCK_FMSPC_MISMATCH',
      `TCB info: expected FMSPC ${toHex(pck.fmspc)}, found ${toHex(tcbInfo.fmspc)}.`,
    );
  if (!equalBytes(tcbInfo.pceId, pck.pceId))
    throw tdxError(
      'PCK_PCEID_MISMATCH',
      `TCB info: expected PCE-ID ${toHex(pck.pceId)}, found ${toHex(tcbInfo.pceId)}.`,
    );
  requireModule(body, tcbInfo);
  if (!tcbInfoSigners)
    return [platform, module].map((rule) =>
      notChecked(rule, 'TCB info agrees, but its signature was not checked'),
    );
  return [
    passed({ ...platform, found: `FMSPC ${toHex(pck.fmspc)}, PCE-ID ${toHex(pck.pceId)}` }),
    passed({ ...module, found: `TEE_TCB_SVN ${toHex(body.teeTcbSvn)}` }),
  ];
}

/** The quoting enclave is the one that Intel describes. */
export function requireIdentity(
  { qeReport }: TdxQuote,
  { qeIdentity, qeIdentitySigners }: ParsedCollateral,
): Check {
  const rule = {
    rule: 'tdx.qe-identity',
    expected: 'MRSIGNER, ISVPRODID, MISCSELECT and ATTRIBUTES of the QE are those of its identity',
    source: `${PCS}, QE identity`,
  };
  if (!qeIdentity) return notChecked(rule, 'QE identity was not given');
  requireQeIdentity(qeReport, qeIdentity);
  if (!qeIdentitySigners) return notChecked(rule, 'QE identity agrees, but its signature was not checked');
  return passed({ ...rule, found: `MRSIGNER ${toHex(qeReport.mrSigner)}` });
}
