/** Reports, manifests and the attestation service's tokens as plain values, for people and JSON. Nothing here is verified. */
import { toHex } from '@vitrine/bytes';
import { formatName } from '@vitrine/x509';
import type { Description } from '../snp/describe.ts';
import type { Eat, EatToken } from './eat.ts';
import type { GpuReport } from './report.ts';
import type { Rim } from './rim.ts';

export function describeGpuReport(report: GpuReport): Description {
  const { request, response, opaque, measurements } = report;
  return {
    nonce: toHex(request.nonce),
    slot: request.slotId,
    responderNonce: toHex(response.nonce),
    driverVersion: opaque.driverVersion ?? 'not stated',
    vbiosVersion: opaque.vbiosVersion ?? 'not stated',
    project: opaque.project ?? 'not stated',
    projectSku: opaque.projectSku ?? 'not stated',
    chipSku: opaque.chipSku ?? 'not stated',
    fwid: opaque.fwid ? toHex(opaque.fwid) : 'not stated',
    nvdec0: opaque.nvdec0 ?? 'not stated',
    protectedPcie: opaque.protectedPcie ?? 'not stated',
    featureFlag: opaque.featureFlag ?? 'not stated',
    opaqueTypes: [...opaque.fields.keys()].join(', '),
    measurements: Object.fromEntries(measurements.map(({ index, value }) => [String(index), toHex(value)])),
    signature: toHex(report.signature),
  };
}

export function describeRim(rim: Rim): Description {
  const active = rim.measurements.filter((measurement) => measurement.active);
  return {
    kind: rim.kind,
    product: rim.product,
    version: rim.version,
    tagId: rim.tagId,
    signer: rim.signature.certificates.map(({ subject }) => formatName(subject)).join(' < '),
    activeMeasurements: Object.fromEntries(
      active.map(({ index, values }) => [String(index), values.map(toHex).join(' or ')]),
    ),
  };
}

export function describeEat({ overall, devices, overallResult }: Eat): Description {
  return {
    overallResult: String(overallResult),
    overall: describeToken(overall),
    devices: Object.fromEntries([...devices].map(([name, token]) => [name, describeToken(token)])),
  };
}

function describeToken({
  jwt,
  issuer,
  nonce,
  issuedAt,
  notBefore,
  expiresAt,
  claims,
}: EatToken): Description {
  return {
    algorithm: jwt.algorithm,
    keyId: jwt.keyId ?? 'not stated',
    issuer,
    nonce: toHex(nonce),
    issuedAt: issuedAt.toISOString(),
    notBefore: notBefore.toISOString(),
    expiresAt: expiresAt.toISOString(),
    claims: Object.fromEntries(
      Object.entries(claims).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    ),
  };
}
