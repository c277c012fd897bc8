/** Intel's hierarchy in software: root, Platform CA, TCB signing certificate, and platforms with a PCK certificate. */
import { concatBytes, derTag } from '@vitrine/bytes';
import { derElement, derInteger, derOctetString, derOid, derSequence } from '@vitrine/bytes/der-writer';
import { sgxExtensionOid } from '@vitrine/evidence/tdx';
import { type Certificate, formatPemCertificates } from '@vitrine/x509';
import {
  type NameParts,
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
  signerExtensions,
} from '../authority.ts';

/** A certificate with its key. */
export interface TdxIdentity {
  readonly certificate: Certificate;
  readonly key: SigningKey;
  readonly name: NameParts;
}

export interface TdxAuthority {
  readonly root: TdxIdentity;
  readonly platformCa: TdxIdentity;
  readonly tcbSigning: TdxIdentity;
  /** What all of them, and PCK certificates, are valid for. */
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface TdxAuthorityRequest {
  /** Default 2024-01-01. */
  readonly notBefore?: Date;
  /** Default 2034-01-01. */
  readonly notAfter?: Date;
}

/** A machine: its PCK and the attestation key of its quoting enclave. */
export interface TdxPlatform {
  readonly pck: TdxIdentity;
  readonly attestationKey: SigningKey;
  /** PEM: leaf, Platform CA, root. */
  readonly chainPem: string;
  readonly fmspc: Uint8Array;
  readonly pceId: Uint8Array;
}

export interface TdxPlatformRequest {
  /** 6 bytes. */
  readonly fmspc?: Uint8Array;
  /** 2 bytes. */
  readonly pceId?: Uint8Array;
  /** 16; default all 5. */
  readonly componentSvns?: readonly number[];
  /** Default 13. */
  readonly pceSvn?: number;
  readonly serialNumber?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Without the SGX extension. */
  readonly withoutSgxExtension?: boolean;
}

export const simulatedSerialNumbers = { root: 0x51, platformCa: 0x52, tcbSigning: 0x53, pck: 0x54 } as const;

function intelName(commonName: string): NameParts {
  return [
    ['CN', commonName],
    ['O', 'Intel Corporation'],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['C', 'US'],
  ];
}

export async function createTdxAuthority(request: TdxAuthorityRequest = {}): Promise<TdxAuthority> {
  const { notBefore = new Date('2024-01-01T00:00:00Z'), notAfter = new Date('2034-01-01T00:00:00Z') } =
    request;
  const [rootKey, platformKey, signingKey] = await Promise.all([
    generateKey('P-256'),
    generateKey('P-256'),
    generateKey('P-256'),
  ]);
  const rootName = intelName('Intel SGX Root CA');
  const issue = async (
    commonName: string,
    key: SigningKey,
    serialNumber: number,
    extensions: ReturnType<typeof signerExtensions>,
  ): Promise<TdxIdentity> => ({
    key,
    name: intelName(commonName),
    certificate: await issueCertificate({
      subject: intelName(commonName),
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      issuer: rootName,
      issuerKey: rootKey,
      serialNumber,
      notBefore,
      notAfter,
      extensions,
    }),
  });
  return {
    root: await issue('Intel SGX Root CA', rootKey, simulatedSerialNumbers.root, authorityExtensions(1)),
    platformCa: await issue(
      'Intel SGX PCK Platform CA',
      platformKey,
      simulatedSerialNumbers.platformCa,
      authorityExtensions(0),
    ),
    tcbSigning: await issue(
      'Intel SGX TCB Signing',
      signingKey,
      simulatedSerialNumbers.tcbSigning,
      signerExtensions(),
    ),
    notBefore,
    notAfter,
  };
}

export async function createTdxPlatform(
  authority: TdxAuthority,
  request: TdxPlatformRequest = {},
): Promise<TdxPlatform> {
  const { fmspc = Uint8Array.of(0x50, 0x80, 0x6f, 0, 0, 0), pceId = new Uint8Array(2) } = request;
  const { platformCa, root } = authority;
  const [key, attestationKey] = await Promise.all([generateKey('P-256'), generateKey('P-256')]);
  const name = intelName('Intel SGX PCK Certificate');
  const sgxExtension = { oid: sgxExtensionOid, value: encodeSgxExtension(request, fmspc, pceId) };
  const certificate = await issueCertificate({
    subject: name,
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    issuer: platformCa.name,
    issuerKey: platformCa.key,
    serialNumber: request.serialNumber ?? simulatedSerialNumbers.pck,
    notBefore: request.notBefore ?? authority.notBefore,
    notAfter: request.notAfter ?? authority.notAfter,
    extensions: [...signerExtensions(), ...(request.withoutSgxExtension ? [] : [sgxExtension])],
  });
  return {
    pck: { certificate, key, name },
    attestationKey,
    chainPem: formatPemCertificates([certificate, platformCa.certificate, root.certificate]),
    fmspc,
    pceId,
  };
}

function encodeSgxExtension(request: TdxPlatformRequest, fmspc: Uint8Array, pceId: Uint8Array): Uint8Array {
  const { componentSvns = new Array<number>(16).fill(5), pceSvn = 13 } = request;
  const member = (path: string, value: Uint8Array): Uint8Array =>
    derSequence(derOid(`${sgxExtensionOid}.${path}`), value);
  const cpuSvn = Uint8Array.from(componentSvns);
  return derSequence(
    member('1', derOctetString(new Uint8Array(16).fill(0x5a))),
    member(
      '2',
      derSequence(
        ...componentSvns.map((svn, index) => member(`2.${index + 1}`, derInteger(svn))),
        member('2.17', derInteger(pceSvn)),
        member('2.18', derOctetString(cpuSvn)),
      ),
    ),
    member('3', derOctetString(pceId)),
    member('4', derOctetString(fmspc)),
    member('5', derElement(derTag.enumerated, Uint8Array.of(1))),
    member('6', derOctetString(concatBytes(fmspc, new Uint8Array(10)))),
  );
}
