/** Roots of the web that this machine trusts. */
import tls from 'node:tls';
import { type Certificate, X509Error, parseCertificate, parsePemCertificates } from '@vitrine/x509';

/**
 * One that our strict parser refuses is not among them.
 * @param shown DERs of the certificates that the roots are for, where they are known before: other roots then are not read
 */
export function machineRoots(shown?: readonly Uint8Array[]): Certificate[] {
  const names = shown && namesIn(shown);
  return tls.getCACertificates('default').flatMap((pem) => {
    try {
      if (names && !holdsOne(pem, names)) return [];
      return parsePemCertificates(pem, 'root certificate');
    } catch (error) {
      if (error instanceof X509Error) return [];
      throw error;
    }
  });
}

/** DERs of subjects and issuers; undefined where a certificate cannot be read: it is refused later, with its reason. */
function namesIn(ders: readonly Uint8Array[]): readonly Uint8Array[] | undefined {
  try {
    return ders.flatMap((der) => {
      const { subject, issuer } = parseCertificate(der, 'certificate of the server');
      return [subject.der, issuer.der];
    });
  } catch (error) {
    if (error instanceof X509Error) return undefined;
    throw error;
  }
}

/** Names are the same when their bytes are, so a root that holds none of them vouches for nothing here. */
function holdsOne(pem: string, names: readonly Uint8Array[]): boolean {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
  return names.some((name) => der.includes(Buffer.from(name)));
}
