/** A certification authority in software: keys, certificates, revocation lists, OCSP responses. */
import { contextTag, derTag, digest, fromHex, parseDer, primitiveContextTag } from '@vitrine/bytes';
import {
  derBitString,
  derBoolean,
  derElement,
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUnsigned,
  derUtf8String,
} from '@vitrine/bytes/der-writer';
import { type Certificate, coordinateBytes, extensionOid, parseCertificate } from '@vitrine/x509';

export type KeyKind = 'P-256' | 'P-384' | 'RSA-PSS-4096' | 'RSA-PSS-2048' | 'RSA-PKCS1-2048';

/** A key pair that signs as X.509 or, for elliptic curves, as bare r ‖ s. */
export interface SigningKey {
  readonly kind: KeyKind;
  readonly subjectPublicKeyInfo: Uint8Array;
  /** 04 ‖ x ‖ y for elliptic curves, else empty. */
  readonly point: Uint8Array;
  /** DER of the AlgorithmIdentifier that its signatures have. */
  readonly algorithmIdentifier: Uint8Array;
  /** As the signature BIT STRING of X.509 holds it. */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /** r ‖ s, each big-endian (IEEE P1363). Elliptic curves only. */
  signRaw(data: Uint8Array): Promise<Uint8Array>;
  /** The private key, PKCS #8. */
  exportPkcs8(): Promise<Uint8Array>;
}

const oid = {
  sha384: '2.16.840.1.101.3.4.2.2',
  mgf1: '1.2.840.113549.1.1.8',
  rsaPss: '1.2.840.113549.1.1.10',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  ecdsaSha256: '1.2.840.10045.4.3.2',
  ecdsaSha384: '1.2.840.10045.4.3.3',
  sha1: '1.3.14.3.2.26',
  ocspBasic: '1.3.6.1.5.5.7.48.1.1',
  ocspNonce: '1.3.6.1.5.5.7.48.1.2',
} as const;

export async function generateKey(kind: KeyKind): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey(webCryptoAlgorithm(kind), true, ['sign', 'verify']);
  return signingKey(kind, pair.privateKey, pair.publicKey);
}

/** The key that `exportPkcs8` gave out. */
export async function importKey(
  kind: KeyKind,
  pkcs8: Uint8Array,
  subjectPublicKeyInfo: Uint8Array,
): Promise<SigningKey> {
  const algorithm = webCryptoAlgorithm(kind);
  return signingKey(
    kind,
    await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']),
    await crypto.subtle.importKey('spki', subjectPublicKeyInfo, algorithm, true, ['verify']),
  );
}

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

function webCryptoAlgorithm(kind: KeyKind) {
  const rsa = { modulusLength: kind.endsWith('4096') ? 4096 : 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  switch (kind) {
    case 'P-256':
    case 'P-384':
      return { name: 'ECDSA', namedCurve: kind };
    case 'RSA-PSS-4096':
    case 'RSA-PSS-2048':
      return { name: 'RSA-PSS', hash: 'SHA-384', ...rsa };
    case 'RSA-PKCS1-2048':
      return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...rsa };
  }
}

async function signingKey(kind: KeyKind, privateKey: Key, publicKey: Key): Promise<SigningKey> {
  const isEc = kind === 'P-256' || kind === 'P-384';
  const parameters = isEc
    ? { name: 'ECDSA', hash: kind === 'P-256' ? 'SHA-256' : 'SHA-384' }
    : { name: privateKey.algorithm.name, saltLength: 48 };
  const bareSignature = async (data: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign(parameters, privateKey, data));
  const subjectPublicKeyInfo = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey));
  return {
    kind,
    subjectPublicKeyInfo,
    point: isEc ? new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)) : new Uint8Array(0),
    algorithmIdentifier: algorithmIdentifier(kind),
    sign: async (data) => {
      const signature = await bareSignature(data);
      return isEc ? ecdsaToDer(signature, coordinateBytes[kind]) : signature;
    },
    signRaw: async (data) => {
      if (!isEc) throw new RangeError(`A key of kind ${kind} has no r and s.`);
      return bareSignature(data);
    },
    exportPkcs8: async () => new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey)),
  };
}

