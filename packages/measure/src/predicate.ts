/** Measurements as in-toto predicates carry them (type and registers): fingerprinted, compared, matched with hardware. */
import { concatBytes, fromHex, sha256, toHex, utf8 } from '@vitrine/bytes';
import { MeasureError } from './error.ts';

/** Predicate types, and what their registers are. */
export const predicateType = {
  /** [launch digest] */
  sevSnpGuest: 'https://tinfoil.sh/predicate/sev-snp-guest/v2',
  /** [MRTD, RTMR0, RTMR1, RTMR2, RTMR3] */
  tdxGuest: 'https://tinfoil.sh/predicate/tdx-guest/v2',
  /** [SNP launch digest, RTMR1, RTMR2] */
  multiPlatform: 'https://tinfoil.sh/predicate/snp-tdx-multiplatform/v1',
} as const;
export type PredicateType = (typeof predicateType)[keyof typeof predicateType];

const registerCounts: Readonly<Record<PredicateType, number>> = {
  [predicateType.sevSnpGuest]: 1,
  [predicateType.tdxGuest]: 5,
  [predicateType.multiPlatform]: 3,
};

/** Made by `parseRegisterSet` only: the type is known, the count fits, registers are lower-case hexadecimal. */
export interface RegisterSet {
  readonly type: PredicateType;
  readonly registers: readonly string[];
}

/** @throws MeasureError MEASUREMENT_TYPE_UNKNOWN, MEASUREMENT_REGISTER_COUNT_INVALID; BytesError HEX_INVALID */
export function parseRegisterSet(type: string, registers: readonly string[]): RegisterSet {
  if (!isPredicateType(type)) {
    throw new MeasureError(
      'MEASUREMENT_TYPE_UNKNOWN',
      `Expected one of the predicate types ${Object.keys(registerCounts).join(', ')}, found "${type.slice(0, 100)}".`,
    );
  }
  if (registers.length !== registerCounts[type]) {
    throw new MeasureError(
      'MEASUREMENT_REGISTER_COUNT_INVALID',
      `${type} has ${registerCounts[type]} registers, found ${registers.length}.`,
    );
  }
  return { type, registers: registers.map((register, at) => toHex(fromHex(register, `register ${at}`))) };
}

function isPredicateType(type: string): type is PredicateType {
  return Object.hasOwn(registerCounts, type);
}

/** The register itself where there is one, else SHA-256 of the type and the registers' hexadecimal digits, in hexadecimal. */
export async function fingerprint({ type, registers }: RegisterSet): Promise<string> {
  if (registers.length === 1) return registers[0]!;
  return toHex(await sha256(concatBytes(utf8(type), utf8(registers.join('')))));
}

/**
 * Both say the same of what they have in common: every register of the same type; launch digest, or RTMR1 and RTMR2
 * (with RTMR3 unused), between the multi-platform type and one platform.
 * @throws MeasureError MEASUREMENT_MISMATCH, MEASUREMENT_RTMR3_NONZERO, MEASUREMENT_TYPE_COMBINATION_UNSUPPORTED
 */
export function requireEqualMeasurements(a: RegisterSet, b: RegisterSet): void {
  if (a.type === b.type) {
    for (const [at, register] of a.registers.entries())
      requireEqual(`register ${at}`, register, b.registers[at]!);
    return;
  }
  const multi = [a, b].find(({ type }) => type === predicateType.multiPlatform);
  const single = [a, b].find(({ type }) => type !== predicateType.multiPlatform);
  if (!multi || !single) {
    throw new MeasureError(
      'MEASUREMENT_TYPE_COMBINATION_UNSUPPORTED',
      `${a.type} and ${b.type} have nothing in common.`,
    );
  }
  const [launchDigest, rtmr1, rtmr2] = multi.registers;
  if (single.type === predicateType.sevSnpGuest) {
    requireEqual('launch digest', launchDigest!, single.registers[0]!);
    return;
  }
  requireEqual('RTMR1', rtmr1!, single.registers[2]!);
  requireEqual('RTMR2', rtmr2!, single.registers[3]!);
  if (!/^0+$/.test(single.registers[4]!)) {
    throw new MeasureError(
      'MEASUREMENT_RTMR3_NONZERO',
      `Expected RTMR3 to be unused (all zero), found ${single.registers[4]!}.`,
    );
  }
}

function requireEqual(what: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new MeasureError('MEASUREMENT_MISMATCH', `${what}: expected ${expected}, found ${found}.`);
}

/** What TDX firmware and virtual hardware measure to on one platform. */
export interface HardwareMeasurement {
  readonly id: string;
  readonly mrtd: string;
  readonly rtmr0: string;
}

/**
 * The first entry with the enclave's MRTD and RTMR0.
 * @throws MeasureError HARDWARE_NO_MATCH, ENCLAVE_MEASUREMENT_TYPE_INVALID, ENCLAVE_REGISTER_COUNT_INVALID
 */
export function matchHardware(
  enclave: { readonly type: string; readonly registers: readonly string[] },
  candidates: readonly HardwareMeasurement[],
): HardwareMeasurement {
  if (enclave.type !== predicateType.tdxGuest) {
    throw new MeasureError(
      'ENCLAVE_MEASUREMENT_TYPE_INVALID',
      `Only ${predicateType.tdxGuest} depends on the hardware, found "${enclave.type.slice(0, 100)}".`,
    );
  }
  if (enclave.registers.length !== registerCounts[predicateType.tdxGuest]) {
    throw new MeasureError(
      'ENCLAVE_REGISTER_COUNT_INVALID',
      `Expected ${registerCounts[predicateType.tdxGuest]} registers, found ${enclave.registers.length}.`,
    );
  }
  const [mrtd, rtmr0] = parseRegisterSet(enclave.type, enclave.registers).registers;
  const match = candidates.find(
    (candidate) => candidate.mrtd.toLowerCase() === mrtd && candidate.rtmr0.toLowerCase() === rtmr0,
  );
  if (match) return match;
  throw new MeasureError(
    'HARDWARE_NO_MATCH',
    `None of the ${candidates.length} platforms has MRTD ${mrtd!} and RTMR0 ${rtmr0!}.`,
  );
}
