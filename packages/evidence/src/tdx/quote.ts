/** TDX quotes, versions 4 and 5, parsed to the byte (Intel TDX DCAP Quoting Library API, appendix A.3 and A.4). */
import { BytesError, ByteReader, equalBytes, fromHex, toHex } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { type QeReport, parseQeReport, qeReportBytes } from './qe-report.ts';
import { type TdxErrorCode, tdxError } from './error.ts';

export interface TdxQuoteHeader {
  readonly version: 4 | 5;
  /** 2: ECDSA P-256. */
  readonly attestationKeyType: number;
  /** 0x81. */
  readonly teeType: number;
  /** QE SVN and PCE SVN in version 4, reserved in version 5; 4 bytes. */
  readonly svns: Uint8Array;
  /** 16 bytes. */
  readonly qeVendorId: Uint8Array;
  /** 20 bytes; the first 16 identify the platform. */
  readonly userData: Uint8Array;
}

/** TD report of TDX 1.0 (584 bytes) or 1.5 (648 bytes), measured registers of 48 bytes each. */
export interface TdReport {
  /** 16 bytes: of the TDX module, as it was when the TD was launched. [0] SVN, [1] version. */
  readonly teeTcbSvn: Uint8Array;
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  /** 8 bytes, little-endian, as are the two that follow. */
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 16 bytes: of the module as it is now. TDX 1.5 only, as is the next. */
  readonly teeTcbSvn2: Uint8Array | undefined;
  readonly mrServiceTd: Uint8Array | undefined;
}

/** Parsed, not authenticated. Fields are views of the input. */
export interface TdxQuote {
  /** The quote without what follows it. */
  readonly raw: Uint8Array;
  readonly header: TdxQuoteHeader;
  /** 2: TD 1.0; 3: TD 1.5. Version 4 has no such field and is always 2. */
  readonly bodyType: 2 | 3;
  readonly body: TdReport;
  /** Header and body: what the attestation key signs. */
  readonly signedBytes: Uint8Array;
  /** r ‖ s, big-endian. */
  readonly signature: Uint8Array;
  /** x ‖ y, big-endian. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: QeReport;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthenticationData: Uint8Array;
  /** Certification data of type 5: the PCK chain, PEM or concatenated DER. */
  readonly pckChain: Uint8Array;
  /** What stands behind the quote. No signature covers it: cloud providers pad to a fixed size. */
  readonly trailingBytes: Uint8Array;
}

export interface TdxQuoteOptions {
  /** Whether bytes may follow the quote; default "keep". */
  readonly trailing?: 'keep' | 'refuse';
}

export const intelQeVendorId: Uint8Array = fromHex('939a7233f79c4ca9940a0db3957f0607');

const MAX_QUOTE_BYTES = 1 << 20;
const TEE_TYPE_SGX = 0;
const TEE_TYPE_TDX = 0x81;
const KEY_TYPE_ECDSA_P256 = 2;
const BODY_TYPE_SGX = 1;
const BODY_BYTES = { 2: 584, 3: 648 } as const;
const CERTIFICATION_PCK_CHAIN = 5;
const CERTIFICATION_QE_REPORT = 6;

/** @throws EvidenceError QUOTE_TRUNCATED, QUOTE_MALFORMED, QUOTE_FORMAT_UNSUPPORTED, WRONG_TEE_TYPE, ATTESTATION_KEY_TYPE_UNSUPPORTED */
export function parseTdxQuote(bytes: Uint8Array, options: TdxQuoteOptions = {}): TdxQuote {
  return refuseAs(quoteCode, () => {
    if (bytes.length > MAX_QUOTE_BYTES)
      throw tdxError('QUOTE_MALFORMED', `TDX quote: more than ${MAX_QUOTE_BYTES} bytes.`);
    const reader = new ByteReader(bytes, 'TDX quote');
    const header = readHeader(reader);
    const bodyType = readBodyType(reader, header);
    const body = readTdReport(reader, bodyType);
    const signedBytes = bytes.subarray(0, reader.offset);
    const signatureData = reader.take(reader.u32('signature data length'), 'signature data');
    const raw = bytes.subarray(0, reader.offset);
    const trailingBytes = reader.rest();
    if (trailingBytes.length > 0 && options.trailing === 'refuse')
      throw tdxError('QUOTE_MALFORMED', `TDX quote: ${trailingBytes.length} bytes follow it.`);
    return { raw, header, bodyType, body, signedBytes, ...readSignatureData(signatureData), trailingBytes };
  });
}

function quoteCode(cause: Error): TdxErrorCode {
  return cause instanceof BytesError && cause.code === 'TRUNCATED' ? 'QUOTE_TRUNCATED' : 'QUOTE_MALFORMED';
}

