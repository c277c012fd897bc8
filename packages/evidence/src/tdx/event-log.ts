/**
 * Event logs of a TD: what was extended into the RTMRs, event by event. The CCEL data of ACPI (TCG PC Client Platform
 * Firmware Profile section 10, UEFI Confidential Computing Event Log), and dstack's JSON.
 */
import {
  BytesError,
  ByteReader,
  concatBytes,
  equalBytes,
  latin1,
  parseJson,
  toHex,
  utf8,
  sha384,
} from '@vitrine/bytes';
import { type Check, decided } from '@vitrine/appraisal';
import { refuseAs } from '../error.ts';
import { tdxError } from './error.ts';
import type { TdReport } from './quote.ts';

export interface TdxEvent {
  /** 0 to 3 for RTMR0 to RTMR3; undefined for MRTD, which events describe but do not extend. */
  readonly rtmr: 0 | 1 | 2 | 3 | undefined;
  readonly eventType: number;
  /** "EV_SEPARATOR", or the type in hexadecimal. */
  readonly eventName: string;
  /** SHA-384, 48 bytes. Not always the digest of `data`: that depends on the type. */
  readonly digest: Uint8Array;
  readonly data: Uint8Array;
  /** dstack's events have a name. */
  readonly name?: string;
}

export interface TdxEventLog {
  readonly events: readonly TdxEvent[];
  /** 0x00 or 0xff from the last event to the end of the area: the table in ACPI is larger than the log. */
  readonly paddingBytes: number;
}

export type Rtmrs = readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

const MAX_LOG_BYTES = 16 << 20;
const MAX_EVENTS = 16384;
const MAX_ALGORITHMS = 8;
const TPM_ALG_SHA384 = 0x0c;
const EV_NO_ACTION = 3;
const SPEC_ID = 'Spec ID Event03\0';
/** RTMR3 events of dstack's runtime. */
const DSTACK_RUNTIME_EVENT = 0x08000001;

const eventNames: Readonly<Record<number, string>> = {
  0x00000001: 'EV_POST_CODE',
  0x00000003: 'EV_NO_ACTION',
  0x00000004: 'EV_SEPARATOR',
  0x00000005: 'EV_ACTION',
  0x00000006: 'EV_EVENT_TAG',
  0x00000008: 'EV_S_CRTM_VERSION',
  0x0000000a: 'EV_PLATFORM_CONFIG_FLAGS',
  0x0000000d: 'EV_IPL',
  0x80000001: 'EV_EFI_VARIABLE_DRIVER_CONFIG',
  0x80000002: 'EV_EFI_VARIABLE_BOOT',
  0x80000003: 'EV_EFI_BOOT_SERVICES_APPLICATION',
  0x80000004: 'EV_EFI_BOOT_SERVICES_DRIVER',
  0x80000006: 'EV_EFI_GPT_EVENT',
  0x80000007: 'EV_EFI_ACTION',
  0x80000008: 'EV_EFI_PLATFORM_FIRMWARE_BLOB',
  0x80000009: 'EV_EFI_HANDOFF_TABLES',
  0x8000000a: 'EV_EFI_PLATFORM_FIRMWARE_BLOB2',
  0x8000000b: 'EV_EFI_HANDOFF_TABLES2',
  0x800000e0: 'EV_EFI_VARIABLE_AUTHORITY',
};

/** @throws EvidenceError EVENT_LOG_MALFORMED */
export function parseCcel(bytes: Uint8Array): TdxEventLog {
  return refuseAs('EVENT_LOG_MALFORMED', () => {
    if (bytes.length > MAX_LOG_BYTES)
      throw new BytesError('TOO_LARGE', `event log: more than ${MAX_LOG_BYTES} bytes.`);
    const reader = new ByteReader(bytes, 'event log');
    const digestSizes = readSpecId(reader);
    const events: TdxEvent[] = [];
    while (reader.remaining > 0 && !isPadding(bytes, reader.offset)) {
      if (events.length === MAX_EVENTS)
        throw new BytesError('TOO_LARGE', `event log: more than ${MAX_EVENTS} events.`);
      events.push(readEvent(reader, digestSizes));
    }
    return { events, paddingBytes: reader.remaining };
  });
}

/** The first event, in the old format of TPM 1.2, names the digests that the others have. */
function readSpecId(reader: ByteReader): ReadonlyMap<number, number> {
  reader.u32('index');
  const type = reader.u32('event type');
  reader.take(20, 'digest');
  const specification = new ByteReader(
    reader.take(reader.u32('event size'), 'Spec ID event'),
    'Spec ID event',
  );
  if (type !== EV_NO_ACTION || latin1(specification.take(16, 'signature')) !== SPEC_ID)
    throw malformed('it does not begin with a Spec ID event');
  specification.take(8, 'platform class, version, size of UINTN');
  const count = specification.u32('number of algorithms');
  if (count === 0 || count > MAX_ALGORITHMS) throw malformed(`${count} digest algorithms are declared`);
  const sizes = new Map<number, number>();
  for (let index = 0; index < count; index++)
    sizes.set(specification.u16('algorithm'), specification.u16('digest size'));
  specification.take(specification.u8('vendor information size'), 'vendor information');
  specification.end();
  if (sizes.get(TPM_ALG_SHA384) !== 48) throw malformed('it has no SHA-384 digests');
  return sizes;
}

