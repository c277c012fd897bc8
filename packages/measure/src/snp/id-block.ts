/** ID block and its authentication: what the secure processor itself enforces at launch (SEV-SNP ABI 56860, SNP_LAUNCH_FINISH). */
import { BytesError, ByteReader, concatBytes, isZero, reversed, sha384 } from '@vitrine/bytes';
import { MeasureError } from '../error.ts';

/** ABI table "Structure of the ID Block": 96 bytes. */
export interface IdBlock {
  /** LD, 48 bytes: the launch digest that the VM must have. */
  readonly launchDigest: Uint8Array;
  /** FAMILY_ID and IMAGE_ID, 16 bytes each: whatever the owner says. */
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** GUEST_SVN, 32 bits. */
  readonly guestSvn: number;
  /** POLICY, 64 bits: the one that the VM must be launched with. */
  readonly policy: bigint;
}

/** A key of WebCrypto; its type differs between Node and browsers, its methods do not. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
export interface SigningKeys {
  readonly privateKey: Key;
  /** Extractable, as public keys always are. */
  readonly publicKey: Key;
}

/** Private keys sign; a key pair's public part is needed too, since it is embedded. All are ECDSA P-384. */
export interface IdBlockKeys {
  readonly idKey: SigningKeys;
  /** Signs the ID key; without, the ID key stands alone. */
  readonly authorKey?: SigningKeys | undefined;
}

export interface SignedIdBlock {
  /** ID_BLOCK, 96 bytes. */
  readonly idBlock: Uint8Array;
  /** ID_AUTH_INFO, 4096 bytes. */
  readonly idAuth: Uint8Array;
}

declare const authentic: unique symbol;
/** Made by `verifyIdBlock` only. Digests are those of the report: SHA-384 of the public key's 0x404 bytes. */
export interface AuthenticIdBlock extends IdBlock {
  readonly [authentic]: true;
  readonly idKeyDigest: Uint8Array;
  /** Undefined without an author key: then the report has zeros. */
  readonly authorKeyDigest: Uint8Array | undefined;
}

const BLOCK_BYTES = 96;
const AUTH_BYTES = 4096;
/** VERSION of the block. */
const BLOCK_VERSION = 1;
/** ID_KEY_ALGO and AUTH_KEY_ALGO: ECDSA P-384 with SHA-384; 0 where there is no author key. */
const ECDSA_P384_SHA384 = 1;
const CURVE_P384 = 2;
const SIGNATURE_BYTES = 512;
const PUBLIC_KEY_BYTES = 0x404;
/** Of R, S, QX and QY; a number of P-384 has 48. */
const FIELD_BYTES = 72;
const NUMBER_BYTES = 48;
const ecdsa = { name: 'ECDSA', hash: 'SHA-384' } as const;
const p384 = { name: 'ECDSA', namedCurve: 'P-384' } as const;

/** @throws MeasureError INPUT_INVALID: a field of a wrong size, or a key that is not P-384 */
export async function createIdBlock(
  block: IdBlock,
  { idKey, authorKey }: IdBlockKeys,
): Promise<SignedIdBlock> {
  const idBlock = writeBlock(block);
  const idPublicKey = await writePublicKey(idKey.publicKey);
  const idAuth = new Uint8Array(AUTH_BYTES);
  const view = new DataView(idAuth.buffer);
  view.setUint32(0x000, ECDSA_P384_SHA384, true);
  idAuth.set(await sign(idKey.privateKey, idBlock), 0x040);
  idAuth.set(idPublicKey, 0x240);
  if (authorKey) {
    view.setUint32(0x004, ECDSA_P384_SHA384, true);
    idAuth.set(await sign(authorKey.privateKey, idPublicKey), 0x680);
    idAuth.set(await writePublicKey(authorKey.publicKey), 0x880);
  }
  return { idBlock, idAuth };
}

/**
 * Both structures are well formed, the ID key signed the block and, where there is one, the author key the ID key.
 * Who owns the keys is for the caller to say: compare the digests.
 * @throws MeasureError ID_BLOCK_MALFORMED, ID_BLOCK_SIGNATURE_INVALID
 */
