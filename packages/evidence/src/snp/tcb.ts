/** TCB_VERSION (SEV-SNP ABI 56860, section 2.2): security patch levels, one a byte, laid out by product. */
import type { SnpProduct } from './product.ts';

/** Security patch levels, 0 to 255. */
export interface SnpTcb {
  /** Boot loader of the secure processor. */
  readonly bootloader: number;
  /** Operating system of the secure processor. */
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
  /** Turin only: the firmware that the secure processor starts from. */
  readonly fmc?: number;
}

/** @param bytes the eight bytes as they stand in a report, the lowest first */
export function decodeTcb(product: SnpProduct, bytes: Uint8Array): SnpTcb {
  if (product === 'Turin') {
    return { fmc: bytes[0]!, bootloader: bytes[1]!, tee: bytes[2]!, snp: bytes[3]!, microcode: bytes[7]! };
  }
  return { bootloader: bytes[0]!, tee: bytes[1]!, snp: bytes[6]!, microcode: bytes[7]! };
}

export function encodeTcb(product: SnpProduct, tcb: SnpTcb): Uint8Array {
  const bytes = new Uint8Array(8);
  if (product === 'Turin') bytes.set([tcb.fmc ?? 0, tcb.bootloader, tcb.tee, tcb.snp]);
  else {
    bytes.set([tcb.bootloader, tcb.tee]);
    bytes[6] = tcb.snp;
  }
  bytes[7] = tcb.microcode;
  return bytes;
}

/** Every level of `tcb` is at or above the floor's. A floor without a level demands nothing of it. */
export function isAtLeast(tcb: SnpTcb, floor: Partial<SnpTcb>): boolean {
  return tcbComponents.every((component) => (tcb[component] ?? 0) >= (floor[component] ?? 0));
}

export function sameTcb(a: SnpTcb, b: SnpTcb): boolean {
  return tcbComponents.every((component) => a[component] === b[component]);
}

export const tcbComponents = ['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const;

/** "bootloader 10, tee 0, snp 23, microcode 84" */
export function formatTcb(tcb: Partial<SnpTcb>): string {
  return tcbComponents
    .filter((component) => tcb[component] !== undefined)
    .map((component) => `${component} ${tcb[component]!}`)
    .join(', ');
}
