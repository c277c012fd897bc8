/** Sigstore bundles, versions 0.1 to 0.3: what was signed, by what, and who observed it. */
import { type JsonNode, parseJson } from '@vitrine/bytes';
import { type Certificate, parseCertificate, sameName } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { sigstoreError } from './error.ts';
import { bytesOf, listOf, member } from './protobuf-json.ts';
import { type LogEntry, parseLogEntry } from './log-entry.ts';

export type BundleVersion = '0.1' | '0.2' | '0.3';

/** Parsed, nothing verified. */
export interface SigstoreBundle {
  readonly version: BundleVersion;
  readonly mediaType: string;
  readonly signer: BundleSigner;
  readonly content: BundleContent;
  readonly logEntries: readonly LogEntry[];
  /** DER of RFC 3161 TimeStampResp. */
  readonly timestamps: readonly Uint8Array[];
}

export type BundleSigner =
  | {
      readonly kind: 'certificate';
      readonly leaf: Certificate;
      /** Older bundles bring them along; without the root. */
      readonly intermediates: readonly Certificate[];
      /** Which of the two places of the format it stood at. */
      readonly layout: 'certificate' | 'x509CertificateChain';
    }
  | {
      readonly kind: 'key';
      /** A word of the signer's for the key: proves nothing. */ readonly hint: string;
    };

export type BundleContent =
  | {
      readonly kind: 'dsse';
      readonly payloadType: string;
      readonly payload: Uint8Array;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: 'message';
      /** What the signer says the artifact's digest is. */
      readonly digest: MessageDigest | undefined;
      readonly signature: Uint8Array;
    };

export interface MessageDigest {
  readonly algorithm: 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly digest: Uint8Array;
}

const versions: Readonly<Record<string, BundleVersion>> = {
  'application/vnd.dev.sigstore.bundle+json;version=0.1': '0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2': '0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3': '0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json': '0.3',
};
const digestAlgorithms = { SHA2_256: 'SHA-256', SHA2_384: 'SHA-384', SHA2_512: 'SHA-512' } as const;
const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
const MAX_CERTIFICATES = 8;
const MAX_LOG_ENTRIES = 16;
const MAX_TIMESTAMPS = 16;

/**
 * @param input JSON, at most 32 MiB
 * @throws ProvenanceError BUNDLE_MALFORMED or BUNDLE_VERSION_UNSUPPORTED
 */
export function parseSigstoreBundle(input: Uint8Array | string): SigstoreBundle {
  return refuseAs('BUNDLE_MALFORMED', () => {
    const document = parseJson(input, 'bundle', { maxBytes: MAX_BUNDLE_BYTES });
    document.onlyNames('mediaType', 'verificationMaterial', 'dsseEnvelope', 'messageSignature');
    const mediaType = document.get('mediaType').string();
    const version = versionOf(mediaType);
    const material = document
      .get('verificationMaterial')
      .onlyNames(
        'certificate',
        'x509CertificateChain',
        'publicKey',
        'tlogEntries',
        'timestampVerificationData',
      );
    return {
      version,
      mediaType,
      signer: parseSigner(material, version),
      content: parseContent(document),
      logEntries: listOf(material, 'tlogEntries', MAX_LOG_ENTRIES).map((entry) =>
        requireEvidence(parseLogEntry(entry), version),
      ),
      timestamps: parseTimestamps(material),
    };
  });
}

function versionOf(mediaType: string): BundleVersion {
  const version = Object.hasOwn(versions, mediaType) ? versions[mediaType] : undefined;
  if (version) return version;
  throw sigstoreError(
    'BUNDLE_VERSION_UNSUPPORTED',
    `Expected a bundle of version 0.1, 0.2 or 0.3, found the media type "${mediaType.slice(0, 100)}".`,
  );
}

