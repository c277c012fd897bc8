/** SPDM 1.1 GET_MEASUREMENTS and its response, as NVIDIA devices sign them (DMTF DSP0274, section GET_MEASUREMENTS). */
import { ByteReader } from '@vitrine/bytes';
import { nvidiaError } from './error.ts';

export const spdmRequestBytes = 37;
export const reportSignatureBytes = 96;
const NONCE_BYTES = 32;
const SPDM_VERSION_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
const DMTF_SPECIFICATION = 1;
const DIGEST_BYTES = 48;
const MAX_BLOCKS = 64;

export interface SpdmRequest {
  readonly param1: number;
  readonly param2: number;
  /** The verifier's, 32 bytes. */
  readonly nonce: Uint8Array;
  readonly slotId: number;
}

export interface SpdmMeasurement {
  /** From 1. */
  readonly index: number;
  /** DMTFSpecMeasurementValueType: bit 7 is set for a raw value, clear for a digest. */
  readonly valueType: number;
  /** SHA-384, 48 bytes. */
  readonly value: Uint8Array;
}

export interface SpdmResponse {
  readonly param1: number;
  readonly param2: number;
  /** Ascending by index, 1 to N without a gap. */
  readonly measurements: readonly SpdmMeasurement[];
  /** The responder's, 32 bytes. */
  readonly nonce: Uint8Array;
  readonly opaque: Uint8Array;
  /** r ‖ s, big-endian, 96 bytes. */
  readonly signature: Uint8Array;
}

/** @throws BytesError, EvidenceError GPU_REPORT_MALFORMED */
export function parseSpdmRequest(reader: ByteReader): SpdmRequest {
  requireByte(reader.u8('request version'), SPDM_VERSION_1_1, 'request version');
  requireByte(reader.u8('request code'), GET_MEASUREMENTS, 'request code');
  return {
    param1: reader.u8('request param1'),
    param2: reader.u8('request param2'),
    nonce: reader.take(NONCE_BYTES, 'request nonce'),
    slotId: reader.u8('slot'),
  };
}

/** Reads to the exact end. @throws BytesError, EvidenceError GPU_REPORT_MALFORMED */
export function parseSpdmResponse(reader: ByteReader): SpdmResponse {
  requireByte(reader.u8('response version'), SPDM_VERSION_1_1, 'response version');
  requireByte(reader.u8('response code'), MEASUREMENTS, 'response code');
  const param1 = reader.u8('response param1');
  const param2 = reader.u8('response param2');
  const count = reader.u8('number of blocks');
  const record = reader.take(reader.u24('measurement record length'), 'measurement record');
  const measurements = parseRecord(record, count);
  const nonce = reader.take(NONCE_BYTES, 'responder nonce');
  const opaque = reader.take(reader.u16('opaque length'), 'opaque data');
  const signature = reader.take(reportSignatureBytes, 'signature');
  reader.end();
  return { param1, param2, measurements, nonce, opaque, signature };
}

function parseRecord(record: Uint8Array, count: number): SpdmMeasurement[] {
  if (count === 0 || count > MAX_BLOCKS) refuse(`expected 1 to ${MAX_BLOCKS} blocks, found ${count}`);
  const reader = new ByteReader(record, 'measurement record');
  const byIndex = new Map<number, SpdmMeasurement>();
  for (let at = 0; at < count; at++) {
    const block = parseBlock(reader);
    if (block.index < 1 || block.index > count) refuse(`a block has index ${block.index} of ${count}`);
    if (byIndex.has(block.index)) refuse(`two blocks have index ${block.index}`);
    byIndex.set(block.index, block);
  }
  reader.end();
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

function parseBlock(reader: ByteReader): SpdmMeasurement {
  const index = reader.u8('block index');
  requireByte(reader.u8('measurement specification'), DMTF_SPECIFICATION, 'measurement specification');
  const sizeBytes = reader.u16('measurement size');
  const valueType = reader.u8('value type');
  const valueBytes = reader.u16('value size');
  if (valueBytes !== DIGEST_BYTES || sizeBytes !== DIGEST_BYTES + 3)
    refuse(`block ${index}: expected a value of ${DIGEST_BYTES} bytes, found ${valueBytes} in ${sizeBytes}`);
  return { index, valueType, value: reader.take(valueBytes, 'measurement value') };
}

function requireByte(found: number, expected: number, field: string): void {
  if (found !== expected) refuse(`${field}: expected ${expected}, found ${found}`);
}

function refuse(reason: string): never {
  throw nvidiaError('GPU_REPORT_MALFORMED', `GPU report: ${reason}.`);
}
