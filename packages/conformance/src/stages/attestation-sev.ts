/** `verify-attestation-sev`: an SEV-SNP report under its endorsement key. */
import { gunzipSync } from 'node:zlib';
import { type JsonNode, type JsonValue, equalBytes, toHex } from '@vitrine/bytes';
import {
  type AuthenticSnpReport,
  type SnpErrorCode,
  type SnpReport,
  type SnpTrustAnchors,
  authenticateSnp,
  decodeTcb,
  snpProducts,
} from '@vitrine/evidence';
import { predicateType } from '@vitrine/measure/predicate';
import { commonName } from '@vitrine/x509';
import { readPem, readTime } from '../input.ts';
import { rejecting } from '../rejecting.ts';
import { Rejection, type Stage } from '../stage.ts';

/** The contract's names for codes that it does not have. */
const contractCodes: Partial<Record<SnpErrorCode, string>> = {
  REPORT_RESERVED_NOT_ZERO: 'REPORT_FORMAT_UNSUPPORTED',
  VCEK_NOT_YET_VALID: 'VCEK_EXPIRED',
  PRODUCT_MISMATCH: 'VCEK_CHAIN_INVALID',
  TCB_INCONSISTENT: 'QV_RESULT_TERMINAL_UNSPECIFIED',
};

export const verifyAttestationSev: Stage = async (input, { now }) => {
  input.onlyNames(
    'schema_version',
    'attestation_doc_b64',
    'vcek_der_b64',
    'amd_root_ca_pem',
    'ask_pem',
    'crl_der_b64',
    'expiration_check_date_unix',
    'policy',
  );
  const document = input.get('attestation_doc_b64').base64();
  const vek = input.get('vcek_der_b64').base64();
  const anchors = readAnchors(input);
  const askPem = readPem(input, 'ask_pem');
  const crl = input.optional('crl_der_b64')?.base64();
  const policy = readPolicy(input.optional('policy'));
  const time = readTime(input, 'expiration_check_date_unix') ?? now;
  const report = uncompressed(document);
  const authentic = await rejecting(
    () =>
      authenticateSnp({
        report,
        vek,
        ...(anchors ? { anchors } : {}),
        ...(askPem ? { intermediates: askPem.map(({ der }) => der) } : {}),
        ...(crl ? { crl } : {}),
        now: time,
      }),
    contractCodes,
  );
  requireGuestPolicy(authentic.report);
  requirePins(authentic.report, policy);
  requireTcb(authentic, policy);
  if (policy.enforceDefaults) requireDefaults(authentic.report);
  return { measurement: measurementOf(authentic.report), body_fields: bodyFields(authentic) };
};

const GZIP_MAGIC = 0x8b1f;
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** A report begins with its version, gzip with 1f 8b. */
function uncompressed(document: Uint8Array): Uint8Array {
  if (document.length < 2 || (document[0]! | (document[1]! << 8)) !== GZIP_MAGIC) return document;
  try {
    return new Uint8Array(gunzipSync(document, { maxOutputLength: MAX_DOCUMENT_BYTES }));
  } catch (cause) {
    throw new Rejection('REPORT_FORMAT_UNSUPPORTED', 'The attestation document does not decompress.', {
      cause,
    });
  }
}

/** The root is for the product that its name says. */
function readAnchors(input: JsonNode): SnpTrustAnchors | undefined {
  const [ark] = readPem(input, 'amd_root_ca_pem') ?? [];
  if (!ark) return undefined;
  const product = snpProducts.find((one) => commonName(ark.subject) === `ARK-${one}`);
  if (!product)
    throw new Rejection('ARK_UNTRUSTED', 'amd_root_ca_pem is not the root key of a product that is known.');
  return { [product]: { ark } };
}

interface Pin {
  readonly field: 'measurement' | 'hostData' | 'reportData' | 'idKeyDigest' | 'authorKeyDigest';
  readonly code: string;
  readonly expected: Uint8Array;
}
interface SevPolicy {
  readonly pins: readonly Pin[];
  readonly floor: { readonly bl: number; readonly tee: number; readonly snp: number; readonly ucode: number };
  readonly enforceDefaults: boolean;
}

const pins = [
  ['expected_measurement_hex', 'measurement', 'MEASUREMENT_MISMATCH'],
  ['expected_host_data_hex', 'hostData', 'HOST_DATA_MISMATCH'],
  ['expected_report_data_hex', 'reportData', 'REPORT_DATA_MISMATCH'],
  ['expected_id_key_digest_hex', 'idKeyDigest', 'ID_KEY_DIGEST_MISMATCH'],
  ['expected_author_key_digest_hex', 'authorKeyDigest', 'AUTHOR_KEY_DIGEST_MISMATCH'],
] as const;
const floors = ['min_tcb_bl_spl', 'min_tcb_tee_spl', 'min_tcb_snp_spl', 'min_tcb_ucode_spl'] as const;

function readPolicy(node: JsonNode | undefined): SevPolicy {
  node?.onlyNames(...pins.map(([name]) => name), ...floors, 'enforce_spec_defaults');
  const [bl = 0, tee = 0, snp = 0, ucode = 0] = floors.map((name) => node?.optional(name)?.integer(0) ?? 0);
  return {
    pins: pins.flatMap(([name, field, code]) => {
      const expected = node?.optional(name)?.hex();
      return expected ? [{ field, code, expected }] : [];
    }),
    floor: { bl, tee, snp, ucode },
    enforceDefaults: node?.optional('enforce_spec_defaults')?.boolean() ?? false,
  };
}

