/** A Certificate Transparency log in software: takes certificates, promises, serves its tree as RFC 6962 or as tiles. */
import { concatBytes, sha256, toBase64, utf8 } from '@vitrine/bytes';
import {
  type LogKind,
  type LogStateName,
  type Sct,
  merkleTreeLeaf,
  noteKeyHint,
  signedDataOf,
  tilePath,
  treeHeadSignedData,
} from '@vitrine/provenance/ct';
import { type SigningKey, generateKey } from '../authority.ts';
import { MerkleTree } from './tree.ts';

export interface CtLogRequest {
  readonly description: string;
  readonly operator: string;
  /** Default rfc6962. */
  readonly kind?: LogKind;
  /** With a slash at the end; default "https://<description>.ct.test/". */
  readonly url?: string;
  /** Default usable since 2024-01-01; null: none. */
  readonly state?: { readonly name: LogStateName; readonly since: Date } | null;
  readonly temporalInterval?: { readonly start: Date; readonly end: Date };
  /** Default one day. */
  readonly mmdSeconds?: number;
  /** Default a new P-256 key; RSA as well. */
  readonly key?: SigningKey;
}

/** What a log does wrong. */
export interface SctDefects {
  /** A bit of the signature is flipped. */
  readonly forged?: boolean;
  /** Promised, and never put into the tree. */
  readonly withheld?: boolean;
}

const TILE_WIDTH = 256;

export class SimulatedCtLog {
  readonly kind: LogKind;
  readonly description: string;
  readonly operator: string;
  readonly url: string;
  readonly logId: Uint8Array;
  readonly key: SigningKey;
  readonly tree = new MerkleTree();
  readonly #request: CtLogRequest;

  constructor(request: CtLogRequest, key: SigningKey, logId: Uint8Array) {
    this.kind = request.kind ?? 'rfc6962';
    this.description = request.description;
    this.operator = request.operator;
    this.url =
      request.url ?? `https://${request.description.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.ct.test/`;
    this.logId = logId;
    this.key = key;
    this.#request = request;
  }

  /**
   * Takes an entry and promises to have it in the tree, where it is at once.
   * @param entry of `precertEntry` or `x509Entry`
   * @returns a SignedCertificateTimestamp as TLS encodes it
   */
  async submit(entry: Uint8Array, at: Date, defects: SctDefects = {}): Promise<Uint8Array> {
    const extensions = this.kind === 'static-ct' ? leafIndexExtension(this.tree.size) : new Uint8Array(0);
    const unsigned: Sct = {
      version: 0,
      logId: this.logId,
      timestampMs: at.getTime(),
      extensions,
      hash: 4,
      signatureAlgorithm: this.key.kind === 'P-256' ? 3 : 1,
      signature: new Uint8Array(0),
    };
    const signature = await this.key.sign(signedDataOf(unsigned, entry));
    if (!defects.withheld) await this.tree.append(merkleTreeLeaf(unsigned, entry));
    // The last byte is of s, whatever the encoding.
    if (defects.forged) signature[signature.length - 1]! ^= 1;
    return encodeSct({ ...unsigned, signature });
  }

  /** Answers as the log's server would at that time; undefined is "not found". */
  async answer(url: string, now: Date): Promise<Uint8Array | undefined> {
    if (!url.startsWith(this.url)) return undefined;
    const path = url.slice(this.url.length);
    if (this.kind === 'static-ct') return path === 'checkpoint' ? this.checkpoint(now) : this.#tile(path);
    if (path === 'ct/v1/get-sth') return this.signedTreeHead(now);
    const proof = /^ct\/v1\/get-proof-by-hash\?hash=([^&]+)&tree_size=(\d+)$/.exec(path);
    return proof ? this.#proofByHash(decodeURIComponent(proof[1]!), Number(proof[2])) : undefined;
  }

  /** JSON of get-sth (RFC 6962 section 4.3). */
  async signedTreeHead(at: Date, size = this.tree.size): Promise<Uint8Array> {
    const { rootHash, signature } = await this.#signTreeHead(at, size);
    return json({
      tree_size: size,
      timestamp: at.getTime(),
      sha256_root_hash: toBase64(rootHash),
      tree_head_signature: toBase64(signature),
    });
  }