function readHeader(reader: ByteReader): TdxQuoteHeader {
  const version = reader.u16('version');
  if (version !== 4 && version !== 5)
    throw tdxError('QUOTE_FORMAT_UNSUPPORTED', `TDX quote: expected version 4 or 5, found ${version}.`);
  const attestationKeyType = reader.u16('attestation key type');
  if (attestationKeyType !== KEY_TYPE_ECDSA_P256)
    throw tdxError(
      'ATTESTATION_KEY_TYPE_UNSUPPORTED',
      `TDX quote: expected attestation key type ${KEY_TYPE_ECDSA_P256} (ECDSA P-256), found ${attestationKeyType}.`,
    );
  const teeType = reader.u32('TEE type');
  if (teeType !== TEE_TYPE_TDX)
    throw tdxError(
      'WRONG_TEE_TYPE',
      `TDX quote: expected TEE type 0x81, found 0x${teeType.toString(16)}${teeType === TEE_TYPE_SGX ? ' (SGX)' : ''}.`,
    );
  return {
    version,
    attestationKeyType,
    teeType,
    svns: reader.take(4, 'QE SVN and PCE SVN'),
    qeVendorId: reader.take(16, 'QE vendor ID'),
    userData: reader.take(20, 'user data'),
  };
}

/** Version 5 names the body's type and length before it. */
function readBodyType(reader: ByteReader, { version }: TdxQuoteHeader): 2 | 3 {
  if (version === 4) return 2;
  const type = reader.u16('body type');
  const lengthBytes = reader.u32('body length');
  if (type !== 2 && type !== 3)
    throw tdxError(
      type === BODY_TYPE_SGX ? 'WRONG_TEE_TYPE' : 'QUOTE_FORMAT_UNSUPPORTED',
      `TDX quote: expected body type 2 (TD 1.0) or 3 (TD 1.5), found ${type}.`,
    );
  if (lengthBytes !== BODY_BYTES[type])
    throw tdxError(
      'QUOTE_MALFORMED',
      `TDX quote: a body of type ${type} has ${BODY_BYTES[type]} bytes, found ${lengthBytes}.`,
    );
  return type;
}

function readTdReport(reader: ByteReader, bodyType: 2 | 3): TdReport {
  const register = (field: string): Uint8Array => reader.take(48, field);
  return {
    teeTcbSvn: reader.take(16, 'TEE_TCB_SVN'),
    mrSeam: register('MRSEAM'),
    mrSignerSeam: register('MRSIGNERSEAM'),
    seamAttributes: reader.take(8, 'SEAMATTRIBUTES'),
    tdAttributes: reader.take(8, 'TDATTRIBUTES'),
    xfam: reader.take(8, 'XFAM'),
    mrTd: register('MRTD'),
    mrConfigId: register('MRCONFIGID'),
    mrOwner: register('MROWNER'),
    mrOwnerConfig: register('MROWNERCONFIG'),
    rtmrs: [register('RTMR0'), register('RTMR1'), register('RTMR2'), register('RTMR3')],
    reportData: reader.take(64, 'REPORTDATA'),
    teeTcbSvn2: bodyType === 3 ? reader.take(16, 'TEE_TCB_SVN_2') : undefined,
    mrServiceTd: bodyType === 3 ? register('MRSERVICETD') : undefined,
  };
}

type SignatureData = Pick<
  TdxQuote,
  'signature' | 'attestationKey' | 'qeReport' | 'qeReportSignature' | 'qeAuthenticationData' | 'pckChain'
>;

/** Each length is exact: nothing is left in any of the nested parts. */
function readSignatureData(bytes: Uint8Array): SignatureData {
  const reader = new ByteReader(bytes, 'TDX quote signature data');
  const signature = reader.take(64, 'signature');
  const attestationKey = reader.take(64, 'attestation key');
  const certification = readCertification(reader, CERTIFICATION_QE_REPORT);
  reader.end();

  const inner = new ByteReader(certification, 'TDX quote QE report certification data');
  const qeReport = parseQeReport(inner.take(qeReportBytes, 'QE report'));
  const qeReportSignature = inner.take(64, 'QE report signature');
  const qeAuthenticationData = inner.take(
    inner.u16('QE authentication data length'),
    'QE authentication data',
  );
  const pckChain = readCertification(inner, CERTIFICATION_PCK_CHAIN);
  inner.end();
  return { signature, attestationKey, qeReport, qeReportSignature, qeAuthenticationData, pckChain };
}

function readCertification(reader: ByteReader, expectedType: number): Uint8Array {
  const type = reader.u16('certification data type');
  if (type !== expectedType)
    throw tdxError(
      'QUOTE_FORMAT_UNSUPPORTED',
      `TDX quote: expected certification data of type ${expectedType}, found ${type}.`,
    );
  return reader.take(reader.u32('certification data length'), 'certification data');
}

/** @throws EvidenceError QE_VENDOR_UNKNOWN */
export function requireIntelQe({ header }: TdxQuote): void {
  if (equalBytes(header.qeVendorId, intelQeVendorId)) return;
  throw tdxError(
    'QE_VENDOR_UNKNOWN',
    `TDX quote: expected the QE vendor ${toHex(intelQeVendorId)} (Intel), found ${toHex(header.qeVendorId)}.`,
  );
}
