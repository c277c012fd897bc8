/** The attestation service's answers, signed by a key made here. */
import { concatBytes, decodeUtf8, digest, toBase64, toBase64Url, toHex, utf8 } from '@vitrine/bytes';
import {
  type SigningKey,
  authorityExtensions,
  generateKey,
  issueCertificate,
  signerExtensions,
} from '@vitrine/simtee';
import {
  type EatEvidence,
  appraiseEat,
  authenticateEat,
  nrasIssuer,
  parseEat,
} from '../../src/nvidia/index.ts';
import { type Case, type Suite, expectEqual, expectRefused } from '../suite.ts';

function failures({ checks }: { readonly checks: readonly { outcome: string; code?: string }[] }) {
  return checks.filter(({ outcome }) => outcome === 'fail').map(({ code }) => code);
}

type Json = Record<string, unknown>;

const KEY_ID = 'made-here';
const issuedSeconds = 1_750_000_000;
const now = new Date((issuedSeconds + 60) * 1000);
const nonce = '11'.repeat(32);
let made: Promise<SigningKey> | undefined;

function signingKey(): Promise<SigningKey> {
  made ??= generateKey('P-384');
  return made;
}

function jwkOf(key: SigningKey, changes: Json = {}): Json {
  const half = (key.point.length - 1) / 2;
  const [x, y] = [key.point.subarray(1, 1 + half), key.point.subarray(1 + half)].map(toBase64Url);
  return { kty: 'EC', crv: 'P-384', alg: 'ES384', use: 'sig', kid: KEY_ID, x, y, ...changes };
}

function jwks(...keys: readonly Json[]): string {
  return JSON.stringify({ keys });
}

function bundle(overall: string, devices: Readonly<Record<string, string>>): Uint8Array {
  return utf8(JSON.stringify([['JWT', overall], devices]));
}

/** @param header, payload JSON, so that what no serializer writes can be written too */
async function tokenOf(header: string, payload: string, key?: SigningKey): Promise<string> {
  const signed = `${toBase64Url(utf8(header))}.${toBase64Url(utf8(payload))}`;
  return `${signed}.${toBase64Url(await (key ?? (await signingKey())).signRaw(utf8(signed)))}`;
}

interface Request {
  readonly header?: Json;
  /** Undefined leaves a claim out. */
  readonly claims?: Json;
  readonly device?: Json;
  readonly overall?: Json;
  readonly names?: readonly string[];
  readonly key?: SigningKey;
}

interface Issued {
  readonly overall: string;
  readonly devices: Readonly<Record<string, string>>;
}

async function issue({ header, claims, device, overall, names = ['GPU-0', 'GPU-1'], key }: Request = {}) {
  const head = JSON.stringify({ kid: KEY_ID, alg: 'ES384', ...header });
  const common = {
    iss: nrasIssuer,
    eat_nonce: nonce,
    iat: issuedSeconds,
    nbf: issuedSeconds,
    exp: issuedSeconds + 3600,
    ...claims,
  };
  const good = { measres: 'success', secboot: true, dbgstat: 'disabled' };
  const devices: Record<string, string> = {};
  const submods: Json = {};
  for (const name of names) {
    const token = await tokenOf(head, JSON.stringify({ ...common, ...good, ueid: name, ...device }), key);
    devices[name] = token;
    submods[name] = ['DIGEST', ['SHA-256', toHex(await digest('SHA-256', utf8(token)))]];
  }
  const payload = { ...common, 'x-nvidia-overall-att-result': true, submods, ...overall };
  return { overall: await tokenOf(head, JSON.stringify(payload), key), devices } satisfies Issued;
}

async function authenticate({ overall, devices }: Issued, changes: Partial<EatEvidence> = {}) {
  const keys = jwks(jwkOf(await signingKey()));
  return authenticateEat({ eat: bundle(overall, devices), jwks: keys, now, ...changes });
}

