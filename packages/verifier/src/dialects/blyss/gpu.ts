/**
 * GPU reports that were taken apart into JSON, put together again as request ‖ response (DMTF DSP0274 version 1.1,
 * GET_MEASUREMENTS): a byte in another place, and the device's signature would not fit.
 */
import { type JsonNode, concatBytes, fromHex, utf8 } from '@vitrine/bytes';
import type { PresentedDevice } from '../../presented.ts';
import { lowerHexBytes, malformed, maybe, nonceBytes, quoted } from '../reading.ts';

const MAX_GPUS = 16;
const MAX_CERTIFICATES = 8;
const MAX_CHAIN_CHARACTERS = 64 * 1024;
const MAX_RIM_CHARACTERS = 4 * 1024 * 1024;
const MAX_BLOCKS = 64;
const DIGEST_BYTES = 48;
const SIGNATURE_BYTES = 96;
const MAX_FIELD_BYTES = 1024;
const MAX_COUNTERS = 256;
const PREFIX = 'OPAQUE_FIELD_ID_';

/** OpaqueDataType of NVIDIA's verifiers, by the names that they print. */
const opaqueTypes: ReadonlyMap<string, number> = new Map([
  ['CERT_ISSUER_NAME', 1],
  ['CERT_AUTHORITY_KEY_IDENTIFIER', 2],
  ['DRIVER_VERSION', 3],
  ['GPU_INFO', 4],
  ['SKU', 5],
  ['VBIOS_VERSION', 6],
  ['MANUFACTURER_ID', 7],
  ['TAMPER_DETECTION', 8],
  ['SMC', 9],
  ['VPR', 10],
  ['NVDEC0_STATUS', 11],
  ['MSRSCNT', 12],
  ['CPRINFO', 13],
  ['BOARD_ID', 14],
  ['CHIP_SKU', 15],
  ['CHIP_SKU_MOD', 16],
  ['PROJECT', 17],
  ['PROJECT_SKU', 18],
  ['PROJECT_SKU_MOD', 19],
  ['FWID', 20],
  ['PROTECTED_PCIE_STATUS', 21],
]);

export function readBlyssGpus(attestation: JsonNode): PresentedDevice[] {
  const gpus = attestation.onlyNames('gpus').get('gpus').items(MAX_GPUS).map(readGpu);
  const ids = gpus.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw malformed(attestation.path, `${twice} once`, 'it twice');
  return gpus;
}

/** `gpu_info_obj` is what somebody says about the GPU: the report says it too, under a signature. */
function readGpu(gpu: JsonNode): PresentedDevice {
  gpu.onlyNames(
    'gpu_idx',
    'nonce',
    'gpu_attestation_cert_chain',
    'attestation_report_obj',
    'driver_rim',
    'vbios_rim',
    'gpu_info_obj',
  );
  const report = gpu.get('attestation_report_obj').onlyNames('request', 'response');
  return {
    id: `gpu${gpu.get('gpu_idx').integer(0, MAX_GPUS - 1)}`,
    kind: 'gpu',
    report: concatBytes(writeRequest(report.get('request')), writeResponse(report.get('response'))),
    chain: readChain(gpu.get('gpu_attestation_cert_chain')),
    driverRim: maybe(gpu, 'driver_rim', readRim),
    vbiosRim: maybe(gpu, 'vbios_rim', readRim),
    nonce: lowerHexBytes(gpu.get('nonce'), nonceBytes),
  };
}

/** A list of PEM blocks, or all of them in one text. */
function readChain(node: JsonNode): string {
  const parts = node.kind === 'array' ? node.items(MAX_CERTIFICATES) : [node];
  const chain = parts.map((part) => part.string().replace(/\n*$/, '\n')).join('');
  if (chain.length > MAX_CHAIN_CHARACTERS || parts.length === 0)
    throw malformed(node.path, `1 to ${MAX_CHAIN_CHARACTERS} characters`, `${chain.length}`);
  return chain;
}

