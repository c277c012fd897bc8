/** NVIDIA's hierarchies in software: device root down to provisioners, RIM root down to signers, and their OCSP. */
import type { NvidiaTrustAnchors } from '@vitrine/evidence/nvidia';
import type { Certificate } from '@vitrine/x509';
import {
  type CertificateRequest,
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
  issueOcspResponse,
  signerExtensions,
} from '../authority.ts';

export type GpuArchitecture = 'GH100' | 'GB100' | 'LS10';

/** A certificate with what is needed to sign as its holder. */
export interface Holder {
  readonly name: NameParts;
  readonly key: SigningKey;
  readonly certificate: Certificate;
}

/** The defects that any certificate can have. */
export interface GpuCertificateDefects {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Another key than the issuer's signs. */
  readonly signedBy?: SigningKey;
}

export interface GpuAuthority {
  readonly now: Date;
  /** For `authenticateGpu` and `authenticateRim`: nothing but an explicit choice makes a verifier accept them. */
  readonly anchors: NvidiaTrustAnchors;
  readonly deviceRoot: Holder;
  readonly rimRoot: Holder;
  /** Provisioner ICA, model identity CA, device root: what stands above a device. */
  readonly provisioners: Readonly<Record<GpuArchitecture, readonly Holder[]>>;
  /** Signer, its issuer, their authority, root. */
  readonly rimChain: readonly Holder[];
  /** Another signer of manifests of the same issuer. */
  issueRimSigner(defects: GpuCertificateDefects): Promise<readonly Holder[]>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Of NVIDIA's own certificates. */
export const deviceValidity = {
  notBefore: new Date('2020-10-17T00:00:00Z'),
  notAfter: new Date('9999-12-31T23:59:59Z'),
};

export async function createGpuAuthority({ now }: { readonly now: Date }): Promise<GpuAuthority> {
  const deviceRoot = await issueRoot([
    ['CN', 'NVIDIA Device Identity CA'],
    ['O', 'NVIDIA'],
  ]);
  const rimRoot = await issueRoot([
    ['C', 'US'],
    ['O', 'NVIDIA'],
    ['CN', 'NVIDIA CoRIM signing Root CA'],
  ]);
  const extensions = authorityExtensions();
  const rimCa = await issueHolder(referenceName('NVIDIA Reference Value GH100 CA'), rimRoot, { extensions });
  const rimIssuer = await issueHolder(referenceName('NVIDIA Reference Value L3 GH100 002'), rimCa, {
    extensions,
  });
  const issueRimSigner = async (defects: GpuCertificateDefects): Promise<readonly Holder[]> => {
    const validity = {
      notBefore: wholeSeconds(now.getTime() - DAY_MS),
      notAfter: wholeSeconds(now.getTime() + 730 * DAY_MS),
    };
    const signer = await issueHolder(signerName, rimIssuer, {
      extensions: signerExtensions(),
      ...validity,
      ...certificateFields(defects),
    });
    return [signer, rimIssuer, rimCa, rimRoot];
  };
  return {
    now,
    anchors: { device: [deviceRoot.certificate], rim: [rimRoot.certificate] },
    deviceRoot,
    rimRoot,
    provisioners: {
      GH100: await issueProvisioner('GH100', deviceRoot),
      GB100: await issueProvisioner('GB100', deviceRoot),
      LS10: await issueProvisioner('LS10', deviceRoot),
    },
    rimChain: await issueRimSigner({}),
    issueRimSigner,
  };
}

async function issueProvisioner(chip: GpuArchitecture, root: Holder): Promise<readonly Holder[]> {
  const extensions = authorityExtensions();
  const identity = await issueHolder(
    [
      // A switch's provisioner too stands under the GH100 identity.
      ['CN', `NVIDIA ${chip === 'LS10' ? 'GH100' : chip} Identity`],
      ['O', 'NVIDIA Corporation'],
    ],
    root,
    { extensions },
  );
  const provisioner = await issueHolder(
    [
      ['CN', `NVIDIA ${chip === 'LS10' ? 'LS_10' : chip} Provisioner ICA 1`],
      ['O', 'NVIDIA Corporation'],
      ['C', 'US'],
    ],
    identity,
    { extensions },
  );
  return [provisioner, identity, root];
}

const signerName: NameParts = [
  ['C', 'US'],
  ['ST', 'CA'],
  ['L', 'Santa Clara'],
  ['O', 'NVIDIA Corporation'],
  ['CN', 'HCC RIM L4 Signer'],
];

function referenceName(commonName: string): NameParts {
  return [
    ['CN', commonName],
    ['O', 'NVIDIA Corporation'],
    ['C', 'US'],
  ];
}

async function issueRoot(name: NameParts): Promise<Holder> {
  const key = await generateKey('P-384');
  const certificate = await issueCertificate({
    subject: name,
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: name,
    issuerKey: key,
    serialNumber: randomSerial(),
    extensions: authorityExtensions(),
    ...deviceValidity,
  });
  return { name, key, certificate };
}

export async function issueHolder(
  name: NameParts,
  issuer: Holder,
  fields: Partial<CertificateRequest>,
  key?: SigningKey,
): Promise<Holder> {
  const own = key ?? (await generateKey('P-384'));
  const certificate = await issueCertificate({
    subject: name,
    subjectPublicKeyInfo: own.subjectPublicKeyInfo,
    issuer: issuer.name,
    issuerKey: issuer.key,
    serialNumber: randomSerial(),
    ...deviceValidity,
    ...fields,
  });
  return { name, key: own, certificate };
}

export function certificateFields({
  notBefore,
  notAfter,
  signedBy,
}: GpuCertificateDefects): Partial<CertificateRequest> {
  return {
    ...(notBefore && { notBefore }),
    ...(notAfter && { notAfter }),
    ...(signedBy && { issuerKey: signedBy }),
  };
}

export interface GpuOcspRequest {
  readonly now: Date;
  /** Default good; "hold" is revoked for the reason certificateHold (6). */
  readonly status?: 'good' | 'revoked' | 'hold' | 'unknown';
  /** A day ago and a day hence without. */
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  /** Another key than the issuer's signs. */
  readonly signedBy?: SigningKey;
}

const CERTIFICATE_HOLD = 6;
const KEY_COMPROMISE = 1;

/** DER of the answer for one certificate of a chain, by its issuer. @param at from 0, the leaf */
export async function issueGpuOcsp(
  chain: readonly Holder[],
  at: number,
  request: GpuOcspRequest,
): Promise<Uint8Array> {
  const { now, status = 'good', signedBy } = request;
  const issuer = chain[at + 1]!;
  const thisUpdate = request.thisUpdate ?? wholeSeconds(now.getTime() - DAY_MS);
  const reason = status === 'hold' ? CERTIFICATE_HOLD : KEY_COMPROMISE;
  return issueOcspResponse({
    certificate: chain[at]!.certificate,
    issuer: issuer.certificate,
    responderName: issuer.name,
    responderKey: signedBy ?? issuer.key,
    status: status === 'good' || status === 'unknown' ? status : { revokedAt: thisUpdate, reason },
    thisUpdate,
    nextUpdate: request.nextUpdate ?? wholeSeconds(now.getTime() + DAY_MS),
  });
}

/** Twenty bytes at most, positive (RFC 5280 section 4.1.2.2). */
function randomSerial(): bigint {
  const [high, low] = crypto.getRandomValues(new BigUint64Array(2));
  return ((high! >> 1n) << 64n) | low! | 1n;
}

function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
