/** The first state of a virtual processor (AMD APM volume 2, table B-4: VMSA layout; values of QEMU, EC2 and GCE). */
import { pageBytes } from './firmware.ts';

export type Vmm = 'qemu' | 'ec2' | 'gce';

export interface VmsaInputs {
  readonly vmm: Vmm;
  /** SEV_FEATURES: 0x1 is SNP. */
  readonly guestFeatures: bigint;
  /** RDX at reset: CPUID's signature of the processor. */
  readonly rdx: number;
}

interface Segment {
  readonly selector?: number;
  readonly attributes?: number;
  readonly limit: number;
  readonly base?: number;
}

/** Offsets of the segment registers, each selector u16, attributes u16, limit u32, base u64. */
const segmentOffsets = {
  es: 0x000,
  cs: 0x010,
  ss: 0x020,
  ds: 0x030,
  fs: 0x040,
  gs: 0x050,
  gdtr: 0x060,
  ldtr: 0x070,
  idtr: 0x080,
  tr: 0x090,
} as const;

const bspEip = 0xfffffff0;

/** CPUID signatures by QEMU's processor types (family, model, stepping); versions of a type have the same. */
const signatures: Readonly<Record<string, readonly [family: number, model: number, stepping: number]>> = {
  EPYC: [23, 1, 2],
  'EPYC-Rome': [23, 49, 0],
  'EPYC-Milan': [25, 1, 1],
  'EPYC-Genoa': [25, 17, 0],
  'EPYC-Turin': [26, 0, 0],
};

/** "EPYC-Milan-v2" is an EPYC-Milan; undefined for a type that is not known. */
export function signatureOfType(vcpuType: string): number | undefined {
  const name = vcpuType.replace(/-(?:v\d+|IBPB)$/, '');
  const parts = Object.hasOwn(signatures, name) ? signatures[name] : undefined;
  return parts && cpuSignature(...parts);
}

/** CPUID Fn0000_0001_EAX: extended family, extended model, base family, base model, stepping. */
export function cpuSignature(family: number, model: number, stepping: number): number {
  const baseFamily = Math.min(family, 0xf);
  const extendedFamily = family - baseFamily;
  return (
    ((extendedFamily & 0xff) << 20) |
    (((model >> 4) & 0xf) << 16) |
    (baseFamily << 8) |
    ((model & 0xf) << 4) |
    (stepping & 0xf)
  );
}

/** Processors begin in real mode at their reset vector. */
export function vmsaPage(inputs: VmsaInputs, processor: 'first' | 'other', resetEip: number): Uint8Array {
  const eip = processor === 'first' ? bspEip : resetEip;
  const { cs, ss, tr } = attributesOf(inputs.vmm, processor);
  const flat: Segment = { attributes: 0x93, limit: 0xffff };
  const page = writeSegments({
    es: flat,
    cs: { selector: 0xf000, attributes: cs, limit: 0xffff, base: (eip & 0xffff0000) >>> 0 },
    ss: { attributes: ss, limit: 0xffff },
    ds: flat,
    fs: flat,
    gs: flat,
    gdtr: { limit: 0xffff },
    ldtr: { attributes: 0x82, limit: 0xffff },
    idtr: { limit: 0xffff },
    tr: { attributes: tr, limit: 0xffff },
  });
  writeRegisters(page, inputs, { rip: BigInt(eip & 0xffff), cr0: 0x10n });
  return page;
}

/** An SVSM begins in flat 32-bit protected mode, on every processor at the same place. */
export function svsmVmsaPage(inputs: VmsaInputs, entryGpa: number): Uint8Array {
  const data: Segment = { selector: 16, attributes: 0xc93, limit: 0xffffffff };
  const page = writeSegments({
    es: data,
    cs: { selector: 8, attributes: 0xc9b, limit: 0xffffffff },
    ss: data,
    ds: data,
    fs: data,
    gs: { attributes: 0x93, limit: 0xffff },
    gdtr: { limit: 0xffff },
    ldtr: { attributes: 0x82, limit: 0xffff },
    idtr: { limit: 0xffff },
    tr: { attributes: 0x8b, limit: 0xffff },
  });
  writeRegisters(page, inputs, { rip: BigInt(entryGpa), cr0: 0x11n });
  return page;
}

function attributesOf(vmm: Vmm, processor: 'first' | 'other'): { cs: number; ss: number; tr: number } {
  if (vmm !== 'ec2') return { cs: 0x9b, ss: 0x93, tr: 0x8b };
  return { cs: processor === 'first' ? 0x9a : 0x9b, ss: 0x92, tr: 0x83 };
}

function writeSegments(segments: Readonly<Record<keyof typeof segmentOffsets, Segment>>): Uint8Array {
  const page = new Uint8Array(pageBytes);
  const view = new DataView(page.buffer);
  for (const name of Object.keys(segmentOffsets) as (keyof typeof segmentOffsets)[]) {
    const at = segmentOffsets[name];
    const { selector = 0, attributes = 0, limit, base = 0 } = segments[name];
    view.setUint16(at, selector, true);
    view.setUint16(at + 2, attributes, true);
    view.setUint32(at + 4, limit, true);
    view.setBigUint64(at + 8, BigInt(base), true);
  }
  return page;
}

function writeRegisters(page: Uint8Array, inputs: VmsaInputs, own: { rip: bigint; cr0: bigint }): void {
  const view = new DataView(page.buffer);
  const { vmm, guestFeatures, rdx } = inputs;
  const words: readonly (readonly [offset: number, value: bigint])[] = [
    [0x0d0, 0x1000n], // EFER: SVME
    [0x148, 0x40n], // CR4: MCE
    [0x158, own.cr0],
    [0x160, 0x400n], // DR7
    [0x168, 0xffff0ff0n], // DR6
    [0x170, 0x2n], // RFLAGS
    [0x178, own.rip],
    [0x268, vmm === 'gce' ? 0x00070106n : 0x0007040600070406n], // G_PAT
    [0x310, BigInt(rdx)], // RDX
    [0x3b0, guestFeatures], // SEV_FEATURES
    [0x3e8, 1n], // XCR0
  ];
  for (const [offset, value] of words) view.setBigUint64(offset, value, true);
  if (vmm !== 'qemu') return;
  view.setUint32(0x408, 0x1f80, true); // MXCSR
  view.setUint16(0x410, 0x37f, true); // x87 control word
}
