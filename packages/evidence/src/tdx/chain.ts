/** The PCK chain up to the root, and both revocation lists (Intel SGX PCK Certificate and CRL Profile). */
import { toHex } from '@vitrine/bytes';
import {
  type Certificate,
  type Crl,
  X509Error,
  commonName,
  extensionOid,
  formatName,
  requireNotRevoked,
  sameCertificate,
  verifyChain,
  verifyCrl,
} from '@vitrine/x509';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import { refuseAs, refuseAsync } from '../error.ts';
import type { ParsedCollateral } from './collateral.ts';
import { type TdxErrorCode, tdxError } from './error.ts';
import { type PckChain, sgxExtensionOid } from './pck.ts';

const PROFILE = 'Intel SGX PCK Certificate and CRL Profile';

/** Extensions that a chain may mark critical. */
const known = [sgxExtensionOid, extensionOid.crlDistributionPoints];

/** Each certificate in the role that its name says, signed by the next, the last a trust anchor. */
export async function requirePckChain(
  { leaf, intermediate, root }: PckChain,
  anchors: readonly Certificate[],
  now: Date,
): Promise<Check> {
  requireName(leaf, ['Intel SGX PCK Certificate'], 'PCK_CHAIN_INVALID');
  requireName(intermediate, ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'], 'PCK_CHAIN_INVALID');
  requireName(root, ['Intel SGX Root CA'], 'PCK_CHAIN_INVALID');
  await refuseAsync(chainCode, () =>
    verifyChain([leaf, intermediate, root], { anchors, now, what: 'PCK chain', knownExtensions: known }),
  );
  return passed({
    rule: 'tdx.pck-chain',
    expected: 'PCK certificate, Platform or Processor CA, a trusted root, all valid at the time given',
    found: `${commonName(intermediate.subject) ?? ''}, PCK ${leaf.serialNumber}`,
    source: `${PROFILE} section 2`,
  });
}

function chainCode(cause: Error): TdxErrorCode {
  if (!(cause instanceof X509Error)) return 'PCK_CHAIN_INVALID';
  switch (cause.code) {
    case 'ROOT_UNTRUSTED':
      return 'ROOT_CA_UNTRUSTED';
    case 'EXPIRED':
      return 'PCK_EXPIRED';
    case 'NOT_YET_VALID':
      return 'PCK_NOT_YET_VALID';
    default:
      return 'PCK_CHAIN_INVALID';
  }
}

/** @throws EvidenceError with the code */
export function requireName(certificate: Certificate, names: readonly string[], code: TdxErrorCode): void {
  const name = commonName(certificate.subject);
  if (name !== undefined && names.includes(name)) return;
  throw tdxError(
    code,
    `expected a certificate of ${names.join(' or ')}, found ${formatName(certificate.subject)}.`,
  );
}

/** The root's list names authorities: the intermediate and the certificate that signs collateral. */
export async function requireRootCrl(
  { intermediate, root }: PckChain,
  { rootCrl, tcbInfoSigners, qeIdentitySigners }: ParsedCollateral,
  now: Date,
): Promise<Check> {
  const rule = {
    rule: 'tdx.revocation.root',
    expected: 'intermediate authority and TCB signing certificate not on the list of the root',
    source: `${PROFILE} section 3`,
  };
  if (!rootCrl) return notChecked(rule, 'the list of the root was not given');
  const verified = await refuseAsync(crlCode('ROOT'), () => verifyCrl(rootCrl, root, now, 'root CRL'));
  refuseAs('INTERMEDIATE_REVOKED', () => requireNotRevoked(intermediate, verified, 'root CRL'));
  for (const signer of [tcbInfoSigners?.[0], qeIdentitySigners?.[0]])
    if (signer)
      // A signer that the root did not issue is refused for that.
      refuseAs(
        (cause) =>
          cause instanceof X509Error && cause.code === 'REVOKED'
            ? 'TCB_SIGNING_REVOKED'
            : 'TCB_INFO_CHAIN_INVALID',
        () => requireNotRevoked(signer, verified, 'root CRL'),
      );
  return passed({ ...rule, found: describe(verified) });
}

/** The intermediate's list names PCK certificates. */
export async function requirePckCrl(
  chain: PckChain,
  { pckCrl, pckCrlIssuers }: ParsedCollateral,
  anchors: readonly Certificate[],
  now: Date,
): Promise<Check> {
  const rule = {
    rule: 'tdx.revocation.pck',
    expected: 'PCK certificate not on the list of its issuer',
    source: `${PROFILE} section 3`,
  };
  if (!pckCrl) return notChecked(rule, 'the list of the PCK authority was not given');
  const issuer = await requireCrlIssuer(chain, pckCrlIssuers, anchors, now);
  const verified = await refuseAsync(crlCode('PCK'), () => verifyCrl(pckCrl, issuer, now, 'PCK CRL'));
  // That the list is of the certificate's issuer is part of it.
  refuseAs(
    (cause) => (cause instanceof X509Error && cause.code === 'REVOKED' ? 'PCK_REVOKED' : 'PCK_CRL_INVALID'),
    () => requireNotRevoked(chain.leaf, verified, 'PCK CRL'),
  );
  return passed({ ...rule, found: describe(verified) });
}

/** Usually the very intermediate of the quote, which is verified on its own. */
async function requireCrlIssuer(
  { intermediate, root }: PckChain,
  issuers: readonly Certificate[] | undefined,
  anchors: readonly Certificate[],
  now: Date,
): Promise<Certificate> {
  const issuer = issuers?.[0];
  if (!issuer || sameCertificate(issuer, intermediate)) {
    const given = issuers?.[1];
    if (given && !sameCertificate(given, root))
      throw tdxError('PCK_CRL_INVALID', 'PCK CRL issuer chain: its root is not that of the PCK chain.');
    return intermediate;
  }
  await refuseAsync('PCK_CRL_INVALID', () =>
    verifyChain(withRoot(issuers, anchors), {
      anchors,
      now,
      what: 'PCK CRL issuer chain',
      knownExtensions: known,
    }),
  );
  return issuer;
}

/** A chain that was published without its root gets the anchor that it names. */
export function withRoot(chain: readonly Certificate[], anchors: readonly Certificate[]): Certificate[] {
  const last = chain.at(-1);
  if (!last || anchors.some((anchor) => sameCertificate(anchor, last))) return [...chain];
  const root = anchors.find((anchor) => toHex(anchor.subject.der) === toHex(last.issuer.der));
  const isSelfIssued = toHex(last.subject.der) === toHex(last.issuer.der);
  return root && !isSelfIssued ? [...chain, root] : [...chain];
}

function crlCode(list: 'ROOT' | 'PCK'): (cause: Error) => TdxErrorCode {
  return (cause) => {
    const code = cause instanceof X509Error ? cause.code : undefined;
    if (code === 'CRL_EXPIRED') return `${list}_CRL_EXPIRED`;
    return code === 'CRL_NOT_YET_VALID' ? `${list}_CRL_NOT_YET_VALID` : `${list}_CRL_INVALID`;
  };
}

function describe({ revoked, thisUpdate }: Crl): string {
  return `not among ${revoked.size} of ${thisUpdate.toISOString()}`;
}
