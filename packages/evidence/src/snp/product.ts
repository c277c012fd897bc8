/** Processor families whose evidence has a layout and roots of its own. */

export type SnpProduct = 'Milan' | 'Genoa' | 'Turin';

export const snpProducts: readonly SnpProduct[] = ['Milan', 'Genoa', 'Turin'];

/** What CPUID says of a processor: family and model with their extensions added. */
export interface CpuIdentity {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

/** Family and model ranges, both inclusive (SEV-SNP ABI 56860; Bergamo and Siena are endorsed as Genoa). */
const ranges: readonly (readonly [SnpProduct, family: number, firstModel: number, lastModel: number])[] = [
  ['Milan', 0x19, 0x00, 0x0f],
  ['Genoa', 0x19, 0x10, 0x1f],
  ['Genoa', 0x19, 0xa0, 0xaf],
  ['Turin', 0x1a, 0x00, 0x11],
];

export function productOfCpu({ family, model }: CpuIdentity): SnpProduct | undefined {
  return ranges.find(([, of, first, last]) => family === of && model >= first && model <= last)?.[0];
}
