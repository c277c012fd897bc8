/** Times at which someone trusted saw the signature: a timestamp authority, or a log that promised to include it. */
import { digest, equalBytes, toHex } from '@vitrine/bytes';
import { type Check, notChecked, passed } from '@vitrine/appraisal';
import {
  type Certificate,
  X509Error,
  extendedKeyUsage,
  extensionOid,
  isSignedBy,
  sameName,
  verifyChain,
} from '@vitrine/x509';
import { refuseAs, refuseAsync } from '../error.ts';
import type { SigstoreBundle } from './bundle.ts';
import { sigstoreError } from './error.ts';
import type { LogEntry } from './log-entry.ts';
import { type Timestamp, parseTimestamp } from './timestamp.ts';
import { type TrustedAuthority, type TrustedRoot, isValidAt } from './trusted-root.ts';

export interface ObservedTime {
  readonly time: Date;
  readonly source: 'timestamp-authority' | 'log';
  /** Tells observers apart: the authority's certificate (serial number) or the log's identity, hexadecimal. */
  readonly observer: string;
}

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/** A timestamp, and the certificates of the authority that it says made it: the signing one first, the root last. */
export interface ClaimedTimestamp {
  readonly timestamp: Timestamp;
  readonly chain: readonly Certificate[];
}

/**
 * What the bundle claims: to be used only after `requireTimestamps`, and for logs the verification of their entries.
 * A log's time counts only where a signed entry timestamp covers it.
 * @throws ProvenanceError TIMESTAMP_INVALID or TIMESTAMP_AUTHORITY_UNTRUSTED
 */
export function claimedTimes(
  bundle: SigstoreBundle,
  { timestampAuthorities }: TrustedRoot,
): {
  readonly timestamps: readonly ClaimedTimestamp[];
  readonly times: readonly ObservedTime[];
} {
  const timestamps = bundle.timestamps.map((der) => {
    const timestamp = parseTimestamp(der);
    return { timestamp, chain: chainOf(timestamp, timestampAuthorities) };
  });
  const ofAuthorities = timestamps.map(({ timestamp: { genTime, signer } }): ObservedTime => ({
    time: genTime,
    source: 'timestamp-authority',
    observer: `${toHex(signer.issuer)}:${signer.serialNumber}`,
  }));
  return { timestamps, times: [...ofAuthorities, ...bundle.logEntries.flatMap(promisedTime)] };
}

function promisedTime({ integratedTime, inclusionPromise, logId }: LogEntry): ObservedTime[] {
  if (!integratedTime || !inclusionPromise) return [];
  return [{ time: integratedTime, source: 'log', observer: toHex(logId) }];
}

/** The signing certificate and those above it, of an authority that was trusted at the time. */
function chainOf(timestamp: Timestamp, authorities: readonly TrustedAuthority[]): readonly Certificate[] {
  for (const { chain, validFor } of authorities) {
    if (!isValidAt(validFor, timestamp.genTime)) continue;
    const [first] = chain;
    if (isSigner(timestamp, first!)) return chain;
    // An authority may be listed without its signing certificate, which the timestamp then brings along.
    const own = timestamp.certificates.find(
      (one) => isSigner(timestamp, one) && sameName(one.issuer, first!.subject),
    );
    if (own) return [own, ...chain];
  }
  throw sigstoreError(
    'TIMESTAMP_AUTHORITY_UNTRUSTED',
    `No timestamp authority of the trusted root was valid at ${timeOf(timestamp)} and has the certificate ${timestamp.signer.serialNumber} that signed.`,
  );
}

function isSigner({ signer }: Timestamp, { issuer, serialNumber }: Certificate): boolean {
  return serialNumber === signer.serialNumber && equalBytes(issuer.der, signer.issuer);
}

