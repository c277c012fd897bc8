/** The registers that a TD must have: MRTD of its firmware, RTMR1 and RTMR2 of its direct boot. */
import { type MrtdOrdering, type MrtdSection, measureMrtd } from './mrtd.ts';
import { type RtmrEvent, type TdxBoot, measureBoot } from './rtmr.ts';

export interface TdxMeasurementInputs {
  readonly firmware: Uint8Array;
  /** Of the VMM: QEMU's generations differ. */
  readonly ordering: MrtdOrdering;
  readonly boot?: TdxBoot | undefined;
}

/** Registers have 48 bytes. RTMR0 depends on the virtual hardware: `measureRtmr0`. */
export interface TdxMeasurement {
  readonly mrtd: Uint8Array;
  readonly sections: readonly MrtdSection[];
  readonly rtmr1: Uint8Array | undefined;
  readonly rtmr2: Uint8Array | undefined;
  readonly events: readonly RtmrEvent[];
}

/** @throws MeasureError FIRMWARE_MALFORMED, KERNEL_MALFORMED, INPUT_INVALID */
export async function measureTdx({
  firmware,
  ordering,
  boot,
}: TdxMeasurementInputs): Promise<TdxMeasurement> {
  const { mrtd, sections } = await measureMrtd(firmware, ordering);
  const events = boot ? await measureBoot(boot) : [];
  const last = (rtmr: 1 | 2): Uint8Array | undefined =>
    events.findLast((event) => event.rtmr === rtmr)?.value;
  return { mrtd, sections, rtmr1: last(1), rtmr2: last(2), events };
}
