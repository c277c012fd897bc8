/** The attestation service's answer: an overall token and, detached, one for each device (RFC 9711, RFC 7519). */
import {
  type JsonNode,
  type JsonValue,
  digest,
  equalBytes,
  fromHex,
  parseJson,
  toHex,
  utf8,
} from '@vitrine/bytes';
import { type Certificate, inOrder } from '@vitrine/x509';
import { type Check, passed } from '@vitrine/appraisal';
import { refuseAs } from '../error.ts';
import { type NvidiaErrorCode, nvidiaError } from './error.ts';
import { type Jwt, parseJwt, verifyJwt } from './jwt.ts';

declare const authentic: unique symbol;

export interface EatToken {
  readonly jwt: Jwt;
  readonly issuer: string;
  /** The verifier's, as the service was given it. */
  readonly nonce: Uint8Array;
  readonly issuedAt: Date;
  readonly notBefore: Date;
  /** The token is void from then on. */
  readonly expiresAt: Date;
  /** All of them, as plain values. */
  readonly claims: Readonly<Record<string, JsonValue>>;
}

/** Parsed, not verified. */
export interface Eat {
  readonly overall: EatToken;
  /** By name: "GPU-0", "SWITCH-0". */
  readonly devices: ReadonlyMap<string, EatToken>;
  /** What the overall token says of each device's token: SHA-256, 32 bytes. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  /** x-nvidia-overall-att-result */
  readonly overallResult: boolean;
}

export interface AuthenticEat extends Eat {
  readonly [authentic]: true;
  readonly checks: readonly Check[];
}

export interface EatEvidence {
  /** JSON: [["JWT", overall], {"GPU-0": token, …}]. */
  readonly eat: Uint8Array;
  /** The service's JWK set (RFC 7517), by whose `kid` a key is chosen. */
  readonly jwks?: Uint8Array | string;
  /** Roots for tokens that carry their certificates (x5c, with or without the root). */
  readonly anchors?: readonly Certificate[];
  readonly now: Date;
}

const MAX_EAT_BYTES = 1024 * 1024;
const MAX_DEVICES = 64;
const DIGEST_BYTES = 32;
const MAX_NONCE_CHARACTERS = 256;
/** The year 9999. */
const MAX_TIME_SECONDS = 253402300799;

/** @throws EvidenceError EAT_MALFORMED */
export function parseEat(bytes: Uint8Array): Eat {
  return refuseAs<NvidiaErrorCode, Eat>('EAT_MALFORMED', () => {
    const parts = parseJson(bytes, 'EAT', { maxBytes: MAX_EAT_BYTES, maxDepth: 4 }).items(2);
    const [first, detached] = parts;
    if (!first || !detached) return refuse('EAT_MALFORMED', 'expected an overall token and device tokens');
    const [word, text, ...others] = first.items(2);
    if (!word || !text || others.length > 0)
      return refuse('EAT_MALFORMED', 'expected "JWT" and the overall token');
    word.word('JWT');
    const overall = parseToken(text.string(), 'overall token');
    const names = detached.names();
    if (names.length === 0 || names.length > MAX_DEVICES) refuse('EAT_MALFORMED', `${names.length} devices`);
    return {
      overall,
      devices: new Map(names.map((name) => [name, parseToken(detached.get(name).string(), 'device token')])),
      digests: parseDigests(overall.jwt.claims.get('submods')),
      overallResult: overall.jwt.claims.get('x-nvidia-overall-att-result').boolean(),
    };
  });
}

/**
 * Every token is signed and in date, and the devices' are those that the overall one names.
 * What they say is for `appraiseEat`.
 * @throws EvidenceError EAT_MALFORMED, EAT_ALGORITHM_UNSUPPORTED, EAT_KEYS_MALFORMED, EAT_KEY_UNKNOWN,
 * EAT_CHAIN_INVALID, EAT_SIGNATURE_INVALID, EAT_EXPIRED, EAT_NOT_YET_VALID, EAT_DIGEST_MISMATCH,
 * EAT_TOKENS_DISAGREE
 */