function requirePins(report: SnpReport, { pins: wanted }: SevPolicy): void {
  for (const { field, code, expected } of wanted) {
    if (equalBytes(report[field], expected)) continue;
    throw new Rejection(code, `${field}: expected ${toHex(expected)}, found ${toHex(report[field])}.`);
  }
}

function requireTcb({ tcb: { current } }: AuthenticSnpReport, { floor }: SevPolicy): void {
  const levels = [
    ['boot loader', current.bootloader, floor.bl],
    ['TEE', current.tee, floor.tee],
    ['SNP', current.snp, floor.snp],
    ['microcode', current.microcode, floor.ucode],
  ] as const;
  for (const [name, found, expected] of levels) {
    if (found < expected)
      throw new Rejection('TCB_OUT_OF_DATE', `${name}: expected ${expected} or more, found ${found}.`);
  }
}

/** Bits 0 to 5 and 7 of PLATFORM_INFO are defined. */
const PLATFORM_INFO_RESERVED = ~0xbfn;
/** Bits 0 to 25 of the guest policy are defined, of which 17 must be set. */
const POLICY_RESERVED = ~0x3ffffffn;

/** Refused whatever the input's policy says: a guest that others may look into, and bits that are not defined. */
function requireGuestPolicy({ policy }: SnpReport): void {
  if (!policy.reservedOne || (policy.raw & POLICY_RESERVED) !== 0n)
    throw new Rejection(
      'GUEST_POLICY_RESERVED_BIT_SET',
      `The guest policy 0x${policy.raw.toString(16)} has reserved bits that are not as they must be.`,
    );
  if (policy.debug) throw new Rejection('GUEST_POLICY_DEBUG_SET', 'The guest may be debugged.');
  if (policy.migrateMa)
    throw new Rejection('GUEST_POLICY_MIGRATE_MA_SET', 'The guest may have a migration agent.');
}

function requireDefaults({ policy, platformInfo }: SnpReport): void {
  if (policy.singleSocket)
    throw new Rejection('GUEST_POLICY_SINGLE_SOCKET_SET', 'The guest is bound to a single socket.');
  if ((platformInfo.raw & PLATFORM_INFO_RESERVED) !== 0n || (platformInfo.smtEnabled && !policy.smtAllowed))
    throw new Rejection(
      'PLATFORM_INFO_INVALID',
      `PLATFORM_INFO 0x${platformInfo.raw.toString(16)} has reserved bits, or SMT that the guest does not allow.`,
    );
}

function measurementOf(report: SnpReport): JsonValue {
  return { type: predicateType.sevSnpGuest, registers: [toHex(report.measurement)] };
}

function bodyFields({ report, product }: AuthenticSnpReport): JsonValue {
  const { policy, platformInfo, raw } = report;
  const current = decodeTcb(product, report.currentTcb);
  return {
    version: report.version,
    guest_svn: report.guestSvn,
    policy_hex: word(policy.raw),
    policy_decoded: {
      abi_minor: policy.abiMinor,
      abi_major: policy.abiMajor,
      smt: policy.smtAllowed,
      reserved_mbo: policy.reservedOne,
      migrate_ma: policy.migrateMa,
      debug: policy.debug,
      single_socket: policy.singleSocket,
      cxl_allow: policy.cxlAllowed,
      mem_aes_256_xts: policy.memAes256Xts,
      raplmsr_dis: policy.raplDisabled,
      ciphertext_hiding_dram: policy.ciphertextHidingDram,
    },
    family_id_hex: toHex(report.familyId),
    image_id_hex: toHex(report.imageId),
    vmpl: report.vmpl,
    signature_algo: report.signatureAlgorithm,
    current_tcb_hex: toHex(report.currentTcb.slice().reverse()),
    current_tcb_decoded: {
      bl_spl: current.bootloader,
      tee_spl: current.tee,
      snp_spl: current.snp,
      ucode_spl: current.microcode,
    },
    platform_info_hex: word(platformInfo.raw),
    platform_info_decoded: {
      smt_en: platformInfo.smtEnabled,
      tsme_en: platformInfo.tsmeEnabled,
      ecc_en: platformInfo.eccEnabled,
      rapl_dis: platformInfo.raplDisabled,
      ciphertext_hiding: platformInfo.ciphertextHidingDramEnabled,
    },
    signer_info_hex: report.signerInfo.raw.toString(16).padStart(8, '0'),
    report_data_hex: toHex(report.reportData),
    measurement_hex: toHex(report.measurement),
    host_data_hex: toHex(report.hostData),
    id_key_digest_hex: toHex(report.idKeyDigest),
    author_key_digest_hex: toHex(report.authorKeyDigest),
    report_id_hex: toHex(report.reportId),
    report_id_ma_hex: toHex(report.reportIdMa),
    reported_tcb_hex: toHex(report.reportedTcb),
    chip_id_hex: toHex(report.chipId),
    ...contractTail(raw),
  };
}

/**
 * The contract takes the bytes from 0x1E0 in another order than SEV-SNP ABI section 7.3: firmware versions where that has
 * COMMITTED_TCB, and what follows eight bytes later. Its vectors are compared with these values.
 */
function contractTail(raw: Uint8Array): Record<string, JsonValue> {
  return {
    current_build: raw[0x1e0]!,
    current_minor: raw[0x1e1]!,
    current_major: raw[0x1e2]!,
    committed_build: raw[0x1e4]!,
    committed_minor: raw[0x1e5]!,
    committed_major: raw[0x1e6]!,
    committed_tcb_hex: toHex(raw.subarray(0x1e8, 0x1f0)),
    launch_tcb_hex: toHex(raw.subarray(0x1f8, 0x200)),
  };
}

function word(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