function refusal(name: string, code: string, request: Request): Case {
  return {
    name: `${name}: ${code}`,
    run: async () => {
      await authenticate(await issue());
      await expectRefused(async () => authenticate(await issue(request)), code);
    },
  };
}

const algorithms: Case[] = [
  ...['none', 'HS256', 'HS384', 'ES256', 'ES512', 'RS256', 'PS384', 'es384', 'EdDSA', ''].map((alg) =>
    refusal(`the algorithm "${alg}"`, 'EAT_ALGORITHM_UNSUPPORTED', { header: { alg } }),
  ),
  {
    name: 'a token without signature is refused, whatever algorithm it states',
    run: async () => {
      const { overall, devices } = await issue();
      const bare = overall.slice(0, overall.lastIndexOf('.') + 1);
      await expectRefused(() => authenticate({ overall: bare, devices }), 'EAT_SIGNATURE_INVALID');
      const none = `${toBase64Url(utf8('{"alg":"none"}'))}.${overall.split('.')[1]}.`;
      await expectRefused(() => authenticate({ overall: none, devices }), 'EAT_ALGORITHM_UNSUPPORTED');
    },
  },
  {
    name: 'only one of several tokens with another algorithm is refused too',
    run: async () => {
      const { overall, devices } = await issue();
      const other = await issue({ header: { alg: 'HS384' } });
      const mixed = { overall, devices: { ...devices, 'GPU-1': other.devices['GPU-1']! } };
      await expectRefused(() => authenticate(mixed), 'EAT_ALGORITHM_UNSUPPORTED');
    },
  },
];

const headers: Case[] = [
  refusal('a critical extension', 'EAT_MALFORMED', { header: { crit: ['b64'], b64: false } }),
  refusal('a key in the header', 'EAT_MALFORMED', { header: { jwk: {} } }),
  refusal('a key to fetch', 'EAT_MALFORMED', { header: { jku: 'https://example.com/' } }),
  refusal('another type', 'EAT_MALFORMED', { header: { typ: 'JWE' } }),
  refusal('an algorithm that is no text', 'EAT_MALFORMED', { header: { alg: ['ES384'] } }),
  refusal('a key that is not in the set', 'EAT_KEY_UNKNOWN', { header: { kid: 'other' } }),
  refusal('no key named', 'EAT_KEY_UNKNOWN', { header: { kid: undefined } }),
  {
    name: 'a member twice, in header or claims, is refused',
    run: async () => {
      const { devices, overall } = await issue();
      const payload = decodeBase64Url(overall.split('.')[1]!);
      const header = `{"kid":"${KEY_ID}","alg":"none","alg":"ES384"}`;
      const twice = await tokenOf(header, payload);
      await expectRefused(() => authenticate({ overall: twice, devices }), 'EAT_MALFORMED');
      const doubled = await tokenOf(`{"kid":"${KEY_ID}","alg":"ES384"}`, payload.replace('{', '{"exp":1,'));
      await expectRefused(() => authenticate({ overall: doubled, devices }), 'EAT_MALFORMED');
    },
  },
  {
    name: 'padding, another alphabet, white space and other numbers of parts are refused',
    run: async () => {
      const { devices, overall } = await issue();
      const [header, payload, signature] = overall.split('.') as [string, string, string];
      const others = [
        `${header}=.${payload}.${signature}`,
        `${header}.${payload}.${signature}=`,
        `${header}.${payload}.+${signature.slice(1)}`,
        `${header}.${payload}.${signature} `,
        `${header}\n.${payload}.${signature}`,
        `${header}.${payload}`,
        `${overall}.`,
        `${overall}.${signature}`,
        '',
        '..',
      ];
      for (const other of others)
        await expectRefused(() => authenticate({ overall: other, devices }), 'EAT_MALFORMED', other);
    },
  },
];

function decodeBase64Url(text: string): string {
  return decodeUtf8(
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)),
  );
}

