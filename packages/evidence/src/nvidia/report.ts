/** A device's report: the request, followed by the response that signs it. */
import { ByteReader } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { nvidiaError, type NvidiaErrorCode } from './error.ts';
import { type GpuOpaqueData, parseOpaque } from './opaque.ts';
import {
  type SpdmMeasurement,
  type SpdmRequest,
  type SpdmResponse,
  parseSpdmRequest,
  parseSpdmResponse,
  reportSignatureBytes,
} from './spdm.ts';

/** Parsed, not verified. */
export interface GpuReport {
  readonly request: SpdmRequest;
  readonly response: SpdmResponse;
  readonly opaque: GpuOpaqueData;
  readonly measurements: readonly SpdmMeasurement[];
  /** What the signature covers: all before it. */
  readonly signed: Uint8Array;
  /** r ‖ s, big-endian, 96 bytes. */
  readonly signature: Uint8Array;
}

const MAX_REPORT_BYTES = 128 * 1024;

/** @throws EvidenceError GPU_REPORT_MALFORMED */
export function parseGpuReport(bytes: Uint8Array): GpuReport {
  if (bytes.length > MAX_REPORT_BYTES)
    throw nvidiaError('GPU_REPORT_MALFORMED', `GPU report: ${bytes.length} bytes are too many.`);
  return refuseAs<NvidiaErrorCode, GpuReport>('GPU_REPORT_MALFORMED', () => {
    const reader = new ByteReader(bytes, 'GPU report');
    const request = parseSpdmRequest(reader);
    const response = parseSpdmResponse(reader);
    const { measurements, signature } = response;
    const signed = bytes.subarray(0, bytes.length - reportSignatureBytes);
    return { request, response, opaque: parseOpaque(response.opaque), measurements, signed, signature };
  });
}

/** NVIDIA's RIM service names of the driver's and the VBIOS's manifest; undefined where a field is missing. */
export interface RimIds {
  readonly driver: string | undefined;
  readonly vbios: string | undefined;
}

/** @param architecture the chip, as the leaf names it: "GH100", "LS10" */
export function rimIds(report: GpuReport, architecture: string): RimIds {
  const { driverVersion, vbiosVersion, project, projectSku, chipSku } = report.opaque;
  const isSwitch = architecture === 'LS10';
  const parts = [project, projectSku, chipSku, vbiosVersion?.replaceAll('.', '')];
  const kind = isSwitch ? 'NV_SWITCH_BIOS' : 'NV_GPU_VBIOS';
  const isGh100 = architecture === 'GH100';
  const driverKind = isGh100 ? 'NV_GPU_DRIVER' : 'NV_GPU_CC_DRIVER';
  return {
    driver: isSwitch || !driverVersion ? undefined : `${driverKind}_${architecture}_${driverVersion}`,
    vbios: parts.every(Boolean) ? [kind, ...parts].join('_').toUpperCase() : undefined,
  };
}
