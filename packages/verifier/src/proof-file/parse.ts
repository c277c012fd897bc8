/** Reads a proof file (docs/proof-file.md) from anyone: nothing of it is believed for having been saved. */
import { type JsonNode, fromHex, parseJson, sha256, toHex } from '@vitrine/bytes';
import { dialects } from '../dialect.ts';
import { VerifierError, readAs } from '../error.ts';
import { type Proof, type ProofConnection, type ReleaseMemory, proofFormat } from '../proof.ts';
import {
  type Answer,
  type RecordedAnswer,
  type ResourceKind,
  type ResourceRequest,
  resourceKey,
} from '../source.ts';
import { isFetchErrorCode } from '../sources/fetcher.ts';
import { resourceRules } from '../sources/kinds.ts';
import { type PartReader, readBeside, withParts } from './parts.ts';

/** 64 MiB. */
export const maximumProofBytes = 64 * 1024 * 1024;

const MAX_ANSWERS = 1024;
const MAX_CERTIFICATES = 16;
const MAX_RELEASES = 256;
const MAX_HEADERS = 16;
const MAX_URL_CHARACTERS = 4096;
const MAX_MESSAGE_CHARACTERS = 4096;
const MAX_HEADER_CHARACTERS = 65536;

/**
 * @param readPart boot parts that stand beside the file; without it they are missing, as in a browser
 * @throws VerifierError PROOF_MALFORMED
 */
export async function parseProof(bytes: Uint8Array, readPart?: PartReader): Promise<Proof> {
  const document = readAs('PROOF_MALFORMED', 'proof', () =>
    parseJson(bytes, 'proof', { maxBytes: maximumProofBytes, maxDepth: 8 }),
  );
  requireFormat(document);
  const blobs = await readAs('PROOF_MALFORMED', 'proof', () => readBlobs(document.get('blobs')));
  const proof = readAs('PROOF_MALFORMED', 'proof', () => readProof(document, blobs));
  blobs.requireAllUsed();
  return withParts(proof, document.get('answers'), readPart);
}

/** First of all, so that a later format is named as such. */
function requireFormat(document: JsonNode): void {
  const format = readAs('PROOF_MALFORMED', 'proof', () => document.get('format').string());
  if (format !== proofFormat)
    throw malformed(`expected the format ${proofFormat}, found ${JSON.stringify(format.slice(0, 60))}`);
}

function readProof(document: JsonNode, blobs: Blobs): Proof {
  document.onlyNames(
    'format',
    'endpoint',
    'repository',
    'requestedDialect',
    'dialect',
    'gatheredAt',
    'nonce',
    'policy',
    'connection',
    'answers',
    'memory',
    'blobs',
  );
  const dialect = (node: JsonNode) => node.word(...dialects);
  return {
    endpoint: text(document.get('endpoint'), MAX_URL_CHARACTERS),
    repository: orNull(document.get('repository'), (node) => text(node, 255)),
    requestedDialect: orNull(document.get('requestedDialect'), dialect),
    dialect: orNull(document.get('dialect'), dialect),
    gatheredAt: time(document.get('gatheredAt')),
    nonce: lowerHex(document.get('nonce'), 32),
    policy: blobs.take(document.get('policy')),
    connection: orNull(document.get('connection'), (node) => readConnection(node, blobs)),
    answers: readAnswers(document.get('answers'), blobs),
    memory: orNull(document.get('memory'), readMemory),
  };
}

function readConnection(node: JsonNode, blobs: Blobs): ProofConnection {
  node.onlyNames('host', 'port', 'certificates');
  const certificates = node.get('certificates').items(MAX_CERTIFICATES);
  if (certificates.length === 0) throw malformed(`${node.path}.certificates is empty`);
  return {
    host: text(node.get('host'), 255),
    port: node.get('port').integer(1, 65535),
    certificates: certificates.map((certificate) => blobs.take(certificate)),
  };
}

function readAnswers(node: JsonNode, blobs: Blobs): RecordedAnswer[] {
  const seen = new Set<string>();
  return node.items(MAX_ANSWERS).map((item) => {
    const request = readRequest(item, blobs);
    const key = resourceKey(request);
    if (seen.has(key)) throw malformed(`${item.path}: the resource occurs twice`);
    seen.add(key);
    return { request, answer: readAnswer(item, blobs) };
  });
}

function readRequest(item: JsonNode, blobs: Blobs): ResourceRequest {
  const body = item.optional('body');
  return {
    kind: item.get('kind').word(...(Object.keys(resourceRules) as ResourceKind[])),
    url: text(item.get('url'), MAX_URL_CHARACTERS),
    ...(body ? { body: blobs.take(body) } : {}),
  };
}