const keys: Case[] = [
  {
    name: 'a token by another key of the same name is refused',
    run: async () => {
      const key = await generateKey('P-384');
      await expectRefused(async () => authenticate(await issue({ key })), 'EAT_SIGNATURE_INVALID');
    },
  },
  {
    name: 'a signature as DER, cut short, lengthened or of zeros is refused',
    run: async () => {
      const { devices, overall } = await issue();
      const signed = overall.slice(0, overall.lastIndexOf('.'));
      const key = await signingKey();
      const raw = await key.signRaw(utf8(signed));
      const others = [
        await key.sign(utf8(signed)),
        raw.subarray(0, 95),
        concatBytes(raw, new Uint8Array(1)),
        new Uint8Array(96),
        new Uint8Array(96).fill(0xff),
      ];
      for (const other of others) {
        const forged = { overall: `${signed}.${toBase64Url(other)}`, devices };
        await expectRefused(() => authenticate(forged), 'EAT_SIGNATURE_INVALID');
      }
    },
  },
  {
    name: 'keys of other uses, curves and algorithms are passed over',
    run: async () => {
      const issued = await issue();
      const key = await signingKey();
      const others = [{ use: 'enc' }, { crv: 'P-256' }, { kty: 'RSA' }, { alg: 'ES256' }, { kid: 'other' }];
      for (const changes of others)
        await expectRefused(
          () => authenticate(issued, { jwks: jwks(jwkOf(key, changes)) }),
          'EAT_KEY_UNKNOWN',
        );
      await authenticate(issued, { jwks: jwks(jwkOf(key, { kty: 'RSA' }), jwkOf(key)) });
    },
  },
  {
    name: 'a key set that is none, or names two keys alike, is refused',
    run: async () => {
      const issued = await issue();
      const key = jwkOf(await signingKey());
      const others = [
        '',
        '[]',
        '{}',
        '{"keys":{}}',
        jwks(key, key),
        jwks({ ...key, kid: undefined }),
        jwks({ ...key, x: 'AA' }),
        jwks({ ...key, y: `${String(key['y'])}=` }),
        `{"keys":[],"keys":[${JSON.stringify(key)}]}`,
      ];
      for (const other of others)
        await expectRefused(() => authenticate(issued, { jwks: other }), 'EAT_KEYS_MALFORMED', other);
      const offCurve = jwks({ ...key, x: key['y'], y: key['x'] });
      await expectRefused(() => authenticate(issued, { jwks: offCurve }), 'EAT_SIGNATURE_INVALID');
    },
  },
];

const claims: Case[] = [
  ...['iss', 'eat_nonce', 'iat', 'nbf', 'exp'].map((name) =>
    refusal(`no ${name}`, 'EAT_MALFORMED', { claims: { [name]: undefined } }),
  ),
  refusal('no result', 'EAT_MALFORMED', { overall: { 'x-nvidia-overall-att-result': undefined } }),
  refusal('a result that is text', 'EAT_MALFORMED', { overall: { 'x-nvidia-overall-att-result': 'true' } }),
  refusal('no submodules', 'EAT_MALFORMED', { overall: { submods: undefined } }),
  refusal('a time that is text', 'EAT_MALFORMED', { claims: { exp: '9999999999' } }),
  refusal('a time with a fraction', 'EAT_MALFORMED', { claims: { exp: issuedSeconds + 3600.5 } }),
  refusal('a time before 1970', 'EAT_MALFORMED', { claims: { nbf: -1 } }),
  refusal('a time after the year 9999', 'EAT_MALFORMED', { claims: { exp: 253402300800 } }),
  refusal('a nonce that is not hexadecimal', 'EAT_MALFORMED', { claims: { eat_nonce: 'zz' } }),
  refusal('an empty nonce', 'EAT_MALFORMED', { claims: { eat_nonce: '' } }),
  refusal('issued later', 'EAT_NOT_YET_VALID', { claims: { iat: issuedSeconds + 61 } }),
  refusal('valid later', 'EAT_NOT_YET_VALID', { claims: { nbf: issuedSeconds + 61 } }),
  refusal('expired', 'EAT_EXPIRED', { claims: { exp: issuedSeconds + 60 } }),
  refusal('one device expired', 'EAT_EXPIRED', { device: { exp: issuedSeconds + 60 } }),
  refusal('a device with another nonce', 'EAT_TOKENS_DISAGREE', { device: { eat_nonce: '22'.repeat(32) } }),
  refusal('a device of another issuer', 'EAT_TOKENS_DISAGREE', { device: { iss: 'https://example.com' } }),
  refusal('a digest of SHA-1', 'EAT_MALFORMED', {
    overall: { submods: { 'GPU-0': ['DIGEST', ['SHA-1', '00'.repeat(20)]] } },
  }),
  refusal('a digest cut short', 'EAT_MALFORMED', {
    overall: { submods: { 'GPU-0': ['DIGEST', ['SHA-256', '00'.repeat(31)]] } },
  }),
  refusal('a submodule that is no digest', 'EAT_MALFORMED', {
    overall: { submods: { 'GPU-0': ['JWT', 'a'] } },
  }),
  refusal('digests of other tokens', 'EAT_DIGEST_MISMATCH', {
    overall: {
      submods: {
        'GPU-0': ['DIGEST', ['SHA-256', '00'.repeat(32)]],
        'GPU-1': ['DIGEST', ['SHA-256', '00'.repeat(32)]],
      },
    },
  }),
  refusal('no digest at all', 'EAT_DIGEST_MISMATCH', { overall: { submods: {} } }),
];

