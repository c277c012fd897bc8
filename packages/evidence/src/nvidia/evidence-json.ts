/** The JSON form in which NVIDIA's tools publish evidence: an array, one object a device. */
import { decodeUtf8, parseJson } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';

export interface PublishedGpuEvidence {
  /** As it says itself: "HOPPER", "LS10". The certificates decide. */
  readonly arch: string;
  /** Request followed by response. */
  readonly report: Uint8Array;
  /** PEM, the leaf first. */
  readonly chain: string;
  /** 32 bytes, as it says itself. */
  readonly nonce: Uint8Array;
}

const MAX_DEVICES = 64;
const NONCE_BYTES = 32;

/** @throws EvidenceError GPU_EVIDENCE_MALFORMED */
export function parseGpuEvidenceJson(bytes: Uint8Array): PublishedGpuEvidence[] {
  return refuseAs<NvidiaErrorCode, PublishedGpuEvidence[]>('GPU_EVIDENCE_MALFORMED', () => {
    const devices = parseJson(bytes, 'GPU evidence').items(MAX_DEVICES);
    if (devices.length === 0) throw nvidiaError('GPU_EVIDENCE_MALFORMED', 'GPU evidence: no device.');
    return devices.map((device) => ({
      arch: device.get('arch').string(),
      report: device.get('evidence').base64(),
      chain: decodeUtf8(device.get('certificate').base64(), 'certificate chain'),
      nonce: device.get('nonce').hex(NONCE_BYTES),
    }));
  });
}
