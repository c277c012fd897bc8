/** A device's certificates: leaf, GSP BROM, Provisioner ICA, model identity, NVIDIA's device root. */
import { derTag, parseDer } from '@vitrine/bytes';
import {
  type Certificate,
  X509Error,
  commonName,
  formatName,
  parseCertificate,
  parsePemCertificates,
  verifyChain,
} from '@vitrine/x509';
import { refuseAs, refuseAsync } from '../error.ts';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';

export const deviceChainLength = 5;
const TCB_INFO = '2.23.133.5.4.1';
const TCB_INFO_HOPPER = '2.23.133.5.4.1.1';
const FWID_BYTES = 48;

/** PEM text, or DERs, the leaf first. @throws EvidenceError GPU_CHAIN_INVALID */
export function parseDeviceChain(chain: string | readonly Uint8Array[]): Certificate[] {
  const certificates = refuseAs<NvidiaErrorCode, Certificate[]>('GPU_CHAIN_INVALID', () =>
    typeof chain === 'string'
      ? parsePemCertificates(chain, 'device chain')
      : chain.map((der) => parseCertificate(der, 'device certificate')),
  );
  if (certificates.length < 2)
    throw nvidiaError('GPU_CHAIN_INVALID', 'Device chain: there is no leaf under the root.');
  return certificates;
}

/** @throws EvidenceError GPU_CHAIN_INVALID, GPU_ROOT_UNTRUSTED */
export async function verifyDeviceChain(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  now: Date,
): Promise<void> {
  if (chain.length !== deviceChainLength)
    throw nvidiaError(
      'GPU_CHAIN_INVALID',
      `Device chain: expected ${deviceChainLength} certificates, found ${chain.length}.`,
    );
  await refuseAsync(chainCode, () =>
    verifyChain(chain, {
      anchors,
      now,
      what: 'device chain',
      knownExtensions: [TCB_INFO, TCB_INFO_HOPPER],
    }),
  );
}

function chainCode(cause: Error): NvidiaErrorCode {
  const isRoot = cause instanceof X509Error && cause.code === 'ROOT_UNTRUSTED';
  return isRoot ? 'GPU_ROOT_UNTRUSTED' : 'GPU_CHAIN_INVALID';
}

export interface DeviceArchitecture {
  /** "GH100", "GB100", "LS10": as a RIM names its product. */
  readonly chip: string;
  readonly kind: 'gpu' | 'switch';
}

/** From the leaf's name: "GH100 A01 GSP FMC LF", "LS_10 A01 FSP FMC LF". @throws EvidenceError GPU_CHAIN_INVALID */
export function architectureOf(leaf: Certificate): DeviceArchitecture {
  const match = /^(G[HB][0-9]{3}|LS_?[0-9]{2}) /.exec(commonName(leaf.subject) ?? '');
  if (!match)
    throw nvidiaError(
      'GPU_CHAIN_INVALID',
      `Device chain: ${formatName(leaf.subject)} names no architecture that is known.`,
    );
  const chip = match[1]!.replace('_', '');
  return { chip, kind: chip.startsWith('LS') ? 'switch' : 'gpu' };
}

/** The leaf's firmware identity, 48 bytes, or undefined. @throws EvidenceError GPU_CHAIN_INVALID */
export function leafFwid(leaf: Certificate): Uint8Array | undefined {
  const hopper = leaf.extensions.get(TCB_INFO_HOPPER)?.value;
  const tcbInfo = leaf.extensions.get(TCB_INFO)?.value;
  if (hopper && tcbInfo)
    throw nvidiaError('GPU_CHAIN_INVALID', 'Device chain: the leaf has two firmware identities.');
  const value = hopper ?? tcbInfo;
  if (!value) return undefined;
  const isStructured = refuseAs<NvidiaErrorCode, Uint8Array | undefined>('GPU_CHAIN_INVALID', () =>
    fwidOfTcbInfo(value),
  );
  const fwid = isStructured ?? value.subarray(-FWID_BYTES);
  if (fwid.length !== FWID_BYTES)
    throw nvidiaError('GPU_CHAIN_INVALID', 'Device chain: the firmware identity is no SHA-384.');
  return fwid;
}

/** DiceTcbInfo.fwids [6], the first digest (TCG DICE Attestation Architecture section 6.1.1). */
function fwidOfTcbInfo(value: Uint8Array): Uint8Array | undefined {
  if (value[0] !== derTag.sequence) return undefined;
  const fwids = parseDer(value, 'TcbInfo')
    .children(derTag.sequence)
    .find(({ tag }) => tag === FWIDS_TAG);
  if (!fwids) return undefined;
  const [first] = fwids.children(FWIDS_TAG);
  const [, fwidDigest] = first?.children(derTag.sequence) ?? [];
  return fwidDigest?.octetString();
}

/** IMPLICIT [6] of a SEQUENCE OF. */
const FWIDS_TAG = 0xa6;
