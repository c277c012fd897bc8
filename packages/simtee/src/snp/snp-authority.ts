/** A secure processor of AMD's in software: its own ARK, ASK and ASVK, endorsement keys, reports, revocation lists. */
import type { SnpProduct, SnpTcb, SnpTrustAnchors } from '@vitrine/evidence/snp';
import type { Certificate } from '@vitrine/x509';
import {
  type ExtensionRequest,
  type SigningKey,
  generateKey,
  issueCertificate,
  issueCrl,
} from '../authority.ts';
import {
  amdName,
  arkExtensions,
  authoritySerials,
  intermediateExtensions,
  vekExtensions,
} from './certificates.ts';
import { type SnpReportRequest, signSnpReport } from './report.ts';

export interface SnpAuthorityRequest {
  readonly product: SnpProduct;
  /** Certificates are valid from a day before. */
  readonly now: Date;
  /** Keys of ARK, ASK and ASVK, where they were made before. */
  readonly keys?: SnpAuthorityKeys;
}

export interface SnpAuthorityKeys {
  readonly ark: SigningKey;
  readonly ask: SigningKey;
  readonly asvk: SigningKey;
}

/** The defects that any certificate can have. */
export interface CertificateDefects {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Another key than the issuer's signs. */
  readonly signedBy?: SigningKey;
  /** Extensions that take the place of those of the same identifier; with an undefined value, none does. */
  readonly replaceExtensions?: readonly { readonly oid: string; readonly value: Uint8Array | undefined }[];
  readonly issuerCommonName?: string;
  readonly subjectCommonName?: string;
}

export interface VcekRequest extends CertificateDefects {
  /** HWID: 64 bytes, on Turin 8. */
  readonly chipId: Uint8Array;
  readonly tcb: SnpTcb;
  readonly productName?: string;
  /** Default: a new one. */
  readonly key?: SigningKey;
}

export interface VlekRequest extends CertificateDefects {
  readonly cspId: string;
  readonly tcb: SnpTcb;
  readonly productName?: string;
  readonly key?: SigningKey;
}

export interface IssuedVek {
  readonly certificate: Certificate;
  readonly key: SigningKey;
}

export interface SnpCrlRequest {
  /** Serial numbers of certificates that the ARK issued. */
  readonly revoked?: readonly number[];
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  readonly signedBy?: SigningKey;
}

