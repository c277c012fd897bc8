/**
 * What devices and manifests of one machine repeat byte for byte: the same bytes become the same object, of which a
 * signature is verified once (packages/x509, signature.ts). Made for one appraisal, and gone with it.
 */
import { toHex } from '@vitrine/bytes';
import { type Certificate, type OcspResponse, parseOcspResponse } from '@vitrine/x509';

export interface Repeated {
  /** The first certificate of the same bytes. */
  readonly certificate: (certificate: Certificate) => Certificate;
  /** @throws X509Error as `parseOcspResponse` */
  readonly ocspResponse: (der: Uint8Array) => OcspResponse;
}

export function createRepeated(): Repeated {
  const certificates = new Map<string, Certificate>();
  const ocspResponses = new Map<string, OcspResponse>();
  const certificate = (given: Certificate): Certificate => first(certificates, given.der, () => given);
  return {
    certificate,
    ocspResponse: (der) =>
      first(ocspResponses, der, () => {
        const response = parseOcspResponse(der);
        return { ...response, certificates: response.certificates.map(certificate) };
      }),
  };
}

function first<T>(known: Map<string, T>, bytes: Uint8Array, make: () => T): T {
  const key = toHex(bytes);
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
