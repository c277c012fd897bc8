/** Keys out of their DER. */
import { parseDer } from '@vitrine/bytes';
import { type VerificationKey, parsePublicKey } from '@vitrine/x509';

export function verificationKey(subjectPublicKeyInfo: Uint8Array): VerificationKey {
  return { subjectPublicKeyInfo, publicKey: parsePublicKey(parseDer(subjectPublicKeyInfo, 'public key')) };
}
