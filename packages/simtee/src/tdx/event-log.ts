/** CCEL data: a TCG event log with SHA-384 digests, padded to a size. */
import { concatBytes, sha384, utf8 } from '@vitrine/bytes';

export interface TdxEventRequest {
  /** 0 to 3; "mrtd" for an event that is described, not extended. */
  readonly rtmr: 0 | 1 | 2 | 3 | 'mrtd';
  readonly eventType: number;
  readonly data: Uint8Array;
  /** Default SHA-384 of the data. */
  readonly digest?: Uint8Array;
}

/** @param paddingBytes 0xff behind the last event */
export async function writeCcel(events: readonly TdxEventRequest[], paddingBytes = 0): Promise<Uint8Array> {
  const specification = concatBytes(
    utf8('Spec ID Event03\0'),
    u32(0),
    Uint8Array.of(0, 2, 0, 2),
    u32(1),
    u16(0x0c),
    u16(48),
    Uint8Array.of(0),
  );
  const encoded: Uint8Array[] = [
    u32(0),
    u32(3),
    new Uint8Array(20),
    u32(specification.length),
    specification,
  ];
  for (const { rtmr, eventType, data, digest } of events) {
    const index = rtmr === 'mrtd' ? 0 : rtmr + 1;
    encoded.push(u32(index), u32(eventType), u32(1), u16(0x0c), digest ?? (await sha384(data)));
    encoded.push(u32(data.length), data);
  }
  return concatBytes(...encoded, new Uint8Array(paddingBytes).fill(0xff));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24);
}
