/** The signing certificate: issued by Fulcio, valid whenever the signature was observed, logged before it was used. */
import { toHex } from '@vitrine/bytes';
import { type Check, passed } from '@vitrine/appraisal';
import {
  type Certificate,
  X509Error,
  basicConstraints,
  extendedKeyUsage,
  extensionOid,
  formatName,
  hasKeyUsage,
  isSignedBy,
  requireValidAt,
  sameName,
  verifyChain,
} from '@vitrine/x509';
import { type Sct, embeddedScts, precertSignedData, verifySct } from '../ct/sct.ts';
import { ProvenanceError, refuseAs, refuseAsync } from '../error.ts';
import type { BundleSigner } from './bundle.ts';
import { type SigstoreErrorCode, sigstoreError } from './error.ts';
import { type TrustedRoot, isValidAt } from './trusted-root.ts';

export type CertificateSigner = Extract<BundleSigner, { readonly kind: 'certificate' }>;

/** A certificate timestamp that verified. */
export interface VerifiedSct {
  /** Hexadecimal. */
  readonly logId: string;
  readonly logUrl: string;
  readonly time: Date;
}

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const ANY_USAGE = '2.5.29.37.0';
const SPECIFICATION = 'Fulcio certificate specification';
const WHAT = 'signing certificate';

/**
 * The certificates from the leaf to a root that was trusted at every observed time: by name, and of authorities that have
 * one name by the key that signed. The chain is not verified yet.
 * @throws ProvenanceError FULCIO_CHAIN_INVALID
 */
export async function chainOf(
  signer: CertificateSigner,
  moments: readonly Date[],
  { certificateAuthorities }: TrustedRoot,
): Promise<readonly Certificate[]> {
  const current = certificateAuthorities.filter(({ validFor }) =>
    moments.every((time) => isValidAt(validFor, time)),
  );
  const paths = current.map(({ chain }) => pathThrough(signer, chain)).filter((path) => isPath(path));
  const [first, ...others] = paths;
  if (first && others.length === 0) return first;
  for (const path of paths) if (await isIssuedBy(path[0]!, path[1])) return path;
  throw sigstoreError(
    'FULCIO_CHAIN_INVALID',
    `The signing certificate is of ${formatName(signer.leaf.issuer)}, which is none of the ${current.length} certification authorities that were trusted when it was used.`,
  );
}

/** Those of the trusted root that come along as well are one certificate all the same. */
function pathThrough(
  { leaf, intermediates }: CertificateSigner,
  chain: readonly Certificate[],
): Certificate[] {
  const between = intermediates.filter((one) => !chain.some((known) => sameName(known.subject, one.subject)));
  return [leaf, ...between, ...chain];
}

function isPath(path: readonly Certificate[]): boolean {
  return path.every(
    ({ issuer }, index) => index + 1 === path.length || sameName(issuer, path[index + 1]!.subject),
  );
}

