/** ATTESTATION_REPORT as firmware would write it (SEV-SNP ABI 56860, section 7.3), with any field as asked for. */
import { concatBytes, reversed } from '@vitrine/bytes';
import {
  type CpuIdentity,
  type SnpProduct,
  type SnpTcb,
  encodeTcb,
  snpReportBytes,
  snpSignedBytes,
} from '@vitrine/evidence/snp';
import type { SigningKey } from '../authority.ts';

export interface SnpReportRequest {
  /** Default 5. */
  readonly version?: 2 | 3 | 4 | 5;
  readonly guestSvn?: number;
  /** Default 0x30000: SMT allowed, no debugging, no migration. */
  readonly policy?: bigint;
  readonly familyId?: Uint8Array;
  readonly imageId?: Uint8Array;
  readonly vmpl?: number;
  /** Of all four TCB versions, where none is given for itself. */
  readonly tcb: SnpTcb;
  readonly currentTcb?: SnpTcb;
  readonly committedTcb?: SnpTcb;
  readonly launchTcb?: SnpTcb;
  /** Default 0x25: SMT, ECC, alias check complete. */
  readonly platformInfo?: bigint;
  readonly signingKey?: 'VCEK' | 'VLEK' | 'none';
  readonly authorKeyEnabled?: boolean;
  readonly maskChipKey?: boolean;
  /** Up to 64 bytes. */
  readonly reportData?: Uint8Array;
  /** 48 bytes. */
  readonly measurement: Uint8Array;
  readonly hostData?: Uint8Array;
  readonly idKeyDigest?: Uint8Array;
  readonly authorKeyDigest?: Uint8Array;
  readonly reportId?: Uint8Array;
  readonly reportIdMa?: Uint8Array;
  readonly cpu?: CpuIdentity;
  /** Up to 64 bytes; empty for a chip that is masked. */
  readonly chipId: Uint8Array;
  readonly currentFirmware?: readonly [major: number, minor: number, build: number];
  readonly committedFirmware?: readonly [major: number, minor: number, build: number];
  readonly launchMitigations?: bigint;
  readonly currentMitigations?: bigint;
  /** Written over the finished report before it is signed: reserved fields, versions that do not exist. */
  readonly overwrite?: readonly { readonly at: number; readonly bytes: Uint8Array }[];
}

const cpus: Readonly<Record<SnpProduct, CpuIdentity>> = {
  Milan: { family: 0x19, model: 0x01, stepping: 1 },
  Genoa: { family: 0x19, model: 0x11, stepping: 1 },
  Turin: { family: 0x1a, model: 0x02, stepping: 1 },
};
const signingKeyBits = { VCEK: 0, VLEK: 1, none: 7 } as const;

/** 1184 bytes: the report with r and s, little-endian, 72 bytes each. */
export async function signSnpReport(
  product: SnpProduct,
  request: SnpReportRequest,
  key: SigningKey,
): Promise<Uint8Array> {
  const report = writeReport(product, request);
  const signature = await key.signRaw(report.subarray(0, snpSignedBytes));
  const signed = concatBytes(
    report.subarray(0, snpSignedBytes),
    new Uint8Array(snpReportBytes - snpSignedBytes),
  );
  signed.set(reversed(signature.subarray(0, 48)), snpSignedBytes);
  signed.set(reversed(signature.subarray(48)), snpSignedBytes + 72);
  return signed;
}

function writeReport(product: SnpProduct, request: SnpReportRequest): Uint8Array {
  const { version = 5, tcb, currentTcb = tcb, committedTcb = currentTcb, launchTcb = committedTcb } = request;
  const report = new Uint8Array(snpReportBytes);
  const view = new DataView(report.buffer);
  view.setUint32(0x000, version, true);
  view.setUint32(0x004, request.guestSvn ?? 0, true);
  view.setBigUint64(0x008, request.policy ?? 0x30000n, true);
  put(report, 0x010, request.familyId);
  put(report, 0x020, request.imageId);
  view.setUint32(0x030, request.vmpl ?? 0, true);
  view.setUint32(0x034, 1, true);
  put(report, 0x038, encodeTcb(product, currentTcb));
  view.setBigUint64(0x040, request.platformInfo ?? 0x25n, true);
  view.setUint32(0x048, keyInformation(request), true);
  put(report, 0x050, request.reportData);
  put(report, 0x090, request.measurement);
  put(report, 0x0c0, request.hostData);
  put(report, 0x0e0, request.idKeyDigest);
  put(report, 0x110, request.authorKeyDigest);
  put(report, 0x140, request.reportId);
  put(report, 0x160, request.reportIdMa ?? new Uint8Array(32).fill(0xff));
  put(report, 0x180, encodeTcb(product, tcb));
  if (version >= 3) {
    const { family, model, stepping } = request.cpu ?? cpus[product];
    report.set([family, model, stepping], 0x188);
  }
  put(report, 0x1a0, request.chipId);
  put(report, 0x1e0, encodeTcb(product, committedTcb));
  const [major, minor, build] = request.currentFirmware ?? [1, 55, 39];
  report.set([build, minor, major], 0x1e8);
  const [committedMajor, committedMinor, committedBuild] = request.committedFirmware ?? [major, minor, build];
  report.set([committedBuild, committedMinor, committedMajor], 0x1ec);
  put(report, 0x1f0, encodeTcb(product, launchTcb));
  if (version >= 5) {
    view.setBigUint64(0x1f8, request.launchMitigations ?? 0n, true);
    view.setBigUint64(0x200, request.currentMitigations ?? 0n, true);
  }
  for (const { at, bytes } of request.overwrite ?? []) report.set(bytes, at);
  return report;
}

function keyInformation(request: SnpReportRequest): number {
  const { signingKey = 'VCEK', authorKeyEnabled = false, maskChipKey = false } = request;
  return Number(authorKeyEnabled) | (Number(maskChipKey) << 1) | (signingKeyBits[signingKey] << 2);
}

function put(report: Uint8Array, at: number, bytes: Uint8Array | undefined): void {
  if (bytes) report.set(bytes, at);
}
