/** The opaque data of a device's response: type, length, value, little-endian (NVIDIA's attestation documents). */
import { ByteReader, latin1, toHex } from '@vitrine/bytes';
import { nvidiaError } from './error.ts';

/** OpaqueDataType of NVIDIA's verifiers. */
export const opaqueType = {
  driverVersion: 3,
  gpuInfo: 4,
  sku: 5,
  vbiosVersion: 6,
  nvdec0Status: 11,
  measurementCount: 12,
  cprInfo: 13,
  board: 14,
  chipSku: 15,
  chipSkuModifier: 16,
  project: 17,
  projectSku: 18,
  projectSkuModifier: 19,
  fwid: 20,
  protectedPcieStatus: 21,
  switchPdis: 22,
  pdi: 26,
  opaqueVersion: 34,
  chipInfo: 35,
  featureFlag: 36,
} as const;

export type FeatureFlag = 'MPT' | 'SPT' | 'PPCIE';

export interface GpuOpaqueData {
  /** "550.90.07" */
  readonly driverVersion: string | undefined;
  /** "96.00.74.00.1A" */
  readonly vbiosVersion: string | undefined;
  readonly chipSku: string | undefined;
  readonly project: string | undefined;
  readonly projectSku: string | undefined;
  /** 48 bytes, or undefined. */
  readonly fwid: Uint8Array | undefined;
  /** 0xAA enabled, 0x55 disabled. */
  readonly nvdec0: 'enabled' | 'disabled' | undefined;
  /** Decoded, or its bytes in hexadecimal. */
  readonly protectedPcie: string | undefined;
  readonly featureFlag: FeatureFlag | undefined;
  /** Every field as it came, by type; those not named above too. */
  readonly fields: ReadonlyMap<number, Uint8Array>;
}

const ENABLED = 0xaa;
const DISABLED = 0x55;
const VBIOS_BYTES = 8;
const FWID_BYTES = 48;
const featureFlags: readonly FeatureFlag[] = ['MPT', 'SPT', 'PPCIE'];

/** @throws BytesError, EvidenceError GPU_REPORT_MALFORMED */
export function parseOpaque(bytes: Uint8Array): GpuOpaqueData {
  const fields = parseFields(bytes);
  const text = (type: number): string | undefined => asText(fields.get(type), type);
  return {
    driverVersion: text(opaqueType.driverVersion),
    vbiosVersion: formatVbios(fields.get(opaqueType.vbiosVersion)),
    chipSku: text(opaqueType.chipSku),
    project: text(opaqueType.project),
    projectSku: text(opaqueType.projectSku),
    fwid: sized(nonEmpty(fields.get(opaqueType.fwid)), FWID_BYTES, 'FWID'),
    nvdec0: decodeSwitch(fields.get(opaqueType.nvdec0Status), 'NVDEC0 status'),
    protectedPcie: describeSwitch(fields.get(opaqueType.protectedPcieStatus)),
    featureFlag: decodeFeature(fields.get(opaqueType.featureFlag)),
    fields,
  };
}

function parseFields(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new ByteReader(bytes, 'opaque data');
  const fields = new Map<number, Uint8Array>();
  while (reader.remaining > 0) {
    const type = reader.u16('opaque type');
    if (fields.has(type)) refuse(`type ${type} appears twice`);
    fields.set(type, reader.take(reader.u16('opaque length'), `opaque field ${type}`));
  }
  return fields;
}

/** ASCII, padded at its end with zeros. */
function asText(bytes: Uint8Array | undefined, type: number): string | undefined {
  if (!bytes) return undefined;
  const text = latin1(bytes).replace(/\0+$/, '');
  if (!/^[\x20-\x7e]*$/.test(text)) refuse(`type ${type} is no ASCII text`);
  return text;
}

/** Of a GPU eight bytes: the low four from the highest to the lowest, then the fifth. Of a switch the text itself. */
function formatVbios(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  if (bytes.length === VBIOS_BYTES)
    return [3, 2, 1, 0, 4]
      .map((at) => toHex(bytes.subarray(at, at + 1)))
      .join('.')
      .toUpperCase();
  const text = asText(bytes, opaqueType.vbiosVersion) ?? '';
  if (!/^[0-9A-F]{2}(\.[0-9A-F]{2}){4}$/.test(text)) refuse(`the VBIOS version is ${toHex(bytes)}`);
  return text;
}

function decodeSwitch(bytes: Uint8Array | undefined, what: string): 'enabled' | 'disabled' | undefined {
  if (!bytes) return undefined;
  const state = describeSwitch(bytes);
  if (state === 'enabled' || state === 'disabled') return state;
  return refuse(`${what} is ${toHex(bytes)}`);
}

function describeSwitch(bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return undefined;
  const isPadded = bytes.subarray(1).every((byte) => byte === 0);
  if (isPadded && bytes[0] === ENABLED) return 'enabled';
  return isPadded && bytes[0] === DISABLED ? 'disabled' : toHex(bytes);
}

function decodeFeature(bytes: Uint8Array | undefined): FeatureFlag | undefined {
  if (!bytes) return undefined;
  const flag = bytes.subarray(1).every((byte) => byte === 0) ? featureFlags[bytes[0] ?? -1] : undefined;
  return flag ?? refuse(`the feature flag is ${toHex(bytes)}`);
}

function nonEmpty(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes?.length === 0 ? undefined : bytes;
}

function sized(bytes: Uint8Array | undefined, lengthBytes: number, what: string): Uint8Array | undefined {
  if (bytes && bytes.length !== lengthBytes)
    refuse(`${what}: expected ${lengthBytes} bytes, found ${bytes.length}`);
  return bytes;
}

function refuse(reason: string): never {
  throw nvidiaError('GPU_REPORT_MALFORMED', `GPU report, opaque data: ${reason}.`);
}
