/** A GPU or switch in software: GSP BROM and leaf certificates with the firmware's identity (TCG DICE). */
import { contextTag, primitiveContextTag, toHex, utf8 } from '@vitrine/bytes';
import { derElement, derInteger, derOctetString, derOid, derSequence } from '@vitrine/bytes/der-writer';
import {
  type ExtensionRequest,
  type NameParts,
  authorityExtensions,
  signerExtensions,
} from '../authority.ts';
import {
  type GpuArchitecture,
  type GpuAuthority,
  type GpuCertificateDefects,
  type Holder,
  certificateFields,
  issueHolder,
} from './authority.ts';

export interface GpuDeviceRequest {
  /** Default GH100. */
  readonly architecture?: GpuArchitecture;
  /** 48 bytes; random without. */
  readonly fwid?: Uint8Array;
  /** No firmware identity in the leaf. */
  readonly withoutFwid?: boolean;
  /** Default: the one that the device's own leaf would have. */
  readonly fwidOid?: string;
  readonly leafDefects?: GpuCertificateDefects;
  readonly bromDefects?: GpuCertificateDefects;
}

export interface GpuDevice {
  readonly architecture: GpuArchitecture;
  /** In the leaf's certificate. */
  readonly fwid: Uint8Array | undefined;
  /** Leaf, BROM, provisioner, identity, root. */
  readonly holders: readonly Holder[];
  /** DERs of the same: what `authenticateGpu` takes. */
  readonly chain: readonly Uint8Array[];
}

const SHA384 = '2.16.840.1.101.3.4.2.2';
const TCB_INFO = '2.23.133.5.4.1';

const names: Readonly<Record<GpuArchitecture, readonly [leaf: string, brom: string]>> = {
  GH100: ['GH100 A01 GSP FMC LF', 'GH100 A01 GSP BROM'],
  GB100: ['GB100 A01 GSP FMC LF', 'GB100 A01 GSP BROM'],
  LS10: ['LS_10 A01 FSP FMC LF', 'LS_10 A01 FSP BROM'],
};

export async function createGpuDevice(
  authority: GpuAuthority,
  request: GpuDeviceRequest = {},
): Promise<GpuDevice> {
  const { architecture = 'GH100', leafDefects = {}, bromDefects = {} } = request;
  const [leafName, bromName] = names[architecture];
  const above = authority.provisioners[architecture];
  const fwid = request.withoutFwid ? undefined : (request.fwid ?? crypto.getRandomValues(new Uint8Array(48)));
  const brom = await issueHolder(deviceName(bromName), above[0]!, {
    extensions: authorityExtensions(),
    ...certificateFields(bromDefects),
  });
  const leaf = await issueHolder(deviceName(leafName), brom, {
    extensions: [...signerExtensions(), ...fwidExtensions(request, fwid, brom)],
    ...certificateFields(leafDefects),
  });
  const holders = [leaf, brom, ...above];
  return { architecture, fwid, holders, chain: holders.map(({ certificate }) => certificate.der) };
}

function deviceName(commonName: string): NameParts {
  const serialNumber = toHex(crypto.getRandomValues(new Uint8Array(9))).toUpperCase();
  return [
    ['serialNumber', serialNumber],
    ['C', 'US'],
    ['O', 'NVIDIA Corporation'],
    ['CN', commonName],
  ];
}

/** Of Hopper and LS10 a composite identity that ends in the digest; of Blackwell DiceTcbInfo. */
function fwidExtensions(
  { architecture = 'GH100', fwidOid = TCB_INFO }: GpuDeviceRequest,
  fwid: Uint8Array | undefined,
  brom: Holder,
): ExtensionRequest[] {
  if (!fwid) return [];
  const digest = [derOid(SHA384), derOctetString(fwid)];
  const value =
    architecture === 'GB100'
      ? tcbInfo(derSequence(...digest))
      : derSequence(derInteger(1), brom.key.subjectPublicKeyInfo, derSequence(...digest));
  return [{ oid: fwidOid, value }];
}

/** DiceTcbInfo: vendor [0], model [1], svn [3], fwids [6] (TCG DICE Attestation Architecture section 6.1.1). */
function tcbInfo(fwid: Uint8Array): Uint8Array {
  return derSequence(
    derElement(primitiveContextTag(0), utf8('NVIDIA')),
    derElement(primitiveContextTag(1), utf8('GB100')),
    derElement(primitiveContextTag(3), Uint8Array.of(1)),
    derElement(contextTag(6), fwid),
  );
}
