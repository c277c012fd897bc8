/** A small hierarchy for tests, and certificates put together part by part, so that each part can be wrong. */
import { contextTag } from '@vitrine/bytes';
import {
  derBitString,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTime,
} from '@vitrine/bytes/der-writer';
import {
  type CertificateRequest,
  type KeyKind,
  type NameParts,
  type SigningKey,
  authorityExtensions,
  encodeName,
  generateKey,
  issueCertificate,
  signerExtensions,
} from '@vitrine/simtee/authority';
import { type Certificate } from '../src/index.ts';

export const from = new Date('2025-01-01T00:00:00Z');
export const now = new Date('2025-06-01T12:00:00Z');
export const to = new Date('2026-01-01T00:00:00Z');
export const noTime = new Date(NaN);

export const name = (common: string): NameParts => [
  ['C', 'DE'],
  ['CN', common],
];

export interface Holder {
  readonly name: NameParts;
  readonly key: SigningKey;
  readonly certificate: Certificate;
}

/** A self-signed root. */
export async function root(kind: KeyKind | SigningKey = 'P-256', common = 'Root'): Promise<Holder> {
  const key = typeof kind === 'string' ? await generateKey(kind) : kind;
  const self = { name: name(common), key };
  const certificate = await issue(self, { ...self, extensions: authorityExtensions() });
  return { ...self, certificate };
}

/** A certificate by an issuer; a signer's unless the extensions say otherwise. */
export function issue(
  issuer: { readonly name: NameParts; readonly key: SigningKey },
  {
    name: subject,
    key,
    ...rest
  }: { readonly name: NameParts; readonly key: SigningKey } & Partial<CertificateRequest>,
): Promise<Certificate> {
  return issueCertificate({
    subject,
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: issuer.name,
    issuerKey: issuer.key,
    serialNumber: 0x1234,
    notBefore: from,
    notAfter: to,
    extensions: signerExtensions(),
    ...rest,
  });
}

/** A key and a certificate by that issuer. */
export async function below(
  issuer: Holder,
  common: string,
  rest: Partial<CertificateRequest> = {},
): Promise<Holder> {
  const own = { name: name(common), key: await generateKey('P-256') };
  return { ...own, certificate: await issue(issuer, { ...own, ...rest }) };
}

/** Ed25519, which the authority has no kind for. */
export async function ed25519Key(): Promise<SigningKey> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as {
    readonly privateKey: Parameters<typeof crypto.subtle.sign>[1];
    readonly publicKey: Parameters<typeof crypto.subtle.sign>[1];
  };
  return {
    kind: 'P-256',
    subjectPublicKeyInfo: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    point: new Uint8Array(0),
    algorithmIdentifier: derSequence(derOid('1.3.101.112')),
    sign: async (data) => new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, data)),
    signRaw: () => Promise.reject(new RangeError('Ed25519 has no r and s.')),
    exportPkcs8: async () => new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
  };
}

export const ecdsaSha256 = derSequence(derOid('1.2.840.10045.4.3.2'));
/** The generator of P-256 (SP 800-186 section 3.2.1.3): a point that is on the curve. */
export const p256Key = derSequence(
  derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')),
  derBitString(
    Uint8Array.from(
      Buffer.from(
        '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296' +
          '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
        'hex',
      ),
    ),
  ),
);

const goodTbs = {
  version: derElement(contextTag(0), derInteger(2)),
  serial: derInteger(1),
  algorithm: ecdsaSha256,
  issuer: encodeName(name('Issuer')),
  validity: derSequence(derTime(from), derTime(to)),
  subject: encodeName(name('Subject')),
  key: p256Key,
  uniqueIds: new Uint8Array(0),
  extensions: new Uint8Array(0),
  more: new Uint8Array(0),
};
const goodOuter = {
  outerAlgorithm: ecdsaSha256,
  signature: derBitString(derSequence(derInteger(1), derInteger(1))),
  trailer: new Uint8Array(0),
};
export type Parts = Partial<Record<keyof typeof goodTbs | keyof typeof goodOuter, Uint8Array>>;

/** DER of a certificate whose signature is made up; each part can be replaced, or left out by an empty one. */
export function assemble(parts: Parts = {}): Uint8Array {
  const tbs = Object.entries(goodTbs).map(([part, good]) => parts[part as keyof typeof goodTbs] ?? good);
  const outer = { ...goodOuter, ...parts };
  return derSequence(derSequence(...tbs), outer.outerAlgorithm, outer.signature, outer.trailer);
}

export const extension = (oid: string, value: Uint8Array, ...critical: readonly Uint8Array[]): Uint8Array =>
  derSequence(derOid(oid), ...critical, derOctetString(value));

export const extensionsField = (...list: readonly Uint8Array[]): Uint8Array =>
  derElement(contextTag(3), derSequence(...list));
