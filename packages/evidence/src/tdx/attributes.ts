/** TDATTRIBUTES, XFAM and SEAMATTRIBUTES, bit by bit (Intel TDX Module Base Spec section 22.2; Quoting Library API A.3.4). */

export interface TdAttributes {
  /** 64 bits. */
  readonly raw: bigint;
  /** Bit 0: the TD can be debugged. */
  readonly debug: boolean;
  /** Bits 7:1, reserved for other kinds of TD under debug. */
  readonly tudReserved: boolean;
  /** Bits 27:8; later modules have ICSSD (16) and LASS (27) there. */
  readonly secReservedLower: boolean;
  /** Bit 28: EPT violations do not raise #VE; a TD that lets the host inject them is open to it. */
  readonly septVeDisable: boolean;
  /** Bit 29; in later modules MIGRATABLE: the TD may be moved to another platform. */
  readonly secReserved29: boolean;
  /** Bit 30: supervisor protection keys. */
  readonly pks: boolean;
  /** Bit 31: key locker. */
  readonly keyLocker: boolean;
  /** Bits 62:32. */
  readonly otherReserved: boolean;
  /** Bit 63: performance monitoring by the TD. */
  readonly perfmon: boolean;
}

const mask = (high: number, low: number): bigint => ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);

/** Bits of TDATTRIBUTES that the first modules define: 0, 28, 30, 31, 63. What later ones add is not vouched for. */
const tdAttributesDefined = 1n | mask(28, 28) | mask(31, 30) | mask(63, 63);
/** XFAM bits that must be set: x87 and SSE (Intel TDX Module Base Spec, XFAM_FIXED1). */
export const xfamFixed1 = 0x3n;
/** XFAM bits that may be set (XFAM_FIXED0): AVX, AVX-512, PK, PT, CET, UINTR, LBR, AMX besides the former two. */
export const xfamFixed0 = 0x6dbe7n;

/** Eight bytes, little-endian. */
export function littleEndian64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}

export function decodeTdAttributes(bytes: Uint8Array): TdAttributes {
  const raw = littleEndian64(bytes);
  const has = (high: number, low: number = high): boolean => (raw & mask(high, low)) !== 0n;
  return {
    raw,
    debug: has(0),
    tudReserved: has(7, 1),
    secReservedLower: has(27, 8),
    septVeDisable: has(28),
    secReserved29: has(29),
    pks: has(30),
    keyLocker: has(31),
    otherReserved: has(62, 32),
    perfmon: has(63),
  };
}

/** Reserved bits that are set; 0 where the attributes are well-formed. */
export function reservedTdAttributes(bytes: Uint8Array): bigint {
  return littleEndian64(bytes) & ~tdAttributesDefined;
}

/** Names of the extended state components that a TD may use, by XCR0 and IA32_XSS (Intel SDM volume 1, section 13.1). */
const xfamNames: Readonly<Record<number, string>> = {
  0: 'X87',
  1: 'SSE',
  2: 'AVX',
  5: 'AVX-512 opmask',
  6: 'AVX-512 ZMM_Hi256',
  7: 'AVX-512 Hi16_ZMM',
  8: 'PT',
  9: 'PKRU',
  11: 'CET user',
  12: 'CET supervisor',
  14: 'UINTR',
  15: 'LBR',
  17: 'AMX tile configuration',
  18: 'AMX tile data',
};

/** Names of the bits that are set; an unknown one as "bit 20". */
export function decodeXfam(bytes: Uint8Array): string[] {
  const raw = littleEndian64(bytes);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (raw >> BigInt(bit)) & 1n)
    .map((bit) => xfamNames[bit] ?? `bit ${bit}`);
}
