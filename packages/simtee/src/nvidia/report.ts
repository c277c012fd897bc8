/** A device's report: request and response as it would sign them (DMTF DSP0274; NVIDIA's opaque data). */
import { concatBytes, utf8 } from '@vitrine/bytes';
import { type FeatureFlag, opaqueType } from '@vitrine/evidence/nvidia';
import type { SigningKey } from '../authority.ts';
import type { GpuDevice } from './device.ts';

export interface GpuReportRequest {
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** 48 bytes each; 64 (a switch 31) that `defaultMeasurements` gives without. */
  readonly measurements?: readonly Uint8Array[];
  /** Default "550.90.07"; a switch has none. */
  readonly driver?: string;
  /** Default "96.00.9F.00.01". */
  readonly vbios?: string;
  /** Default disabled. */
  readonly nvdec0?: 'enabled' | 'disabled';
  readonly protectedPcie?: 'enabled' | 'disabled';
  readonly featureFlag?: FeatureFlag;
  /** Default: the leaf's. */
  readonly fwid?: Uint8Array;
  readonly defects?: GpuReportDefects;
}

export interface GpuReportDefects {
  /** The second block has the index of the first. */
  readonly duplicateBlockIndex?: boolean;
  /** The driver version twice. */
  readonly duplicateOpaqueField?: boolean;
  /** At the end, not signed. */
  readonly trailing?: Uint8Array;
  readonly signedBy?: SigningKey;
}

const NUMBER_OF_BLOCKS = { GH100: 64, GB100: 64, LS10: 31 } as const;
const switchState = { enabled: 0xaa, disabled: 0x55 } as const;
const featureFlags: readonly FeatureFlag[] = ['MPT', 'SPT', 'PPCIE'];

/** Block i + 1 is full of i + 1. */
export function defaultMeasurements({ architecture }: Pick<GpuDevice, 'architecture'>): Uint8Array[] {
  return Array.from({ length: NUMBER_OF_BLOCKS[architecture] }, (_, at) => new Uint8Array(48).fill(at + 1));
}

/** Request, response and signature: r ‖ s, big-endian. */
export async function issueGpuReport(device: GpuDevice, request: GpuReportRequest): Promise<Uint8Array> {
  const { nonce, defects = {} } = request;
  const measurements = request.measurements ?? defaultMeasurements(device);
  const blocks = measurements.map((value, at) => writeBlock(blockIndex(at, defects), value));
  const record = concatBytes(...blocks);
  const opaque = writeOpaque(device, request);
  const signed = concatBytes(
    Uint8Array.of(0x11, 0xe0, 0x01, 0xff),
    nonce,
    Uint8Array.of(0),
    Uint8Array.of(0x11, 0x60, 0, 0, measurements.length),
    Uint8Array.of(record.length & 0xff, (record.length >> 8) & 0xff, record.length >> 16),
    record,
    crypto.getRandomValues(new Uint8Array(32)),
    u16(opaque.length),
    opaque,
  );
  const key = defects.signedBy ?? device.holders[0]!.key;
  return concatBytes(signed, await key.signRaw(signed), defects.trailing ?? new Uint8Array(0));
}

function blockIndex(at: number, { duplicateBlockIndex = false }: GpuReportDefects): number {
  return duplicateBlockIndex && at === 1 ? 1 : at + 1;
}

function writeBlock(index: number, value: Uint8Array): Uint8Array {
  const header = concatBytes(Uint8Array.of(index, 1), u16(value.length + 3));
  return concatBytes(header, Uint8Array.of(1), u16(value.length), value);
}

function writeOpaque(device: GpuDevice, request: GpuReportRequest): Uint8Array {
  const { driver = '550.90.07', vbios = '96.00.9F.00.01', nvdec0 = 'disabled' } = request;
  const { protectedPcie, featureFlag, fwid = device.fwid, defects = {} } = request;
  const isSwitch = device.architecture === 'LS10';
  const driverField = field(opaqueType.driverVersion, text(driver));
  return concatBytes(
    ...(isSwitch ? [] : [driverField]),
    ...(defects.duplicateOpaqueField ? [driverField, driverField].slice(isSwitch ? 0 : 1) : []),
    field(opaqueType.vbiosVersion, isSwitch ? text(vbios) : encodeVbios(vbios)),
    ...(isSwitch ? [] : [field(opaqueType.nvdec0Status, Uint8Array.of(switchState[nvdec0]))]),
    field(opaqueType.chipSku, text('882')),
    field(opaqueType.project, text(isSwitch ? '5612' : '1010')),
    field(opaqueType.projectSku, text('0200')),
    ...(fwid ? [field(opaqueType.fwid, fwid)] : []),
    ...(protectedPcie
      ? [field(opaqueType.protectedPcieStatus, Uint8Array.of(switchState[protectedPcie]))]
      : []),
    ...(featureFlag ? [field(opaqueType.featureFlag, Uint8Array.of(featureFlags.indexOf(featureFlag)))] : []),
  );
}

/** "96.00.74.00.1A": the first four from the highest byte to the lowest, then the fifth. */
function encodeVbios(version: string): Uint8Array {
  const [a, b, c, d, e] = version.split('.').map((part) => parseInt(part, 16));
  return Uint8Array.of(d!, c!, b!, a!, e!, 0, 0, 0);
}

function field(type: number, value: Uint8Array): Uint8Array {
  return concatBytes(u16(type), u16(value.length), value);
}

function text(value: string): Uint8Array {
  return utf8(`${value}\0`);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