const bundles: Case[] = [
  {
    name: 'device tokens that are swapped, missing, renamed, added or of another answer are refused',
    run: async () => {
      const { overall, devices } = await issue();
      const [first, second] = [devices['GPU-0']!, devices['GPU-1']!];
      const other = (await issue({ device: { measres: 'success', jti: 'other' } })).devices['GPU-0']!;
      const changed: readonly Readonly<Record<string, string>>[] = [
        { 'GPU-0': second, 'GPU-1': first },
        { 'GPU-0': first },
        { 'GPU-0': first, 'GPU-2': second },
        { ...devices, 'GPU-2': first },
        { ...devices, 'GPU-1': first },
        { ...devices, 'GPU-1': other },
        { ...devices, 'GPU-1': overall },
      ];
      for (const each of changed)
        await expectRefused(() => authenticate({ overall, devices: each }), 'EAT_DIGEST_MISMATCH');
    },
  },
  {
    name: 'other shapes of the answer are refused',
    run: async () => {
      const { overall, devices } = await issue();
      const good = ['JWT', overall];
      await authenticateEat({ eat: bundle(overall, devices), jwks: jwks(jwkOf(await signingKey())), now });
      const shapes: readonly unknown[] = [
        [],
        {},
        null,
        [good],
        [devices, good],
        [good, devices, devices],
        [['JWT'], devices],
        [['JWT', overall, overall], devices],
        [['jwt', overall], devices],
        [['CWT', overall], devices],
        [good, {}],
        [good, []],
        [good, { 'GPU-0': [devices['GPU-0']] }],
        [[good], devices],
      ];
      for (const shape of shapes) {
        const text = JSON.stringify(shape);
        await expectRefused(() => parseEat(utf8(text)), 'EAT_MALFORMED', text.slice(0, 60));
      }
      const twice = `[["JWT","${overall}"],{"GPU-0":"${devices['GPU-0']!}","GPU-0":"${devices['GPU-0']!}"}]`;
      await expectRefused(() => parseEat(utf8(twice)), 'EAT_MALFORMED');
      const long = bundle(overall, { 'GPU-0': 'a'.repeat(1 << 20) });
      await expectRefused(() => parseEat(long), 'EAT_MALFORMED');
    },
  },
];

