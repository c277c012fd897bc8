/** A report in words, for people and for JSON: what it says, not whether it is true. */
import { toHex } from '@vitrine/bytes';
import { type SnpProduct, productOfCpu } from './product.ts';
import type { FirmwareVersion, SnpReport } from './report.ts';
import { type SnpTcb, decodeTcb, formatTcb } from './tcb.ts';
import type { Vek } from './vek.ts';

/** JSON-able: strings, numbers, booleans, null. Bytes and 64-bit fields are hexadecimal; names are the ABI's. */
export type Description = { readonly [name: string]: string | number | boolean | null | Description };

/**
 * @param product where the report does not name its processor (version 2), for its TCB versions; without it they stay raw
 */
export function describeSnpReport(report: SnpReport, product?: SnpProduct): Description {
  const family = product ?? (report.cpu && productOfCpu(report.cpu));
  const tcb = (bytes: Uint8Array): Description => describeTcb(bytes, family);
  const { raw: policyRaw, ...policy } = report.policy;
  const { raw: platformRaw, ...platform } = report.platformInfo;
  const { raw: signerRaw, ...signer } = report.signerInfo;
  return {
    version: report.version,
    product: family ?? null,
    guest_svn: report.guestSvn,
    policy: { raw: hex64(policyRaw), ...policy },
    family_id: toHex(report.familyId),
    image_id: toHex(report.imageId),
    vmpl: report.vmpl,
    signature_algo: report.signatureAlgorithm,
    current_tcb: tcb(report.currentTcb),
    platform_info: { raw: hex64(platformRaw), ...platform },
    signer_info: { raw: `0x${signerRaw.toString(16).padStart(8, '0')}`, ...signer },
    report_data: toHex(report.reportData),
    measurement: toHex(report.measurement),
    host_data: toHex(report.hostData),
    id_key_digest: toHex(report.idKeyDigest),
    author_key_digest: toHex(report.authorKeyDigest),
    report_id: toHex(report.reportId),
    report_id_ma: toHex(report.reportIdMa),
    reported_tcb: tcb(report.reportedTcb),
    cpu: report.cpu ? { ...report.cpu } : null,
    chip_id: toHex(report.chipId),
    committed_tcb: tcb(report.committedTcb),
    current_version: formatVersion(report.currentFirmware),
    committed_version: formatVersion(report.committedFirmware),
    launch_tcb: tcb(report.launchTcb),
    launch_mit_vector: optionalHex64(report.launchMitigationVector),
    current_mit_vector: optionalHex64(report.currentMitigationVector),
    signature: toHex(report.signature),
  };
}

/** An endorsement key's certificate. */
export function describeVek(vek: Vek): Description {
  const { certificate } = vek;
  return {
    kind: vek.kind,
    product_name: vek.productName,
    struct_version: vek.structVersion,
    tcb: { ...vek.tcb },
    hwid: vek.hwid ? toHex(vek.hwid) : null,
    csp_id: vek.cspId ?? null,
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    serial_number: certificate.serialNumber,
  };
}

/** The lines of a description: "policy.debug: false". */
export function descriptionLines(description: Description, prefix = ''): string[] {
  return Object.entries(description).flatMap(([name, value]) =>
    value !== null && typeof value === 'object'
      ? descriptionLines(value, `${prefix}${name}.`)
      : [`${prefix}${name}: ${value ?? 'none'}`],
  );
}

function describeTcb(bytes: Uint8Array, product: SnpProduct | undefined): Description {
  const raw = rawTcb(bytes);
  if (!product) return { raw };
  const tcb: SnpTcb = decodeTcb(product, bytes);
  return { raw, ...tcb, text: formatTcb(tcb) };
}

/** As the 64-bit number that documents print: the highest byte first. */
function rawTcb(bytes: Uint8Array): string {
  return `0x${toHex(new Uint8Array(bytes).reverse())}`;
}

function formatVersion({ major, minor, build }: FirmwareVersion): string {
  return `${major}.${minor}.${build}`;
}

function hex64(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}

function optionalHex64(value: bigint | undefined): string | null {
  return value === undefined ? null : hex64(value);
}