/** Zeros or ones up to the end. An event is neither: its count of digests would be 0 or 2^32-1. */
function isPadding(bytes: Uint8Array, from: number): boolean {
  const filler = bytes[from]!;
  if (filler !== 0 && filler !== 0xff) return false;
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== filler) return false;
  return true;
}

function readEvent(reader: ByteReader, digestSizes: ReadonlyMap<number, number>): TdxEvent {
  const index = reader.u32('measurement register index');
  const eventType = reader.u32('event type');
  const count = reader.u32('number of digests');
  if (count > MAX_ALGORITHMS) throw malformed(`an event has ${count} digests`);
  let digest: Uint8Array | undefined;
  for (let number = 0; number < count; number++) {
    const algorithm = reader.u16('digest algorithm');
    const size = digestSizes.get(algorithm);
    if (size === undefined) throw malformed(`digest algorithm ${algorithm} is not declared`);
    const bytes = reader.take(size, 'digest');
    if (algorithm !== TPM_ALG_SHA384) continue;
    if (digest) throw malformed('an event has two SHA-384 digests');
    digest = bytes;
  }
  if (!digest) throw malformed('an event has no SHA-384 digest');
  const data = reader.take(reader.u32('event size'), 'event');
  return { rtmr: registerOf(index), eventType, eventName: eventNameOf(eventType), digest, data };
}

/** UEFI 2.10 section 38.4.1: 0 is MRTD, 1 to 4 are RTMR0 to RTMR3. */
function registerOf(index: number): TdxEvent['rtmr'] {
  if (index > 4) throw malformed(`measurement register ${index} does not exist`);
  return index === 0 ? undefined : ((index - 1) as 0 | 1 | 2 | 3);
}

function eventNameOf(type: number): string {
  return eventNames[type] ?? `0x${type.toString(16).padStart(8, '0')}`;
}

function malformed(why: string): Error {
  return tdxError('EVENT_LOG_MALFORMED', `event log: ${why}.`);
}

/**
 * dstack's log: a JSON array of {imr, event_type, digest, event, event_payload}. Each event of its runtime must have the
 * digest of its own content.
 * @throws EvidenceError EVENT_LOG_MALFORMED or EVENT_DIGEST_MISMATCH
 */
export async function parseDstackEventLog(json: Uint8Array | string): Promise<TdxEventLog> {
  const events = refuseAs('EVENT_LOG_MALFORMED', () =>
    parseJson(json, 'event log')
      .items(MAX_EVENTS)
      .map((node): TdxEvent => {
        const eventType = node.get('event_type').integer(0, 0xffffffff);
        return {
          rtmr: node.get('imr').integer(0, 3) as 0 | 1 | 2 | 3,
          eventType,
          eventName: eventNameOf(eventType),
          digest: node.get('digest').hex(48),
          data: node.get('event_payload').hex(),
          name: node.get('event').string(),
        };
      }),
  );
  for (const event of events) if (event.eventType === DSTACK_RUNTIME_EVENT) await requireDstackDigest(event);
  return { events, paddingBytes: 0 };
}

/** SHA-384(event type, 4 bytes little-endian ‖ ":" ‖ name ‖ ":" ‖ payload). */
async function requireDstackDigest({ name = '', data, digest }: TdxEvent): Promise<void> {
  const type = Uint8Array.of(0x01, 0x00, 0x00, 0x08);
  const expected = await sha384(concatBytes(type, utf8(`:${name}:`), data));
  if (equalBytes(expected, digest)) return;
  throw tdxError(
    'EVENT_DIGEST_MISMATCH',
    `event log: "${name}" has the digest ${toHex(expected)}, the log says ${toHex(digest)}.`,
  );
}

/** RTMR ← SHA-384(RTMR ‖ digest), from 48 zero bytes (Intel TDX Module Base Spec, TDG.MR.RTMR.EXTEND). */
export async function replayEvents(events: readonly TdxEvent[]): Promise<Rtmrs> {
  const rtmrs: [Uint8Array, Uint8Array, Uint8Array, Uint8Array] = [
    new Uint8Array(48),
    new Uint8Array(48),
    new Uint8Array(48),
    new Uint8Array(48),
  ];
  for (const { rtmr, eventType, digest } of events) {
    if (rtmr === undefined || eventType === EV_NO_ACTION) continue;
    rtmrs[rtmr] = await sha384(concatBytes(rtmrs[rtmr], digest));
  }
  return rtmrs;
}

/** Whether the log says how the RTMRs came to be, one check a register. */
export async function appraiseEventLog(
  { events }: TdxEventLog,
  { rtmrs }: Pick<TdReport, 'rtmrs'>,
): Promise<Check[]> {
  const replayed = await replayEvents(events);
  return replayed.map((expected, index) =>
    decided(
      equalBytes(expected, rtmrs[index]!),
      {
        rule: `tdx.event-log.rtmr${index}`,
        expected: toHex(expected),
        found: toHex(rtmrs[index]!),
        source: 'TCG PC Client Platform Firmware Profile section 10; Intel TDX Module Base Spec, RTMR',
      },
      'EVENT_LOG_MISMATCH',
      'the events do not add up to the register',
    ),
  );
}
