/** A web authority in software: root, intermediate, and server certificates that logs have promised to show. */
import { concatBytes, fromHex, primitiveContextTag, utf8 } from '@vitrine/bytes';
import {
  derBitString,
  derElement,
  derNull,
  derOctetString,
  derOid,
  derSequence,
} from '@vitrine/bytes/der-writer';
import { ctOid, parseHost, precertEntry } from '@vitrine/provenance/ct';
import { type Certificate, extensionOid, formatPemCertificates } from '@vitrine/x509';
import {
  type ExtensionRequest,
  type KeyKind,
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
} from '../authority.ts';
import { type SctDefects, type SimulatedCtLog, encodeSctList } from './log.ts';

/** A certificate with its key. */
export interface TlsIdentity {
  readonly certificate: Certificate;
  readonly key: SigningKey;
  readonly name: NameParts;
}

export interface TlsAuthority {
  readonly root: TlsIdentity;
  readonly intermediate: TlsIdentity;
}

export interface TlsAuthorityRequest {
  /** Default 2024-01-01. */
  readonly notBefore?: Date;
  /** Default 2034-01-01. */
  readonly notAfter?: Date;
  /** Of the intermediate, besides those of an authority: name constraints, usages. */
  readonly intermediateExtensions?: readonly ExtensionRequest[];
}

export interface TlsCertificateRequest {
  /** DNS names, "*.example.org" among them, and IP addresses. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When the logs take it; default notBefore. */
  readonly loggedAt?: Date;
  /** Each gives a timestamp, in this order; a log that is named twice gives two. */
  readonly logs: readonly SimulatedCtLog[];
  /** By the place in `logs`. */
  readonly sctDefects?: readonly SctDefects[];
  /** Default a new P-256 key. */
  readonly key?: SigningKey;
  readonly keyKind?: KeyKind;
  /** Object identifiers; default serverAuth; null: no extended key usage. */
  readonly usages?: readonly string[] | null;
  readonly serialNumber?: number;
}

export interface TlsServerCertificate {
  readonly certificate: Certificate;
  readonly key: SigningKey;
  /** Leaf and intermediate, as a server sends them. */
  readonly chain: readonly Certificate[];
  readonly chainPem: string;
  readonly precertificate: Certificate;
}

const rootName: NameParts = [
  ['O', 'Simulated Trust Services'],
  ['CN', 'Simulated Web Root'],
];
const intermediateName: NameParts = [
  ['O', 'Simulated Trust Services'],
  ['CN', 'Simulated Web Intermediate'],
];
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

export async function createTlsAuthority(request: TlsAuthorityRequest = {}): Promise<TlsAuthority> {
  const { notBefore = new Date('2024-01-01T00:00:00Z'), notAfter = new Date('2034-01-01T00:00:00Z') } =
    request;
  const [rootKey, intermediateKey] = await Promise.all([generateKey('P-384'), generateKey('P-256')]);
  const validity = { notBefore, notAfter, issuer: rootName, issuerKey: rootKey };
  const [root, intermediate] = await Promise.all([
    issueCertificate({
      ...validity,
      subject: rootName,
      subjectPublicKeyInfo: rootKey.subjectPublicKeyInfo,
      serialNumber: 1,
      extensions: authorityExtensions(),
    }),
    issueCertificate({
      ...validity,
      subject: intermediateName,
      subjectPublicKeyInfo: intermediateKey.subjectPublicKeyInfo,
      serialNumber: 2,
      extensions: [...authorityExtensions(0), ...(request.intermediateExtensions ?? [])],
    }),
  ]);
  return {
    root: { certificate: root, key: rootKey, name: rootName },
    intermediate: { certificate: intermediate, key: intermediateKey, name: intermediateName },
  };
}

/** A precertificate goes to the logs, their promises into the certificate (RFC 6962 section 3.1). */
export async function issueTlsCertificate(
  { intermediate }: TlsAuthority,
  request: TlsCertificateRequest,
): Promise<TlsServerCertificate> {
  const key = request.key ?? (await generateKey(request.keyKind ?? 'P-256'));
  const issue = (extension: ExtensionRequest | undefined) =>
    issueCertificate({
      subject: [],
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: intermediate.name,
      issuerKey: intermediate.key,
      serialNumber: request.serialNumber ?? 0x1001,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      extensions: [...serverExtensions(request), ...(extension ? [extension] : [])],
    });
  const precertificate = await issue({ oid: ctOid.poison, critical: true, value: derNull() });
  const entry = await precertEntry(precertificate, intermediate.certificate.subjectPublicKeyInfo);
  const scts: Uint8Array[] = [];
  // One after the other: the logs' indices depend on it.
  for (const [at, log] of request.logs.entries())
    scts.push(await log.submit(entry, request.loggedAt ?? request.notBefore, request.sctDefects?.[at]));
  const certificate = await issue(scts.length > 0 ? sctExtension(encodeSctList(scts)) : undefined);
  const chain = [certificate, intermediate.certificate];
  return { certificate, key, chain, chainPem: formatPemCertificates(chain), precertificate };
}

/** The list inside the extension's OCTET STRING. */
export function sctExtension(list: Uint8Array): ExtensionRequest {
  return { oid: ctOid.sctList, value: derOctetString(list) };
}

function serverExtensions({ names, usages = [SERVER_AUTH] }: TlsCertificateRequest): ExtensionRequest[] {
  return [
    { oid: extensionOid.basicConstraints, critical: true, value: derSequence() },
    { oid: extensionOid.keyUsage, critical: true, value: derBitString(Uint8Array.of(0x80), 7) },
    ...(usages ? [usageExtension(usages)] : []),
    // A certificate without a subject has critical names (RFC 5280 section 4.2.1.6).
    { oid: extensionOid.subjectAltName, critical: true, value: derSequence(...names.map(generalName)) },
  ];
}

export function usageExtension(usages: readonly string[]): ExtensionRequest {
  return { oid: extensionOid.extendedKeyUsage, value: derSequence(...usages.map(derOid)) };
}

function generalName(name: string): Uint8Array {
  const host = parseHost(name);
  if (host?.kind === 'ip') return derElement(primitiveContextTag(7), host.address);
  return derElement(primitiveContextTag(2), utf8(name));
}

/**
 * Name constraints over DNS names and address ranges.
 * @param permitted "example.org", or hexadecimal of address and mask as "ip:c0000200ffffff00"
 */
export function nameConstraints(
  permitted: readonly string[],
  excluded: readonly string[] = [],
  critical = true,
): ExtensionRequest {
  const subtree = (base: string) =>
    derSequence(
      base.startsWith('ip:')
        ? derElement(primitiveContextTag(7), fromHex(base.slice(3)))
        : derElement(primitiveContextTag(2), utf8(base)),
    );
  const list = (tag: number, bases: readonly string[]) =>
    bases.length === 0 ? new Uint8Array(0) : derElement(tag, ...bases.map(subtree));
  return {
    oid: '2.5.29.30',
    critical,
    value: derElement(0x30, concatBytes(list(0xa0, permitted), list(0xa1, excluded))),
  };
}
