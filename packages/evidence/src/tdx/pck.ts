/** The PCK certificate chain and the SGX extension of its leaf (Intel SGX PCK Certificate and CRL Profile, section 2.3). */
import {
  BytesError,
  type Der,
  decodeUtf8,
  derTag,
  formatPem,
  parseDer,
  parseFirstDer,
  parsePemBlocks,
} from '@vitrine/bytes';
import { type Certificate, parseCertificate, sameName } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { tdxError } from './error.ts';

export interface PckChain {
  readonly leaf: Certificate;
  /** Platform CA or Processor CA. */
  readonly intermediate: Certificate;
  readonly root: Certificate;
}

export interface SgxExtension {
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  /** SVNs of the 16 SGX TCB components. */
  readonly componentSvns: readonly number[];
  readonly pceSvn: number;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 0 standard, 1 scalable, 2 scalable with integrity; absent in certificates that are not of the PCS. */
  readonly sgxType: number | undefined;
  /** 16 bytes; Platform CA only, as is the next. */
  readonly platformInstanceId: Uint8Array | undefined;
  readonly configuration: SgxConfiguration | undefined;
}

/** undefined: the platform does not say. */
export interface SgxConfiguration {
  readonly dynamicPlatform: boolean | undefined;
  readonly cachedKeys: boolean | undefined;
  readonly smtEnabled: boolean | undefined;
}

export const sgxExtensionOid = '1.2.840.113741.1.13.1';
const MAX_CERTIFICATES = 4;

/** @throws EvidenceError PCK_CHAIN_INVALID or PCK_CHAIN_INCOMPLETE */
export function parsePckChain(bytes: Uint8Array): PckChain {
  const certificates = refuseAs('PCK_CHAIN_INVALID', () =>
    certificateBlocks(bytes).map((der, index) =>
      parseCertificate(der, `PCK chain, certificate ${index + 1}`),
    ),
  );
  // Intel's sample generator writes the root first.
  const isRootFirst =
    certificates.length === 3 && sameName(certificates[0]!.issuer, certificates[0]!.subject);
  const [leaf, intermediate, root] = isRootFirst ? certificates.reverse() : certificates;
  if (certificates.length > 3)
    throw tdxError('PCK_CHAIN_INVALID', `PCK chain: expected 3 certificates, found ${certificates.length}.`);
  if (!leaf || !intermediate || !root)
    throw tdxError(
      'PCK_CHAIN_INCOMPLETE',
      `PCK chain: expected leaf, intermediate and root, found ${certificates.length} certificates.`,
    );
  return { leaf, intermediate, root };
}

/** PEM as Intel's library writes it, line for line, or DER one after the other. */
function certificateBlocks(bytes: Uint8Array): Uint8Array[] {
  if (bytes[0] === 0x30) return concatenatedDer(bytes);
  const text = decodeUtf8(bytes, 'PCK chain');
  const blocks = parsePemBlocks(text, 'CERTIFICATE', 'PCK chain');
  // No signature covers the text around the certificates: it is what it must be, so that nothing hides there.
  const expected = blocks.map((der) => formatPem('CERTIFICATE', der)).join('');
  const lines = text.replace(/\0$/, '').replaceAll('\r\n', '\n');
  if (lines.replaceAll(/\n+/g, '\n').replace(/\n$/, '') !== expected.replace(/\n$/, ''))
    throw new BytesError(
      'PEM_INVALID',
      'PCK chain: there is text besides the certificates, or lines are not of 64 characters.',
    );
  return blocks;
}

/** DER certificates without anything between them, four at most. */
export function concatenatedDer(bytes: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    if (blocks.length === MAX_CERTIFICATES)
      throw new BytesError('TOO_LARGE', `certificates: more than ${MAX_CERTIFICATES}.`);
    const block = parseFirstDer(bytes.subarray(at), 'certificates').bytes;
    blocks.push(block);
    at += block.length;
  }
  return blocks;
}

/** The SGX extension of a PCK certificate. @throws EvidenceError PCK_EXTENSION_INVALID */
export function parsePck(leaf: Certificate): SgxExtension {
  const extension = leaf.extensions.get(sgxExtensionOid);
  if (!extension)
    throw tdxError('PCK_EXTENSION_INVALID', `PCK certificate: it has no extension ${sgxExtensionOid}.`);
  return parseSgxExtension(extension.value);
}

/** @throws EvidenceError PCK_EXTENSION_INVALID */
export function parseSgxExtension(value: Uint8Array): SgxExtension {
  return refuseAs('PCK_EXTENSION_INVALID', () => {
    const members = membersOf(parseDer(value, 'SGX extension'), sgxExtensionOid, [1, 2, 3, 4, 5, 6, 7]);
    const tcb = membersOf(required(members, 2), `${sgxExtensionOid}.2`, range(1, 18));
    const configuration = members.get(7);
    return {
      ppid: octets(required(members, 1), 16),
      componentSvns: range(1, 16).map((number) => svn(required(tcb, number))),
      pceSvn: svn(required(tcb, 17)),
      cpuSvn: octets(required(tcb, 18), 16),
      pceId: octets(required(members, 3), 2),
      fmspc: octets(required(members, 4), 6),
      sgxType: members.get(5)?.smallInteger(derTag.enumerated),
      platformInstanceId: members.has(6) ? octets(members.get(6)!, 16) : undefined,
      configuration: configuration && parseConfiguration(configuration),
    };
  });
}

function parseConfiguration(element: Der): SgxConfiguration {
  const members = membersOf(element, `${sgxExtensionOid}.7`, [1, 2, 3]);
  return {
    dynamicPlatform: members.get(1)?.boolean(),
    cachedKeys: members.get(2)?.boolean(),
    smtEnabled: members.get(3)?.boolean(),
  };
}

/** SEQUENCE OF SEQUENCE { OID prefix.number, value }: the values by number, each once, in any order. */
function membersOf(sequence: Der, prefix: string, allowed: readonly number[]): Map<number, Der> {
  const members = new Map<number, Der>();
  for (const child of sequence.children(derTag.sequence)) {
    const fields = child.fields(derTag.sequence);
    const oid = fields.next().oid();
    const number = allowed.find((candidate) => oid === `${prefix}.${candidate}`);
    const value = fields.next();
    fields.end();
    if (number === undefined || members.has(number))
      throw new BytesError('DER_INVALID', `SGX extension: ${oid} is not expected there, or occurs twice.`);
    members.set(number, value);
  }
  return members;
}

function required(members: ReadonlyMap<number, Der>, number: number): Der {
  const member = members.get(number);
  if (!member) throw new BytesError('DER_INVALID', `SGX extension: member ${number} is missing.`);
  return member;
}

function octets(element: Der, lengthBytes: number): Uint8Array {
  const bytes = element.octetString();
  if (bytes.length !== lengthBytes)
    throw new BytesError(
      'DER_INVALID',
      `SGX extension: expected ${lengthBytes} bytes, found ${bytes.length}.`,
    );
  return bytes;
}

function svn(element: Der): number {
  const value = element.smallInteger();
  if (value > 0xffff) throw new BytesError('DER_INVALID', `SGX extension: an SVN is ${value}.`);
  return value;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Certificates of an issuer chain, PEM text or concatenated DER. @throws BytesError or X509Error */
export function readCertificates(bytes: Uint8Array, what: string): Certificate[] {
  const blocks =
    bytes[0] === 0x30 ? concatenatedDer(bytes) : parsePemBlocks(decodeUtf8(bytes, what), 'CERTIFICATE', what);
  return blocks.map((der, index) => parseCertificate(der, `${what}, certificate ${index + 1}`));
}
