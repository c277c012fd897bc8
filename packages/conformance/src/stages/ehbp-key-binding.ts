/** `verify-ehbp-key-binding`: the HPKE key that a server offers is the one in REPORTDATA[32:64]. */
import { equalBytes, toHex } from '@vitrine/bytes';
import { MalformedInput, Rejection, type Stage } from '../stage.ts';

export const verifyEhbpKeyBinding: Stage = async (input) => {
  input.onlyNames('schema_version', 'report_data_hex', 'offered_hpke_public_key_hex');
  const reportData = input.get('report_data_hex').hex(64);
  const offered = input.get('offered_hpke_public_key_hex').hex(32);
  await requireX25519Key(offered);
  const attested = reportData.subarray(32);
  if (!equalBytes(attested, offered)) {
    throw new Rejection(
      'EHBP_KEY_BINDING_MISMATCH',
      `The server offers the HPKE key ${toHex(offered)}, attested is ${toHex(attested)}.`,
    );
  }
  return {
    attested_hpke_public_key_hex: toHex(attested),
    tls_fingerprint_hex: toHex(reportData.subarray(0, 32)),
  };
};

async function requireX25519Key(key: Uint8Array): Promise<void> {
  try {
    await crypto.subtle.importKey('raw', key, { name: 'X25519' }, false, []);
  } catch (cause) {
    throw new MalformedInput('offered_hpke_public_key_hex is no X25519 public key.', { cause });
  }
}
