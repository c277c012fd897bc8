/** A timestamp authority in software (RFC 3161): a root, a certificate for timestamps, responses in CMS. */
import { concatBytes, contextTag, derTag, digest, fromHex, sha256, toBase64 } from '@vitrine/bytes';
import {
  derElement,
  derGeneralizedTime,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
} from '@vitrine/bytes/der-writer';
import { type Certificate, extensionOid } from '@vitrine/x509';
import {
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
  signerExtensions,
} from '../authority.ts';
import type { SigstoreDefect } from './defect.ts';

export interface TimestampAuthority {
  /** @returns DER of a TimeStampResp over the signature */
  timestamp(request: TimestampRequest): Promise<Uint8Array>;
  /** Member of the trusted root. */
  readonly authority: object;
}

export interface TimestampRequest {
  readonly signature: Uint8Array;
  readonly at: Date;
  /** Whether the signing certificate goes along; default false. */
  readonly bringsCertificate?: boolean | undefined;
  readonly defect?: SigstoreDefect | undefined;
}

const oid = {
  sha256: '2.16.840.1.101.3.4.2.1',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  policy: '1.3.6.1.4.1.57264.2',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;
const rootName: NameParts = [
  ['O', 'sigstore.simulated'],
  ['CN', 'tsa-root'],
];
const signerName: NameParts = [
  ['O', 'sigstore.simulated'],
  ['CN', 'tsa'],
];
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** @param from everything is valid since then */
export async function createTimestampAuthority(from: Date): Promise<TimestampAuthority> {
  const [rootKey, key, foreignKey] = await Promise.all([
    generateKey('P-384'),
    generateKey('P-256'),
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
    extensions: authorityExtensions(0),
  });
  const issueSigner = (usage: string) =>
    issueCertificate({
      ...validity,
      subject: signerName,
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: rootName,
      issuerKey: rootKey,
      serialNumber: usage === oid.timeStamping ? 7 : 8,
      extensions: [
        ...signerExtensions(),
        { oid: extensionOid.extendedKeyUsage, critical: true, value: derSequence(derOid(usage)) },
      ],
    });
  const [signer, otherSigner] = await Promise.all([
    issueSigner(oid.timeStamping),
    issueSigner(oid.codeSigning),
  ]);
  return {
    timestamp: (request) => respond({ signer, otherSigner, key, foreignKey }, request),
    authority: {
      subject: { organization: 'sigstore.simulated', commonName: 'tsa' },
      uri: 'https://timestamp.simulated/api/v1/timestamp',
      certChain: { certificates: [signer, root].map(({ der }) => ({ rawBytes: toBase64(der) })) },
      validFor: { start: from.toISOString() },
    },
  };
}

interface Context {
  readonly signer: Certificate;
  /** Of the same root and key, for signing code. */
  readonly otherSigner: Certificate;
  readonly key: SigningKey;
  readonly foreignKey: SigningKey;
}

/** TimeStampResp: granted, and SignedData of version 3 (RFC 3161 section 2.4.2, RFC 5652 section 5). */
async function respond(
  context: Context,
  { signature, at, bringsCertificate = false, defect }: TimestampRequest,
): Promise<Uint8Array> {
  const time = timeOf(at, defect);
  const info = await tstInfo(
    defect === 'timestamp-of-another-signature' ? signature.slice(1) : signature,
    time,
  );
  const signer = defect === 'timestamp-by-certificate-of-another-use' ? context.otherSigner : context.signer;
  const serial = defect === 'timestamp-unknown-authority' ? '63' : signer.serialNumber;
  const attributes = await signedAttributes(
    defect === 'timestamp-of-another-content' ? info.slice(1) : info,
    signer,
  );
  const key = defect === 'forged-timestamp' ? context.foreignKey : context.key;
  const signerInfo = derSequence(
    derInteger(1),
    derSequence(signer.issuer.der, derElement(derTag.integer, fromHex(serial))),
    hashAlgorithm(),
    // [0] IMPLICIT in the message, a SET OF where it is signed.
    concatBytes(Uint8Array.of(contextTag(0)), attributes.subarray(1)),
    context.key.algorithmIdentifier,
    derOctetString(await key.sign(attributes)),
  );
  const signedData = derSequence(
    derInteger(3),
    derSet(hashAlgorithm()),
    derSequence(derOid(oid.tstInfo), derElement(contextTag(0), derOctetString(info))),
    // Where the certificate of the trusted root did not sign, the one that did goes along.
    ...(bringsCertificate || signer === context.otherSigner ? [derElement(contextTag(0), signer.der)] : []),
    derSet(signerInfo),
  );
  return derSequence(
    derSequence(derInteger(0)),
    derSequence(derOid(oid.signedData), derElement(contextTag(0), signedData)),
  );
}

function timeOf(at: Date, defect: SigstoreDefect | undefined): Date {
  if (defect === 'timestamp-before-authority') return new Date('2001-01-01T00:00:00Z');
  return defect === 'timestamp-late' ? new Date(at.getTime() + 3600_000) : at;
}

async function tstInfo(signature: Uint8Array, time: Date): Promise<Uint8Array> {
  return derSequence(
    derInteger(1),
    derOid(oid.policy),
    derSequence(hashAlgorithm(), derOctetString(await sha256(signature))),
    derInteger(0x1234),
    derGeneralizedTime(time),
  );
}

async function signedAttributes(info: Uint8Array, signer: Certificate): Promise<Uint8Array> {
  const attribute = (name: string, value: Uint8Array) => derSequence(derOid(name), derSet(value));
  const certId = derSequence(derOctetString(await digest('SHA-256', signer.der)));
  return derSet(
    attribute(oid.contentType, derOid(oid.tstInfo)),
    attribute(oid.messageDigest, derOctetString(await sha256(info))),
    attribute(oid.signingCertificateV2, derSequence(derSequence(certId))),
  );
}

function hashAlgorithm(): Uint8Array {
  return derSequence(derOid(oid.sha256));
}
