/** Until when a body says that it is good; what cannot be read, or says nothing at all, is not worth keeping. */
import { sha256, toHex } from '@vitrine/bytes';
import { parseQeIdentity, parseTcbInfo } from '@vitrine/evidence';
import { parseTufNaming } from '@vitrine/provenance/tuf';
import { parseCertificate, parseCrl, parseOcspResponse, parsePemCertificates } from '@vitrine/x509';
import type { ResourceRequest } from '../source.ts';
import { parseAttestationsAnswer, parseRimAnswer } from './endorsements/answers.ts';

/** @returns undefined for what must not be kept */
export type ExpiresAt = (
  request: ResourceRequest,
  bytes: Uint8Array,
) => Date | undefined | Promise<Date | undefined>;

/** No end of its own: the kind's limit decides. */
const openEnd = new Date(8.64e15);

/** The end that the body names; `openEnd` where its kind names none; undefined where it is not what its kind says. */
export async function expiryOf(request: ResourceRequest, bytes: Uint8Array): Promise<Date | undefined> {
  try {
    return await readExpiry(request, bytes);
  } catch {
    // Whoever asked will say what is wrong with it. It must not be wrong for thirty days.
    return undefined;
  }
}

async function readExpiry({ kind, url }: ResourceRequest, bytes: Uint8Array): Promise<Date | undefined> {
  switch (kind) {
    case 'amd-vcek':
      return parseCertificate(bytes).notAfter;
    case 'amd-cert-chain':
      return earliest(parsePemCertificates(new TextDecoder().decode(bytes)).map(({ notAfter }) => notAfter));
    case 'amd-crl':
    case 'intel-pck-crl':
    case 'intel-root-crl':
      return parseCrl(bytes).nextUpdate;
    case 'intel-tcb-info':
      return parseTcbInfo(bytes).nextUpdate;
    case 'intel-qe-identity':
      return parseQeIdentity(bytes).nextUpdate;
    case 'nvidia-ocsp':
      return earliest(parseOcspResponse(bytes).responses.map(({ nextUpdate }) => nextUpdate));
    case 'nvidia-rim':
      await parseRimAnswer(bytes);
      return openEnd;
    case 'sigstore-bundle':
      // Signatures may yet come where there are none.
      return parseAttestationsAnswer(bytes).length > 0 ? openEnd : undefined;
    case 'boot-part':
      return url === `sha256:${toHex(await sha256(bytes))}` ? openEnd : undefined;
    case 'sigstore-tuf':
      // What names others is good until it says; the rest has its version or digest in its name.
      return url.endsWith('/timestamp.json') ? parseTufNaming(bytes, 'timestamp').expires : openEnd;
    case 'release-asset':
    case 'ct-log-list':
      return openEnd;
    case 'ct-log-entry':
    case 'endpoint-document':
      return undefined;
  }
}

/** undefined where one has no end, or there is none at all. */
function earliest(ends: readonly (Date | undefined)[]): Date | undefined {
  const times = ends.map((end) => end?.getTime() ?? NaN);
  const first = Math.min(...times);
  return Number.isFinite(first) ? new Date(first) : undefined;
}
