/** A Rekor in software, version 1 or 2: entries in a Merkle tree, promises and checkpoints over it. */
import { concatBytes, sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { type SigningKey, generateKey } from '../authority.ts';
import type { SigstoreDefect } from './defect.ts';

export interface Rekor {
  readonly version: 1 | 2;
  /** Takes an entry in. @returns a `tlogEntries` item of a bundle */
  add(entry: RekorEntry, at: Date, defect?: SigstoreDefect): Promise<Record<string, unknown>>;
  /** Member of the trusted root. */
  readonly log: object;
}

export interface RekorEntry {
  readonly kind: string;
  readonly version: string;
  readonly spec: object;
}

const NAME = 'rekor.simulated';
const TREE_ID = '1193050959916656506';
/** Entries of trees before this one, as old logs have. */
const FIRST_INDEX = 4000;

/** @param from the log's key is trusted since then */
export async function createRekor(version: 1 | 2, from: Date): Promise<Rekor> {
  const [key, foreignKey] = await Promise.all([generateKey('P-256'), generateKey('P-256')]);
  const logId = await sha256(key.subjectPublicKeyInfo);
  // Others' entries, so that proofs have hashes in them.
  const leaves = await Promise.all([0, 1, 2, 3, 4].map((n) => hashLeaf(utf8(`another entry ${n}`))));
  const context: Context = { version, key, foreignKey, logId, leaves };
  return {
    version,
    add: (entry, at, defect) => addEntry(context, entry, at, defect),
    log: {
      baseUrl: `https://${NAME}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: toBase64(key.subjectPublicKeyInfo),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: from.toISOString() },
      },
      logId: { keyId: toBase64(logId) },
    },
  };
}

interface Context {
  readonly version: 1 | 2;
  readonly key: SigningKey;
  readonly foreignKey: SigningKey;
  readonly logId: Uint8Array;
  readonly leaves: Uint8Array[];
}

async function addEntry(
  context: Context,
  { kind, version, spec }: RekorEntry,
  at: Date,
  defect: SigstoreDefect | undefined,
): Promise<Record<string, unknown>> {
  const { leaves } = context;
  const body = utf8(JSON.stringify({ apiVersion: version, kind, spec }));
  const leaf = await hashLeaf(body);
  const later = await hashLeaf(leaf);
  const index = leaves.length;
  leaves.push(leaf, later);
  const logIndex = context.version === 1 ? FIRST_INDEX + index : index;
  const logId = defect === 'unknown-log' ? new Uint8Array(32).fill(0xa5) : context.logId;
  const seconds = Math.floor(at.getTime() / 1000);
  return {
    logIndex: String(logIndex),
    logId: { keyId: toBase64(logId) },
    kindVersion: { kind, version },
    ...(context.version === 1 ? { integratedTime: String(seconds) } : {}),
    ...(context.version === 1 && defect !== 'no-set'
      ? { inclusionPromise: await promise(context, body, seconds, logIndex, defect) }
      : {}),
    ...(defect === 'no-inclusion-proof'
      ? {}
      : { inclusionProof: await inclusionProof(context, index, defect) }),
    canonicalizedBody: toBase64(body),
  };
}

async function promise(
  { key, foreignKey, logId }: Context,
  body: Uint8Array,
  seconds: number,
  logIndex: number,
  defect: SigstoreDefect | undefined,
): Promise<object> {
  const integratedTime = defect === 'set-of-another-time' ? seconds - 1 : seconds;
  const entry = { body: toBase64(body), integratedTime, logID: toHex(logId), logIndex };
  const signer = defect === 'forged-set' ? foreignKey : key;
  return { signedEntryTimestamp: toBase64(await signer.sign(utf8(JSON.stringify(entry)))) };
}

async function inclusionProof(
  context: Context,
  index: number,
  defect: SigstoreDefect | undefined,
): Promise<object> {
  // As it is now: others may be signing.
  const leaves = [...context.leaves];
  const root = await treeHash(leaves);
  const path = await auditPath(defect === 'inclusion-of-another-entry' ? 1 : index, leaves);
  const hashes = defect === 'bad-inclusion' ? [await hashLeaf(utf8('nothing')), ...path.slice(1)] : path;
  const signedRoot = defect === 'checkpoint-of-another-tree' ? await treeHash(leaves.slice(0, -1)) : root;
  return {
    logIndex: String(index),
    rootHash: toBase64(root),
    treeSize: String(leaves.length),
    hashes: hashes.map(toBase64),
    checkpoint: { envelope: await checkpoint(context, signedRoot, leaves.length, defect) },
  };
}

/** C2SP tlog-checkpoint in a signed note. */
async function checkpoint(
  { version, key, foreignKey, logId }: Context,
  root: Uint8Array,
  size: number,
  defect: SigstoreDefect | undefined,
): Promise<string> {
  const origin = version === 1 ? `${NAME} - ${TREE_ID}` : NAME;
  const text = `${origin}\n${size}\n${toBase64(root)}\n`;
  const signature = await (defect === 'forged-checkpoint' ? foreignKey : key).sign(utf8(text));
  return `${text}\n\u2014 ${NAME} ${toBase64(concatBytes(logId.subarray(0, 4), signature))}\n`;
}

function hashLeaf(data: Uint8Array): Promise<Uint8Array> {
  return sha256(concatBytes(Uint8Array.of(0), data));
}

/** MTH of RFC 9162 section 2.1.1, over hashes of leaves. */
async function treeHash(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 1) return leaves[0]!;
  const split = splitOf(leaves.length);
  const [left, right] = [await treeHash(leaves.slice(0, split)), await treeHash(leaves.slice(split))];
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** PATH of RFC 9162 section 2.1.3.1, the leaf's sibling first. */
async function auditPath(index: number, leaves: readonly Uint8Array[]): Promise<Uint8Array[]> {
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...(await auditPath(index, left)), await treeHash(right)]
    : [...(await auditPath(index - split, right)), await treeHash(left)];
}

/** The largest power of two below the size. */
function splitOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}