export async function verifyIdBlock({ idBlock, idAuth }: SignedIdBlock): Promise<AuthenticIdBlock> {
  const block = parseIdBlock(idBlock);
  const auth = parseIdAuth(idAuth);
  await requireSignature(auth.id, idBlock, 'ID block');
  if (auth.author) await requireSignature(auth.author, auth.id.key, 'ID key');
  const proven = {
    ...block,
    idKeyDigest: await sha384(auth.id.key),
    authorKeyDigest: auth.author && (await sha384(auth.author.key)),
  };
  return proven as AuthenticIdBlock;
}

/** As ID_KEY_DIGEST and AUTHOR_KEY_DIGEST of the report have it. @throws MeasureError INPUT_INVALID */
export async function digestOfIdKey(publicKey: Key): Promise<Uint8Array> {
  return sha384(await writePublicKey(publicKey));
}

function writeBlock({ launchDigest, familyId, imageId, guestSvn, policy }: IdBlock): Uint8Array {
  requireLength('launch digest', launchDigest, 48);
  requireLength('family id', familyId, 16);
  requireLength('image id', imageId, 16);
  if (!(Number.isInteger(guestSvn) && guestSvn >= 0 && guestSvn < 2 ** 32))
    throw invalid(`The guest's SVN must have 32 bits, found ${guestSvn}.`);
  if (policy < 0n || policy >= 1n << 64n) throw invalid('The policy must have 64 bits.');
  const bytes = concatBytes(launchDigest, familyId, imageId, new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0x50, BLOCK_VERSION, true);
  view.setUint32(0x54, guestSvn, true);
  view.setBigUint64(0x58, policy, true);
  return bytes;
}

/** Not authentic yet. @throws MeasureError ID_BLOCK_MALFORMED */
export function parseIdBlock(bytes: Uint8Array): IdBlock {
  return read(bytes, BLOCK_BYTES, 'ID block', (reader) => {
    const launchDigest = reader.take(48, 'LD');
    const familyId = reader.take(16, 'FAMILY_ID');
    const imageId = reader.take(16, 'IMAGE_ID');
    const version = reader.u32('VERSION');
    if (version !== BLOCK_VERSION)
      throw malformed(`The ID block: expected version ${BLOCK_VERSION}, found ${version}.`);
    return {
      launchDigest,
      familyId,
      imageId,
      guestSvn: reader.u32('GUEST_SVN'),
      policy: reader.u64('POLICY'),
    };
  });
}

interface SignedPart {
  /** Point (0x04, x, y) of the key, and its 0x404 bytes. */
  readonly point: Uint8Array;
  readonly key: Uint8Array;
  /** r and s, each of 48 bytes. */
  readonly signature: Uint8Array;
}

interface IdAuth {
  readonly id: SignedPart;
  readonly author: SignedPart | undefined;
}

/** ABI table "Structure of the ID Authentication Information Page"; reserved fields, and unused ones, must be zero. */
function parseIdAuth(bytes: Uint8Array): IdAuth {
  return read(bytes, AUTH_BYTES, 'ID authentication information', (reader) => {
    const zeros = (lengthBytes: number): void =>
      requireZero(reader.take(lengthBytes, 'reserved'), 'reserved');
    const idKeyAlgo = reader.u32('ID_KEY_ALGO');
    const authKeyAlgo = reader.u32('AUTH_KEY_ALGO');
    zeros(0x38);
    const idBlockSignature = reader.take(SIGNATURE_BYTES, 'ID_BLOCK_SIG');
    const idKey = reader.take(PUBLIC_KEY_BYTES, 'ID_KEY');
    zeros(0x3c);
    const idKeySignature = reader.take(SIGNATURE_BYTES, 'ID_KEY_SIG');
    const authorKey = reader.take(PUBLIC_KEY_BYTES, 'AUTHOR_KEY');
    zeros(0x37c);
    if (idKeyAlgo !== ECDSA_P384_SHA384) throw malformed(`ID_KEY_ALGO: expected 1, found ${idKeyAlgo}.`);
    const id = readSignedPart(idKey, idBlockSignature);
    if (authKeyAlgo === ECDSA_P384_SHA384) return { id, author: readSignedPart(authorKey, idKeySignature) };
    if (authKeyAlgo !== 0) throw malformed(`AUTH_KEY_ALGO: expected 0 or 1, found ${authKeyAlgo}.`);
    requireZero(idKeySignature, 'ID_KEY_SIG');
    requireZero(authorKey, 'AUTHOR_KEY');
    return { id, author: undefined };
  });
}

