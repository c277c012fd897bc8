/**
 * Azure's hardware compatibility layer (HCL) report, as the vTPM keeps it at NV index 0x01400001: a header, the SNP report
 * at 0x20, and the runtime data that REPORT_DATA is the digest of (Microsoft, "Azure confidential VM guest attestation:
 * design detail"; layout as OpenHCL's IGVM_ATTESTATION_REPORT). Little-endian.
 */
import { ByteReader, isZero, latin1, parseJson } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { snpError } from './error.ts';
import { snpReportBytes } from './report.ts';

/** Parsed, not authenticated. */
export interface HclReport {
  /** Of the header: 1 or 2. */
  readonly version: number;
  /** The 1184 bytes of the SNP report. */
  readonly report: Uint8Array;
  /** The exact bytes of the JSON document that REPORT_DATA is the digest of. */
  readonly runtimeData: Uint8Array;
}

const HEADER_BYTES = 0x20;
const RUNTIME_HEADER_BYTES = 20;
const REPORT_TYPE_SNP = 2;
const HASH_SHA256 = 1;
const MAX_HCL_BYTES = 64 * 1024;

/**
 * Zeros may follow: an NV index has a fixed size.
 * @throws EvidenceError HCL_REPORT_MALFORMED
 */
export function parseHclReport(bytes: Uint8Array): HclReport {
  if (bytes.length > MAX_HCL_BYTES)
    throw malformed(`expected at most ${MAX_HCL_BYTES} bytes, found ${bytes.length}`);
  return refuseAs('HCL_REPORT_MALFORMED', () => {
    const reader = new ByteReader(bytes, 'HCL report');
    const { version, sizeBytes } = readHeader(reader);
    const report = reader.take(snpReportBytes, 'SNP report');
    const runtimeData = readRuntimeData(reader);
    if (reader.offset !== sizeBytes)
      throw malformed(`its header says ${sizeBytes} bytes, its parts have ${reader.offset}`);
    if (!isZero(reader.rest())) throw malformed('bytes behind the runtime data are not zero');
    return { version, report, runtimeData };
  });
}

function readHeader(reader: ByteReader): { version: number; sizeBytes: number } {
  const signature = latin1(reader.take(4, 'signature'));
  if (signature !== 'HCLA') throw malformed('it does not begin with HCLA');
  const version = reader.u32('version');
  if (version !== 1 && version !== 2) throw malformed(`expected version 1 or 2, found ${version}`);
  const sizeBytes = reader.u32('report size');
  const requestType = reader.u32('request type');
  if (requestType !== 2) throw malformed(`expected request type 2, found ${requestType}`);
  if (!isZero(reader.take(HEADER_BYTES - reader.offset, 'status and reserved')))
    throw malformed('status and reserved bytes of its header are not zero');
  return { version, sizeBytes };
}

function readRuntimeData(reader: ByteReader): Uint8Array {
  const sizeBytes = reader.u32('runtime data size');
  const version = reader.u32('runtime data version');
  const reportType = reader.u32('report type');
  const hashType = reader.u32('report data hash type');
  const variableBytes = reader.u32('variable data size');
  if (version !== 1) throw malformed(`expected runtime data of version 1, found ${version}`);
  if (reportType !== REPORT_TYPE_SNP)
    throw malformed(`expected report type ${REPORT_TYPE_SNP} (SNP), found ${reportType}`);
  if (hashType !== HASH_SHA256) throw malformed(`expected hash type 1 (SHA-256), found ${hashType}`);
  if (sizeBytes !== RUNTIME_HEADER_BYTES + variableBytes)
    throw malformed(`runtime data of ${sizeBytes} bytes has variable data of ${variableBytes}`);
  return reader.take(variableBytes, 'variable data');
}

/** What the runtime data says, once its digest is proven. */
export interface HclRuntimeClaims {
  /** The vTPM's attestation key: modulus and exponent, base64url. */
  readonly attestationKey: { readonly n: string; readonly e: string };
  /** 64 bytes that a program in the VM chose, where it did. */
  readonly userData: Uint8Array | undefined;
}

/** @throws EvidenceError HCL_REPORT_MALFORMED */
export function parseRuntimeData(bytes: Uint8Array): HclRuntimeClaims {
  return refuseAs('HCL_REPORT_MALFORMED', () => {
    const document = parseJson(bytes, 'runtime data', { maxBytes: MAX_HCL_BYTES, maxDepth: 8 });
    const keys = document
      .get('keys')
      .items(16)
      .filter((item) => item.get('kid').string() === 'HCLAkPub');
    const [key] = keys;
    if (!key || keys.length !== 1) throw malformed(`expected one key HCLAkPub, found ${keys.length}`);
    key.get('kty').word('RSA');
    const userData = document.optional('user-data');
    return {
      attestationKey: { n: key.get('n').string(), e: key.get('e').string() },
      userData: userData?.hex(64),
    };
  });
}

function malformed(why: string): Error {
  return snpError('HCL_REPORT_MALFORMED', `HCL report: ${why}.`);
}
