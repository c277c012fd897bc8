/** Keys and roles: who must sign what, and how many of them. */
import { type JsonNode, concatBytes, fromHex, parsePemBlocks } from '@vitrine/bytes';
import { derBitString, derOid, derSequence } from '@vitrine/bytes/der-writer';
import { type SignatureAlgorithm, type VerificationKey, X509Error, isSignedBy } from '@vitrine/x509';
import { refuseAs } from '../error.ts';
import { keyOf } from '../sigstore/trusted-root.ts';
import { tufError } from './error.ts';

export interface TufKey extends VerificationKey {
  readonly algorithm: SignatureAlgorithm;
}

export interface TufRole {
  /** By key id; a key of a scheme that is not supported is left out, and never counts. */
  readonly keys: ReadonlyMap<string, TufKey>;
  readonly threshold: number;
}

export interface TufSignature {
  readonly keyId: string;
  /** Hexadecimal, as it stands: empty where somebody has not signed yet. */
  readonly signature: string;
}

const MAX_KEYS = 64;
const ED25519 = '1.3.101.112';

/** Key ids are names: that they are digests of what they name is not relied on. */
export function parseKeys(node: JsonNode): ReadonlyMap<string, TufKey> {
  const ids = node.names();
  if (ids.length > MAX_KEYS) throw tufError('TUF_MALFORMED', `${node.path}: more than ${MAX_KEYS} keys.`);
  return new Map(
    ids.flatMap((id) => {
      const key = parseKey(node.get(id));
      return key ? [[id, key] as const] : [];
    }),
  );
}

function parseKey(node: JsonNode): TufKey | undefined {
  const type = node.get('keytype').string();
  const scheme = node.get('scheme').string();
  const key = node.get('keyval').get('public').string();
  if (scheme === 'ecdsa-sha2-nistp256' && ['ecdsa', 'ecdsa-sha2-nistp256'].includes(type)) {
    const [der, ...others] = parsePemBlocks(key, 'PUBLIC KEY', node.path);
    const parsed = keyOf(der!);
    if (others.length > 0 || parsed.publicKey.kind !== 'ec' || parsed.publicKey.curve !== 'P-256')
      throw tufError('TUF_MALFORMED', `${node.path}: expected one key on the curve P-256.`);
    return { ...parsed, algorithm: { name: 'ECDSA', hash: 'SHA-256' } };
  }
  if (scheme === 'ed25519' && type === 'ed25519') {
    const point = fromHex(key, node.path, 32);
    return {
      ...keyOf(derSequence(derSequence(derOid(ED25519)), derBitString(point))),
      algorithm: { name: 'Ed25519' },
    };
  }
  return undefined;
}

export function parseRole(node: JsonNode, keys: ReadonlyMap<string, TufKey>): TufRole {
  const ids = node
    .get('keyids')
    .items(MAX_KEYS)
    .map((id) => id.string());
  const known = ids.flatMap((id) => {
    const key = keys.get(id);
    return key ? [[id, key] as const] : [];
  });
  return { keys: new Map(known), threshold: node.get('threshold').integer(1, MAX_KEYS) };
}

/**
 * Signatures by as many different keys of the role as its threshold demands (TUF specification 1.0, section 4.2).
 * @param tbs canonical JSON of the signed part
 * @throws ProvenanceError TUF_SIGNATURE_INVALID
 */
export async function requireThreshold(
  what: string,
  tbs: Uint8Array,
  signatures: readonly TufSignature[],
  role: TufRole,
): Promise<void> {
  const signed = await Promise.all(
    signatures.map(async ({ keyId, signature }) => {
      const key = role.keys.get(keyId);
      return key && (await isBy(key, signature, tbs)) ? key : undefined;
    }),
  );
  // One key under two ids is one signer.
  const signers = new Set(
    signed.flatMap((key) => (key ? [concatBytes(key.subjectPublicKeyInfo).toString()] : [])),
  );
  if (signers.size >= role.threshold) return;
  throw tufError(
    'TUF_SIGNATURE_INVALID',
    `${what}: expected ${role.threshold} good signatures of its role, found ${signers.size}.`,
  );
}

async function isBy(key: TufKey, hex: string, tbs: Uint8Array): Promise<boolean> {
  if (hex === '') return false;
  const signature = refuseAs('TUF_MALFORMED', () => fromHex(hex, 'signature'));
  try {
    return await isSignedBy({ tbs, signatureAlgorithm: key.algorithm, signature }, key);
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}
