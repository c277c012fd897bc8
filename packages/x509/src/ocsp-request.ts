/** OCSP requests (RFC 6960 section 4.1): one certificate, unsigned. */
import { type DigestName, contextTag, derTag, digest, fromHex, parseDer } from '@vitrine/bytes';
import { derElement, derNull, derOctetString, derOid, derSequence } from '@vitrine/bytes/der-writer';
import type { Certificate } from './certificate.ts';

export interface OcspRequestOptions {
  /** Of the issuer's name and key; default SHA-1, which every responder knows. It names, it does not protect. */
  readonly hash?: DigestName;
  /** 1 to 32 bytes (RFC 8954); the response must repeat it. */
  readonly nonce?: Uint8Array;
}

const NONCE = '1.3.6.1.5.5.7.48.1.2';
const hashOids: Readonly<Record<DigestName, string>> = {
  'SHA-1': '1.3.14.3.2.26',
  'SHA-256': '2.16.840.1.101.3.4.2.1',
  'SHA-384': '2.16.840.1.101.3.4.2.2',
  'SHA-512': '2.16.840.1.101.3.4.2.3',
};

/**
 * DER of the question whether a certificate of that issuer is revoked.
 * @throws RangeError for a nonce of another length
 */
export async function createOcspRequest(
  certificate: Certificate,
  issuer: Certificate,
  { hash = 'SHA-1', nonce }: OcspRequestOptions = {},
): Promise<Uint8Array> {
  if (nonce && (nonce.length < 1 || nonce.length > 32))
    throw new RangeError(`A nonce has 1 to 32 bytes, found ${nonce.length}.`);
  const certId = derSequence(
    derSequence(derOid(hashOids[hash]), derNull()),
    derOctetString(await digest(hash, issuer.subject.der)),
    derOctetString(await digest(hash, keyBits(issuer))),
    // The contents octets as they stand in the certificate, a sign byte included.
    derElement(derTag.integer, fromHex(certificate.serialNumber)),
  );
  const extensions = nonce
    ? [
        derElement(
          contextTag(2),
          derSequence(derSequence(derOid(NONCE), derOctetString(derOctetString(nonce)))),
        ),
      ]
    : [];
  return derSequence(derSequence(derSequence(derSequence(certId)), ...extensions));
}

/** The key without its algorithm. */
function keyBits({ subjectPublicKeyInfo }: Certificate): Uint8Array {
  const fields = parseDer(subjectPublicKeyInfo, 'public key').fields(derTag.sequence);
  fields.next();
  return fields.next().bitStringBytes();
}
