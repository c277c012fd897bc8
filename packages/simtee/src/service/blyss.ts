/** Blyss' `attestation.json`: reports taken apart into JSON, byte strings as arrays of numbers. */
import { concatBytes, decodeUtf8, formatPem, sha256, toBase64, toHex } from '@vitrine/bytes';
import { parseGpuReport } from '@vitrine/evidence/nvidia';
import {
  type Attest,
  type DocumentDefects,
  type JsonObject,
  type ServiceDevice,
  finish,
} from './evidence.ts';

export interface BlyssRequest {
  /** SEV-SNP only. */
  readonly attest: Attest;
  /** DER of the TLS certificate; or, in the older shape, DER of a public key. */
  readonly certificate?: Uint8Array;
  readonly publicKey?: Uint8Array;
  readonly gpus?: readonly BlyssGpu[];
  readonly launch?: { readonly cmdline: string; readonly vcpus: number };
  readonly defects?: DocumentDefects;
}

export interface BlyssGpu extends Omit<ServiceDevice, 'id' | 'kind'> {
  /** 32 bytes; default: the one in the report. */
  readonly nonce?: Uint8Array;
}

/** The document's bytes. @throws RangeError without a certificate and a public key, or for TDX */
export async function writeBlyss(request: BlyssRequest): Promise<Uint8Array> {
  const { attest, certificate, publicKey, gpus, launch, defects = {} } = request;
  const bound = certificate ?? publicKey;
  if (!bound) throw new RangeError('A Blyss document names a certificate or a public key.');
  const digest = await sha256(bound);
  const cpu = await attest(defects.reportData ?? concatBytes(digest, new Uint8Array(32)));
  if (cpu.platform !== 'sev-snp') throw new RangeError('Blyss runs on SEV-SNP only.');
  const document = {
    ...(certificate
      ? { cert_sha256_fingerprint: toHex(digest) }
      : { public_key: formatPem('PUBLIC KEY', bound) }),
    cpu_attestation: {
      ...takeReportApart(cpu.report),
      vcek: cpu.vcek && toBase64(cpu.vcek).replace(/=+$/, ''),
      launch: launch && { kernel_cli: `${launch.cmdline} initrd=initrd`, num_vcpus: launch.vcpus },
    },
    gpu_attestation: gpus && { gpus: gpus.map(takeGpuApart) },
  };
  return finish(document, defects);
}

/** SEV-SNP ABI 56860 section 7.3; names and order as the `sev` library of version 2 serialises it. */
function takeReportApart(report: Uint8Array): JsonObject {
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const bytes = (at: number, length: number): number[] => [...report.subarray(at, at + length)];
  const tcb = (at: number): object => ({
    bootloader: report[at],
    tee: report[at + 1],
    _reserved: bytes(at + 2, 4),
    snp: report[at + 6],
    microcode: report[at + 7],
  });
  return {
    version: u32(0x000),
    guest_svn: u32(0x004),
    policy: u64(0x008),
    family_id: bytes(0x010, 16),
    image_id: bytes(0x020, 16),
    vmpl: u32(0x030),
    sig_algo: u32(0x034),
    current_tcb: tcb(0x038),
    plat_info: u64(0x040),
    _author_key_en: u32(0x048),
    _reserved_0: u32(0x04c),
    report_data: bytes(0x050, 64),
    measurement: bytes(0x090, 48),
    host_data: bytes(0x0c0, 32),
    id_key_digest: bytes(0x0e0, 48),
    author_key_digest: bytes(0x110, 48),
    report_id: bytes(0x140, 32),
    report_id_ma: bytes(0x160, 32),
    reported_tcb: tcb(0x180),
    _reserved_1: bytes(0x188, 24),
    chip_id: bytes(0x1a0, 64),
    committed_tcb: tcb(0x1e0),
    current_build: report[0x1e8],
    current_minor: report[0x1e9],
    current_major: report[0x1ea],
    _reserved_2: report[0x1eb],
    committed_build: report[0x1ec],
    committed_minor: report[0x1ed],
    committed_major: report[0x1ee],
    _reserved_3: report[0x1ef],
    launch_tcb: tcb(0x1f0),
    _reserved_4: bytes(0x1f8, 168),
    signature: { r: bytes(0x2a0, 72), s: bytes(0x2e8, 72), _reserved: bytes(0x330, 368) },
  };
}

const opaqueNames: Readonly<Record<number, string>> = {
  3: 'DRIVER_VERSION',
  4: 'GPU_INFO',
  6: 'VBIOS_VERSION',
  11: 'NVDEC0_STATUS',
  12: 'MSRSCNT',
  13: 'CPRINFO',
  14: 'BOARD_ID',
  15: 'CHIP_SKU',
  16: 'CHIP_SKU_MOD',
  17: 'PROJECT',
  18: 'PROJECT_SKU',
  19: 'PROJECT_SKU_MOD',
  20: 'FWID',
  21: 'PROTECTED_PCIE_STATUS',
};
const MSRSCNT = 12;

function takeGpuApart(gpu: BlyssGpu, index: number): JsonObject {
  const { report, chain, driverRim, vbiosRim } = gpu;
  const { request, response, measurements, opaque, signature } = parseGpuReport(report);
  const byte = (value: number): string => value.toString(16).padStart(2, '0');
  return {
    gpu_idx: index,
    nonce: toHex(gpu.nonce ?? request.nonce),
    gpu_attestation_cert_chain: chain.map((der) => formatPem('CERTIFICATE', der)),
    attestation_report_obj: {
      request: {
        spdm_version: '11',
        request_response_code: 'e0',
        param1: byte(request.param1),
        param2: byte(request.param2),
        nonce: toHex(request.nonce),
        slot_id_param: byte(request.slotId),
      },
      response: {
        spdm_version: '11',
        request_response_code: '60',
        param1: byte(response.param1),
        param2: byte(response.param2),
        number_of_blocks: measurements.length,
        measurement_record_length: measurements.reduce((length, { value }) => length + 7 + value.length, 0),
        measurement_record: { measurements: measurements.map(({ value }) => toHex(value)) },
        nonce: toHex(response.nonce),
        opaque_data_length: response.opaque.length,
        opaque_data: {
          opaque_data: Object.fromEntries(
            [...opaque.fields].map(([type, value]) => [
              `OPAQUE_FIELD_ID_${opaqueNames[type] ?? 'INVALID'}`,
              type === MSRSCNT ? counters(value) : toHex(value),
            ]),
          ),
        },
        signature: toHex(signature),
      },
    },
    driver_rim: driverRim && decodeUtf8(driverRim),
    vbios_rim: vbiosRim && decodeUtf8(vbiosRim),
    gpu_info_obj: { architecture: gpu.arch ?? 'HOPPER', driver_version: opaque.driverVersion },
  };
}

function counters(value: Uint8Array): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: value.length / 4 }, (_, at) => view.getUint32(at * 4, true));
}