const policies: Case[] = [
  {
    name: 'what the service says against a device, or of all, is not acceptable, each by its code',
    run: async () => {
      const codes = async (request: Request) => [
        ...new Set(failures(appraiseEat(await authenticate(await issue(request))))),
      ];
      expectEqual(await codes({}), []);
      expectEqual(await codes({ overall: { 'x-nvidia-overall-att-result': false } }), ['EAT_RESULT_FAILED']);
      for (const device of [
        { measres: 'fail' },
        { measres: undefined },
        { secboot: false },
        { secboot: 'true' },
        { dbgstat: 'enabled' },
        { dbgstat: undefined },
      ])
        expectEqual(await codes({ device }), ['EAT_DEVICE_FAILED']);
      expectEqual(await codes({ claims: { iss: `${nrasIssuer}/` } }), ['EAT_ISSUER_MISMATCH']);
    },
  },
];

async function certified() {
  const rootKey = await generateKey('P-384');
  const root = [['CN', 'Token root']] as const;
  const times = { notBefore: new Date('2025-01-01'), notAfter: new Date('2026-01-01') };
  const authority = { issuer: root, issuerKey: rootKey, ...times };
  const anchor = await issueCertificate({
    ...authority,
    subject: root,
    subjectPublicKeyInfo: rootKey.subjectPublicKeyInfo,
    serialNumber: 1,
    extensions: authorityExtensions(),
  });
  const leafOf = (key: SigningKey, changes: object = {}) =>
    issueCertificate({
      ...authority,
      subject: [['CN', 'Token signer']],
      subjectPublicKeyInfo: key.subjectPublicKeyInfo,
      serialNumber: 2,
      extensions: signerExtensions(),
      ...changes,
    });
  return { anchor, leafOf };
}

const certificates: Case[] = [
  {
    name: 'a token with its certificates is authentic under their root, given with them or not',
    run: async () => {
      const { anchor, leafOf } = await certified();
      const leaf = await leafOf(await signingKey());
      for (const chain of [[leaf], [leaf, anchor]]) {
        const x5c = chain.map(({ der }) => toBase64(der));
        const issued = await issue({ header: { x5c, kid: undefined } });
        await authenticate(issued, { jwks: '{"keys":[]}', anchors: [anchor] });
        await expectRefused(() => authenticate(issued), 'EAT_KEY_UNKNOWN');
        await expectRefused(() => authenticate(issued, { anchors: [] }), 'EAT_CHAIN_INVALID');
      }
    },
  },
  {
    name: 'certificates that are out of date, of another root, of no signer or of another key are refused',
    run: async () => {
      const { anchor, leafOf } = await certified();
      const key = await signingKey();
      const attempt = async (leaf: { readonly der: Uint8Array }) =>
        authenticate(await issue({ header: { x5c: [toBase64(leaf.der)] } }), { anchors: [anchor] });
      await attempt(await leafOf(key));
      const expired = await leafOf(key, { notAfter: new Date('2025-06-01') });
      await expectRefused(() => attempt(expired), 'EAT_CHAIN_INVALID');
      const stranger = await (await certified()).leafOf(key);
      await expectRefused(() => attempt(stranger), 'EAT_CHAIN_INVALID');
      const authority = await leafOf(key, { extensions: authorityExtensions() });
      await expectRefused(() => attempt(authority), 'EAT_CHAIN_INVALID');
      await expectRefused(() => attempt(anchor), 'EAT_CHAIN_INVALID');
      const otherCurve = await leafOf(await generateKey('P-256'));
      await expectRefused(() => attempt(otherCurve), 'EAT_CHAIN_INVALID');
      const otherKey = await leafOf(await generateKey('P-384'));
      await expectRefused(() => attempt(otherKey), 'EAT_SIGNATURE_INVALID');
    },
  },
  refusal('certificates that are none', 'EAT_MALFORMED', { header: { x5c: ['QUJD'] } }),
];

export const tokenSuites: readonly Suite[] = [
  {
    name: 'NVIDIA tokens: signatures and keys',
    cases: [...algorithms, ...headers, ...keys, ...certificates],
  },
  { name: 'NVIDIA tokens: claims and bundles', cases: [...claims, ...bundles, ...policies] },
];