/** One of three; version 0.3 brings no chain (protobuf-specs, VerificationMaterial). */
function parseSigner(material: JsonNode, version: BundleVersion): BundleSigner {
  const certificate = member(material, 'certificate');
  const chain = member(material, 'x509CertificateChain');
  const key = member(material, 'publicKey');
  if ([certificate, chain, key].filter((one) => one).length !== 1)
    throw malformed('expected one of certificate, x509CertificateChain and publicKey');
  if (key) {
    const hint = member(key.onlyNames('hint'), 'hint')?.string() ?? '';
    return { kind: 'key', hint };
  }
  if (certificate) {
    const leaf = parseBundleCertificate(certificate, 'signing certificate');
    return { kind: 'certificate', leaf, intermediates: [], layout: 'certificate' };
  }
  const certificates = listOf(chain!.onlyNames('certificates'), 'certificates', MAX_CERTIFICATES).map(
    (one, index) => parseBundleCertificate(one, `certificate ${index + 1} of the bundle`),
  );
  const [leaf, ...intermediates] = certificates;
  if (!leaf) throw malformed('the certificate chain is empty');
  if (version === '0.3' && intermediates.length > 0)
    throw malformed('a bundle of version 0.3 has the signing certificate only');
  // A root proves nothing by coming along; the format forbids it.
  if (certificates.some(({ issuer, subject }) => sameName(issuer, subject)))
    throw malformed('the certificate chain has a root in it');
  return { kind: 'certificate', leaf, intermediates, layout: 'x509CertificateChain' };
}

function parseBundleCertificate(node: JsonNode, what: string): Certificate {
  return parseCertificate(bytesOf(node.onlyNames('rawBytes'), 'rawBytes'), what);
}

function parseContent(document: JsonNode): BundleContent {
  const envelope = member(document, 'dsseEnvelope');
  const message = member(document, 'messageSignature');
  if (envelope && message) throw malformed('it has both dsseEnvelope and messageSignature');
  if (envelope) return parseEnvelope(envelope);
  if (message) return parseMessage(message);
  throw malformed('it has neither dsseEnvelope nor messageSignature');
}

/** DSSE envelope v1.0.0; a bundle's has exactly one signature. */
function parseEnvelope(envelope: JsonNode): BundleContent {
  envelope.onlyNames('payload', 'payloadType', 'signatures');
  const [first, ...others] = listOf(envelope, 'signatures', 16);
  if (!first || others.length > 0) throw malformed('expected one signature in the DSSE envelope');
  return {
    kind: 'dsse',
    payloadType: envelope.get('payloadType').string(),
    payload: envelope.get('payload').base64(),
    signature: bytesOf(first.onlyNames('sig', 'keyid'), 'sig'),
  };
}

function parseMessage(message: JsonNode): BundleContent {
  message.onlyNames('messageDigest', 'signature');
  const digest = member(message, 'messageDigest')?.onlyNames('algorithm', 'digest');
  return {
    kind: 'message',
    digest: digest && {
      algorithm: digestAlgorithms[digest.get('algorithm').word('SHA2_256', 'SHA2_384', 'SHA2_512')],
      digest: bytesOf(digest, 'digest'),
    },
    signature: bytesOf(message, 'signature'),
  };
}

/** Version 0.1 demands the promise, later ones the proof (protobuf-specs, Bundle.media_type). */
function requireEvidence(entry: LogEntry, version: BundleVersion): LogEntry {
  if (version === '0.1' && !entry.inclusionPromise)
    throw malformed('a log entry of a bundle of version 0.1 has no inclusion promise');
  if (version !== '0.1' && !entry.inclusionProof)
    throw malformed(`a log entry of a bundle of version ${version} has no inclusion proof`);
  return entry;
}

function parseTimestamps(material: JsonNode): Uint8Array[] {
  const data = member(material, 'timestampVerificationData')?.onlyNames('rfc3161Timestamps');
  if (!data) return [];
  return listOf(data, 'rfc3161Timestamps', MAX_TIMESTAMPS).map((timestamp) =>
    bytesOf(timestamp.onlyNames('signedTimestamp'), 'signedTimestamp'),
  );
}

function malformed(why: string) {
  return sigstoreError('BUNDLE_MALFORMED', `Bundle: ${why}.`);
}
