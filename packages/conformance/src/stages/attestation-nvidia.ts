/** `verify-attestation-nvidia`: the report of a GPU or switch, with its RIMs where they are given. */
import { type JsonValue, toHex } from '@vitrine/bytes';
import {
  type AuthenticGpuReport,
  type AuthenticRim,
  type GpuAppraisal,
  type NvidiaErrorCode,
  type NvidiaPolicyCode,
  appraiseGpu,
  authenticateGpu,
  authenticateRim,
} from '@vitrine/evidence';
import type { Certificate } from '@vitrine/x509';
import { readPem, readTime } from '../input.ts';
import { rejecting } from '../rejecting.ts';
import { Rejection, type Stage } from '../stage.ts';

/** The stage's names for finer codes. */
const stageCodes: Partial<Record<NvidiaErrorCode | NvidiaPolicyCode, string>> = {
  RIM_XML_MALFORMED: 'RIM_SIGNATURE_INVALID',
  RIM_XML_DOCTYPE: 'RIM_SIGNATURE_INVALID',
  RIM_XML_ENTITY: 'RIM_SIGNATURE_INVALID',
  RIM_XML_COMMENT: 'RIM_SIGNATURE_INVALID',
  RIM_MALFORMED: 'RIM_SIGNATURE_INVALID',
  RIM_SIGNATURE_MISPLACED: 'RIM_SIGNATURE_INVALID',
  RIM_REFERENCE_INVALID: 'RIM_SIGNATURE_INVALID',
  RIM_ALGORITHM_UNSUPPORTED: 'RIM_SIGNATURE_INVALID',
  RIM_EXPIRED: 'RIM_CHAIN_INVALID',
  RIM_PRODUCT_MISMATCH: 'RIM_VERSION_MISMATCH',
  RIM_INDEX_CONFLICT: 'GPU_MEASUREMENT_MISMATCH',
};

export const verifyAttestationNvidia: Stage = async (input, context) => {
  input.onlyNames(
    'schema_version',
    'evidence_b64',
    'certificate_chain_pem',
    'nonce_hex',
    'driver_rim_xml_b64',
    'vbios_rim_xml_b64',
    'device_root_pem',
    'rim_root_pem',
    'verification_time_unix',
  );
  const report = input.get('evidence_b64').base64();
  const chain = input.get('certificate_chain_pem').string();
  const nonce = input.optional('nonce_hex')?.hex();
  const deviceRoots = readPem(input, 'device_root_pem');
  const rimRoots = readPem(input, 'rim_root_pem');
  const driver = input.optional('driver_rim_xml_b64')?.base64();
  const vbios = input.optional('vbios_rim_xml_b64')?.base64();
  const now = readTime(input, 'verification_time_unix') ?? context.now;
  const authentic = await rejecting(
    () => authenticateGpu({ report, chain, ...(deviceRoots ? { anchors: deviceRoots } : {}), now }),
    stageCodes,
  );
  const driverRim = await readRim(driver, rimRoots, now);
  const vbiosRim = await readRim(vbios, rimRoots, now);
  const appraisal = appraiseGpu(authentic, {
    ...(nonce ? { nonce } : {}),
    ...(driverRim ? { driverRim } : {}),
    ...(vbiosRim ? { vbiosRim } : {}),
  });
  const outputs = outputsOf(authentic, appraisal);
  requireAcceptable(appraisal, outputs);
  return outputs;
};

async function readRim(
  xml: Uint8Array | undefined,
  roots: readonly Certificate[] | undefined,
  now: Date,
): Promise<AuthenticRim | undefined> {
  if (!xml) return undefined;
  return rejecting(() => authenticateRim({ xml, ...(roots ? { anchors: roots } : {}), now }), stageCodes);
}

/** The nonce first: a report that is not fresh says nothing, whatever it measures. */
function requireAcceptable({ checks }: GpuAppraisal, outputs: Record<string, JsonValue>): void {
  const failures = checks.filter(({ outcome }) => outcome === 'fail');
  const failure = failures.find(({ code }) => code === 'GPU_NONCE_MISMATCH') ?? failures[0];
  if (!failure) return;
  const own = failure.code ?? '';
  const code = Object.hasOwn(stageCodes, own) ? stageCodes[own as NvidiaPolicyCode]! : own;
  throw new Rejection(code, `${failure.rule}: expected ${failure.expected}, found ${failure.found}.`, {
    outputs,
  });
}

function outputsOf(
  report: AuthenticGpuReport,
  { rim, mismatchedIndexes }: GpuAppraisal,
): Record<string, JsonValue> {
  const { chip } = report.architecture;
  return {
    architecture: chip.startsWith('GH') ? 'HOPPER' : chip.startsWith('GB') ? 'BLACKWELL' : chip,
    driver_version: report.opaque.driverVersion ?? null,
    vbios_version: report.opaque.vbiosVersion ?? null,
    nonce_hex: toHex(report.request.nonce),
    measurement_count: report.measurements.length,
    rim,
    mismatched_indexes: mismatchedIndexes,
  };
}
