/** A Fulcio in software: a root, an intermediate, a certificate log, and certificates that last ten minutes. */
import { concatBytes, sha256, toBase64 } from '@vitrine/bytes';
import { derBitString, derBoolean, derOctetString, derOid, derSequence } from '@vitrine/bytes/der-writer';
import { type Certificate, extensionOid } from '@vitrine/x509';
import {
  type ExtensionRequest,
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
} from '../authority.ts';
import type { SigstoreDefect } from './defect.ts';
import { type SigningIdentity, identityExtensions } from './identity.ts';

export interface Fulcio {
  readonly root: Certificate;
  readonly intermediate: Certificate;
  /** Issues for the key, with a certificate timestamp embedded. */
  issue(request: LeafRequest): Promise<Certificate>;
  /** Members of the trusted root. */
  readonly authority: object;
  readonly certificateLog: object;
}

export interface LeafRequest {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly identity: SigningIdentity;
  readonly at: Date;
  readonly defect?: SigstoreDefect | undefined;
}

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1';
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';
const rootName: NameParts = [
  ['O', 'sigstore.simulated'],
  ['CN', 'sigstore'],
];
const intermediateName: NameParts = [
  ['O', 'sigstore.simulated'],
  ['CN', 'sigstore-intermediate'],
];
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;

/** @param from everything is valid since then */
export async function createFulcio(from: Date): Promise<Fulcio> {
  const [rootKey, intermediateKey, foreignKey, logKey] = await Promise.all([
    generateKey('P-384'),
    generateKey('P-384'),
    generateKey('P-384'),
    generateKey('P-256'),
  ]);
  const validity = { notBefore: from, notAfter: new Date(from.getTime() + 10 * YEAR_MS) };
  const root = await issueCertificate({
    ...validity,
    subject: rootName,
    subjectPublicKeyInfo: rootKey.subjectPublicKeyInfo,
    issuer: rootName,
    issuerKey: rootKey,
    serialNumber: 1,
    extensions: authorityExtensions(1),
  });
  const intermediate = await issueCertificate({
    ...validity,
    subject: intermediateName,
    subjectPublicKeyInfo: intermediateKey.subjectPublicKeyInfo,
    issuer: rootName,
    issuerKey: rootKey,
    serialNumber: 2,
    extensions: [...authorityExtensions(0), extendedKeyUsages(CODE_SIGNING)],
  });
  const logId = await sha256(logKey.subjectPublicKeyInfo);
  let serialNumber = 1000;
  return {
    root,
    intermediate,
    issue: async (request) => {
      const issuerKey = request.defect === 'foreign-authority' ? foreignKey : intermediateKey;
      const issue = (scts: readonly ExtensionRequest[]) =>
        issueCertificate({
          subject: [],
          subjectPublicKeyInfo: request.subjectPublicKeyInfo,
          issuer: intermediateName,
          issuerKey,
          serialNumber,
          ...leafValidity(request),
          extensions: [...leafExtensions(request), ...scts],
        });
      serialNumber++;
      const withoutScts = await issue([]);
      if (request.defect === 'no-sct') return withoutScts;
      return issue([await sctExtension(withoutScts, intermediate, { key: logKey, logId }, request)]);
    },
    authority: {
      subject: { organization: 'sigstore.simulated', commonName: 'sigstore' },
      uri: 'https://fulcio.simulated',
      certChain: {
        certificates: [intermediate, root].map(({ der }) => ({ rawBytes: toBase64(der) })),
      },
      validFor: { start: from.toISOString() },
    },
    certificateLog: {
      baseUrl: 'https://ctfe.simulated',
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: toBase64(logKey.subjectPublicKeyInfo),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: from.toISOString() },
      },
      logId: { keyId: toBase64(logId) },
    },
  };
}

function leafValidity({ at, defect }: LeafRequest) {
  const shiftMs =
    defect === 'expired-certificate'
      ? -30 * MINUTE_MS
      : defect === 'certificate-not-yet-valid'
        ? 30 * MINUTE_MS
        : 0;
  const start = at.getTime() + shiftMs;
  return { notBefore: new Date(start), notAfter: new Date(start + 10 * MINUTE_MS) };
}

function leafExtensions({ identity, defect }: LeafRequest): ExtensionRequest[] {
  const usage = defect === 'no-digital-signature' ? [0x20, 5] : [0x80, 7];
  const isAuthority = defect === 'authority-certificate';
  return [
    {
      oid: extensionOid.keyUsage,
      critical: true,
      value: derBitString(Uint8Array.of(usage[0]!), usage[1]),
    },
    extendedKeyUsages(defect === 'no-code-signing' ? SERVER_AUTHENTICATION : CODE_SIGNING),
    ...(isAuthority
      ? [{ oid: extensionOid.basicConstraints, critical: true, value: derSequence(derBoolean(true)) }]
      : []),
    ...(defect === 'precertificate'
      ? [{ oid: '1.3.6.1.4.1.11129.2.4.3', critical: true, value: Uint8Array.of(5, 0) }]
      : []),
    ...identityExtensions(identity).filter(
      ({ oid }) => defect !== 'nobody' || oid !== extensionOid.subjectAltName,
    ),
  ];
}

function extendedKeyUsages(...usages: readonly string[]): ExtensionRequest {
  return { oid: extensionOid.extendedKeyUsage, value: derSequence(...usages.map(derOid)) };
}

interface CertificateLog {
  readonly key: SigningKey;
  readonly logId: Uint8Array;
}

/** SignedCertificateTimestampList of RFC 6962 section 3.3, in an OCTET STRING. */
async function sctExtension(
  certificate: Certificate,
  issuer: Certificate,
  log: CertificateLog,
  { at, defect }: LeafRequest,
): Promise<ExtensionRequest> {
  const key = defect === 'forged-sct' ? await generateKey('P-256') : log.key;
  const logId = defect === 'unknown-certificate-log' ? new Uint8Array(32).fill(0x5a) : log.logId;
  const time = defect === 'sct-before-log' ? new Date(0) : at;
  const sct = await signSct(certificate, issuer, { key, logId }, time);
  const count = defect === 'sct-twice' ? 2 : 1;
  const list = concatBytes(...Array.from({ length: count }, () => withLength(sct, 2)));
  return { oid: SCT_LIST, value: derOctetString(withLength(list, 2)) };
}

/** RFC 6962 section 3.2: the to-be-signed part as it is without the list. */
async function signSct(
  { tbs }: Certificate,
  issuer: Certificate,
  { key, logId }: CertificateLog,
  time: Date,
): Promise<Uint8Array> {
  const version = Uint8Array.of(0);
  const timestamp = bigEndian(time.getTime(), 8);
  const noExtensions = bigEndian(0, 2);
  const signed = concatBytes(
    version,
    Uint8Array.of(0),
    timestamp,
    bigEndian(1, 2),
    await sha256(issuer.subjectPublicKeyInfo),
    withLength(tbs, 3),
    noExtensions,
  );
  const signature = withLength(await key.sign(signed), 2);
  return concatBytes(version, logId, timestamp, noExtensions, Uint8Array.of(4, 3), signature);
}

function withLength(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  return concatBytes(bigEndian(bytes.length, sizeBytes), bytes);
}

function bigEndian(value: number, sizeBytes: number): Uint8Array {
  return Uint8Array.from(
    { length: sizeBytes },
    (_, at) => Math.floor(value / 256 ** (sizeBytes - 1 - at)) % 256,
  );
}
