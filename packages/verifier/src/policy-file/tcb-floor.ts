/** The floors of AMD's TCB: built-in ones by line of processors, with their sources, and the one that a policy means for a report. */
import type { CpuIdentity, SnpProduct } from '@vitrine/evidence';
import type { SnpLine, TcbFloor, VerificationPolicy } from '../policy.ts';

export const snpLines: readonly SnpLine[] = ['Milan', 'Milan-X', 'Genoa', 'Genoa-X', 'Bergamo', 'Turin'];

export const productOfLine: Readonly<Record<SnpLine, SnpProduct>> = {
  Milan: 'Milan',
  'Milan-X': 'Milan',
  Genoa: 'Genoa',
  'Genoa-X': 'Genoa',
  Bergamo: 'Genoa',
  Turin: 'Turin',
};

/**
 * Below these levels the processor's promises are broken in public.
 *
 * - Microcode of family 19h: AMD-SB-3019 (CVE-2024-56161, microcode whose signature was not really checked). The level is
 *   the low byte of the revision that the bulletin names: 0x0A0011DB, 0x0A001244, 0x0A101154, 0x0A10124F, 0x0AA00219.
 * - SNP firmware: Genoa's 0x17 is AMD-SB-3019's, Milan's 0x17 AMD-SB-3015's (CVE-2024-21944, memory that aliases).
 * - Turin: AMD-SB-3020 (CVE-2025-0033) asks for SNP 4, AMD-SB-3027 (CVE-2025-29943) for microcode 0x51; the levels are those
 *   that the operator of a public fleet demands of it, which meet both. So is the boot loader's level of Genoa.
 *
 * They are floors, not the newest: later bulletins are a policy's to demand.
 */
export const builtInTcbFloors: Readonly<Record<SnpLine, TcbFloor>> = {
  Milan: { bootloader: 0, tee: 0, snp: 23, microcode: 219 },
  'Milan-X': { bootloader: 0, tee: 0, snp: 23, microcode: 68 },
  Genoa: { bootloader: 7, tee: 0, snp: 23, microcode: 84 },
  'Genoa-X': { bootloader: 7, tee: 0, snp: 23, microcode: 79 },
  /** Bergamo and Siena: one core, one numbering. */
  Bergamo: { bootloader: 7, tee: 0, snp: 23, microcode: 25 },
  Turin: { fmc: 1, bootloader: 1, tee: 1, snp: 4, microcode: 82 },
};

/**
 * The floor that a policy means for a report.
 * @param cpu as the report says it (version 3 on); undefined gives the product's own line, which has the highest levels
 */
export function tcbFloorOf(
  { hardware }: Pick<VerificationPolicy, 'hardware'>,
  product: SnpProduct,
  cpu?: CpuIdentity,
): TcbFloor {
  const line = lineOf(product, cpu);
  return { ...builtInTcbFloors[line], ...hardware.snp.minimumTcb[line] };
}

/** Model and stepping by AMD's revision guides of family 19h: stepping 2 is the one with stacked cache. */
export function lineOf(product: SnpProduct, cpu?: CpuIdentity): SnpLine {
  if (cpu?.family !== 0x19) return product;
  if (product === 'Genoa' && cpu.model >= 0xa0 && cpu.model <= 0xaf) return 'Bergamo';
  if (cpu.stepping !== 2) return product;
  if (product === 'Genoa' && cpu.model === 0x11) return 'Genoa-X';
  return product === 'Milan' && cpu.model === 0x01 ? 'Milan-X' : product;
}

/** Every line of the products, every level written out. */
export function completeFloors(
  products: readonly SnpProduct[],
  given: VerificationPolicy['hardware']['snp']['minimumTcb'],
): Readonly<Partial<Record<SnpLine, TcbFloor>>> {
  return Object.fromEntries(
    snpLines
      .filter((line) => products.includes(productOfLine[line]))
      .map((line) => [line, { ...builtInTcbFloors[line], ...given[line] }]),
  );
}
