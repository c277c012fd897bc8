/** A TUF repository of one's own, with what its keepers or somebody on the way to it could have done wrong. */
import { formatPem, sha256, toHex, utf8 } from '@vitrine/bytes';
import { canonicalJson } from '@vitrine/provenance/tuf';
import { type SigningKey, generateKey } from '../authority.ts';

export type TufRoleName = 'root' | 'timestamp' | 'snapshot' | 'targets';

export interface TufRepositoryRequest {
  /** Everything is good for a week from then, the root for a year. */
  readonly now: Date;
  readonly targets: Readonly<Record<string, Uint8Array>>;
  /** How many roots follow the first, each with new keys for every role; default 1. */
  readonly rotations?: number;
  readonly defect?: TufDefect;
}

export type TufDefect =
  /** A role is signed by keys that nobody named. */
  | { readonly kind: 'foreign-signature'; readonly role: TufRoleName }
  /** One person of the root signs where two must. */
  | { readonly kind: 'below-threshold' }
  /** The new root is signed by its own keys only. */
  | { readonly kind: 'root-without-the-old' }
  /** The new root says that it is a later one. */
  | { readonly kind: 'root-skips' }
  | { readonly kind: 'expired'; readonly role: TufRoleName }
  /** An older snapshot or list of targets, properly signed, than the role above names. */
  | { readonly kind: 'older'; readonly role: 'snapshot' | 'targets' }
  /** The files are others than the targets say. */
  | { readonly kind: 'target-swapped' }
  /** The metadata is another than the role above says, of the same version and properly signed. */
  | { readonly kind: 'swapped'; readonly role: 'snapshot' | 'targets' }
  | { readonly kind: 'missing'; readonly role: 'timestamp' | 'snapshot' | 'targets' };

