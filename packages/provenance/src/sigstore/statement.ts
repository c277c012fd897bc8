/** In-toto statements (in-toto attestation framework, statement v1 and v0.1): which artifacts, and what is said of them. */
import { type JsonNode, parseJson, toHex } from '@vitrine/bytes';
import { refuseAs } from '../error.ts';
import { sigstoreError } from './error.ts';

/** Parsed; as trustworthy as the envelope that it came in. */
export interface Statement {
  /** `_type`: "https://in-toto.io/Statement/v1". */
  readonly type: string;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  /** Undefined where the statement has none. */
  readonly predicate: JsonNode | undefined;
}

export interface Subject {
  /** Empty where the statement gives none. */
  readonly name: string;
  /** Digests by algorithm ("sha256"): what the statement has, hexadecimal in lower case where it is hexadecimal. */
  readonly digest: ReadonlyMap<string, string>;
}

export const inTotoPayloadType = 'application/vnd.in-toto+json';

const MAX_STATEMENT_BYTES = 24 * 1024 * 1024;
const MAX_SUBJECTS = 4096;
const MAX_DIGESTS = 32;
const algorithmBySize: Readonly<Record<number, string>> = { 32: 'sha256', 48: 'sha384', 64: 'sha512' };

/**
 * A statement has four members and no others, so that nobody reads one that this parser passed over.
 * @throws ProvenanceError STATEMENT_MALFORMED
 */
export function parseStatement(payload: Uint8Array | string): Statement {
  return refuseAs('STATEMENT_MALFORMED', () => {
    const document = parseJson(payload, 'statement', { maxBytes: MAX_STATEMENT_BYTES, maxDepth: 64 });
    document.onlyNames('_type', 'subject', 'predicateType', 'predicate');
    return {
      type: document.get('_type').string(),
      subject: document.get('subject').items(MAX_SUBJECTS).map(parseSubject),
      predicateType: document.get('predicateType').string(),
      predicate: document.optional('predicate'),
    };
  });
}

/** A ResourceDescriptor; besides name and digest it may say where it lies, which nothing here depends on. */
function parseSubject(node: JsonNode): Subject {
  const digest = node.get('digest');
  const names = digest.names();
  if (names.length > MAX_DIGESTS)
    throw sigstoreError(
      'STATEMENT_MALFORMED',
      `${digest.path}: expected at most ${MAX_DIGESTS} digests, found ${names.length}.`,
    );
  return {
    name: node.optional('name')?.string() ?? '',
    digest: new Map(names.map((name) => [name, digest.get(name).string().toLowerCase()])),
  };
}

export interface SubjectExpectation {
  /** 32, 48 or 64 bytes: SHA-256, SHA-384 or SHA-512 of the artifact. */
  readonly digest: Uint8Array;
  /** "first": only `subject[0]` counts. Default "any". */
  readonly which?: 'any' | 'first';
}

/**
 * The subject with the digest.
 * @throws ProvenanceError SUBJECT_MISSING where no subject has a digest of that algorithm, SUBJECT_DIGEST_MISMATCH
 */
export function requireSubject(statement: Statement, { digest, which = 'any' }: SubjectExpectation): Subject {
  const algorithm = algorithmBySize[digest.length];
  if (algorithm === undefined)
    throw new RangeError(`A digest of ${digest.length} bytes is none of SHA-256, SHA-384 and SHA-512.`);
  const subjects = which === 'first' ? statement.subject.slice(0, 1) : statement.subject;
  const candidates = subjects.filter((subject) => subject.digest.has(algorithm));
  if (candidates.length === 0)
    throw sigstoreError('SUBJECT_MISSING', `The statement has no subject with a digest ${algorithm}.`);
  const expected = toHex(digest);
  const found = candidates.find((subject) => subject.digest.get(algorithm) === expected);
  if (found) return found;
  throw sigstoreError(
    'SUBJECT_DIGEST_MISMATCH',
    `The statement is about ${describe(candidates, algorithm)}, expected ${algorithm}:${expected}.`,
  );
}

function describe(subjects: readonly Subject[], algorithm: string): string {
  const [first] = subjects;
  const others = subjects.length > 1 ? ` and ${subjects.length - 1} others` : '';
  return `${algorithm}:${first!.digest.get(algorithm)!.slice(0, 128)}${others}`;
}

/** The algorithm's name by the size of its digest. */
export function digestName(digest: Uint8Array): string {
  return algorithmBySize[digest.length] ?? 'unknown';
}