/** @throws ProvenanceError OBSERVER_TIMESTAMP_INSUFFICIENT or TIME_IN_FUTURE */
export function requireTimes(times: readonly ObservedTime[], min: number, now: Date): Check {
  const observers = new Set(times.map(({ observer }) => observer)).size;
  if (observers < min)
    throw sigstoreError(
      'OBSERVER_TIMESTAMP_INSUFFICIENT',
      `Expected at least ${min} observers of the time, found ${observers}.`,
    );
  const future = times.find(({ time }) => !(time <= now));
  if (future)
    throw sigstoreError(
      'TIME_IN_FUTURE',
      `The bundle was observed at ${future.time.toISOString()}, after the time given, ${Number.isNaN(now.getTime()) ? 'which is none' : now.toISOString()}.`,
    );
  return passed({
    rule: 'sigstore.times',
    expected: `at least ${min} observers of the time, none after the time given`,
    found: times.map(({ time, source }) => `${time.toISOString()} by a ${source}`).join(', ') || 'none',
    source: 'Sigstore client specification section 4.2',
  });
}

/**
 * Every timestamp is over the signature and by the authority that it names.
 * @throws ProvenanceError TIMESTAMP_INVALID or TIMESTAMP_AUTHORITY_UNTRUSTED
 */
export async function requireTimestamps(
  timestamps: readonly ClaimedTimestamp[],
  signature: Uint8Array,
): Promise<Check> {
  const rule = {
    rule: 'sigstore.timestamps',
    expected: 'over the signature, by a timestamp authority of the trusted root in its time',
    source: 'RFC 3161 section 2.4.2, RFC 5652 section 5.4',
  };
  if (timestamps.length === 0) return notChecked(rule, 'the bundle has none');
  await Promise.all(timestamps.map((one) => requireTimestamp(one, signature)));
  return passed({
    ...rule,
    found: `${timestamps.length} of ${timestamps.map(({ timestamp }) => timeOf(timestamp)).join(', ')}`,
  });
}

function timeOf({ genTime }: Timestamp): string {
  return genTime.toISOString();
}

async function requireTimestamp(
  { timestamp, chain }: ClaimedTimestamp,
  signature: Uint8Array,
): Promise<void> {
  const { signer, content, messageImprint } = timestamp;
  const [imprint, contentDigest, isSigned] = await Promise.all([
    digest(messageImprint.hash, signature),
    digest(signer.digestAlgorithm, content),
    isSignedByLeaf(timestamp, chain[0]!),
    requireNamed(timestamp, chain[0]!),
    requireAuthority(chain, timestamp.genTime),
  ]);
  if (!equalBytes(imprint, messageImprint.digest))
    throw invalid('it is over another signature than the bundle has');
  if (!equalBytes(contentDigest, signer.messageDigest))
    throw invalid('its signed attributes are of another content');
  if (!isSigned) throw invalid('it is not signed by the authority that it names');
}

async function isSignedByLeaf({ signer }: Timestamp, leaf: Certificate): Promise<boolean> {
  const { signedAttributes: tbs, signatureAlgorithm, signature } = signer;
  return refuseAsync('TIMESTAMP_INVALID', () => isSignedBy({ tbs, signatureAlgorithm, signature }, leaf));
}

/** The very certificate is part of what is signed. */
async function requireNamed({ signer }: Timestamp, leaf: Certificate): Promise<void> {
  for (const { hash, digest: expected } of signer.certificateDigests)
    if (!equalBytes(await digest(hash, leaf.der), expected))
      throw invalid('it names another certificate than the one that signed');
}

/** RFC 3161 section 2.3: a certificate for timestamps and nothing else, and critically so. */
async function requireAuthority(chain: readonly Certificate[], time: Date): Promise<void> {
  const { extensions } = chain[0]!;
  const usages = refuseAs('TIMESTAMP_AUTHORITY_UNTRUSTED', () => extendedKeyUsage(extensions)) ?? [];
  const isCritical = extensions.get(extensionOid.extendedKeyUsage)?.critical === true;
  if (usages.length !== 1 || usages[0] !== TIME_STAMPING || !isCritical)
    throw sigstoreError(
      'TIMESTAMP_AUTHORITY_UNTRUSTED',
      'The certificate of the timestamp authority is not for timestamps only.',
    );
  await refuseAsync(
    (cause) => (cause instanceof X509Error ? 'TIMESTAMP_AUTHORITY_UNTRUSTED' : 'TIMESTAMP_INVALID'),
    () => verifyChain(chain, { anchors: [chain.at(-1)!], now: time, what: 'timestamp authority' }),
  );
}

function invalid(why: string) {
  return sigstoreError('TIMESTAMP_INVALID', `Timestamp: ${why}.`);
}
