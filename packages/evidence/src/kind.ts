/** What a file of evidence or endorsements is, by its first bytes: a guess that its parser then proves. */
import { BytesError, decodeUtf8, fromBase64, fromHex, latin1, parseJson } from '@vitrine/bytes';

export type EvidenceKind =
  | 'snp-report'
  /** Azure's hardware compatibility layer report: an SNP report in a header, with runtime data. */
  | 'azure-hcl-report'
  | 'snp-certificate-table'
  | 'tdx-quote'
  | 'tdx-event-log'
  | 'nvidia-report'
  | 'nvidia-evidence'
  | 'nvidia-rim'
  | 'nvidia-token'
  | 'intel-tcb-info'
  | 'intel-qe-identity'
  | 'tdx-collateral'
  | 'certificates'
  | 'certificate'
  | 'crl'
  | 'ocsp-response';

const SNP_REPORT_BYTES = 1184;
const VCEK_TABLE_GUID = '63da758d';
const VLEK_TABLE_GUID = 'a8074bc2';
const ASK_TABLE_GUID = '4ab7b379';
const ARK_TABLE_GUID = 'c0b406a4';
const CRL_TABLE_GUID = '92f81bc3';

/**
 * The kind, or undefined. Text that is base64 or hexadecimal is not looked through: see `unwrapped`.
 */
export function identifyEvidence(bytes: Uint8Array): EvidenceKind | undefined {
  return identifyBinary(bytes) ?? identifyText(bytes);
}

function identifyBinary(bytes: Uint8Array): EvidenceKind | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => (at + 4 <= bytes.length ? view.getUint32(at, true) : 0);
  if (bytes.length === SNP_REPORT_BYTES && word(0) >= 1 && word(0) < 256) return 'snp-report';
  if (latin1(bytes.subarray(0, 4)) === 'HCLA') return 'azure-hcl-report';
  if (bytes.length > 48 && [3, 4, 5].includes(word(0) & 0xffff) && word(4) === 0x81) return 'tdx-quote';
  if (bytes[0] === 0x11 && bytes[1] === 0xe0) return 'nvidia-report';
  // A TCG log begins with an event of PCR 0, type EV_NO_ACTION, that holds a "Spec ID Event03".
  if (word(4) === 3 && latin1(bytes.subarray(32, 47)) === 'Spec ID Event03') return 'tdx-event-log';
  if (isCertificateTable(word(0))) return 'snp-certificate-table';
  if (bytes[0] === 0x30 && bytes[1]! >= 0x80) return identifyDer(bytes);
  return undefined;
}

/** The first GUID's first field, in the order of UEFI or, as AMD's host tool writes it, of text. */
function isCertificateTable(firstWord: number): boolean {
  const guids = [VCEK_TABLE_GUID, VLEK_TABLE_GUID, ASK_TABLE_GUID, ARK_TABLE_GUID, CRL_TABLE_GUID];
  const digits = firstWord.toString(16).padStart(8, '0');
  const reversedDigits = digits.match(/../g)!.reverse().join('');
  return guids.includes(digits) || guids.includes(reversedDigits);
}

/** By the element that the outer SEQUENCE begins with, and the one that this begins with. */
function identifyDer(bytes: Uint8Array): EvidenceKind | undefined {
  const inner = contentsAt(bytes, 0);
  if (bytes[inner] === 0x0a) return 'ocsp-response';
  if (bytes[inner] !== 0x30) return undefined;
  const tbs = contentsAt(bytes, inner);
  if (bytes[tbs] === 0xa0) return 'certificate';
  // TBSCertList begins with version INTEGER 1 or the algorithm; a certificate of version 1 with a serial number.
  if (bytes[tbs] === 0x30) return 'crl';
  const isVersionTwo = bytes[tbs] === 0x02 && bytes[tbs + 1] === 1 && bytes[tbs + 2] === 1;
  return isVersionTwo ? 'crl' : 'certificate';
}

/** Where the contents of the element at a place begin. */
function contentsAt(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1] ?? 0;
  return at + 2 + (length >= 0x80 ? length & 0x7f : 0);
}

function identifyText(bytes: Uint8Array): EvidenceKind | undefined {
  const start = latin1(bytes.subarray(0, 4096)).trimStart();
  if (start.startsWith('-----BEGIN CERTIFICATE-----')) return 'certificates';
  if (start.startsWith('-----BEGIN X509 CRL-----')) return 'crl';
  if (start.startsWith('<') && start.includes('SoftwareIdentity')) return 'nvidia-rim';
  if (start.startsWith('{') || start.startsWith('[')) return identifyJson(bytes);
  return undefined;
}

function identifyJson(bytes: Uint8Array): EvidenceKind | undefined {
  try {
    const document = parseJson(bytes, 'document');
    if (document.kind === 'array') {
      const first = document.items()[0];
      if (first?.kind === 'array') return 'nvidia-token';
      return first?.kind === 'object' && first.optional('evidence') ? 'nvidia-evidence' : undefined;
    }
    const names = document.names();
    if (names.includes('tcbInfo')) return 'intel-tcb-info';
    if (names.includes('enclaveIdentity')) return 'intel-qe-identity';
    if (names.includes('tcb_info') && names.includes('qe_identity')) return 'tdx-collateral';
    return names.includes('evidence') || names.includes('evidences') ? 'nvidia-evidence' : undefined;
  } catch (error) {
    if (error instanceof BytesError) return undefined;
    throw error;
  }
}

/**
 * The bytes behind hexadecimal or base64 text of any line length, or the bytes themselves: services publish reports
 * and quotes in all three.
 */
export function unwrapped(bytes: Uint8Array): Uint8Array {
  if (identifyEvidence(bytes)) return bytes;
  try {
    const text = decodeUtf8(bytes).replaceAll(/\s/g, '').replace(/^0x/, '');
    if (text === '') return bytes;
    return /^[0-9a-fA-F]+$/.test(text) ? fromHex(text) : fromBase64(text);
  } catch (error) {
    if (error instanceof BytesError) return bytes;
    throw error;
  }
}
