/** ATTESTATION_REPORT (SEV-SNP ABI 56860, section 7.3): every field of versions 2 to 5, exactly 1184 bytes. */
import { ByteReader, concatBytes, isZero, reversed } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { snpError } from './error.ts';
import type { CpuIdentity } from './product.ts';

export const snpReportBytes = 0x4a0;
/** The signature covers all bytes before it. */
export const snpSignedBytes = 0x2a0;

/** Guest policy (SEV-SNP ABI section 4.3). */
export interface GuestPolicy {
  readonly raw: bigint;
  readonly abiMinor: number;
  readonly abiMajor: number;
  readonly smtAllowed: boolean;
  /** Bit 17: must be set. */
  readonly reservedOne: boolean;
  readonly migrateMa: boolean;
  readonly debug: boolean;
  readonly singleSocket: boolean;
  readonly cxlAllowed: boolean;
  readonly memAes256Xts: boolean;
  readonly raplDisabled: boolean;
  readonly ciphertextHidingDram: boolean;
  readonly pageSwapDisabled: boolean;
}

/** PLATFORM_INFO (SEV-SNP ABI section 7.3). */
export interface PlatformInfo {
  readonly raw: bigint;
  readonly smtEnabled: boolean;
  readonly tsmeEnabled: boolean;
  readonly eccEnabled: boolean;
  readonly raplDisabled: boolean;
  readonly ciphertextHidingDramEnabled: boolean;
  /** Memory aliasing was looked for at boot (BadRAM). */
  readonly aliasCheckComplete: boolean;
  readonly tioEnabled: boolean;
}

export type SigningKeyKind = 'VCEK' | 'VLEK' | 'none';

/** Key information (SEV-SNP ABI section 7.3, offset 0x48). */
export interface SignerInfo {
  readonly raw: number;
  readonly authorKeyEnabled: boolean;
  /** CHIP_ID is zero. */
  readonly maskChipKey: boolean;
  readonly signingKey: SigningKeyKind;
}

export interface FirmwareVersion {
  readonly build: number;
  readonly minor: number;
  readonly major: number;
}

/** Parsed, not authenticated. Byte fields are views of `raw`. */
export interface SnpReport {
  readonly raw: Uint8Array;
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: GuestPolicy;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** 0 to 3; 0xffffffff where the host asked for the report. */
  readonly vmpl: number;
  /** 1 is ECDSA P-384 with SHA-384. */
  readonly signatureAlgorithm: number;
  /** TCB versions: eight bytes each, to be decoded by product. */
  readonly currentTcb: Uint8Array;
  readonly platformInfo: PlatformInfo;
  readonly signerInfo: SignerInfo;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** From version 3 on. */
  readonly cpu: CpuIdentity | undefined;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly currentFirmware: FirmwareVersion;
  readonly committedFirmware: FirmwareVersion;
  readonly launchTcb: Uint8Array;
  /** From version 5 on. */
  readonly launchMitigationVector: bigint | undefined;
  readonly currentMitigationVector: bigint | undefined;
  /** r ‖ s, each 48 bytes, big-endian (IEEE P1363). */
  readonly signature: Uint8Array;
}

const firstVersion = 2;
const lastVersion = 5;
const signingKeys: ReadonlyMap<number, SigningKeyKind> = new Map([
  [0, 'VCEK'],
  [1, 'VLEK'],
  [7, 'none'],
]);
/** Bits 0 to 25 of the guest policy are defined. */
const policyReserved = ~0x3ffffffn & 0xffffffffffffffffn;
const ECDSA_P384_SHA384 = 1;

/**
 * @throws EvidenceError REPORT_TRUNCATED, REPORT_FORMAT_UNSUPPORTED, WRONG_REPORT_VERSION, REPORT_RESERVED_NOT_ZERO or
 *   SIGNER_INFO_INVALID. Reserved bits of the guest policy are for `appraiseSnp`: they are a guest owner's choice that
 *   the signature covers.
 */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  requireSize(bytes);
  return refuseAs('REPORT_TRUNCATED', () => readReport(bytes));
}