export interface TufRepository {
  /** The first root: what clients are given. */
  readonly root: Uint8Array;
  /** By path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

type Keys = Readonly<Record<TufRoleName, readonly SigningKey[]>>;

const DAY_MS = 86_400_000;
const VERSION = 7;

export async function createTufRepository(request: TufRepositoryRequest): Promise<TufRepository> {
  const { now, targets, rotations = 1, defect } = request;
  const files = new Map<string, Uint8Array>();
  const generations = await Promise.all(Array.from({ length: rotations + 1 }, generateKeys));
  for (const [at, keys] of generations.entries()) {
    const isLast = at === rotations;
    const version = at + 1 + (defect?.kind === 'root-skips' && at > 0 ? 1 : 0);
    const body = rootBody(version, keys, validUntil(now, isLast && isExpired('root', defect) ? -1 : 365));
    files.set(`${at + 1}.root.json`, await signed(body, rootSigners(generations, at, defect)));
  }
  const keys = generations.at(-1)!;
  const file = async (role: Exclude<TufRoleName, 'root'>, version: number, body: object) => {
    const expires = validUntil(now, isExpired(role, defect) ? -1 : 7);
    const foreign = defect?.kind === 'foreign-signature' && defect.role === role;
    const signers = foreign ? [await generateKey('P-256')] : keys[role];
    return signed({ _type: role, spec_version: '1.0.31', version, expires, ...body }, signers, keys[role]);
  };

  const entries = await Promise.all(
    Object.entries(targets).map(async ([name, bytes]) => {
      const digest = toHex(await sha256(bytes));
      files.set(`targets/${digest}.${name}`, defect?.kind === 'target-swapped' ? flipped(bytes) : bytes);
      return [name, { length: bytes.length, hashes: { sha256: digest } }] as const;
    }),
  );
  const targetsBody = { targets: Object.fromEntries(entries) };
  const snapshotOf = async (targetsFile: Uint8Array) => ({
    meta: { 'targets.json': { version: VERSION, ...(await fileEntry(targetsFile)) } },
  });
  const older = (role: TufRoleName) => (defect?.kind === 'older' && defect.role === role ? 1 : 0);
  const swapped = (role: TufRoleName, body: object) =>
    defect?.kind === 'swapped' && defect.role === role ? { ...body, 'x-note': 'another' } : body;

  const goodTargets = await file('targets', VERSION, targetsBody);
  const servedTargets = await file('targets', VERSION - older('targets'), swapped('targets', targetsBody));
  // A list that names no digest leaves the version to tell an older file.
  const namesDigest = defect?.kind !== 'older';
  const snapshotBody = namesDigest
    ? await snapshotOf(defect?.kind === 'swapped' ? goodTargets : servedTargets)
    : { meta: { 'targets.json': { version: VERSION } } };
  const goodSnapshot = await file('snapshot', VERSION, snapshotBody);
  const servedSnapshot = await file(
    'snapshot',
    VERSION - older('snapshot'),
    swapped('snapshot', snapshotBody),
  );
  const named = defect?.kind === 'swapped' ? goodSnapshot : servedSnapshot;
  const timestamp = await file('timestamp', VERSION, {
    meta: { 'snapshot.json': { version: VERSION, ...(namesDigest ? await fileEntry(named) : {}) } },
  });
  const isThere = (role: TufRoleName) => !(defect?.kind === 'missing' && defect.role === role);
  if (isThere('timestamp')) files.set('timestamp.json', timestamp);
  if (isThere('snapshot')) files.set(`${VERSION}.snapshot.json`, servedSnapshot);
  if (isThere('targets')) files.set(`${VERSION}.targets.json`, servedTargets);
  return { root: files.get('1.root.json')!, files };
}

async function generateKeys(): Promise<Keys> {
  const key = () => generateKey('P-256');
  const [root, timestamp, snapshot, targets] = await Promise.all([
    Promise.all([key(), key(), key()]),
    key(),
    key(),
    key(),
  ]);
  return { root, timestamp: [timestamp], snapshot: [snapshot], targets: [targets] };
}

const ROOT_THRESHOLD = 2;

function rootSigners(
  generations: readonly Keys[],
  at: number,
  defect: TufDefect | undefined,
): readonly SigningKey[] {
  const own = generations[at]!.root;
  const former = at === 0 ? [] : generations[at - 1]!.root;
  if (at === 0) return own;
  if (defect?.kind === 'root-without-the-old') return own;
  if (defect?.kind === 'below-threshold') return [own[0]!, former[0]!];
  if (defect?.kind === 'foreign-signature' && defect.role === 'root') return former;
  return [...own, ...former];
}

function rootBody(version: number, keys: Keys, expires: string): object {
  const all = Object.values(keys).flat();
  const role = (name: TufRoleName) => ({
    keyids: keys[name].map(keyId),
    threshold: name === 'root' ? ROOT_THRESHOLD : 1,
  });
  return {
    _type: 'root',
    spec_version: '1.0.31',
    consistent_snapshot: true,
    version,
    expires,
    keys: Object.fromEntries(all.map((key) => [keyId(key), keyEntry(key)])),
    roles: {
      root: role('root'),
      timestamp: role('timestamp'),
      snapshot: role('snapshot'),
      targets: role('targets'),
    },
  };
}

function keyEntry({ subjectPublicKeyInfo }: SigningKey): object {
  return {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    keyval: { public: formatPem('PUBLIC KEY', subjectPublicKeyInfo) },
  };
}

/** Any name will do: the end of the key. */
function keyId({ subjectPublicKeyInfo }: SigningKey): string {
  return toHex(subjectPublicKeyInfo.slice(-32));
}

/** @param names whose names the signatures bear, where they are others' */
async function signed(
  body: object,
  signers: readonly SigningKey[],
  names: readonly SigningKey[] = signers,
): Promise<Uint8Array> {
  const plain = JSON.parse(JSON.stringify(body)) as Parameters<typeof canonicalJson>[0];
  const tbs = canonicalJson(plain);
  const signatures = await Promise.all(
    signers.map(async (key, at) => ({ keyid: keyId(names[at] ?? key), sig: toHex(await key.sign(tbs)) })),
  );
  return utf8(JSON.stringify({ signatures, signed: plain }, null, 1));
}

async function fileEntry(bytes: Uint8Array) {
  return { length: bytes.length, hashes: { sha256: toHex(await sha256(bytes)) } };
}

function isExpired(role: TufRoleName, defect: TufDefect | undefined): boolean {
  return defect?.kind === 'expired' && defect.role === role;
}

function validUntil(now: Date, days: number): string {
  return new Date(now.getTime() + days * DAY_MS).toISOString().replace(/\.\d+Z$/, 'Z');
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}
