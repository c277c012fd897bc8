/** What a relying party asks of an authentic report. Every member but the defaults is a rule only where it is given. */
import type { SnpCertificateRule } from './certificate-table.ts';
import type { SnpProduct } from './product.ts';
import type { GuestPolicy, PlatformInfo } from './report.ts';
import type { SnpTcb } from './tcb.ts';
import type { VekKind } from './vek.ts';

export type GuestPolicyBit = keyof Omit<GuestPolicy, 'raw' | 'abiMajor' | 'abiMinor' | 'reservedOne'>;
export type PlatformInfoBit = keyof Omit<PlatformInfo, 'raw'>;

/** What a bit must be. 'any' lifts a default. */
export type BitRule = boolean | 'any';

/** Floors by product. A report of a product without one fails: its levels could not be judged. */
export type TcbFloors = Readonly<Partial<Record<SnpProduct, Partial<SnpTcb>>>>;

/** One value, or a list of which one must be met. An empty list is met by nothing. */
export type OneOf<T> = T | readonly T[];

export interface SnpPolicy {
  /** Guest policy (SEV-SNP ABI section 4.3). Defaults: `debug: false`, `migrateMa: false`; reserved bits are always checked. */
  readonly guestPolicy?: Readonly<Partial<Record<GuestPolicyBit, BitRule>>>;
  /** The guest demanded firmware of at least this ABI version. */
  readonly minimumAbi?: { readonly major: number; readonly minor: number };
  /** Default 0. 'any' for every level, the host's included. */
  readonly vmpl?: OneOf<number> | 'any';

  /** 48 bytes. */
  readonly measurement?: OneOf<Uint8Array>;
  /** 64 bytes. */
  readonly reportData?: Uint8Array;
  /** 32 bytes. */
  readonly hostData?: Uint8Array;
  /** 16 bytes. */
  readonly imageId?: Uint8Array;
  /** 16 bytes. */
  readonly familyId?: Uint8Array;
  /** 32 bytes. */
  readonly reportId?: Uint8Array;
  /** 32 bytes. */
  readonly reportIdMa?: Uint8Array;
  readonly minimumGuestSvn?: number;

  /** 64 bytes, or the 8 of a Turin chip. */
  readonly chipId?: OneOf<Uint8Array>;
  readonly product?: OneOf<SnpProduct>;
  readonly signingKey?: OneOf<VekKind>;
  /** The cloud provider that a VLEK must be of. A VCEK fails. */
  readonly cspId?: OneOf<string>;

  /** Of the firmware that runs, and of the one it can be rolled back to. */
  readonly minimumFirmware?: { readonly major: number; readonly minor: number; readonly build?: number };
  /** Floor of REPORTED_TCB, which is the one that the certificate endorses. */
  readonly minimumTcb?: TcbFloors;
  /** Floor of COMMITTED_TCB: firmware below it cannot be loaded any more. */
  readonly minimumCommittedTcb?: TcbFloors;
  /** Floor of LAUNCH_TCB. */
  readonly minimumLaunchTcb?: TcbFloors;
  /** False: firmware that runs must be committed. */
  readonly permitProvisionalFirmware?: boolean;

  readonly platformInfo?: Readonly<Partial<Record<PlatformInfoBit, BitRule>>>;
  /** Ceiling of PLATFORM_INFO: bits that may be set, all others must be clear. */
  readonly platformInfoAllowed?: bigint;

  /** True: the ID block was signed by a key that an author key signed. */
  readonly requireAuthorKey?: boolean;
  /** True: the guest was launched with a signed ID block. */
  readonly requireIdBlock?: boolean;
  /** SHA-384 of a key (`idKeyDigest`), 48 bytes: the ID key must be one of them. */
  readonly idKeyDigest?: OneOf<Uint8Array>;
  /** The author key must be one of them. */
  readonly authorKeyDigest?: OneOf<Uint8Array>;
  /** The ID block is trusted if its ID key is listed, or its author key. */
  readonly trustedIdBlockKeys?: {
    readonly idKeyDigests?: readonly Uint8Array[];
    readonly authorKeyDigests?: readonly Uint8Array[];
  };

  /** Bits that must be set. Reports before version 5 have none, and fail. */
  readonly minimumLaunchMitigations?: bigint;
  readonly minimumCurrentMitigations?: bigint;

  /** Entries of the certificate table that comes with an extended report. */
  readonly certificateTable?: readonly SnpCertificateRule[];
  /** True: authentication must have looked at a revocation list. */
  readonly requireRevocation?: boolean;
}

type Screaming<S extends string> = S extends `${infer Head}${infer Tail}`
  ? Head extends Lowercase<Head>
    ? `${Uppercase<Head>}${Screaming<Tail>}`
    : `_${Head}${Screaming<Tail>}`
  : '';

/** Codes of rules that fail; those for bits are named after the bit: GUEST_POLICY_DEBUG_SET, …_CLEAR. */
export type SnpPolicyCode =
  | `GUEST_POLICY_${'SMT_ALLOWED' | 'MIGRATE_MA' | 'DEBUG' | 'SINGLE_SOCKET' | 'CXL_ALLOWED' | 'MEM_AES256_XTS' | 'RAPL_DISABLED' | 'CIPHERTEXT_HIDING_DRAM' | 'PAGE_SWAP_DISABLED'}_${'SET' | 'CLEAR'}`
  | 'GUEST_POLICY_RESERVED_BIT_SET'
  | 'GUEST_POLICY_ABI_TOO_OLD'
  | `PLATFORM_INFO_${Screaming<PlatformInfoBit>}_${'SET' | 'CLEAR'}`
  /** A bit of PLATFORM_INFO is set that the ceiling does not allow. */
  | 'PLATFORM_INFO_INVALID'
  | 'VMPL_MISMATCH'
  | 'MEASUREMENT_MISMATCH'
  | 'REPORT_DATA_MISMATCH'
  | 'HOST_DATA_MISMATCH'
  | 'IMAGE_ID_MISMATCH'
  | 'FAMILY_ID_MISMATCH'
  | 'REPORT_ID_MISMATCH'
  | 'REPORT_ID_MA_MISMATCH'
  | 'GUEST_SVN_TOO_LOW'
  | 'CHIP_ID_MISMATCH'
  | 'PRODUCT_NOT_ALLOWED'
  | 'SIGNING_KEY_NOT_ALLOWED'
  | 'CSP_ID_MISMATCH'
  | 'FIRMWARE_OUT_OF_DATE'
  | 'TCB_OUT_OF_DATE'
  | 'COMMITTED_TCB_OUT_OF_DATE'
  | 'LAUNCH_TCB_OUT_OF_DATE'
  /** The policy has floors, but none for this product. */
  | 'TCB_FLOOR_MISSING'
  | 'FIRMWARE_PROVISIONAL'
  | 'AUTHOR_KEY_MISSING'
  | 'ID_BLOCK_MISSING'
  | 'ID_KEY_DIGEST_MISMATCH'
  | 'AUTHOR_KEY_DIGEST_MISMATCH'
  | 'ID_BLOCK_UNTRUSTED'
  | 'LAUNCH_MITIGATION_MISSING'
  | 'CURRENT_MITIGATION_MISSING'
  | 'CERTIFICATE_TABLE_ENTRY_MISSING'
  | 'CERTIFICATE_TABLE_ENTRY_INVALID'
  | 'REVOCATION_NOT_CHECKED';