function requireSize(bytes: Uint8Array): void {
  if (bytes.length < snpReportBytes)
    throw snpError('REPORT_TRUNCATED', `An SNP report has ${snpReportBytes} bytes, found ${bytes.length}.`);
  if (bytes.length > snpReportBytes)
    throw snpError(
      'REPORT_FORMAT_UNSUPPORTED',
      `An SNP report has ${snpReportBytes} bytes, found ${bytes.length - snpReportBytes} more.`,
    );
}

function readReport(bytes: Uint8Array): SnpReport {
  const reader = new ByteReader(bytes, 'SNP report');
  const version = readVersion(reader);
  const head = {
    guestSvn: reader.u32('guest_svn'),
    policy: decodeGuestPolicy(reader.u64('policy')),
    familyId: reader.take(16, 'family_id'),
    imageId: reader.take(16, 'image_id'),
    vmpl: reader.u32('vmpl'),
    signatureAlgorithm: readSignatureAlgorithm(reader),
    currentTcb: reader.take(8, 'current_tcb'),
    platformInfo: decodePlatformInfo(reader.u64('platform_info')),
    signerInfo: decodeSignerInfo(reader.u32('key information')),
  };
  requireZero(reader, 4, 'the four bytes behind the key information');
  const body = {
    reportData: reader.take(64, 'report_data'),
    measurement: reader.take(48, 'measurement'),
    hostData: reader.take(32, 'host_data'),
    idKeyDigest: reader.take(48, 'id_key_digest'),
    authorKeyDigest: reader.take(48, 'author_key_digest'),
    reportId: reader.take(32, 'report_id'),
    reportIdMa: reader.take(32, 'report_id_ma'),
    reportedTcb: reader.take(8, 'reported_tcb'),
    cpu: readCpu(reader, version),
    chipId: reader.take(64, 'chip_id'),
    committedTcb: reader.take(8, 'committed_tcb'),
    currentFirmware: readFirmware(reader),
    committedFirmware: readFirmware(reader),
    launchTcb: reader.take(8, 'launch_tcb'),
    ...readMitigations(reader, version),
  };
  requireZero(reader, snpSignedBytes - reader.offset, 'the bytes before the signature');
  return { raw: bytes, version, ...head, ...body, signature: readSignature(reader) };
}

function readVersion(reader: ByteReader): number {
  const version = reader.u32('version');
  if (version >= firstVersion && version <= lastVersion) return version;
  throw snpError(
    'WRONG_REPORT_VERSION',
    `Expected a report of version ${firstVersion} to ${lastVersion}, found ${version}.`,
  );
}

function readSignatureAlgorithm(reader: ByteReader): number {
  const algorithm = reader.u32('signature_algo');
  if (algorithm === ECDSA_P384_SHA384) return algorithm;
  throw snpError(
    'REPORT_FORMAT_UNSUPPORTED',
    `Expected signature algorithm 1 (ECDSA P-384 with SHA-384), found ${algorithm}.`,
  );
}

/** CPUID family, model and stepping came with version 3; before that the bytes are reserved. */
function readCpu(reader: ByteReader, version: number): CpuIdentity | undefined {
  if (version < 3) {
    requireAbsent(reader, 3, version, 'cpuid_fam_id, cpuid_mod_id and cpuid_step');
    requireZero(reader, 21, 'the bytes behind reported_tcb');
    return undefined;
  }
  const cpu = {
    family: reader.u8('cpuid_fam_id'),
    model: reader.u8('cpuid_mod_id'),
    stepping: reader.u8('cpuid_step'),
  };
  requireZero(reader, 21, 'the bytes behind cpuid_step');
  return cpu;
}

