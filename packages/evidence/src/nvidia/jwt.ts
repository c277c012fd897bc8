/** One signed token as NVIDIA's attestation service issues it: a JWT of ES384 (RFC 7515, 7518, 7519), strictly. */
import { type JsonNode, concatBytes, fromBase64, fromBase64Url, parseJson, utf8 } from '@vitrine/bytes';
import {
  type Certificate,
  hasKeyUsage,
  parseCertificate,
  sameCertificate,
  sameName,
  verifyChain,
  verifyEcdsa,
} from '@vitrine/x509';
import { refuseAsync } from '../error.ts';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';

/** Parsed, not verified. */
export interface Jwt {
  /** As it came: the digest of a detached token is over this. */
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** x5c: the signer first; empty without. */
  readonly certificates: readonly Certificate[];
  readonly claims: JsonNode;
  /** Header and payload with the dot between, ASCII. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Where keys come from: a JWK set by `kid`, roots for the certificates in the token, or both. */
export interface JwtKeys {
  /** RFC 7517, JSON, fetched by the caller from the service. */
  readonly jwks?: Uint8Array | string;
  readonly anchors?: readonly Certificate[];
  /** When the certificates must be valid. */
  readonly now: Date;
}

interface EcPoint {
  readonly curve: 'P-384';
  readonly point: Uint8Array;
}

const ALGORITHM = 'ES384';
const CURVE = 'P-384';
const COORDINATE_BYTES = 48;
const MAX_TOKEN_CHARACTERS = 256 * 1024;
const MAX_CERTIFICATES = 9;
const MAX_KEYS = 64;
const MAX_DEPTH = 8;

/** @throws BytesError, X509Error, EvidenceError EAT_MALFORMED */
export function parseJwt(text: string, what: string): Jwt {
  if (text.length > MAX_TOKEN_CHARACTERS)
    refuse('EAT_MALFORMED', `${what}: over ${MAX_TOKEN_CHARACTERS} characters`);
  const parts = text.split('.');
  if (parts.length !== 3) refuse('EAT_MALFORMED', `${what}: expected three parts, found ${parts.length}`);
  const [header, payload, signature] = parts.map((part, at) => fromBase64Url(part, `${what}, part ${at}`));
  const limits = { maxDepth: MAX_DEPTH };
  const fields = parseJson(header!, `${what} header`, limits);
  // A "crit", "b64" or "zip" would change what the rest means.
  fields.onlyNames('alg', 'kid', 'typ', 'x5c');
  fields.optional('typ')?.word('JWT');
  const claims = parseJson(payload!, what, limits);
  claims.names();
  return {
    text,
    algorithm: fields.get('alg').string(),
    keyId: fields.optional('kid')?.string(),
    certificates: (fields.optional('x5c')?.items(MAX_CERTIFICATES) ?? []).map((item) =>
      parseCertificate(fromBase64(item.string(), item.path), item.path),
    ),
    claims,
    signed: utf8(text.slice(0, text.lastIndexOf('.'))),
    signature: signature!,
  };
}

/** @throws EvidenceError EAT_ALGORITHM_UNSUPPORTED, EAT_KEYS_MALFORMED, EAT_KEY_UNKNOWN, EAT_CHAIN_INVALID, EAT_SIGNATURE_INVALID */
export async function verifyJwt(token: Jwt, keys: JwtKeys): Promise<void> {
  // The header chooses a key, never an algorithm (RFC 8725 section 3.1).
  if (token.algorithm !== ALGORITHM)
    refuse('EAT_ALGORITHM_UNSUPPORTED', `expected ${ALGORITHM}, found ${token.algorithm.slice(0, 40)}`);
  const key = await refuseAsync<NvidiaErrorCode, EcPoint>(
    (cause) => (cause.name === 'X509Error' ? 'EAT_CHAIN_INVALID' : 'EAT_KEYS_MALFORMED'),
    () => keyOf(token, keys),
  );
  if (!(await verifyEcdsa(key, 'SHA-384', token.signature, token.signed)))
    refuse('EAT_SIGNATURE_INVALID', 'a token is not signed by the key that it names');
}

async function keyOf(token: Jwt, { jwks, anchors, now }: JwtKeys): Promise<EcPoint> {
  if (anchors && token.certificates.length > 0) return certifiedKey(token.certificates, anchors, now);
  const key = jwks !== undefined && token.keyId !== undefined ? parseJwks(jwks).get(token.keyId) : undefined;
  return key ?? refuse('EAT_KEY_UNKNOWN', `no key is given for "${token.keyId?.slice(0, 80) ?? ''}"`);
}

async function certifiedKey(
  certificates: readonly Certificate[],
  anchors: readonly Certificate[],
  now: Date,
): Promise<EcPoint> {
  const chain = withRoot(certificates, anchors);
  await verifyChain(chain, { anchors, now, what: 'EAT chain' });
  const { publicKey, extensions } = chain[0]!;
  if (chain.length < 2 || hasKeyUsage(extensions, 'digitalSignature') === false)
    refuse('EAT_CHAIN_INVALID', 'the first certificate is not one of a signer');
  if (publicKey.kind !== 'ec' || publicKey.curve !== CURVE)
    return refuse('EAT_CHAIN_INVALID', `the signer has no ${CURVE} key`);
  return { curve: CURVE, point: publicKey.point };
}

/** A root may be left out (RFC 7515 section 4.1.6): the one that is named as issuer is then tried. */
function withRoot(certificates: readonly Certificate[], anchors: readonly Certificate[]): Certificate[] {
  const last = certificates.at(-1)!;
  const isComplete = anchors.some((anchor) => sameCertificate(anchor, last));
  const root = anchors.find(({ subject }) => sameName(subject, last.issuer));
  return isComplete || !root ? [...certificates] : [...certificates, root];
}

/** Those keys that sign with ES384, by kid. */
function parseJwks(jwks: Uint8Array | string): Map<string, EcPoint> {
  const keys = new Map<string, EcPoint>();
  for (const key of parseJson(jwks, 'JWK set').get('keys').items(MAX_KEYS)) {
    const says = (name: string): string | undefined => key.optional(name)?.string();
    const isOther = says('kty') !== 'EC' || says('crv') !== CURVE || (says('alg') ?? ALGORITHM) !== ALGORITHM;
    if (isOther || (says('use') ?? 'sig') !== 'sig') continue;
    const keyId = key.get('kid').string();
    if (keys.has(keyId)) refuse('EAT_KEYS_MALFORMED', `two keys are named "${keyId.slice(0, 80)}"`);
    keys.set(keyId, {
      curve: CURVE,
      point: concatBytes(Uint8Array.of(4), coordinate(key, 'x'), coordinate(key, 'y')),
    });
  }
  return keys;
}

function coordinate(key: JsonNode, name: string): Uint8Array {
  const node = key.get(name);
  const bytes = fromBase64Url(node.string(), node.path);
  if (bytes.length !== COORDINATE_BYTES)
    refuse('EAT_KEYS_MALFORMED', `${node.path}: expected ${COORDINATE_BYTES} bytes, found ${bytes.length}`);
  return bytes;
}

function refuse(code: NvidiaErrorCode, reason: string): never {
  throw nvidiaError(code, `Attestation token: ${reason}.`);
}
