/** `vitrine evidence show`: any file of evidence or endorsements in words. */
import { type JsonValue, decodeUtf8, parseJson, toHex } from '@vitrine/bytes';
import {
  type Description,
  type EvidenceKind,
  describeEat,
  describeGpuReport,
  describeQeIdentity,
  describeRim,
  describeSnpReport,
  describeTcbInfo,
  describeTdxCollateral,
  describeTdxEventLog,
  describeTdxQuote,
  describeVek,
  parseCcel,
  parseCertificateTable,
  parseEat,
  parseGpuEvidenceJson,
  parseGpuReport,
  parseHclReport,
  parseQeIdentity,
  parseRim,
  parseSnpReport,
  parseTcbInfo,
  parseTdxCollateral,
  parseTdxCollateralJson,
  parseTdxQuote,
  parseVek,
} from '@vitrine/evidence';
import {
  type Certificate,
  basicConstraints,
  commonName,
  describeAlgorithm,
  describeKey,
  formatName,
  parseCertificate,
  parseCrl,
  parseOcspResponse,
  parsePemCertificates,
} from '@vitrine/x509';

type Describe = (bytes: Uint8Array, path: string) => Description;

/** By kind; a kind that is missing has no words yet. */
export const descriptions: Partial<Readonly<Record<EvidenceKind, Describe>>> = {
  'snp-report': (bytes) => describeSnpReport(parseSnpReport(bytes)),
  'azure-hcl-report': (bytes, path) => {
    const { version, report, runtimeData } = parseHclReport(bytes);
    return {
      header_version: version,
      report: describeSnpReport(parseSnpReport(report)),
      runtime_data: describeJson(runtimeData, path),
    };
  },
  'snp-certificate-table': (bytes) =>
    numbered(
      parseCertificateTable(bytes).map(({ guid, bytes: data }) => ({
        guid,
        size_bytes: data.length,
        data: toHex(data.subarray(0, 32)),
      })),
    ),
  certificate: (bytes, path) => describeCertificate(parseCertificate(bytes, path)),
  certificates: (bytes, path) =>
    numbered(parsePemCertificates(decodeUtf8(bytes, path), path).map(describeCertificate)),
  crl: (bytes, path) => describeCrl(bytes, path),
  'ocsp-response': (bytes, path) => describeOcsp(bytes, path),
  'tdx-quote': (bytes) => asDescription(describeTdxQuote(parseTdxQuote(bytes))),
  'tdx-event-log': (bytes) => asDescription(describeTdxEventLog(parseCcel(bytes))),
  'intel-tcb-info': (bytes) => asDescription(describeTcbInfo(parseTcbInfo(bytes))),
  'intel-qe-identity': (bytes) => asDescription(describeQeIdentity(parseQeIdentity(bytes))),
  'tdx-collateral': (bytes) =>
    asDescription(describeTdxCollateral(parseTdxCollateral(parseTdxCollateralJson(bytes)))),
  'nvidia-report': (bytes) => describeGpuReport(parseGpuReport(bytes)),
  'nvidia-evidence': (bytes) =>
    numbered(parseGpuEvidenceJson(bytes).map(({ report }) => describeGpuReport(parseGpuReport(report)))),
  'nvidia-rim': (bytes) => describeRim(parseRim(bytes)),
  'nvidia-token': (bytes) => describeEat(parseEat(bytes)),
};

function describeCertificate(certificate: Certificate): Description {
  const name = commonName(certificate.subject);
  const constraints = basicConstraints(certificate.extensions);
  return {
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serial_number: certificate.serialNumber,
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    public_key: describeKey(certificate.publicKey),
    signature_algorithm: describeAlgorithm(certificate.signatureAlgorithm),
    is_ca: constraints?.isCa ?? false,
    ...(name === 'SEV-VCEK' || name === 'SEV-VLEK' ? { vek: describeVek(parseVek(certificate.der)) } : {}),
    extensions: Object.fromEntries(
      [...certificate.extensions].map(([oid, { critical, value }]) => [
        oid,
        `${critical ? 'critical ' : ''}${toHex(value.subarray(0, 64))}${value.length > 64 ? ' ...' : ''}`,
      ]),
    ),
  };
}

function describeCrl(bytes: Uint8Array, path: string): Description {
  const crl = parseCrl(bytes, path);
  return {
    issuer: formatName(crl.issuer),
    this_update: crl.thisUpdate.toISOString(),
    next_update: crl.nextUpdate?.toISOString() ?? null,
    signature_algorithm: describeAlgorithm(crl.signatureAlgorithm),
    revoked_count: crl.revoked.size,
    revoked: Object.fromEntries([...crl.revoked].map(([serial, at]) => [serial, at.toISOString()])),
  };
}

function describeOcsp(bytes: Uint8Array, path: string): Description {
  const response = parseOcspResponse(bytes, path);
  return {
    produced_at: response.producedAt.toISOString(),
    nonce: response.nonce ? toHex(response.nonce) : null,
    responses: numbered(
      response.responses.map(({ serialNumber, status, thisUpdate, nextUpdate }) => ({
        serial_number: serialNumber,
        status: status.kind,
        this_update: thisUpdate.toISOString(),
        next_update: nextUpdate?.toISOString() ?? null,
      })),
    ),
  };
}

/** Lists as members by number. */
function asDescription(value: JsonValue): Description {
  const described = (one: JsonValue): Description[string] => {
    if (Array.isArray(one))
      return Object.fromEntries(one.map((item, at) => [String(at), described(item as JsonValue)]));
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([name, item]) => [name, described(item)]));
  };
  return described(value) as Description;
}

/** What is JSON already: strictly parsed, shown as it is. */
function describeJson(bytes: Uint8Array, path: string): Description {
  return asDescription(parseJson(bytes, path).value());
}

export function numbered(items: readonly Description[]): Description {
  return Object.fromEntries(items.map((item, index) => [String(index), item]));
}
