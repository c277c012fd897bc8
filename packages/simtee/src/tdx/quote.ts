/** TDX quotes in the real format, versions 4 and 5, over any measurement, with any defect on request. */
import { concatBytes, sha256, utf8 } from '@vitrine/bytes';
import { intelQeVendorId } from '@vitrine/evidence/tdx';
import type { TdxPlatform } from './authority.ts';

/** Fields of the TD report; what is left out is zero, or of a TD that a default policy accepts. */
export interface TdReportRequest {
  readonly teeTcbSvn?: Uint8Array;
  readonly mrSeam?: Uint8Array;
  readonly mrSignerSeam?: Uint8Array;
  readonly seamAttributes?: Uint8Array;
  readonly tdAttributes?: Uint8Array;
  readonly xfam?: Uint8Array;
  readonly mrTd?: Uint8Array;
  readonly mrConfigId?: Uint8Array;
  readonly mrOwner?: Uint8Array;
  readonly mrOwnerConfig?: Uint8Array;
  readonly rtmrs?: readonly Uint8Array[];
  readonly reportData?: Uint8Array;
  readonly teeTcbSvn2?: Uint8Array;
  readonly mrServiceTd?: Uint8Array;
}

export interface TdxQuoteRequest extends TdReportRequest {
  /** Default version 4. */
  readonly format?: 'v4' | 'v5-td1.0' | 'v5-td1.5';
  readonly qe?: QeRequest;
  readonly qeVendorId?: Uint8Array;
  readonly defect?:
    /** The quote is signed by another key than the attestation key in it. */
    | 'wrong-attestation-key'
    /** The quoting enclave's report is signed by another key than the PCK. */
    | 'wrong-pck'
    /** The quoting enclave's report names another attestation key. */
    | 'wrong-binding'
    /** The same, where only the half that must be zero is not. */
    | 'binding-not-zero';
}

/** The quoting enclave; default as `issueTdxCollateral` describes it. */
export interface QeRequest {
  readonly mrSigner?: Uint8Array;
  readonly isvProdId?: number;
  readonly isvSvn?: number;
  readonly miscSelect?: Uint8Array;
  readonly attributes?: Uint8Array;
}

export const simulatedQe = {
  mrSigner: new Uint8Array(32).fill(0xdc),
  isvProdId: 2,
  isvSvn: 4,
  attributes: Uint8Array.of(0x11, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0),
} as const;

/** Module version 1 with SVN 5, microcode SVN 5. */
export const simulatedTeeTcbSvn = Uint8Array.of(5, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

export async function issueTdxQuote(
  platform: TdxPlatform,
  request: TdxQuoteRequest = {},
): Promise<Uint8Array> {
  const { format = 'v4', defect } = request;
  const { attestationKey, pck } = platform;
  const signedBytes = concatBytes(encodeHeader(format, request), encodeReport(format, request));
  const signature = await (defect === 'wrong-attestation-key' ? pck.key : attestationKey).signRaw(
    signedBytes,
  );
  const point = attestationKey.point.subarray(1);
  const authenticationData = Uint8Array.from({ length: 32 }, (_, index) => index);
  const digest = await sha256(concatBytes(point, authenticationData));
  const qeReport = encodeQeReport(request.qe ?? {}, encodeBinding(digest, defect));
  const qeSignature = await (defect === 'wrong-pck' ? attestationKey : pck.key).signRaw(qeReport);
  const chain = utf8(`${platform.chainPem}\0`);
  const certification = concatBytes(
    qeReport,
    qeSignature,
    u16(authenticationData.length),
    authenticationData,
    u16(5),
    u32(chain.length),
    chain,
  );
  const signatureData = concatBytes(signature, point, u16(6), u32(certification.length), certification);
  return concatBytes(signedBytes, u32(signatureData.length), signatureData);
}

function encodeHeader(
  format: TdxQuoteRequest['format'],
  { qeVendorId = intelQeVendorId }: TdxQuoteRequest,
): Uint8Array {
  return concatBytes(u16(format === 'v4' ? 4 : 5), u16(2), u32(0x81), u32(0), qeVendorId, new Uint8Array(20));
}

function encodeReport(format: TdxQuoteRequest['format'], request: TdReportRequest): Uint8Array {
  const register = (value: Uint8Array | undefined): Uint8Array => value ?? new Uint8Array(48);
  const svn = request.teeTcbSvn ?? simulatedTeeTcbSvn;
  const body = concatBytes(
    svn,
    register(request.mrSeam),
    register(request.mrSignerSeam),
    request.seamAttributes ?? new Uint8Array(8),
    // SEPT_VE_DISABLE.
    request.tdAttributes ?? Uint8Array.of(0, 0, 0, 0x10, 0, 0, 0, 0),
    request.xfam ?? Uint8Array.of(0xe7, 0x1a, 0x06, 0, 0, 0, 0, 0),
    register(request.mrTd),
    register(request.mrConfigId),
    register(request.mrOwner),
    register(request.mrOwnerConfig),
    ...[0, 1, 2, 3].map((index) => register(request.rtmrs?.[index])),
    request.reportData ?? new Uint8Array(64),
    ...(format === 'v5-td1.5' ? [request.teeTcbSvn2 ?? svn, register(request.mrServiceTd)] : []),
  );
  if (format === 'v4') return body;
  return concatBytes(u16(format === 'v5-td1.5' ? 3 : 2), u32(body.length), body);
}

function encodeQeReport(qe: QeRequest, reportData: Uint8Array): Uint8Array {
  return concatBytes(
    new Uint8Array(16).fill(5),
    qe.miscSelect ?? new Uint8Array(4),
    new Uint8Array(28),
    qe.attributes ?? simulatedQe.attributes,
    new Uint8Array(32).fill(0xab),
    new Uint8Array(32),
    qe.mrSigner ?? simulatedQe.mrSigner,
    new Uint8Array(96),
    u16(qe.isvProdId ?? simulatedQe.isvProdId),
    u16(qe.isvSvn ?? simulatedQe.isvSvn),
    new Uint8Array(60),
    reportData,
  );
}

function encodeBinding(digest: Uint8Array, defect: TdxQuoteRequest['defect']): Uint8Array {
  if (defect === 'wrong-binding') return new Uint8Array(64).fill(1, 0, 32);
  const rest = new Uint8Array(32);
  if (defect === 'binding-not-zero') rest[31] = 1;
  return concatBytes(digest, rest);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}
