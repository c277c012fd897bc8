/** The quoting enclave's own report: an SGX REPORTBODY (Intel SDM volume 3D, section 37.16; Quoting Library API A.3.10). */
import { ByteReader } from '@vitrine/bytes';

export interface QeReport {
  /** The 384 bytes that the PCK signs. */
  readonly raw: Uint8Array;
  readonly cpuSvn: Uint8Array;
  /** 4 bytes, little-endian. */
  readonly miscSelect: Uint8Array;
  /** 16 bytes: flags, XFRM. */
  readonly attributes: Uint8Array;
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly reportData: Uint8Array;
}

export const qeReportBytes = 384;

/** @throws BytesError TRUNCATED or TRAILING_DATA */
export function parseQeReport(raw: Uint8Array): QeReport {
  const reader = new ByteReader(raw, 'QE report');
  const cpuSvn = reader.take(16, 'CPUSVN');
  const miscSelect = reader.take(4, 'MISCSELECT');
  reader.take(28, 'reserved');
  const attributes = reader.take(16, 'ATTRIBUTES');
  const mrEnclave = reader.take(32, 'MRENCLAVE');
  reader.take(32, 'reserved');
  const mrSigner = reader.take(32, 'MRSIGNER');
  reader.take(96, 'reserved');
  const isvProdId = reader.u16('ISVPRODID');
  const isvSvn = reader.u16('ISVSVN');
  reader.take(60, 'reserved');
  const reportData = reader.take(64, 'REPORTDATA');
  reader.end();
  return { raw, cpuSvn, miscSelect, attributes, mrEnclave, mrSigner, isvProdId, isvSvn, reportData };
}
