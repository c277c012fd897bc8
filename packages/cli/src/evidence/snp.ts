/** SEV-SNP reports on the command line. */
import {
  type AuthenticSnpReport,
  type Check,
  type SnpEvidence,
  type SnpTrustAnchors,
  type Vek,
  appraiseSnp,
  authenticateAzureReport,
  authenticateSnp,
  decodeTcb,
  notChecked,
  parseHclReport,
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
  const authentic = await authenticateSnp({ report: bytes, ...endorsementsFor(bytes, inputs) });
  return {
    what: describeReport(authentic),
    checks: [...authentic.checks, ...appraise(authentic, inputs)],
    isProduction: authentic.isProduction,
  };
}

/** The report within, and that it names the runtime data. The vTPM's quote, which makes it fresh, is not part of the file. */
export async function verifyAzure(bytes: Uint8Array, inputs: VerifyInputs): Promise<EvidenceVerdict> {
  const { report } = parseHclReport(bytes);
  const { snp, checks } = await authenticateAzureReport({
    hclReport: bytes,
    ...endorsementsFor(report, inputs),
  });
  const freshness = notChecked(
    {
      rule: 'azure.freshness',
      expected: 'a vTPM quote over the nonce, by the key in the runtime data',
      source: 'Azure guest attestation documents',
    },
    'a quote is not part of the report',
  );
  return {
    what: `Azure HCL report: ${describeReport(snp)}`,
    checks: [...checks, freshness, ...appraise(snp, inputs)],
    isProduction: snp.isProduction,
  };
}

function describeReport({ report, product }: AuthenticSnpReport): string {
  return `AMD SEV-SNP report, version ${report.version}, ${product}`;
}

function endorsementsFor(report: Uint8Array, inputs: VerifyInputs): Omit<SnpEvidence, 'report'> {
  const certificates = certificatesIn(inputs.files);
  const [crl] = bytesOfKind(inputs.files, 'crl');
  const intermediates = certificates.filter(({ subject }) =>
    /^SEV-(?!VCEK$|VLEK$)/.test(commonName(subject) ?? ''),
  );
  const anchors = inputs.anchors && anchorsOf(inputs.anchors);
  return {
    vek: chooseVek(report, certificates).certificate.der,
    ...(intermediates.length > 0 ? { intermediates: intermediates.map(({ der }) => der) } : {}),
    ...(anchors ? { anchors } : {}),
    ...(crl ? { crl } : {}),
    now: inputs.now,
  };
}

function appraise(
  authentic: AuthenticSnpReport,
  { reportData, measurement }: VerifyInputs,
): readonly Check[] {
  return appraiseSnp(authentic, {
    ...(reportData ? { reportData } : {}),
    ...(measurement ? { measurement } : {}),
  }).checks;
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