function readAnswer(item: JsonNode, blobs: Blobs): Answer {
  if (item.optional('bytes')) {
    item.onlyNames('kind', 'url', 'body', 'bytes', 'headers');
    const headers = item.optional('headers');
    return {
      ok: true,
      bytes: blobs.take(item.get('bytes')),
      ...(headers ? { headers: readHeaders(headers) } : {}),
    };
  }
  if (item.optional('besideBytes')) return readBeside(item);
  item.onlyNames('kind', 'url', 'body', 'code', 'message', 'status');
  const code = item.get('code').string();
  if (!isFetchErrorCode(code)) throw malformed(`${item.path}.code is not known`);
  const status = item.optional('status');
  return {
    ok: false,
    code,
    message: text(item.get('message'), MAX_MESSAGE_CHARACTERS),
    ...(status ? { status: status.integer(100, 599) } : {}),
  };
}

function readHeaders(node: JsonNode): Readonly<Record<string, string>> {
  const names = node.names();
  if (names.length === 0 || names.length > MAX_HEADERS)
    throw malformed(`${node.path}: ${names.length} headers`);
  for (const name of names)
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name))
      throw malformed(`${node.path}: a header's name is not lower case`);
  return Object.fromEntries(names.map((name) => [name, text(node.get(name), MAX_HEADER_CHARACTERS, 0)]));
}

function readMemory(node: JsonNode): ReleaseMemory {
  node.onlyNames('service', 'entries');
  return {
    service: text(node.get('service'), 255),
    entries: node
      .get('entries')
      .items(MAX_RELEASES)
      .map((entry) => {
        entry.onlyNames('tag', 'digest', 'loggedAtUnix');
        return {
          tag: orNull(entry.get('tag'), (tag) => text(tag, 255)),
          digest: toHex(lowerHex(entry.get('digest'), 32)),
          loggedAtUnix: orNull(entry.get('loggedAtUnix'), (at) => at.integer(0)),
        };
      }),
  };
}

/** The bodies, and which of them something refers to. */
class Blobs {
  readonly #byDigest: ReadonlyMap<string, Uint8Array>;
  readonly #used = new Set<string>();

  constructor(byDigest: ReadonlyMap<string, Uint8Array>) {
    this.#byDigest = byDigest;
  }

  take(reference: JsonNode): Uint8Array {
    const digest = reference.string();
    const bytes = this.#byDigest.get(digest);
    if (!bytes) throw malformed(`${reference.path}: there is no blob ${digest.slice(0, 64)}`);
    this.#used.add(digest);
    return bytes;
  }

  requireAllUsed(): void {
    for (const digest of this.#byDigest.keys())
      if (!this.#used.has(digest)) throw malformed(`nothing refers to the blob ${digest}`);
  }
}

async function readBlobs(node: JsonNode): Promise<Blobs> {
  const byDigest = new Map(
    node.names().map((name) => [name, readAs('PROOF_MALFORMED', 'proof', () => node.get(name).base64())]),
  );
  for (const [name, bytes] of byDigest)
    if (toHex(await sha256(bytes)) !== name)
      throw malformed(`the blob ${JSON.stringify(name.slice(0, 64))} is not what its SHA-256 says`);
  return new Blobs(byDigest);
}

function orNull<T>(node: JsonNode, read: (node: JsonNode) => T): T | null {
  return node.isNull() ? null : read(node);
}

function text(node: JsonNode, maximumCharacters: number, minimumCharacters = 1): string {
  const value = node.string();
  if (value.length < minimumCharacters || value.length > maximumCharacters)
    throw malformed(`${node.path} has ${value.length} characters`);
  // It will be shown on somebody's terminal.
  if (/\p{Cc}/u.test(value)) throw malformed(`${node.path} holds a control character`);
  return value;
}

/** One spelling only. */
function lowerHex(node: JsonNode, lengthBytes: number): Uint8Array {
  const digits = node.string();
  if (/[A-F]/.test(digits)) throw malformed(`${node.path} has upper-case digits`);
  return fromHex(digits, node.path, lengthBytes);
}

function time(node: JsonNode): Date {
  const at = node.time();
  if (at.toISOString() !== node.string())
    throw malformed(`${node.path}: expected a time like 2026-11-25T18:00:00.000Z`);
  return at;
}

function malformed(why: string): VerifierError {
  return new VerifierError('PROOF_MALFORMED', `proof: ${why}.`);
}