function read<T>(bytes: Uint8Array, lengthBytes: number, what: string, fields: (reader: ByteReader) => T): T {
  if (bytes.length !== lengthBytes)
    throw malformed(`The ${what}: expected ${lengthBytes} bytes, found ${bytes.length}.`);
  try {
    const reader = new ByteReader(bytes, what);
    const parsed = fields(reader);
    reader.end();
    return parsed;
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause.message, cause);
    throw cause;
  }
}

/** CURVE, QX, QY, reserved: numbers are little-endian. */
async function writePublicKey(key: Key): Promise<Uint8Array> {
  if (
    key.algorithm.name !== 'ECDSA' ||
    !('namedCurve' in key.algorithm && key.algorithm.namedCurve === 'P-384')
  )
    throw invalid('Keys of an ID block are ECDSA keys on P-384.');
  // 0x04, x, y (SEC 1, 2.3.3).
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', key));
  const bytes = new Uint8Array(PUBLIC_KEY_BYTES);
  new DataView(bytes.buffer).setUint32(0, CURVE_P384, true);
  bytes.set(reversed(point.subarray(1, 1 + NUMBER_BYTES)), 4);
  bytes.set(reversed(point.subarray(1 + NUMBER_BYTES)), 4 + FIELD_BYTES);
  return bytes;
}

/** All that is not a number must be zero: nobody may hide bytes there. */
function readSignedPart(key: Uint8Array, signature: Uint8Array): SignedPart {
  const curve = new DataView(key.buffer, key.byteOffset, 4).getUint32(0, true);
  if (curve !== CURVE_P384) throw malformed(`CURVE: expected ${CURVE_P384}, found ${curve}.`);
  requireZero(key.subarray(4 + 2 * FIELD_BYTES), 'the rest of a public key');
  requireZero(signature.subarray(2 * FIELD_BYTES), 'the rest of a signature');
  return {
    point: concatBytes(Uint8Array.of(4), readNumber(key, 4, 'QX'), readNumber(key, 4 + FIELD_BYTES, 'QY')),
    key,
    signature: concatBytes(readNumber(signature, 0, 'R'), readNumber(signature, FIELD_BYTES, 'S')),
  };
}

async function sign(key: Key, message: Uint8Array): Promise<Uint8Array> {
  const signature = new Uint8Array(await crypto.subtle.sign(ecdsa, key, new Uint8Array(message)));
  const bytes = new Uint8Array(SIGNATURE_BYTES);
  bytes.set(reversed(signature.subarray(0, NUMBER_BYTES)), 0);
  bytes.set(reversed(signature.subarray(NUMBER_BYTES)), FIELD_BYTES);
  return bytes;
}

async function requireSignature(
  { point, signature }: SignedPart,
  message: Uint8Array,
  what: string,
): Promise<void> {
  const key = await importPoint(point);
  // A copy: WebCrypto takes no view of shared memory.
  if (await crypto.subtle.verify(ecdsa, key, new Uint8Array(signature), new Uint8Array(message))) return;
  throw new MeasureError('ID_BLOCK_SIGNATURE_INVALID', `The ${what} is not signed by the key that is given.`);
}

async function importPoint(point: Uint8Array): Promise<Key> {
  try {
    return await crypto.subtle.importKey('raw', new Uint8Array(point), p384, true, ['verify']);
  } catch (cause) {
    throw malformed('A public key is no point of P-384.', cause);
  }
}

/** 48 bytes, most significant first, of a little-endian field of 72. */
function readNumber(bytes: Uint8Array, at: number, name: string): Uint8Array {
  requireZero(bytes.subarray(at + NUMBER_BYTES, at + FIELD_BYTES), `${name} above 384 bits`);
  return reversed(bytes.subarray(at, at + NUMBER_BYTES));
}

function requireLength(what: string, bytes: Uint8Array, lengthBytes: number): void {
  if (bytes.length !== lengthBytes)
    throw invalid(`The ${what}: expected ${lengthBytes} bytes, found ${bytes.length}.`);
}

function requireZero(bytes: Uint8Array, what: string): void {
  if (!isZero(bytes)) throw malformed(`ID authentication information: ${what} is not zero.`);
}

function invalid(message: string): MeasureError {
  return new MeasureError('INPUT_INVALID', message);
}

function malformed(message: string, cause?: unknown): MeasureError {
  return new MeasureError('ID_BLOCK_MALFORMED', message, { cause });
}
