/** Certification paths (RFC 5280 section 6), for hierarchies without policies and name constraints. */
import { type Certificate, sameCertificate } from './certificate.ts';
import { X509Error } from './error.ts';
import { inOrder } from './in-order.ts';
import { basicConstraints, extensionOid, hasKeyUsage } from './extensions.ts';
import { formatName, sameName } from './name.ts';
import { isSignedByOnce } from './signature.ts';
import { parseAs } from './signed.ts';

export interface ChainOptions {
  /** Certificates that are trusted by themselves: the chain's last one must be one of them, byte for byte. */
  readonly anchors: readonly Certificate[];
  /** Every certificate must be valid then. */
  readonly now: Date;
  /** Names the chain in errors: "PCK chain". */
  readonly what: string;
  /** Extensions that the caller looks at and that may therefore be critical, besides the standard ones. */
  readonly knownExtensions?: readonly string[];
  /** Whether the anchors themselves must be in date; default true. */
  readonly anchorMustBeValid?: boolean;
}

/** Handled here, or of no consequence to a chain. */
const handledExtensions: readonly string[] = [
  extensionOid.basicConstraints,
  extensionOid.keyUsage,
  extensionOid.extendedKeyUsage,
  extensionOid.subjectAltName,
  extensionOid.subjectKeyIdentifier,
  extensionOid.authorityKeyIdentifier,
];
const MAX_CHAIN_LENGTH = 10;

/**
 * Each certificate is signed by the next, all are valid at `now`, and the last is a trust anchor.
 * A chain may be one certificate, which then is an anchor itself.
 * @param chain the leaf first
 * @throws X509Error with the chain's index
 */
export async function verifyChain(chain: readonly Certificate[], options: ChainOptions): Promise<void> {
  if (chain.length === 0 || chain.length > MAX_CHAIN_LENGTH) {
    throw new X509Error(
      'CHAIN_LENGTH',
      `${options.what}: expected 1 to ${MAX_CHAIN_LENGTH} certificates, found ${chain.length}.`,
    );
  }
  // The anchor that the chain ends in, and not its own copy of it: a key that is imported already.
  const path = [...chain.slice(0, -1), requireAnchor(chain, options)];
  for (const [index, certificate] of chain.entries()) {
    const isAnchor = index === chain.length - 1;
    if (!isAnchor || options.anchorMustBeValid !== false)
      requireValidAt(certificate, options.now, options.what, index);
    requireKnownExtensions(certificate, options.what, options.knownExtensions, index);
    if (index > 0) requireCa(certificate, index, options.what);
  }
  // The anchor's own signature proves nothing: it is trusted for being the very certificate that was named.
  await inOrder(
    path
      .slice(0, -1)
      .map((certificate, index) => requireIssued(certificate, path[index + 1]!, options.what, index)),
  );
}

/** @throws X509Error NOT_YET_VALID or EXPIRED */
export function requireValidAt(certificate: Certificate, now: Date, what: string, index?: number): void {
  const { notBefore, notAfter } = certificate;
  if (now < notBefore) {
    throw new X509Error(
      'NOT_YET_VALID',
      `${what}: ${formatName(certificate.subject)} is valid from ${notBefore.toISOString()}, the time given is ${now.toISOString()}.`,
      { chainIndex: index },
    );
  }
  // Not "now > notAfter": a time that is no time is not within any window.
  if (!(now <= notAfter)) {
    throw new X509Error(
      'EXPIRED',
      `${what}: ${formatName(certificate.subject)} is valid until ${notAfter.toISOString()}, the time given is ${describeTime(now)}.`,
      { chainIndex: index },
    );
  }
}

/** @throws X509Error NAME_MISMATCH, SIGNATURE_INVALID or ALGORITHM_UNSUPPORTED */
export async function requireIssued(
  certificate: Certificate,
  issuer: Certificate,
  what: string,
  index?: number,
): Promise<void> {
  if (!sameName(certificate.issuer, issuer.subject)) {
    throw new X509Error(
      'NAME_MISMATCH',
      `${what}: ${formatName(certificate.subject)} names ${formatName(certificate.issuer)} as its issuer, the next certificate is ${formatName(issuer.subject)}.`,
      { chainIndex: index },
    );
  }
  if (await isSignedByOnce(certificate, issuer).catch((error: unknown) => rethrowAt(error, index))) return;
  throw new X509Error(
    'SIGNATURE_INVALID',
    `${what}: ${formatName(certificate.subject)} is not signed by the key of ${formatName(issuer.subject)}.`,
    { chainIndex: index },
  );
}

/** An error that knows nothing of chains, with the index added. */
function rethrowAt(error: unknown, chainIndex: number | undefined): never {
  if (!(error instanceof X509Error)) throw error;
  throw new X509Error(error.code, error.message, { cause: error, chainIndex });
}

function requireAnchor(chain: readonly Certificate[], { anchors, what }: ChainOptions): Certificate {
  const last = chain.at(-1)!;
  const found = anchors.find((anchor) => sameCertificate(anchor, last));
  if (found) return found;
  throw new X509Error(
    'ROOT_UNTRUSTED',
    `${what}: it ends in ${formatName(last.subject)}, which is none of the ${anchors.length} trust anchors (${anchors.map(({ subject }) => formatName(subject)).join('; ')}).`,
    { chainIndex: chain.length - 1 },
  );
}

function requireCa(certificate: Certificate, index: number, what: string): void {
  const name = formatName(certificate.subject);
  const parse = () => ({
    constraints: basicConstraints(certificate.extensions),
    maySign: hasKeyUsage(certificate.extensions, 'keyCertSign'),
  });
  const { constraints, maySign } = parseAs('CERTIFICATE_MALFORMED', what, parse, index);
  if (!constraints?.isCa) {
    throw new X509Error(
      'NOT_A_CA',
      `${what}: ${name} issued a certificate but is not a certification authority.`,
      { chainIndex: index },
    );
  }
  if (maySign === false) {
    throw new X509Error('KEY_USAGE_INVALID', `${what}: the key of ${name} may not sign certificates.`, {
      chainIndex: index,
    });
  }
  // Certificates between this one and the leaf.
  if (constraints.pathLength !== undefined && index - 1 > constraints.pathLength) {
    throw new X509Error(
      'PATH_TOO_LONG',
      `${what}: ${name} allows ${constraints.pathLength} authorities below it, found ${index - 1}.`,
      { chainIndex: index },
    );
  }
}

/** @throws X509Error CRITICAL_EXTENSION_UNKNOWN */
export function requireKnownExtensions(
  certificate: Certificate,
  what: string,
  known: readonly string[] = [],
  index?: number,
): void {
  for (const [oid, { critical }] of certificate.extensions) {
    if (!critical || handledExtensions.includes(oid) || known.includes(oid)) continue;
    throw new X509Error(
      'CRITICAL_EXTENSION_UNKNOWN',
      `${what}: ${formatName(certificate.subject)} has the critical extension ${oid}, which is not known.`,
      { chainIndex: index },
    );
  }
}

export function describeTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? 'not a time' : time.toISOString();
}