/** A key that the signature cannot be of is another authority's as well. */
async function isIssuedBy(certificate: Certificate, issuer: Certificate | undefined): Promise<boolean> {
  try {
    return issuer !== undefined && (await isSignedBy(certificate, issuer));
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

/** @throws ProvenanceError FULCIO_CHAIN_INVALID, CERT_EXPIRED, CERT_NOT_YET_VALID or CERT_USAGE_INVALID */
export async function requireFulcioChain(
  chain: readonly Certificate[],
  moments: readonly Date[],
): Promise<Check> {
  const leaf = chain[0]!;
  requireUsages(chain);
  for (const moment of moments)
    refuseAs(chainCode, () => chain.forEach((one, index) => requireValidAt(one, moment, WHAT, index)));
  await refuseAsync(chainCode, () =>
    verifyChain(chain, { anchors: [chain.at(-1)!], now: moments[0]!, what: WHAT }),
  );
  return passed({
    rule: 'sigstore.certificate',
    expected: 'issued by a certification authority of the trusted root, valid at every observed time',
    found: `issued by ${formatName(leaf.issuer)}, valid from ${leaf.notBefore.toISOString()} to ${leaf.notAfter.toISOString()}`,
    source: 'Sigstore client specification section 4.3, RFC 5280 section 6',
  });
}

function chainCode(cause: Error): SigstoreErrorCode {
  if (!(cause instanceof X509Error) || cause.chainIndex !== 0) return 'FULCIO_CHAIN_INVALID';
  if (cause.code === 'EXPIRED') return 'CERT_EXPIRED';
  return cause.code === 'NOT_YET_VALID' ? 'CERT_NOT_YET_VALID' : 'FULCIO_CHAIN_INVALID';
}

/** Code signing all the way down; the leaf signs no certificates and names who it is for. */
function requireUsages([leaf, ...authorities]: readonly Certificate[]): void {
  const { extensions } = leaf!;
  const reads = refuseAs('CERT_USAGE_INVALID', () => ({
    isCa: basicConstraints(extensions)?.isCa === true,
    maySign: hasKeyUsage(extensions, 'digitalSignature') === true,
    maySignCertificates: hasKeyUsage(extensions, 'keyCertSign') === true,
    usages: extendedKeyUsage(extensions) ?? [],
    above: authorities.map((one) => extendedKeyUsage(one.extensions)),
  }));
  const refuse = (why: string) => sigstoreError('CERT_USAGE_INVALID', `The signing certificate ${why}.`);
  if (reads.isCa || reads.maySignCertificates) throw refuse("is a certification authority's");
  if (!reads.maySign) throw refuse('is not for signatures (key usage digitalSignature)');
  if (!reads.usages.includes(CODE_SIGNING)) throw refuse('is not for signing code (extended key usage)');
  if (!extensions.has(extensionOid.subjectAltName)) throw refuse('names nobody (subject alternative name)');
  if (reads.above.some((usages) => usages && !usages.includes(CODE_SIGNING) && !usages.includes(ANY_USAGE)))
    throw refuse('is of an authority whose certificates are not for signing code');
}

/**
 * Certificate timestamps embedded in the leaf, by logs of the trusted root in their time.
 * One of an unknown log counts for nothing; one of a known log that does not verify is refused.
 * @throws ProvenanceError SCT_INSUFFICIENT, SCT_INVALID or SCT_DUPLICATE_LOG
 */
export async function requireScts(
  chain: readonly Certificate[],
  { ctlogs }: TrustedRoot,
  min: number,
): Promise<{ readonly scts: readonly VerifiedSct[]; readonly check: Check }> {
  const [leaf, issuer] = chain;
  const embedded = readScts(leaf!);
  if (new Set(embedded.map(({ logId }) => toHex(logId))).size !== embedded.length)
    throw sigstoreError('SCT_DUPLICATE_LOG', 'Two certificate timestamps are of the same log.');
  const known = embedded.flatMap((sct) => {
    const time = new Date(sct.timestampMs);
    const log = ctlogs.find(
      ({ logId, validFor }) => toHex(logId) === toHex(sct.logId) && isValidAt(validFor, time),
    );
    return log?.key ? [{ sct, log, key: log.key, time }] : [];
  });
  if (known.length < min)
    throw sigstoreError(
      'SCT_INSUFFICIENT',
      `Expected at least ${min} certificate timestamps of logs of the trusted root, found ${known.length} among ${embedded.length}.`,
    );
  const scts = await Promise.all(
    known.map(async ({ sct, log, key, time }) => {
      const data = await precertSignedData(sct, leaf!, (issuer ?? leaf!).subjectPublicKeyInfo);
      if (!(await verifySct(sct, data, key)))
        throw sigstoreError(
          'SCT_INVALID',
          `The certificate timestamp of the log ${log.baseUrl} is not signed by its key.`,
        );
      return { logId: toHex(sct.logId), logUrl: log.baseUrl, time };
    }),
  );
  const check = passed({
    rule: 'sigstore.scts',
    expected: `at least ${min} by logs of the trusted root in their time`,
    found: scts.map(({ logUrl, time }) => `${logUrl} at ${time.toISOString()}`).join(', ') || 'none',
    source: `RFC 6962 section 3.2, ${SPECIFICATION}`,
  });
  return { scts, check };
}

function readScts(leaf: Certificate): Sct[] {
  try {
    return embeddedScts(leaf);
  } catch (cause) {
    if (!(cause instanceof ProvenanceError)) throw cause;
    throw sigstoreError('SCT_INVALID', cause.message, { cause });
  }
}