export interface SnpAuthority {
  readonly product: SnpProduct;
  readonly keys: SnpAuthorityKeys;
  readonly ark: Certificate;
  readonly ask: Certificate;
  readonly asvk: Certificate;
  /** For `authenticateSnp`: nothing but an explicit choice makes a verifier accept it. */
  readonly anchors: SnpTrustAnchors;
  /** Another ASK of the same key: out of date, or signed by another. */
  issueAsk(defects: CertificateDefects): Promise<Certificate>;
  issueVcek(request: VcekRequest): Promise<IssuedVek>;
  issueVlek(request: VlekRequest): Promise<IssuedVek>;
  /** 1184 bytes. */
  issueReport(request: SnpReportRequest, key: SigningKey): Promise<Uint8Array>;
  /** DER, signed by the ARK. */
  issueCrl(request?: SnpCrlRequest): Promise<Uint8Array>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const YEAR_MS = 365 * DAY_MS;

export async function createSnpAuthority({ product, now, keys }: SnpAuthorityRequest): Promise<SnpAuthority> {
  const { ark: arkKey, ask: askKey, asvk: asvkKey } = keys ?? (await generateSnpAuthorityKeys());
  const serials = authoritySerials[product];
  const arkName = amdName(`ARK-${product}`);
  const validity = (years: number): { notBefore: Date; notAfter: Date } => ({
    notBefore: wholeSeconds(now.getTime() - DAY_MS),
    notAfter: wholeSeconds(now.getTime() + years * YEAR_MS),
  });

  const issueIntermediate = async (
    kind: 'vcek' | 'vlek',
    defects: CertificateDefects,
  ): Promise<Certificate> => {
    const key = kind === 'vcek' ? askKey : asvkKey;
    const extensions = await intermediateExtensions(product, kind, key, arkKey);
    return issue(defects, {
      subject: kind === 'vcek' ? `SEV-${product}` : `SEV-VLEK-${product}`,
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: `ARK-${product}`,
      issuerKey: arkKey,
      serialNumber: kind === 'vcek' ? serials.ask : serials.asvk,
      extensions,
      ...validity(25),
    });
  };

  const ark = await issueCertificate({
    subject: arkName,
    subjectPublicKeyInfo: arkKey.subjectPublicKeyInfo,
    issuer: arkName,
    issuerKey: arkKey,
    serialNumber: serials.ark,
    extensions: await arkExtensions(product, arkKey),
    ...validity(25),
  });
  const ask = await issueIntermediate('vcek', {});
  const asvk = await issueIntermediate('vlek', {});

  return {
    product,
    keys: { ark: arkKey, ask: askKey, asvk: asvkKey },
    ark,
    ask,
    asvk,
    anchors: { [product]: { ark, ask, asvk } },
    issueAsk: (defects) => issueIntermediate('vcek', defects),
    issueVcek: async ({ key: given, chipId, tcb, productName, ...defects }) => {
      const key = given ?? (await generateKey('P-384'));
      const certificate = await issue(defects, {
        subject: 'SEV-VCEK',
        subjectPublicKeyInfo: key.subjectPublicKeyInfo,
        issuer: `SEV-${product}`,
        issuerKey: askKey,
        serialNumber: 0,
        extensions: vekExtensions({
          product,
          tcb,
          hwid: chipId,
          ...(productName === undefined ? {} : { productName }),
        }),
        ...validity(7),
      });
      return { certificate, key };
    },
    issueVlek: async ({ key: given, cspId, tcb, productName, ...defects }) => {
      const key = given ?? (await generateKey('P-384'));
      const certificate = await issue(defects, {
        subject: 'SEV-VLEK',
        subjectPublicKeyInfo: key.subjectPublicKeyInfo,
        issuer: `SEV-VLEK-${product}`,
        issuerKey: asvkKey,
        serialNumber: 0,
        extensions: vekExtensions({
          product,
          tcb,
          cspId,
          ...(productName === undefined ? {} : { productName }),
        }),
        ...validity(1),
      });
      return { certificate, key };
    },
    issueReport: (request, key) => signSnpReport(product, request, key),
    issueCrl: ({ revoked = [], thisUpdate, nextUpdate, signedBy = arkKey } = {}) =>
      issueCrl({
        issuer: arkName,
        issuerKey: signedBy,
        thisUpdate: thisUpdate ?? wholeSeconds(now.getTime() - DAY_MS),
        nextUpdate: nextUpdate ?? wholeSeconds(now.getTime() + YEAR_MS),
        revoked: revoked.map((serialNumber) => ({ serialNumber, at: wholeSeconds(now.getTime() - DAY_MS) })),
      }),
  };
}

/** RSA 4096 as AMD's: seconds of work, so one set serves a whole run. */
export async function generateSnpAuthorityKeys(): Promise<SnpAuthorityKeys> {
  const [ark, ask, asvk] = await Promise.all([
    generateKey('RSA-PSS-4096'),
    generateKey('RSA-PSS-4096'),
    generateKey('RSA-PSS-4096'),
  ]);
  return { ark, ask, asvk };
}

interface Issued {
  readonly subject: string;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly issuer: string;
  readonly issuerKey: SigningKey;
  readonly serialNumber: number;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly ExtensionRequest[];
}

function issue(defects: CertificateDefects, issued: Issued): Promise<Certificate> {
  const replacements = defects.replaceExtensions ?? [];
  const kept = issued.extensions.filter(({ oid }) => !replacements.some((other) => other.oid === oid));
  const added = replacements.flatMap(({ oid, value }) => (value ? [{ oid, value }] : []));
  return issueCertificate({
    subject: amdName(defects.subjectCommonName ?? issued.subject),
    subjectPublicKeyInfo: issued.subjectPublicKeyInfo,
    issuer: amdName(defects.issuerCommonName ?? issued.issuer),
    issuerKey: defects.signedBy ?? issued.issuerKey,
    serialNumber: issued.serialNumber,
    notBefore: defects.notBefore ?? issued.notBefore,
    notAfter: defects.notAfter ?? issued.notAfter,
    extensions: [...kept, ...added],
  });
}

function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