function ecdsaToDer(signature: Uint8Array, sizeBytes: number): Uint8Array {
  return derSequence(
    derUnsigned(signature.subarray(0, sizeBytes)),
    derUnsigned(signature.subarray(sizeBytes)),
  );
}

function algorithmIdentifier(kind: KeyKind): Uint8Array {
  switch (kind) {
    case 'P-256':
      return derSequence(derOid(oid.ecdsaSha256));
    case 'P-384':
      return derSequence(derOid(oid.ecdsaSha384));
    case 'RSA-PKCS1-2048':
      return derSequence(derOid(oid.sha256WithRsa), derNull());
    case 'RSA-PSS-4096':
    case 'RSA-PSS-2048': {
      const hash = derSequence(derOid(oid.sha384), derNull());
      return derSequence(
        derOid(oid.rsaPss),
        derSequence(
          derElement(contextTag(0), hash),
          derElement(contextTag(1), derSequence(derOid(oid.mgf1), hash)),
          derElement(contextTag(2), derInteger(48)),
          derElement(contextTag(3), derInteger(1)),
        ),
      );
    }
  }
}

const attributeOid = {
  CN: '2.5.4.3',
  serialNumber: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
} as const;

/** Relative names in their order. */
export type NameParts = readonly (readonly [keyof typeof attributeOid, string])[];

