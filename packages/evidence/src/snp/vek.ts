/** VCEK and VLEK certificates (AMD 57230, "VCEK certificate and KDS interface"): what they endorse, and that AMD issued them. */
import { derTag, parseDer } from '@vitrine/bytes';
import {
  type Certificate,
  attributeValues,
  commonName,
  describeAlgorithm,
  describeKey,
  formatName,
  parseCertificate,
} from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { snpError } from './error.ts';
import { type SnpProduct, snpProducts } from './product.ts';
import type { SnpTcb } from './tcb.ts';

/** Arc 1.3.6.1.4.1.3704.1 (57230, table "VCEK certificate extensions"). */
export const kdsOid = {
  structVersion: '1.3.6.1.4.1.3704.1.1',
  productName: '1.3.6.1.4.1.3704.1.2',
  bootloader: '1.3.6.1.4.1.3704.1.3.1',
  tee: '1.3.6.1.4.1.3704.1.3.2',
  snp: '1.3.6.1.4.1.3704.1.3.3',
  /** Reserved levels; on Turin FMC has the place of the first. */
  spl4: '1.3.6.1.4.1.3704.1.3.4',
  spl5: '1.3.6.1.4.1.3704.1.3.5',
  spl6: '1.3.6.1.4.1.3704.1.3.6',
  spl7: '1.3.6.1.4.1.3704.1.3.7',
  microcode: '1.3.6.1.4.1.3704.1.3.8',
  fmc: '1.3.6.1.4.1.3704.1.3.9',
  hwid: '1.3.6.1.4.1.3704.1.4',
  cspId: '1.3.6.1.4.1.3704.1.5',
} as const;

export type VekKind = 'VCEK' | 'VLEK';

/** A versioned endorsement key's certificate, parsed, not verified. */
export interface Vek {
  readonly certificate: Certificate;
  readonly kind: VekKind;
  readonly product: SnpProduct;
  /** As the certificate has it: "Milan-B0" with its stepping. */
  readonly productName: string;
  /** Version of the extensions: 0, or 1 as on Turin. */
  readonly structVersion: number;
  /** The TCB that it endorses. */
  readonly tcb: SnpTcb;
  /** VCEK only: 64 bytes, on Turin 8. */
  readonly hwid: Uint8Array | undefined;
  /** VLEK only: the provider whose machines share the key. */
  readonly cspId: string | undefined;
}

/** @throws EvidenceError VCEK_CHAIN_INVALID, VCEK_HWID_MISMATCH (there is none) or PRODUCT_MISMATCH */
export function parseVek(der: Uint8Array): Vek {
  return refuseAs('VCEK_CHAIN_INVALID', () => {
    const certificate = parseCertificate(der, 'endorsement key');
    const kind = kindOf(certificate);
    requireShape(certificate);
    requireAbsent(certificate, kind === 'VCEK' ? kdsOid.cspId : kdsOid.hwid, kind);
    const productName = readProductName(certificate);
    const product = productOfName(productName, kind, certificate);
    return {
      certificate,
      kind,
      product,
      productName,
      structVersion: integer(certificate, kdsOid.structVersion, 'structVersion', 1),
      tcb: readTcb(certificate, product),
      hwid: kind === 'VCEK' ? readHwid(certificate, product) : undefined,
      cspId: kind === 'VLEK' ? readCspId(certificate) : undefined,
    };
  });
}

function kindOf(certificate: Certificate): VekKind {
  switch (commonName(certificate.subject)) {
    case 'SEV-VCEK':
      return 'VCEK';
    case 'SEV-VLEK':
      return 'VLEK';
    default:
      throw malformed(`expected the name SEV-VCEK or SEV-VLEK, found ${formatName(certificate.subject)}`);
  }
}

function requireShape({ version, subject, publicKey, signatureAlgorithm: algorithm }: Certificate): void {
  if (version !== 3) throw malformed(`expected an X.509 certificate of version 3, found ${version}`);
  if (attributeValues(subject, 'O').join() !== 'Advanced Micro Devices')
    throw malformed(`expected the organisation Advanced Micro Devices, found ${formatName(subject)}`);
  if (publicKey.kind !== 'ec' || publicKey.curve !== 'P-384')
    throw malformed(`expected a P-384 key, found ${describeKey(publicKey)}`);
  if (algorithm.name !== 'RSA-PSS' || algorithm.hash !== 'SHA-384' || algorithm.saltLengthBytes !== 48)
    throw malformed(
      `expected RSASSA-PSS with SHA-384 and a salt of 48 bytes, found ${describeAlgorithm(algorithm)}`,
    );
}