  /** A signed note (c2sp.org/static-ct-api, "Checkpoints"). */
  async checkpoint(at: Date, size = this.tree.size): Promise<Uint8Array> {
    const origin = this.url.replace(/^https?:\/\//, '').replace(/\/$/, '');
    const { rootHash, signature } = await this.#signTreeHead(at, size);
    const body = concatBytes(await noteKeyHint(origin, this.logId), number(at.getTime(), 8), signature);
    return utf8(`${origin}\n${size}\n${toBase64(rootHash)}\n\n— ${origin} ${toBase64(body)}\n`);
  }

  /** Its place in a log list of version 3. */
  listEntry(): object {
    const { temporalInterval, mmdSeconds = 86_400 } = this.#request;
    const { state = { name: 'usable', since: new Date('2024-01-01T00:00:00Z') } } = this.#request;
    return {
      description: this.description,
      log_id: toBase64(this.logId),
      key: toBase64(this.key.subjectPublicKeyInfo),
      ...(this.kind === 'static-ct'
        ? { submission_url: this.url, monitoring_url: this.url }
        : { url: this.url }),
      mmd: mmdSeconds,
      ...(state ? { state: { [state.name]: { timestamp: time(state.since) } } } : {}),
      ...(temporalInterval
        ? {
            temporal_interval: {
              start_inclusive: time(temporalInterval.start),
              end_exclusive: time(temporalInterval.end),
            },
          }
        : {}),
    };
  }

  async #signTreeHead(at: Date, size: number) {
    const rootHash = await this.tree.root(size);
    const head = { timestampMs: at.getTime(), treeSize: BigInt(size), rootHash };
    return { rootHash, signature: await digitallySigned(this.key, treeHeadSignedData(head)) };
  }

  async #proofByHash(hash: string, size: number): Promise<Uint8Array | undefined> {
    const index = this.tree.indexOf(Uint8Array.from(atob(hash), (character) => character.charCodeAt(0)));
    if (index === undefined || size > this.tree.size || index >= size) return undefined;
    const proof = await this.tree.inclusionProof(index, size);
    return json({ leaf_index: index, audit_path: proof.map(toBase64) });
  }

  async #tile(path: string): Promise<Uint8Array | undefined> {
    const [, level = '', name = '', partial] =
      /^tile\/([0-5])\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path) ?? [];
    const index = Number(name.replaceAll(/[x/]/g, ''));
    const width = partial === undefined ? TILE_WIDTH : Number(partial);
    if (name === '' || tilePath({ level: Number(level), index: BigInt(index), width }) !== path)
      return undefined;
    const leaves = TILE_WIDTH ** Number(level);
    const first = index * TILE_WIDTH;
    if ((first + width) * leaves > this.tree.size) return undefined;
    const hashes = Array.from({ length: width }, (_, at) =>
      this.tree.hashOf((first + at) * leaves, (first + at + 1) * leaves),
    );
    return concatBytes(...(await Promise.all(hashes)));
  }
}

export async function createCtLog(request: CtLogRequest): Promise<SimulatedCtLog> {
  const key = request.key ?? (await generateKey('P-256'));
  return new SimulatedCtLog(request, key, await sha256(key.subjectPublicKeyInfo));
}

/** A log list of version 3, JSON bytes. */
export function ctLogListJson(
  logs: readonly SimulatedCtLog[],
  { version = '1.0', timestamp }: { readonly version?: string; readonly timestamp: Date },
): Uint8Array {
  const entries = (operator: string, kind: LogKind) =>
    logs.filter((log) => log.operator === operator && log.kind === kind).map((log) => log.listEntry());
  return json({
    version,
    log_list_timestamp: time(timestamp),
    operators: [...new Set(logs.map(({ operator }) => operator))].map((name) => ({
      name,
      email: [`ct@${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.test`],
      logs: entries(name, 'rfc6962'),
      tiled_logs: entries(name, 'static-ct'),
    })),
  });
}

/** SignedCertificateTimestamp (RFC 6962 section 3.2). */
export function encodeSct({
  logId,
  timestampMs,
  extensions,
  hash,
  signatureAlgorithm,
  signature,
}: Sct): Uint8Array {
  return concatBytes(
    Uint8Array.of(0),
    logId,
    number(timestampMs, 8),
    withLength(extensions),
    Uint8Array.of(hash, signatureAlgorithm),
    withLength(signature),
  );
}

/** SignedCertificateTimestampList (RFC 6962 section 3.3). */
export function encodeSctList(scts: readonly Uint8Array[]): Uint8Array {
  return withLength(concatBytes(...scts.map(withLength)));
}

async function digitallySigned(key: SigningKey, data: Uint8Array): Promise<Uint8Array> {
  return concatBytes(Uint8Array.of(4, key.kind === 'P-256' ? 3 : 1), withLength(await key.sign(data)));
}

/** CtExtensions with leaf_index, 40 bits. */
function leafIndexExtension(index: number): Uint8Array {
  return concatBytes(Uint8Array.of(0), withLength(number(index, 5)));
}

function withLength(bytes: Uint8Array): Uint8Array {
  return concatBytes(number(bytes.length, 2), bytes);
}

function number(value: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = sizeBytes - 1, left = value; at >= 0; at--, left = Math.floor(left / 256))
    bytes[at] = left % 256;
  return bytes;
}

function json(value: object): Uint8Array {
  return utf8(JSON.stringify(value));
}

function time(at: Date): string {
  return at.toISOString();
}
