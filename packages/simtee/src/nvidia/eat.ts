/** An attestation service in software: its key as JWK set, and its answers (RFC 7515, RFC 7519, RFC 9711). */
import { digest, toBase64Url, toHex, utf8 } from '@vitrine/bytes';
import { nrasIssuer } from '@vitrine/evidence/nvidia';
import { type SigningKey, generateKey } from '../authority.ts';

export interface EatService {
  readonly keyId: string;
  readonly key: SigningKey;
  /** JSON. */
  readonly jwks: string;
}

export async function createEatService(keyId = 'nv-eat-kid-simulated'): Promise<EatService> {
  const key = await generateKey('P-384');
  const [x, y] = [key.point.subarray(1, 49), key.point.subarray(49)].map(toBase64Url);
  const jwk = { kty: 'EC', crv: 'P-384', x, y, kid: keyId, alg: 'ES384', use: 'sig' };
  return { keyId, key, jwks: JSON.stringify({ keys: [jwk] }) };
}

export interface EatRequest {
  readonly now: Date;
  readonly nonce: Uint8Array;
  /** By name: "GPU-0". What is given here goes over the claims of a device that is in order. */
  readonly devices: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Default: NVIDIA's production service. */
  readonly issuer?: string;
  /** Default true. */
  readonly overallResult?: boolean;
  readonly lifetimeSeconds?: number;
  /** Written in the place of the digests that the device tokens have: SHA-256, 32 bytes each. */
  readonly digests?: Readonly<Record<string, Uint8Array>>;
  readonly signedBy?: SigningKey;
}

/** JSON, UTF-8: [["JWT", overall], {"GPU-0": token, …}]. */
export async function issueEat(service: EatService, request: EatRequest): Promise<Uint8Array> {
  const { now, nonce, issuer = nrasIssuer, lifetimeSeconds = 3600, overallResult = true } = request;
  const seconds = Math.floor(now.getTime() / 1000);
  const common = {
    iss: issuer,
    eat_nonce: toHex(nonce),
    iat: seconds,
    nbf: seconds,
    exp: seconds + lifetimeSeconds,
  };
  const tokens: Record<string, string> = {};
  const submods: Record<string, unknown> = {};
  for (const [name, claims] of Object.entries(request.devices)) {
    const inOrder = { hwmodel: 'GH100 A01 GSP BROM', measres: 'success', secboot: true, dbgstat: 'disabled' };
    const token = await signToken(service, request, { ...common, ...inOrder, ...claims });
    const hash = request.digests?.[name] ?? (await digest('SHA-256', utf8(token)));
    tokens[name] = token;
    submods[name] = ['DIGEST', ['SHA-256', toHex(hash)]];
  }
  const overall = { ...common, sub: 'NVIDIA-PLATFORM-ATTESTATION', submods };
  const result = { 'x-nvidia-overall-att-result': overallResult };
  const text = await signToken(service, request, { ...overall, ...result });
  return utf8(JSON.stringify([['JWT', text], tokens]));
}

async function signToken(service: EatService, request: EatRequest, claims: object): Promise<string> {
  const header = { alg: 'ES384', kid: service.keyId, typ: 'JWT' };
  const signed = [header, claims].map((part) => toBase64Url(utf8(JSON.stringify(part)))).join('.');
  const signature = await (request.signedBy ?? service.key).signRaw(utf8(signed));
  return `${signed}.${toBase64Url(signature)}`;
}
