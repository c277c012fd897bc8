/** Writes a proof file: the same proof, the same bytes (docs/proof-file.md). */
import { sha256, toBase64, toHex, utf8 } from '@vitrine/bytes';
import { VerifierError } from '../error.ts';
import { type Proof, type ProofConnection, type ReleaseMemory, proofFormat } from '../proof.ts';
import type { RecordedAnswer } from '../source.ts';
import { maximumProofBytes, parseProof } from './parse.ts';

export interface WriteProofOptions {
  /** Boot parts that are kept elsewhere, by their SHA-256 (`partsBeside`); the file then names them only. */
  readonly parts?: ReadonlyMap<string, Uint8Array> | undefined;
}

/**
 * @returns UTF-8; every body stands once, under its SHA-256
 * @throws VerifierError PROOF_MALFORMED for what `parseProof` would refuse: over 64 MiB, a resource that occurs twice
 */
export async function writeProof(
  proof: Proof,
  { parts = new Map() }: WriteProofOptions = {},
): Promise<Uint8Array> {
  const blobs = new Blobs();
  const document = {
    format: proofFormat,
    endpoint: proof.endpoint,
    repository: proof.repository,
    requestedDialect: proof.requestedDialect,
    dialect: proof.dialect,
    gatheredAt: timeText(proof.gatheredAt),
    nonce: toHex(proof.nonce),
    policy: await blobs.add(proof.policy),
    connection: proof.connection && (await connectionJson(proof.connection, blobs)),
    answers: await inTurn(proof.answers, (answer) => answerJson(answer, blobs, parts)),
    memory: proof.memory && memoryJson(proof.memory),
    blobs: blobs.json(),
  };
  const bytes = utf8(`${JSON.stringify(document, null, 1)}\n`);
  // A proof that cannot be read again proves nothing.
  await parseProof(bytes, (digest) => Promise.resolve(parts.get(digest)));
  return bytes;
}

/** Bodies by their SHA-256. */
class Blobs {
  readonly #byDigest = new Map<string, Uint8Array>();

  async add(bytes: Uint8Array): Promise<string> {
    const digest = toHex(await sha256(bytes));
    this.#byDigest.set(digest, bytes);
    return digest;
  }

  json(): Record<string, string> {
    const sorted = [...this.#byDigest].sort(([a], [b]) => (a < b ? -1 : 1));
    const sizeBytes = sorted.reduce((sum, [, bytes]) => sum + bytes.length, 0);
    if (sizeBytes * (4 / 3) > maximumProofBytes)
      throw new VerifierError(
        'PROOF_MALFORMED',
        `The answers have ${sizeBytes} bytes: the proof would be larger than ${maximumProofBytes}.`,
      );
    return Object.fromEntries(sorted.map(([digest, bytes]) => [digest, toBase64(bytes)]));
  }
}

async function connectionJson({ host, port, certificates }: ProofConnection, blobs: Blobs): Promise<unknown> {
  return { host, port, certificates: await inTurn(certificates, (certificate) => blobs.add(certificate)) };
}

async function answerJson(
  { request, answer }: RecordedAnswer,
  blobs: Blobs,
  parts: ReadonlyMap<string, Uint8Array>,
): Promise<unknown> {
  const { kind, url, body } = request;
  const asked = { kind, url, ...(body ? { body: await blobs.add(body) } : {}) };
  if (!answer.ok) {
    const { code, message, status } = answer;
    return { ...asked, code, message, ...(status === undefined ? {} : { status }) };
  }
  const { bytes, headers } = answer;
  if (kind === 'boot-part' && parts.has(url.slice('sha256:'.length)))
    return { ...asked, besideBytes: bytes.length };
  return { ...asked, bytes: await blobs.add(bytes), ...(headers ? { headers: sortedByName(headers) } : {}) };
}

function memoryJson({ service, entries }: ReleaseMemory): unknown {
  return {
    service,
    entries: entries.map(({ tag, digest, loggedAtUnix }) => ({ tag, digest, loggedAtUnix })),
  };
}

function sortedByName(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function timeText(at: Date): string {
  if (Number.isNaN(at.getTime()))
    throw new VerifierError('PROOF_MALFORMED', 'The time at which the proof was gathered is no time.');
  return at.toISOString();
}

/** One after the other, so that the order of the file does not hang on which digest is ready first. */
async function inTurn<T, R>(items: readonly T[], step: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await step(item));
  return results;
}
