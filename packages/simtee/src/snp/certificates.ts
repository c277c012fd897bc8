/** Certificates of a simulated AMD hierarchy: names, extensions and serial numbers as AMD's have them. */
import { derTag, digest, parseDer, primitiveContextTag, utf8 } from '@vitrine/bytes';
import {
  derBitString,
  derElement,
  derIa5String,
  derInteger,
  derOctetString,
  derSequence,
} from '@vitrine/bytes/der-writer';
import { contextTag } from '@vitrine/bytes';
import { type SnpProduct, type SnpTcb, kdsOid } from '@vitrine/evidence/snp';
import { extensionOid } from '@vitrine/x509';
import { type ExtensionRequest, type NameParts, type SigningKey, authorityExtensions } from '../authority.ts';

/** In AMD's order. */
export function amdName(commonName: string): NameParts {
  return [
    ['OU', 'Engineering'],
    ['C', 'US'],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['O', 'Advanced Micro Devices'],
    ['CN', commonName],
  ];
}

/** Serial numbers of ARK, ASK and ASVK. */
export const authoritySerials: Readonly<
  Record<SnpProduct, Readonly<Record<'ark' | 'ask' | 'asvk', number>>>
> = {
  Milan: { ark: 0x10000, ask: 0x10001, asvk: 0x10101 },
  Genoa: { ark: 0x20000, ask: 0x20002, asvk: 0x20101 },
  Turin: { ark: 0x30000, ask: 0x30001, asvk: 0x30101 },
};

/** What AMD's ARKs have: they sign certificates and lists. */
export async function arkExtensions(product: SnpProduct, key: SigningKey): Promise<ExtensionRequest[]> {
  const [constraints] = authorityExtensions();
  return [
    keyUsage(0x06, 1),
    await subjectKeyIdentifier(key),
    constraints!,
    crlDistributionPoint(product, 'vcek'),
  ];
}

/** What ASKs and ASVKs have: they sign endorsement keys and nothing below. */
export async function intermediateExtensions(
  product: SnpProduct,
  kind: 'vcek' | 'vlek',
  key: SigningKey,
  issuerKey: SigningKey,
): Promise<ExtensionRequest[]> {
  const [constraints] = authorityExtensions(0);
  const issuerId = derElement(primitiveContextTag(0), await keyId(issuerKey));
  return [
    await subjectKeyIdentifier(key),
    { oid: extensionOid.authorityKeyIdentifier, value: derSequence(issuerId) },
    constraints!,
    keyUsage(0x04, 2),
    crlDistributionPoint(product, kind),
  ];
}

function keyUsage(bits: number, unusedBits: number): ExtensionRequest {
  return { oid: extensionOid.keyUsage, critical: true, value: derBitString(Uint8Array.of(bits), unusedBits) };
}

async function subjectKeyIdentifier(key: SigningKey): Promise<ExtensionRequest> {
  return { oid: extensionOid.subjectKeyIdentifier, value: derOctetString(await keyId(key)) };
}

/** SHA-1 of the key's bits (RFC 5280 section 4.2.1.2). */
async function keyId(key: SigningKey): Promise<Uint8Array> {
  const fields = parseDer(key.subjectPublicKeyInfo, 'public key').fields(derTag.sequence);
  fields.next();
  return digest('SHA-1', fields.next().bitStringBytes());
}

function crlDistributionPoint(product: SnpProduct, kind: 'vcek' | 'vlek'): ExtensionRequest {
  const uri = derElement(primitiveContextTag(6), utf8(`https://kdsintf.amd.com/${kind}/v1/${product}/crl`));
  const name = derElement(contextTag(0), derElement(contextTag(0), uri));
  return { oid: extensionOid.crlDistributionPoints, value: derSequence(derSequence(name)) };
}

export interface VekExtensionsRequest {
  readonly product: SnpProduct;
  readonly tcb: SnpTcb;
  /** VCEK: bare bytes. */
  readonly hwid?: Uint8Array;
  /** VLEK. */
  readonly cspId?: string;
  readonly productName?: string;
}

/** Extensions of an endorsement key in AMD's order and encodings (VCEK specification 57230, tables 8 and 9). */
export function vekExtensions(request: VekExtensionsRequest): ExtensionRequest[] {
  const { product, tcb, hwid, cspId } = request;
  const isTurin = product === 'Turin';
  const { productName = product === 'Milan' && hwid ? 'Milan-B0' : product } = request;
  const spl = (oid: string, level: number): ExtensionRequest => ({ oid, value: derInteger(level) });
  return [
    { oid: kdsOid.structVersion, value: derInteger(isTurin ? 1 : 0) },
    { oid: kdsOid.productName, value: derIa5String(productName) },
    ...(isTurin ? [spl(kdsOid.fmc, tcb.fmc ?? 0)] : []),
    spl(kdsOid.bootloader, tcb.bootloader),
    spl(kdsOid.tee, tcb.tee),
    ...(isTurin ? [spl(kdsOid.snp, tcb.snp)] : [spl(kdsOid.spl4, 0)]),
    spl(kdsOid.spl5, 0),
    spl(kdsOid.spl6, 0),
    spl(kdsOid.spl7, 0),
    ...(isTurin ? [] : [spl(kdsOid.snp, tcb.snp)]),
    spl(kdsOid.microcode, tcb.microcode),
    ...(hwid ? [{ oid: kdsOid.hwid, value: hwid }] : []),
    ...(cspId === undefined ? [] : [{ oid: kdsOid.cspId, value: derIa5String(cspId) }]),
  ];
}
