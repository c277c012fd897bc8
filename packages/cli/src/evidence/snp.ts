/** SEV-SNP reports on the command line. */
import {
  type SnpTrustAnchors,
  type Vek,
  appraiseSnp,
  authenticateSnp,
  decodeTcb,
  parseSnpReport,
  parseVek,
  snpProducts,
  vcekUrl,
  productOfCpu,
} from '@vitrine/evidence';
import { type Certificate, commonName } from '@vitrine/x509';
import { bytesOfKind, certificatesIn } from './files.ts';
import { type EvidenceVerdict, MissingEndorsement, type VerifyInputs } from './verdict.ts';

export async function verifySnp(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const report = parseSnpReport(bytes);
  const certificates = certificatesIn(inputs.files);
  const vek = chooseVek(bytes, certificates);
  const [crl] = bytesOfKind(inputs.files, 'crl');
  const intermediates = certificates.filter((one) =>
    /^SEV-(?!VCEK|VLEK$)/.test(commonName(one.subject) ?? ''),
  );
  const anchors = inputs.anchors && anchorsOf(inputs.anchors);
  const authentic = await authenticateSnp({
    report,
    vek: vek.certificate.der,
    ...(intermediates.length > 0 ? { intermediates: intermediates.map(({ der }) => der) } : {}),
    ...(anchors ? { anchors } : {}),
    ...(crl ? { crl } : {}),
    now: inputs.now,
  });
  const { checks } = appraiseSnp(authentic, {
    ...(inputs.reportData ? { reportData: inputs.reportData } : {}),
    ...(inputs.measurement ? { measurement: inputs.measurement } : {}),
  });
  return {
    what: `AMD SEV-SNP report, version ${report.version}, ${authentic.product}`,
    checks: [...authentic.checks, ...checks],
    isProduction: authentic.isProduction,
  };
}

/** Of several keys the one for this chip and TCB. */
function chooseVek(bytes: Uint8Array, certificates: readonly Certificate[]): Vek {
  const veks = certificates
    .filter(({ subject }) => ['SEV-VCEK', 'SEV-VLEK'].includes(commonName(subject) ?? ''))
    .map(({ der }) => parseVek(der));
  const report = parseSnpReport(bytes);
  const fitting = veks.find(({ hwid, product, tcb }) => {
    const reported = decodeTcb(product, report.reportedTcb);
    const isChip = !hwid || hwid.every((byte, at) => report.chipId[at] === byte);
    return isChip && JSON.stringify(reported) === JSON.stringify(tcb);
  });
  const vek = fitting ?? veks[0];
  if (vek) return vek;
  const product = report.cpu && productOfCpu(report.cpu);
  const where = product
    ? ` AMD's is at ${vcekUrl(product, report.chipId, decodeTcb(product, report.reportedTcb))}`
    : '';
  throw new MissingEndorsement(
    `The certificate of the key that signed the report (VCEK or VLEK) is not among the endorsements.${where}`,
  );
}

function anchorsOf(certificates: readonly Certificate[]): SnpTrustAnchors {
  const anchors: Record<string, { ark: Certificate }> = {};
  for (const ark of certificates) {
    const product = snpProducts.find((one) => commonName(ark.subject) === `ARK-${one}`);
    if (product) anchors[product] = { ark };
  }
  return anchors;
}
