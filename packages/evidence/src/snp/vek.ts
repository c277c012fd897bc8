/** VCEK and VLEK certificates (AMD 57230, "VCEK certificate and KDS interface"): what they endorse, and that AMD issued them. */
import { derTag, equalBytes, parseDer } from '@vitrine/bytes';
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
    const productName = readProductName(certificate);
    const product = productOfName(productName, certificate);
    return {
      certificate,
      kind,
      product,
      productName,
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

/** "Milan-B0", "Genoa", "Turin"; a stepping behind a hyphen says nothing here. */
function productOfName(name: string, certificate: Certificate): SnpProduct {
  const product = snpProducts.find((one) => name === one || name.startsWith(`${one}-`));
  const issuer = commonName(certificate.issuer);
  if (!product)
    throw snpError('PRODUCT_MISMATCH', `The endorsement key's product "${name}" is not one that is known.`);
  if (issuer !== `SEV-${product}` && issuer !== `SEV-VLEK-${product}`)
    throw snpError(
      'PRODUCT_MISMATCH',
      `The endorsement key is for ${product}, its issuer is ${formatName(certificate.issuer)}.`,
    );
  return product;
}

function readTcb(certificate: Certificate, product: SnpProduct): SnpTcb {
  const hasFmc = certificate.extensions.has(kdsOid.fmc);
  if (hasFmc !== (product === 'Turin'))
    throw malformed(hasFmc ? `an FMC level on ${product}` : 'no FMC level on Turin');
  return {
    ...(hasFmc ? { fmc: level(certificate, kdsOid.fmc, 'fmcSPL') } : {}),
    bootloader: level(certificate, kdsOid.bootloader, 'blSPL'),
    tee: level(certificate, kdsOid.tee, 'teeSPL'),
    snp: level(certificate, kdsOid.snp, 'snpSPL'),
    microcode: level(certificate, kdsOid.microcode, 'ucodeSPL'),
  };
}

function level(certificate: Certificate, oid: string, name: string): number {
  const value = parseDer(extension(certificate, oid, name), name).smallInteger();
  if (value > 255) throw malformed(`${name} is ${value}, more than a byte`);
  return value;
}

/** The extension's value is the identifier itself, not DER around it. */
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

/** CHIP_ID is the HWID, filled up with zeros on Turin. */
export function isChip(chipId: Uint8Array, hwid: Uint8Array): boolean {
  return (
    equalBytes(chipId.subarray(0, hwid.length), hwid) &&
    chipId.subarray(hwid.length).every((byte) => byte === 0)
  );
}