function readFirmware(reader: ByteReader): FirmwareVersion {
  const version = {
    build: reader.u8('build'),
    minor: reader.u8('minor'),
    major: reader.u8('major'),
  };
  requireZero(reader, 1, 'the byte behind a firmware version');
  return version;
}

function readMitigations(
  reader: ByteReader,
  version: number,
): Pick<SnpReport, 'launchMitigationVector' | 'currentMitigationVector'> {
  if (version < 5) {
    requireAbsent(reader, 16, version, 'launch_mit_vector and current_mit_vector');
    return { launchMitigationVector: undefined, currentMitigationVector: undefined };
  }
  return {
    launchMitigationVector: reader.u64('launch_mit_vector'),
    currentMitigationVector: reader.u64('current_mit_vector'),
  };
}

/** r and s, 72 bytes each, little-endian, of which P-384 needs 48 (SEV-SNP ABI section 10.1). */
function readSignature(reader: ByteReader): Uint8Array {
  const r = readScalar(reader, 'r');
  const s = readScalar(reader, 's');
  requireZero(reader, reader.remaining, 'the bytes behind the signature');
  return concatBytes(r, s);
}

function readScalar(reader: ByteReader, name: string): Uint8Array {
  const scalar = reversed(reader.take(48, name));
  requireZero(reader, 24, `the upper bytes of ${name}`);
  return scalar;
}

function requireZero(reader: ByteReader, lengthBytes: number, what: string): void {
  const at = reader.offset;
  if (!isZero(reader.take(lengthBytes, what)))
    throw snpError(
      'REPORT_RESERVED_NOT_ZERO',
      `Expected ${what} (${lengthBytes} from 0x${at.toString(16)}) to be zero.`,
    );
}

/** Fields that a later version brought: where they are set, the version is not what the report says. */
function requireAbsent(reader: ByteReader, lengthBytes: number, version: number, fields: string): void {
  if (!isZero(reader.take(lengthBytes, fields)))
    throw snpError('WRONG_REPORT_VERSION', `A report of version ${version} has ${fields}, which came later.`);
}

export function decodeGuestPolicy(raw: bigint): GuestPolicy {
  const bit = (at: bigint): boolean => ((raw >> at) & 1n) === 1n;
  return {
    raw,
    abiMinor: Number(raw & 0xffn),
    abiMajor: Number((raw >> 8n) & 0xffn),
    smtAllowed: bit(16n),
    reservedOne: bit(17n),
    migrateMa: bit(18n),
    debug: bit(19n),
    singleSocket: bit(20n),
    cxlAllowed: bit(21n),
    memAes256Xts: bit(22n),
    raplDisabled: bit(23n),
    ciphertextHidingDram: bit(24n),
    pageSwapDisabled: bit(25n),
  };
}

/** Bit 17 is set and the bits above those that are defined are clear. */
export function hasValidReservedBits(policy: GuestPolicy): boolean {
  return policy.reservedOne && (policy.raw & policyReserved) === 0n;
}

export function decodePlatformInfo(raw: bigint): PlatformInfo {
  const bit = (at: bigint): boolean => ((raw >> at) & 1n) === 1n;
  return {
    raw,
    smtEnabled: bit(0n),
    tsmeEnabled: bit(1n),
    eccEnabled: bit(2n),
    raplDisabled: bit(3n),
    ciphertextHidingDramEnabled: bit(4n),
    aliasCheckComplete: bit(5n),
    tioEnabled: bit(7n),
  };
}

function decodeSignerInfo(raw: number): SignerInfo {
  const signingKey = signingKeys.get((raw >> 2) & 7);
  if (raw >>> 5 !== 0 || signingKey === undefined)
    throw snpError(
      'SIGNER_INFO_INVALID',
      `Key information 0x${raw.toString(16)} has reserved bits or a signing key that is not known.`,
    );
  return {
    raw,
    authorKeyEnabled: (raw & 1) === 1,
    maskChipKey: (raw & 2) === 2,
    signingKey,
  };
}