function readRim(node: JsonNode): Uint8Array {
  const xml = node.string();
  if (xml.length === 0 || xml.length > MAX_RIM_CHARACTERS)
    throw malformed(node.path, `1 to ${MAX_RIM_CHARACTERS} characters`, `${xml.length}`);
  return utf8(xml);
}

/** 37 bytes: header, nonce, slot. */
function writeRequest(request: JsonNode): Uint8Array {
  const header = ['spdm_version', 'request_response_code', 'param1', 'param2'];
  request.onlyNames(...header, 'nonce', 'slot_id_param');
  return concatBytes(
    ...header.map((name) => anyHex(request.get(name), 1)),
    anyHex(request.get('nonce'), nonceBytes),
    anyHex(request.get('slot_id_param'), 1),
  );
}

function writeResponse(response: JsonNode): Uint8Array {
  const header = ['spdm_version', 'request_response_code', 'param1', 'param2'];
  response.onlyNames(
    ...header,
    'number_of_blocks',
    'measurement_record_length',
    'measurement_record',
    'nonce',
    'opaque_data_length',
    'opaque_data',
    'signature',
  );
  const blocks = response.get('number_of_blocks').integer(1, MAX_BLOCKS);
  const record = writeRecord(response.get('measurement_record'), blocks);
  const opaque = writeOpaque(response.get('opaque_data'));
  requireLength(response.get('measurement_record_length'), record.length);
  requireLength(response.get('opaque_data_length'), opaque.length);
  return concatBytes(
    ...header.map((name) => anyHex(response.get(name), 1)),
    Uint8Array.of(blocks, record.length & 0xff, (record.length >> 8) & 0xff, record.length >> 16),
    record,
    anyHex(response.get('nonce'), nonceBytes),
    u16(opaque.length),
    opaque,
    anyHex(response.get('signature'), SIGNATURE_BYTES),
  );
}

function requireLength(stated: JsonNode, actual: number): void {
  const length = stated.integer(0);
  if (length !== actual) throw malformed(stated.path, `${actual}, as its parts have`, `${length}`);
}

/** Index, specification 1 (DMTF), size, type 1 (firmware, digest), size of the digest. */
function writeRecord(record: JsonNode, count: number): Uint8Array {
  const values = record.onlyNames('measurements').get('measurements').items(MAX_BLOCKS);
  if (values.length !== count) throw malformed(record.path, `${count} measurements`, `${values.length}`);
  return concatBytes(
    ...values.map((value, at) =>
      concatBytes(
        Uint8Array.of(at + 1, 1),
        u16(DIGEST_BYTES + 3),
        Uint8Array.of(1),
        u16(DIGEST_BYTES),
        anyHex(value, DIGEST_BYTES),
      ),
    ),
  );
}

/** Type, length, value, in the order in which they stand. */
function writeOpaque(opaque: JsonNode): Uint8Array {
  const fields = opaque.onlyNames('opaque_data').get('opaque_data');
  return concatBytes(
    ...fields.names().map((name) => {
      const type = name.startsWith(PREFIX) ? opaqueTypes.get(name.slice(PREFIX.length)) : undefined;
      if (type === undefined) throw malformed(fields.path, 'fields of known types', quoted(name));
      const value = writeField(fields.get(name));
      return concatBytes(u16(type), u16(value.length), value);
    }),
  );
}

/** Hexadecimal digits; counters as numbers, four bytes each. */
function writeField(field: JsonNode): Uint8Array {
  if (field.kind === 'array')
    return concatBytes(
      ...field.items(MAX_COUNTERS).map((item) => {
        const value = item.integer(0, 0xffffffff);
        return concatBytes(u16(value & 0xffff), u16(value >>> 16));
      }),
    );
  const value = anyHex(field);
  if (value.length > MAX_FIELD_BYTES)
    throw malformed(field.path, `at most ${MAX_FIELD_BYTES} bytes`, `${value.length}`);
  return value;
}

/** NVIDIA's tools print digits of either case. */
function anyHex(node: JsonNode, lengthBytes?: number): Uint8Array {
  return fromHex(node.string(), node.path, lengthBytes);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