export function encodeName(parts: NameParts): Uint8Array {
  return derSequence(
    ...parts.map(([kind, value]) =>
      derSet(
        derSequence(
          derOid(attributeOid[kind]),
          /^[A-Za-z0-9 '()+,./:=?-]*$/.test(value) ? derPrintableString(value) : derUtf8String(value),
        ),
      ),
    ),
  );
}

export interface ExtensionRequest {
  readonly oid: string;
  readonly critical?: boolean;
  /** What extnValue holds: DER, or bare bytes as AMD's HWID. */
  readonly value: Uint8Array;
}

export interface CertificateRequest {
  readonly subject: NameParts;
  readonly subjectPublicKeyInfo: Uint8Array;
  /** The issuer's name, as it stands in its own certificate. */
  readonly issuer: NameParts;
  readonly issuerKey: SigningKey;
  readonly serialNumber: bigint | number;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions?: readonly ExtensionRequest[];
}

export async function issueCertificate(request: CertificateRequest): Promise<Certificate> {
  const { issuerKey, extensions = [] } = request;
  const tbs = derSequence(
    derElement(contextTag(0), derInteger(2)),
    derInteger(request.serialNumber),
    issuerKey.algorithmIdentifier,
    encodeName(request.issuer),
    derSequence(derTime(request.notBefore), derTime(request.notAfter)),
    encodeName(request.subject),
    request.subjectPublicKeyInfo,
    ...(extensions.length > 0 ? [derElement(contextTag(3), encodeExtensions(extensions))] : []),
  );
  return parseCertificate(await signed(tbs, issuerKey), 'issued certificate');
}

/** basicConstraints CA and keyUsage keyCertSign, cRLSign: what an authority's certificate has. */
export function authorityExtensions(pathLength?: number): ExtensionRequest[] {
  return [
    {
      oid: extensionOid.basicConstraints,
      critical: true,
      value: derSequence(derBoolean(true), ...(pathLength === undefined ? [] : [derInteger(pathLength)])),
    },
    { oid: extensionOid.keyUsage, critical: true, value: derBitString(Uint8Array.of(0x06), 1) },
  ];
}

/** basicConstraints without CA and keyUsage digitalSignature: what a signer's certificate has. */
export function signerExtensions(): ExtensionRequest[] {
  return [
    { oid: extensionOid.basicConstraints, critical: true, value: derSequence() },
    { oid: extensionOid.keyUsage, critical: true, value: derBitString(Uint8Array.of(0x80), 7) },
  ];
}

export interface CrlRequest {
  readonly issuer: NameParts;
  readonly issuerKey: SigningKey;
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  readonly revoked?: readonly { readonly serialNumber: bigint | number; readonly at: Date }[];
}

/** DER of a complete list, version 2. */
export async function issueCrl(request: CrlRequest): Promise<Uint8Array> {
  const { revoked = [], nextUpdate } = request;
  const entries = revoked.map(({ serialNumber, at }) => derSequence(derInteger(serialNumber), derTime(at)));
  const tbs = derSequence(
    derInteger(1),
    request.issuerKey.algorithmIdentifier,
    encodeName(request.issuer),
    derTime(request.thisUpdate),
    ...(nextUpdate ? [derTime(nextUpdate)] : []),
    ...(entries.length > 0 ? [derSequence(...entries)] : []),
    derElement(contextTag(0), encodeExtensions([{ oid: extensionOid.crlNumber, value: derInteger(1) }])),
  );
  return signed(tbs, request.issuerKey);
}

export interface OcspRequest {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly responderName: NameParts;
  readonly responderKey: SigningKey;
  /** Goes along, where the issuer does not answer itself. */
  readonly responderCertificate?: Certificate;
  readonly status: 'good' | 'unknown' | { readonly revokedAt: Date; readonly reason?: number };
  readonly thisUpdate: Date;
  readonly nextUpdate?: Date;
  readonly nonce?: Uint8Array;
}

/** DER of an OCSPResponse that answers for one certificate. */
export async function issueOcspResponse(request: OcspRequest): Promise<Uint8Array> {
  const { certificate, issuer, nextUpdate, nonce, responderCertificate } = request;
  const certId = derSequence(
    derSequence(derOid(oid.sha1), derNull()),
    derOctetString(await digest('SHA-1', issuer.subject.der)),
    derOctetString(await digest('SHA-1', keyBits(issuer))),
    derElement(derTag.integer, fromHex(certificate.serialNumber)),
  );
  const single = derSequence(
    certId,
    encodeStatus(request.status),
    derGeneralizedTime(request.thisUpdate),
    ...(nextUpdate ? [derElement(contextTag(0), derGeneralizedTime(nextUpdate))] : []),
  );
  const extensions = nonce && [{ oid: oid.ocspNonce, value: derOctetString(nonce) }];
  const tbs = derSequence(
    derElement(contextTag(1), encodeName(request.responderName)),
    derGeneralizedTime(request.thisUpdate),
    derSequence(single),
    ...(extensions ? [derElement(contextTag(1), encodeExtensions(extensions))] : []),
  );
  const basic = derSequence(
    tbs,
    request.responderKey.algorithmIdentifier,
    derBitString(await request.responderKey.sign(tbs)),
    ...(responderCertificate ? [derElement(contextTag(0), derSequence(responderCertificate.der))] : []),
  );
  return derSequence(
    derElement(derTag.enumerated, Uint8Array.of(0)),
    derElement(contextTag(0), derSequence(derOid(oid.ocspBasic), derOctetString(basic))),
  );
}

function encodeStatus(status: OcspRequest['status']): Uint8Array {
  if (status === 'good') return derElement(primitiveContextTag(0));
  if (status === 'unknown') return derElement(primitiveContextTag(2));
  const reason =
    status.reason === undefined
      ? []
      : [derElement(contextTag(0), derElement(derTag.enumerated, Uint8Array.of(status.reason)))];
  return derElement(contextTag(1), derGeneralizedTime(status.revokedAt), ...reason);
}

/** SIGNED{}: for what has a shape of its own. */
export async function signed(tbs: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  return derSequence(tbs, key.algorithmIdentifier, derBitString(await key.sign(tbs)));
}

function encodeExtensions(extensions: readonly ExtensionRequest[]): Uint8Array {
  return derSequence(
    ...extensions.map(({ oid: name, critical = false, value }) =>
      derSequence(derOid(name), ...(critical ? [derBoolean(true)] : []), derOctetString(value)),
    ),
  );
}

function keyBits(certificate: Certificate): Uint8Array {
  const fields = parseDer(certificate.subjectPublicKeyInfo, 'public key').fields(derTag.sequence);
  fields.next();
  return fields.next().bitStringBytes();
}