export async function authenticateEat(evidence: EatEvidence): Promise<AuthenticEat> {
  const eat = parseEat(evidence.eat);
  const tokens = [eat.overall, ...eat.devices.values()];
  await inOrder(tokens.map(({ jwt }) => verifyJwt(jwt, evidence)));
  for (const token of tokens) requireInDate(token, evidence.now);
  await requireNamed(eat);
  for (const token of tokens) requireAgreement(token, eat.overall);
  return { ...eat, checks: provenChecks(eat) } as unknown as AuthenticEat;
}

function parseToken(text: string, what: string): EatToken {
  const jwt = parseJwt(text, what);
  const { claims } = jwt;
  const time = (name: string): Date => new Date(claims.get(name).integer(0, MAX_TIME_SECONDS) * 1000);
  const nonce = claims.get('eat_nonce').string();
  if (nonce === '' || nonce.length > MAX_NONCE_CHARACTERS) refuse('EAT_MALFORMED', `${what}: eat_nonce`);
  return {
    jwt,
    issuer: claims.get('iss').string(),
    nonce: fromHex(nonce, `${what}: eat_nonce`),
    issuedAt: time('iat'),
    notBefore: time('nbf'),
    expiresAt: time('exp'),
    claims: claims.value() as Record<string, JsonValue>,
  };
}

/** {"GPU-0": ["DIGEST", ["SHA-256", hexadecimal]]} */
function parseDigests(submods: JsonNode): Map<string, Uint8Array> {
  const digests = new Map<string, Uint8Array>();
  for (const name of submods.names()) {
    const [kind, value, ...others] = submods.get(name).items(2);
    const [algorithm, hash, ...rest] = value?.items(2) ?? [];
    if (!kind || !algorithm || !hash || others.length + rest.length > 0)
      return refuse('EAT_MALFORMED', `the submodule ${name.slice(0, 40)} is no digest`);
    kind.word('DIGEST');
    algorithm.word('SHA-256');
    digests.set(name, hash.hex(DIGEST_BYTES));
  }
  return digests;
}

/** RFC 7519 sections 4.1.4 to 4.1.6. */
function requireInDate(token: EatToken, now: Date): void {
  const { issuedAt, notBefore, expiresAt } = token;
  if (now < notBefore || now < issuedAt)
    refuse('EAT_NOT_YET_VALID', `a token is valid from ${notBefore.toISOString()}`);
  // Not "now >= exp": a time that is no time is before nothing.
  if (!(now < expiresAt)) refuse('EAT_EXPIRED', `a token is valid until ${expiresAt.toISOString()}`);
}

async function requireNamed({ devices, digests }: Eat): Promise<void> {
  const strangers = [...devices.keys()].filter((name) => !digests.has(name));
  const missing = [...digests.keys()].filter((name) => !devices.has(name));
  const [odd] = [...strangers, ...missing];
  if (odd !== undefined)
    refuse('EAT_DIGEST_MISMATCH', `${odd.slice(0, 40)} is not both in the overall token and detached`);
  for (const [name, { jwt }] of devices)
    if (!equalBytes(await digest('SHA-256', utf8(jwt.text)), digests.get(name)!))
      refuse('EAT_DIGEST_MISMATCH', `the token of ${name.slice(0, 40)} is not the one that is named`);
}

function requireAgreement(token: EatToken, overall: EatToken): void {
  if (token.issuer !== overall.issuer || !equalBytes(token.nonce, overall.nonce))
    refuse('EAT_TOKENS_DISAGREE', 'a device token has another issuer or nonce than the overall one');
}

function provenChecks(eat: Eat): Check[] {
  const count = eat.devices.size;
  return [
    passed({
      rule: 'nvidia.eat.signature',
      expected: 'ES384 by a key that is given',
      found: `${count + 1} tokens`,
      source: 'RFC 7515 section 5.2',
    }),
    passed({
      rule: 'nvidia.eat.time',
      expected: `before ${eat.overall.expiresAt.toISOString()}`,
      found: `issued ${eat.overall.issuedAt.toISOString()}`,
      source: 'RFC 7519 section 4.1',
    }),
    passed({
      rule: 'nvidia.eat.digests',
      expected: 'the device tokens that the overall token names',
      found: [...eat.digests].map(([name, hash]) => `${name} ${toHex(hash)}`).join(', '),
      source: 'RFC 9711, submodules and detached EAT bundles',
    }),
  ];
}

function refuse(code: NvidiaErrorCode, reason: string): never {
  throw nvidiaError(code, `EAT: ${reason}.`);
}