function readProductName(certificate: Certificate): string {
  return ia5(certificate, kdsOid.productName, 'product name');
}

/** "Milan-B0", "Genoa", "Turin"; a stepping behind a hyphen says nothing here. The issuer's name must say the same. */
function productOfName(name: string, kind: VekKind, certificate: Certificate): SnpProduct {
  const product = snpProducts.find(
    (one) => name === one || (name.startsWith(one) && /^-[A-Z][0-9]$/.test(name.slice(one.length))),
  );
  if (!product)
    throw snpError('PRODUCT_MISMATCH', `The endorsement key's product "${name}" is not one that is known.`);
  const issuer = commonName(certificate.issuer);
  const expected = kind === 'VCEK' ? `SEV-${product}` : `SEV-VLEK-${product}`;
  if (issuer === expected) return product;
  const isOtherProduct = snpProducts.some((other) => other !== product && issuer?.endsWith(`-${other}`));
  if (!isOtherProduct)
    throw malformed(`expected the issuer ${expected}, found ${formatName(certificate.issuer)}`);
  throw snpError('PRODUCT_MISMATCH', `The endorsement key is for ${product}, its issuer is ${issuer!}.`);
}

/** A reserved level that is not zero has gained a meaning, which must not be passed over. */
function readTcb(certificate: Certificate, product: SnpProduct): SnpTcb {
  for (const oid of [kdsOid.spl4, kdsOid.spl5, kdsOid.spl6, kdsOid.spl7])
    if (certificate.extensions.has(oid)) integer(certificate, oid, 'a reserved level', 0);
  const hasFmc = certificate.extensions.has(kdsOid.fmc);
  if (hasFmc !== (product === 'Turin'))
    throw malformed(hasFmc ? `an FMC level on ${product}` : 'no FMC level on Turin');
  return {
    ...(hasFmc ? { fmc: integer(certificate, kdsOid.fmc, 'fmcSPL', 255) } : {}),
    bootloader: integer(certificate, kdsOid.bootloader, 'blSPL', 255),
    tee: integer(certificate, kdsOid.tee, 'teeSPL', 255),
    snp: integer(certificate, kdsOid.snp, 'snpSPL', 255),
    microcode: integer(certificate, kdsOid.microcode, 'ucodeSPL', 255),
  };
}

/** Levels over 127 have a sign byte in front, as DER demands. */
function integer(certificate: Certificate, oid: string, name: string, maximum: number): number {
  const value = parseDer(extension(certificate, oid, name), name).smallInteger();
  if (value > maximum) throw malformed(`${name} is ${value}, more than ${maximum}`);
  return value;
}

function requireAbsent(certificate: Certificate, oid: string, kind: VekKind): void {
  if (certificate.extensions.has(oid)) throw malformed(`a ${kind} has no extension ${oid}`);
}

/** The extension's value is the identifier itself. With an OCTET STRING around it, it is no certificate of AMD's. */
function readHwid(certificate: Certificate, product: SnpProduct): Uint8Array {
  const value = certificate.extensions.get(kdsOid.hwid)?.value;
  const expected = product === 'Turin' ? 8 : 64;
  if (value?.length === expected) return value;
  throw snpError(
    'VCEK_HWID_MISMATCH',
    `The VCEK must name its chip with a HWID of ${expected} bytes, found ${value ? `${value.length} bytes` : 'none'}.`,
  );
}

function readCspId(certificate: Certificate): string {
  return ia5(certificate, kdsOid.cspId, 'CSP id');
}

function ia5(certificate: Certificate, oid: string, name: string): string {
  return parseDer(extension(certificate, oid, name), name)
    .expect(derTag.ia5String)
    .text();
}

function extension(certificate: Certificate, oid: string, name: string): Uint8Array {
  const found = certificate.extensions.get(oid);
  if (!found) throw malformed(`the extension ${oid} (${name}) is missing`);
  return found.value;
}

function malformed(why: string): Error {
  return snpError('VCEK_CHAIN_INVALID', `The endorsement key's certificate: ${why}.`);
}
